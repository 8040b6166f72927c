//! Keeping small gradients from vanishing in half precision.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Result,
    callback::{Answer, Callback, Change, Changes, State, read_state, write_state},
    optim::Gradients,
};

/// Differentiates the loss times a large number, and divides the gradients by it, so that small
/// ones survive in half precision.
///
/// The number is halved, and the step skipped, when a gradient overflows; it is doubled after
/// `max_noskip` good steps. The defaults are fastai's. fastai runs the optimizer on zero gradients
/// after an overflow, which moves the parameters; here they stay.
///
/// # Reference
/// Micikevicius et al., [Mixed precision training](https://arxiv.org/abs/1710.03740), 2018, §3.2.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[doc(alias = "MixedPrecision")]
#[doc(alias = "to_fp16")]
pub struct LossScaling {
    /// What the loss is multiplied by.
    pub scale: f64,
    /// Good steps after which the scale is doubled.
    pub max_noskip: usize,
    /// The scale is not doubled beyond this: 2²⁴ is fastai's.
    pub max_scale: f64,
    /// Good steps since the scale changed.
    noskip: usize,
}

impl Default for LossScaling {
    fn default() -> Self {
        Self::new(65_536.0, 1000)
    }
}

impl LossScaling {
    /// Begins with `scale`, and doubles it after `max_noskip` good steps.
    pub fn new(scale: f64, max_noskip: usize) -> Self {
        Self { scale, max_noskip, max_scale: 16_777_216.0, noskip: 0 }
    }

    /// Good steps since the scale changed.
    pub fn noskip(&self) -> usize {
        self.noskip
    }
}

impl Callback for LossScaling {
    fn name(&self) -> &'static str {
        "loss_scaling"
    }

    /// Late: others see the loss of the usual size, and what clips gradients comes after it.
    fn order(&self) -> i32 {
        999
    }

    fn in_lr_find(&self) -> bool {
        true
    }

    fn backward_begin(&mut self, state: &State) -> Answer {
        let loss = state.loss.clone().map(|loss| Change::Loss(loss * self.scale));
        Ok(loss.map_or_else(Changes::none, Changes::from))
    }

    fn backward_end(&mut self, _: &State, gradients: &mut Gradients) -> Answer {
        if self.scale > 1.0 && !gradients.norm().is_finite() {
            (self.scale, self.noskip) = (self.scale / 2.0, 0);
            return Ok(Change::SkipStep.into());
        }
        gradients.scale(1.0 / self.scale);
        self.noskip += 1;
        if self.noskip >= self.max_noskip && self.scale < self.max_scale {
            (self.scale, self.noskip) = (self.scale * 2.0, 0);
        }
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
