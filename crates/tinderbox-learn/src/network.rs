//! [`Network`]: a model and what it takes to train it.

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use tinderbox_model::{
    AnyTensor, Layer, Mode,
    groups::{self, Hold},
    set_mode,
    summary::{Summary, try_summary_of},
    weights::{StateDict, Strict, load_state_dict, state_dict},
};

use crate::{
    Error, Result,
    fit::forward,
    optim::{Decay, Gradients, Optimizer, Rule},
};

/// A model, its parameter groups, what of it is frozen, and the optimizer that moves the rest.
///
/// A [`Learner`](crate::Learner) has one. A [`TrainStep`](crate::TrainStep) may have more, as the
/// critic of a GAN.
///
/// The public fields are settings, at fastai's defaults. They are read when an optimizer is made:
/// when the first fit begins, or the first one after a change of groups.
#[derive(Debug)]
pub struct Network {
    /// Only absent during a step.
    pub(crate) model: Option<Box<dyn Layer>>,
    /// With autodiff.
    pub(crate) device: Device,

    /// The optimizer's rule; [`Rule::ADAM`] unless it is set.
    pub rule: Rule,
    /// How parameters decay.
    pub decay: Decay,
    /// How much parameters decay; 0.01 unless it is set. Read whenever a fit begins.
    pub weight_decay: f64,
    /// Whether batch norms in frozen groups stay trainable; they do unless it is set. Read by
    /// [`freeze_to`](Self::freeze_to).
    pub train_bn: bool,

    /// Where the parameter groups begin; empty for a single one.
    pub(crate) starts: Vec<String>,
    /// The first group that is trained.
    pub(crate) frozen_to: usize,
    pub(crate) optimizer: Option<Optimizer>,
    /// Gradients that wait for those of the next batch.
    pub(crate) kept: Option<Gradients>,
}

impl Network {
    /// A network at fastai's defaults. The model is moved to autodiff if it is not there.
    pub fn new(model: Box<dyn Layer>) -> Self {
        let device = model.devices().first().cloned().unwrap_or_default();
        let (model, device) = match device.is_autodiff() {
            true => (model, device),
            false => (model.train(), device.autodiff()),
        };
        Self {
            model: Some(model),
            device,
            rule: Rule::default(),
            decay: Decay::default(),
            weight_decay: 0.01,
            train_bn: true,
            starts: Vec::new(),
            frozen_to: 0,
            optimizer: None,
            kept: None,
        }
    }

    /// The model, as it trains.
    pub fn model(&self) -> &dyn Layer {
        &**self.boxed_model()
    }

    #[expect(clippy::borrowed_box, reason = "Burn visits the box")]
    fn boxed_model(&self) -> &Box<dyn Layer> {
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

    /// Where it trains: a device with autodiff.
    pub fn device(&self) -> &Device {
        &self.device
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
        (self.optimizer, self.kept) = (None, None);
        let model = self.model.take().expect("only absent during a step");
        let starts: Vec<&str> = self.starts.iter().map(String::as_str).collect();
        self.model = Some(groups::freeze_to(model, &starts, index, self.train_bn));
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

    /// The optimizer of the last fit, if the groups are still what they were.
    pub fn optimizer(&self) -> Option<&Optimizer> {
        self.optimizer.as_ref()
    }

    /// The optimizer, to set its rates and momentum: there is one while a fit runs.
    pub fn optimizer_mut(&mut self) -> Option<&mut Optimizer> {
        self.optimizer.as_mut()
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

    /// The table of the model's layers, for an input.
    ///
    /// # Errors
    /// [`Error::Forward`] if the model does not take it.
    pub fn summary(&self, input: AnyTensor) -> Result<Summary> {
        let shape = input.dims();
        try_summary_of(self.model(), input).map_err(|error| Error::of_forward(error, shape))
    }

    /// What the model gives in training; a panic in a layer becomes an error that names it.
    ///
    /// # Errors
    /// [`Error::Forward`].
    pub fn forward(&self, input: AnyTensor) -> Result<AnyTensor> {
        forward(self.model(), input)
    }

    /// Runs `pass` with the model standing still: no gradients for its parameters, and another mode if
    /// one is given. For what another network learns from; running statistics move if the mode is
    /// [`Mode::Train`].
    ///
    /// # Errors
    /// Those of `pass`.
    pub fn held<T>(
        &mut self,
        mode: Option<Mode>,
        pass: impl FnOnce(&dyn Layer) -> Result<T>,
    ) -> Result<T> {
        self.holding(Hold { gradients: false, mode }, pass)
    }

    /// Runs `pass` with the model in evaluation mode, and with gradients.
    ///
    /// # Errors
    /// Those of `pass`.
    pub(crate) fn evaluating<T>(
        &mut self,
        pass: impl FnOnce(&dyn Layer) -> Result<T>,
    ) -> Result<T> {
        self.holding(Hold { gradients: true, mode: Some(Mode::Eval) }, pass)
    }

    fn holding<T>(&mut self, hold: Hold, pass: impl FnOnce(&dyn Layer) -> Result<T>) -> Result<T> {
        let model = self.model.take().expect("only absent during a step");
        let (model, before) = groups::hold(model, hold);
        let done = pass(&*model);
        self.model = Some(groups::release(model, before));
        done
    }

    /// The gradients of its trainable parameters.
    ///
    /// # Errors
    /// [`Error::NothingToTrain`] for a loss that follows from nothing that is trained.
    pub fn gradients(&self, loss: &Tensor<1>) -> Result<Gradients> {
        match loss.is_tracked() {
            true => Ok(Gradients::of(self.model(), loss.backward())),
            false => Err(Error::NothingToTrain),
        }
    }

    /// Moves the parameters that have a gradient.
    ///
    /// # Panics
    /// If there is no [optimizer](Self::optimizer).
    pub fn step(&mut self, mut gradients: Gradients) {
        let optimizer = self.optimizer.as_mut().expect("made when the fit began");
        let model = self.model.take().expect("only absent during a step");
        self.model = Some(optimizer.step(model, &mut gradients));
    }

    /// Makes an optimizer if there is none, for what is trainable now, and sets its weight decay.
    pub(crate) fn begin_fit(&mut self, weight_decay: f64) -> Result<()> {
        let optimizer = match self.optimizer.take() {
            Some(optimizer) => optimizer,
            None => Optimizer::new(self.model(), &self.starts, self.rule, self.decay),
        };
        if optimizer.slots().is_empty() {
            return Err(Error::NothingToTrain);
        }
        let groups = self.n_groups();
        self.optimizer.insert(optimizer).weight_decays = vec![weight_decay; groups];
        self.kept = None;
        Ok(())
    }

    /// What a run that is to leave no trace must put back.
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot { model: self.boxed_model().valid(), optimizer: self.optimizer.clone() }
    }

    pub(crate) fn put_back(&mut self, Snapshot { model, optimizer }: Snapshot) {
        self.model = Some(model.train());
        (self.optimizer, self.kept) = (optimizer, None);
    }
}

/// A network as it was.
pub(crate) struct Snapshot {
    /// Without autodiff, so that running statistics are copies.
    model: Box<dyn Layer>,
    optimizer: Option<Optimizer>,
}
