//! Numbers to regress on.

use std::sync::Arc;

use super::{InputFacts, Label, Labels};
use crate::{Array, Error, Result};

/// How many numbers an item has.
pub(super) fn len(train: &[Label]) -> Result<usize> {
    Ok(values(train.first().ok_or(Error::NoTrainingItems)?)?.len())
}

fn values(label: &Label) -> Result<Vec<f64>> {
    match label {
        Label::Number(number) => Ok(vec![*number]),
        Label::Integer(number) => Ok(vec![*number as f64]),
        Label::Numbers(numbers) => Ok(numbers.clone()),
        other => Err(Error::MixedLabels { first: "a number".into(), other: other.kind().into() }),
    }
}

/// A number, or a vector of them, an item.
#[derive(Debug)]
pub(super) struct Numbers {
    values: Vec<Vec<f32>>,
}

impl Numbers {
    pub(super) fn new(labels: &[Label], len: usize, log: bool) -> Result<Self> {
        let number = |value: f64| match log {
            _ if !value.is_finite() => Err(Error::NotFinite { value }),
            false => Ok(value as f32),
            true if value > 0.0 => Ok(value.ln() as f32),
            true => Err(Error::NoLogarithm { value }),
        };
        let row = |label: &Label| {
            let values = values(label)?;
            if values.len() != len {
                let (first, other) =
                    (format!("{len} numbers"), format!("{} numbers", values.len()));
                return Err(Error::MixedLabels { first, other });
            }
            values.into_iter().map(number).collect()
        };
        Ok(Self { values: labels.iter().map(row).collect::<Result<_>>()? })
    }
}

impl Labels for Numbers {
    fn len(&self) -> usize {
        self.values.len()
    }

    fn target(&self, index: usize, _: &InputFacts<'_>) -> Result<Array> {
        let values = self.values[index].clone();
        let shape = if values.len() == 1 { vec![] } else { vec![values.len()] };
        Ok(Array::f32(shape, values))
    }

    fn text(&self, index: usize) -> String {
        self.values[index].iter().map(f32::to_string).collect::<Vec<_>>().join(", ")
    }

    fn pick(&self, indexes: &[usize]) -> Arc<dyn Labels> {
        Arc::new(Self { values: indexes.iter().map(|&index| self.values[index].clone()).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(labels: &[Label], log: bool) -> Result<Array> {
        Numbers::new(labels, len(labels)?, log)?.target(labels.len() - 1, &InputFacts::default())
    }

    #[test]
    fn a_logarithm_is_taken_if_asked_for() {
        let labels = [Label::Number(1.0), Label::Integer(2)];
        assert_eq!(target(&labels, false).unwrap(), Array::f32([], vec![2.0]));
        assert_eq!(target(&labels, true).unwrap(), Array::f32([], vec![2f32.ln()]));
        let error = target(&[Label::Number(-1.0)], true).unwrap_err();
        assert!(matches!(error, Error::NoLogarithm { value: -1.0 }), "{error}");
        let error = target(&[Label::Number(f64::NAN)], false).unwrap_err();
        assert!(matches!(error, Error::NotFinite { .. }), "{error}");
    }

    #[test]
    fn every_item_has_as_many_numbers() {
        let labels = [Label::Numbers(vec![1.0, 2.0]), Label::Numbers(vec![3.0, 4.0])];
        assert_eq!(target(&labels, false).unwrap(), Array::f32([2], vec![3.0, 4.0]));
        let error = target(&[labels[0].clone(), Label::Number(1.0)], false).unwrap_err();
        assert_eq!(error.to_string(), "labels of different kinds: 2 numbers and 1 numbers");
    }
}
