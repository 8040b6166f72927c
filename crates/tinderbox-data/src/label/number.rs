//! Numbers to regress on.

use std::sync::Arc;

use super::{Label, Labels};
use crate::{Array, Error, Result, transform::Drawn};

/// How many numbers an item has.
pub(super) fn len(train: &[Label]) -> Result<usize> {
    Ok(values(train.first().ok_or(Error::NoTrainingItems)?)?.len())
}

fn values(label: &Label) -> Result<Vec<f32>> {
    match label {
        Label::Number(number) => Ok(vec![*number as f32]),
        Label::Integer(number) => Ok(vec![*number as f32]),
        Label::Numbers(numbers) => Ok(numbers.iter().map(|number| *number as f32).collect()),
        other => Err(Error::MixedLabels { first: "a number".into(), other: other.kind().into() }),
    }
}

/// A number, or a vector of them, an item.
#[derive(Debug)]
pub(super) struct Numbers {
    values: Vec<Vec<f32>>,
}

impl Numbers {
    pub(super) fn new(labels: &[Label], log: bool) -> Result<Self> {
        let values = labels.iter().map(values).collect::<Result<Vec<_>>>()?;
        let ln = |numbers: Vec<f32>| numbers.into_iter().map(f32::ln).collect();
        let values = if log { values.into_iter().map(ln).collect() } else { values };
        Ok(Self { values })
    }
}

impl Labels for Numbers {
    fn len(&self) -> usize {
        self.values.len()
    }

    fn target(&self, index: usize, _: Option<&Drawn<'_>>) -> Result<Array> {
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

    #[test]
    fn a_logarithm_is_taken_if_asked_for() {
        let labels = [Label::Number(1.0), Label::Integer(2)];
        let plain = Numbers::new(&labels, false).unwrap();
        assert_eq!(plain.target(1, None).unwrap(), Array::f32([], vec![2.0]));
        let log = Numbers::new(&labels, true).unwrap();
        assert_eq!(log.target(1, None).unwrap(), Array::f32([], vec![2f32.ln()]));
    }
}
