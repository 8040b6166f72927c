//! The update rules: which there are, and what each remembers.

use std::mem;

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use tinderbox_ops::optim::{AdamStep, Decay, RmsPropStep, adam, rms_prop, sgd};

/// How a gradient moves its parameter. The defaults of each are fastai's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Rule {
    /// Kingma and Ba, [Adam](https://arxiv.org/abs/1412.6980), 2015. With a decoupled decay it is
    /// AdamW.
    Adam {
        /// How much of the mean of the gradients is kept at first; a schedule's momentum takes its
        /// place.
        beta1: f64,
        /// How much of the mean of their squares is kept.
        beta2: f64,
        /// Added to the root of the squares.
        eps: f64,
    },
    /// Steps along the gradient, or along its running sum.
    Sgd {
        /// How much of the sum is kept; 0 for steps along the gradient.
        momentum: f64,
    },
    /// Hinton's. It has no momentum, so a schedule's does nothing.
    RmsProp {
        /// How much of the mean of the squared gradients is kept.
        alpha: f64,
        /// Added to the root of the squares.
        eps: f64,
    },
}

impl Default for Rule {
    fn default() -> Self {
        Self::ADAM
    }
}

/// What one step is made with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Step {
    pub(super) lr: f64,
    /// Adam's beta1, which a schedule changes from step to step.
    pub(super) momentum: f64,
    pub(super) decay: Decay,
    /// Counted from 1 over all steps of the optimizer.
    pub(super) count: u64,
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

    /// The parameter after a step, and in `memory` what the next needs.
    pub(super) fn update(
        self,
        value: Tensor<1>,
        gradient: Tensor<1>,
        memory: &mut Vec<Tensor<1>>,
        step: &Step,
    ) -> Tensor<1> {
        let Step { lr, momentum, decay, count } = *step;
        let mut before = mem::take(memory).into_iter();
        match self {
            Self::Adam { beta2, eps, .. } => {
                let means = before.next().zip(before.next()).map(<[_; 2]>::from);
                let step = AdamStep { lr, beta1: momentum, beta2, eps, count, decay };
                let (value, means) = adam(value, gradient, means, &step);
                memory.extend(means);
                value
            }
            Self::Sgd { .. } => {
                let (value, sum) = sgd(value, gradient, before.next(), lr, momentum, decay);
                memory.push(sum);
                value
            }
            Self::RmsProp { alpha, eps } => {
                let step = RmsPropStep { lr, alpha, eps, decay };
                let (value, square) = rms_prop(value, gradient, before.next(), &step);
                memory.push(square);
                value
            }
        }
    }
}
