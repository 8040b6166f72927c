//! How the settings of a run came about.

use serde::{Deserialize, Serialize};

/// One setting and how it was chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    pub setting: String,
    pub value: String,
    pub because: String,
}

/// Collects what was chosen while passing the choice on.
#[derive(Debug, Default)]
pub(crate) struct Choices(pub(crate) Vec<Choice>);

/// A value, how it is shown, and why it was chosen.
pub(crate) struct Chosen<T> {
    value: T,
    shown: String,
    because: String,
}

pub(crate) fn chosen<T>(
    value: T,
    shown: impl Into<String>,
    because: impl Into<String>,
) -> Chosen<T> {
    Chosen { value, shown: shown.into(), because: because.into() }
}

impl Choices {
    pub(crate) fn note<T>(&mut self, setting: &str, chosen: Chosen<T>) -> T {
        let Chosen { value, shown, because } = chosen;
        self.0.push(Choice { setting: setting.to_owned(), value: shown, because });
        value
    }
}

pub(crate) const ASKED: &str = "as asked";
