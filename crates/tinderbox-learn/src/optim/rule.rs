//! The update rules.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

/// How a gradient moves its parameter. The defaults of each are fastai's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Rule {
    /// Kingma and Ba, [Adam](https://arxiv.org/abs/1412.6980), 2015. With a decoupled decay it is
    /// AdamW.
    Adam { beta1: f64, beta2: f64, eps: f64 },
    /// Steps along the gradient, or along its running sum.
    Sgd { momentum: f64 },
    /// Hinton's. It has no momentum, so a schedule's does nothing.
    RmsProp { alpha: f64, eps: f64 },
}

impl Default for Rule {
    fn default() -> Self {
        Self::ADAM
    }
}

/// What one step is made with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    pub lr: f64,
    /// Adam's beta1, which a schedule changes from step to step.
    pub momentum: f64,
    pub decay: f64,
    pub true_wd: bool,
    /// Counted from 1 over all steps of the optimizer.
    pub count: u64,
}

impl Rule {
    /// Adam with fastai's betas, 0.9 and 0.99.
    pub const ADAM: Self = Self::Adam { beta1: 0.9, beta2: 0.99, eps: 1e-8 };
    /// Stochastic gradient descent with momentum 0.9.
    pub const SGD: Self = Self::Sgd { momentum: 0.9 };
    /// RMSprop with PyTorch's alpha, 0.99.
    pub const RMS_PROP: Self = Self::RmsProp { alpha: 0.99, eps: 1e-8 };

    /// The momentum it starts with: beta1 for Adam, none for RMSprop.
    pub fn momentum(self) -> f64 {
        match self {
            Self::Adam { beta1: momentum, .. } | Self::Sgd { momentum } => momentum,
            Self::RmsProp { .. } => 0.0,
        }
    }

    /// The parameter after a step.
    pub(super) fn update(
        self,
        value: Tensor<1>,
        gradient: Tensor<1>,
        memory: &mut Vec<Tensor<1>>,
        step: &Step,
    ) -> Tensor<1> {
        let Step { lr, momentum, decay, true_wd, count } = *step;
        let (value, gradient) = match (decay == 0.0, true_wd) {
            (true, _) => (value, gradient),
            (false, true) => (value * (1.0 - decay * lr), gradient),
            (false, false) => (value.clone(), gradient + value * decay),
        };
        let memory_of = |at: usize| match memory.get(at) {
            Some(tensor) => tensor.clone(),
            None => gradient.zeros_like(),
        };
        match self {
            Self::Adam { beta2, eps, .. } => {
                let m = memory_of(0) * momentum + gradient.clone() * (1.0 - momentum);
                let v = memory_of(1) * beta2 + gradient.square() * (1.0 - beta2);
                let count = count as f64;
                let (of_m, of_v) = (1.0 - momentum.powf(count), 1.0 - beta2.powf(count));
                let denominator = v.clone().sqrt() / of_v.sqrt() + eps;
                let moved = value - m.clone() / denominator * (lr / of_m);
                *memory = vec![m, v];
                moved
            }
            Self::Sgd { .. } => {
                let sum = match memory.is_empty() {
                    true => gradient,
                    false => memory_of(0) * momentum + gradient,
                };
                let moved = value - sum.clone() * lr;
                *memory = vec![sum];
                moved
            }
            Self::RmsProp { alpha, eps, .. } => {
                let v = memory_of(0) * alpha + gradient.clone().square() * (1.0 - alpha);
                let moved = value - gradient / (v.clone().sqrt() + eps) * lr;
                *memory = vec![v];
                moved
            }
        }
    }
}
