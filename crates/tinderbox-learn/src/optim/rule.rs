//! The update rules: which there are, and what each remembers.

use serde::{Deserialize, Serialize};
use tinderbox_ops::optim::{AdamStep, Decay, RmsPropStep, SgdStep, Step};

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

    /// A step, which is number `count` of the optimizer, counted from 1. A schedule changes the
    /// momentum, Adam's beta1, from step to step.
    pub(super) fn step(self, lr: f64, momentum: f64, decay: Decay, count: u64) -> Step {
        match self {
            Self::Adam { beta2, eps, .. } => {
                Step::Adam(AdamStep { lr, beta1: momentum, beta2, eps, count, decay })
            }
            Self::Sgd { .. } => Step::Sgd(SgdStep { lr, momentum, decay }),
            Self::RmsProp { alpha, eps } => Step::RmsProp(RmsPropStep { lr, alpha, eps, decay }),
        }
    }
}
