//! fastai's learners for images: a body, what is put on it, and a loss.

mod config;

use burn::tensor::Device;
use tinderbox_data::{DataBunch, batch::Set};
use tinderbox_learn::Learner;
use tinderbox_model::{
    Layer,
    arch::{Arch, ArchSpec, BodySpec, CnnSpec, Grouped, ModelSpec, UnetConfig, UnetSpec, find},
    groups::with_parameters,
    random,
    weights::{LoadReport, StateDict},
};

pub use config::{CnnConfig, UnetLearnerConfig};

use crate::{
    DeviceChoice, Result,
    device::device,
    progress::downloads,
    weights::{Found, Pretrained, look},
};

/// fastai's `cnn_learner`: a network of the table, without its last layers, under a new head for the
/// data's classes or numbers, with the loss that they call for.
///
/// Named by its architecture, the network starts from its official weights, which are downloaded if
/// they are not in the cache, and all but the head is frozen until [`Learner::unfreeze`]. Where there
/// are none (`resnet-small`, `xresnet18`) it starts fresh, as it does with [`Pretrained::No`].
/// What such weights did not have is in [`Learner::load_report`]; for gray images, those of the
/// first convolution are summed over the color channels. The size and the channels of the
/// images are the data's. An architecture that is not made of a body and a head, as the lesson's
/// `resnetish`, is taken as it is.
///
/// # Errors
/// [`UnknownArch`](tinderbox_model::Error::UnknownArch) with the names that there are;
/// [`WeightsError`](crate::weights::WeightsError); weights of other shapes;
/// [`NotImages`](tinderbox_data::Error::NotImages).
///
/// # Example
/// ```no_run
/// use tinderbox::prelude::*;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let data = ImageItems::from_folder("pets")?
///     .split_by_rand_pct(0.2, 42)?
///     .label_from_folder()?
///     .transform(get_transforms().size(224))?
///     .batches(64)?
///     .normalize_by(Normalize::imagenet())?;
/// let mut learn = cnn_learner(data, "resnet34")?.metrics(error_rate);
/// learn.fit_one_cycle(4, slice(3e-3))?;
/// learn.unfreeze();
/// learn.fit_one_cycle(2, slice(1e-6..1e-4))?;
/// # Ok(())
/// # }
/// ```
#[doc(alias = "create_cnn")]
#[doc(alias = "vision_learner")]
pub fn cnn_learner(data: DataBunch, config: impl Into<CnnConfig>) -> Result<Learner> {
    let CnnConfig { arch, pretrained, until, y_range, dropout, seed, device } = config.into();
    let arch = find(&arch)?;
    let ([in_channels, size @ ..], classes) = (image_shape(&data)?, data.c());
    let weights = weights(arch, pretrained.as_ref())?;
    let has_head = until.is_some() || weights.is_some() || y_range.is_some() || dropout.is_some();
    let spec = match arch.cut.is_some() || has_head {
        true => {
            let body = BodySpec { arch: arch.name.to_owned(), in_channels, until };
            ModelSpec::Cnn(CnnSpec { y_range, dropout, ..CnnSpec::new(body, classes, size) })
        }
        false => ModelSpec::Image(ArchSpec::new(arch.name, in_channels, classes, size)?),
    };
    start(data, &spec, weights, seed, device)
}

/// fastai's `unet_learner`: a U-Net on the body of a network of the table, for a class at each pixel
/// or another image, with the loss that the data calls for. Its body starts as
/// [`cnn_learner`]'s, and the rest is trained alone until [`Learner::unfreeze`].
///
/// # Errors
/// As [`cnn_learner`]; [`NoBody`](tinderbox_model::Error::NoBody) for an architecture without one.
///
/// # Example
/// ```no_run
/// use std::path::Path;
/// use tinderbox::prelude::*;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let codes = std::fs::read_to_string("camvid/codes.txt")?;
/// let mask = |image: &Path| Path::new("masks").join(image).with_extension("png");
/// let data = ImageItems::from_folder("camvid")?
///     .split_by_folder("train", "val")?
///     .label_kind(LabelKind::mask(codes.lines()))
///     .label_from_func(mask)?
///     .transform(get_transforms().size([180, 240]).transform_labels(true))?
///     .batches(8)?
///     .normalize_by(Normalize::imagenet())?;
/// let mut learn = unet_learner(data, "resnet34")?.metrics(MeanIou::new(None));
/// learn.fit_one_cycle(10, slice(3e-3))?;
/// SegmentationInterpretation::of(&learn, Set::Valid)?.plot_top_losses(9)?.save("worst.png")?;
/// # Ok(())
/// # }
/// ```
pub fn unet_learner(data: DataBunch, config: impl Into<UnetLearnerConfig>) -> Result<Learner> {
    let UnetLearnerConfig { arch, pretrained, until, unet, seed, device } = config.into();
    let arch = find(&arch)?;
    let ([in_channels, size @ ..], classes) = (image_shape(&data)?, data.c());
    let weights = weights(arch, pretrained.as_ref())?;
    let body = BodySpec { arch: arch.name.to_owned(), in_channels, until };
    let spec = ModelSpec::Unet(UnetSpec { body, unet: UnetConfig { classes, size, ..unet } });
    start(data, &spec, weights, seed, device)
}

/// Channels, height and width of the images that the data has.
fn image_shape(data: &DataBunch) -> Result<[usize; 3]> {
    let set = if data.n_train() > 0 { Set::Train } else { Set::Valid };
    let shape = data.items(set, &[0])?.inputs.shape;
    match shape[..] {
        [_, channels, height, width] => Ok([channels, height, width]),
        _ => Err(tinderbox_data::Error::NotImages { shape }.into()),
    }
}

/// The weights that a network starts with: the official ones, if nothing else is said and there are
/// some.
fn weights(arch: &'static Arch, pretrained: Option<&Pretrained>) -> Result<Option<StateDict>> {
    let usual = match arch.weights {
        Some(_) => Pretrained::Auto,
        None => Pretrained::No,
    };
    match look(Some(pretrained.unwrap_or(&usual)), Some(arch.name), &[], &downloads())? {
        Found::File { file, .. } => Ok(Some(StateDict::read_every(&file.path)?)),
        Found::None { .. } => Ok(None),
    }
}

/// The learner of a model, of which all but the last group is frozen if the body is pretrained.
fn start(
    data: DataBunch,
    spec: &ModelSpec,
    weights: Option<StateDict>,
    seed: u64,
    choice: DeviceChoice,
) -> Result<Learner> {
    let (device, is_pretrained) = (device(choice)?, weights.is_some());
    let (learner, report) = random::seeded(seed, || of_model(data, spec, weights, &device))?;
    let mut learner = learner.loaded(report);
    if is_pretrained {
        learner.freeze()?;
    }
    Ok(learner)
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
