//! The one-cycle policy.

use serde::{Deserialize, Serialize};

use crate::{
    Result,
    schedule::{Anneal, LearningRate, Phase, Schedule, Span, check_positive, check_share},
};

/// Leslie Smith's one-cycle policy: up to a high learning rate, then down to almost none, while
/// the momentum goes the other way.
///
/// The defaults are fastai's.
///
/// # Example
/// ```
/// # use tinderbox_learn::schedule::OneCycle;
/// # fn main() -> Result<(), tinderbox_learn::Error> {
/// let policy = OneCycle { lr_max: 0.05.into(), pct_start: 0.9, ..OneCycle::default() };
/// let schedule = policy.schedule(1, 10)?;
/// let lrs: Vec<f64> = (0..10).map(|batch| schedule.lrs(batch)[0]).collect();
/// assert!(lrs[..9].is_sorted());
/// assert_eq!(lrs[9], 0.05);
/// assert_eq!(schedule.momentum(9), Some(0.85));
/// # Ok(())
/// # }
/// ```
///
/// # Reference
/// Smith, [A disciplined approach to neural network hyper-parameters](https://arxiv.org/abs/1803.09820), 2018.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[doc(alias = "OneCycleScheduler")]
#[doc(alias = "fit_one_cycle")]
#[doc(alias = "max_lr")]
pub struct OneCycle {
    /// Learning rate at the peak: a number for all parameter groups, or one for each.
    pub lr_max: LearningRate,
    /// Share of the steps that go up, in `0.0..=1.0`.
    pub pct_start: f64,
    /// The first learning rate is `lr_max / div_factor`.
    pub div_factor: f64,
    /// The last learning rate is `lr_max / final_div`; `None` is `div_factor * 1e4`.
    pub final_div: Option<f64>,
    /// Momentum at both ends, and at the peak.
    pub moms: (f64, f64),
}

impl Default for OneCycle {
    fn default() -> Self {
        Self {
            lr_max: LearningRate::default(),
            pct_start: 0.3,
            div_factor: 25.0,
            final_div: None,
            moms: (0.95, 0.85),
        }
    }
}

impl From<LearningRate> for OneCycle {
    fn from(lr_max: LearningRate) -> Self {
        Self { lr_max, ..Self::default() }
    }
}

impl From<f64> for OneCycle {
    fn from(lr_max: f64) -> Self {
        Self::from(LearningRate::One(lr_max))
    }
}

impl OneCycle {
    /// The policy for a fit of `batches` batches in all, on a model of `groups` parameter groups.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) for a value outside its range,
    /// [`Error::RateCount`](crate::Error::RateCount) for rates that do not fit the groups.
    pub fn schedule(&self, groups: usize, batches: usize) -> Result<Schedule> {
        let final_div = self.final_div.unwrap_or(self.div_factor * 1e4);
        check_share("pct_start", self.pct_start)?;
        check_positive("div_factor", self.div_factor)?;
        check_positive("final_div", final_div)?;
        check_share("momentum", self.moms.0)?;
        check_share("momentum", self.moms.1)?;

        let lrs = self.lr_max.resolve(groups)?;
        let cosine = |start, end| Span { start, end, anneal: Anneal::Cosine };
        let rising = (batches as f64 * self.pct_start) as usize;
        let (ends, peak) = self.moms;
        Schedule::new(vec![
            Phase {
                batches: rising,
                lrs: lrs.iter().map(|lr| cosine(lr / self.div_factor, *lr)).collect(),
                momentum: Some(cosine(ends, peak)),
            },
            Phase {
                batches: batches - rising,
                lrs: lrs.iter().map(|lr| cosine(*lr, lr / final_div)).collect(),
                momentum: Some(cosine(peak, ends)),
            },
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refused(policy: &OneCycle, message: &str) {
        assert_eq!(policy.schedule(1, 10).unwrap_err().to_string(), message);
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let default = OneCycle::default();
        check_refused(
            &OneCycle { pct_start: 30.0, ..default.clone() },
            "pct_start is 30, expected a share from 0 to 1",
        );
        check_refused(
            &OneCycle { div_factor: 0.0, ..default.clone() },
            "div_factor is 0, expected a number above zero",
        );
        check_refused(
            &OneCycle { final_div: Some(f64::NAN), ..default.clone() },
            "final_div is NaN, expected a number above zero",
        );
        check_refused(
            &OneCycle { moms: (0.95, 8.5), ..default },
            "momentum is 8.5, expected a share from 0 to 1",
        );
    }

    #[test]
    fn the_last_rate_follows_the_first_unless_it_is_given() {
        let policy = OneCycle { div_factor: 10.0, ..OneCycle::from(1.0) };
        assert_eq!(policy.schedule(1, 10).unwrap().lrs(10), [1e-5]);
        let policy = OneCycle { final_div: Some(100.0), ..policy };
        assert_eq!(policy.schedule(1, 10).unwrap().lrs(10), [1e-2]);
    }
}
