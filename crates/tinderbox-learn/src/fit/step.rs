//! The parts of a training step.

use tinderbox_data::Batch;
use tinderbox_model::{AnyTensor, Layer, Step, Trace, try_forward_traced};

use crate::{
    Error, Result,
    fit::Run,
    optim::Gradients,
    tensors::{scalar, tensor},
};

impl Run<'_> {
    /// Moves a batch to where the model is, and forgets what callbacks said about the last one.
    pub(super) fn begin_batch(&mut self, batch: Batch, training: bool) -> Result<()> {
        let device = match training {
            true => self.learn.device.clone(),
            false => self.learn.device.clone().inner(),
        };
        self.forget_batch();
        self.items = batch.items.len();
        self.state.input = Some(tensor(batch.inputs, &device)?);
        self.state.target = Some(tensor(batch.targets, &device)?);
        self.state.training = Some(training);
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

    pub(super) fn forward(&mut self) -> Result<()> {
        let input = self.input();
        let watchers = self.watchers();
        // So that callbacks, which are the learner's too, can look on.
        let model = self.learn.model.take().expect("only absent during a step");
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
        self.learn.model = Some(model);
        self.state.output = Some(output?);
        Ok(())
    }

    pub(super) fn forward_with(&mut self, model: &dyn Layer) -> Result<()> {
        let input = self.input();
        self.state.output = Some(forward(model, input)?);
        Ok(())
    }

    fn input(&self) -> AnyTensor {
        self.state.input.clone().expect("there since the batch began")
    }

    /// The batch's loss, and the training loss with it. What the model wants added, as activation
    /// regularization, is differentiated but not shown.
    pub(super) fn loss(&mut self) -> Result<()> {
        let output = self.state.output.clone().expect("there since the forward pass");
        let target = self.state.target.clone().expect("there since the batch began");
        let loss = self.learn.guarded_loss(output, target)?;
        // The one number of a step that is read from the device.
        let value = scalar(loss.clone());
        self.state.last_loss = Some(value);
        let training = self.state.training == Some(true);
        if training {
            self.state.smooth_loss = Some(self.smooth.add(value));
        }
        let penalty = self.learn.model().penalty().filter(|_| training);
        self.state.loss = Some(match penalty {
            Some(penalty) => loss + penalty,
            None => loss,
        });
        Ok(())
    }

    pub(super) fn backward(&mut self) -> Result<()> {
        let loss = self.state.loss.take().expect("there since the loss");
        let kept = self.kept.take();
        if self.state.skip_backward {
            self.gradients = kept;
            return Ok(());
        }
        if !loss.is_tracked() {
            return Err(Error::NothingToTrain);
        }
        let mut gradients = Gradients::of(self.learn.model(), loss.backward());
        if let Some(kept) = kept {
            gradients.add(kept);
        }
        self.gradients = Some(gradients);
        Ok(())
    }

    pub(super) fn step(&mut self) {
        let Some(mut gradients) = self.gradients.take() else { return };
        // For the next batch, if a callback wants that: they are dropped at the batch's end.
        self.kept = Some(gradients.clone());
        if self.state.skip_step {
            return;
        }
        let optimizer = self.learn.optimizer.as_mut().expect("made when the fit began");
        let model = self.learn.model.take().expect("only absent during a step");
        self.learn.model = Some(optimizer.step(model, &mut gradients));
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

fn forward_traced(model: &dyn Layer, input: AnyTensor, trace: &mut Trace<'_>) -> Result<AnyTensor> {
    let shape = input.dims();
    try_forward_traced(model, input, trace).map_err(|error| Error::of_forward(error, shape))
}
