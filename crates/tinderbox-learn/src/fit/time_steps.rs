//! How long steps take, found out by making some.

use std::time::{Duration, Instant};

use tinderbox_model::random;
use tinderbox_ops::with_exact_conv;

use crate::{
    Learner, Result,
    fit::{Fit, Policy, Stage},
    schedule::LearningRate,
};

/// How long the batches of a fit take, each with the wait for its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepTimes {
    /// A training step: the median, without the first, in which memory is found and files are
    /// opened.
    pub step: Duration,
    /// A batch of validation; nothing if there is no validation set.
    pub valid_batch: Option<Duration>,
}

/// Real steps, but too small for a loss to diverge: numbers without end take another time.
const LR: f64 = 1e-5;

impl Learner {
    /// Makes this many training steps, at least one, and validates one batch, to see how long they
    /// take. Callbacks and observers hear nothing of it, and there are no checkpoints.
    ///
    /// The weights change, so this is for a learner that is thrown away afterwards.
    ///
    /// # Errors
    /// As [`fit`](Self::fit).
    pub fn time_steps(&mut self, steps: usize) -> Result<StepTimes> {
        let fit = Fit::new(1, Policy::Constant(LearningRate::from(LR)));
        with_exact_conv(self.exact_conv, || {
            let mut stage = Stage::begin(self, fit, Vec::new())?;
            // Nobody is told.
            stage.order.clear();
            stage.begin_epoch()?;
            let times = stage.time_training(steps.max(1))?;
            // Of a single one there is no other.
            let counted = if times.len() > 1 { &times[1..] } else { &times };
            Ok(StepTimes { step: median(counted), valid_batch: stage.time_validation()? })
        })
    }
}

impl Stage<'_> {
    /// The time of each step, over as many epochs as it takes.
    fn time_training(&mut self, steps: usize) -> Result<Vec<Duration>> {
        let mut times = Vec::with_capacity(steps);
        for epoch in self.learn.epochs.. {
            let mut start = Instant::now();
            for batch in self.learn.data.train_batches(epoch, 0) {
                self.begin_batch(batch?, true)?;
                random::seeded(self.step_seed(), || self.train_batch())?;
                self.forget_batch();
                self.drop_kept();
                self.state.iteration += 1;
                times.push(start.elapsed());
                if times.len() == steps {
                    return Ok(times);
                }
                start = Instant::now();
            }
        }
        unreachable!("an epoch has a batch, and there is always another")
    }

    fn time_validation(&mut self) -> Result<Option<Duration>> {
        let mut validation = self.begin_validation();
        let start = Instant::now();
        let Some(batch) = self.learn.data.valid_batches().next() else { return Ok(None) };
        self.begin_batch(batch?, false)?;
        self.forward_with(&*validation.model)?;
        self.measure(&mut validation)?;
        Ok(Some(start.elapsed()))
    }
}

/// # Panics
/// If there are none.
fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    (times[(times.len() - 1) / 2] + times[times.len() / 2]) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        let of = |millis: &[u64]| {
            let times: Vec<Duration> = millis.iter().copied().map(Duration::from_millis).collect();
            median(&times)
        };
        assert_eq!(of(&[7]), Duration::from_millis(7));
        assert_eq!(of(&[900, 1, 3]), Duration::from_millis(3));
        assert_eq!(of(&[4, 900, 1, 2]), Duration::from_millis(3));
    }
}
