//! What every callback sees of a fit.

use std::time::Duration;

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use tinderbox_model::AnyTensor;

use crate::exact;

/// The facts of a fit at an event.
///
/// The fields are those of fastai's callback state, under its names where they say what they mean.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a change that callbacks ask for")]
pub struct State {
    /// Counted from 0. At `train_end` the number of finished epochs.
    pub epoch: usize,
    /// All epochs of the fit, those before a later first one included.
    pub n_epochs: usize,
    /// Training batches finished in this fit.
    pub iteration: usize,
    /// Training batches finished in this epoch.
    pub num_batch: usize,
    /// Validation batches finished in this epoch.
    pub valid_batch: usize,
    /// Training batches of an epoch.
    pub n_train_batches: usize,
    /// Validation batches of an epoch.
    pub n_valid_batches: usize,
    /// Whether the last batch was for training; nothing before the first.
    pub training: Option<bool>,
    /// Which network the batch trains, where that is one of several, as of a GAN.
    #[serde(skip)]
    pub learning: Option<&'static str>,

    /// What the model sees, from `batch_begin` on.
    #[serde(skip)]
    pub input: Option<AnyTensor>,
    /// What the loss compares with, from `batch_begin` on.
    #[serde(skip)]
    pub target: Option<AnyTensor>,
    /// What the model gave, from `loss_begin` on.
    #[serde(skip)]
    pub output: Option<AnyTensor>,
    /// What will be differentiated; only at `backward_begin`.
    #[serde(skip)]
    pub loss: Option<Tensor<1>>,
    /// The loss of the last batch, before anything changed it.
    #[serde(with = "exact::option")]
    pub last_loss: Option<f64>,
    /// The training loss, averaged over the batches so far with the last ones weighing most.
    #[serde(with = "exact::option")]
    pub smooth_loss: Option<f64>,

    /// The learning rate of each parameter group.
    pub lrs: Vec<f64>,
    /// Adam's beta1, the momentum of the others.
    pub momentum: f64,

    /// At `epoch_end`, if validation ran.
    #[serde(with = "exact::option")]
    pub valid_loss: Option<f64>,
    /// The metrics' names, in the order of their columns.
    pub metric_names: Vec<String>,
    /// How many of them, at the end, are parts of the loss.
    #[serde(default)]
    pub loss_parts: usize,
    /// One for each metric, at `epoch_end`, if validation ran; without it, what the training step has
    /// columns for.
    #[serde(with = "exact::list")]
    pub metrics: Vec<f64>,

    /// No validation from here on.
    pub skip_validate: bool,
    /// No backward pass for this batch.
    pub skip_backward: bool,
    /// No optimizer step for this batch.
    pub skip_step: bool,
    /// The gradients stay for the next batch: fastai's `skip_zero`.
    pub keep_gradients: bool,
    /// The loop over batches ends with this one.
    pub stop_epoch: bool,
    /// Why the fit ends after this epoch, if it does.
    pub stop_training: Option<String>,
    /// Whether a [`StopHandle`](crate::StopHandle) asked for the end: the fit is to be resumed.
    #[serde(skip)]
    pub interrupted: bool,

    /// How fast the fit goes.
    #[serde(skip)]
    pub speed: Speed,
}

/// How fast it goes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Speed {
    /// Training items in a second, over the epoch so far.
    pub items_per_second: f64,
    /// The share of the time in which the loop waited for data, in `0.0..=1.0`.
    pub waiting: f64,
    /// Until the end of the fit, if it goes on like this.
    pub remaining: Duration,
    /// Since the fit began, runs before an interruption included.
    pub elapsed: Duration,
}

impl State {
    /// The value that goes by `name`: `train_loss`, `valid_loss` or a metric's.
    pub fn value(&self, name: &str) -> Option<f64> {
        match name {
            "train_loss" => self.smooth_loss,
            "valid_loss" => self.valid_loss,
            _ => {
                let at = self.metric_names.iter().position(|metric| metric == name)?;
                self.metrics.get(at).copied()
            }
        }
    }

    /// The names that [`value`](Self::value) knows.
    pub fn value_names(&self) -> Vec<&str> {
        let metrics = self.metric_names.iter().map(String::as_str);
        ["train_loss", "valid_loss"].into_iter().chain(metrics).collect()
    }

    /// Whether `name` is that of a loss or a part of one: the lower, the better.
    pub fn is_loss(&self, name: &str) -> bool {
        let first_part = self.metric_names.len().saturating_sub(self.loss_parts);
        let mut parts = self.metric_names.iter().skip(first_part);
        ["train_loss", "valid_loss"].contains(&name) || parts.any(|part| part == name)
    }

    /// The last parameter group's learning rate, which tables and plots show.
    pub fn lr(&self) -> f64 {
        self.lrs.last().copied().unwrap_or(0.0)
    }
}
