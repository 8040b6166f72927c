//! How the settings of a run came about.

use std::fmt::Display;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One setting and how it was chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The setting's name, or what else was decided: `batch size`.
    pub setting: String,
    pub value: String,
    pub because: String,
}

/// Collects what was decided while passing it on.
#[derive(Debug, Default)]
pub struct Choices {
    pub(crate) decided: Map<String, Value>,
    pub(crate) told: Vec<Choice>,
    pub(crate) warnings: Vec<String>,
}

/// The reason for what the user has set.
pub(crate) const ASKED: &str = "as given";

impl Choices {
    /// The value that was given, or the usual one with its reason. It is kept for when the run is
    /// resumed, and shown to people unless the reason is empty: then it goes without saying.
    pub fn pick<V: Serialize + Display>(
        &mut self,
        setting: &str,
        asked: Option<V>,
        usual: impl FnOnce() -> (V, String),
    ) -> V {
        self.pick_shown(setting, asked, usual, V::to_string)
    }

    /// [`pick`](Self::pick) of a value that is shown in other words than it is given in.
    pub fn pick_shown<V: Serialize>(
        &mut self,
        setting: &str,
        asked: Option<V>,
        usual: impl FnOnce() -> (V, String),
        show: impl FnOnce(&V) -> String,
    ) -> V {
        let (value, because) = asked.map_or_else(usual, |value| (value, ASKED.to_owned()));
        self.keep(setting, &value);
        if !because.is_empty() {
            self.tell(setting, show(&value), because);
        }
        value
    }

    /// Shows people what was inferred from the data and is no setting.
    pub fn tell(&mut self, what: &str, value: impl Into<String>, because: impl Into<String>) {
        let setting = what.replace('_', " ");
        self.told.push(Choice { setting, value: value.into(), because: because.into() });
    }

    /// Keeps a setting as it was decided, without a word.
    pub fn keep(&mut self, setting: &str, value: &impl Serialize) {
        let value = serde_json::to_value(value).expect("a setting is plain data");
        self.decided.insert(setting.to_owned(), value);
    }

    /// Something about the data that the user may not have meant.
    pub fn warn(&mut self, text: impl Into<String>) {
        self.warnings.push(text.into());
    }

    /// The setting as given or usual, shown without a reason.
    pub(crate) fn quiet<V: Serialize + Display>(
        &mut self,
        setting: &str,
        asked: Option<V>,
        usual: V,
    ) -> V {
        self.pick(setting, asked, || (usual, String::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_picked_is_kept_and_told_with_its_reason() {
        let mut choices = Choices::default();
        assert_eq!(choices.pick("batch_size", Some(3), || unreachable!()), 3);
        assert_eq!(choices.pick("lr", None, || (0.5, "usual".into())), 0.5);
        assert_eq!(choices.quiet("seed", None, 42), 42);
        let told: Vec<[&str; 3]> = choices
            .told
            .iter()
            .map(|choice| [&*choice.setting, &*choice.value, &*choice.because])
            .collect();
        assert_eq!(told, [["batch size", "3", ASKED], ["lr", "0.5", "usual"]]);
        let kept = serde_json::json!({ "batch_size": 3, "lr": 0.5, "seed": 42 });
        assert_eq!(Value::Object(choices.decided), kept);
    }
}
