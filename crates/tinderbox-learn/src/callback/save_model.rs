//! Keeping the weights of good epochs.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Result,
    callback::{
        Answer, Callback, Change, Changes, Monitor, State, monitor::Verdict, read_state,
        write_state,
    },
};

/// When [`SaveModel`] saves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum SaveWhen {
    /// When the watched value is better than ever, over the last one; the best is loaded at the
    /// end of the fit.
    #[default]
    Improvement,
    /// At the end of every epoch, as `name_0`, `name_1`, … A fit that begins with a later epoch
    /// loads the weights of the one before, if they are there.
    EveryEpoch,
}

/// Saves the model's weights when they are the best so far, or after every epoch.
///
/// The defaults are fastai's.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[doc(alias = "SaveModelCallback")]
pub struct SaveModel {
    /// What tells which epochs are good; [`SaveWhen::EveryEpoch`] does not ask.
    pub monitor: Monitor,
    /// When it saves.
    pub when: SaveWhen,
    /// The file's name in the learner's model folder, without its ending.
    pub file: String,
    saved: bool,
}

impl Default for SaveModel {
    fn default() -> Self {
        Self::new(Monitor::default(), SaveWhen::Improvement)
    }
}

impl SaveModel {
    /// Saves as `bestmodel`.
    pub fn new(monitor: Monitor, when: SaveWhen) -> Self {
        Self { monitor, when, file: "bestmodel".into(), saved: false }
    }

    fn file_of(&self, epoch: usize) -> PathBuf {
        format!("{}_{epoch}", self.file).into()
    }
}

impl Callback for SaveModel {
    fn name(&self) -> &'static str {
        "save_model"
    }

    fn train_begin(&mut self, _: &State) -> Answer {
        self.monitor.reset();
        self.saved = false;
        Ok(Changes::none())
    }

    fn epoch_begin(&mut self, state: &State) -> Answer {
        let begins_later = state.iteration == 0 && state.epoch > 0;
        match self.when == SaveWhen::EveryEpoch && begins_later {
            true => Ok(Change::Load(self.file_of(state.epoch - 1)).into()),
            false => Ok(Changes::none()),
        }
    }

    fn epoch_end(&mut self, state: &State) -> Answer {
        if self.when == SaveWhen::EveryEpoch {
            return Ok(Change::Save(self.file_of(state.epoch)).into());
        }
        match self.monitor.judge(state) {
            Verdict::Better => {
                self.saved = true;
                Ok(Change::Save(self.file.clone().into()).into())
            }
            Verdict::NotBetter | Verdict::Missing => Ok(Changes::none()),
            Verdict::Unknown(message) => Ok(Change::Note(message).into()),
        }
    }

    fn train_end(&mut self, state: &State, _: Option<&crate::Error>) -> Answer {
        // A fit that will be resumed goes on with the weights it has.
        match self.when == SaveWhen::Improvement && self.saved && !state.interrupted {
            true => Ok(Change::Load(self.file.clone().into()).into()),
            false => Ok(Changes::none()),
        }
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

    fn names(changes: Changes) -> Vec<&'static str> {
        changes.into_iter().map(|change| change.name()).collect()
    }

    #[test]
    fn the_best_is_loaded_at_the_end_unless_the_fit_goes_on_later() {
        let mut callback = SaveModel::default();
        let epoch = |loss| State { valid_loss: Some(loss), ..State::default() };
        assert_eq!(names(callback.epoch_end(&epoch(1.0)).unwrap()), ["save"]);
        assert!(names(callback.epoch_end(&epoch(2.0)).unwrap()).is_empty());
        assert_eq!(names(callback.train_end(&epoch(2.0), None).unwrap()), ["load"]);
        let interrupted = State { interrupted: true, ..State::default() };
        assert!(names(callback.train_end(&interrupted, None).unwrap()).is_empty());
    }

    #[test]
    fn every_epoch_has_a_file_of_its_own() {
        let mut callback = SaveModel::new(Monitor::default(), SaveWhen::EveryEpoch);
        let state = State { epoch: 3, ..State::default() };
        let changes: Vec<Change> = callback.epoch_end(&state).unwrap().into_iter().collect();
        assert!(matches!(&changes[..], [Change::Save(name)] if name.as_os_str() == "bestmodel_3"));
    }
}
