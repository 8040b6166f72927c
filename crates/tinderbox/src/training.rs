//! A fit in a run folder: what all recipes that train have in common.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
};

use tinderbox_data::DataBunch;
use tinderbox_interpret::{plot_losses, plot_rates};
use tinderbox_learn::{
    Checkpoints, Learner, Outcome, Recorder, Report,
    callback::{CsvLogger, Speed, TerminateOnNan},
};

use crate::{Error, Event, Result, RunFolder, Watch};

/// How a training run ended.
#[derive(Debug)]
pub struct Trained {
    pub outcome: Outcome,
    /// The validation accuracy after the last epoch, if there was one.
    pub accuracy: Option<f64>,
    pub recorder: Recorder,
    /// How fast it went in the end, and how much of the time was waiting for data; nothing if the
    /// run was finished before.
    pub speed: Option<Speed>,
    pub run: RunFolder,
    pub data: DataBunch,
}

/// Where and how a fit leaves its traces.
#[derive(Debug)]
pub(crate) struct Training {
    pub(crate) run: RunFolder,
    /// What items are called: `images`.
    pub(crate) unit: &'static str,
    /// Steps between checkpoints, besides those after each epoch; 0 for no others.
    pub(crate) checkpoint_every: usize,
    /// The learning rate to advise if this one was too high.
    pub(crate) lower_lr: f64,
}

impl Training {
    /// Trains, or goes on from the checkpoint if there is one, and leaves the finished model and
    /// plots in the run folder.
    ///
    /// # Errors
    /// [`Error::Checkpoint`]; [`Error::Diverged`] if the loss is no number any more; as
    /// [`Learner::fit`].
    pub(crate) fn fit(
        self,
        learner: Learner,
        watch: &Watch,
        fit: impl FnOnce(&mut Learner) -> Result<Outcome>,
    ) -> Result<Trained> {
        let Self { run, unit, checkpoint_every, lower_lr } = self;
        let every = NonZeroUsize::new(checkpoint_every);
        let checkpoints = Checkpoints::new(run.checkpoint());
        let (data, news) = (learner.data().clone(), watch.clone());
        let speed = Arc::new(Mutex::new(None));
        let latest = speed.clone();
        let mut learner = learner
            .callback(CsvLogger::new(run.history()))
            .callback(TerminateOnNan)
            .checkpoints(every.map_or(checkpoints.clone(), |every| checkpoints.every(every)))
            .observe(move |report| {
                if let Report::Batch(progress) = report
                    && progress.training
                {
                    *latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(progress.speed);
                }
                news(&Event::Fit { report, unit });
            });
        let stop = learner.stop_handle();
        watch(&Event::Training { stop: &stop });
        let outcome = match run.checkpoint().is_file() {
            true => {
                watch(&Event::Resuming);
                let file = run.checkpoint();
                learner.resume(&file).map_err(|error| match error {
                    tinderbox_learn::Error::NotOurs { .. } => {
                        Error::Checkpoint { file, source: error }
                    }
                    other => other.into(),
                })?
            }
            false => fit(&mut learner)?,
        };
        let recorder = learner.recorder().clone();
        if let Outcome::Finished { reason, .. } = &outcome {
            if let Some(reason) = reason.clone().or_else(|| not_a_number(&learner)) {
                let folder = run.root().to_owned();
                return Err(Error::Diverged { folder, lr: lower_lr, reason });
            }
            learner.export(&run.model())?;
            plot_losses(&recorder, &run.plot("losses"))?;
            plot_rates(&recorder, &run.plot("rates"))?;
        }
        let accuracy = recorder.last_metric("accuracy");
        let speed = *speed.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Trained { outcome, accuracy, recorder, speed, run, data })
    }
}

/// What is no number any more in a fit that has ended, in words.
fn not_a_number(learner: &Learner) -> Option<String> {
    let weights = learner.state_dict();
    let weight = weights.iter().find(|(_, weight)| !weight.values.iter().all(|x| x.is_finite()));
    if let Some((name, _)) = weight {
        return Some(format!("the weights in `{name}` are not finite"));
    }
    // A validation that came to no number was skipped.
    let unmeasured = learner.recorder().valid_losses.last() == Some(&None);
    (unmeasured && learner.data().n_valid() > 0).then(|| "the validation loss is NaN".to_owned())
}
