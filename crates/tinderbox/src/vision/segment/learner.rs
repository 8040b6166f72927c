//! A U-Net with what trains it.

use burn::tensor::Device;
use tinderbox_data::{DataBunch, TargetKind};
use tinderbox_learn::{Learner, loss::CrossEntropyFlat};
use tinderbox_model::{
    arch::{DynamicUnet, Grouped, UnetSpec},
    weights::{LoadReport, StateDict},
};

use crate::Result;

/// fastai's `unet_learner` without pretrained weights: cross entropy of each pixel that has a class,
/// Adam, and the parameters in groups, those of the body and the way up.
///
/// # Errors
/// As [`UnetSpec::build`].
pub fn unet_learner(data: DataBunch, spec: &UnetSpec, seed: u64) -> Result<Learner> {
    let unet = spec.build(&seeded(seed))?;
    learner(data, spec, unet)
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
    let mut learner = learner(data, spec, unet)?;
    learner.freeze()?;
    Ok((learner, report))
}

fn seeded(seed: u64) -> Device {
    let device = Device::flex().autodiff();
    device.seed(seed);
    device
}

fn learner(data: DataBunch, spec: &UnetSpec, unet: Grouped<DynamicUnet>) -> Result<Learner> {
    let ignore = match data.target() {
        TargetKind::Mask { ignore, .. } => ignore.map(i64::from),
        _ => None,
    };
    let loss = CrossEntropyFlat { axis: 1, ignore, ..CrossEntropyFlat::default() };
    let mut learner = Learner::new(data, unet.model, loss).arch(spec.clone());
    learner.split(unet.groups)?;
    Ok(learner)
}
