//! Keeping steps short.

use crate::{
    callback::{Answer, Callback, Changes, State},
    optim::Gradients,
};

/// Scales all gradients down together when their norm exceeds `max_norm`.
///
/// The norm is one number over all parameters, as in PyTorch's `clip_grad_norm_`: the step's
/// direction stays.
///
/// # Reference
/// Pascanu et al., [On the difficulty of training recurrent neural networks](https://arxiv.org/abs/1211.5063), 2013, §3.2.
#[derive(Debug, Clone, Copy)]
pub struct GradientClipping {
    /// The longest that all gradients together may be, as one vector.
    pub max_norm: f64,
}

impl Callback for GradientClipping {
    fn name(&self) -> &'static str {
        "gradient_clipping"
    }

    /// After whatever else scales gradients or adds them up: the step is what must be short.
    fn order(&self) -> i32 {
        1000
    }

    fn in_lr_find(&self) -> bool {
        true
    }

    fn backward_end(&mut self, state: &State, gradients: &mut Gradients) -> Answer {
        if state.skip_step {
            return Ok(Changes::none());
        }
        let norm = gradients.norm();
        if norm > self.max_norm {
            gradients.scale(self.max_norm / (norm + 1e-6));
        }
        Ok(Changes::none())
    }
}
