//! A class, with the probability of each.

use serde_json::{Map, Value};
use tinderbox_learn::{Bundle, Prediction};

/// Which class an input is of; all that apply with a `;` between them, if there may be several.
#[derive(Debug, Clone, PartialEq)]
pub struct Classes {
    pub label: String,
    /// The number of the class, if there is one only.
    pub index: Option<usize>,
    /// Of each class, in their order.
    pub probabilities: Vec<f32>,
    pub classes: Vec<String>,
}

impl Classes {
    /// What a model of classes says.
    pub fn new(model: &Bundle, prediction: Prediction) -> Self {
        let Prediction { label, index, probabilities } = prediction;
        let classes = model.classes().to_vec();
        Self { label: label.unwrap_or_default(), index, probabilities, classes }
    }

    /// How sure the model is of the class.
    pub fn confidence(&self) -> Option<f32> {
        self.index.and_then(|index| self.probabilities.get(index)).copied()
    }

    /// The probability of each class that the label names.
    pub(super) fn of_label(&self) -> Vec<f32> {
        if let Some(confidence) = self.confidence() {
            return vec![confidence];
        }
        let named: Vec<&str> = self.label.split(';').collect();
        let each = self.classes.iter().zip(&self.probabilities);
        each.filter(|(class, _)| named.contains(&class.as_str())).map(|(_, p)| *p).collect()
    }

    /// The probability of each class.
    pub fn by_class(&self) -> Map<String, Value> {
        let each = self.classes.iter().cloned().zip(self.probabilities.iter().copied());
        each.map(|(class, probability)| (class, Value::from(probability))).collect()
    }
}
