//! The settings of training on images that are inferred from the images, for every task: the input,
//! the model, its initial weights, and the fits.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tinderbox_data::{
    ConvertMode, DataBunch, ImageKind, Labelled, Normalize, SavedInput, TargetKind,
    transform::{Size, Transforms, flip_lr, get_transforms, rand_crop, rand_pad},
};
use tinderbox_learn::{Bundle, schedule::LearningRate};
use tinderbox_model::arch::{ArchSpec, BodySpec, CnnSpec, ModelSpec};

use super::{AUGMENTED, ImageSettings, pixels};
use crate::{
    Common, ImageSize, Job, Location, Phase, Plan, Result,
    items::checked,
    open_model,
    plan::{Choices, FitPlan, Start, Take, batch_size, phases::steps, survey::Survey},
    settings::unused,
    validate::other_model,
    weights::WeightsFile,
};

/// Images of one size up to this side are used as they are: digits, icons, sprites.
const SMALL_SIDE: usize = 64;

/// The side that photographs are resized to: what a CPU trains in minutes.
const PHOTO_SIDE: usize = 128;

/// The same for networks that were pretrained on images of 224 pixels.
const TRANSFER_SIDE: usize = 192;

/// The side that tiny images of different sizes are resized to: networks for photographs take no
/// smaller ones.
const LEAST_SIDE: usize = 16;

/// About this many steps of training are planned for, if the number of epochs is not given.
const STEPS: usize = 1200;

/// About this many steps train the new head, and this many the whole network: with some hundred
/// images, more would overfit.
const TRANSFER_STEPS: [usize; 2] = [60, 60];

/// Ten times fastai's, for fewer epochs.
const TRANSFER_LR: f64 = 2e-2;

/// The same for numbers, whose sigmoid a higher one drives to its ends.
const LR_OF_NUMBERS: f64 = 2e-3;

/// Numbers take more steps of everything than classes.
const TRANSFER_STEPS_OF_NUMBERS: [usize; 2] = [60, 240];

/// The pretrained networks that are looked for in the cache, the first of which is downloaded if none
/// is there: small and quick on a CPU.
const PRETRAINED: [&str; 5] = ["mobilenet_v2", "resnet34", "resnet18", "resnet50", "densenet121"];

/// What a model sees of images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageInput {
    /// 1 for gray images, 3 for color.
    pub channels: usize,
    /// Height and width that the model sees, in pixels.
    pub size: [usize; 2],
    pub augment: Augment,
    /// How images are normalized: as for the initial weights; by the first batch if training starts
    /// from scratch.
    pub normalize: Option<Normalize>,
    /// The most pixels that an image may have, if it is not the usual limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_pixels: Option<u64>,
    /// Bits that the values of 16-bit images use, if not all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bits: Option<u8>,
}

/// The random transforms of training images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Augment {
    /// Padded by this many pixels, then cropped at a random place: the lesson's, for digits.
    Pad { pixels: usize },
    /// Cropped at a random place, flipped half of the time: for photographs.
    CropAndFlip,
    /// fastai's `get_transforms`, for photographs that there are few of.
    All,
}

impl ImageInput {
    /// How images are opened.
    pub(crate) fn kind(&self) -> ImageKind {
        let mode = if self.channels == 1 { ConvertMode::L } else { ConvertMode::Rgb };
        let max_pixels = self.max_pixels.unwrap_or(ImageKind::default().max_pixels);
        ImageKind { mode, max_pixels, bits: self.bits, enlarge: 1 }
    }

    /// Batches of a plan, every file of which can be read.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub(crate) fn batches<T>(
        &self,
        labelled: Labelled<ImageKind>,
        plan: &Plan<T>,
        job: &Job,
    ) -> Result<DataBunch> {
        let transforms = match self.augment {
            Augment::Pad { pixels } => Transforms::new().train(rand_pad(pixels, self.size)),
            Augment::CropAndFlip => Transforms::new().train(rand_crop()).train(flip_lr()),
            Augment::All => get_transforms(),
        };
        // Images that have the size already are left as they are; those to be predicted may have
        // another.
        let transforms = transforms.size(match self.size {
            [height, width] if height == width => Size::Square(height),
            [height, width] => Size::Exactly(height, width),
        });
        let data = labelled.transform(transforms)?.batches(plan.batch_options())?;
        checked(data, plan.host.skip_bad, job)
    }

    /// The batches as the model sees them.
    ///
    /// # Errors
    /// As [`DataBunch::normalize`].
    pub(crate) fn normalized(&self, data: DataBunch) -> Result<DataBunch> {
        Ok(match &self.normalize {
            Some(normalize) => data.normalize_by(normalize.clone())?,
            None => data.normalize()?,
        })
    }
}

/// What is to be learned, as far as a recipe depends on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub common: &'a Common,
    pub image: &'a ImageSettings,
    pub survey: &'a Survey,
    pub n_train: usize,
    pub target: &'a TargetKind,
    pub outputs: Outputs,
}

/// What comes out of a model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Outputs {
    Classes,
    /// Between the lowest and the highest, if there are bounds.
    Numbers {
        y_range: Option<[f64; 2]>,
    },
}

impl Outputs {
    fn y_range(self) -> Option<[f64; 2]> {
        match self {
            Self::Classes => None,
            Self::Numbers { y_range } => y_range,
        }
    }
}

/// What is decided.
#[derive(Debug)]
pub(crate) struct Recipe {
    pub input: ImageInput,
    pub model: ModelSpec,
    pub start: Start,
    pub fit: FitPlan,
}

/// Where training begins.
#[derive(Debug)]
enum Begin {
    Fresh,
    /// With a pretrained body of this architecture.
    Pretrained(WeightsFile),
    /// With the weights of a run.
    Run {
        from: Box<Bundle>,
        path: PathBuf,
        take: Take,
    },
}

impl Recipe {
    /// Infers the settings that were not given.
    ///
    /// # Errors
    /// What is wrong with the settings, or with the weights to start from.
    pub(crate) fn decide(want: &Wanted<'_>, choices: &mut Choices, job: &Job) -> Result<Self> {
        let Wanted { common, image, survey, n_train, target, outputs } = *want;
        let small_images = survey.one_size().is_some_and(is_small)
            && image.size.is_none_or(|size| survey.one_size() == Some(size.0));
        let (begin, arch) = begin(want, small_images, choices, job)?;
        let transfers = matches!(begin, Begin::Pretrained(_));
        let channels = channels(survey, &begin, choices);
        let size = size(image.size, survey, &begin, choices);
        let small = is_small(size) && survey.one_size() == Some(size);
        choices.keep("max_pixels", &image.max_pixels);
        let bits = image.bits(survey, begin.run(), choices);
        let augment =
            augment(small && survey.is_gray(), size, !matches!(begin, Begin::Fresh), choices);
        let model = match &begin {
            Begin::Run { from, .. } => continued(&from.manifest.arch, target.c(), outputs, size),
            Begin::Fresh | Begin::Pretrained(_) => {
                let spec = ArchSpec::new(&arch, channels, target.c(), size)?;
                model(spec, outputs, image.until.clone(), transfers)?
            }
        };
        choices.keep("until", &image.until);
        choices.keep("from", &image.from);
        let batch_size = batch_size(common.batch_size, small, n_train, transfers, choices)?;
        let exact_conv = choices.quiet("exact_conv", image.exact_conv, false);
        let per_epoch = n_train / batch_size;
        let phases = phases(want, &begin, &model, per_epoch, choices)?;
        let normalize = match &begin {
            Begin::Fresh => None,
            // What the weights were trained with.
            Begin::Pretrained(_) if channels == 1 => Some(Normalize::imagenet_gray()),
            Begin::Pretrained(_) => Some(Normalize::imagenet()),
            Begin::Run { from, .. } => from.manifest.inference.normalization().cloned(),
        };
        let start = match begin {
            Begin::Fresh => Start::Fresh,
            Begin::Pretrained(file) => Start::Pretrained(file),
            Begin::Run { path, take, .. } => Start::Run { path, take },
        };
        let fit = FitPlan { exact_conv, ..FitPlan::new(phases, batch_size) };
        let max_pixels = image.max_pixels;
        let input = ImageInput { channels, size, augment, normalize, max_pixels, bits };
        Ok(Self { input, model, start, fit })
    }
}

impl Begin {
    /// The run to start from, if there is one.
    fn run(&self) -> Option<&Bundle> {
        match self {
            Self::Run { from, .. } => Some(from),
            Self::Fresh | Self::Pretrained(_) => None,
        }
    }
}

/// A network as it is, for classes; under a head of fastai's, for numbers and on pretrained weights.
fn model(
    spec: ArchSpec,
    outputs: Outputs,
    until: Option<String>,
    transfers: bool,
) -> Result<ModelSpec> {
    if outputs == Outputs::Classes && !transfers {
        return Ok(ModelSpec::Image(spec));
    }
    let ArchSpec { name, in_channels, classes, size } = spec;
    let body = BodySpec { in_channels, until, ..BodySpec::new(&name)? };
    // What dropout leaves out is noise in a number.
    let dropout = (outputs != Outputs::Classes).then_some(0.0);
    let y_range = outputs.y_range();
    Ok(ModelSpec::Cnn(CnnSpec { y_range, dropout, ..CnnSpec::new(body, classes, size) }))
}

fn is_small([height, width]: [usize; 2]) -> bool {
    height.max(width) <= SMALL_SIDE
}

/// Where weights start, and of which architecture they are.
fn begin(
    want: &Wanted<'_>,
    small: bool,
    choices: &mut Choices,
    job: &Job,
) -> Result<(Begin, String)> {
    let Wanted { image, target, outputs, .. } = *want;
    if let Some(run) = &image.from {
        let (from, name) = image.open(run)?;
        // Ages and weights are both numbers; they have other ranges.
        let is_same = from.manifest.inference.target() == target
            && y_range_of(&from.manifest.arch) == outputs.y_range();
        let take = match is_same {
            true => Take::All,
            false => Take::Body,
        };
        let because = match take {
            Take::All => "its architecture and all weights",
            _ => "its architecture and weights; the labels differ, so the last layer is new",
        };
        choices.tell("from", run.to_string(), because);
        return Ok((Begin::Run { from: Box::new(from), path: run.path().to_owned(), take }, name));
    }
    let fresh = match small && outputs == Outputs::Classes {
        true => ("resnetish", "the lesson's residual network, made for small images"),
        false => ("resnet-small", "a residual network for photographs, trained from scratch"),
    };
    // Digits and icons are unlike photographs, and quickly learned.
    let look_for: &[&str] = if small { &[] } else { &PRETRAINED };
    let (arch, file) = image.arch_and_weights(look_for, fresh, String::clone, choices, job)?;
    Ok((file.map_or(Begin::Fresh, Begin::Pretrained), arch))
}

fn y_range_of(spec: &ModelSpec) -> Option<[f64; 2]> {
    match spec {
        ModelSpec::Cnn(spec) => spec.y_range,
        _ => None,
    }
}

/// The architecture of a run to start from, for other classes or images of another size.
fn continued(from: &ModelSpec, n: usize, outputs: Outputs, size: [usize; 2]) -> ModelSpec {
    match from.clone().with_outputs(n) {
        ModelSpec::Image(spec) => ModelSpec::Image(ArchSpec { size, ..spec }),
        ModelSpec::Cnn(spec) => {
            ModelSpec::Cnn(CnnSpec { size, y_range: outputs.y_range(), ..spec })
        }
        other => other,
    }
}

fn channels(survey: &Survey, begin: &Begin, choices: &mut Choices) -> usize {
    let of = |channels: usize| match channels {
        1 => (1, "1 (gray)"),
        channels => (channels, "3 (color)"),
    };
    let ((channels, value), because) = match (begin, survey.is_gray()) {
        (Begin::Pretrained(_), true) => (
            of(1),
            "all sampled images are gray; the pretrained weights of the first layer are summed over the color channels",
        ),
        (Begin::Pretrained(_), false) => (of(3), "as in the training of the pretrained weights"),
        (Begin::Run { from, .. }, _) => {
            (of(from.manifest.arch.in_channels().unwrap_or(3)), "as in the run to start from")
        }
        (Begin::Fresh, true) => (of(1), "all sampled images are gray"),
        (Begin::Fresh, false) => (of(3), "not all images are gray"),
    };
    choices.tell("channels", value, because);
    channels
}

fn size(
    asked: Option<ImageSize>,
    survey: &Survey,
    begin: &Begin,
    choices: &mut Choices,
) -> [usize; 2] {
    let usual = || match (begin, survey.one_size()) {
        (Begin::Run { from, .. }, _) => {
            let size = from.manifest.arch.size().unwrap_or([TRANSFER_SIDE; 2]);
            (ImageSize(size), "as in the run to start from".to_owned())
        }
        (Begin::Fresh, Some(size)) if is_small(size) => {
            (ImageSize(size), "all images have this size, and it is small".to_owned())
        }
        (begin, _) => {
            let transfers = matches!(begin, Begin::Pretrained(_));
            let usual = if transfers { TRANSFER_SIDE } else { PHOTO_SIDE };
            let size = [usual.min(survey.shorter_side()).max(LEAST_SIDE); 2];
            let because =
                "resized, then cropped; trains in minutes on a CPU; `--size` for more detail";
            (ImageSize(size), because.to_owned())
        }
    };
    choices.pick_shown("size", asked, usual, |size| pixels(size.0)).0
}

/// Gray images of small size may be letters or digits.
fn augment(digits: bool, size: [usize; 2], trained: bool, choices: &mut Choices) -> Augment {
    let (augment, value, because) = match (digits, trained) {
        (true, _) => {
            let pixels = (size[0].min(size[1]) / 9).max(1);
            (
                Augment::Pad { pixels },
                format!("pad {pixels} px, random crop"),
                "small gray images may be letters or digits, which flips would change",
            )
        }
        (false, true) => (
            Augment::All,
            AUGMENTED.to_owned(),
            "so that a pretrained network does not overfit a small data set",
        ),
        (false, false) => (
            Augment::CropAndFlip,
            "random crop, horizontal flip".to_owned(),
            "flipping a photograph does not change its label",
        ),
    };
    choices.tell("augmentation", value, because);
    augment
}

/// Batch norm needs two images, and a training batch is never partial.
fn batch_size(
    asked: Option<usize>,
    small: bool,
    n_train: usize,
    transfers: bool,
    choices: &mut Choices,
) -> Result<usize> {
    batch_size::check(asked, n_train, "image")?;
    let (usual, of): (usize, _) = match (small, transfers) {
        (true, _) => (128, "usual for images of this size"),
        // It learns in few epochs: smaller batches give it more steps.
        (false, true) => (16, "usual for a pretrained network"),
        (false, false) => (32, "usual for images of this size"),
    };
    Ok(choices.pick("batch_size", asked, || {
        // A few dozen steps an epoch are what one-cycle and batch norm are comfortable with.
        let size = (n_train / 24).next_power_of_two().clamp(4, usual).min(n_train);
        let because = match size == usual {
            true => of.to_owned(),
            false => {
                format!("{} per epoch for {n_train} training images", steps(n_train / size))
            }
        };
        (size, because)
    }))
}

fn phases(
    want: &Wanted<'_>,
    begin: &Begin,
    model: &ModelSpec,
    per_epoch: usize,
    choices: &mut Choices,
) -> Result<Vec<Phase>> {
    let Wanted { common, image, .. } = *want;
    let has_body = matches!(model, ModelSpec::Cnn(_));
    let usual_lr = match model {
        _ if want.outputs != Outputs::Classes => LR_OF_NUMBERS,
        ModelSpec::Image(spec) => spec.arch()?.lr,
        ModelSpec::Cnn(spec) => tinderbox_model::arch::find(&spec.body.arch)?.lr,
        _ => TRANSFER_LR,
    };
    match begin {
        Begin::Pretrained(_) => return Ok(transfer_phases(want, per_epoch, choices)),
        Begin::Run { take: Take::Body, .. } if has_body => {
            return Ok(transfer_phases(want, per_epoch, choices));
        }
        Begin::Run { .. } | Begin::Fresh => {}
    }
    let reason = "all layers are trained from the start";
    unused("unfreeze_epochs", image.unfreeze_epochs.filter(|n| *n > 0).as_ref(), reason)?;
    choices.keep("unfreeze_epochs", &image.unfreeze_epochs);
    let trained = matches!(begin, Begin::Run { take: Take::All, .. });
    let epochs = choices.pick("epochs", common.epochs, || {
        let [least, most] = if trained { [2, 12] } else { [3, 40] };
        let planned = if trained { TRANSFER_STEPS[1] } else { STEPS };
        let epochs = planned.div_ceil(per_epoch.max(1)).clamp(least, most);
        (epochs, format!("{} in total, {per_epoch} per epoch", steps(epochs * per_epoch)))
    });
    let lr = choices.pick("lr", common.lr, || match begin {
        Begin::Run { take: Take::All, .. } if has_body => {
            (TRANSFER_LR / 10.0, "usual for fine-tuning the whole network".to_owned())
        }
        Begin::Run { .. } => (
            usual_lr / 10.0,
            "a tenth of the usual rate, as the network is already trained".to_owned(),
        ),
        _ => (
            usual_lr,
            "usual for the architecture; `tinderbox lr-find` suggests one for your data".to_owned(),
        ),
    });
    let lr = match has_body && trained {
        true => LearningRate::Range(lr / 30.0, lr),
        false => LearningRate::One(lr),
    };
    Ok(vec![Phase::whole(epochs, lr.into())])
}

/// The new head alone, then everything, at lower rates for what is pretrained: fastai's.
fn transfer_phases(want: &Wanted<'_>, per_epoch: usize, choices: &mut Choices) -> Vec<Phase> {
    let Wanted { common, image, outputs, .. } = *want;
    let (steps_of, usual_lr) = match outputs {
        Outputs::Classes => (TRANSFER_STEPS, TRANSFER_LR),
        Outputs::Numbers { .. } => (TRANSFER_STEPS_OF_NUMBERS, LR_OF_NUMBERS),
    };
    let usual = steps_of.map(|steps| steps.div_ceil(per_epoch.max(1)).clamp(2, 12));
    let because = || format!("{} per epoch", steps(per_epoch));
    let epochs = choices.pick_shown(
        "epochs",
        common.epochs,
        || (usual[0], because()),
        |epochs| format!("{epochs} for the new head"),
    );
    let unfrozen = choices.pick_shown(
        "unfreeze_epochs",
        image.unfreeze_epochs,
        || (usual[1], because()),
        |epochs| format!("then {epochs} for the whole network"),
    );
    let of_numbers = outputs != Outputs::Classes;
    let lr = choices.pick("lr", common.lr, || match of_numbers {
        false => (usual_lr, "for the head; a tenth of it for the whole network".to_owned()),
        true => (usual_lr, "for the head, then for the whole network".to_owned()),
    });
    let head = Phase::head("the new head", epochs, LearningRate::Slice(lr).into());
    let highest = if of_numbers { lr } else { lr / 10.0 };
    let rates = LearningRate::Range(highest / 30.0, highest);
    Phase::some([head, Phase::whole(unfrozen, rates.into())])
}

impl ImageSettings {
    /// The run to start from, and the name of its architecture.
    ///
    /// # Errors
    /// [`SettingsError::Unused`](crate::SettingsError::Unused) for what the run decides;
    /// [`TaskError::OtherModel`](crate::TaskError::OtherModel) for one that is not of images.
    fn open(&self, run: &Location) -> Result<(Bundle, String)> {
        self.check_from()?;
        let from = open_model(run.path())?;
        let name = match (&from.manifest.arch, from.manifest.inference.saved_input()) {
            (ModelSpec::Image(spec), SavedInput::Image(_)) => spec.name.clone(),
            (ModelSpec::Cnn(spec), SavedInput::Image(_)) => spec.body.arch.clone(),
            _ => {
                return Err(other_model(&from, "an image classifier or an image regression model"));
            }
        };
        Ok((from, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phases_of(image: &ImageSettings, outputs: Outputs, per_epoch: usize) -> Vec<Phase> {
        let nothing = tinderbox_data::Items::new("", Vec::new(), ImageKind::default());
        let want = Wanted {
            common: &Common::default(),
            image,
            survey: &Survey::of(&nothing),
            n_train: 0,
            target: &TargetKind::Empty,
            outputs,
        };
        transfer_phases(&want, per_epoch, &mut Choices::default())
    }

    #[test]
    fn what_is_pretrained_takes_few_epochs_of_many_steps() {
        let of = |n_train, transfers| {
            batch_size(None, false, n_train, transfers, &mut Choices::default()).unwrap()
        };
        assert_eq!([of(480, false), of(480, true), of(60, true)], [32, 16, 4]);
        let epochs = |image: &ImageSettings, steps| {
            let phases = phases_of(image, Outputs::Classes, steps);
            phases.iter().map(|phase| phase.epochs).collect::<Vec<_>>()
        };
        let plain = ImageSettings::default();
        let heads = [500, 30, 15, 2].map(|steps| epochs(&plain, steps)[0]);
        assert_eq!(heads, [2, 2, 4, 12]);
        let head = ImageSettings { unfreeze_epochs: Some(0), ..plain };
        assert_eq!(epochs(&head, 30), [2]);
    }

    /// The rates are in the plan, so that another version of the code goes on with them.
    #[test]
    fn rates_of_transfer_are_those_of_the_plan() {
        let image = ImageSettings::default();
        let phases = phases_of(&image, Outputs::Classes, 30);
        let rates = phases.iter().map(|phase| phase.schedule.lr_max.clone()).collect::<Vec<_>>();
        let range = LearningRate::Range(TRANSFER_LR / 300.0, TRANSFER_LR / 10.0);
        assert_eq!(rates, [LearningRate::Slice(TRANSFER_LR), range]);
        let numbers = phases_of(&image, Outputs::Numbers { y_range: None }, 30);
        let range = LearningRate::Range(LR_OF_NUMBERS / 30.0, LR_OF_NUMBERS);
        assert_eq!((numbers[1].epochs, &numbers[1].schedule.lr_max), (8, &range));
    }
}
