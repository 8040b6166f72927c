//! From a plan to a trained model.

use std::{
    fmt::Write,
    fs,
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
};

use burn::tensor::Device;
use tinderbox_data::{
    BatchOptions, ConvertMode, DataBunch, ImageItems,
    batch::Set,
    check::{Check, Checked},
    picture::Picture,
    transform::{Size, Transforms, flip_lr, rand_crop, rand_pad},
};
use tinderbox_interpret::{plot_losses, plot_rates};
use tinderbox_learn::{
    Checkpoints, Learner, LrCurve, Outcome, Recorder, Report,
    callback::{CsvLogger, Speed, TerminateOnNan},
    loss::CrossEntropyFlat,
    metric::accuracy,
    schedule::{LrFind, OneCycle},
};

use super::{Augment, Event, Plan, RunFolder, Split, TrainSettings, Watch};
use crate::{Error, Result};

/// How a training run ended.
#[derive(Debug)]
pub struct Trained {
    pub outcome: Outcome,
    /// The validation accuracy after the last epoch, if there was one.
    pub accuracy: Option<f64>,
    pub recorder: Recorder,
    /// How fast it went in the end, and how much of the time was waiting for data.
    pub speed: Speed,
    pub run: RunFolder,
    pub data: DataBunch,
}

/// Trains a classifier on a folder of class folders.
///
/// The run folder gets everything: the plan, the list of images, checkpoints, the epoch table,
/// plots and the finished model.
///
/// # Errors
/// [`Error::RunExists`] if the run folder holds a run; whatever is wrong with the folder, the files
/// or the settings, before anything is trained.
pub fn train(settings: &TrainSettings, watch: &Watch) -> Result<Trained> {
    let run = RunFolder::new(&settings.out);
    run.check_is_new()?;
    let plan = Plan::new(settings)?;
    watch(&Event::Planned(&plan));
    train_plan(&plan, run, watch)
}

/// [`train`], for a plan that is made.
pub(super) fn train_plan(plan: &Plan, run: RunFolder, watch: &Watch) -> Result<Trained> {
    run.check_is_new()?;
    let data = data(plan, watch)?;
    run.create(plan, &items(&data))?;
    fit(plan, run, data, watch)
}

/// Goes on with the run in `settings.out`, in the middle of an epoch if it was stopped there, and
/// ends with the same bits as if it had never been stopped.
///
/// # Errors
/// [`Error::NoRun`]; [`Error::ResumeDiffers`] if a setting is given that is not the run's;
/// [`Error::ItemsChanged`] if the images are not what they were.
pub fn resume(settings: &TrainSettings, watch: &Watch) -> Result<Trained> {
    let run = RunFolder::new(&settings.out);
    let plan = run.plan()?;
    same_settings(settings, &plan, &run)?;
    watch(&Event::Planned(&plan));
    let data = data(&plan, watch)?;
    let before = fs::read_to_string(run.items())
        .map_err(|source| Error::Read { path: run.items(), source })?;
    if let Some(what) = difference(&before, &items(&data)) {
        return Err(Error::ItemsChanged { what });
    }
    fit(&plan, run, data, watch)
}

fn same_settings(settings: &TrainSettings, plan: &Plan, run: &RunFolder) -> Result<()> {
    let mut checks: Vec<(&'static str, Option<String>, String)> = vec![
        ("--arch", settings.arch.clone(), plan.arch.name.clone()),
        ("--epochs", settings.epochs.map(|n| n.to_string()), plan.epochs.to_string()),
        ("--lr", settings.lr.map(|lr| lr.to_string()), plan.lr.to_string()),
        ("--size", settings.size.map(|n| n.to_string()), plan.size[0].to_string()),
        ("--batch-size", settings.batch_size.map(|n| n.to_string()), plan.batch_size.to_string()),
    ];
    if !settings.data.as_os_str().is_empty() {
        let data = std::path::absolute(&settings.data).unwrap_or_else(|_| settings.data.clone());
        checks.push(("data", Some(data.display().to_string()), plan.data.display().to_string()));
    }
    for (setting, now, was) in checks {
        if let Some(now) = now.filter(|now| *now != was) {
            return Err(Error::ResumeDiffers { folder: run.root().to_owned(), setting, was, now });
        }
    }
    Ok(())
}

/// The data that a plan asks for; every file is read once, so that unreadable ones are known now.
pub(super) fn data(plan: &Plan, watch: &Watch) -> Result<DataBunch> {
    let mode = if plan.channels == 1 { ConvertMode::L } else { ConvertMode::Rgb };
    let items = ImageItems::from_folder(&plan.data)?.convert_mode(mode);
    let split = match &plan.split {
        Split::Folders { train, valid } => items.split_by_folder(train, valid)?,
        // Files directly in the root have no class folder; the survey has seen that others do.
        Split::Random { share } => {
            let items = items.filter_by_func(|path| path.components().count() > 1);
            items.split_by_rand_pct(*share, plan.seed as u32)?
        }
    };
    let labelled = split.label_from_folder()?;
    let transforms = match plan.augment {
        Augment::Pad { pixels } => Transforms::new().train(rand_pad(pixels, plan.size)),
        Augment::CropAndFlip => Transforms::new().train(rand_crop()).train(flip_lr()),
    };
    // Images that have the size already are left as they are; those to be predicted may have another.
    let transforms = transforms.size(match plan.size {
        [height, width] if height == width => Size::Square(height),
        [height, width] => Size::Exactly(height, width),
    });
    let options = BatchOptions {
        batch_size: plan.batch_size,
        workers: plan.workers,
        seed: plan.seed,
        cache_bytes: plan.cache_bytes,
        ..BatchOptions::default()
    };
    let data = labelled.transform(transforms)?.batches(options)?;
    let progress = |done, total| watch(&Event::Checking { done, total });
    let Checked { data, left_out } =
        data.check(&Check { allowed: plan.skip_bad, progress: Some(&progress) })?;
    if !left_out.is_empty() {
        watch(&Event::LeftOut(&left_out));
    }
    for warning in data.warnings() {
        watch(&Event::Warning(warning));
    }
    Ok(data.normalize()?)
}

fn learner(plan: &Plan, data: DataBunch) -> Result<Learner> {
    let device = Device::flex().autodiff();
    device.seed(plan.seed);
    let model = plan.arch.build(&device)?;
    Ok(Learner::new(data, model, CrossEntropyFlat::default())
        .metrics(accuracy)
        .arch(plan.arch.clone()))
}

fn fit(plan: &Plan, run: RunFolder, data: DataBunch, watch: &Watch) -> Result<Trained> {
    let every = NonZeroUsize::new(plan.checkpoint_every);
    let checkpoints = Checkpoints::new(run.checkpoint());
    let news = watch.clone();
    let speed = Arc::new(Mutex::new(Speed::default()));
    let latest = speed.clone();
    let mut learner = learner(plan, data.clone())?
        .callback(CsvLogger::new(run.history()))
        .callback(TerminateOnNan)
        .checkpoints(every.map_or(checkpoints.clone(), |every| checkpoints.every(every)))
        .observe(move |report| {
            if let Report::Batch(progress) = report
                && progress.training
            {
                *latest.lock().unwrap_or_else(PoisonError::into_inner) = progress.speed;
            }
            news(&Event::Fit(report));
        });
    let stop = learner.stop_handle();
    watch(&Event::Training { stop: &stop });
    let outcome = match run.checkpoint().is_file() {
        true => {
            watch(&Event::Resuming);
            learner.resume(&run.checkpoint())?
        }
        false => learner.fit_one_cycle(plan.epochs, OneCycle::from(plan.lr))?,
    };
    let recorder = learner.recorder().clone();
    if let Outcome::Finished { .. } = outcome {
        learner.export(&run.model())?;
        plot_losses(&recorder, &run.plot("losses"))?;
        plot_rates(&recorder, &run.plot("rates"))?;
    }
    let accuracy = recorder.last_metric("accuracy");
    let speed = *speed.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(Trained { outcome, accuracy, recorder, speed, run, data })
}

/// Trains for a moment at rising rates on the data that `settings` describes; nothing is kept.
///
/// # Errors
/// As [`train`].
pub fn lr_find(settings: &TrainSettings, options: &LrFind, watch: &Watch) -> Result<LrCurve> {
    let plan = Plan::new(settings)?;
    watch(&Event::Planned(&plan));
    let data = data(&plan, watch)?;
    Ok(learner(&plan, data)?.lr_find(options)?)
}

/// A picture of the first training images, as the model would see them.
///
/// # Errors
/// As [`train`].
pub fn show_batch(settings: &TrainSettings, rows: usize, watch: &Watch) -> Result<Picture> {
    let plan = Plan::new(settings)?;
    watch(&Event::Planned(&plan));
    Ok(data(&plan, watch)?.show_batch(rows, Set::Train)?)
}

/// Every image of both sets, with its label, as CSV.
fn items(data: &DataBunch) -> String {
    let mut text = String::from("set,label,path\n");
    for (name, set, n) in
        [("train", Set::Train, data.n_train()), ("valid", Set::Valid, data.n_valid())]
    {
        for index in 0..n {
            let quoted = |field: String| field.replace('"', "\"\"");
            let (label, path) = (quoted(data.label(set, index)), quoted(data.name(set, index)));
            writeln!(text, "{name},\"{label}\",\"{path}\"").expect("writing to a string");
        }
    }
    text
}

/// What has changed between two lists of items, in words.
fn difference(before: &str, now: &str) -> Option<String> {
    if before == now {
        return None;
    }
    let (was, is) = (before.lines().count(), now.lines().count());
    let first = before.lines().zip(now.lines()).find(|(before, now)| before != now);
    Some(match first {
        _ if was != is => {
            format!("there were {} and there are {}", was.saturating_sub(1), is.saturating_sub(1))
        }
        Some((before, now)) => format!("`{before}` has become `{now}`"),
        None => "their list was edited".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_the_images_is_said_in_words() {
        assert_eq!(difference("set\na\n", "set\na\n"), None);
        assert_eq!(difference("set\na\n", "set\na\nb\n").unwrap(), "there were 1 and there are 2");
        assert_eq!(difference("set\na\n", "set\nb\n").unwrap(), "`a` has become `b`");
    }
}
