//! The parts of a training step.

use burn::tensor::Tensor;
use tinderbox_data::Batch;
use tinderbox_model::{AnyTensor, Layer, Step, Trace, try_forward_traced};

use crate::{
    Error, Network, Result, TrainStep,
    callback::State,
    fit::{Stage, events::Event},
    loss::Loss,
    optim::Gradients,
    tensors::{scalar, tensor},
};

impl Stage<'_> {
    /// Moves a batch to where the model is, and forgets what callbacks said about the last one.
    pub(super) fn begin_batch(&mut self, batch: Batch, training: bool) -> Result<()> {
        let device = self.learn.network.device.clone();
        let device = if training { device } else { device.inner() };
        self.forget_batch();
        self.items = batch.items.len();
        self.state.input = Some(tensor(batch.inputs, &device)?);
        self.state.target = Some(tensor(batch.targets, &device)?);
        self.state.training = Some(training);
        self.state.learning = None;
        self.state.stop_epoch = false;
        self.state.skip_backward = false;
        self.state.skip_step = false;
        self.state.keep_gradients = false;
        Ok(())
    }

    /// Random numbers of a step, as those of dropout, follow from the seed and the step's number:
    /// a fit that goes on from a checkpoint sees the same ones, whatever else the process does.
    pub(super) fn step_seed(&self) -> u64 {
        let parts = [self.learn.data.seed(), self.learn.fits, self.state.iteration as u64];
        parts.into_iter().fold(0, mix)
    }

    /// Has the learner's step do something with the stage.
    pub(super) fn with_step(
        &mut self,
        run: impl FnOnce(&mut dyn TrainStep, &mut Self) -> Result<()>,
    ) -> Result<()> {
        // So that the step can have the learner, whose it is.
        let mut step = self.learn.step.take().expect("only absent while it runs");
        let done = run(&mut *step, self);
        self.learn.step = Some(step);
        done
    }

    pub(super) fn forward_with(&mut self, model: &dyn Layer) -> Result<()> {
        let input = self.input();
        self.state.output = Some(forward(model, input)?);
        Ok(())
    }
}

/// What a [`TrainStep`](crate::TrainStep) has at hand.
impl Stage<'_> {
    /// Where the fit is, as callbacks see it.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What the model is to see.
    pub fn input(&self) -> AnyTensor {
        self.state.input.clone().expect("there since the batch began")
    }

    /// What the loss is to compare with.
    pub fn target(&self) -> AnyTensor {
        self.state.target.clone().expect("there since the batch began")
    }

    /// What the model gave.
    ///
    /// # Panics
    /// If there is no output yet.
    pub fn output(&self) -> AnyTensor {
        self.state.output.clone().expect("there since the forward pass")
    }

    /// The learner's network.
    pub fn network(&self) -> &Network {
        &self.learn.network
    }

    /// The learner's network.
    pub fn network_mut(&mut self) -> &mut Network {
        &mut self.learn.network
    }

    /// The learner's loss.
    pub fn loss_function(&self) -> &dyn Loss {
        &*self.learn.loss
    }

    /// The learner's loss of an output and a target, `[1]`.
    ///
    /// # Errors
    /// [`Error::Loss`](crate::Error::Loss) if they do not fit each other, or it gives more than one
    /// number.
    pub fn loss_of(&self, output: AnyTensor, target: AnyTensor) -> Result<Tensor<1>> {
        self.learn.guarded_loss(output, target)
    }

    /// The forward pass of the learner's network, at which callbacks may look: its output is what
    /// [`loss_begin`](Self::loss_begin) shows and [`loss`](Self::loss) compares.
    ///
    /// # Errors
    /// [`Error::Forward`](crate::Error::Forward).
    pub fn forward(&mut self) -> Result<()> {
        let input = self.input();
        let watchers = self.watchers();
        // So that callbacks, which are the learner's too, can look on.
        let model = self.learn.network.model.take().expect("only absent during a step");
        let output = match watchers[..] {
            [] => forward(&*model, input),
            _ => {
                let mut show = |step: Step<'_>| {
                    for who in &watchers {
                        let (callback, state) = self.callback(*who);
                        callback.layer_end(state, &step);
                    }
                };
                forward_traced(&*model, input, &mut Trace::new(&mut show))
            }
        };
        self.learn.network.model = Some(model);
        self.state.output = Some(output?);
        Ok(())
    }

    /// Says which network the batch trains, where that is one of several: messages about its loss name
    /// it.
    pub fn set_learning(&mut self, network: &'static str) {
        self.state.learning = Some(network);
    }

    /// Makes this the output, where it is not that of [`forward`](Self::forward).
    pub fn set_output(&mut self, output: AnyTensor) {
        self.state.output = Some(output);
    }

    /// Tells callbacks that there is an output.
    ///
    /// # Errors
    /// Those of callbacks.
    pub fn loss_begin(&mut self) -> Result<()> {
        self.event(Event::LossBegin)
    }

    /// The learner's loss of the output, and the training loss with it. What the model wants added,
    /// as activation regularization, is differentiated but not shown.
    ///
    /// # Errors
    /// As [`loss_of`](Self::loss_of).
    ///
    /// # Panics
    /// If there is no output yet.
    pub fn loss(&mut self) -> Result<()> {
        let loss = self.loss_of(self.output(), self.target())?;
        self.set_loss(loss);
        let training = self.state.training == Some(true);
        if let Some(penalty) = self.learn.model().penalty().filter(|_| training) {
            self.state.loss = self.state.loss.take().map(|loss| loss + penalty);
        }
        Ok(())
    }

    /// Makes this the batch's loss, `[1]`: it is what people see, and what
    /// [`backward`](Self::backward) differentiates. Once a batch, or the smoothed loss knows it
    /// twice.
    pub fn set_loss(&mut self, loss: Tensor<1>) {
        // The one number of a step that is read from the device.
        let value = scalar(loss.clone());
        self.state.last_loss = Some(value);
        if self.state.training == Some(true) {
            self.state.smooth_loss = Some(self.smooth.add(value));
        }
        self.state.loss = Some(loss);
    }

    /// Tells callbacks that there is a loss, which they may change, or ask that it is not
    /// differentiated.
    ///
    /// # Errors
    /// Those of callbacks.
    pub fn backward_begin(&mut self) -> Result<()> {
        self.event(Event::BackwardBegin)
    }

    /// The backward pass: the gradients of the learner's network, and what it kept of the last
    /// batch.
    ///
    /// # Errors
    /// [`Error::NothingToTrain`](crate::Error::NothingToTrain) for a loss that follows from nothing
    /// that is trained.
    ///
    /// # Panics
    /// If there is no loss.
    pub fn backward(&mut self) -> Result<()> {
        let (loss, skip) = self.take_loss();
        self.gradients = gradients(&mut self.learn.network, &loss, skip)?;
        Ok(())
    }

    /// [`backward`](Self::backward) for the gradients of another network.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Panics
    /// As there.
    pub fn backward_of(&mut self, network: &mut Network) -> Result<()> {
        let (loss, skip) = self.take_loss();
        self.gradients = gradients(network, &loss, skip)?;
        Ok(())
    }

    /// The loss, and whether a callback asked for no backward pass.
    fn take_loss(&mut self) -> (Tensor<1>, bool) {
        (self.state.loss.take().expect("there since the loss"), self.state.skip_backward)
    }

    /// Tells callbacks that there are gradients, which they may change, or ask that they are not
    /// used, or kept for the next batch.
    ///
    /// # Errors
    /// Those of callbacks.
    pub fn backward_end(&mut self) -> Result<()> {
        self.event(Event::BackwardEnd)
    }

    /// The gradients of the batch, if there was a backward pass: what [`step`](Self::step) uses up.
    pub fn gradients_mut(&mut self) -> &mut Option<Gradients> {
        &mut self.gradients
    }

    /// Moves the learner's network by the gradients, unless a callback refused that.
    pub fn step(&mut self) {
        step(&mut self.learn.network, self.gradients.take(), self.state.skip_step);
    }

    /// [`step`](Self::step) for another network.
    ///
    /// # Panics
    /// If it is none of the step's [others](crate::TrainStep::others), which have an optimizer.
    pub fn step_of(&mut self, network: &mut Network) {
        step(network, self.gradients.take(), self.state.skip_step);
    }

    /// Tells callbacks that the network was moved.
    ///
    /// # Errors
    /// Those of callbacks.
    pub fn step_end(&mut self) -> Result<()> {
        self.event(Event::StepEnd)
    }
}

/// The gradients of a loss, and those that waited for them; only these, if `skip` says so.
fn gradients(network: &mut Network, loss: &Tensor<1>, skip: bool) -> Result<Option<Gradients>> {
    let kept = network.kept.take();
    if skip {
        return Ok(kept);
    }
    let mut gradients = network.gradients(loss)?;
    if let Some(kept) = kept {
        gradients.add(kept);
    }
    Ok(Some(gradients))
}

/// Moves a network, unless `skip` says otherwise.
fn step(network: &mut Network, gradients: Option<Gradients>, skip: bool) {
    let Some(gradients) = gradients else { return };
    // For the next batch, if a callback wants that: they are dropped at the batch's end.
    network.kept = Some(gradients.clone());
    if !skip {
        network.step(gradients);
    }
}

/// One more number in a seed.
fn mix(seed: u64, part: u64) -> u64 {
    let z = (seed ^ part).wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Runs `model`; a panic inside a layer becomes an error that names the layer.
///
/// # Errors
/// [`Error::Forward`].
pub(crate) fn forward(model: &dyn Layer, input: AnyTensor) -> Result<AnyTensor> {
    forward_traced(model, input, &mut Trace::off())
}

/// The same, watched.
///
/// # Errors
/// As there.
pub(crate) fn forward_traced(
    model: &dyn Layer,
    input: AnyTensor,
    trace: &mut Trace<'_>,
) -> Result<AnyTensor> {
    let shape = input.dims();
    try_forward_traced(model, input, trace).map_err(|error| Error::of_forward(error, shape))
}
