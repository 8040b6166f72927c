//! What a training would be like, without training.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::{Weights, areas, check_held_out, decide, freeze_for_first, learner_and_memory, tell};
use crate::{ClassCount, Job, Result, RunFolder, Settings, Task};

/// A training that was not done.
#[derive(Debug, Serialize)]
pub struct DryRun {
    /// The plan, complete, as it would be saved.
    pub plan: Value,
    /// The classes, if there are some, with how many items train and validate of each.
    pub classes: Vec<ClassCount>,
    pub n_train: usize,
    pub n_valid: usize,
    /// What items are called: `images`.
    pub unit: &'static str,
    /// The table of the model's layers, for a batch.
    pub summary: String,
    /// About how much memory a training step takes, in bytes; of several sizes, the most.
    pub memory: u64,
    /// What a training step takes: the median of a few, in seconds.
    pub step_seconds: f64,
    /// An epoch with its validation, and all epochs, if they go on like this; in seconds. Parts of
    /// the training that train fewer layers are quicker.
    pub epoch_seconds: f64,
    pub total_seconds: f64,
    pub epochs: usize,
}

/// This many steps are timed.
const STEPS: usize = 6;

/// Decides what a training would do, reads its data, builds its model and times a few steps; nothing
/// is trained that is kept, and nothing is written.
///
/// # Errors
/// As [`train`](super::train).
pub fn dry_run<T: Task>(ask: &Settings<T>, job: &Job) -> Result<DryRun> {
    let (plan, found) = decide(ask, job)?;
    if let Some(out) = &ask.common.out {
        RunFolder::new(out.path()).check_is_new()?;
    }
    tell(&plan, job);
    let data = T::data(&plan, found, job)?;
    check_held_out(ask, &plan, &data, job)?;
    let classes = T::counts(&data)?;
    let (n_train, n_valid, unit) = (data.n_train(), data.n_valid(), data.unit());
    let (batches, valid_batches) = (data.n_train_batches(), data.n_valid_batches());
    let (mut learner, memory) = learner_and_memory(&plan, data, Weights::First, job)?;
    freeze_for_first(&mut learner, &plan.fit)?;
    let summary = learner.summary()?.to_string();
    let times = learner.time_steps(STEPS.min(batches.max(1)))?;
    let valid = times.valid_batch.unwrap_or(Duration::ZERO);
    let epoch =
        times.step.as_secs_f64() * batches as f64 + valid.as_secs_f64() * valid_batches as f64;
    let epochs = plan.fit.phases.iter().map(|phase| phase.epochs).sum::<usize>();
    // Larger images take as much longer as they have more pixels.
    let areas = areas(&plan.fit.phases, &learner)?;
    let in_all = plan.fit.phases.iter().zip(areas).map(|(phase, area)| phase.epochs as f64 * area);
    let in_all: f64 = in_all.sum();
    Ok(DryRun {
        plan: serde_json::to_value(&plan).expect("a plan is plain data"),
        classes,
        n_train,
        n_valid,
        unit,
        summary,
        memory,
        step_seconds: times.step.as_secs_f64(),
        epoch_seconds: epoch,
        total_seconds: epoch * in_all,
        epochs,
    })
}
