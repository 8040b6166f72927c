//! Classes in JSON: a list of names, a list of objects, or a map of names, values and colors.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::Value;

use super::{Row, hex};

/// The key under which a list is, where the file has more.
const LISTS: [&str; 5] = ["classes", "labels", "categories", "names", "items"];
const NAMES: [&str; 5] = ["name", "title", "label", "class", "readable"];
const VALUES: [&str; 6] = ["id", "index", "value", "code", "pixel_value", "class_id"];
const COLORS: [&str; 4] = ["color", "colour", "rgb", "color_rgb"];

/// The members of an object in their order, which gives classes their codes.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

/// The classes in a JSON text.
///
/// # Errors
/// What was found instead, to stand after `lists`.
pub(super) fn rows(text: &str) -> Result<Vec<Row>, String> {
    let broken = |error: serde_json::Error| format!("no classes: {error}");
    match text.trim_start().starts_with('[') {
        true => list(&serde_json::from_str::<Vec<Value>>(text).map_err(broken)?),
        false => {
            let Members(members) = serde_json::from_str(text).map_err(broken)?;
            let inner = LISTS.iter().find_map(|key| members.iter().find(|(name, _)| name == key));
            match inner {
                Some((_, Value::Array(classes))) => list(classes),
                _ => members.iter().map(|(name, value)| member(name, value)).collect(),
            }
        }
    }
}

fn list(classes: &[Value]) -> Result<Vec<Row>, String> {
    let one = |class: &Value| match class {
        Value::String(name) => Ok(Row { name: name.clone(), value: None, color: None }),
        Value::Object(of) => {
            let first = |keys: &[&str]| keys.iter().find_map(|key| of.get(*key));
            let name = first(&NAMES).and_then(Value::as_str);
            let name = name.ok_or_else(|| format!("{class}, which has no name"))?.to_owned();
            Ok(Row {
                name,
                value: first(&VALUES).and_then(value),
                color: first(&COLORS).and_then(color),
            })
        }
        other => Err(format!("{other}, which is no class")),
    };
    classes.iter().map(one).collect()
}

/// `"sea": [0, 0, 255]`, `"sea": 0` or `"0": "sea"`.
fn member(key: &str, of: &Value) -> Result<Row, String> {
    let row = |name: &str, value, color| Row { name: name.to_owned(), value, color };
    match (color(of), value(of), of.as_str(), key.parse().ok()) {
        (Some(color), ..) => Ok(row(key, None, Some(color))),
        (None, Some(value), ..) => Ok(row(key, Some(value), None)),
        (None, None, Some(name), Some(value)) => Ok(row(name, Some(value), None)),
        _ => Err(format!("`{key}` with {of}, which is no class")),
    }
}

fn value(of: &Value) -> Option<u16> {
    of.as_u64().and_then(|value| value.try_into().ok())
}

fn color(of: &Value) -> Option<[u8; 3]> {
    match of {
        Value::String(text) => hex(text),
        Value::Array(channels) => {
            let bytes: Option<Vec<u8>> = channels
                .iter()
                .map(|channel| channel.as_u64().and_then(|byte| byte.try_into().ok()))
                .collect();
            bytes?.try_into().ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_listed_in_any_usual_form() {
        let row = |name: &str, value, color| Row { name: name.into(), value, color };
        let colors =
            || vec![row("sea", None, Some([0, 0, 255])), row("land", None, Some([1, 2, 3]))];
        for (text, want) in [
            (r#"["sea", "land"]"#, vec![row("sea", None, None), row("land", None, None)]),
            (r##"{"sea": [0, 0, 255], "land": "#010203"}"##, colors()),
            (
                r#"{"0": "sea", "7": "land"}"#,
                vec![row("sea", Some(0), None), row("land", Some(7), None)],
            ),
            (
                r#"{"sea": 3, "land": 1}"#,
                vec![row("sea", Some(3), None), row("land", Some(1), None)],
            ),
            (
                r#"{"classes": [{"title": "sea", "color": [0, 0, 255]}, {"name": "land", "color": [1, 2, 3]}]}"#,
                colors(),
            ),
        ] {
            assert_eq!(rows(text).unwrap(), want, "{text}");
        }
        for (text, found) in [
            ("[1]", "1, which is no class"),
            (r#"{"sea": null}"#, "`sea` with null, which is no class"),
            (r#"[{"id": 1}]"#, r#"{"id":1}, which has no name"#),
        ] {
            assert_eq!(rows(text).unwrap_err(), found);
        }
        assert!(rows("[").unwrap_err().starts_with("no classes: EOF"));
    }
}
