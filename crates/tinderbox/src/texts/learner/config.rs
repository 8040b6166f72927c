//! What may be unusual about a model of texts.

use tinderbox_data::Inference;
use tinderbox_learn::{Bundle, Learner};
use tinderbox_model::{
    arch::{ModelSpec, TextSpec},
    weights::StateDict,
};

use crate::{DeviceChoice, train::SEED};

/// What the learners of texts are made of: an architecture by its name, a [`TextSpec`], or a model
/// to start from, with whatever is to be otherwise than usual.
///
/// # Example
/// ```no_run
/// use tinderbox::prelude::*;
///
/// # fn example(data: DataBunch) -> Result<(), tinderbox::Error> {
/// // For more data than usual.
/// let learn = language_model_learner(data, TextLearnerConfig::new("awd-lstm").drop_mult(0.5))?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct TextLearnerConfig {
    pub(super) start: Start,
    /// What all dropouts of an AWD-LSTM are multiplied by; 1.
    pub drop_mult: f64,
    /// What fresh weights follow from; 42.
    pub seed: u64,
    /// Where it is trained: on the graphics card if the program was built for one and there is one,
    /// else on the CPU.
    pub device: DeviceChoice,
}

/// What is trained.
#[derive(Debug, Clone)]
pub(super) enum Start {
    /// Called so, of the sizes that the data calls for.
    Arch(String),
    Spec(TextSpec),
    /// A model that knows something already.
    Trained(Box<Trained>),
}

/// A trained model of texts.
#[derive(Debug, Clone)]
pub(super) struct Trained {
    pub(super) arch: Option<ModelSpec>,
    pub(super) inference: Inference,
    pub(super) weights: StateDict,
}

impl TextLearnerConfig {
    /// The architecture called so, with all else as usual.
    pub fn new(arch: impl Into<String>) -> Self {
        Self::starting(Start::Arch(arch.into()))
    }

    fn starting(start: Start) -> Self {
        Self { start, drop_mult: 1.0, seed: SEED, device: DeviceChoice::default() }
    }

    /// Multiplies all dropouts of an AWD-LSTM: less than 1 for much data, more for little.
    pub fn drop_mult(self, drop_mult: f64) -> Self {
        Self { drop_mult, ..self }
    }

    /// Draws fresh weights from this seed.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Trains there.
    pub fn device(self, device: DeviceChoice) -> Self {
        Self { device, ..self }
    }
}

impl From<&str> for TextLearnerConfig {
    fn from(arch: &str) -> Self {
        Self::new(arch)
    }
}

impl From<String> for TextLearnerConfig {
    fn from(arch: String) -> Self {
        Self::new(arch)
    }
}

impl From<TextSpec> for TextLearnerConfig {
    /// The spec as it is, fresh.
    fn from(spec: TextSpec) -> Self {
        Self::starting(Start::Spec(spec))
    }
}

impl From<&Learner> for TextLearnerConfig {
    /// What the learner's model knows.
    fn from(learner: &Learner) -> Self {
        Self::starting(Start::Trained(Box::new(Trained {
            arch: learner.spec().cloned(),
            inference: learner.data().inference(),
            weights: learner.state_dict(),
        })))
    }
}

impl From<&Bundle> for TextLearnerConfig {
    /// What a finished model knows.
    fn from(model: &Bundle) -> Self {
        Self::starting(Start::Trained(Box::new(Trained {
            arch: Some(model.manifest.arch.clone()),
            inference: model.manifest.inference.clone(),
            weights: model.weights().clone(),
        })))
    }
}
