//! Which learning rate and momentum each batch of a fit runs with.
//!
//! A [`Schedule`] is a pure function of the batch's number. Nothing is stepped, so a run that
//! resumes in the middle needs no state of it.

mod anneal;
mod flat_cos;
mod learning_rate;
mod lr_find;
mod one_cycle;
mod smoothed;

pub use anneal::Anneal;
pub use flat_cos::FlatCos;
pub use learning_rate::{LearningRate, Slice, slice};
pub use lr_find::{Divergence, LrFind, Suggestion, Verdict, suggestion};
pub use one_cycle::OneCycle;
pub use smoothed::Smoothed;

use crate::{Error, Result};

/// A value on its way from `start` to `end`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// At share 0.
    pub start: f64,
    /// At share 1.
    pub end: f64,
    /// How it gets there.
    pub anneal: Anneal,
}

impl Span {
    /// A value that stays.
    pub fn constant(value: f64) -> Self {
        Self { start: value, end: value, anneal: Anneal::None }
    }

    /// The value after `share` of the way, in `0.0..=1.0`.
    pub fn at(&self, share: f64) -> f64 {
        self.anneal.at(self.start, self.end, share)
    }
}

/// A stretch of batches over which rates and momentum go from one value to another.
///
/// fastai's `TrainingPhase`.
#[derive(Debug, Clone, PartialEq)]
pub struct Phase {
    /// How long it takes. A phase of none still takes one.
    pub batches: usize,
    /// The learning rate of each parameter group.
    pub lrs: Vec<Span>,
    /// `None` leaves the optimizer's own.
    pub momentum: Option<Span>,
}

/// The learning rates and the momentum of every batch of a fit: phases, one after the other.
///
/// The rates of batch `n` are those `n` steps into the schedule, so the first batch runs at the
/// first phase's start, and a phase's end is reached by the batch after its last. fastai's
/// `GeneralScheduler`.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    phases: Vec<Phase>,
}

impl Schedule {
    /// These phases, in this order.
    ///
    /// # Errors
    /// [`Error::Setting`] without phases; [`Error::RateCount`] if they disagree on the number of
    /// parameter groups.
    pub fn new(phases: Vec<Phase>) -> Result<Self> {
        let Some(first) = phases.first() else {
            return Err(Error::Setting {
                setting: "phases",
                found: "an empty list".into(),
                expected: "at least one",
            });
        };
        let groups = first.lrs.len();
        match phases.iter().find(|phase| phase.lrs.len() != groups) {
            Some(phase) => Err(Error::RateCount { given: phase.lrs.len(), groups }),
            None => Ok(Self { phases }),
        }
    }

    /// The same rates throughout, and the optimizer's own momentum.
    ///
    /// # Errors
    /// [`Error::RateCount`] if `lr` is a list of another length than `groups`.
    pub fn constant(lr: &LearningRate, groups: usize, batches: usize) -> Result<Self> {
        let lrs = lr.resolve(groups)?.into_iter().map(Span::constant).collect();
        Self::new(vec![Phase { batches, lrs, momentum: None }])
    }

    /// The learning rate of each parameter group while batch `batch` of the fit runs.
    pub fn lrs(&self, batch: usize) -> Vec<f64> {
        let (phase, share) = self.at(batch);
        phase.lrs.iter().map(|lr| lr.at(share)).collect()
    }

    /// The momentum while batch `batch` of the fit runs, if the schedule sets it.
    pub fn momentum(&self, batch: usize) -> Option<f64> {
        let (phase, share) = self.at(batch);
        phase.momentum.map(|momentum| momentum.at(share))
    }

    /// How many batches the schedule is made for.
    pub fn batches(&self) -> usize {
        self.phases.iter().map(|phase| phase.batches).sum()
    }

    /// Whether batch `batch` of the fit comes after all phases: it is the last one.
    pub fn is_over(&self, batch: usize) -> bool {
        batch >= self.phases.iter().map(|phase| phase.batches.max(1)).sum()
    }

    /// The phase that batch `batch` is in, and the share of it that has passed.
    ///
    /// Beyond the last phase it is the last value that stays.
    fn at(&self, batch: usize) -> (&Phase, f64) {
        let mut passed = batch;
        for phase in &self.phases {
            let length = phase.batches.max(1);
            if passed <= length {
                return (phase, passed as f64 / length as f64);
            }
            passed -= length;
        }
        (self.phases.last().expect("a schedule has phases"), 1.0)
    }
}

/// Fails unless `share` is in `0.0..=1.0`.
fn check_share(setting: &'static str, share: f64) -> Result<()> {
    match (0.0..=1.0).contains(&share) {
        true => Ok(()),
        false => Err(Error::Setting {
            setting,
            found: share.to_string(),
            expected: "a share from 0 to 1",
        }),
    }
}

/// Fails unless `number` is above zero and finite.
fn check_positive(setting: &'static str, number: f64) -> Result<()> {
    match number > 0.0 && number.is_finite() {
        true => Ok(()),
        false => Err(Error::Setting {
            setting,
            found: number.to_string(),
            expected: "a number above zero",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phase(batches: usize, start: f64, end: f64) -> Phase {
        let lrs = vec![Span { start, end, anneal: Anneal::Linear }];
        Phase { batches, lrs, momentum: None }
    }

    #[test]
    fn a_phase_ends_with_the_batch_after_its_last() {
        let schedule = Schedule::new(vec![phase(2, 0.0, 1.0), phase(4, 5.0, 9.0)]).unwrap();
        let lrs: Vec<f64> = (0..8).map(|batch| schedule.lrs(batch)[0]).collect();
        assert_eq!(lrs, [0.0, 0.5, 1.0, 6.0, 7.0, 8.0, 9.0, 9.0]);
        assert_eq!(schedule.batches(), 6);
        assert!(!schedule.is_over(5) && schedule.is_over(6));
    }

    #[test]
    fn a_constant_schedule_leaves_the_momentum_alone() {
        let schedule = Schedule::constant(&LearningRate::One(0.1), 2, 3).unwrap();
        assert_eq!(schedule.lrs(0), [0.1, 0.1]);
        assert_eq!(schedule.lrs(99), [0.1, 0.1]);
        assert_eq!(schedule.momentum(1), None);
    }

    #[test]
    fn phases_that_do_not_fit_together_are_refused() {
        let none = Schedule::new(vec![]).unwrap_err();
        assert_eq!(none.to_string(), "phases is an empty list, expected at least one");
        let two = Phase { lrs: vec![Span::constant(1.0); 2], ..phase(1, 0.0, 1.0) };
        let unequal = Schedule::new(vec![phase(1, 0.0, 1.0), two]).unwrap_err();
        assert_eq!(unequal.to_string(), "2 learning rates for 1 parameter groups");
    }
}
