//! A learning rate for each parameter group.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The learning rates of a model's parameter groups, as one says them.
///
/// Layers near the input of a pretrained model need smaller ones than its new head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum LearningRate {
    /// The same for every group.
    One(f64),
    /// This for the last group, a tenth of it for all before; fastai's `slice(hi)`.
    Slice(f64),
    /// From the first group's to the last's, by equal factors; fastai's `slice(lo, hi)`.
    Range(f64, f64),
    /// One for each group.
    List(Vec<f64>),
}

/// fastai's `slice`: `slice(3e-3)` is 3e-3 for the last group and a tenth of it for all before;
/// `slice(1e-6..1e-4)` goes from the first group to the last by equal factors.
///
/// # Example
/// ```
/// use tinderbox_learn::schedule::{LearningRate, slice};
///
/// assert_eq!(slice(3e-3), LearningRate::Slice(3e-3));
/// assert_eq!(slice(1e-6..1e-4), LearningRate::Range(1e-6, 1e-4));
/// ```
pub fn slice(lrs: impl Slice) -> LearningRate {
    lrs.into_rate()
}

/// What [`slice()`] takes: a number, or a range of numbers.
pub trait Slice {
    fn into_rate(self) -> LearningRate;
}

impl Slice for f64 {
    fn into_rate(self) -> LearningRate {
        LearningRate::Slice(self)
    }
}

impl Slice for Range<f64> {
    fn into_rate(self) -> LearningRate {
        LearningRate::Range(self.start, self.end)
    }
}

impl LearningRate {
    /// One number for each of `groups` groups.
    ///
    /// A [`Range`](Self::Range) over one group is its upper end; fastai divides by zero there.
    ///
    /// # Errors
    /// [`Error::RateCount`] for a list of another length, [`Error::Setting`] for a rate that is
    /// negative or not a number, and for a range that does not start above zero.
    pub fn resolve(&self, groups: usize) -> Result<Vec<f64>> {
        let lrs = match self {
            Self::One(lr) => vec![*lr; groups],
            Self::Slice(last) => {
                (1..=groups).map(|i| if i == groups { *last } else { last / 10.0 }).collect()
            }
            Self::Range(_, last) if groups <= 1 => vec![*last; groups],
            Self::Range(first, last) => {
                if *first <= 0.0 {
                    return Err(not_a_rate(*first, "a range that starts above zero"));
                }
                let factor = |i: usize| (last / first).powf(i as f64 / (groups - 1) as f64);
                (0..groups).map(|i| first * factor(i)).collect()
            }
            Self::List(lrs) if lrs.len() == groups => lrs.clone(),
            Self::List(lrs) => return Err(Error::RateCount { given: lrs.len(), groups }),
        };
        match lrs.iter().find(|lr| !(lr.is_finite() && **lr >= 0.0)) {
            Some(lr) => Err(not_a_rate(*lr, "a number not below zero")),
            None => Ok(lrs),
        }
    }
}

fn not_a_rate(lr: f64, expected: &'static str) -> Error {
    Error::Setting { setting: "learning rate", found: lr.to_string(), expected }
}

impl Default for LearningRate {
    /// fastai's: `slice(3e-3)`.
    fn default() -> Self {
        Self::Slice(3e-3)
    }
}

impl From<f64> for LearningRate {
    fn from(lr: f64) -> Self {
        Self::One(lr)
    }
}

impl From<Vec<f64>> for LearningRate {
    fn from(lrs: Vec<f64>) -> Self {
        Self::List(lrs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_over_one_group_is_its_upper_end() {
        assert_eq!(LearningRate::Range(1e-5, 1e-3).resolve(1).unwrap(), [1e-3]);
        assert_eq!(LearningRate::Slice(1e-3).resolve(1).unwrap(), [1e-3]);
        assert!(LearningRate::Range(1e-5, 1e-3).resolve(0).unwrap().is_empty());
    }

    #[test]
    fn a_list_must_have_one_rate_for_each_group() {
        let error = LearningRate::List(vec![0.1, 0.2]).resolve(3).unwrap_err();
        assert_eq!(error.to_string(), "2 learning rates for 3 parameter groups");
        let hint = error.hint().unwrap();
        assert_eq!(
            hint,
            "give one rate for all groups, a range from the first to the last, or a list of 3"
        );
    }

    #[test]
    fn what_is_not_a_rate_is_refused() {
        let message = |lr: LearningRate| lr.resolve(2).unwrap_err().to_string();
        assert_eq!(
            message(f64::NAN.into()),
            "learning rate is NaN, expected a number not below zero"
        );
        assert_eq!(
            message((-0.1).into()),
            "learning rate is -0.1, expected a number not below zero"
        );
        assert_eq!(
            message(LearningRate::Range(0.0, 0.1)),
            "learning rate is 0, expected a range that starts above zero"
        );
    }
}
