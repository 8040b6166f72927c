//! The training loop.

mod clock;
mod events;
mod report;
mod stage;
mod step;
mod time_steps;
mod validation;

pub use report::{Observer, Progress, Report};
pub use stage::Stage;
pub(crate) use step::{forward, forward_traced};
pub use time_steps::StepTimes;
pub(crate) use validation::{Parts, Weighted};

use std::{fmt, path::PathBuf};

use serde::{Deserialize, Serialize};
use tinderbox_model::random;

use crate::{
    Result,
    fit::events::Event,
    schedule::{FlatCos, LearningRate, LrFind, OneCycle, Schedule},
};

/// What a fit is to do: all that its checkpoint must know about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    /// How many epochs there are in all, those before the first of this fit included.
    pub epochs: usize,
    /// The learning rates.
    pub policy: Policy,
    /// The learner's, if it is not given.
    pub weight_decay: Option<f64>,
    /// The first epoch, for a fit whose earlier ones were trained before.
    pub start_epoch: usize,
    /// How many epochs the schedule is made for, if it is not [`epochs`](Self::epochs). If it is
    /// for fewer, the first batch after it is the last, as in fastai.
    pub total_epochs: Option<usize>,
}

/// The learning rates of a fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Policy {
    /// The same in every batch.
    Constant(LearningRate),
    /// Up and down again.
    OneCycle(OneCycle),
    /// The same for long, then down.
    FlatCos(FlatCos),
    /// The rates of the finder, which come without validation.
    LrFind(LrFind),
}

impl Fit {
    /// A fit from the first epoch on, with the learner's weight decay.
    pub fn new(epochs: usize, policy: Policy) -> Self {
        Self { epochs, policy, weight_decay: None, start_epoch: 0, total_epochs: None }
    }

    /// The rates for a model of `groups` groups on epochs of `batches` batches.
    fn schedule(&self, groups: usize, batches: usize) -> Result<Schedule> {
        let batches = self.total_epochs.unwrap_or(self.epochs) * batches;
        match &self.policy {
            Policy::Constant(lr) => Schedule::constant(lr, groups, batches),
            Policy::OneCycle(policy) => policy.schedule(groups, batches),
            Policy::FlatCos(policy) => policy.schedule(groups, batches),
            Policy::LrFind(policy) => policy.schedule(groups),
        }
    }
}

/// How a fit ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All epochs are done, or a callback ended the fit for a reason.
    Finished {
        /// Finished epochs, those before a later first one included.
        epochs: usize,
        /// What the callback said.
        reason: Option<String>,
    },
    /// Somebody asked it to stop. Epoch and batch count from 1.
    Stopped {
        /// The epoch it stopped in.
        epoch: usize,
        /// The last batch that was trained.
        batch: usize,
        /// The file to resume from, if checkpoints were asked for.
        checkpoint: Option<PathBuf>,
    },
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finished { epochs, reason: None } => write!(f, "finished {epochs} epochs"),
            Self::Finished { epochs, reason: Some(reason) } => {
                write!(f, "ended after {epochs} epochs: {reason}")
            }
            Self::Stopped { epoch, batch, checkpoint } => {
                write!(f, "stopped after batch {batch} of epoch {epoch}; ")?;
                match checkpoint {
                    Some(file) => write!(f, "resume from {}", file.display()),
                    None => write!(f, "no checkpoints were saved, so it cannot be resumed"),
                }
            }
        }
    }
}

impl Stage<'_> {
    fn epochs(&mut self) -> Result<()> {
        while self.more_epochs() {
            self.begin_epoch()?;
            self.train()?;
            if self.validates() {
                self.validate()?;
            }
            if self.state.interrupted {
                break;
            }
            self.event(Event::EpochEnd)?;
            self.finish_epoch()?;
        }
        Ok(())
    }

    fn train(&mut self) -> Result<()> {
        let epoch = self.learn.epochs + self.state.epoch;
        let mut batches = self.learn.data.train_batches(epoch, self.state.num_batch);
        while self.more_batches()
            && let Some(batch) = batches.next()
        {
            self.begin_batch(batch?, true)?;
            random::seeded(self.step_seed(), || self.train_batch())?;
            self.finish_batch(batches.waited())?;
        }
        self.state.metrics = self.learn.train_step_mut().values();
        Ok(())
    }

    fn train_batch(&mut self) -> Result<()> {
        self.event(Event::BatchBegin)?;
        self.with_step(|step, stage| step.train(stage))?;
        self.event(Event::BatchEnd)
    }

    fn validate(&mut self) -> Result<()> {
        let mut validation = self.begin_validation();
        let mut batches = self.learn.data.valid_batches();
        while self.more_batches()
            && let Some(batch) = batches.next()
        {
            self.begin_batch(batch?, false)?;
            self.event(Event::BatchBegin)?;
            self.forward_with(&*validation.model)?;
            self.event(Event::LossBegin)?;
            self.measure(&mut validation)?;
            self.event(Event::BatchEnd)?;
            self.finish_valid_batch()?;
        }
        self.finish_validation(&validation);
        Ok(())
    }
}
