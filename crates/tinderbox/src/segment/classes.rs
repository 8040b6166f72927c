//! The file of classes: names, with the values or colors that masks have for them.

mod json;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use tinderbox_data::text::{read_text, read_text_in};

use super::SegmentError;
use crate::{Error, Location, Result};

/// What files of classes are called, in the order they are looked for.
const NAMES: [&str; 13] = [
    "codes.txt",
    "classes.txt",
    "_classes.csv",
    "labelmap.txt",
    "label_colors.txt",
    "class_dict.csv",
    "classes.csv",
    "class_names.txt",
    "labels.txt",
    "classes.json",
    "labelmap.json",
    "labels.json",
    "obj_class_to_machine_color.json",
];

/// What the only column of a list is called, in lower case: no class.
const HEADINGS: [&str; 9] = [
    "name",
    "names",
    "class",
    "classes",
    "label",
    "labels",
    "class_name",
    "class name",
    "category",
];

/// Codes are bytes.
const MAX_CLASSES: usize = 256;

/// A longer file is no list of classes.
const MAX_BYTES: u64 = 1 << 20;

/// The classes, as a file lists them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Classes {
    pub(super) file: PathBuf,
    pub(super) names: Vec<String>,
    /// The value of each class in masks, if they are not 0, 1, 2 and so on.
    pub(super) values: Option<Vec<u16>>,
    /// The color of each class in masks, if the file says it.
    pub(super) colors: Option<Vec<[u8; 3]>>,
    /// What of the file is no class, which its owner may not have meant.
    pub(super) doubts: Vec<String>,
}

/// A class, as one line or entry has it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    name: String,
    value: Option<u16>,
    color: Option<[u8; 3]>,
}

impl Classes {
    /// Reads the file that is named, or the first that lies in or beside the folders. For masks that
    /// are colored, one that lists colors comes first.
    ///
    /// # Errors
    /// [`SegmentError::NoCodes`] if there is none, [`SegmentError::Codes`] for what is no list of
    /// classes; those of reading it.
    pub(super) fn find(
        asked: Option<&Location>,
        images: &Path,
        masks: &Path,
        are_colored: bool,
    ) -> Result<Self> {
        if let Some(file) = asked {
            return Self::read(file.path());
        }
        let folders = [masks, images].into_iter();
        let above = folders.clone().filter_map(Path::parent);
        // Some exports have a list in each set, all the same.
        let sets = images.join("train");
        let near = folders.chain(above).chain([&*sets]);
        let files = near.flat_map(|folder| NAMES.iter().map(|name| folder.join(name)));
        let files: Vec<PathBuf> = files.filter(|file| file.is_file()).collect();
        let colored = || {
            let lists = files.iter().filter_map(|file| Self::read(file).ok());
            lists.into_iter().find(|list| list.colors.is_some())
        };
        match (are_colored.then(colored).flatten(), files.first()) {
            (Some(list), _) => Ok(list),
            (None, Some(file)) => Self::read(file),
            (None, None) => Err(SegmentError::NoCodes { masks: masks.to_owned() }.into()),
        }
    }

    fn read(file: &Path) -> Result<Self> {
        let metadata =
            fs::metadata(file).map_err(|source| Error::Read { path: file.to_owned(), source })?;
        if metadata.len() > MAX_BYTES {
            let (file, found) =
                (file.to_owned(), format!("{} bytes of something else", metadata.len()));
            return Err(SegmentError::Codes { file, found }.into());
        }
        match read_text(file) {
            Err(tinderbox_data::Error::NotUtf8 { likely, .. }) => {
                let mut classes = Self::parse(file, &read_text_in(file, Some(likely))?)?;
                classes.doubts.push(format!("the file of classes is not UTF-8: read as {likely}"));
                Ok(classes)
            }
            text => Ok(Self::parse(file, &text?)?),
        }
    }

    fn parse(file: &Path, text: &str) -> Result<Self, SegmentError> {
        let wrong = |found: String| SegmentError::Codes { file: file.to_owned(), found };
        let mut doubts = Vec::new();
        let rows = match text.trim_start().starts_with(['[', '{']) {
            true => json::rows(text).map_err(wrong)?,
            false => of_lines(text, &mut doubts).map_err(wrong)?,
        };
        let rows = checked(rows).map_err(wrong)?;
        let values: Option<Vec<u16>> = rows.iter().map(|row| row.value).collect();
        Ok(Self {
            file: file.to_owned(),
            values: values.filter(|values| (0..).zip(values).any(|(code, value)| code != *value)),
            colors: rows.iter().map(|row| row.color).collect(),
            names: rows.into_iter().map(|row| row.name).collect(),
            doubts,
        })
    }
}

/// The rows in the order of their values.
fn checked(mut rows: Vec<Row>) -> Result<Vec<Row>, String> {
    rows.sort_by_key(|row| row.value);
    let mut seen = BTreeSet::new();
    let twice = rows.iter().find(|row| !seen.insert(&row.name));
    let mut values = BTreeSet::new();
    let same_value = rows.iter().filter_map(|row| row.value).find(|value| !values.insert(*value));
    let mut colors = BTreeSet::new();
    let same_color = rows.iter().filter_map(|row| row.color).find(|color| !colors.insert(*color));
    let uniform = |has: fn(&Row) -> bool| rows.iter().all(has) || !rows.iter().any(has);
    if let Some(twice) = twice {
        return Err(format!("`{}` twice", twice.name));
    }
    if let Some(value) = same_value {
        return Err(format!("the value {value} twice"));
    }
    if let Some([r, g, b]) = same_color {
        return Err(format!("the color {r} {g} {b} twice"));
    }
    if !uniform(|row| row.value.is_some()) || !uniform(|row| row.color.is_some()) {
        return Err("a value or a color for some classes only".into());
    }
    match rows.len() {
        0 => Err("no classes".into()),
        1 => Err("only one class".into()),
        n if n > MAX_CLASSES => {
            Err(format!("{n} classes, but a mask can hold at most {MAX_CLASSES}"))
        }
        _ => Ok(rows),
    }
}

/// How the fields of a line are separated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Separator {
    /// `name:r,g,b:parts:actions`, as by CVAT.
    Colon,
    Char(char),
    Space,
}

fn of_lines(text: &str, doubts: &mut Vec<String>) -> Result<Vec<Row>, String> {
    let is_comment = |line: &str| {
        line.starts_with("//") || line.starts_with('#') && hex(first_word(line)).is_none()
    };
    let mut lines: Vec<&str> =
        text.lines().map(str::trim).filter(|line| !is_comment(line)).collect();
    while lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    let separators = [
        Separator::Colon,
        Separator::Char('\t'),
        Separator::Char(','),
        Separator::Char(';'),
        Separator::Space,
    ];
    let filled = || lines.iter().copied().filter(|line| !line.is_empty());
    for separator in separators {
        let rows = |skip: usize| -> Option<Vec<Row>> {
            filled().skip(skip).map(|line| row(line, separator)).collect()
        };
        // The first line may be a heading.
        let headed = || {
            let mut rows = rows(1)?;
            if filled().next().is_some_and(is_backwards) {
                let colors = rows.iter_mut().filter_map(|row| row.color.as_mut());
                colors.for_each(|color| color.reverse());
            }
            Some(rows)
        };
        let found = rows(0).or_else(headed).filter(|rows| !rows.is_empty());
        if let Some(rows) = found.filter(|rows| separator != Separator::Space || is_clear(rows)) {
            return Ok(rows);
        }
    }
    plain(&lines, doubts)
}

/// Whether a heading names the channels of colors from blue to red, as OpenCV has them.
fn is_backwards(heading: &str) -> bool {
    let heading = heading.to_lowercase();
    let words: Vec<&str> = heading.split(|c: char| !c.is_alphanumeric()).collect();
    let at = |names: [&str; 2]| words.iter().position(|word| names.contains(word));
    at(["b", "blue"]).zip(at(["r", "red"])).is_some_and(|(blue, red)| blue < red)
}

/// Whether rows divided at spaces are no names with a number in them: `Lane 1`, `Lane 2`.
fn is_clear(rows: &[Row]) -> bool {
    let names: BTreeSet<&String> = rows.iter().map(|row| &row.name).collect();
    rows.iter().all(|row| row.color.is_some()) || names.len() == rows.len()
}

/// One name a line: its number is its value.
fn plain(lines: &[&str], doubts: &mut Vec<String>) -> Result<Vec<Row>, String> {
    let heading = lines.first().filter(|line| HEADINGS.contains(&&*line.to_lowercase()));
    let lines = &lines[usize::from(heading.is_some())..];
    let mut rows = Vec::new();
    for (value, line) in lines.iter().enumerate() {
        let name = unquoted(line);
        if name.contains([',', ';', ':', '\t']) {
            return Err(format!("`{line}` in line {}, which is not one name", value + 1));
        }
        match name.is_empty() {
            true => doubts.push(format!(
                "line {} of the file of classes is empty, so no class has the value {value}",
                value + 1
            )),
            false => {
                rows.push(Row { name: name.to_owned(), value: Some(value as u16), color: None });
            }
        }
    }
    if let Some(heading) = heading {
        doubts.push(format!("`{heading}` is taken for the heading of the file of classes"));
    }
    Ok(rows)
}

fn row(line: &str, separator: Separator) -> Option<Row> {
    let fields: Vec<&str> = match separator {
        Separator::Colon => {
            let mut parts = line.split(':').map(str::trim);
            let (name, value) = (parts.next()?, parts.next()?);
            [name].into_iter().chain(value.split(',').map(str::trim)).collect()
        }
        Separator::Char(char) => line.split(char).map(unquoted).collect(),
        Separator::Space => line.split_whitespace().collect(),
    };
    let last = fields.iter().rposition(|field| !field.is_empty())?;
    of_fields(&fields[..=last], separator == Separator::Space)
}

/// A class of fields in any usual order; `words` if a name may be several of them.
fn of_fields(fields: &[&str], words: bool) -> Option<Row> {
    let value = |field: &str| field.parse::<u16>().ok();
    let color = |fields: &[&str]| -> Option<[u8; 3]> {
        let channels: Vec<u8> =
            fields.iter().map(|field| field.parse().ok()).collect::<Option<_>>()?;
        channels.try_into().ok()
    };
    let name = |fields: &[&str]| match fields {
        [] => None,
        [name] => Some((*name).to_owned()),
        several => words.then(|| several.join(" ")),
    };
    let name = |fields: &[&str]| {
        name(fields).filter(|name| !name.is_empty() && name.parse::<f64>().is_err())
    };
    let row = |name: String, value: Option<u16>, color: Option<[u8; 3]>| Row { name, value, color };
    // With a color behind: `name r g b`, `name value r g b`, `value name r g b`.
    let behind = match fields {
        [rest @ .., last] if hex(last).is_some() => Some((rest, hex(last))),
        [rest @ .., _, _, _] => Some((rest, color(&fields[rest.len()..]))),
        _ => None,
    };
    if let Some((rest, Some(color))) = behind {
        if let Some(name) = name(rest) {
            return Some(row(name, None, Some(color)));
        }
        if let [first, others @ ..] = rest
            && let (Some(value), Some(name)) = (value(first), name(others))
        {
            return Some(row(name, Some(value), Some(color)));
        }
        if let [others @ .., last] = rest
            && let (Some(value), Some(name)) = (value(last), name(others))
        {
            return Some(row(name, Some(value), Some(color)));
        }
    }
    // With a color before: `r g b name`, `value r g b name`.
    let before = match fields {
        [first, rest @ ..] if hex(first).is_some() => Some((hex(first)?, None, rest)),
        [a, b, c, rest @ ..] if color(&[a, b, c]).is_some() && name(rest).is_some() => {
            Some((color(&[a, b, c])?, None, rest))
        }
        [index, a, b, c, rest @ ..] if color(&[a, b, c]).is_some() => {
            Some((color(&[a, b, c])?, Some(value(index)?), rest))
        }
        _ => None,
    };
    if let Some((color, value, rest)) = before {
        return Some(row(name(rest)?, value, Some(color)));
    }
    match fields {
        [first, rest @ ..] if value(first).is_some() => Some(row(name(rest)?, value(first), None)),
        [rest @ .., last] if value(last).is_some() => Some(row(name(rest)?, value(last), None)),
        _ => None,
    }
}

/// `#ff8000` as a color.
fn hex(text: &str) -> Option<[u8; 3]> {
    let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
    let [_, r, g, b] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
    Some([r, g, b])
}

fn first_word(line: &str) -> &str {
    line.split([' ', '\t', ',', ';', ':']).next().unwrap_or_default()
}

fn unquoted(field: &str) -> &str {
    let field = field.trim();
    let inner = field.strip_prefix('"').and_then(|field| field.strip_suffix('"'));
    inner.unwrap_or(field).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Classes, SegmentError> {
        Classes::parse(Path::new("c.txt"), text)
    }

    #[track_caller]
    fn check(text: &str, values: Option<&[u16]>, colors: Option<&[[u8; 3]]>) {
        let classes = parse(text).unwrap();
        assert_eq!(classes.names, ["sea", "dry land"], "{text}");
        assert_eq!(classes.values.as_deref(), values, "{text}");
        assert_eq!(classes.colors.as_deref(), colors, "{text}");
    }

    #[test]
    fn names_are_listed_one_a_line() {
        for text in
            ["sea\ndry land\n", "# two\nsea\n// \ndry land\n\n\n", "class\nsea\n\"dry land\""]
        {
            check(text, None, None);
        }
        let gap = parse("sea\n\ndry land").unwrap();
        assert_eq!(gap.values, Some(vec![0, 2]), "an empty line keeps its number");
        assert_eq!(
            gap.doubts,
            ["line 2 of the file of classes is empty, so no class has the value 1"]
        );
        assert_eq!(parse("Lane 1\nLane 2").unwrap().names, ["Lane 1", "Lane 2"]);
    }

    #[test]
    fn a_heading_says_in_which_order_channels_are() {
        let colors = Some(&[[1, 2, 3], [4, 5, 6]][..]);
        check("name,r,g,b\nsea,1,2,3\ndry land,4,5,6", None, colors);
        check("name,b,g,r\nsea,3,2,1\ndry land,6,5,4", None, colors);
    }

    #[test]
    fn values_are_listed_before_or_behind_the_name() {
        for text in [
            "Pixel Value, Class\n0, sea\n1, dry land\n",
            "sea,0\ndry land,1",
            "dry land\t1\nsea\t0",
            "0: sea\n1: dry land",
            "0 sea\n1 dry land",
            "id;name\n0;sea\n1;dry land",
        ] {
            check(text, None, None);
        }
        check("7,sea\n26,dry land", Some(&[7, 26]), None);
    }

    #[test]
    fn colors_are_listed_in_any_usual_form() {
        let colors = [[0, 0, 255], [128, 64, 0]];
        for text in [
            "# label:color_rgb:parts:actions\nsea:0,0,255::\ndry land:128,64,0::\n",
            "0 0 255 sea\n128 64 0 dry land",
            "0 0 255\t\tsea\n128 64 0\tdry land",
            "sea 0 0 255\ndry land 128 64 0",
            "name,r,g,b\nsea,0,0,255\ndry land,128,64,0",
            "sea #0000ff\ndry land #804000",
            "#0000ff,sea\n#804000,dry land",
            "0,sea,0,0,255\n1,dry land,128,64,0",
            "id,r,g,b,name\n0,0,0,255,sea\n1,128,64,0,dry land",
        ] {
            check(text, None, Some(&colors));
        }
        check("sea,3,0,0,255\ndry land,9,128,64,0", Some(&[3, 9]), Some(&colors));
    }

    #[test]
    fn what_is_no_list_of_classes_is_refused() {
        for (text, found) in [
            ("", "no classes"),
            ("sea\n", "only one class"),
            ("sea\nsea\n", "`sea` twice"),
            ("0,sea\n0,land", "the value 0 twice"),
            ("sea 1 2 3\nland 1 2 3", "the color 1 2 3 twice"),
            ("sea, land\nsky, sun", "`sea, land` in line 1, which is not one name"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.to_string(), format!("c.txt lists {found}"));
        }
        let many: Vec<String> = (0..300).map(|n| format!("class{n}")).collect();
        let error = parse(&many.join("\n")).unwrap_err().to_string();
        assert!(error.ends_with("300 classes, but a mask can hold at most 256"), "{error}");
    }
}
