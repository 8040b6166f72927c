//! Settings as data: what surfaces make flags, keys and forms of.

use serde_json::Value;

use super::{SettingsError, flag};

/// One setting of a task.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// The key in files: `batch_size`.
    pub key: String,
    /// One line for people.
    pub help: String,
    /// The kinds of values that it takes.
    pub kinds: Vec<Kind>,
    /// A flag of one letter, for settings that are used most: `o`.
    pub short: Option<char>,
    /// Another name of the flag, which is not shown: `from-lm`.
    pub alias: Option<String>,
    /// What stands for a value: `N`, `DIR`.
    pub value: String,
    /// The heading that it belongs under: `Training`.
    pub group: Option<String>,
    pub role: Role,
    /// The setting that it replaces: only one of them is given.
    pub instead_of: Option<String>,
    /// Whether it is about validating a finished model, too.
    pub validates: bool,
    /// The default, if it is not inferred from the data.
    pub default: Option<Value>,
    /// The default in words, where it is: `depends on the size of the data`.
    pub usual: Option<String>,
    /// The values there are, if they are few.
    pub choices: Vec<String>,
    /// Values that people may want to be offered; there are others.
    pub examples: Vec<String>,
    /// Whether it is, or may be, the path of a file or a folder.
    pub is_path: bool,
    min: Option<f64>,
    above: Option<f64>,
    max: Option<f64>,
}

/// A kind of value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Whole,
    Number,
    /// Yes or no.
    Flag,
    /// Several texts.
    List,
}

/// What a setting is about, and with that what becomes of it when a run is resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// What is learned, and how: a resumed run keeps it.
    Learning,
    /// Where data is, which may have moved.
    Source,
    /// How this machine does it, which changes no result: free.
    Host,
    /// The run itself.
    Run,
}

impl Field {
    /// The settings that a schema describes, in its order.
    pub(super) fn all(schema: &Value) -> Vec<Self> {
        let properties = schema.get("properties").and_then(Value::as_object);
        let one = |(key, schema): (&String, &Value)| Self::of(key, schema);
        properties.into_iter().flatten().map(one).collect()
    }

    fn of(key: &str, schema: &Value) -> Self {
        let text = |name: &str| schema.get(name).and_then(Value::as_str).map(str::to_owned);
        let number = |name: &str| schema.get(name).and_then(Value::as_f64);
        let kind = |name: &Value| match name.as_str()? {
            "string" => Some(Kind::Text),
            "integer" => Some(Kind::Whole),
            "number" => Some(Kind::Number),
            "boolean" => Some(Kind::Flag),
            "array" => Some(Kind::List),
            _ => None,
        };
        let kinds = match schema.get("type") {
            Some(Value::Array(names)) => names.iter().filter_map(kind).collect(),
            Some(name) => kind(name).into_iter().collect(),
            None => Vec::new(),
        };
        let texts = |name: &str| -> Vec<String> {
            let values = schema.get(name).and_then(Value::as_array).into_iter().flatten();
            values.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        Self {
            key: key.to_owned(),
            help: text("description").unwrap_or_default().replace('\n', " "),
            kinds,
            short: text("x-short").and_then(|letter| letter.chars().next()),
            alias: text("x-alias"),
            value: text("x-value").unwrap_or_else(|| "VALUE".into()),
            group: text("x-group"),
            role: match text("x-role").as_deref() {
                Some("source") => Role::Source,
                Some("host") => Role::Host,
                Some("run") => Role::Run,
                _ => Role::Learning,
            },
            instead_of: text("x-instead-of"),
            validates: schema.get("x-validate").is_some_and(|mark| mark == true),
            default: schema.get("default").filter(|value| !value.is_null()).cloned(),
            usual: text("x-usual"),
            choices: texts("enum"),
            examples: texts("examples"),
            is_path: schema.get("format").is_some_and(|format| format == "path"),
            min: number("minimum"),
            above: number("exclusiveMinimum"),
            max: number("maximum"),
        }
    }

    /// The flag: `--batch-size`.
    pub fn flag(&self) -> String {
        flag(&self.key)
    }

    /// Whether it is given without a value.
    pub fn is_flag(&self) -> bool {
        self.kinds == [Kind::Flag]
    }

    /// Whether it may be given several times.
    pub fn is_list(&self) -> bool {
        self.kinds.contains(&Kind::List)
    }

    /// What somebody has typed, as a value of a kind that it takes.
    ///
    /// # Errors
    /// [`SettingsError::Invalid`] if it is of none, or out of its range.
    pub fn parse(&self, text: &str) -> Result<Value, SettingsError> {
        let takes = |kind| self.kinds.contains(&kind);
        let value = match text.trim() {
            whole if takes(Kind::Whole) && whole.parse::<u64>().is_ok() => {
                Value::from(whole.parse::<u64>().expect("just parsed"))
            }
            number if takes(Kind::Number) && number.parse::<f64>().is_ok() => {
                // NaN and infinite are none of JSON's.
                Value::from(number.parse::<f64>().expect("just parsed"))
            }
            "true" if takes(Kind::Flag) => Value::Bool(true),
            "false" if takes(Kind::Flag) => Value::Bool(false),
            _ if takes(Kind::Text) => Value::String(text.to_owned()),
            _ => Value::Null,
        };
        match &value {
            Value::Null => Err(self.invalid(&Value::from(text), &self.wanted())),
            value => self.check(value).map(|()| value.clone()),
        }
    }

    /// The value as it is meant: `0` for the name or number of a column, `"review"` for a list of one.
    pub(super) fn meant(&self, value: &Value) -> Value {
        let only = |kind| self.kinds == [kind];
        match value {
            Value::Number(number) if only(Kind::Text) => Value::from(number.to_string()),
            Value::String(_) | Value::Number(_) if only(Kind::List) => {
                self.meant(&Value::from(vec![value.clone()]))
            }
            Value::Array(values) if only(Kind::List) => {
                let text = |value: &Value| match value {
                    Value::Number(number) => Value::from(number.to_string()),
                    other => other.clone(),
                };
                values.iter().map(text).collect()
            }
            other => other.clone(),
        }
    }

    /// Fails for a value of another kind, or one out of its range.
    ///
    /// # Errors
    /// [`SettingsError::Invalid`].
    pub fn check(&self, value: &Value) -> Result<(), SettingsError> {
        let is = |kind: &Kind| match kind {
            Kind::Text => value.is_string(),
            Kind::Whole => value.is_u64(),
            Kind::Number => value.is_number(),
            Kind::Flag => value.is_boolean(),
            Kind::List => value.is_array(),
        };
        let in_range = value.as_f64().is_none_or(|number| {
            self.min.is_none_or(|min| number >= min)
                && self.above.is_none_or(|above| number > above)
                && self.max.is_none_or(|max| number <= max)
        });
        let known = self.choices.is_empty()
            || value.as_str().is_none_or(|text| self.choices.iter().any(|known| known == text));
        match self.kinds.iter().any(is) && in_range && known {
            true => Ok(()),
            false => Err(self.invalid(value, &self.wanted())),
        }
    }

    /// What is wrong with a value of this setting.
    pub(super) fn invalid(&self, value: &Value, reason: &impl ToString) -> SettingsError {
        let value = match value {
            Value::String(text) => format!("`{text}`"),
            other => other.to_string(),
        };
        SettingsError::Invalid { setting: self.key.clone(), value, reason: reason.to_string() }
    }

    /// What a value must be, in words.
    fn wanted(&self) -> String {
        if !self.choices.is_empty() {
            return format!("expected one of {}", self.choices.join(", "));
        }
        let what = match self.kinds.first() {
            Some(Kind::Whole) => "a whole number",
            Some(Kind::Number) => "a number",
            Some(Kind::Flag) => "`true` or `false`",
            Some(Kind::List) => "a list of strings",
            Some(Kind::Text) | None => "a string",
        };
        let range = match (self.min, self.above, self.max) {
            (_, Some(above), Some(max)) => format!(" above {above} and up to {max}"),
            (_, Some(above), None) => format!(" above {above}, such as 0.01 or 1e-2"),
            (min, None, Some(max)) => format!(" from {} to {max}", min.unwrap_or(0.0)),
            (Some(min), None, None) => format!(" of at least {min}"),
            _ => String::new(),
        };
        format!("expected {what}{range}")
    }
}
