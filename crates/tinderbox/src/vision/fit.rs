//! From a plan to a trained model.

use std::{collections::BTreeMap, fmt::Write, fs, path::Path};

use tinderbox_data::{
    BatchOptions, ConvertMode, DataBunch, ImageItems, Normalize,
    batch::Set,
    check::{Check, Checked},
    picture::Picture,
    transform::{Size, Transforms, flip_lr, get_transforms, rand_crop, rand_pad},
};
use tinderbox_learn::{
    Learner, LrCurve, loss::CrossEntropyFlat, metric::accuracy, schedule::LrFind,
};

use super::{
    Augment, Plan, TrainSettings,
    learner::{cnn_learner, pretrained_cnn_learner, seeded},
    memory::with_steps_of,
    plan::leave_training_out,
};
use crate::{
    Error, Event, Result, RunFolder, Trained, Watch, run::absolute, training::Training,
    weights::missing_text,
};

/// Trains a classifier on a folder of class folders.
///
/// The run folder gets everything: the plan, the list of images, checkpoints, the epoch table,
/// plots and the finished model.
///
/// # Errors
/// [`Error::RunExists`] if the run folder holds a run, [`Error::RunBusy`] if one is being made
/// there; whatever is wrong with the folder, the files or the settings, before anything is trained;
/// [`Error::Diverged`] if the loss is no number any more.
pub fn train(settings: &TrainSettings, watch: &Watch) -> Result<Trained> {
    let run = RunFolder::new(&settings.out);
    run.check_is_new()?;
    let plan = Plan::fetching(settings, watch)?;
    plan.tell(watch);
    train_plan(&plan, run, watch)
}

/// [`train`], for a plan that is made.
pub(super) fn train_plan(plan: &Plan, run: RunFolder, watch: &Watch) -> Result<Trained> {
    run.check_is_new()?;
    let _lock = run.lock()?;
    let data = data(plan, watch)?;
    let list = items(&plan.data, &data);
    let learner = learner(plan, data, false, watch)?;
    run.create(plan, &list)?;
    fit(plan, run, learner, watch)
}

/// Goes on with the run in `settings.out`, in the middle of an epoch if it was stopped there, and
/// ends with the same bits as if it had never been stopped.
///
/// The folder of the data may have moved: `settings.data` says where to, and is else left empty.
/// Workers, cache, checkpoints and files to skip, which change no bit, may be set anew.
///
/// # Errors
/// [`Error::NoRun`]; [`Error::ResumeDiffers`] if a setting is given that is not the run's;
/// [`Error::ItemsChanged`] if the images are not what they were; [`Error::Checkpoint`];
/// [`Error::RunBusy`].
pub fn resume(settings: &TrainSettings, watch: &Watch) -> Result<Trained> {
    let run = RunFolder::new(&settings.out);
    let mut plan: Plan = run.plan()?;
    same_settings(settings, &plan, &run)?;
    if !settings.data.as_os_str().is_empty() {
        plan.data = absolute(&settings.data)?;
    }
    plan.workers = settings.workers.unwrap_or(plan.workers);
    plan.skip_bad = settings.skip_bad.unwrap_or(plan.skip_bad);
    plan.checkpoint_every = settings.checkpoint_every.unwrap_or(plan.checkpoint_every);
    plan.cache_bytes = settings.cache_bytes.unwrap_or(plan.cache_bytes);
    let _lock = run.lock()?;
    if settings.data.as_os_str().is_empty() && !plan.data.is_dir() {
        return Err(Error::DataGone { folder: run.root().to_owned(), data: plan.data });
    }
    plan.tell(watch);
    let data = data(&plan, watch)?;
    let before = fs::read_to_string(run.items())
        .map_err(|source| Error::Read { path: run.items(), source })?;
    if let Some(what) = difference(&before, &items(&plan.data, &data)) {
        return Err(Error::ItemsChanged { what });
    }
    let learner = learner(&plan, data, run.checkpoint().is_file(), watch)?;
    fit(&plan, run, learner, watch)
}

fn same_settings(settings: &TrainSettings, plan: &Plan, run: &RunFolder) -> Result<()> {
    let valid = settings.valid.asked()?;
    let on = |on: bool| if on { "on" } else { "off" }.to_owned();
    let unfrozen = plan.transfer.as_ref().map_or(0, |transfer| transfer.unfreeze_epochs);
    let unfreeze = settings.unfreeze_epochs.map(|n| n.to_string());
    let checks: [(&'static str, Option<String>, String); 11] = [
        ("--unfreeze-epochs", unfreeze, unfrozen.to_string()),
        ("--arch", settings.arch.clone(), plan.arch.name.clone()),
        ("--epochs", settings.epochs.map(|n| n.to_string()), plan.epochs.to_string()),
        ("--lr", settings.lr.map(|lr| lr.to_string()), plan.lr.to_string()),
        ("--size", settings.size.map(|n| n.to_string()), plan.size[0].to_string()),
        ("--batch-size", settings.batch_size.map(|n| n.to_string()), plan.batch_size.to_string()),
        ("--accumulate", settings.accumulate.map(|n| n.to_string()), plan.accumulate.to_string()),
        ("--oversample", settings.oversample.then(|| on(true)), on(plan.oversample)),
        ("--valid", valid, plan.split.asked()),
        ("--seed", settings.seed.map(|n| n.to_string()), plan.seed.to_string()),
        ("--exact-conv", settings.exact_conv.then(|| on(true)), on(plan.exact_conv)),
    ];
    run.check_settings(checks)
}

/// The data that a plan asks for; every file is read once, so that unreadable ones are known now.
pub(super) fn data(plan: &Plan, watch: &Watch) -> Result<DataBunch> {
    let mode = if plan.channels == 1 { ConvertMode::L } else { ConvertMode::Rgb };
    for doubt in &plan.doubts {
        watch(&Event::Warning(doubt));
    }
    let items = ImageItems::from_folder(&plan.data)?.convert_mode(mode);
    let items = items.filter_by_func(|path| plan.split.takes(path));
    let labelled = plan.split.apply(items, plan.seed)?.label_from_folder()?;
    let transforms = match plan.augment {
        Augment::Pad { pixels } => Transforms::new().train(rand_pad(pixels, plan.size)),
        Augment::CropAndFlip => Transforms::new().train(rand_crop()).train(flip_lr()),
        Augment::All => get_transforms(),
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
    let data = checked(data, plan.skip_bad, watch)?;
    let data = if plan.oversample { data.oversample()? } else { data };
    match &plan.transfer {
        // What the weights were learned with.
        Some(_) => Ok(data.normalize_by(Normalize::imagenet())?),
        None => Ok(data.normalize()?),
    }
}

/// The data without files that cannot be read, if no more than so many are allowed to be.
pub(super) fn checked(data: DataBunch, skip_bad: usize, watch: &Watch) -> Result<DataBunch> {
    let progress = |done, total| watch(&Event::Checking { done, total });
    let Checked { data, left_out } =
        data.check(&Check { allowed: skip_bad, progress: Some(&progress) })?;
    if !left_out.is_empty() {
        watch(&Event::LeftOut(&left_out));
    }
    for warning in data.warnings() {
        watch(&Event::Warning(warning));
    }
    Ok(data)
}

/// The learner as a run begins, or with weights that its checkpoint will replace.
fn learner(plan: &Plan, data: DataBunch, resumes: bool, watch: &Watch) -> Result<Learner> {
    let mut learner = match &plan.transfer {
        Some(transfer) if resumes => cnn_learner(data, &plan.cnn(transfer), plan.seed)?,
        Some(transfer) => {
            let weights = transfer.weights.read()?;
            let (learner, report) =
                pretrained_cnn_learner(data, &plan.cnn(transfer), weights, plan.seed)?;
            if let Some(missing) = missing_text(&report) {
                watch(&Event::Warning(&missing));
            }
            learner
        }
        None => {
            let model = plan.arch.build(&seeded(plan.seed))?;
            Learner::new(data, model, CrossEntropyFlat::default()).arch(plan.arch.clone())
        }
    }
    .metrics(accuracy);
    let network = learner.network_mut();
    (network.rule, network.weight_decay) = (plan.optimizer, plan.weight_decay);
    learner.exact_conv = plan.exact_conv;
    with_steps_of(plan.accumulate, learner)
}

fn fit(plan: &Plan, run: RunFolder, learner: Learner, watch: &Watch) -> Result<Trained> {
    let lower_lr = plan.arch.arch()?.lr.min(plan.lr / 10.0);
    let training = Training { run, checkpoint_every: plan.checkpoint_every, lower_lr };
    training.fit(learner, watch, &plan.phases())
}

/// Trains for a moment at rising rates on the data that `settings` describes; nothing is kept.
///
/// # Errors
/// As [`train`].
pub fn lr_find(settings: &TrainSettings, options: &LrFind, watch: &Watch) -> Result<LrCurve> {
    let plan = look(settings, watch)?;
    let data = data(&plan, watch)?;
    Ok(learner(&plan, data, false, watch)?.lr_find(options)?)
}

/// A picture of the first training images, as the model would see them.
///
/// # Errors
/// As [`train`].
pub fn show_batch(settings: &TrainSettings, rows: usize, watch: &Watch) -> Result<Picture> {
    let plan = look(settings, watch)?;
    Ok(data(&plan, watch)?.show_batch(rows, Set::Train)?)
}

/// A plan whose epochs and learning rate are nobody's business.
fn look(settings: &TrainSettings, watch: &Watch) -> Result<Plan> {
    let mut plan = Plan::fetching(settings, watch)?;
    leave_training_out(&mut plan.choices);
    plan.tell(watch);
    Ok(plan)
}

/// Every image of both sets, with its label, its path below `root` and its length in bytes, as CSV.
pub(super) fn items(root: &Path, data: &DataBunch) -> String {
    let mut text = String::from("set,label,path,bytes\n");
    for (name, set, n) in
        [("train", Set::Train, data.n_train()), ("valid", Set::Valid, data.n_valid())]
    {
        for index in 0..n {
            let quoted = |field: String| field.replace('"', "\"\"");
            let path = data.name(set, index);
            let bytes =
                fs::metadata(&path).map_or_else(|_| String::new(), |file| file.len().to_string());
            let below = Path::new(&path).strip_prefix(root).unwrap_or(Path::new(&path));
            let (label, path) =
                (quoted(data.label(set, index)), quoted(below.display().to_string()));
            writeln!(text, "{name},\"{label}\",\"{path}\",{bytes}").expect("writing to a string");
        }
    }
    text
}

/// What has changed between two lists of items, in words.
pub(super) fn difference(before: &str, now: &str) -> Option<String> {
    if before == now {
        return None;
    }
    let paths = |text| -> BTreeMap<_, _> { str::lines(text).skip(1).filter_map(listed).collect() };
    let (was, is) = (paths(before), paths(now));
    let gone = was.keys().find(|path| !is.contains_key(*path));
    let new = is.keys().find(|path| !was.contains_key(*path));
    let other = was.iter().find(|(path, bytes)| is.get(*path) != Some(bytes));
    Some(match (gone, new, other) {
        (Some(path), ..) => format!("{path} is gone"),
        (_, Some(path), _) => format!("{path} is new"),
        (.., Some((path, bytes))) => {
            format!("{path} had {bytes} bytes and has {}", is.get(path).unwrap_or(&"none"))
        }
        _ => "they have other labels or are in other sets".into(),
    })
}

/// The path and the length in a line of the list.
fn listed(line: &str) -> Option<(&str, &str)> {
    let (rest, bytes) = line.rsplit_once(',')?;
    let (_, path) = rest.split_once("\",\"")?;
    Some((path.trim_end_matches('"'), bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(now: &str, what: &str) {
        let before =
            "set,label,path,bytes\ntrain,\"a\",\"a/1.png\",10\nvalid,\"a\",\"a/2.png\",20\n";
        assert_eq!(difference(before, before), None);
        assert_eq!(difference(before, &format!("set,label,path,bytes\n{now}")).unwrap(), what);
    }

    #[test]
    fn a_change_of_the_images_is_said_in_words() {
        let (one, two) = ("train,\"a\",\"a/1.png\",10\n", "valid,\"a\",\"a/2.png\",20\n");
        check(one, "a/2.png is gone");
        check(&format!("{one}{two}train,\"a\",\"a/3.png\",1\n"), "a/3.png is new");
        check(&format!("{one}valid,\"a\",\"a/2.png\",21\n"), "a/2.png had 20 bytes and has 21");
        check(&format!("{two}{one}"), "they have other labels or are in other sets");
    }
}
