//! Large batches on a small machine.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Result,
    callback::{Answer, Callback, Change, Changes, State, read_state, write_state},
    optim::Gradients,
};

/// Adds up the gradients of `n` batches, and makes one step with their mean over all items: as one
/// batch of all of them would, but for what batch norms see.
///
/// The loss must give the sum over a batch, as
/// [`Reduction::Sum`](crate::loss::Reduction::Sum) does, and as fastai asks for too;
/// [`of_means`](Self::of_means) is for losses that give a mean. The batches that are left at the end of
/// an epoch make a step too. A schedule goes on with every batch.
///
/// fastai's `AccumulateScheduler` makes the last step of an epoch after validation; here validation
/// sees the model after it. Not for [`LossScaling`](crate::callback::LossScaling), whose
/// scale may change between two batches.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[doc(alias = "AccumulateScheduler")]
#[doc(alias = "AccumulateStepper")]
pub struct GradientAccumulation {
    /// How many batches make a step.
    pub n: usize,
    /// Whether losses are means over a batch, so that a step is with the mean of the batches'
    /// gradients.
    #[serde(default)]
    pub means: bool,
    /// Since the last step.
    batches: usize,
    items: usize,
}

impl GradientAccumulation {
    /// A step every `n` batches, whose losses are sums.
    pub fn new(n: usize) -> Self {
        Self { n, means: false, batches: 0, items: 0 }
    }

    /// A step every `n` batches, whose losses are means over as many items each.
    pub fn of_means(n: usize) -> Self {
        Self { means: true, ..Self::new(n) }
    }

    fn restart(&mut self) {
        (self.batches, self.items) = (0, 0);
    }
}

impl Callback for GradientAccumulation {
    fn name(&self) -> &'static str {
        "gradient_accumulation"
    }

    fn in_lr_find(&self) -> bool {
        true
    }

    fn train_begin(&mut self, _: &State) -> Answer {
        self.restart();
        Ok(Changes::none())
    }

    fn backward_end(&mut self, state: &State, gradients: &mut Gradients) -> Answer {
        self.batches += 1;
        self.items += state.input.as_ref().map_or(0, |input| input.dims()[0]);
        let last = state.num_batch + 1 >= state.n_train_batches;
        if self.batches < self.n && !last {
            return Ok([Change::SkipStep, Change::KeepGradients].into());
        }
        let parts = if self.means { self.batches } else { self.items };
        gradients.scale(1.0 / parts.max(1) as f64);
        self.restart();
        Ok(Changes::none())
    }

    fn save_state(&self) -> Value {
        write_state(self)
    }

    fn load_state(&mut self, saved: &Value) -> Result<()> {
        *self = read_state(self.name(), saved)?;
        Ok(())
    }
}
