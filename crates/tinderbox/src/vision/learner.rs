//! fastai's learners for pictures: a body, what is put on it, and a loss.

use burn::tensor::Device;
use tinderbox_data::{DataBunch, TargetKind};
use tinderbox_learn::{
    Learner,
    loss::{BCEWithLogitsFlat, CrossEntropyFlat, MSELossFlat},
};
use tinderbox_model::{
    Layer,
    arch::{CnnSpec, Grouped, ModelSpec, UnetSpec},
    groups::with_parameters,
    weights::{LoadReport, StateDict},
};

use crate::Result;

/// fastai's `cnn_learner` without pretrained weights: a body and a new head for the data's classes
/// or numbers, in groups, with the loss that they call for.
///
/// # Errors
/// As [`CnnSpec::build`].
pub fn cnn_learner(data: DataBunch, spec: &CnnSpec, seed: u64) -> Result<Learner> {
    let cnn = spec.build(&seeded(seed))?;
    learner(data, spec.clone().into(), cnn)
}

/// fastai's `cnn_learner`: on what there is of a pretrained body, which is frozen until
/// [`Learner::unfreeze`]. The report says what was not found.
///
/// # Errors
/// As [`CnnSpec::build_with`].
///
/// # Example
/// ```no_run
/// use tinderbox::{
///     model::{arch::{BodySpec, CnnSpec}, weights::StateDict},
///     prelude::*,
///     vision::pretrained_cnn_learner,
/// };
///
/// # fn main() -> Result<(), tinderbox::Error> {
/// let data: DataBunch = ImageItems::from_folder("pets")?
///     .split_by_rand_pct(0.2, 42)?
///     .label_from_folder()?
///     .transform(get_transforms().size(Size::Square(224)))?
///     .batches(BatchOptions::default())?
///     .normalize_by(Normalize::imagenet())?;
/// let body = BodySpec::new("resnet34")?;
/// let spec = CnnSpec { body, classes: data.c(), size: [224, 224] };
/// let weights = StateDict::read("resnet34-b627a593.pth".as_ref())?;
/// let (learn, _) = pretrained_cnn_learner(data, &spec, weights, 42)?;
/// let mut learn = learn.metrics(accuracy);
/// learn.fit_one_cycle(4, OneCycle::default())?;
/// learn.unfreeze();
/// learn.fit_one_cycle(2, LearningRate::Range(1e-5, 3e-4))?;
/// # Ok(())
/// # }
/// ```
pub fn pretrained_cnn_learner(
    data: DataBunch,
    spec: &CnnSpec,
    weights: StateDict,
    seed: u64,
) -> Result<(Learner, LoadReport)> {
    let (cnn, report) = spec.build_with(weights, &seeded(seed))?;
    let mut learner = learner(data, spec.clone().into(), cnn)?;
    learner.freeze()?;
    Ok((learner, report))
}

/// fastai's `unet_learner` without pretrained weights: cross entropy of each pixel that has a class,
/// Adam, and the parameters in groups, those of the body and the way up.
///
/// # Errors
/// As [`UnetSpec::build`].
pub fn unet_learner(data: DataBunch, spec: &UnetSpec, seed: u64) -> Result<Learner> {
    let unet = spec.build(&seeded(seed))?;
    learner(data, spec.clone().into(), unet)
}

/// fastai's `unet_learner`: on what there is of a pretrained body, which is frozen until
/// [`Learner::unfreeze`]. The report says what was not found.
///
/// # Errors
/// As [`UnetSpec::build_with`].
pub fn pretrained_unet_learner(
    data: DataBunch,
    spec: &UnetSpec,
    weights: StateDict,
    seed: u64,
) -> Result<(Learner, LoadReport)> {
    let (unet, report) = spec.build_with(weights, &seeded(seed))?;
    let mut learner = learner(data, spec.clone().into(), unet)?;
    learner.freeze()?;
    Ok((learner, report))
}

/// A device to train on, whose fresh weights and dropouts follow from the seed.
pub(super) fn seeded(seed: u64) -> Device {
    let device = Device::flex().autodiff();
    device.seed(seed);
    device
}

/// With the loss that the data calls for.
fn learner<M: Layer + 'static>(
    data: DataBunch,
    spec: ModelSpec,
    Grouped { model, groups }: Grouped<M>,
) -> Result<Learner> {
    // fastai's groups may begin at layers without any.
    let groups = with_parameters(&model, &groups);
    let learner = match data.target() {
        TargetKind::Mask { ignore, .. } => {
            let ignore = ignore.map(i64::from);
            let loss = CrossEntropyFlat { axis: 1, ignore, ..CrossEntropyFlat::default() };
            Learner::new(data, model, loss)
        }
        TargetKind::MultiCategory { .. } => Learner::new(data, model, BCEWithLogitsFlat),
        TargetKind::Number { .. } | TargetKind::Points { .. } => {
            Learner::new(data, model, MSELossFlat)
        }
        _ => Learner::new(data, model, CrossEntropyFlat::default()),
    };
    let mut learner = learner.arch(spec);
    learner.split(groups)?;
    Ok(learner)
}
