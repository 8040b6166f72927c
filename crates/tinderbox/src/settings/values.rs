//! The values of settings that are more than a number or a word.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use schemars::json_schema;
use serde::Deserialize;

use crate::plan::SplitError;

/// The path of a file or a folder, absolute: a configuration file means the same wherever it is
/// read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location(PathBuf);

impl Location {
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl<P: AsRef<Path>> From<P> for Location {
    fn from(path: P) -> Self {
        Self(absolute(path.as_ref()))
    }
}

/// The path as it can be found from anywhere, without a separator at its end.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    // It only fails for no path at all, and in a folder that is gone.
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.components().collect()
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.display())
    }
}

impl FromStr for Location {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "" => Err("a path is missing".into()),
            path => Ok(Self::from(path)),
        }
    }
}

/// Height and width of images, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageSize(pub [usize; 2]);

/// The largest side, in pixels.
const MAX_SIDE: usize = 4096;

impl FromStr for ImageSize {
    type Err = String;

    /// `180x240`, or one side of a square.
    fn from_str(text: &str) -> Result<Self, String> {
        let side =
            |text: &str| text.trim().parse().ok().filter(|side| (1..=MAX_SIDE).contains(side));
        let sides = match text.split_once(['x', 'X', '×']) {
            Some((height, width)) => side(height).zip(side(width)),
            None => side(text).map(|side| (side, side)),
        };
        sides.map(|(height, width)| Self([height, width])).ok_or_else(|| {
            format!(
                "expected one side of 1 to {MAX_SIDE} pixels, or height and width, such as 180x240"
            )
        })
    }
}

impl fmt::Display for ImageSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([height, width]) = self;
        write!(f, "{height}x{width}")
    }
}

/// Which epoch's weights the finished model has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keep {
    #[default]
    Last,
    /// Those of the epoch that validated best.
    Best,
}

impl FromStr for Keep {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "last" => Ok(Self::Last),
            "best" => Ok(Self::Best),
            _ => Err("expected `best` or `last`".into()),
        }
    }
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Last => "last",
            Self::Best => "best",
        })
    }
}

/// The lowest and the highest number that a model gives, if there are bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct YRange(pub Option<[f64; 2]>);

impl FromStr for YRange {
    type Err = String;

    /// `0,100`, or `none`.
    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.trim().parse().ok().filter(|x: &f64| x.is_finite());
        let range = text.split_once(',').and_then(|(low, high)| number(low).zip(number(high)));
        match range.filter(|(low, high)| low < high) {
            Some((low, high)) => Ok(Self(Some([low, high]))),
            None if text == "none" => Ok(Self(None)),
            None => {
                Err("expected the lowest and the highest number, such as 0,100, or `none`".into())
            }
        }
    }
}

impl fmt::Display for YRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some([low, high]) => write!(f, "{low},{high}"),
            None => write!(f, "none"),
        }
    }
}

/// Which items validate.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Valid {
    /// What the data says: a known pair of folders, a column; else a random share.
    #[default]
    Auto,
    /// The items below this folder, the others train; of a table, the rows whose column says so.
    Named(String),
    /// A random share, in `0.0..1.0`.
    Share(f64),
    /// The items whose file names are the lines of this file.
    List(Location),
}

impl Valid {
    /// Whether nothing is given.
    #[expect(clippy::ref_option, reason = "serde hands out the field")]
    pub(super) fn is_auto(asked: &Option<Self>) -> bool {
        matches!(asked, None | Some(Self::Auto))
    }
}

impl FromStr for Valid {
    type Err = String;

    /// `auto`, a share such as `0.2` or `20%`, the name of a folder, which may end in a `/`, or of a
    /// column, or a file of names, which ends in `.txt`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = match text.strip_suffix('%') {
            Some(percent) => (percent, 0.01),
            None => (text, 1.0),
        };
        let refused = |error: SplitError| {
            use crate::Hinted;
            format!("{error}; {}", error.hint().unwrap_or_default())
        };
        match number.trim().parse::<f64>() {
            Ok(share) if (0.0..1.0).contains(&(share * unit)) => Ok(Self::Share(share * unit)),
            Ok(_) => Err(refused(SplitError::Share { value: text.to_owned() })),
            Err(_) if text == "auto" => Ok(Self::Auto),
            Err(_) if Path::new(text).extension().is_some_and(|end| end == "txt") => {
                Ok(Self::List(text.into()))
            }
            Err(_) => match text.trim_end_matches(['/', '\\']) {
                "" | "." | ".." => Err(refused(SplitError::Folder { value: text.to_owned() })),
                name if name.contains(['/', '\\']) => {
                    Err(refused(SplitError::Folder { value: text.to_owned() }))
                }
                name => Ok(Self::Named(name.to_owned())),
            },
        }
    }
}

impl fmt::Display for Valid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => write!(f, "auto"),
            Self::Named(name) => write!(f, "{name}"),
            Self::Share(share) => write!(f, "{share}"),
            Self::List(file) => write!(f, "{file}"),
        }
    }
}

/// Where to compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// The graphics card if the program was built for one and there is one, else the CPU.
    #[default]
    Auto,
    Cpu,
    /// A graphics card by its number, counted from 0.
    Gpu(usize),
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse().ok().map(Self::Gpu);
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "gpu" => Ok(Self::Gpu(0)),
            other => other.strip_prefix("gpu:").and_then(number).ok_or_else(|| {
                "expected `auto`, `cpu`, `gpu`, or `gpu:1` for the second GPU".into()
            }),
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => write!(f, "auto"),
            Self::Cpu => write!(f, "cpu"),
            Self::Gpu(0) => write!(f, "gpu"),
            Self::Gpu(number) => write!(f, "gpu:{number}"),
        }
    }
}

/// Written and read as text, or as the number that the text is; described as `$schema`.
macro_rules! as_text {
    ($($name:ty: $schema:expr;)*) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(
                deserializer: D,
            ) -> Result<Self, D::Error> {
                let text = $crate::settings::Text::deserialize(deserializer)?.into_text();
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $schema
            }
        }
    )*};
}
pub(crate) use as_text;

/// A text, or a number that would be read as one.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Text {
    Number(serde_json::Number),
    Text(String),
}

impl Text {
    pub(crate) fn into_text(self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text,
        }
    }
}

as_text! {
    Location: json_schema!({ "type": "string", "format": "path" });
    ImageSize: json_schema!({ "type": ["string", "integer"] });
    Valid: json_schema!({ "type": ["string", "number"], "examples": ["auto", "0.2"], "format": "path" });
    YRange: json_schema!({ "type": "string" });
    Keep: json_schema!({ "type": "string", "enum": ["last", "best"] });
    DeviceChoice: json_schema!({ "type": "string", "examples": ["auto", "cpu", "gpu"] });
}
