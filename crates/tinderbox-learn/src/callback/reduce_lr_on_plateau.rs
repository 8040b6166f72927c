//! Lowering the learning rate when it no longer gets better.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Result,
    callback::{
        Answer, Callback, Change, Changes, Monitor, State, monitor::Verdict, read_state,
        write_state,
    },
};

/// Multiplies the learning rates by `factor` once the watched value has not improved for more
/// than `patience` epochs.
///
/// For fits at a constant rate: a schedule sets its own again. The defaults are fastai's. fastai
/// gives every parameter group the last one's new rate; here each keeps its place to the others.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[doc(alias = "ReduceLROnPlateauCallback")]
pub struct ReduceLrOnPlateau {
    /// What must get better.
    pub monitor: Monitor,
    /// How many epochs in a row may be no better; the next one lowers the rates.
    pub patience: usize,
    /// What the rates are multiplied by, in `0.0..1.0`.
    pub factor: f64,
    /// At or below this rate of the last parameter group all rates stay.
    pub min_lr: f64,
    waited: usize,
}

impl Default for ReduceLrOnPlateau {
    fn default() -> Self {
        Self { monitor: Monitor::default(), patience: 0, factor: 0.2, min_lr: 1e-3, waited: 0 }
    }
}

impl ReduceLrOnPlateau {
    /// Lowers the rates to a fifth.
    pub fn new(monitor: Monitor, patience: usize) -> Self {
        Self { monitor, patience, ..Self::default() }
    }
}

impl Callback for ReduceLrOnPlateau {
    fn name(&self) -> &'static str {
        "reduce_lr_on_plateau"
    }

    fn train_begin(&mut self, _: &State) -> Answer {
        self.monitor.reset();
        self.waited = 0;
        Ok(Changes::none())
    }

    fn epoch_end(&mut self, state: &State) -> Answer {
        match self.monitor.judge(state) {
            Verdict::Missing => return Ok(Changes::none()),
            Verdict::Unknown(message) => return Ok(Change::Note(message).into()),
            Verdict::Better => self.waited = 0,
            Verdict::NotBetter => self.waited += 1,
        }
        if self.waited <= self.patience || state.lr() <= self.min_lr {
            return Ok(Changes::none());
        }
        self.waited = 0;
        let lrs: Vec<f64> = state.lrs.iter().map(|lr| lr * self.factor).collect();
        let note =
            format!("epoch {}: reducing lr to {}", state.epoch + 1, state.lr() * self.factor);
        Ok([Change::LearningRates(lrs), Change::Note(note)].into())
    }

    fn save_state(&self) -> Value {
        write_state(self)
    }

    fn load_state(&mut self, saved: &Value) -> Result<()> {
        *self = read_state(self.name(), saved)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_keeps_its_place_to_the_others() {
        let mut callback = ReduceLrOnPlateau { factor: 0.5, ..ReduceLrOnPlateau::default() };
        let lrs = vec![0.25, 1.0];
        let state = State { valid_loss: Some(1.0), lrs, ..State::default() };
        assert_eq!(callback.epoch_end(&state).unwrap().into_iter().count(), 0);
        let changes: Vec<Change> = callback.epoch_end(&state).unwrap().into_iter().collect();
        assert!(matches!(&changes[0], Change::LearningRates(lrs) if lrs == &[0.125, 0.5]));
    }
}
