//! Checkpoints: a fit under way as one file, from which it goes on to the same bits.
//!
//! A checkpoint is a safetensors file. Weights, what the optimizer remembers, and the recorder's
//! lists are its tensors; everything else is JSON in its metadata. It holds no code.

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
    time::Duration,
};

use burn::tensor::{Tensor, TensorData};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tinderbox_model::{
    layer::Carried,
    weights::{StateDict, Strict, Weight},
};

use crate::{
    Error, Learner, Network, Recorder, Result, Supervised, TrainStep,
    callback::{Callback, State},
    exact::Exact,
    fit::{Fit, Stage},
    optim::{Decay, Gradients, Optimizer, Rule},
    schedule::Smoothed,
    store::{Kind, Store, Tensors},
    tensors::host,
};

/// Where checkpoints go, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoints {
    /// The file; it is replaced whole, so that there is a good one at every moment.
    pub file: PathBuf,
    /// One every so many steps, besides those after each epoch and when a fit is asked to stop.
    pub every: Option<NonZeroUsize>,
}

impl Checkpoints {
    /// Checkpoints after every epoch.
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into(), every: None }
    }

    /// Checkpoints also every `steps` steps.
    pub fn every(self, steps: NonZeroUsize) -> Self {
        Self { every: Some(steps), ..self }
    }
}

const KIND: Kind = Kind { name: "checkpoint", format: 1 };

/// What a checkpoint says besides its tensors.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Saved {
    finished: bool,
    mark: Mark,
    data: DataFacts,
    learner: LearnerFacts,
    optimizer: OptimizerFacts,
    /// Of a step that has something to save.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    step: Option<StepFacts>,
    recorder: RecorderFacts,
    /// Of the fits before this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    earlier: Vec<RecorderFacts>,
}

/// Where a fit is, apart from the weights.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Mark {
    fit: Fit,
    state: State,
    smooth: Smoothed,
    in_epoch: bool,
    norms_frozen: bool,
    schedule_offset: usize,
    elapsed: Duration,
    /// Each callback's name and state: the learner's own, then those passed to the fit.
    callbacks: Vec<(String, Value)>,
}

/// What the data must be like for the fit to go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct DataFacts {
    seed: u64,
    n_train: usize,
    n_valid: usize,
    batch_size: usize,
    classes: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct LearnerFacts {
    fits: u64,
    epochs: usize,
    #[serde(flatten)]
    network: NetworkFacts,
    loss: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct NetworkFacts {
    groups: Vec<String>,
    frozen_to: usize,
    train_bn: bool,
    weight_decay: f64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct StepFacts {
    name: String,
    state: Value,
    others: Vec<OtherFacts>,
}

/// A network besides the learner's.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct OtherFacts {
    name: String,
    network: NetworkFacts,
    optimizer: OptimizerFacts,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct OptimizerFacts {
    rule: Rule,
    decay: Decay,
    lrs: Vec<f64>,
    weight_decays: Vec<f64>,
    momentum: f64,
    steps: u64,
    /// The parameters it moves, each with how many tensors it remembers of it.
    slots: Vec<(String, usize)>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct RecorderFacts {
    n_batches: Vec<usize>,
    first_epoch: usize,
    metric_names: Vec<String>,
    /// Training loss, validation loss and metrics of each epoch.
    epochs: Vec<Vec<Option<Exact>>>,
}

impl Mark {
    pub(crate) fn of(run: &Stage<'_>) -> Self {
        let callbacks = run.learn.callbacks.iter().chain(&run.passed);
        Self {
            fit: run.fit.clone(),
            state: run.state.clone(),
            smooth: run.smooth.clone(),
            in_epoch: run.in_epoch,
            norms_frozen: run.norms_frozen,
            schedule_offset: run.schedule_offset,
            elapsed: run.elapsed(),
            callbacks: callbacks
                .map(|callback| (callback.name().to_owned(), callback.save_state()))
                .collect(),
        }
    }
}

impl DataFacts {
    fn of(learn: &Learner) -> Self {
        Self {
            seed: learn.data.seed(),
            n_train: learn.data.n_train(),
            n_valid: learn.data.n_valid(),
            batch_size: learn.data.batch_size(),
            classes: learn.data.classes().to_vec(),
        }
    }
}

impl NetworkFacts {
    fn of(network: &Network) -> Self {
        Self {
            groups: network.starts.clone(),
            frozen_to: network.frozen_to,
            train_bn: network.train_bn,
            weight_decay: network.weight_decay,
        }
    }

    /// All of a network that has numbers, under names that begin with `prefix`.
    fn write(network: &Network, prefix: &str, tensors: &mut Tensors) {
        tensors.weights(&format!("{prefix}{MODEL}"), &network.state_dict());
        if let Some(optimizer) = network.optimizer() {
            OptimizerFacts::write(optimizer, prefix, tensors);
        }
        for (at, gradient) in network.kept.iter().flat_map(Gradients::indexed) {
            tensors.floats(format!("{prefix}{GRADIENTS}{at}"), gradient.clone());
        }
        if let Some(carried) = network.model().carried() {
            tensors.weights(&format!("{prefix}{CARRIED}"), &carried_weights(carried));
        }
    }

    /// Makes a network what it was, but for gradients that waited.
    ///
    /// # Errors
    /// [`Error::NotOurs`] or [`Error::Model`] for what does not fit it.
    fn load(
        &self,
        optimizer: &OptimizerFacts,
        store: &Store,
        prefix: &str,
        network: &mut Network,
    ) -> Result<()> {
        (network.rule, network.decay) = (optimizer.rule, optimizer.decay);
        network.train_bn = self.train_bn;
        network.weight_decay = self.weight_decay;
        network.split(self.groups.clone())?;
        network.freeze_to(self.frozen_to as isize)?;
        let weights = store.weights(&format!("{prefix}{MODEL}"));
        network.load_state_dict(&weights.map_err(|what| store.error(what))?, Strict::Yes)?;
        let optimizer = optimizer.read(store, prefix, network);
        network.optimizer = Some(optimizer.map_err(|what| store.error(what))?);
        load_carried(store, prefix, network).map_err(|what| store.error(what))
    }
}

impl StepFacts {
    /// Nothing for a step that has nothing to say: one network and no state.
    fn of(learn: &mut Learner, tensors: &mut Tensors) -> Option<Self> {
        let step = learn.train_step_mut();
        let (name, state) = (step.name(), step.save_state());
        let others: Vec<OtherFacts> = step
            .others()
            .into_iter()
            .map(|(name, network)| {
                NetworkFacts::write(network, &format!("{name}."), tensors);
                let optimizer = network.optimizer().expect("made when the fit began");
                OtherFacts {
                    name: name.to_owned(),
                    network: NetworkFacts::of(network),
                    optimizer: OptimizerFacts::of(optimizer),
                }
            })
            .collect();
        let plain = name == Supervised.name() && state.is_null() && others.is_empty();
        (!plain).then(|| Self { name: name.to_owned(), state, others })
    }

    fn names(&self) -> Vec<&str> {
        self.others.iter().map(|other| other.name.as_str()).collect()
    }
}

impl OptimizerFacts {
    pub(crate) fn of(optimizer: &Optimizer) -> Self {
        let slots = optimizer.slots().iter();
        Self {
            rule: optimizer.rule(),
            decay: optimizer.decay(),
            lrs: optimizer.lrs.clone(),
            weight_decays: optimizer.weight_decays.clone(),
            momentum: optimizer.momentum,
            steps: optimizer.steps(),
            slots: slots.map(|slot| (slot.path.clone(), slot.memory.len())).collect(),
        }
    }

    /// What the optimizer remembers, as tensors whose names begin with `prefix`.
    pub(crate) fn write(optimizer: &Optimizer, prefix: &str, tensors: &mut Tensors) {
        for slot in optimizer.slots() {
            for (at, memory) in slot.memory.iter().enumerate() {
                tensors.floats(memory_name(prefix, &slot.path, at), memory.clone());
            }
        }
    }

    /// The optimizer that these are facts of, for the model of `network`.
    ///
    /// # Errors
    /// What does not fit, in words.
    pub(crate) fn read(
        &self,
        store: &Store,
        prefix: &str,
        network: &Network,
    ) -> Result<Optimizer, String> {
        let mut optimizer = Optimizer::new(network.model(), &network.starts, self.rule, self.decay);
        let slots: Vec<&str> = optimizer.slots().iter().map(|slot| slot.path.as_str()).collect();
        let saved: Vec<&str> = self.slots.iter().map(|(path, _)| path.as_str()).collect();
        if let Some(odd) = slots.iter().find(|path| !saved.contains(path)) {
            return Err(format!("the optimizer did not move `{odd}`, which is trainable here"));
        }
        if let Some(odd) = saved.iter().find(|path| !slots.contains(path)) {
            return Err(format!("the optimizer moved `{odd}`, which is not trainable here"));
        }
        let groups = optimizer.lrs.len();
        if self.lrs.len() != groups || self.weight_decays.len() != groups {
            return Err(format!("{} parameter groups, here there are {groups}", self.lrs.len()));
        }
        let device = network.device.clone().inner();
        let memory = slots.iter().map(|path| {
            let saved = self.slots.iter().find(|(saved, _)| saved == path);
            let n = saved.map_or(0, |(_, n)| *n);
            (0..n).map(|at| store.tensor(&memory_name(prefix, path, at), &device)).collect()
        });
        let memory = memory.collect::<Result<_, String>>()?;
        optimizer.lrs.clone_from(&self.lrs);
        optimizer.weight_decays.clone_from(&self.weight_decays);
        optimizer.momentum = self.momentum;
        optimizer.restore(self.steps, memory);
        Ok(optimizer)
    }
}

fn memory_name(prefix: &str, path: &str, at: usize) -> String {
    format!("{prefix}{OPTIMIZER}{path}.{at}")
}

/// What the names of a network's weights begin with.
const MODEL: &str = "model.";
/// What the names of what its optimizer remembers begin with.
const OPTIMIZER: &str = "optimizer:";
/// What the names of gradients that wait for the next batch begin with.
const GRADIENTS: &str = "gradients.";
/// What the names of a recurrent model's state begin with.
const CARRIED: &str = "carried.";
/// What the names of the recorder's lists begin with.
const RECORDER: &str = "recorder.";
/// The same of the fits before, with their numbers.
const EARLIER: &str = "earlier.";

/// # Panics
/// If the tensors of one of these networks would be taken for those of another, or of the learner.
pub(crate) fn check_names(others: &[(&'static str, &mut Network)]) {
    let of_learner = [MODEL, OPTIMIZER, GRADIENTS, CARRIED, RECORDER, EARLIER];
    for (at, (name, _)) in others.iter().enumerate() {
        let prefix = format!("{name}.");
        let taken = of_learner.iter().any(|taken| prefix.starts_with(taken));
        assert!(!taken, "a network of a training step cannot be called `{name}`");
        let alike = |(other, _): &(&str, &mut Network)| {
            let other = format!("{other}.");
            other.starts_with(&prefix) || prefix.starts_with(&other)
        };
        let other = others[..at].iter().find(|other| alike(other)).map(|(other, _)| other);
        assert!(other.is_none(), "networks of a training step called {other:?} and `{name}`");
    }
}

/// Writes the checkpoint of a run, if the learner keeps any: where it is now, or where `mark` says
/// it was, since when no weight has changed. After a loss that is NaN, the last checkpoint stays:
/// nothing good would come of going on from this one.
///
/// # Errors
/// [`Error::Write`].
pub(crate) fn write(run: &mut Stage<'_>, mark: Option<Mark>, finished: bool) -> Result<()> {
    let is_broken = run.state.last_loss.is_some_and(f64::is_nan);
    if run.learn.checkpoints.is_none() || is_broken {
        return Ok(());
    }
    let mut tensors = Tensors::default();
    let step = StepFacts::of(run.learn, &mut tensors);
    let learn = &*run.learn;
    let Some(checkpoints) = &learn.checkpoints else { return Ok(()) };
    let optimizer = learn.optimizer().expect("made when the fit began");
    let saved = Saved {
        finished,
        mark: mark.unwrap_or_else(|| Mark::of(run)),
        data: DataFacts::of(learn),
        learner: LearnerFacts {
            fits: learn.fits,
            epochs: learn.epochs,
            network: NetworkFacts::of(&learn.network),
            loss: learn.loss.name(),
        },
        optimizer: OptimizerFacts::of(optimizer),
        step,
        recorder: RecorderFacts::of(&learn.recorder),
        earlier: learn.earlier.iter().map(RecorderFacts::of).collect(),
    };
    NetworkFacts::write(&learn.network, "", &mut tensors);
    RecorderFacts::write(&learn.recorder, RECORDER, &mut tensors);
    for (at, recorder) in learn.earlier.iter().enumerate() {
        RecorderFacts::write(recorder, &format!("{EARLIER}{at}."), &mut tensors);
    }
    tensors.write(&checkpoints.file, KIND, &saved)
}

/// The state of a recurrent model, by number.
fn carried_weights(carried: &Carried) -> StateDict {
    let mut weights = StateDict::default();
    for (at, state) in carried.states().into_iter().enumerate() {
        let (shape, values) = (state.dims().to_vec(), host(state.into()));
        weights.insert(at.to_string(), shape, values);
    }
    weights
}

/// A recorder's lists of batches, as tensors.
const LISTS: [&str; 4] = ["lrs", "moms", "losses", "raw_losses"];

impl RecorderFacts {
    fn of(recorder: &Recorder) -> Self {
        let epoch =
            |index| recorder.epoch(index).into_iter().map(|value| value.map(Exact)).collect();
        Self {
            n_batches: recorder.n_batches.clone(),
            first_epoch: recorder.first_epoch,
            metric_names: recorder.metric_names.clone(),
            epochs: (0..recorder.n_epochs()).map(epoch).collect(),
        }
    }

    /// The lists, under names that begin with `prefix`.
    fn write(recorder: &Recorder, prefix: &str, tensors: &mut Tensors) {
        for (name, list) in LISTS.iter().zip(recorder.lists()) {
            tensors.f64(&format!("{prefix}{name}"), list);
        }
    }

    /// The recorder that these are facts of.
    ///
    /// # Errors
    /// What does not fit, in words.
    fn read(&self, store: &Store, prefix: &str) -> Result<Recorder, String> {
        let [lrs, moms, losses, raw_losses] =
            LISTS.map(|name| store.f64(&format!("{prefix}{name}")));
        let epochs = self.epochs.iter().map(|epoch| {
            let epoch: Vec<Option<f64>> = epoch.iter().map(|x| x.map(|x| x.0)).collect();
            match &epoch[..] {
                [train, valid, metrics @ ..] => Ok((*train, *valid, metrics.to_vec())),
                _ => Err("an epoch without losses".to_owned()),
            }
        });
        let epochs: Vec<_> = epochs.collect::<Result<_, String>>()?;
        Ok(Recorder {
            lrs: lrs?,
            moms: moms?,
            losses: losses?,
            raw_losses: raw_losses?,
            n_batches: self.n_batches.clone(),
            train_losses: epochs.iter().map(|epoch| epoch.0).collect(),
            valid_losses: epochs.iter().map(|epoch| epoch.1).collect(),
            metrics: epochs.into_iter().map(|epoch| epoch.2).collect(),
            metric_names: self.metric_names.clone(),
            first_epoch: self.first_epoch,
        })
    }
}

/// A checkpoint that was read.
#[derive(Debug)]
pub(crate) struct Checkpoint {
    store: Store,
    saved: Saved,
}

impl Checkpoint {
    /// # Errors
    /// [`Error::NoFile`], [`Error::Read`], and [`Error::NotOurs`] saying what is wrong with it.
    pub(crate) fn read(file: &Path) -> Result<Self> {
        let (store, saved) = Store::read(file, KIND)?;
        Ok(Self { store, saved })
    }

    pub(crate) fn fit(&self) -> &Fit {
        &self.saved.mark.fit
    }

    /// Which of the learner's fits it is of, counted from 0.
    pub(crate) fn fit_number(&self) -> usize {
        let done = self.saved.learner.fits as usize;
        // One that is over counts among those that are done.
        if self.saved.finished { done.saturating_sub(1) } else { done }
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.saved.finished
    }

    /// Fails if the learner is not like the one that wrote the checkpoint.
    ///
    /// # Errors
    /// [`Error::CheckpointFit`] naming the first thing that differs.
    pub(crate) fn check(&self, learn: &mut Learner, passed: &[Box<dyn Callback>]) -> Result<()> {
        let (saved, here) = (&self.saved.data, DataFacts::of(learn));
        let names = |learn: &Learner| {
            let callbacks = learn.callbacks.iter().chain(passed);
            callbacks.map(|callback| callback.name()).collect::<Vec<_>>().join(", ")
        };
        let saved_names: Vec<&str> =
            self.saved.mark.callbacks.iter().map(|(name, _)| name.as_str()).collect();
        let step = learn.train_step_mut();
        let step_name = step.name().to_owned();
        let others: Vec<&str> = step.others().into_iter().map(|(name, _)| name).collect();
        let (saved_step, saved_others) = match &self.saved.step {
            Some(step) => (step.name.as_str(), step.names()),
            None => (Supervised.name(), Vec::new()),
        };
        let metrics = learn.metric_names();
        let facts = [
            ("seed", saved.seed.to_string(), here.seed.to_string()),
            ("training items", saved.n_train.to_string(), here.n_train.to_string()),
            ("validation items", saved.n_valid.to_string(), here.n_valid.to_string()),
            ("batch size", saved.batch_size.to_string(), here.batch_size.to_string()),
            ("classes", saved.classes.join(", "), here.classes.join(", ")),
            ("training step", saved_step.to_owned(), step_name),
            ("networks besides the learner's", saved_others.join(", "), others.join(", ")),
            ("loss", self.saved.learner.loss.clone(), learn.loss.name()),
            ("metrics", self.saved.mark.state.metric_names.join(", "), metrics.join(", ")),
            ("callbacks", saved_names.join(", "), names(learn)),
        ];
        match facts.into_iter().find(|(_, saved, here)| saved != here) {
            Some((what, saved, here)) => Err(Error::CheckpointFit { what, saved, here }),
            None => Ok(()),
        }
    }

    /// Makes the learner what it was.
    ///
    /// # Errors
    /// [`Error::NotOurs`] or [`Error::Model`] for what does not fit its model.
    pub(crate) fn load_learner(&self, learn: &mut Learner) -> Result<()> {
        let facts = &self.saved.learner;
        let (optimizer, store) = (&self.saved.optimizer, &self.store);
        facts.network.load(optimizer, store, "", &mut learn.network)?;
        if let Some(saved) = &self.saved.step {
            let step = learn.train_step_mut();
            for ((name, network), saved) in step.others().into_iter().zip(&saved.others) {
                saved.network.load(&saved.optimizer, store, &format!("{name}."), network)?;
            }
            step.load_state(&saved.state)?;
        }
        let recorder = self.saved.recorder.read(store, RECORDER);
        learn.recorder = recorder.map_err(|what| store.error(what))?;
        let earlier = self.saved.earlier.iter().enumerate();
        let earlier = earlier.map(|(at, facts)| facts.read(store, &format!("{EARLIER}{at}.")));
        learn.earlier = earlier.collect::<Result<_, String>>().map_err(|what| store.error(what))?;
        (learn.fits, learn.epochs) = (facts.fits, facts.epochs);
        Ok(())
    }

    /// Makes a new run of the saved fit go on from where that was.
    ///
    /// # Errors
    /// As [`load_learner`](Self::load_learner), and [`Error::CallbackState`].
    pub(crate) fn load_run(&self, run: &mut Stage<'_>) -> Result<()> {
        let mark = &self.saved.mark;
        run.state = mark.state.clone();
        run.smooth = mark.smooth.clone();
        run.in_epoch = mark.in_epoch;
        run.norms_frozen = mark.norms_frozen;
        run.schedule_offset = mark.schedule_offset;
        run.set_elapsed(mark.elapsed);
        self.load_kept("", &mut run.learn.network)?;
        for (name, network) in run.learn.others() {
            self.load_kept(&format!("{name}."), network)?;
        }
        let callbacks = run.learn.callbacks.iter_mut().chain(&mut run.passed);
        for (callback, (_, state)) in callbacks.zip(&mark.callbacks) {
            callback.load_state(state)?;
        }
        Ok(())
    }

    /// What the learner's own callbacks remember after a fit that is over: the next one begins with it.
    ///
    /// # Errors
    /// [`Error::CallbackState`].
    pub(crate) fn load_callbacks(&self, learn: &mut Learner) -> Result<()> {
        for (callback, (_, state)) in learn.callbacks.iter_mut().zip(&self.saved.mark.callbacks) {
            callback.load_state(state)?;
        }
        Ok(())
    }

    fn load_kept(&self, prefix: &str, network: &mut Network) -> Result<()> {
        let kept = kept(&self.store, prefix, network);
        network.kept = kept.map_err(|what| self.store.error(what))?;
        Ok(())
    }
}

fn load_carried(store: &Store, prefix: &str, network: &Network) -> Result<(), String> {
    let Some(carried) = network.model().carried() else { return Ok(()) };
    let weights = store.weights(&format!("{prefix}{CARRIED}"))?;
    let device = network.device.clone().inner();
    let states = (0..).map_while(|at| weights.get(&at.to_string()));
    let states = states.map(|Weight { shape, values }| match shape[..] {
        [batch, size] => {
            let data = TensorData::new(values.clone(), [batch, size]);
            Ok(Tensor::from_data(data, &device))
        }
        _ => Err(format!("a state of shape {shape:?}")),
    });
    carried.set(states.collect::<Result<_, String>>()?);
    Ok(())
}

/// No network has as many parameters.
const MOST_GRADIENTS: usize = 1 << 20;

/// Gradients that wait for those of the next batch.
fn kept(store: &Store, prefix: &str, network: &Network) -> Result<Option<Gradients>, String> {
    let (prefix, device) = (format!("{prefix}{GRADIENTS}"), network.device.clone().inner());
    let mut kept = Vec::new();
    for name in store.names() {
        let Some(at) = name.strip_prefix(&prefix) else { continue };
        let at = at.parse().ok().filter(|at| *at < MOST_GRADIENTS);
        let at: usize = at.ok_or_else(|| format!("`{name}` has no number"))?;
        if kept.len() <= at {
            kept.resize(at + 1, None);
        }
        kept[at] = Some(store.tensor(&name, &device)?);
    }
    Ok((!kept.is_empty()).then(|| Gradients::new(kept)))
}
