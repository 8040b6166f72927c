//! From settings to a trained model, once for all tasks.

mod diverged;
mod dry_run;
mod fit;
mod keep;
mod time_left;

use std::fs;

use tinderbox_data::{DataBunch, batch::Set, shell_word};
use tinderbox_learn::{
    Learner, LrCurve,
    callback::{GradientAccumulation, GradientClipping},
    schedule::LrFind,
};
use tinderbox_model::{
    random,
    weights::{Strict, load_encoder, transfer_vocab},
};

pub use diverged::DivergedError;
pub(crate) use diverged::check_is_sound;
pub use dry_run::{DryRun, dry_run};
pub use fit::Trained;

use crate::{
    Common, Event, Host, Job, Keep, Phase, Plan, Result, RunError, RunFolder, Settings, ShownBatch,
    Task, Valid, check, items, open_model,
    plan::{ASKED, Choices, FitPlan, Start, Take, memory},
    settings::{Role, run_file, unused},
};

/// Trains a model of a task.
///
/// The run folder, by default the next free one of `runs/photos`, `runs/photos-2` and so on for
/// `photos`, gets everything: the plan, the list of items, checkpoints, the epoch table, plots,
/// the finished model, and `run.toml`, a configuration file that repeats the run.
///
/// # Errors
/// [`RunError::Exists`] if the run folder holds a run, [`RunError::Busy`] if one is being made
/// there; whatever is wrong with the data or the settings, before anything is trained;
/// [`DivergedError`] if the loss is NaN or infinite.
///
/// # Example
/// See [`Settings`].
pub fn train<T: Task>(ask: &Settings<T>, job: &Job) -> Result<Trained> {
    let usual = RunFolder::of(ask)?;
    let (plan, found) = decide(ask, job)?;
    let run = match ask.common.out {
        Some(_) => usual,
        None => usual.next_free(),
    };
    run.check_is_new()?;
    tell(&plan, job);
    if ask.common.out.is_none() {
        job.tell(Event::Note { text: format!("run folder: {}", run.root().display()) });
    }
    let _lock = run.lock()?;
    let data = T::data(&plan, found, job)?;
    check_held_out(ask, &plan, &data, job)?;
    for warning in check::copies::warnings(&data) {
        job.warn(warning);
    }
    let list = T::list(&plan, &data);
    let learner = learner(&plan, data, Weights::First, job)?;
    T::keep(learner.data(), &run)?;
    run.create(&plan, &list)?;
    fit::fit(&plan, learner, run, job)
}

/// Fails for settings that do nothing without a validation set, if there is none, which is said unless
/// it was wanted.
///
/// # Errors
/// [`SettingsError::Unused`](crate::SettingsError::Unused).
fn check_held_out<T: Task>(
    ask: &Settings<T>,
    plan: &Plan<T>,
    data: &DataBunch,
    job: &Job,
) -> Result<()> {
    const REASON: &str = "there is no validation set";
    if data.n_valid() > 0 {
        return Ok(());
    }
    unused("early_stop", plan.fit.early_stop.as_ref(), REASON)?;
    unused("keep", Some(&plan.fit.keep).filter(|keep| **keep == Keep::Best), REASON)?;
    if !matches!(ask.common.valid, Some(Valid::Share(0.0))) {
        job.warn("there is no validation set, so nothing measures how good the model is: `--valid 0.2` holds out a fifth");
    }
    Ok(())
}

/// Resumes the run in the folder that the settings name, in the middle of an epoch if it was stopped
/// there, with the same result, bit for bit, as an uninterrupted run.
///
/// The data may have moved: its settings say where to. Those of the machine, which change no result,
/// may be set anew; all others that are given must be the run's.
///
/// # Errors
/// [`RunError`]: no run, one of another task, a setting that differs, data that is gone or has
/// changed, a checkpoint that cannot be read; [`DivergedError`].
pub fn resume<T: Task>(ask: &Settings<T>, job: &Job) -> Result<Trained> {
    let run = match ask.common.out {
        Some(_) => RunFolder::of(ask)?,
        None => RunFolder::of(ask)?.latest(),
    };
    let begun: Plan<T> = run.plan()?;
    let plan = resumed(ask, &run, begun.clone())?;
    check_is_sound(&run)?;
    let _lock = run.lock()?;
    check_data_is_there(&plan, &run)?;
    tell(&plan, job);
    let config = fs::read_to_string(run.config());
    if config.is_ok_and(|config| config != run_file(&begun)) {
        job.warn(format!(
            "{} was changed, but a run resumes with the settings it began with; to train with the changes: `tinderbox train --config {0} --out FOLDER`",
            shell_word(run.config())
        ));
    }
    let data = data_of_run(&plan, &run, job)?;
    if plan.data != begun.data {
        run.write(&plan)?;
    }
    let weights = match run.checkpoint().is_file() {
        true => Weights::InCheckpoint,
        false => Weights::First,
    };
    if weights == Weights::First && run.history().is_file() {
        job.warn("there is no checkpoint any more, so training begins anew");
    }
    let learner = learner(&plan, data, weights, job)?;
    fit::fit(&plan, learner, run, job)
}

/// Trains briefly at rising learning rates on the data that the settings describe; nothing is kept.
///
/// # Errors
/// As [`train`].
pub fn lr_find<T: Task>(ask: &Settings<T>, options: &LrFind, job: &Job) -> Result<LrCurve> {
    let (plan, data) = look(ask, job)?;
    let mut learner = learner(&plan, data, Weights::First, job)?;
    freeze_for_first(&mut learner, &plan.fit)?;
    Ok(learner.lr_find(options)?)
}

/// The first training items, as the model would see them: `rows` × `rows` images, or `rows` texts.
///
/// # Errors
/// As [`train`].
pub fn show_batch<T: Task>(ask: &Settings<T>, rows: usize, job: &Job) -> Result<ShownBatch> {
    T::show(&look(ask, job)?.1, rows)
}

/// A plan whose epochs and learning rate do not matter, and its data.
pub(crate) fn look<T: Task>(ask: &Settings<T>, job: &Job) -> Result<(Plan<T>, DataBunch)> {
    let (mut plan, found) = decide(ask, job)?;
    plan.choices.retain(|choice| !["epochs", "lr"].contains(&choice.setting.as_str()));
    tell(&plan, job);
    let data = T::data(&plan, found, job)?;
    Ok((plan, data))
}

/// Completes settings from the data.
pub(crate) fn decide<T: Task>(ask: &Settings<T>, job: &Job) -> Result<(Plan<T>, T::Found)> {
    ask.check()?;
    let data = T::sources(ask);
    if let Some(out) = &ask.common.out {
        RunFolder::new(out.path()).check_is_beside(&data)?;
    }
    let mut choices = Choices::default();
    let (decided, found) = T::decide(ask, &data, &mut choices, job)?;
    let Common { accumulate, clip, early_stop, keep, .. } = ask.common;
    let usual = if early_stop.is_some() { Keep::Best } else { Keep::Last };
    let fit = FitPlan {
        accumulate: choices.quiet("accumulate", accumulate, 1),
        clip,
        early_stop,
        keep: choices.quiet("keep", keep, usual),
        ..decided.fit
    };
    choices.keep("clip", &clip);
    choices.keep("early_stop", &early_stop);
    if let Some(clip) = clip {
        choices.tell("clip", clip.to_string(), ASKED);
    }
    let seed = choices.quiet("seed", ask.common.seed, SEED);
    let host = Host::default().with(&ask.given());
    crate::device::check(host.device, &mut choices)?;
    let Choices { decided: settings, told: choices, warnings } = choices;
    let plan = Plan {
        data,
        task: decided.task,
        start: decided.start,
        fit,
        host,
        seed,
        decided: settings,
        choices,
        warnings,
    };
    Ok((plan, found))
}

/// The default random seed.
pub(crate) const SEED: u64 = 42;

/// Reports the plan, and what the user may not have meant.
fn tell<T: Task>(plan: &Plan<T>, job: &Job) {
    job.tell(Event::Plan {
        task: T::ABOUT.name.into(),
        data: plan.data.clone(),
        choices: plan.choices.clone(),
        plan: serde_json::to_value(plan).expect("a plan is plain data"),
    });
    plan.warnings.iter().for_each(|warning| job.warn(warning));
}

/// The plan that a run began with, with the settings that may change.
///
/// # Errors
/// [`RunError::Differs`] for any other setting that is given and is not the run's.
pub(crate) fn resumed<T: Task>(
    ask: &Settings<T>,
    run: &RunFolder,
    begun: Plan<T>,
) -> Result<Plan<T>> {
    let mut plan = begun;
    ask.check()?;
    let given = ask.given();
    let fields = crate::settings::fields::<T>();
    let learning = fields.iter().filter(|field| field.role == Role::Learning);
    let nothing = serde_json::Value::Null;
    for field in learning {
        let was = plan.decided.get(&field.key).unwrap_or(&nothing);
        if let Some(now) = given.get(&field.key).filter(|now| *now != was) {
            if let ("epochs", Some(was), Some(now)) = (&*field.key, was.as_u64(), now.as_u64())
                && now > was
                && run.model().is_file()
            {
                let (folder, data) = (run.root().to_owned(), plan.data);
                return Err(RunError::Finished { folder, data, was, now }.into());
            }
            return Err(RunError::differs(run, &field.key, was, now).into());
        }
    }
    let moved = T::sources(ask);
    for (name, path) in moved.0 {
        // A source that the run was not begun with is a setting that differs.
        let Some(was) = plan.data.0.get_mut(&name) else {
            let now = path.display().to_string().into();
            return Err(RunError::differs(run, &name, &nothing, &now).into());
        };
        *was = path;
    }
    plan.host = plan.host.with(&given);
    Ok(plan)
}

/// The data of a run, which must be what it was when the run began.
///
/// # Errors
/// [`RunError::DataGone`], [`RunError::ItemsChanged`]; what has become of the files.
pub(crate) fn data_of_run<T: Task>(
    plan: &Plan<T>,
    run: &RunFolder,
    job: &Job,
) -> Result<DataBunch> {
    check_data_is_there(plan, run)?;
    let changed = |what| RunError::ItemsChanged { unit: T::ABOUT.unit, what };
    let data = match T::find(plan, run, job).and_then(|found| T::data(plan, found, job)) {
        Ok(data) => data,
        // What is wrong with the data now is most often what has changed of it.
        Err(error) => {
            return Err(match items::changed_files(&run.items(), &plan.data) {
                Some(what) => changed(what).into(),
                None => error,
            });
        }
    };
    match items::difference(&run.list()?, &T::list(plan, &data)) {
        None => Ok(data),
        Some(what) => Err(changed(what).into()),
    }
}

fn check_data_is_there<T: Task>(plan: &Plan<T>, run: &RunFolder) -> Result<()> {
    match plan.data.0.iter().find(|(_, path)| !path.exists()) {
        None => Ok(()),
        Some((setting, path)) => Err(RunError::DataGone {
            folder: run.root().to_owned(),
            setting: setting.clone(),
            data: path.clone(),
        }
        .into()),
    }
}

/// Where a learner's weights come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weights {
    /// From where the plan says that training starts.
    First,
    /// From the checkpoint, which has all of them.
    InCheckpoint,
}

/// The learner of a plan, ready to be fitted.
fn learner<T: Task>(
    plan: &Plan<T>,
    data: DataBunch,
    weights: Weights,
    job: &Job,
) -> Result<Learner> {
    Ok(learner_and_memory(plan, data, weights, job)?.0)
}

/// The same, with the memory of a step, in bytes; of several sizes, the most.
fn learner_and_memory<T: Task>(
    plan: &Plan<T>,
    data: DataBunch,
    weights: Weights,
    job: &Job,
) -> Result<(Learner, u64)> {
    let starts = weights == Weights::First;
    let body = match &plan.start {
        Start::Pretrained(file) if starts => Some(file.read()?),
        _ => None,
    };
    let has_body = body.is_some();
    // Fresh weights follow from the seed, whatever else this process does, on any device.
    let (mut learner, report) = random::seeded(plan.seed, || T::learner(plan, data, body))?;
    if has_body && let Some(missing) = report.missing_text() {
        job.warn(missing);
    }
    if starts && let Start::Run { path, take } = &plan.start {
        take_weights(&mut learner, &open_model(path)?, *take)?;
    }
    let FitPlan { optimizer, weight_decay, accumulate, clip, exact_conv, .. } = &plan.fit;
    let network = learner.network_mut();
    (network.rule, network.weight_decay) = (*optimizer, *weight_decay);
    learner.exact_conv = *exact_conv;
    let memory = memory::check(&learner)?;
    let mut most = memory.of(learner.data().batch_size());
    for (phase, area) in plan.fit.phases.iter().zip(areas(&plan.fit.phases, &learner)?) {
        if let Some(at) = phase.at {
            let memory = memory.scaled(area);
            memory::check_batch(&memory, at.batch_size, &learner)?;
            most = most.max(memory.of(at.batch_size));
        }
    }
    if *accumulate > 1 {
        learner = learner.callback(GradientAccumulation::of_means(*accumulate));
    }
    if let Some(max_norm) = *clip {
        learner = learner.callback(GradientClipping { max_norm });
    }
    Ok((learner, most))
}

/// How many times as many pixels the images of each phase have as those of the run's own size.
fn areas(phases: &[Phase], learner: &Learner) -> Result<Vec<f64>> {
    if phases.iter().all(|phase| phase.at.is_none()) {
        return Ok(vec![1.0; phases.len()]);
    }
    let shape = learner.data().items(Set::Train, &[0])?.inputs.shape;
    let size = match shape[..] {
        [_, _, height, width] => [height, width],
        _ => return Err(tinderbox_data::Error::NotImages { shape }.into()),
    };
    Ok(phases.iter().map(|phase| phase.area(size)).collect())
}

fn take_weights(learner: &mut Learner, from: &tinderbox_learn::Bundle, take: Take) -> Result<()> {
    let weights = match take {
        Take::All => from.weights().clone(),
        Take::Body => {
            let mut weights = learner.state_dict();
            for (name, weight) in from.manifest.arch.body_of(from.weights())?.iter() {
                weights.insert(name, weight.shape.clone(), weight.values.clone());
            }
            weights
        }
        Take::Encoder => load_encoder(learner.state_dict(), from.weights())?,
        Take::Vocab => {
            let words = from.manifest.inference.text_input()?.vocab.tokens();
            transfer_vocab(from.weights().clone(), words, learner.data().classes())?
        }
    };
    Ok(learner.load_state_dict(&weights, Strict::Yes)?)
}

/// Freezes what the first fit does not train.
fn freeze_for_first(learner: &mut Learner, fit: &FitPlan) -> Result<()> {
    match fit.phases.first() {
        Some(phase) if phase.freeze_to != 0 => Ok(learner.freeze_to(phase.freeze_to)?),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
