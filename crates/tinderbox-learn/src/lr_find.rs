//! The learning rate finder's run.

use std::mem;

use serde_json::Value;
use tinderbox_ops::with_exact_conv;

use crate::{
    Learner, Recorder, Result,
    callback::{Answer, Callback, Change, Changes, State},
    checkpoint::Checkpoints,
    fit::{Fit, Policy, Stage},
    network::Snapshot,
    schedule::{Divergence, LrFind, Suggestion, Verdict, suggestion},
};

/// What the finder saw: one entry for each of its batches.
#[derive(Debug, Clone, PartialEq)]
pub struct LrCurve {
    /// The rate each batch ran with.
    pub lrs: Vec<f64>,
    /// Smoothed, as the plot shows them.
    pub losses: Vec<f64>,
    /// As they were.
    pub raw_losses: Vec<f64>,
    /// Why it ended: [`Verdict::Continue`] if somebody asked it to stop.
    pub verdict: Verdict,
}

impl LrCurve {
    /// The points worth a plot, without the first 10 and the last 5, as fastai's: rates and losses.
    pub fn points(&self) -> (&[f64], &[f64]) {
        let end = self.losses.len().saturating_sub(SKIP_END);
        let start = SKIP_START.min(end);
        (&self.lrs[start..end], &self.losses[start..end])
    }

    /// The rates it suggests; nothing from fewer than two points.
    pub fn suggestion(&self) -> Option<Suggestion> {
        suggestion(&self.losses, &self.lrs, SKIP_START, SKIP_END)
    }
}

const SKIP_START: usize = 10;
const SKIP_END: usize = 5;

impl Learner {
    /// Trains for a few batches at rising rates, and leaves everything as it was: weights, running
    /// statistics, the optimizer, the recorder, what callbacks remember, and the random numbers of
    /// the next fit, bit for bit.
    ///
    /// Of the learner's callbacks only those that change what a step does take part.
    ///
    /// # Errors
    /// As [`fit`](Self::fit).
    pub fn lr_find(&mut self, options: &LrFind) -> Result<LrCurve> {
        let batches = self.data.n_train_batches().max(1);
        let fit = Fit::new(options.num_it.div_ceil(batches), Policy::LrFind(options.clone()));
        let before = Before::take(self);
        let finder = Box::new(Finder { rule: options.divergence() });
        let result = with_exact_conv(self.exact_conv, || {
            Stage::begin(self, fit, vec![finder]).and_then(|run| run.quiet().finish())
        });
        let recorder = before.put_back(self);
        result?;
        let Recorder { lrs, losses, raw_losses, .. } = recorder?;
        let mut rule = options.divergence();
        let verdict = losses.iter().map(|loss| rule.after_batch(*loss)).last();
        Ok(LrCurve { lrs, losses, raw_losses, verdict: verdict.unwrap_or(Verdict::Continue) })
    }
}

/// What the finder must leave as it was.
struct Before {
    network: Snapshot,
    /// The step's other networks, and its state.
    others: Vec<Snapshot>,
    step: Value,
    recorder: Recorder,
    checkpoints: Option<Checkpoints>,
    fits: u64,
    epochs: usize,
    /// The callbacks that stay out, each with its place.
    callbacks: Vec<(usize, Box<dyn Callback>)>,
    /// What those that take part remembered.
    remembered: Vec<Value>,
}

impl Before {
    fn take(learn: &mut Learner) -> Self {
        let callbacks = mem::take(&mut learn.callbacks).into_iter().enumerate();
        let (part, out): (Vec<_>, Vec<_>) =
            callbacks.partition(|(_, callback)| callback.in_lr_find());
        learn.callbacks = part.into_iter().map(|(_, callback)| callback).collect();
        Self {
            remembered: learn.callbacks.iter().map(|callback| callback.save_state()).collect(),
            network: learn.network.snapshot(),
            others: learn.others().into_iter().map(|(_, network)| network.snapshot()).collect(),
            step: learn.train_step_mut().save_state(),
            recorder: mem::take(&mut learn.recorder),
            checkpoints: learn.checkpoints.take(),
            fits: learn.fits,
            epochs: learn.epochs,
            callbacks: out,
        }
    }

    /// Gives the recorder of the run.
    fn put_back(self, learn: &mut Learner) -> Result<Recorder> {
        let mut remembered = learn.callbacks.iter_mut().zip(&self.remembered);
        let loaded = remembered.try_for_each(|(callback, state)| callback.load_state(state));
        let loaded = loaded.and(learn.train_step_mut().load_state(&self.step));
        learn.network.put_back(self.network);
        for ((_, network), before) in learn.others().into_iter().zip(self.others) {
            network.put_back(before);
        }
        learn.checkpoints = self.checkpoints;
        (learn.fits, learn.epochs) = (self.fits, self.epochs);
        for (at, callback) in self.callbacks {
            learn.callbacks.insert(at, callback);
        }
        let recorder = mem::replace(&mut learn.recorder, self.recorder);
        loaded.map(|()| recorder)
    }
}

/// Ends the run when the rates have shown what they can.
struct Finder {
    rule: Divergence,
}

impl Callback for Finder {
    fn name(&self) -> &'static str {
        "lr_find"
    }

    fn train_begin(&mut self, _: &State) -> Answer {
        Ok(Change::SkipValidation.into())
    }

    fn batch_end(&mut self, state: &State) -> Answer {
        let smoothed = state.smooth_loss.unwrap_or(f64::NAN);
        let reason = match self.rule.after_batch(smoothed) {
            Verdict::Continue => return Ok(Changes::none()),
            Verdict::Finished => "all rates were tried",
            Verdict::Diverged => "the loss diverged",
        };
        Ok([Change::StopEpoch, Change::StopTraining(reason.into())].into())
    }
}
