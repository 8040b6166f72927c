//! Pictures and masks: from two folders to a model that says what each pixel shows.

mod pairs;
mod plan;
mod predict;
mod settings;
mod validate;

use std::fs;

use tinderbox_data::{
    BatchOptions, DataBunch, ImageItems, ImageKind, Label, LabelKind, Normalize,
    batch::Set,
    picture::Picture,
    transform::{Size, get_transforms},
};
use tinderbox_learn::{
    Bundle, Learner, LrCurve,
    metric::{MeanIou, PixelAccuracy},
    schedule::LrFind,
};
use tinderbox_model::weights::Strict;

pub use pairs::MaskName;
pub use plan::{SegmenterPlan, Void};
pub use predict::{PredictedMask, predict_mask};
pub use settings::SegmenterSettings;
pub use validate::{MaskScores, MaskValidation, validate_masks};

use super::{
    fit::{checked, difference, items},
    learner::{pretrained_unet_learner, unet_learner},
    memory::with_steps_of,
    plan::leave_training_out,
};
use crate::{
    Error, Event, Result, RunFolder, Trained, Watch, open_model,
    run::absolute,
    training::Training,
    weights::{WeightsFile, missing_text},
};

/// Trains a U-Net to say what each pixel shows.
///
/// The run folder gets everything: the plan, the list of pictures, checkpoints, the epoch table,
/// plots and the finished model.
///
/// # Errors
/// [`Error::RunExists`], [`Error::RunBusy`]; whatever is wrong with the folders, the files or the
/// settings, before anything is trained; [`Error::Diverged`] if the loss is no number any more.
pub fn train_segmenter(settings: &SegmenterSettings, watch: &Watch) -> Result<Trained> {
    let run = RunFolder::new(&settings.out);
    run.check_is_new()?;
    let from = settings.from.as_deref().map(open_model).transpose()?;
    let plan = SegmenterPlan::new(settings, from.as_ref(), watch)?;
    train_plan(&plan, from.as_ref(), run, watch)
}

/// [`train_segmenter`], for a plan that is made.
pub(super) fn train_plan(
    plan: &SegmenterPlan,
    from: Option<&Bundle>,
    run: RunFolder,
    watch: &Watch,
) -> Result<Trained> {
    run.check_is_new()?;
    plan.tell(watch);
    let _lock = run.lock()?;
    let data = data(plan, watch)?;
    let list = items(&plan.images, &data);
    let learner = first_learner(plan, from, data, watch)?;
    run.create(plan, &list)?;
    fit(plan, learner, run, watch)
}

/// Goes on with the run in `settings.out`, in whichever fit it was stopped, and ends with the same
/// bits as if it had never been stopped. The folders may have moved: `settings` says where to, and
/// leaves them empty else.
///
/// # Errors
/// [`Error::NoRun`], [`Error::OtherTask`]; [`Error::ItemsChanged`] if the pictures are not what
/// they were; [`Error::ResumeDiffers`] for a setting that is not the run's; [`Error::Checkpoint`];
/// [`Error::RunBusy`].
pub fn resume_segmenter(settings: &SegmenterSettings, watch: &Watch) -> Result<Trained> {
    let run = RunFolder::new(&settings.out);
    let mut plan: SegmenterPlan = run.plan()?;
    same_settings(settings, &plan, &run)?;
    for (now, was) in [(&settings.images, &mut plan.images), (&settings.masks, &mut plan.masks)] {
        if !now.as_os_str().is_empty() {
            *was = absolute(now)?;
        }
    }
    plan.workers = settings.workers.unwrap_or(plan.workers);
    plan.skip_bad = settings.skip_bad.unwrap_or(plan.skip_bad);
    plan.checkpoint_every = settings.checkpoint_every.unwrap_or(plan.checkpoint_every);
    plan.cache_bytes = settings.cache_bytes.unwrap_or(plan.cache_bytes);
    let _lock = run.lock()?;
    plan.tell(watch);
    let data = data(&plan, watch)?;
    let before = fs::read_to_string(run.items())
        .map_err(|source| Error::Read { path: run.items(), source })?;
    if let Some(what) = difference(&before, &items(&plan.images, &data)) {
        return Err(Error::ItemsChanged { what });
    }
    let learner = match run.checkpoint().is_file() {
        // It has all weights.
        true => learner(&plan, data)?,
        false => {
            let from = plan.from.as_deref().map(open_model).transpose()?;
            first_learner(&plan, from.as_ref(), data, watch)?
        }
    };
    fit(&plan, learner, run, watch)
}

/// Trains for a moment at rising rates on the pictures and masks that `settings` describes; nothing is
/// kept.
///
/// # Errors
/// As [`train_segmenter`].
pub fn segmenter_lr_find(
    settings: &SegmenterSettings,
    options: &LrFind,
    watch: &Watch,
) -> Result<LrCurve> {
    let (plan, from) = look(settings, watch)?;
    let data = data(&plan, watch)?;
    let mut learner = first_learner(&plan, from.as_ref(), data, watch)?;
    if let Some(phase) = plan.phases.first().filter(|phase| phase.freeze_to != 0) {
        learner.freeze_to(phase.freeze_to)?;
    }
    Ok(learner.lr_find(options)?)
}

/// A picture of the first training pictures with their masks, as the model would see them.
///
/// # Errors
/// As [`train_segmenter`].
pub fn show_masks(settings: &SegmenterSettings, rows: usize, watch: &Watch) -> Result<Picture> {
    let (plan, _) = look(settings, watch)?;
    Ok(data(&plan, watch)?.show_batch(rows, Set::Train)?)
}

/// A plan whose epochs and learning rate are nobody's business, and the run that it starts from.
fn look(settings: &SegmenterSettings, watch: &Watch) -> Result<(SegmenterPlan, Option<Bundle>)> {
    let from = settings.from.as_deref().map(open_model).transpose()?;
    let mut plan = SegmenterPlan::new(settings, from.as_ref(), watch)?;
    leave_training_out(&mut plan.choices);
    plan.tell(watch);
    Ok((plan, from))
}

fn same_settings(
    settings: &SegmenterSettings,
    plan: &SegmenterPlan,
    run: &RunFolder,
) -> Result<()> {
    let number = |n: Option<usize>| n.map(|n| n.to_string());
    let size = |[height, width]: [usize; 2]| format!("{height}x{width}");
    let epochs = |at: usize| plan.phases.get(at).map_or(0, |phase| phase.epochs).to_string();
    let on = |on: bool| if on { "on" } else { "off" }.to_owned();
    let checks: [(&'static str, Option<String>, String); 9] = [
        ("--arch", settings.arch.clone(), plan.model.body.arch.clone()),
        ("--epochs", number(settings.epochs), epochs(0)),
        ("--unfreeze-epochs", number(settings.unfreeze_epochs), epochs(1)),
        ("--size", settings.size.map(size), size(plan.size())),
        ("--batch-size", number(settings.batch_size), plan.batch_size.to_string()),
        ("--accumulate", number(settings.accumulate), plan.accumulate.to_string()),
        ("--valid", settings.valid.asked()?, plan.split.asked()),
        ("--seed", settings.seed.map(|n| n.to_string()), plan.seed.to_string()),
        ("--exact-conv", settings.exact_conv.then(|| on(true)), on(plan.exact_conv)),
    ];
    run.check_settings(checks)
}

/// The data that a plan asks for; every file is read once, so that unreadable ones are known now.
pub(super) fn data(plan: &SegmenterPlan, watch: &Watch) -> Result<DataBunch> {
    for doubt in &plan.doubts {
        watch(&Event::Warning(doubt));
    }
    let pairs = plan.pairs()?;
    let files = pairs.masks.keys().cloned().collect();
    let items = ImageItems::new(&plan.images, files, ImageKind::default());
    let classes = plan.classes.clone();
    let (ignore, void) = match plan.void {
        Some(Void::NoClass(code)) => (Some(code), None),
        Some(Void::Class(code)) => (None, Some(code)),
        None => (None, None),
    };
    let kind = LabelKind::Mask { classes, ignore, void };
    let split = plan.split.apply(items, plan.seed)?.label_kind(kind);
    let labelled = split.label_from_func(|path| Label::File(pairs.masks[path].clone()))?;
    let [height, width] = plan.size();
    let transforms = get_transforms().size(Size::Exactly(height, width));
    let options = BatchOptions {
        batch_size: plan.batch_size,
        workers: plan.workers,
        seed: plan.seed,
        cache_bytes: plan.cache_bytes,
        ..BatchOptions::default()
    };
    let data = labelled.transform(transforms.transform_labels(true))?.batches(options)?;
    let data = checked(data, plan.skip_bad, watch)?;
    // What pretrained weights were made with.
    match plan.weights.is_some() || plan.from.is_some() {
        true => Ok(data.normalize_by(Normalize::imagenet())?),
        false => Ok(data.normalize()?),
    }
}

/// The learner with the weights that the plan says.
fn first_learner(
    plan: &SegmenterPlan,
    from: Option<&Bundle>,
    data: DataBunch,
    watch: &Watch,
) -> Result<Learner> {
    let Some(weights) = plan.weights.as_ref().map(WeightsFile::read).transpose()? else {
        let mut learner = learner(plan, data)?;
        if let Some(from) = from {
            learner.load_state_dict(from.weights(), Strict::Yes)?;
        }
        return Ok(learner);
    };
    let (learner, report) = pretrained_unet_learner(data, &plan.model, weights, plan.seed)?;
    if let Some(missing) = missing_text(&report) {
        watch(&Event::Warning(&missing));
    }
    prepared(plan, learner)
}

/// The learner as it is before anything is loaded into it.
fn learner(plan: &SegmenterPlan, data: DataBunch) -> Result<Learner> {
    prepared(plan, unet_learner(data, &plan.model, plan.seed)?)
}

/// With the plan's optimizer, its steps and what is measured.
fn prepared(plan: &SegmenterPlan, mut learner: Learner) -> Result<Learner> {
    let void = plan.void.map(|void| i64::from(void.code()));
    let network = learner.network_mut();
    (network.rule, network.weight_decay) = (plan.optimizer, plan.weight_decay);
    learner.exact_conv = plan.exact_conv;
    let metrics = (PixelAccuracy::new(void).named("accuracy"), MeanIou::new(void));
    with_steps_of(plan.accumulate, learner.metrics(metrics))
}

fn fit(plan: &SegmenterPlan, learner: Learner, run: RunFolder, watch: &Watch) -> Result<Trained> {
    let lrs = plan.phases.iter().flat_map(|phase| phase.schedule.lr_max.resolve(2)).flatten();
    let lower_lr = lrs.fold(0.0, f64::max) / 10.0;
    let training = Training { run, checkpoint_every: plan.checkpoint_every, lower_lr };
    training.fit(learner, watch, &plan.phases)
}
