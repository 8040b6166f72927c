//! A fit in a run folder: what all recipes that train have in common.

use std::{
    fs,
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};
use tinderbox_data::DataBunch;
use tinderbox_interpret::{plot_losses, plot_rates};
use tinderbox_learn::{
    Checkpoints, Learner, Outcome, Recorder, Report,
    callback::{CsvLogger, Speed, TerminateOnNan},
    schedule::OneCycle,
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
    /// Steps between checkpoints, besides those after each epoch; 0 for no others.
    pub(crate) checkpoint_every: usize,
    /// The learning rate to advise if this one was too high.
    pub(crate) lower_lr: f64,
}

/// One of the fits that a training consists of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// For people: `the head alone`.
    pub name: String,
    /// The first parameter group that is trained, counted from the end if it is negative.
    pub freeze_to: isize,
    pub epochs: usize,
    pub schedule: OneCycle,
}

impl Phase {
    /// A training of one fit, of everything.
    pub fn whole(epochs: usize, schedule: OneCycle) -> Self {
        Self { name: "everything".into(), freeze_to: 0, epochs, schedule }
    }
}

impl Training {
    /// Trains by the phases, or goes on from the checkpoint if there is one, and leaves the
    /// finished model and plots in the run folder.
    ///
    /// # Errors
    /// [`Error::Checkpoint`]; [`Error::Diverged`] if the loss is no number any more; as
    /// [`Learner::fit`].
    pub(crate) fn fit(self, learner: Learner, watch: &Watch, phases: &[Phase]) -> Result<Trained> {
        let Self { run, checkpoint_every, lower_lr } = self;
        let every = NonZeroUsize::new(checkpoint_every);
        let checkpoints = Checkpoints::new(run.checkpoint());
        let (data, news) = (learner.data().clone(), watch.clone());
        let unit = data.unit();
        let speed = Arc::new(Mutex::new(None));
        let latest = speed.clone();
        let history = CsvLogger::new(run.history());
        let history = if phases.len() > 1 { history.appending() } else { history };
        let mut learner = learner
            .callback(history)
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
        let resumed = match run.checkpoint().is_file() {
            true => {
                watch(&Event::Resuming);
                let file = run.checkpoint();
                let outcome = learner.resume(&file).map_err(|error| match error {
                    tinderbox_learn::Error::NotOurs { .. } => {
                        Error::Checkpoint { file, source: error }
                    }
                    other => other.into(),
                });
                Some(outcome?)
            }
            false => {
                // What a run that was begun anew has left would stay above its first phase.
                let _ = fs::remove_file(run.history());
                None
            }
        };
        let outcome = fit_phases(&mut learner, phases, resumed, watch)?;
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

/// The phases that are left after those that are done, of which the last was `resumed`.
fn fit_phases(
    learner: &mut Learner,
    phases: &[Phase],
    resumed: Option<Outcome>,
    watch: &Watch,
) -> Result<Outcome> {
    let mut outcome = resumed;
    let goes_on = |outcome: &Option<Outcome>| {
        matches!(outcome, None | Some(Outcome::Finished { reason: None, .. }))
    };
    while goes_on(&outcome)
        && let Some(phase) = phases.get(learner.n_fits())
    {
        if phases.len() > 1 {
            let (number, of) = (learner.n_fits() + 1, phases.len());
            watch(&Event::Phase { name: &phase.name, number, of });
        }
        if phases.len() > 1 || phase.freeze_to != 0 {
            learner.freeze_to(phase.freeze_to)?;
        }
        outcome = Some(learner.fit_one_cycle(phase.epochs, phase.schedule.clone())?);
    }
    Ok(outcome.unwrap_or(Outcome::Finished { epochs: 0, reason: None }))
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
