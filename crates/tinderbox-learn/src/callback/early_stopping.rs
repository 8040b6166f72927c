//! Stopping when it no longer gets better.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Result,
    callback::{
        Answer, Callback, Change, Changes, Monitor, State, monitor::Verdict, read_state,
        write_state,
    },
};

/// Ends the fit once the watched value has not improved for more than `patience` epochs.
///
/// The defaults are fastai's: the validation loss, and no patience.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[doc(alias = "EarlyStoppingCallback")]
pub struct EarlyStopping {
    /// What must get better.
    pub monitor: Monitor,
    /// How many epochs in a row may be no better; the next one ends the fit.
    pub patience: usize,
    waited: usize,
}

impl EarlyStopping {
    /// How the reason ends that a fit gives which it has ended.
    pub const REASON: &'static str = "early stopping";

    /// Waits for `patience` epochs.
    pub fn new(monitor: Monitor, patience: usize) -> Self {
        Self { monitor, patience, waited: 0 }
    }
}

impl Callback for EarlyStopping {
    fn name(&self) -> &'static str {
        "early_stopping"
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
        if self.waited <= self.patience {
            return Ok(Changes::none());
        }
        Ok(Change::StopTraining(format!("epoch {}: {}", state.epoch + 1, Self::REASON)).into())
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

    #[track_caller]
    fn check(patience: usize, losses: &[f64], stops_after: Option<usize>) {
        let mut callback = EarlyStopping::new(Monitor::default(), patience);
        callback.train_begin(&State::default()).unwrap();
        let stopped = losses.iter().position(|&loss| {
            let state = State { valid_loss: Some(loss), ..State::default() };
            callback.epoch_end(&state).unwrap().into_iter().count() > 0
        });
        assert_eq!(stopped, stops_after);
    }

    #[test]
    fn early_stopping_waits_for_its_patience() {
        check(1, &[3.0, 2.0, 1.0], None);
        check(1, &[1.0, 2.0, 3.0], Some(2));
        check(1, &[1.0, 2.0, 0.5, 2.0, 3.0], Some(4));
        check(0, &[1.0, f64::NAN], Some(1));
    }

    #[test]
    fn its_state_survives_a_checkpoint() {
        let mut callback = EarlyStopping::new(Monitor::default(), 1);
        let epoch = |loss| State { valid_loss: Some(loss), ..State::default() };
        callback.epoch_end(&epoch(1.0)).unwrap();
        callback.epoch_end(&epoch(2.0)).unwrap();
        let mut resumed = EarlyStopping::default();
        resumed.load_state(&callback.save_state()).unwrap();
        assert_eq!(resumed.epoch_end(&epoch(3.0)).unwrap().into_iter().count(), 1);
    }

    #[test]
    fn a_foreign_state_is_refused() {
        let error = EarlyStopping::default().load_state(&Value::Bool(true)).unwrap_err();
        assert_eq!(error.to_string(), "the saved state of `early_stopping` is not one of its own");
    }
}
