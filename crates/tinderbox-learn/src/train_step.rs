//! What happens with a batch of training.

use serde_json::Value;

use crate::{Network, Result, Stage};

/// What a batch does: forward pass, loss, backward pass, update.
///
/// The loop hands every training batch to the learner's step, after `batch_begin` and before
/// `batch_end`. [`Supervised`] is the one that a learner has unless it is given
/// [another](crate::Learner::train_step).
///
/// # Example
/// A step that trains a second network on the same batches.
/// ```
/// use burn::tensor::Device;
/// # use tinderbox_data::{Array, BatchOptions, DataBunch};
/// use tinderbox_learn::{Learner, Network, Result, Stage, TrainStep, loss::MSELossFlat};
/// use tinderbox_model::{Sequential, layer::Linear};
///
/// struct Both(Network);
///
/// impl TrainStep for Both {
///     fn name(&self) -> &'static str {
///         "both"
///     }
///
///     fn train(&mut self, stage: &mut Stage<'_>) -> Result<()> {
///         // The other at half the learner's rate.
///         let lr = stage.state().lr() / 2.0;
///         let output = self.0.forward(stage.input())?;
///         let loss = stage.loss_of(output, stage.target())?;
///         let gradients = self.0.gradients(&loss)?;
///         self.0.optimizer_mut().expect("a fit is running").set_lrs(&[lr]);
///         self.0.step(gradients);
///         // And the learner's own network as always.
///         tinderbox_learn::Supervised.train(stage)
///     }
///
///     fn others(&mut self) -> Vec<(&'static str, &mut Network)> {
///         vec![("other", &mut self.0)]
///     }
/// }
///
/// # fn main() -> Result<()> {
/// # let set = || (Array::f32([8, 2], vec![0.5; 16]), Array::f32([8, 1], vec![1.0; 8]));
/// # let options = BatchOptions { batch_size: 4, ..BatchOptions::default() };
/// # let data = DataBunch::from_arrays(set(), set(), options)?;
/// let device = Device::flex();
/// let model = || Sequential::new().push(Linear::new(2, 1, &device));
/// let both = Both(Network::new(Box::new(model())));
/// let mut learner = Learner::new(data, model(), MSELossFlat).train_step(both);
/// learner.fit(1, 1e-3)?;
/// # Ok(())
/// # }
/// ```
#[doc(alias = "GANLearner")]
#[doc(alias = "GANTrainer")]
pub trait TrainStep: Send {
    /// What messages and checkpoints call it. A learner with another step refuses its checkpoints.
    fn name(&self) -> &'static str;

    /// Trains on the batch of `stage`, which has what belongs to the learner: its network, the
    /// batch, the events. All that is drawn with [`tinderbox_model::random`] follows from the run's
    /// seed and the batch's number.
    ///
    /// # Errors
    /// Those of the parts; an error ends the fit.
    fn train(&mut self, stage: &mut Stage<'_>) -> Result<()>;

    /// The networks that it trains besides the learner's, each by a name. They are in training mode,
    /// have an optimizer while a fit runs, and are in checkpoints, under `NAME.`.
    fn others(&mut self) -> Vec<(&'static str, &mut Network)> {
        Vec::new()
    }

    /// Told when a fit begins; not when one is resumed.
    fn fit_begin(&mut self) {}

    /// The loss of a validation batch, whose output is there: [`Stage::loss`] unless it is another.
    /// `stage` has no gradients.
    ///
    /// # Errors
    /// Those of the parts.
    fn valid_loss(&mut self, stage: &mut Stage<'_>) -> Result<()> {
        stage.loss()
    }

    /// Numbers of its own for each epoch, each a column of the table before the metrics.
    fn columns(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// What the columns say at the end of an epoch's training, one number each.
    fn values(&self) -> Vec<f64> {
        Vec::new()
    }

    /// What else it needs to go on after a checkpoint, as whose turn it is.
    fn save_state(&self) -> Value {
        Value::Null
    }

    /// Takes back what [`save_state`](Self::save_state) gave.
    ///
    /// # Errors
    /// [`Error::StepState`](crate::Error::StepState) if `saved` is not from a step like this.
    #[expect(unused_variables, reason = "named for those who write it")]
    fn load_state(&mut self, saved: &Value) -> Result<()> {
        Ok(())
    }
}

/// The step of a network that learns what its targets say: fastai's `loss_batch`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Supervised;

impl TrainStep for Supervised {
    fn name(&self) -> &'static str {
        "supervised"
    }

    fn train(&mut self, stage: &mut Stage<'_>) -> Result<()> {
        stage.forward()?;
        stage.loss_begin()?;
        stage.loss()?;
        stage.backward_begin()?;
        stage.backward()?;
        stage.backward_end()?;
        stage.step();
        stage.step_end()
    }
}
