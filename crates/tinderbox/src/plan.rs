//! What a run will do: the user's settings, completed from the data. It is saved with the
//! run, and nothing in it is left to be decided: no constant of the code changes a resumed run.

pub(crate) mod batch_size;
mod choices;
pub(crate) mod class_folders;
pub(crate) mod classes;
pub(crate) mod columns;
pub(crate) mod memory;
pub(crate) mod phases;
mod set_folders;
pub(crate) mod split;
pub(crate) mod survey;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tinderbox_data::BatchOptions;
use tinderbox_learn::optim::Rule;

pub use batch_size::BatchSizeError;
pub(crate) use choices::ASKED;
pub use choices::{Choice, Choices};
pub use memory::MemoryError;
pub use phases::{AtSize, Phase};
pub use split::{Split, SplitError};

use crate::{DeviceChoice, Keep, Result, SettingsError, weights::WeightsFile};

/// A run, complete.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan<T> {
    pub data: Sources,
    /// The task.
    pub task: T,
    pub start: Start,
    pub fit: FitPlan,
    pub host: Host,
    /// Seed of everything random.
    pub seed: u64,
    /// Every setting as it was decided: what is given anew when the run is resumed must be the same.
    pub decided: Map<String, Value>,
    /// How the settings came about, for people.
    pub choices: Vec<Choice>,
    /// What of the data is not used, which its owner may not have meant.
    pub warnings: Vec<String>,
}

impl<T> Plan<T> {
    /// How items are batched in training.
    pub fn batch_options(&self) -> BatchOptions {
        BatchOptions {
            batch_size: self.fit.batch_size,
            workers: self.host.workers,
            seed: self.seed,
            cache_bytes: self.host.cache_bytes(),
            ..BatchOptions::default()
        }
    }
}

/// Where the data is: absolute paths by the names of settings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sources(pub BTreeMap<String, PathBuf>);

impl Sources {
    /// The path of the setting, if there is one.
    pub fn get(&self, setting: &str) -> Option<&Path> {
        self.0.get(setting).map(PathBuf::as_path)
    }

    /// The path of a setting that must be given.
    ///
    /// # Errors
    /// [`SettingsError::Missing`].
    pub fn need(&self, setting: &'static str) -> Result<&Path> {
        Ok(self.get(setting).ok_or(SettingsError::Missing { setting })?)
    }

    /// Adds a path, if there is one.
    pub fn with<'a>(mut self, setting: &str, path: impl Into<Option<&'a Path>>) -> Self {
        if let Some(path) = path.into() {
            self.0.insert(setting.to_owned(), path.to_owned());
        }
        self
    }

    /// The paths.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.0.values().map(PathBuf::as_path)
    }
}

/// Which weights a training begins with.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    #[default]
    Fresh,
    /// A pretrained body under new layers.
    Pretrained(WeightsFile),
    /// A finished run.
    Run { path: PathBuf, take: Take },
}

/// What is taken of a finished run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Take {
    /// All weights.
    All,
    /// All but the last layer's, whose outputs are others.
    Body,
    /// Those of a language model's encoder, for a head of classes.
    Encoder,
    /// All, moved to another vocabulary.
    Vocab,
}

/// How weights are fitted: what a resumed run keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FitPlan {
    /// The fits that the training consists of.
    pub phases: Vec<Phase>,
    pub optimizer: Rule,
    pub weight_decay: f64,
    pub batch_size: usize,
    /// Batches whose gradients make a step together.
    pub accumulate: usize,
    /// What the total gradient norm is clipped to, if it is.
    pub clip: Option<f64>,
    /// Whether convolutions form their sums as the definition says.
    pub exact_conv: bool,
    /// This many epochs in a row without an improvement end a fit, if any do.
    pub early_stop: Option<usize>,
    /// Which epoch's weights the model has.
    pub keep: Keep,
}

/// fastai's.
const WEIGHT_DECAY: f64 = 0.01;

impl FitPlan {
    /// Adam with fastai's weight decay, a step for each batch.
    pub fn new(phases: Vec<Phase>, batch_size: usize) -> Self {
        Self {
            phases,
            optimizer: Rule::default(),
            weight_decay: WEIGHT_DECAY,
            batch_size,
            accumulate: 1,
            clip: None,
            exact_conv: false,
            early_stop: None,
            keep: Keep::Last,
        }
    }

    /// A learning rate that may do better than one that broke down: a tenth of the highest.
    pub(crate) fn lower_lr(&self) -> f64 {
        let lrs = self.phases.iter().flat_map(|phase| phase.schedule.lr_max.resolve(2)).flatten();
        lrs.fold(0.0, f64::max) / 10.0
    }
}

/// How this machine does it, which changes no result: it may be set anew when a run is resumed. The
/// names are those of the settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    pub device: DeviceChoice,
    /// Threads that prepare batches ahead of the training step.
    pub workers: usize,
    /// Steps between checkpoints, besides those after each epoch; 0 for no others.
    pub checkpoint_every: usize,
    /// How many unreadable files may be left out.
    pub skip_bad: usize,
    /// Bound on the memory that keeps decoded images between epochs, in MB.
    pub cache: usize,
}

impl Default for Host {
    fn default() -> Self {
        Self {
            device: DeviceChoice::Auto,
            // Preparing is quick beside training.
            workers: std::thread::available_parallelism().map_or(1, |cores| cores.get().min(4)),
            checkpoint_every: 100,
            skip_bad: 0,
            cache: 1024,
        }
    }
}

impl Host {
    /// With the settings that are about the machine; others are none of its business.
    pub(crate) fn with(&self, given: &Map<String, Value>) -> Self {
        let Ok(Value::Object(mut host)) = serde_json::to_value(self) else { return self.clone() };
        for (key, value) in &mut host {
            if let Some(now) = given.get(key) {
                *value = now.clone();
            }
        }
        serde_json::from_value(Value::Object(host)).unwrap_or_else(|_| self.clone())
    }

    /// Bound on the memory that keeps decoded images between epochs.
    pub fn cache_bytes(&self) -> usize {
        self.cache.saturating_mul(1 << 20)
    }
}

/// What a task decides; the rest of a plan is the same for all.
#[derive(Debug)]
pub struct Decided<T> {
    pub task: T,
    pub start: Start,
    pub fit: FitPlan,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_is_set_anew_by_its_own_settings_only() {
        let given = serde_json::json!({ "workers": 0, "cache": 7, "epochs": 3, "device": "cpu" });
        let host = Host::default().with(given.as_object().unwrap());
        let now = Host { workers: 0, cache: 7, device: DeviceChoice::Cpu, ..Host::default() };
        assert_eq!((host, now.cache_bytes()), (now.clone(), 7 << 20));
    }

    #[test]
    fn a_lower_rate_is_a_tenth_of_the_highest() {
        use tinderbox_learn::schedule::LearningRate;
        let phase = |lr_max: LearningRate| Phase::whole(1, lr_max.into());
        let fit = |phases| FitPlan::new(phases, 2).lower_lr();
        assert_eq!(fit(vec![phase(LearningRate::One(0.5))]), 0.05);
        let two = vec![phase(LearningRate::Range(1e-5, 0.2)), phase(LearningRate::Slice(0.1))];
        assert!((fit(two) - 0.02).abs() < 1e-12);
    }
}
