//! What may be wrong with data.

use std::path::Path;

use serde::Serialize;

use crate::{Error, LeftOut, check::in_words};

/// Something that may be wrong with the data.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    pub severity: Severity,
    pub kind: Kind,
    /// What was found, without a full stop: `4 images are exact copies of others`.
    pub text: String,
    /// What to do about it, where there is something.
    pub hint: Option<String>,
    /// The items that it is about, those together that belong together: copies of one image.
    pub places: Vec<Vec<Place>>,
}

/// How bad it is, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Training refuses the data, or is told to skip items.
    Error,
    /// Training goes on, but the model or its metrics may be wrong.
    Warning,
    /// It may be as it should be.
    Note,
}

/// What kind of thing it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Training refuses the data as a whole.
    Refused,
    /// Files that cannot be used.
    Unreadable,
    /// What training warns of.
    Warned,
    /// The same file more than once.
    Copies,
    /// Images that are nearly the same.
    NearCopies,
    /// The same item in the training set and in the validation set.
    Leak,
    /// The same item under different labels.
    Contradiction,
    /// Images that are much smaller than the others.
    Small,
    /// Images with unusual sides.
    Aspect,
    /// Texts without a word.
    Empty,
    /// Texts that are much longer than the others.
    Long,
    /// Texts that were read in another encoding than they were written in.
    Encoding,
    /// Texts in a language that the tokenizer does not divide into words.
    Undivided,
}

/// An item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Its file, or what it is called: `reviews.csv, row 7`.
    pub path: String,
    /// `training` or `validation`; none for what is in neither.
    pub set: Option<&'static str>,
    pub label: Option<String>,
    /// What is said of it alone.
    pub note: Option<String>,
    /// The row of a table that it is, counted from 0.
    #[serde(skip)]
    pub(crate) row: Option<usize>,
}

impl Place {
    /// A file in no set.
    pub(crate) fn file(path: impl Into<String>) -> Self {
        Self { path: path.into(), set: None, label: None, note: None, row: None }
    }

    /// Whether its label is the file of a mask.
    pub(super) fn has_mask(&self) -> bool {
        self.label.as_deref().is_some_and(|label| Path::new(label).is_absolute())
    }

    pub(crate) fn with_note(self, note: impl Into<String>) -> Self {
        Self { note: Some(note.into()), ..self }
    }
}

impl Finding {
    /// What training refuses.
    pub(super) fn refused(error: &Error) -> Self {
        let (text, hint) = in_words(error);
        Self { severity: Severity::Error, kind: Kind::Refused, text, hint, places: Vec::new() }
    }

    /// What training warns of.
    pub(super) fn warned(text: String) -> Self {
        let (severity, kind) = (Severity::Warning, Kind::Warned);
        Self { severity, kind, text, hint: None, places: Vec::new() }
    }

    /// Files that cannot be used, of this many.
    pub(super) fn unreadable(files: Vec<LeftOut>, unit: &str, all: usize) -> Self {
        let n = files.len();
        let place = |file: LeftOut| {
            vec![Place::file(file.path.display().to_string()).with_note(file.reason)]
        };
        Self {
            severity: Severity::Error,
            kind: Kind::Unreadable,
            text: format!("{} cannot be used", count(n, unit)),
            hint: Some(match 2 * n > all {
                true => "repair or remove them".into(),
                false => format!("repair or remove them, or train without them: `--skip-bad {n}`"),
            }),
            places: files.into_iter().map(place).collect(),
        }
    }

    /// Why an item of it is left out of a cleaned copy.
    pub(super) fn kind_in_words(&self) -> &'static str {
        match self.kind {
            Kind::Contradiction => "the same under another label",
            Kind::Leak => "the same in the other set",
            Kind::NearCopies => "nearly the same",
            _ => "the same",
        }
    }

    /// Something about these items that training does not see, in words for their number; nothing if
    /// there are none.
    pub(crate) fn about(
        kind: Kind,
        places: Vec<Vec<Place>>,
        text: impl FnOnce(usize) -> String,
        hint: &str,
    ) -> Option<Self> {
        let n = places.iter().map(Vec::len).sum();
        let severity = match kind {
            Kind::Small | Kind::Aspect | Kind::Copies | Kind::NearCopies => Severity::Note,
            _ => Severity::Warning,
        };
        (n > 0).then(|| Self { severity, kind, text: text(n), hint: Some(hint.to_owned()), places })
    }
}

/// `1 image`, `2 images`.
pub(crate) fn count(n: usize, unit: &str) -> String {
    match n {
        1 => format!("1 {}", unit.strip_suffix('s').unwrap_or(unit)),
        n => format!("{n} {unit}"),
    }
}

/// `is` or `are`.
pub(crate) fn are(n: usize) -> &'static str {
    if n == 1 { "is" } else { "are" }
}
