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
    pub max_norm: f64,
}

impl Callback for GradientClipping {
    fn name(&self) -> &'static str {
        "gradient_clipping"
    }

    fn in_lr_find(&self) -> bool {
        true
    }

    fn backward_end(&mut self, _: &State, gradients: &mut Gradients) -> Answer {
        let norm = gradients.norm();
        if norm > self.max_norm {
            gradients.scale(self.max_norm / (norm + 1e-6));
        }
        Ok(Changes::none())
    }
}
