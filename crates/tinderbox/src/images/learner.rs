//! fastai's learners for pictures: a body, what is put on it, and a loss.

use burn::tensor::Device;
use tinderbox_data::DataBunch;
use tinderbox_learn::Learner;
use tinderbox_model::{
    Layer,
    arch::{CnnSpec, Grouped, ModelSpec, UnetSpec},
    groups::with_parameters,
    random,
    weights::{LoadReport, StateDict},
};

use crate::Result;

/// fastai's `cnn_learner` without pretrained weights: a body and a new head for the data's classes
/// or numbers, in groups, with the loss that they call for.
///
/// # Errors
/// As [`CnnSpec::build`].
pub fn cnn_learner(data: DataBunch, spec: &CnnSpec, seed: u64) -> Result<Learner> {
    fresh(data, &spec.clone().into(), seed)
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
///     pretrained_cnn_learner,
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
/// let spec = CnnSpec::new(body, data.c(), [224, 224]);
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
    pretrained(data, &spec.clone().into(), weights, seed)
}

/// fastai's `unet_learner` without pretrained weights: cross entropy of each pixel that has a class,
/// Adam, and the parameters in groups, those of the body and the way up.
///
/// # Errors
/// As [`UnetSpec::build`].
pub fn unet_learner(data: DataBunch, spec: &UnetSpec, seed: u64) -> Result<Learner> {
    fresh(data, &spec.clone().into(), seed)
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
    pretrained(data, &spec.clone().into(), weights, seed)
}

fn fresh(data: DataBunch, spec: &ModelSpec, seed: u64) -> Result<Learner> {
    let device = Device::flex().autodiff();
    Ok(random::seeded(seed, || of_model(data, spec, None, &device))?.0)
}

fn pretrained(
    data: DataBunch,
    spec: &ModelSpec,
    weights: StateDict,
    seed: u64,
) -> Result<(Learner, LoadReport)> {
    let device = Device::flex().autodiff();
    let (mut learner, report) =
        random::seeded(seed, || of_model(data, spec, Some(weights), &device))?;
    learner.freeze()?;
    Ok((learner, report))
}

/// A learner of a model for images, on a pretrained body if there are weights for one, with the loss
/// that the data calls for.
///
/// # Errors
/// As [`ModelSpec::build`]; [`NoLoss`](tinderbox_learn::Error::NoLoss) for a kind of target that
/// calls for none.
pub(crate) fn of_model(
    data: DataBunch,
    spec: &ModelSpec,
    body: Option<StateDict>,
    device: &Device,
) -> Result<(Learner, LoadReport)> {
    match (spec, body) {
        (ModelSpec::Cnn(cnn), Some(body)) => {
            let (model, report) = cnn.build_with(body, device)?;
            Ok((grouped(data, spec, model)?, report))
        }
        (ModelSpec::Unet(unet), Some(body)) => {
            let (model, report) = unet.build_with(body, device)?;
            Ok((grouped(data, spec, model)?, report))
        }
        (ModelSpec::Cnn(cnn), None) => {
            Ok((grouped(data, spec, cnn.build(device)?)?, LoadReport::default()))
        }
        (ModelSpec::Unet(unet), None) => {
            Ok((grouped(data, spec, unet.build(device)?)?, LoadReport::default()))
        }
        (spec, _) => {
            let learner = Learner::for_target(data, spec.build(device)?)?;
            Ok((learner.arch(spec.clone()), LoadReport::default()))
        }
    }
}

fn grouped<M: Layer + 'static>(
    data: DataBunch,
    spec: &ModelSpec,
    Grouped { model, groups }: Grouped<M>,
) -> Result<Learner> {
    // fastai's groups may begin at layers without any.
    let groups = with_parameters(&model, &groups);
    let mut learner = Learner::for_target(data, Box::new(model))?.arch(spec.clone());
    learner.split(groups)?;
    Ok(learner)
}
