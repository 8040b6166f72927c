//! [`Learner`]: data, a model, a loss, and what it takes to bring them together.

use std::{
    mem,
    path::{Path, PathBuf},
};

use tinderbox_data::{Batch, DataBunch, batch::Set};
use tinderbox_model::{
    Layer,
    arch::ModelSpec,
    summary::Summary,
    weights::{LoadReport, StateDict, Strict},
};
use tinderbox_ops::with_exact_conv;

use crate::{
    Network, Recorder, Result, Supervised, TrainStep,
    callback::{Callback, MixUp},
    checkpoint::{Checkpoint, Checkpoints, check_names},
    fit::{Fit, Observer, Outcome, Policy, Report, Stage},
    loss::{IntoLoss, Loss, MixUpLoss, loss_of},
    metric::{IntoMetrics, Metric},
    optim::Optimizer,
    schedule::{LearningRate, OneCycle},
    stop::StopHandle,
    tensors::tensor,
};

/// Trains a model on data: fastai's `Learner`.
///
/// The model is trained on a device with autodiff; validation and prediction run without, on a
/// copy in evaluation mode.
///
/// The public fields are settings, as are those of its [`Network`], at fastai's defaults.
pub struct Learner {
    pub(crate) data: DataBunch,
    pub(crate) network: Network,
    /// Only absent while it runs.
    pub(crate) step: Option<Box<dyn TrainStep>>,
    pub(crate) loss: Box<dyn Loss>,
    pub(crate) metrics: Vec<Box<dyn Metric>>,
    pub(crate) callbacks: Vec<Box<dyn Callback>>,

    /// Whether the CPU's convolutions form their sums as the definition says, in training, validation
    /// and predictions: slower, and exact. See [`with_exact_conv`]. They do not unless it is set.
    pub exact_conv: bool,
    /// Where [`save`](Self::save) and [`load`](Self::load) find their files: `models` in the
    /// folder that the program runs in, unless it is set.
    pub model_dir: PathBuf,

    pub(crate) recorder: Recorder,
    /// Those of the fits before the last.
    pub(crate) earlier: Vec<Recorder>,
    /// How many fits there were, and how many epochs they were given: what the next one's random
    /// numbers and order of items come from.
    pub(crate) fits: u64,
    pub(crate) epochs: usize,

    pub(crate) arch: Option<ModelSpec>,
    /// What was found of the weights that the model started with.
    loaded: LoadReport,
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
        Self {
            data,
            network: Network::new(model),
            step: Some(Box::new(Supervised)),
            loss: loss.into_loss(),
            metrics: Vec::new(),
            callbacks: Vec::new(),
            exact_conv: false,
            model_dir: "models".into(),
            recorder: Recorder::default(),
            earlier: Vec::new(),
            fits: 0,
            epochs: 0,
            arch: None,
            loaded: LoadReport::default(),
            checkpoints: None,
            stop: StopHandle::default(),
            observer: None,
        }
    }

    /// [`boxed`](Self::boxed), with the loss that the data's targets call for.
    ///
    /// # Errors
    /// [`Error::NoLoss`](crate::Error::NoLoss) for targets that call for none: see [`loss_of`].
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
    #[doc(alias = "loss_func")]
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
    #[doc(alias = "callback_fns")]
    #[doc(alias = "add_cb")]
    pub fn callback(mut self, callback: impl Callback + 'static) -> Self {
        self.callbacks.push(Box::new(callback));
        self
    }

    /// Which architecture the model is, if that was said.
    pub fn spec(&self) -> Option<&ModelSpec> {
        self.arch.as_ref()
    }

    /// Says which architecture the model is, which [`export`](Self::export) needs to know.
    pub fn arch(mut self, arch: impl Into<ModelSpec>) -> Self {
        self.arch = Some(arch.into());
        self
    }

    /// What was missing from the pretrained weights that the model started with, and what there was no
    /// place for; empty for a model that started fresh. What is missing starts fresh, and the first fit
    /// tells its [observer](Self::observe).
    pub fn load_report(&self) -> &LoadReport {
        &self.loaded
    }

    /// Says what was found of the weights that the model started with.
    pub fn loaded(mut self, report: LoadReport) -> Self {
        self.loaded = report;
        self
    }

    /// Mixes images and classes in training from here on: fastai's `mixup`, whose `alpha` is 0.4.
    ///
    /// # Errors
    /// As [`MixUp::new`].
    pub fn mixup(mut self, alpha: f32) -> Result<Self> {
        let seed = self.data.seed();
        self.loss = Box::new(MixUpLoss::new(self.loss));
        Ok(self.callback(MixUp::new(alpha, seed)?))
    }

    /// Does something else with a batch than forward pass, loss, backward pass and update of its
    /// network. Validation and predictions are the network's as before.
    ///
    /// # Panics
    /// If two of the step's [other networks](TrainStep::others) have the same name, or one has that
    /// of a part that every checkpoint has.
    ///
    /// # Example
    /// See [`TrainStep`].
    pub fn train_step(mut self, mut step: impl TrainStep + 'static) -> Self {
        check_names(&step.others());
        self.step = Some(Box::new(step));
        self
    }

    /// Writes checkpoints from here on.
    pub fn checkpoints(mut self, checkpoints: Checkpoints) -> Self {
        self.checkpoints = Some(checkpoints);
        self
    }

    /// Tells `observer` how every fit goes.
    #[doc(alias = "progress_bar")]
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

    /// Fine-tunes a pretrained model at the settings of fastai's second version: an epoch of the last
    /// group alone at `lr`, then `epochs` of everything, from a two-hundredth of `lr` in the first
    /// group to half of it in the last. fastai's own default for `lr` is 2e-3.
    ///
    /// # Errors
    /// [`Error::OneGroup`](crate::Error::OneGroup) if there is nothing before the last group; as
    /// [`fit`](Self::fit).
    ///
    /// # Example
    /// ```no_run
    /// # fn example(mut learner: tinderbox_learn::Learner) -> tinderbox_learn::Result<()> {
    /// learner.fine_tune(4, 2e-3)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn fine_tune(&mut self, epochs: usize, lr: f64) -> Result<Outcome> {
        self.freeze()?;
        let head = OneCycle { pct_start: 0.99, ..OneCycle::from(LearningRate::Slice(lr)) };
        let outcome = self.fit_one_cycle(1, head)?;
        if !matches!(outcome, Outcome::Finished { reason: None, .. }) {
            return Ok(outcome);
        }
        self.unfreeze();
        let lrs = LearningRate::Range(lr / 200.0, lr / 2.0);
        self.fit_one_cycle(epochs, OneCycle { div_factor: 5.0, ..OneCycle::from(lrs) })
    }

    /// Trains as `fit` says, with `callbacks` besides the learner's own.
    ///
    /// # Errors
    /// As [`fit`](Self::fit).
    pub fn fit_with(&mut self, fit: Fit, callbacks: Vec<Box<dyn Callback>>) -> Result<Outcome> {
        with_exact_conv(self.exact_conv, || {
            let run = Stage::begin(self, fit, callbacks)?;
            if run.learn.recorder != Recorder::default() {
                run.learn.earlier.push(mem::take(&mut run.learn.recorder));
            }
            run.finish()
        })
    }

    /// Goes on with the fit that the checkpoint in `file` was written in, to the same weights, bit
    /// for bit, that it would have reached.
    ///
    /// The learner must be made like the one that wrote it, from the same data, and `callbacks`
    /// must be those that were passed to the fit. A fit that was finished is only loaded.
    ///
    /// # Errors
    /// [`Error::NotOurs`](crate::Error::NotOurs) or [`Error::CheckpointFit`](crate::Error::CheckpointFit) for a file that cannot be used here; then
    /// as [`fit`](Self::fit).
    pub fn resume_with(
        &mut self,
        file: impl AsRef<Path>,
        callbacks: Vec<Box<dyn Callback>>,
    ) -> Result<Outcome> {
        let file = file.as_ref();
        with_exact_conv(self.exact_conv, || match Stage::resume(self, file, callbacks)? {
            Some(run) => run.finish(),
            None => Ok(Outcome::Finished { epochs: self.recorder.last_epoch(), reason: None }),
        })
    }

    /// Makes the learner what it was at a checkpoint, without going on: its weights, what the
    /// optimizer remembers, and what was recorded.
    ///
    /// # Errors
    /// As [`resume_with`](Self::resume_with).
    pub fn load_checkpoint(&mut self, file: impl AsRef<Path>) -> Result<()> {
        let checkpoint = Checkpoint::read(file.as_ref())?;
        checkpoint.check(self, &[])?;
        checkpoint.load_learner(self)
    }

    /// [`resume_with`](Self::resume_with) the learner's own callbacks only.
    ///
    /// # Errors
    /// As there.
    pub fn resume(&mut self, file: impl AsRef<Path>) -> Result<Outcome> {
        self.resume_with(file, Vec::new())
    }

    /// Divides the parameters into groups: see [`Network::split`].
    ///
    /// # Errors
    /// As there.
    #[doc(alias = "layer_groups")]
    #[doc(alias = "split_model")]
    pub fn split<S: Into<String>>(&mut self, starts: impl IntoIterator<Item = S>) -> Result<()> {
        self.network.split(starts)
    }

    /// The names of the metrics, in the order of their columns; the [step's](TrainStep::columns)
    /// come first, those of the loss's [parts](Loss::part_names) last.
    pub fn metric_names(&self) -> Vec<String> {
        let step = self.step.as_ref().expect("only absent while it runs").columns();
        let step = step.into_iter().map(str::to_owned);
        let metrics = self.metrics.iter().map(Metric::name);
        step.chain(metrics).chain(self.loss.part_names()).collect()
    }

    /// How many fits were finished.
    pub fn n_fits(&self) -> usize {
        self.fits as usize
    }

    /// How many parameter groups there are.
    pub fn n_groups(&self) -> usize {
        self.network.n_groups()
    }

    /// Trains the groups from `first` on: see [`Network::freeze_to`].
    ///
    /// # Errors
    /// [`Error::NoSuchGroup`](crate::Error::NoSuchGroup).
    #[doc(alias = "requires_grad")]
    #[doc(alias = "set_requires_grad")]
    pub fn freeze_to(&mut self, first: isize) -> Result<()> {
        self.network.freeze_to(first)
    }

    /// Trains the last group only.
    ///
    /// # Errors
    /// [`Error::OneGroup`](crate::Error::OneGroup) if there is no other.
    pub fn freeze(&mut self) -> Result<()> {
        self.network.freeze()
    }

    /// Trains everything.
    #[doc(alias = "requires_grad")]
    pub fn unfreeze(&mut self) {
        self.network.unfreeze();
    }

    /// The table of the model's layers, for a batch of the training set.
    ///
    /// # Errors
    /// Those of preparing the batch; [`Error::Forward`](crate::Error::Forward) if the model does not take it.
    pub fn summary(&self) -> Result<Summary> {
        self.summary_for(self.data.one_batch(Set::Train)?)
    }

    /// The table for a batch of the data's.
    pub(crate) fn summary_for(&self, batch: Batch) -> Result<Summary> {
        self.network.summary(tensor(batch.inputs, &self.network.device.clone().inner())?)
    }

    /// The model, its groups and its optimizer.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The model, its groups and its optimizer, whose settings are set here:
    /// `learner.network_mut().rule = Rule::SGD`.
    pub fn network_mut(&mut self) -> &mut Network {
        &mut self.network
    }

    /// The networks that its [step](Self::train_step) trains besides its own, each by its name; none
    /// for the supervised step.
    pub fn others(&mut self) -> Vec<(&'static str, &mut Network)> {
        self.train_step_mut().others()
    }

    pub(crate) fn train_step_mut(&mut self) -> &mut dyn TrainStep {
        &mut **self.step.as_mut().expect("only absent while it runs")
    }

    /// The model, as it trains.
    pub fn model(&self) -> &dyn Layer {
        self.network.model()
    }

    /// A copy for inference: without autodiff, in evaluation mode.
    #[doc(alias = "model.eval")]
    pub fn eval_model(&self) -> Box<dyn Layer> {
        self.network.eval_model()
    }

    /// The data.
    #[doc(alias = "dls")]
    pub fn data(&self) -> &DataBunch {
        &self.data
    }

    /// Goes on with other data: the same items at a larger size, most often. What a checkpoint says
    /// about the data must be true of it.
    ///
    /// # Example
    /// ```no_run
    /// # fn example(learn: &mut tinderbox_learn::Learner) -> tinderbox_learn::Result<()> {
    /// learn.set_data(learn.data().at_size(256, 12)?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_data(&mut self, data: DataBunch) {
        self.data = data;
    }

    /// Which of its fits the checkpoint in `file` was written in, counted from 0.
    ///
    /// # Errors
    /// [`Error::NotOurs`](crate::Error::NotOurs) and what else keeps it from being read.
    pub fn fit_of_checkpoint(file: impl AsRef<Path>) -> Result<usize> {
        Ok(Checkpoint::read(file.as_ref())?.fit_number())
    }

    /// The history of the last fit.
    #[doc(alias = "recorder.plot")]
    #[doc(alias = "Recorder")]
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// The history of all fits, one after the other, those before a checkpoint that was gone on from
    /// included.
    pub fn history(&self) -> Recorder {
        Recorder::joined(self.earlier.iter().chain([&self.recorder]))
    }

    /// The optimizer of the last fit, if the groups are still what they were.
    pub fn optimizer(&self) -> Option<&Optimizer> {
        self.network.optimizer()
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
        self.network.state_dict()
    }

    /// Replaces the weights; groups and what is frozen stay.
    ///
    /// # Errors
    /// [`Error::Model`](crate::Error::Model) naming what does not fit.
    pub fn load_state_dict(&mut self, weights: &StateDict, strict: Strict) -> Result<()> {
        self.network.load_state_dict(weights, strict)
    }
}

impl std::fmt::Debug for Learner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Learner")
            .field("network", &self.network)
            .field("loss", &self.loss.name())
            .finish_non_exhaustive()
    }
}
