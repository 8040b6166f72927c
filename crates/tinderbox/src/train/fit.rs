//! The fits of a run, and what they leave in its folder.

use std::{
    fs,
    num::NonZeroUsize,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use tinderbox_data::DataBunch;
use tinderbox_interpret::{plot_losses, plot_rates};
use tinderbox_learn::{
    Checkpoints, Learner, Outcome, Recorder, Report,
    callback::{CsvLogger, EarlyStopping, Speed, TerminateOnNan},
};

use super::{diverged::DivergedError, keep::Kept, time_left::seconds_left};
use crate::{Event, Job, Phase, Plan, Result, RunError, RunFolder, Task, event::Done};

/// How a training run ended.
#[derive(Debug)]
pub struct Trained {
    pub outcome: Outcome,
    /// What all fits of the run went through, one after the other.
    pub recorder: Recorder,
    /// What the model reached on the validation set, by name: after the last epoch, or after the one
    /// whose weights it has.
    pub metrics: Vec<(String, f64)>,
    /// How fast it went in the end, and how much of the time was waiting for data; nothing if the
    /// run was finished before.
    pub speed: Option<Speed>,
    pub run: RunFolder,
    pub data: DataBunch,
}

impl Trained {
    /// A metric of the model, by its name, if it was measured and is finite.
    pub fn metric(&self, name: &str) -> Option<f64> {
        self.metrics.iter().find(|(metric, _)| metric == name).map(|(_, value)| *value)
    }

    /// Whether it was stopped before its end, and can go on.
    pub fn is_stopped(&self) -> bool {
        matches!(self.outcome, Outcome::Stopped { .. })
    }

    fn done(&self) -> Done {
        Done {
            outcome: if self.is_stopped() { "stopped" } else { "finished" }.into(),
            metrics: self.metrics.iter().cloned().collect(),
            run: self.run.root().to_owned(),
            waiting: self.speed.map(|speed| speed.waiting),
        }
    }
}

/// Trains by the plan's phases, or goes on from the checkpoint if there is one, and leaves the
/// finished model and plots in the run folder.
///
/// # Errors
/// [`RunError::Checkpoint`]; [`DivergedError`]; as [`Learner::fit`].
pub(super) fn fit<T: Task>(
    plan: &Plan<T>,
    learner: Learner,
    run: RunFolder,
    job: &Job,
) -> Result<Trained> {
    let every = NonZeroUsize::new(plan.host.checkpoint_every);
    let checkpoints = Checkpoints::new(run.checkpoint());
    let (data, news) = (learner.data().clone(), job.clone());
    let plan_file = run.plan_file();
    let unit = data.unit();
    let speed = Arc::new(Mutex::new(None));
    let latest = speed.clone();
    let phases = &plan.fit.phases;
    let all_phases = phases.clone();
    let history = CsvLogger::new(run.history());
    let history = if phases.len() > 1 { history.appending() } else { history };
    let (learner, kept) = Kept::watch(&T::ABOUT, &plan.fit, &run, learner);
    let learner = T::watch(learner, &run, job);
    let mut learner = learner
        .callback(history)
        .callback(TerminateOnNan)
        .stopped_by(job.stop.clone())
        .checkpoints(every.map_or(checkpoints.clone(), |every| checkpoints.every(every)))
        .observe(move |report| {
            if let Report::Batch(progress) = report
                && progress.training
            {
                *latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(progress.speed);
            }
            // A folder that was removed would come back without its plan.
            if matches!(report, Report::Epoch { .. }) && !plan_file.is_file() {
                news.stop.stop();
            }
            let mut event = Event::of_fit(report, unit);
            if let (Event::Batch(batch), Report::Batch(progress)) = (&mut event, report) {
                batch.seconds_left = seconds_left(progress, &all_phases);
            }
            news.tell(event);
        });
    let resumed = match run.checkpoint().is_file() {
        true => {
            job.tell(Event::Resuming);
            let file = run.checkpoint();
            let outcome = resume(&mut learner, &data, phases, &file).map_err(|error| match error {
                crate::Error::Learn(source @ tinderbox_learn::Error::NotOurs { .. }) => {
                    RunError::Checkpoint { file, source }.into()
                }
                other => other,
            });
            Some(outcome?)
        }
        false => {
            // What a run that was begun anew has left would stay above its first phase.
            let _ = fs::remove_file(run.history());
            None
        }
    };
    let outcome = fit_phases(&mut learner, &data, phases, resumed, job);
    if !run.plan_file().is_file() {
        return Err(gone(&learner, &run).into());
    }
    let outcome = outcome?;
    let recorder = learner.history();
    let mut metrics = last_metrics(&recorder);
    if let Outcome::Finished { reason, .. } = &outcome {
        let broke_down = reason.clone().filter(|reason| !is_early(reason));
        if let Some(reason) = broke_down.or_else(|| not_finite(&learner)) {
            let (folder, data) = (run.root().to_owned(), plan.data.clone());
            let lr = plan.fit.lower_lr();
            let diverged = DivergedError { folder, data, lr, reason, good_epoch: None };
            return Err(diverged.keep(&mut learner, &kept)?.into());
        }
        match kept.load(&mut learner)? {
            None => learner.export(run.model())?,
            Some(best) => {
                job.tell(Event::Note { text: kept.describe(&best) });
                learner.export_with(run.model(), best.metrics.clone())?;
                metrics = best.metrics;
            }
        }
        plot_losses(&recorder, run.plot("losses"))?;
        plot_rates(&recorder, run.plot("rates"))?;
    }
    let speed = *speed.lock().unwrap_or_else(PoisonError::into_inner);
    let trained = Trained { outcome, recorder, metrics, speed, run, data };
    job.tell(Event::Done(trained.done()));
    Ok(trained)
}

/// What becomes of a training whose folder was removed: the model is saved beside it, if it can be,
/// and nothing is left in the folder.
fn gone(learner: &Learner, run: &RunFolder) -> RunError {
    for file in [run.checkpoint(), run.history(), run.model()] {
        // Whatever is still missing needs not be removed.
        let _ = fs::remove_file(file);
    }
    let _ = fs::remove_dir(run.root());
    let folder = run.root().to_owned();
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let mut files = (1..).map(|n| folder.with_file_name(format!("{name}-rescued-{n}.safetensors")));
    let file = files.find(|file| !file.exists());
    let saved = file.filter(|file| learner.export(file).is_ok());
    RunError::FolderGone { folder, saved }
}

/// Goes on with the fit of a checkpoint, on the data as its phase sees it.
fn resume(
    learner: &mut Learner,
    data: &DataBunch,
    phases: &[Phase],
    file: &Path,
) -> Result<Outcome> {
    // A checkpoint is large, and which fit it is of matters only where sizes differ.
    if phases.iter().any(|phase| phase.at.is_some())
        && let Some(phase) = phases.get(Learner::fit_of_checkpoint(file)?)
    {
        learner.set_data(phase.of_data(data)?);
    }
    Ok(learner.resume(file)?)
}

/// The phases that are left after those that are done, of which the last was `resumed`.
fn fit_phases(
    learner: &mut Learner,
    data: &DataBunch,
    phases: &[Phase],
    resumed: Option<Outcome>,
    job: &Job,
) -> Result<Outcome> {
    let mut outcome = resumed;
    let goes_on = |outcome: &Option<Outcome>| match outcome {
        None => true,
        Some(Outcome::Finished { reason, .. }) => reason.as_deref().is_none_or(is_early),
        Some(Outcome::Stopped { .. }) => false,
    };
    while goes_on(&outcome)
        && let Some(phase) = phases.get(learner.n_fits())
    {
        if phases.len() > 1 {
            let (number, of) = (learner.n_fits() + 1, phases.len());
            job.tell(Event::Part { number, of, name: phase.name.clone() });
        }
        learner.set_data(phase.of_data(data)?);
        if phases.len() > 1 || phase.freeze_to != 0 {
            learner.freeze_to(phase.freeze_to)?;
        }
        outcome = Some(learner.fit_one_cycle(phase.epochs, phase.schedule.clone())?);
    }
    Ok(outcome.unwrap_or(Outcome::Finished { epochs: 0, reason: None }))
}

/// Whether a fit has ended because it no longer got better, and the next one may begin.
fn is_early(reason: &str) -> bool {
    reason.ends_with(EarlyStopping::REASON)
}

/// The metrics after the last epoch that are finite.
pub(super) fn last_metrics(recorder: &Recorder) -> Vec<(String, f64)> {
    let last = |name: &String| Some((name.clone(), recorder.last_metric(name)?));
    let known = recorder.metric_names.iter().filter_map(last);
    known.filter(|(_, value)| value.is_finite()).collect()
}

/// What is NaN or infinite in a fit that has ended, in words.
pub(super) fn not_finite(learner: &Learner) -> Option<String> {
    let weights = learner.state_dict();
    let weight = weights.iter().find(|(_, weight)| !weight.values.iter().all(|x| x.is_finite()));
    if let Some((name, _)) = weight {
        return Some(format!("weights of `{name}` are NaN or infinite"));
    }
    // A validation that came to no number was skipped, or is not finite.
    let measured = learner.recorder().valid_losses.last().copied();
    let unmeasured = measured.is_some_and(|loss| loss.is_none_or(|loss| !loss.is_finite()));
    (unmeasured && learner.data().n_valid() > 0)
        .then(|| "the validation loss is NaN or infinite".to_owned())
}
