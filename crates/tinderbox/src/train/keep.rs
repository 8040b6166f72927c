//! Which epoch's weights the model of a run has, and when its fits end early.

use std::{
    cmp::Ordering,
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tinderbox_learn::{
    Error, Learner, Result, WithOptimizer,
    callback::{Answer, Better, Callback, Change, Changes, EarlyStopping, Monitor, State},
};
use tinderbox_model::weights::Strict;

use crate::{About, Keep, RunFolder, plan::FitPlan};

/// The file of the best weights, in the run folder.
const BEST: &str = "best";

/// The best epoch of a run so far, over all of its fits.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Best {
    /// Counted from 1, over all fits.
    pub epoch: usize,
    /// What was watched, as bits: a checkpoint must give back the very number.
    bits: u64,
    /// The validation loss, likewise: of epochs that are as good, the one with the lower loss counts.
    loss_bits: u64,
    /// All metrics after it that are finite, by name.
    pub metrics: Vec<(String, f64)>,
}

/// What tells how good an epoch is: the task's headline metric, or the validation loss where that is
/// not measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Watched {
    pub name: String,
    lower_is_better: bool,
}

impl Watched {
    fn of(about: &About, learner: &Learner) -> Self {
        match learner.metric_names().iter().any(|name| name == about.metric) {
            true => {
                let lower_is_better = about.lower_is_better;
                Self { name: about.metric.to_owned(), lower_is_better }
            }
            false => Self { name: "valid_loss".to_owned(), lower_is_better: true },
        }
    }

    fn monitor(&self) -> Monitor {
        let better = if self.lower_is_better { Better::Lower } else { Better::Higher };
        Monitor::new(&self.name).with_better(better)
    }
}

/// The best epoch, once the fits have run.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept {
    best: Arc<Mutex<Option<Best>>>,
    watched: Option<Watched>,
}

impl Kept {
    /// The learner with the callbacks that a plan asks for.
    pub(super) fn watch(
        about: &About,
        fit: &FitPlan,
        run: &RunFolder,
        mut learner: Learner,
    ) -> (Learner, Self) {
        let watched = Watched::of(about, &learner);
        if let Some(epochs) = fit.early_stop {
            learner = learner.callback(EarlyStopping::new(watched.monitor(), epochs - 1));
        }
        match fit.keep {
            Keep::Last => (learner, Self::default()),
            Keep::Best => {
                run.root().clone_into(&mut learner.model_dir);
                let kept = Self { watched: Some(watched.clone()), ..Self::default() };
                let best = kept.best.clone();
                (learner.callback(KeepBest { watched, epochs: 0, best }), kept)
            }
        }
    }

    /// Gives the learner the weights of the best epoch, and says which it is; nothing if the last ones
    /// are kept, or no epoch could be judged.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(super) fn load(&self, learner: &mut Learner) -> Result<Option<Best>> {
        let best = self.best.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if best.is_some() {
            learner.load(BEST, Strict::Yes, WithOptimizer::No)?;
        }
        Ok(best)
    }

    /// Which epoch it is, for people.
    pub(super) fn describe(&self, best: &Best) -> String {
        let name = self.watched.as_ref().map_or("", |watched| watched.name.as_str());
        let value = f64::from_bits(best.bits);
        format!(
            "the model has the weights of epoch {} of the run, which had the best {name}: {value:.6}",
            best.epoch
        )
    }
}

/// Saves the weights whenever an epoch is better than all before it.
struct KeepBest {
    watched: Watched,
    /// How many are over, in all fits.
    epochs: usize,
    best: Arc<Mutex<Option<Best>>>,
}

impl Callback for KeepBest {
    fn name(&self) -> &'static str {
        "keep_best"
    }

    fn epoch_end(&mut self, state: &State) -> Answer {
        self.epochs += 1;
        let Some(value) = state.value(&self.watched.name).filter(|value| !value.is_nan()) else {
            return Ok(Changes::none());
        };
        let mut best = self.best.lock().unwrap_or_else(PoisonError::into_inner);
        let loss = state.valid_loss.unwrap_or(f64::INFINITY);
        let order = if self.watched.lower_is_better { Ordering::Less } else { Ordering::Greater };
        let is_better = best.as_ref().is_none_or(|best| {
            let [value_before, loss_before] = [best.bits, best.loss_bits].map(f64::from_bits);
            match value.partial_cmp(&value_before) {
                Some(Ordering::Equal) => loss < loss_before,
                found => found == Some(order),
            }
        });
        if !is_better {
            return Ok(Changes::none());
        }
        let metrics = state.metric_names.iter().cloned().zip(state.metrics.iter().copied());
        let metrics = metrics.filter(|(_, value)| value.is_finite()).collect();
        let (bits, loss_bits) = (value.to_bits(), loss.to_bits());
        *best = Some(Best { epoch: self.epochs, bits, loss_bits, metrics });
        Ok(Change::Save(BEST.into()).into())
    }

    fn save_state(&self) -> Value {
        let best = self.best.lock().unwrap_or_else(PoisonError::into_inner).clone();
        serde_json::to_value(Saved { epochs: self.epochs, best }).expect("it is plain data")
    }

    fn load_state(&mut self, saved: &Value) -> Result<(), Error> {
        let Saved { epochs, best } = Saved::deserialize(saved)
            .map_err(|source| Error::CallbackState { callback: self.name(), source })?;
        self.epochs = epochs;
        *self.best.lock().unwrap_or_else(PoisonError::into_inner) = best;
        Ok(())
    }
}

#[derive(Serialize, Deserialize)]
struct Saved {
    epochs: usize,
    best: Option<Best>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_epoch_of_all_fits_is_kept_across_a_checkpoint() {
        let watched = Watched { name: "accuracy".into(), lower_is_better: false };
        let new = || KeepBest { watched: watched.clone(), epochs: 0, best: Arc::default() };
        let state = |accuracy| State {
            metric_names: vec!["accuracy".into()],
            metrics: vec![accuracy],
            ..State::default()
        };
        let saves = |keep: &mut KeepBest, accuracy| {
            keep.epoch_end(&state(accuracy)).unwrap().into_iter().count() == 1
        };
        let mut keep = new();
        assert!(saves(&mut keep, 0.1 + 0.2));
        let mut resumed = new();
        resumed.load_state(&keep.save_state()).unwrap();
        // A fit that begins forgets nothing.
        resumed.train_begin(&State::default()).unwrap();
        assert!(!saves(&mut resumed, 0.1 + 0.2) && !saves(&mut resumed, f64::NAN));
        assert!(saves(&mut resumed, 0.31));
        // As good, with a lower loss.
        let lower = State { valid_loss: Some(0.5), ..state(0.31) };
        assert_eq!(resumed.epoch_end(&lower).unwrap().into_iter().count(), 1);
        let best = resumed.best.lock().unwrap().clone().unwrap();
        assert_eq!((best.epoch, best.metrics), (5, vec![("accuracy".to_owned(), 0.31)]));
    }
}
