//! Generative adversarial networks: a generator learns from a critic, which learns to tell what the
//! generator makes from what is real.
//!
//! A [`GanLearner`] makes a [`Learner`](crate::Learner) whose network is the generator, so that
//! prediction, export and freezing are as always, and whose training step is a [`GanStep`], which
//! has the critic.
//!
//! Goodfellow et al., [Generative Adversarial Networks](https://arxiv.org/abs/1406.2661), 2014.

mod learner;
mod loss;
mod penalty;
mod step;
mod switch;

pub use learner::GanLearner;
pub use loss::{AdversarialLoss, RealOrFake, Wasserstein};
pub use step::GanStep;
pub use switch::{Switch, Turn};

use crate::optim::Rule;

/// Adam without momentum, with which two networks that chase each other train steadily: the lesson's.
pub const ADAM: Rule = Rule::Adam { beta1: 0.0, beta2: 0.99, eps: 1e-8 };
