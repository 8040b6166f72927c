//! What is decided about image classification by a look at the folder.

use tinderbox_data::ImageItems;
use tinderbox_learn::schedule::{LearningRate, OneCycle};
use tinderbox_model::arch::{ArchSpec, BodySpec, CnnSpec, ModelSpec};

use super::{Augment, Classify, ClassifyError};
use crate::{
    Decided, ImageSize, Job, Phase, Result, Settings, Sources,
    images::{AUGMENTED, ImageSettings, pixels},
    plan::{Choices, FitPlan, batch_size, phases::steps, survey::Survey},
    weights::Pretrained,
};

/// Images of one size up to this side are used as they are: digits, icons, sprites.
const SMALL_SIDE: usize = 64;

/// The side that photographs are resized to: what a CPU trains in minutes.
const PHOTO_SIDE: usize = 128;

/// The same for networks that saw images of 224 pixels when they learned.
const TRANSFER_SIDE: usize = 192;

/// The side that tiny images of different sizes are resized to: networks for photographs take no
/// smaller ones.
const LEAST_SIDE: usize = 16;

/// About so many steps of training are planned for, if the number of epochs is not given.
const STEPS: usize = 1200;

/// About so many steps train the new head, and so many everything: with some hundred images, more
/// would overfit.
const TRANSFER_STEPS: [usize; 2] = [60, 60];

/// Ten times fastai's, for fewer epochs.
const TRANSFER_LR: f64 = 2e-2;

pub(super) fn decide(
    ask: &Settings<Classify>,
    data: &Sources,
    choices: &mut Choices,
    job: &Job,
) -> Result<(Decided<Classify>, ImageItems)> {
    let items = ImageItems::from_folder(data.need("data")?)?;
    let survey = Survey::of(&items);
    let (common, image) = (&ask.common, &ask.task.image);
    let transfers = image.is_pretrained();
    if !transfers {
        image.check_fresh()?;
    }

    let split = survey.split(common.valid.as_ref(), survey.n_taken(), choices)?;
    let (folder, classes) = survey.classes(&split);
    let classes: Vec<String> = classes.into_iter().collect();
    match &classes[..] {
        [] => return Err(ClassifyError::NoClassFolders { folder }.into()),
        [class] => return Err(ClassifyError::OneClass { folder, class: class.clone() }.into()),
        _ => {}
    }
    let channels = channels(&survey, transfers, choices);
    let size = size(image.size, &survey, transfers, choices);
    let small = size[0].max(size[1]) <= SMALL_SIDE && survey.one_size() == Some(size);
    let augment = augment(small, &survey, size, transfers, choices);
    let arch = arch(image, small, [channels, classes.len()], size, choices)?;
    let start = image.weights(arch.arch()?, choices, job)?;

    let n_train = survey.n_train(&split);
    let batch_size = batch_size(common.batch_size, small, n_train, transfers, choices)?;
    let oversample = choices.quiet("oversample", ask.task.oversample, false);
    let exact_conv = choices.quiet("exact_conv", image.exact_conv, false);
    let per_epoch = n_train / batch_size;
    let phases = match transfers {
        true => transfer_phases(ask, per_epoch, choices),
        false => {
            let epochs = epochs(common.epochs, per_epoch, choices);
            choices.keep("unfreeze_epochs", &image.unfreeze_epochs);
            let usual = arch.arch()?;
            let lr = choices.pick("lr", common.lr, || {
                let because = format!(
                    "usual for {}; `tinderbox lr-find` looks for one on your data",
                    usual.name
                );
                (usual.lr, because)
            });
            vec![Phase::whole(epochs, OneCycle::from(lr))]
        }
    };
    choices.keep("until", &image.until);
    survey.doubts(&split).into_iter().for_each(|doubt| choices.warn(doubt));
    let model = match transfers {
        true => {
            let ArchSpec { name, in_channels, classes, size } = arch;
            let body = BodySpec { arch: name, in_channels, until: image.until.clone() };
            ModelSpec::Cnn(CnnSpec { body, classes, size })
        }
        false => ModelSpec::Image(arch),
    };
    let fit = FitPlan { exact_conv, ..FitPlan::new(phases, batch_size) };
    let task = Classify { classes, split, channels, size, augment, model, oversample };
    Ok((Decided { task, start, fit }, items))
}

fn channels(survey: &Survey, transfers: bool, choices: &mut Choices) -> usize {
    let (channels, value, because) = match survey.is_gray() {
        _ if transfers => (3, "3 (color)", "what the weights were learned with"),
        true => (1, "1 (gray)", "all images looked at are gray"),
        false => (3, "3 (color)", "not all images are gray"),
    };
    choices.tell("channels", value, because);
    channels
}

fn size(
    asked: Option<ImageSize>,
    survey: &Survey,
    transfers: bool,
    choices: &mut Choices,
) -> [usize; 2] {
    let usual = || match survey.one_size() {
        Some(size) if size[0].max(size[1]) <= SMALL_SIDE => {
            (ImageSize(size), "all images have this size, and it is small".to_owned())
        }
        _ => {
            let usual = if transfers { TRANSFER_SIDE } else { PHOTO_SIDE };
            let size = [usual.min(survey.shorter_side()).max(LEAST_SIDE); 2];
            let because =
                "resized, then cropped: trains in minutes on a CPU; `--size` for more detail";
            (ImageSize(size), because.to_owned())
        }
    };
    choices.pick_shown("size", asked, usual, |size| pixels(size.0)).0
}

fn augment(
    small: bool,
    survey: &Survey,
    size: [usize; 2],
    transfers: bool,
    choices: &mut Choices,
) -> Augment {
    let (augment, value, because) = match small && survey.is_gray() {
        false if transfers => (
            Augment::All,
            AUGMENTED.to_owned(),
            "a pretrained network would overfit the few images otherwise",
        ),
        true => {
            let pixels = (size[0].min(size[1]) / 9).max(1);
            (
                Augment::Pad { pixels },
                format!("pad {pixels} px, random crop"),
                "small gray images may be letters or digits, which must not be flipped",
            )
        }
        false => (
            Augment::CropAndFlip,
            "random crop, horizontal flip".to_owned(),
            "photographs mean the same when flipped",
        ),
    };
    choices.tell("augmentation", value, because);
    augment
}

fn arch(
    image: &ImageSettings,
    small: bool,
    [channels, classes]: [usize; 2],
    size: [usize; 2],
    choices: &mut Choices,
) -> Result<ArchSpec> {
    let named = image.pretrained.as_ref().and_then(Pretrained::arch);
    let usual = || {
        let (name, because) = match (image.is_pretrained(), named) {
            (true, Some(name)) => (name, "the file is called so"),
            (true, None) => ("resnet34", "the lesson's"),
            (false, _) if small => {
                ("resnetish", "the lesson's residual network, made for small images")
            }
            (false, _) => {
                ("resnet-small", "a residual network for photographs that trains from scratch")
            }
        };
        (name.to_owned(), because.to_owned())
    };
    let name = choices.pick("arch", image.arch.clone(), usual);
    let spec = ArchSpec::new(&name, channels, classes, size)?;
    if image.is_pretrained() {
        BodySpec::new(&name)?;
    }
    Ok(spec)
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
    let usual: usize = match small {
        true => 128,
        // A pretrained network learns in few epochs: smaller batches give it more steps.
        false if transfers => 16,
        false => 32,
    };
    Ok(choices.pick("batch_size", asked, || {
        // A few dozen steps an epoch are what one-cycle and batch norm are comfortable with.
        let size = (n_train / 24).next_power_of_two().clamp(4, usual).min(n_train);
        let because = match size == usual {
            true => "usual for images of this size".to_owned(),
            false => {
                format!("{n_train} training images give {} an epoch with it", steps(n_train / size))
            }
        };
        (size, because)
    }))
}

fn epochs(asked: Option<usize>, per_epoch: usize, choices: &mut Choices) -> usize {
    choices.pick("epochs", asked, || {
        let epochs = STEPS.div_ceil(per_epoch).clamp(3, 40);
        (epochs, format!("{} of training, {per_epoch} an epoch", steps(epochs * per_epoch)))
    })
}

/// The new head alone, then everything, at lower rates for what is pretrained: fastai's.
fn transfer_phases(
    ask: &Settings<Classify>,
    per_epoch: usize,
    choices: &mut Choices,
) -> Vec<Phase> {
    let usual = TRANSFER_STEPS.map(|steps| steps.div_ceil(per_epoch).clamp(2, 12));
    let because = || format!("{} each", steps(per_epoch));
    let epochs = choices.pick_shown(
        "epochs",
        ask.common.epochs,
        || (usual[0], because()),
        |epochs| format!("{epochs} of the new head"),
    );
    let unfrozen = choices.pick_shown(
        "unfreeze_epochs",
        ask.task.image.unfreeze_epochs,
        || (usual[1], because()),
        |epochs| format!("then {epochs} of everything"),
    );
    let lr = choices.pick("lr", ask.common.lr, || {
        (TRANSFER_LR, "of the head; a tenth for everything".to_owned())
    });
    let head = Phase::head("the new head", epochs, LearningRate::Slice(lr).into());
    let rates = LearningRate::Range(lr / 300.0, lr / 10.0);
    Phase::some([head, Phase::whole(unfrozen, rates.into())])
}

#[cfg(test)]
mod tests;
