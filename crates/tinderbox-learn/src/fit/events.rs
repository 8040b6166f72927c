//! Telling the callbacks, and doing what they answer.

use std::path::Path;

use tinderbox_model::groups;

use crate::{
    Error, Recorder, Result, Strict, WithOptimizer,
    callback::{Callback, Change},
    fit::{Report, Stage},
    optim::{Gradients, Optimizer},
    table::Table,
};

/// The events of a fit, in the order in which they happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    TrainBegin,
    EpochBegin,
    BatchBegin,
    LossBegin,
    BackwardBegin,
    BackwardEnd,
    StepEnd,
    BatchEnd,
    EpochEnd,
    TrainEnd,
}

impl Event {
    fn name(self) -> &'static str {
        match self {
            Self::TrainBegin => "train_begin",
            Self::EpochBegin => "epoch_begin",
            Self::BatchBegin => "batch_begin",
            Self::LossBegin => "loss_begin",
            Self::BackwardBegin => "backward_begin",
            Self::BackwardEnd => "backward_end",
            Self::StepEnd => "step_end",
            Self::BatchEnd => "batch_end",
            Self::EpochEnd => "epoch_end",
            Self::TrainEnd => "train_end",
        }
    }
}

/// A callback of a fit, by where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Recorder,
    /// The learner's own, by position.
    Own(usize),
    /// Passed to the fit, by position.
    Passed(usize),
}

/// All callbacks in the order in which they are told.
pub(super) fn order(
    recorder: &Recorder,
    own: &[Box<dyn Callback>],
    passed: &[Box<dyn Callback>],
) -> Vec<Who> {
    let own = own.iter().enumerate().map(|(at, callback)| (callback.order(), Who::Own(at)));
    let passed =
        passed.iter().enumerate().map(|(at, callback)| (callback.order(), Who::Passed(at)));
    let recorder = std::iter::once((recorder.order(), Who::Recorder));
    let mut all: Vec<(i32, Who)> = recorder.chain(own).chain(passed).collect();
    all.sort_by_key(|(order, _)| *order);
    all.into_iter().map(|(_, who)| who).collect()
}

impl Stage<'_> {
    /// Tells every callback, and does what each answers before the next is told.
    pub(super) fn event(&mut self, event: Event) -> Result<()> {
        for at in 0..self.order.len() {
            let mut gradients = match event {
                Event::BackwardEnd => self.gradients.take().unwrap_or_default(),
                _ => Gradients::default(),
            };
            let who = self.order[at];
            let (callback, state) = self.callback(who);
            let name = callback.name();
            let answer = match event {
                Event::TrainBegin => callback.train_begin(state),
                Event::EpochBegin => callback.epoch_begin(state),
                Event::BatchBegin => callback.batch_begin(state),
                Event::LossBegin => callback.loss_begin(state),
                Event::BackwardBegin => callback.backward_begin(state),
                Event::BackwardEnd => callback.backward_end(state, &mut gradients),
                Event::StepEnd => callback.step_end(state),
                Event::BatchEnd => callback.batch_end(state),
                Event::EpochEnd => callback.epoch_end(state),
                Event::TrainEnd => unreachable!("told by `train_end`, with the error"),
            };
            if event == Event::BackwardEnd {
                self.gradients = Some(gradients);
            }
            for change in answer? {
                self.apply(change, name, event)?;
            }
        }
        Ok(())
    }

    /// Tells every callback that the fit is over, whatever happens.
    pub(super) fn train_end(&mut self, error: Option<&Error>) -> Result<()> {
        let mut first = Ok(());
        for at in 0..self.order.len() {
            let who = self.order[at];
            let (callback, state) = self.callback(who);
            let name = callback.name();
            let changes = callback.train_end(state, error).map(IntoIterator::into_iter);
            let done = changes.and_then(|mut changes| {
                changes.try_for_each(|change| self.apply(change, name, Event::TrainEnd))
            });
            first = first.and(done);
        }
        first
    }

    /// A callback, and the state it is to see.
    pub(super) fn callback(&mut self, who: Who) -> (&mut dyn Callback, &crate::callback::State) {
        let callback: &mut dyn Callback = match who {
            Who::Recorder => &mut self.learn.recorder,
            Who::Own(at) => &mut *self.learn.callbacks[at],
            Who::Passed(at) => &mut *self.passed[at],
        };
        (callback, &self.state)
    }

    /// The callbacks that want to see what layers give.
    pub(super) fn watchers(&mut self) -> Vec<Who> {
        (0..self.order.len())
            .filter_map(|at| {
                let who = self.order[at];
                let (callback, state) = self.callback(who);
                callback.watches_layers(state).then_some(who)
            })
            .collect()
    }

    fn apply(&mut self, change: Change, callback: &'static str, event: Event) -> Result<()> {
        let allowed = change.events();
        if !(allowed.is_empty() || allowed.contains(&event.name())) {
            let (change, event) = (change.name(), event.name());
            return Err(Error::Change { callback, change, event, allowed });
        }
        match change {
            Change::Epoch(epoch) => self.jump_to(epoch),
            Change::Input(input) => self.state.input = Some(input),
            Change::Target(target) => self.state.target = Some(target),
            Change::Output(output) => self.state.output = Some(output),
            Change::Loss(loss) => self.state.loss = Some(loss),
            Change::SkipBackward => self.state.skip_backward = true,
            Change::SkipStep => self.state.skip_step = true,
            Change::KeepGradients => self.state.keep_gradients = true,
            Change::SkipValidation => self.state.skip_validate = true,
            Change::StopEpoch => self.state.stop_epoch = true,
            Change::StopTraining(reason) => {
                self.state.stop_training.get_or_insert(reason);
            }
            Change::LearningRates(lrs) => self.set_lrs(&lrs)?,
            Change::FreezeNorms => self.freeze_norms(),
            Change::ResetState => {
                if let Some(carried) = self.learn.model().carried() {
                    carried.reset();
                }
            }
            Change::Save(name) => {
                self.learn.save(&name, WithOptimizer::Yes)?;
            }
            Change::Load(name) => {
                if self.learn.saved(&name).is_file() {
                    self.load(&name)?;
                }
            }
            Change::Note(note) => self.tell(&Report::Note(&note)),
        }
        Ok(())
    }

    /// Loads weights, and what the optimizer remembers with them. Rates and momentum are the
    /// fit's, not those of the moment when they were saved.
    fn load(&mut self, name: &Path) -> Result<()> {
        let settings = |o: &Optimizer| (o.lrs.clone(), o.weight_decays.clone(), o.momentum);
        let now = self.learn.optimizer().map(settings);
        let warning = self.learn.load(name, Strict::Yes, WithOptimizer::IfThere)?;
        if let (Some(optimizer), Some(now)) = (&mut self.learn.network.optimizer, now) {
            (optimizer.lrs, optimizer.weight_decays, optimizer.momentum) = now;
        }
        if let Some(warning) = warning {
            self.tell(&Report::Note(&warning));
        }
        Ok(())
    }

    /// Tells whoever watches.
    pub(super) fn tell(&mut self, report: &Report<'_>) {
        if let Some(observer) = &mut self.learn.observer {
            observer(report);
        }
    }

    /// Tells whoever watches about the table.
    pub(super) fn tell_table(&mut self, report: fn(&Table) -> Report<'_>) {
        if self.quiet {
            return;
        }
        let mut table = self.learn.recorder.table();
        table.total = Some(self.clock.elapsed());
        self.tell(&report(&table));
    }

    fn freeze_norms(&mut self) {
        self.norms_frozen = true;
        self.learn.network.change_model(groups::eval_frozen_norms);
    }
}
