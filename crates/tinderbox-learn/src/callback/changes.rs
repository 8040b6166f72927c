//! What a callback may change about a fit.

use std::{fmt::Debug, path::PathBuf};

use burn::tensor::Tensor;
use tinderbox_model::AnyTensor;

/// One thing that a callback changes. Each applies at once, so later callbacks see it.
#[derive(Debug, Clone)]
pub enum Change {
    /// At `train_begin`: the epoch to begin with. Those before it count as done.
    Epoch(usize),
    /// What the model sees, at `batch_begin`.
    Input(AnyTensor),
    /// What the loss and the metrics compare with, at `batch_begin`.
    Target(AnyTensor),
    /// What the loss and the metrics see of the model, at `loss_begin`.
    Output(AnyTensor),
    /// What is differentiated, at `backward_begin`.
    Loss(Tensor<1>),
    /// No backward pass for this batch, at `backward_begin`.
    SkipBackward,
    /// No optimizer step for this batch, up to `backward_end`.
    SkipStep,
    /// The gradients stay and those of the next batch are added to them, up to `step_end`.
    KeepGradients,
    /// No validation from here on to the end of the fit.
    SkipValidation,
    /// Ends the loop over batches that is running, at `batch_end`.
    StopEpoch,
    /// Ends the fit after this epoch, with the reason for the log.
    StopTraining(String),
    /// From here on the optimizer's learning rates, one for each parameter group. A schedule that
    /// sets them at every batch will set them again.
    LearningRates(Vec<f64>),
    /// Batch norms whose parameters are frozen normalise with their running statistics for the
    /// rest of the epoch, and leave them alone.
    FreezeNorms,
    /// The next batch of a recurrent model starts anew, not from what the last one left.
    ResetState,
    /// Saves the weights under this name in the learner's model folder.
    Save(PathBuf),
    /// Loads the weights of this name from the learner's model folder, if they are there.
    Load(PathBuf),
    /// A line for whoever watches.
    Note(String),
}

impl Change {
    /// For messages.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Epoch(_) => "epoch",
            Self::Input(_) => "input",
            Self::Target(_) => "target",
            Self::Output(_) => "output",
            Self::Loss(_) => "loss",
            Self::SkipBackward => "skip_backward",
            Self::SkipStep => "skip_step",
            Self::KeepGradients => "keep_gradients",
            Self::SkipValidation => "skip_validation",
            Self::StopEpoch => "stop_epoch",
            Self::StopTraining(_) => "stop_training",
            Self::LearningRates(_) => "learning_rates",
            Self::FreezeNorms => "freeze_norms",
            Self::ResetState => "reset_state",
            Self::Save(_) => "save",
            Self::Load(_) => "load",
            Self::Note(_) => "note",
        }
    }

    /// The events at which it means something; everywhere for those that always do.
    pub(crate) fn events(&self) -> &'static [&'static str] {
        match self {
            Self::Epoch(_) => &["train_begin"],
            Self::Input(_) | Self::Target(_) => &["batch_begin"],
            Self::Output(_) => &["loss_begin"],
            Self::Loss(_) | Self::SkipBackward => &["backward_begin"],
            Self::SkipStep => &["backward_begin", "backward_end"],
            Self::KeepGradients => &["backward_begin", "backward_end", "step_end"],
            Self::StopEpoch => &["batch_begin", "backward_begin", "step_end", "batch_end"],
            _ => &[],
        }
    }
}

/// The changes that a callback answers with, in order. Most often none, which costs nothing.
#[derive(Debug, Clone, Default)]
pub struct Changes(Vec<Change>);

impl Changes {
    /// Goes on as before.
    pub fn none() -> Self {
        Self::default()
    }

    /// These and one more.
    pub fn and(mut self, change: Change) -> Self {
        self.0.push(change);
        self
    }
}

impl From<Change> for Changes {
    fn from(change: Change) -> Self {
        Self(vec![change])
    }
}

impl<const N: usize> From<[Change; N]> for Changes {
    fn from(changes: [Change; N]) -> Self {
        Self(changes.into())
    }
}

impl IntoIterator for Changes {
    type Item = Change;
    type IntoIter = std::vec::IntoIter<Change>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
