//! A flat learning rate, then half a cosine to zero.

use serde::{Deserialize, Serialize};

use crate::{
    Result,
    schedule::{Anneal, LearningRate, Phase, Schedule, Span, check_share},
};

/// A flat learning rate that falls to zero along a cosine at the end; what fastai's `fit_fc` runs.
///
/// The defaults are fastai's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[doc(alias = "fit_flat_cos")]
pub struct FlatCos {
    /// The flat learning rate: a number for all parameter groups, or one for each.
    pub lr: LearningRate,
    /// Share of the steps that are flat, in `0.0..=1.0`.
    pub start_pct: f64,
    /// Momentum while the rate is flat, and while it falls.
    pub moms: (f64, f64),
}

impl Default for FlatCos {
    fn default() -> Self {
        Self { lr: LearningRate::default(), start_pct: 0.72, moms: (0.95, 0.85) }
    }
}

impl FlatCos {
    /// The schedule for a fit of `batches` batches in all, on a model of `groups` parameter groups.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) for a value outside its range,
    /// [`Error::RateCount`](crate::Error::RateCount) for rates that do not fit the groups.
    pub fn schedule(&self, groups: usize, batches: usize) -> Result<Schedule> {
        check_share("start_pct", self.start_pct)?;
        check_share("momentum", self.moms.0)?;
        check_share("momentum", self.moms.1)?;

        let lrs = self.lr.resolve(groups)?;
        let falling = |lr: &f64| Span { start: *lr, end: 0.0, anneal: Anneal::Cosine };
        let flat = (batches as f64 * self.start_pct) as usize;
        Schedule::new(vec![
            Phase {
                batches: flat,
                lrs: lrs.iter().map(|lr| Span::constant(*lr)).collect(),
                momentum: Some(Span::constant(self.moms.0)),
            },
            Phase {
                batches: batches - flat,
                lrs: lrs.iter().map(falling).collect(),
                momentum: Some(Span::constant(self.moms.1)),
            },
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_flat_and_then_falls_to_zero() {
        let policy = FlatCos { lr: 1.0.into(), ..FlatCos::default() };
        let schedule = policy.schedule(1, 10).unwrap();
        let lrs: Vec<f64> = (0..=10).map(|batch| schedule.lrs(batch)[0]).collect();
        assert_eq!(lrs[..8], [1.0; 8]);
        assert!((lrs[8] - 0.75).abs() < 1e-12);
        assert!((lrs[9] - 0.25).abs() < 1e-12);
        assert_eq!(lrs[10], 0.0);
        assert_eq!(schedule.momentum(7), Some(0.95));
        assert_eq!(schedule.momentum(8), Some(0.85));
    }

    #[test]
    fn a_share_out_of_range_is_named() {
        let error = FlatCos { start_pct: -0.1, ..FlatCos::default() }.schedule(1, 10).unwrap_err();
        assert_eq!(error.to_string(), "start_pct is -0.1, expected a share from 0 to 1");
    }
}
