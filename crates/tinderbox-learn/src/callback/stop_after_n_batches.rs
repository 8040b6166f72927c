//! A short fit.

use crate::callback::{Answer, Callback, Change, Changes, State};

/// Ends the fit after `n` batches, without validation: to see whether it runs at all.
#[derive(Debug, Clone, Copy)]
#[doc(alias = "ShortEpochCallback")]
pub struct StopAfterNBatches {
    /// Training batches, over the whole fit.
    pub n: usize,
}

impl Default for StopAfterNBatches {
    /// fastai's.
    fn default() -> Self {
        Self { n: 2 }
    }
}

impl Callback for StopAfterNBatches {
    fn name(&self) -> &'static str {
        "stop_after_n_batches"
    }

    fn batch_end(&mut self, state: &State) -> Answer {
        if state.iteration + 1 < self.n {
            return Ok(Changes::none());
        }
        let reason = format!("stopped after {} batches", self.n);
        Ok([Change::StopEpoch, Change::StopTraining(reason), Change::SkipValidation].into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stops_with_the_nth() {
        let mut callback = StopAfterNBatches { n: 3 };
        let changes = |iteration| State { iteration, ..State::default() };
        assert_eq!(callback.batch_end(&changes(1)).unwrap().into_iter().count(), 0);
        assert_eq!(callback.batch_end(&changes(2)).unwrap().into_iter().count(), 3);
    }
}
