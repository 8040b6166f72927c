//! A fit under way: its state, its beginning and its end.

use std::{path::Path, time::Duration};

use tinderbox_model::{Mode, groups, set_mode};

use crate::{
    Error, Learner, Result, StopHandle,
    callback::{Callback, State},
    checkpoint::{self, Checkpoint, Mark},
    fit::{
        Fit, Outcome, Policy, Progress, Report,
        clock::Clock,
        events::{Event, Who, order},
    },
    optim::Gradients,
    schedule::{Schedule, Smoothed},
};

/// A fit under way, as a [`TrainStep`](crate::TrainStep) meets it: the batch, the learner's network
/// and loss, and the events that callbacks are told of.
///
/// The parts of the [supervised](crate::Supervised) step are methods: each does with the learner's
/// network what its name says, and leaves the result for the next.
#[expect(clippy::struct_excessive_bools, reason = "they are independent")]
pub struct Stage<'a> {
    pub(crate) learn: &'a mut Learner,
    pub(crate) fit: Fit,
    pub(crate) passed: Vec<Box<dyn Callback>>,
    pub(super) order: Vec<Who>,
    pub(super) schedule: Schedule,
    pub(crate) state: State,
    pub(crate) smooth: Smoothed,
    /// Those of the batch that runs.
    pub(super) gradients: Option<Gradients>,
    /// Whether this epoch's frozen norms are in evaluation mode.
    pub(crate) norms_frozen: bool,
    /// Whether the epoch has begun: nobody is to be told again.
    pub(crate) in_epoch: bool,
    /// Batches of the schedule before this fit's first.
    pub(crate) schedule_offset: usize,
    pub(super) clock: Clock,
    resumed: bool,
    /// Training batches done when this run began.
    begun_at: usize,
    /// Whether the table is nobody's business: a run of the rate finder.
    pub(super) quiet: bool,
    /// What a checkpoint would say, from before validation.
    pub(super) mark: Option<Mark>,
    pub(super) items: usize,
    pub(super) stop: StopHandle,
}

impl<'a> Stage<'a> {
    /// Begins a fit: makes the optimizer if there is none.
    pub(crate) fn begin(
        learn: &'a mut Learner,
        fit: Fit,
        passed: Vec<Box<dyn Callback>>,
    ) -> Result<Self> {
        let mut run = Self::new(learn, fit, passed)?;
        let network = &mut run.learn.network;
        network.begin_fit(run.fit.weight_decay.unwrap_or(network.weight_decay))?;
        for (_, network) in run.learn.others() {
            network.begin_fit(network.weight_decay)?;
        }
        run.learn.train_step_mut().fit_begin();
        run.jump_to(run.fit.start_epoch);
        Ok(run)
    }

    /// Takes up the fit in the checkpoint `file`, or, if it is over, only loads what it left.
    pub(crate) fn resume(
        learn: &'a mut Learner,
        file: &Path,
        passed: Vec<Box<dyn Callback>>,
    ) -> Result<Option<Self>> {
        let checkpoint = Checkpoint::read(file)?;
        checkpoint.check(learn, &passed)?;
        checkpoint.load_learner(learn)?;
        if checkpoint.is_finished() {
            checkpoint.load_callbacks(learn)?;
            return Ok(None);
        }
        let mut run = Self::new(learn, checkpoint.fit().clone(), passed)?;
        checkpoint.load_run(&mut run)?;
        (run.resumed, run.begun_at) = (true, run.state.iteration);
        Ok(Some(run))
    }

    pub(crate) fn new(
        learn: &'a mut Learner,
        fit: Fit,
        passed: Vec<Box<dyn Callback>>,
    ) -> Result<Self> {
        let n_train_batches = learn.data.n_train_batches();
        if n_train_batches == 0 {
            let (items, batch_size) = (learn.data.n_train(), learn.data.batch_size());
            return Err(Error::NoTrainBatches { items, batch_size });
        }
        let schedule = fit.schedule(learn.n_groups(), n_train_batches)?;
        let state = State {
            n_epochs: fit.epochs,
            n_train_batches,
            n_valid_batches: learn.data.n_valid_batches(),
            metric_names: learn.metric_names(),
            loss_parts: learn.loss.part_names().len(),
            ..State::default()
        };
        Ok(Self {
            order: order(&learn.recorder, &learn.callbacks, &passed),
            stop: learn.stop.clone(),
            learn,
            fit,
            passed,
            schedule,
            state,
            smooth: Smoothed::default(),
            gradients: None,
            norms_frozen: false,
            in_epoch: false,
            schedule_offset: 0,
            clock: Clock::new(Duration::ZERO),
            resumed: false,
            begun_at: 0,
            quiet: false,
            mark: None,
            items: 0,
        })
    }

    /// Tells nobody about the table.
    pub(crate) fn quiet(self) -> Self {
        Self { quiet: true, ..self }
    }

    /// Runs to the end, tells everybody that it is reached, and says how.
    pub(crate) fn finish(mut self) -> Result<Outcome> {
        let result = self.train_begin().and_then(|()| self.epochs());
        self.forget_batch();
        let ended = self.train_end(result.as_ref().err());
        result.and(ended)?;
        if self.state.interrupted {
            return Ok(self.stopped());
        }
        self.learn.fits += 1;
        self.learn.epochs += self.fit.epochs;
        checkpoint::write(&mut self, None, true)?;
        self.tell_table(|table| Report::End { table });
        let reason = self.state.stop_training.take();
        Ok(Outcome::Finished { epochs: self.state.epoch, reason })
    }

    fn train_begin(&mut self) -> Result<()> {
        // In a fit that was resumed the callbacks have their state.
        if !self.resumed {
            self.event(Event::TrainBegin)?;
        }
        if self.learn.fits == 0
            && !(self.resumed || self.quiet)
            && let Some(missing) = self.learn.load_report().missing_text()
        {
            self.tell(&Report::Note(&missing));
        }
        self.tell_table(|table| Report::Begin { table });
        Ok(())
    }

    fn stopped(self) -> Outcome {
        let checkpoint =
            self.learn.checkpoints.as_ref().map(|checkpoints| checkpoints.file.clone());
        // The epoch counts from 1, and is counted on once it is over.
        let epoch = self.state.epoch + usize::from(self.in_epoch);
        Outcome::Stopped { epoch, batch: self.state.num_batch, checkpoint }
    }

    /// Makes the fit go on as if the epochs before `epoch` were done.
    pub(super) fn jump_to(&mut self, epoch: usize) {
        self.state.epoch = epoch;
        self.schedule_offset = epoch * self.state.n_train_batches;
        self.follow_schedule();
    }

    /// Sets the rates and the momentum that the schedule has for the next batch. A constant
    /// schedule sets them once, so that callbacks can change them.
    fn follow_schedule(&mut self) {
        let at = self.schedule_offset + self.state.iteration;
        let constant = matches!(self.fit.policy, Policy::Constant(_));
        let Some(optimizer) = &mut self.learn.network.optimizer else { return };
        if !constant || self.state.iteration == 0 {
            optimizer.set_lrs(&self.schedule.lrs(at));
        }
        if let Some(momentum) = self.schedule.momentum(at) {
            optimizer.momentum = momentum;
        }
        self.state.lrs.clone_from(&optimizer.lrs);
        self.state.momentum = optimizer.momentum;
    }

    /// Ends the fit with the first batch after its schedule: one that was made for fewer epochs.
    fn end_with_schedule(&mut self) {
        let made_for_batches = matches!(self.fit.policy, Policy::OneCycle(_) | Policy::FlatCos(_));
        if made_for_batches && self.schedule.is_over(self.schedule_offset + self.state.iteration) {
            self.state.stop_epoch = true;
            let reason = || "the schedule is over".to_owned();
            self.state.stop_training.get_or_insert_with(reason);
        }
    }

    pub(super) fn set_lrs(&mut self, lrs: &[f64]) -> Result<()> {
        let groups = self.learn.n_groups();
        if lrs.len() != groups {
            return Err(Error::RateCount { given: lrs.len(), groups });
        }
        if let Some(optimizer) = &mut self.learn.network.optimizer {
            optimizer.set_lrs(lrs);
        }
        self.state.lrs = lrs.to_vec();
        Ok(())
    }

    /// How long the fit has taken, in all its runs.
    pub(crate) fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    /// How long the fit took before this run.
    pub(crate) fn set_elapsed(&mut self, before: Duration) {
        self.clock = Clock::new(before);
    }

    pub(super) fn begin_epoch(&mut self) -> Result<()> {
        self.clock.begin_epoch();
        self.learn.network.change_model(|model| set_mode(model, Mode::Train));
        for (_, network) in self.learn.others() {
            network.change_model(|model| set_mode(model, Mode::Train));
        }
        if self.in_epoch {
            if self.norms_frozen {
                self.learn.network.change_model(groups::eval_frozen_norms);
            }
            return Ok(());
        }
        self.norms_frozen = false;
        self.in_epoch = true;
        self.state.num_batch = 0;
        self.state.valid_loss = None;
        self.state.metrics.clear();
        self.state.stop_epoch = false;
        self.state.stop_training = None;
        self.event(Event::EpochBegin)
    }

    /// Whether there is an epoch to train, or the rest of one.
    pub(super) fn more_epochs(&self) -> bool {
        let ended = self.state.stop_training.is_some() && !self.in_epoch;
        self.state.epoch < self.state.n_epochs && !ended && !self.state.interrupted
    }

    /// Whether the loop over batches goes on.
    pub(super) fn more_batches(&self) -> bool {
        !(self.state.stop_epoch || self.state.interrupted)
    }

    pub(super) fn validates(&self) -> bool {
        let state = &self.state;
        state.n_valid_batches > 0 && !state.skip_validate && !state.interrupted
    }

    /// After a training batch: counts it, and writes a checkpoint if one is due.
    pub(super) fn finish_batch(&mut self, waited: Duration) -> Result<()> {
        let done = (self.state.iteration + 1) as f64;
        let all = (self.state.n_epochs.max(1) * self.state.n_train_batches) as f64;
        let offset = self.schedule_offset as f64;
        let (done, before) = ((offset + done) / all, (offset + self.begun_at as f64) / all);
        self.state.speed = self.clock.speed(self.items, waited, done, before);
        let progress = Progress::after_batch(&self.state, self.learn.n_fits());
        self.tell(&Report::Batch(progress));
        self.forget_batch();
        if !self.state.keep_gradients {
            self.drop_kept();
        }
        self.end_with_schedule();
        self.state.iteration += 1;
        self.state.num_batch += 1;
        self.follow_schedule();
        let due = self.learn.checkpoints.as_ref().and_then(|checkpoints| checkpoints.every);
        let due = due.is_some_and(|every| self.state.iteration.is_multiple_of(every.get()));
        let stop = self.stop.take();
        if due || stop {
            checkpoint::write(self, None, false)?;
        }
        self.state.interrupted = stop;
        Ok(())
    }

    /// Lets go of the batch's tensors.
    pub(super) fn forget_batch(&mut self) {
        let state = &mut self.state;
        (state.input, state.target, state.output, state.loss) = (None, None, None, None);
    }

    /// Lets go of gradients that waited for the next batch's.
    pub(super) fn drop_kept(&mut self) {
        self.learn.network.kept = None;
        for (_, network) in self.learn.others() {
            network.kept = None;
        }
    }

    pub(super) fn finish_epoch(&mut self) -> Result<()> {
        self.mark = None;
        self.tell_table(|table| Report::Epoch { table });
        self.in_epoch = false;
        self.state.epoch += 1;
        let stop = self.stop.take();
        if self.learn.checkpoints.is_some() {
            checkpoint::write(self, None, false)?;
        }
        self.state.interrupted = stop && self.state.epoch < self.state.n_epochs;
        Ok(())
    }
}
