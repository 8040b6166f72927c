//! [`Learner`]: data, a model, a loss, and what it takes to bring them together.

use std::path::{Path, PathBuf};

use burn::{module::Module, tensor::Device};
use tinderbox_data::{Batch, DataBunch, batch::Set};
use tinderbox_model::{
    Layer, Mode,
    arch::ModelSpec,
    groups, set_mode,
    summary::{Summary, try_summary_of},
    weights::{StateDict, Strict, load_state_dict, state_dict},
};
use tinderbox_ops::with_exact_conv;

use crate::{
    Error, Recorder, Result,
    callback::{Callback, MixUp},
    checkpoint::Checkpoints,
    fit::{Fit, Observer, Outcome, Policy, Report, Run},
    loss::{IntoLoss, Loss, MixUpLoss, loss_of},
    metric::{IntoMetrics, Metric},
    optim::{Decay, Optimizer, Rule},
    schedule::{LearningRate, OneCycle},
    stop::StopHandle,
    tensors::tensor,
};

/// Trains a model on data: fastai's `Learner`.
///
/// The model is trained on a device with autodiff; validation and prediction run without, on a
/// copy in evaluation mode.
///
/// The public fields are the settings, at fastai's defaults. They are read when a fit begins, and
/// those of the optimizer when one is made.
pub struct Learner {
    pub(crate) data: DataBunch,
    /// Only absent during a step.
    pub(crate) model: Option<Box<dyn Layer>>,
    pub(crate) loss: Box<dyn Loss>,
    pub(crate) metrics: Vec<Box<dyn Metric>>,
    pub(crate) callbacks: Vec<Box<dyn Callback>>,
    /// With autodiff.
    pub(crate) device: Device,

    /// The optimizer's rule; [`Rule::ADAM`] unless it is set.
    pub rule: Rule,
    /// How parameters decay.
    pub decay: Decay,
    /// How much parameters decay; 0.01 unless it is set.
    pub weight_decay: f64,
    /// Whether batch norms in frozen groups stay trainable; they do unless it is set.
    pub train_bn: bool,
    /// Whether the CPU's convolutions form their sums as the definition says, in training, validation
    /// and predictions: slower, and exact. See [`with_exact_conv`]. They do not unless it is set.
    pub exact_conv: bool,
    /// Where [`save`](Self::save) and [`load`](Self::load) find their files: `models` in the
    /// folder that the program runs in, unless it is set.
    pub model_dir: PathBuf,

    /// Where the parameter groups begin; empty for a single one.
    pub(crate) starts: Vec<String>,
    /// The first group that is trained.
    pub(crate) frozen_to: usize,
    pub(crate) optimizer: Option<Optimizer>,
    pub(crate) recorder: Recorder,
    /// How many fits there were, and how many epochs they were given: what the next one's random
    /// numbers and order of items come from.
    pub(crate) fits: u64,
    pub(crate) epochs: usize,

    pub(crate) arch: Option<ModelSpec>,
    pub(crate) checkpoints: Option<Checkpoints>,
    pub(crate) stop: StopHandle,
    pub(crate) observer: Option<Observer>,
}

impl Learner {
    /// A learner at fastai's defaults. The model is moved to autodiff if it is not there.
    ///
    /// The loss is a function of the model's output and the target, with its tensor types written
    /// out, or a [`Loss`].
    pub fn new<Args>(
        data: DataBunch,
        model: impl Layer + 'static,
        loss: impl IntoLoss<Args>,
    ) -> Self {
        Self::boxed(data, Box::new(model), loss)
    }

    /// [`new`](Self::new), for a model of whatever type.
    pub fn boxed<Args>(data: DataBunch, model: Box<dyn Layer>, loss: impl IntoLoss<Args>) -> Self {
        let device = model.devices().first().cloned().unwrap_or_default();
        let (model, device) = match device.is_autodiff() {
            true => (model, device),
            false => (model.train(), device.autodiff()),
        };
        Self {
            data,
            model: Some(model),
            loss: loss.into_loss(),
            metrics: Vec::new(),
            callbacks: Vec::new(),
            device,
            rule: Rule::default(),
            decay: Decay::default(),
            weight_decay: 0.01,
            train_bn: true,
            exact_conv: false,
            model_dir: "models".into(),
            starts: Vec::new(),
            frozen_to: 0,
            optimizer: None,
            recorder: Recorder::default(),
            fits: 0,
            epochs: 0,
            arch: None,
            checkpoints: None,
            stop: StopHandle::default(),
            observer: None,
        }
    }

    /// [`boxed`](Self::boxed), with the loss that the data's targets call for.
    ///
    /// # Errors
    /// [`Error::NoLoss`] for targets that call for none: see [`loss_of`].
    pub fn for_target(data: DataBunch, model: Box<dyn Layer>) -> Result<Self> {
        let loss = loss_of(data.target())?;
        Ok(Self::boxed(data, model, loss))
    }

    /// Trains with another loss than the one that it was made with.
    ///
    /// # Example
    /// ```no_run
    /// # fn example(learner: tinderbox_learn::Learner) {
    /// use tinderbox_learn::loss::LabelSmoothingCrossEntropy;
    ///
    /// let learner = learner.loss(LabelSmoothingCrossEntropy::default());
    /// # }
    /// ```
    pub fn loss<Args>(mut self, loss: impl IntoLoss<Args>) -> Self {
        self.loss = loss.into_loss();
        self
    }

    /// Measures these in every validation.
    pub fn metrics<Args>(mut self, metrics: impl IntoMetrics<Args>) -> Self {
        self.metrics = metrics.into_metrics();
        self
    }

    /// Adds a callback that takes part in every fit from here on.
    pub fn callback(mut self, callback: impl Callback + 'static) -> Self {
        self.callbacks.push(Box::new(callback));
        self
    }

    /// Says which architecture the model is, which [`export`](Self::export) needs to know.
    pub fn arch(mut self, arch: impl Into<ModelSpec>) -> Self {
        self.arch = Some(arch.into());
        self
    }

    /// Mixes pictures and classes in training from here on: fastai's `mixup`, whose `alpha` is 0.4.
    ///
    /// # Errors
    /// As [`MixUp::new`].
    pub fn mixup(mut self, alpha: f32) -> Result<Self> {
        let seed = self.data.seed();
        self.loss = Box::new(MixUpLoss::new(self.loss));
        Ok(self.callback(MixUp::new(alpha, seed)?))
    }

    /// Writes checkpoints from here on.
    pub fn checkpoints(mut self, checkpoints: Checkpoints) -> Self {
        self.checkpoints = Some(checkpoints);
        self
    }

    /// Tells `observer` how every fit goes.
    pub fn observe(mut self, observer: impl FnMut(&Report<'_>) + Send + 'static) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Ends its fits when `stop` asks for it, in place of a handle of its own: one that is shared
    /// with what runs before and after, as the preparation of the data.
    ///
    /// A handle that asked already ends the next fit after its first batch.
    ///
    /// # Example
    /// ```no_run
    /// # fn example(learner: tinderbox_learn::Learner) {
    /// let stop = tinderbox_learn::StopHandle::default();
    /// let learner = learner.stopped_by(stop.clone());
    /// std::thread::spawn(move || stop.stop());
    /// # }
    /// ```
    pub fn stopped_by(mut self, stop: StopHandle) -> Self {
        self.stop = stop;
        self
    }

    /// Trains for `epochs` epochs at a constant learning rate.
    ///
    /// The optimizer of an earlier fit goes on with what it remembers.
    ///
    /// # Errors
    /// Whatever goes wrong with the data, the model or a callback; the model is kept as it is then.
    pub fn fit(&mut self, epochs: usize, lr: impl Into<LearningRate>) -> Result<Outcome> {
        self.fit_with(Fit::new(epochs, Policy::Constant(lr.into())), Vec::new())
    }

    /// Trains for `epochs` epochs with the one-cycle policy.
    ///
    /// # Errors
    /// As [`fit`](Self::fit).
    pub fn fit_one_cycle(&mut self, epochs: usize, policy: impl Into<OneCycle>) -> Result<Outcome> {
        self.fit_with(Fit::new(epochs, Policy::OneCycle(policy.into())), Vec::new())
    }

    /// Trains as `fit` says, with `callbacks` besides the learner's own.
    ///
    /// # Errors
    /// As [`fit`](Self::fit).
    pub fn fit_with(&mut self, fit: Fit, callbacks: Vec<Box<dyn Callback>>) -> Result<Outcome> {
        with_exact_conv(self.exact_conv, || Run::begin(self, fit, callbacks)?.finish())
    }

    /// Goes on with the fit that the checkpoint in `file` was written in, to the same weights, bit
    /// for bit, that it would have reached.
    ///
    /// The learner must be made like the one that wrote it, from the same data, and `callbacks`
    /// must be those that were passed to the fit. A fit that was finished is only loaded.
    ///
    /// # Errors
    /// [`Error::NotOurs`] or [`Error::CheckpointFit`] for a file that cannot be used here; then
    /// as [`fit`](Self::fit).
    pub fn resume_with(
        &mut self,
        file: &Path,
        callbacks: Vec<Box<dyn Callback>>,
    ) -> Result<Outcome> {
        with_exact_conv(self.exact_conv, || match Run::resume(self, file, callbacks)? {
            Some(run) => run.finish(),
            None => Ok(Outcome::Finished { epochs: self.recorder.last_epoch(), reason: None }),
        })
    }

    /// [`resume_with`](Self::resume_with) the learner's own callbacks only.
    ///
    /// # Errors
    /// As there.
    pub fn resume(&mut self, file: &Path) -> Result<Outcome> {
        self.resume_with(file, Vec::new())
    }

    /// Divides the parameters into groups, each from a path of `starts` on to the next:
    /// `["layer3", "fc"]`. What comes before the first is a group too. The optimizer begins anew.
    ///
    /// # Errors
    /// [`Error::NoSuchPart`] if the model has no parameters there, [`Error::GroupOrder`] if one
    /// does not come after the one before it.
    pub fn split<S: Into<String>>(&mut self, starts: impl IntoIterator<Item = S>) -> Result<()> {
        let mut starts: Vec<String> = starts.into_iter().map(Into::into).collect();
        let parts = groups::parameters(self.model());
        let first = |start: &String| {
            let at = parts.iter().position(|part| groups::is_under(&part.path, start));
            let model = self.model().name();
            at.ok_or_else(|| Error::NoSuchPart { part: start.clone(), model })
        };
        let firsts = starts.iter().map(first).collect::<Result<Vec<usize>>>()?;
        if let Some(at) = firsts.windows(2).position(|pair| pair[0] >= pair[1]) {
            let (before, part) = (starts[at].clone(), starts[at + 1].clone());
            return Err(Error::GroupOrder { part, before });
        }
        if firsts.first().is_some_and(|first| *first > 0) {
            starts.insert(0, parts[0].path.clone());
        }
        self.starts = starts;
        self.freeze_to(0)
    }

    /// How many fits were finished.
    pub fn n_fits(&self) -> usize {
        self.fits as usize
    }

    /// How many parameter groups there are.
    pub fn n_groups(&self) -> usize {
        self.starts.len().max(1)
    }

    /// Trains the groups from `first` on, counted from the end if it is negative, and with
    /// [`train_bn`](Self::train_bn) the batch norms of the others. The optimizer begins anew.
    ///
    /// # Errors
    /// [`Error::NoSuchGroup`].
    pub fn freeze_to(&mut self, first: isize) -> Result<()> {
        let groups = self.n_groups();
        let index = if first < 0 { first + groups as isize } else { first };
        let index = usize::try_from(index).ok().filter(|index| *index < groups);
        let Some(index) = index else { return Err(Error::NoSuchGroup { first, groups }) };
        self.frozen_to = index;
        self.optimizer = None;
        let starts: Vec<&str> = self.starts.iter().map(String::as_str).collect();
        let train_bn = self.train_bn;
        let model = self.model.take().expect("only absent during a step");
        self.model = Some(groups::freeze_to(model, &starts, index, train_bn));
        Ok(())
    }

    /// Trains the last group only.
    ///
    /// # Errors
    /// [`Error::OneGroup`] if there is no other.
    pub fn freeze(&mut self) -> Result<()> {
        match self.n_groups() {
            1 => Err(Error::OneGroup),
            _ => self.freeze_to(-1),
        }
    }

    /// Trains everything.
    pub fn unfreeze(&mut self) {
        self.freeze_to(0).expect("there is a first group");
    }

    /// The table of the model's layers, for a batch of the training set.
    ///
    /// # Errors
    /// Those of preparing the batch; [`Error::Forward`] if the model does not take it.
    pub fn summary(&self) -> Result<Summary> {
        self.summary_for(self.data.one_batch(Set::Train)?)
    }

    /// The table for a batch of the data's.
    pub(crate) fn summary_for(&self, batch: Batch) -> Result<Summary> {
        let input = tensor(batch.inputs, &self.device.clone().inner())?;
        let shape = input.dims();
        try_summary_of(self.model(), input).map_err(|error| Error::of_forward(error, shape))
    }

    /// The model, as it trains.
    pub fn model(&self) -> &dyn Layer {
        &**self.boxed_model()
    }

    #[expect(clippy::borrowed_box, reason = "Burn visits the box")]
    pub(crate) fn boxed_model(&self) -> &Box<dyn Layer> {
        self.model.as_ref().expect("only absent during a step")
    }

    /// A copy for inference: without autodiff, in evaluation mode.
    pub fn eval_model(&self) -> Box<dyn Layer> {
        set_mode(self.boxed_model().valid(), Mode::Eval)
    }

    pub(crate) fn change_model(&mut self, change: impl FnOnce(Box<dyn Layer>) -> Box<dyn Layer>) {
        let model = self.model.take().expect("only absent during a step");
        self.model = Some(change(model));
    }

    /// The data.
    pub fn data(&self) -> &DataBunch {
        &self.data
    }

    /// The history of the last fit.
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// The optimizer of the last fit, if the groups are still what they were.
    pub fn optimizer(&self) -> Option<&Optimizer> {
        self.optimizer.as_ref()
    }

    /// What turns the model's output into predictions: the loss says.
    pub fn activation(&self) -> crate::loss::Activation {
        self.loss.activation()
    }

    /// Asks a running fit to end, from another thread or a signal's handler.
    pub fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// The weights and running statistics, by PyTorch's names.
    pub fn state_dict(&self) -> StateDict {
        state_dict(&*self.boxed_model().valid())
    }

    /// Replaces the weights; groups and what is frozen stay.
    ///
    /// # Errors
    /// [`Error::Model`] naming what does not fit.
    pub fn load_state_dict(&mut self, weights: &StateDict, strict: Strict) -> Result<()> {
        let model = self.model.take().expect("only absent during a step");
        let kept = model.clone();
        match load_state_dict(model, weights, strict) {
            Ok((model, _)) => {
                self.model = Some(model);
                Ok(())
            }
            Err(error) => {
                self.model = Some(kept);
                Err(error.into())
            }
        }
    }
}

impl std::fmt::Debug for Learner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Learner")
            .field("model", &self.model)
            .field("loss", &self.loss.name())
            .field("rule", &self.rule)
            .field("weight_decay", &self.weight_decay)
            .field("groups", &self.starts)
            .finish_non_exhaustive()
    }
}
