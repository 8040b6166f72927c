//! The settings of image segmentation that are inferred from the folders.

use std::path::{Path, PathBuf};

use tinderbox_data::{ImageItems, ImageKind, Normalize};
use tinderbox_learn::{
    Bundle,
    schedule::{LearningRate, OneCycle},
};
use tinderbox_model::arch::{BodySpec, ModelSpec, UnetConfig, UnetSpec, find};

use super::{
    Called, Pairs, Segment, SegmentError, Void,
    classes::Classes,
    folders, turned,
    values::{self, Meaning, meaning},
};
use crate::{
    Decided, ImageSize, Job, Location, Phase, Result, Settings, Sources, Task,
    images::{AUGMENTED, ImageSettings, pixels, unet_on},
    open_model,
    plan::{Choices, FitPlan, Start, Take, batch_size, phases::steps, survey::Survey},
    weights::Pretrained,
};

pub(super) fn decide(
    ask: &Settings<Segment>,
    data: &Sources,
    choices: &mut Choices,
    job: &Job,
) -> Result<(Decided<Segment>, Pairs)> {
    let (common, image, mask) = (&ask.common, &ask.task.image, &ask.task);
    let from = image.from.as_ref().map(|run| open_model(run.path())).transpose()?;
    if from.is_some() {
        image.check_from()?;
    }
    let (images, masks) = folders(data)?;
    let pairs = Pairs::find(images, masks, Called::by(mask.mask_name.as_ref()))?;
    choices.keep("mask_name", &mask.mask_name);
    let n_pairs = pairs.masks.len();
    choices.tell("masks", pairs.describe(), format!("{n_pairs} images have a mask"));
    pairs.check_unmasked(image.skip_bad.unwrap_or(0))?;
    pairs.doubts().into_iter().for_each(|doubt| choices.warn(doubt));
    let files: Vec<&Path> = pairs.masks.values().map(PathBuf::as_path).collect();
    let sample = values::sample(&files);
    let are_colored = values::are_colored(&sample);
    let listed = Classes::find(mask.codes.as_ref(), images, masks, are_colored)?;
    let classes = listed.names.clone();
    choices.tell("classes", shown_classes(&classes), listed.file.display().to_string());
    choices.keep("codes", &Location::from(&listed.file));
    listed.doubts.iter().for_each(|doubt| choices.warn(doubt.clone()));
    let void = pick_void(mask.void.as_deref(), &listed, choices)?;
    let without_class = void.and_then(Void::without_class);
    let Meaning { values, shown } = meaning(&listed, &files, sample, without_class);
    if let Some([shown, because]) = shown {
        choices.tell("mask values", shown, because);
    }
    turned::warn(images, &pairs, choices);

    let files = pairs.masks.keys().cloned().collect();
    let survey = Survey::of(&ImageItems::new(images, files, image.kind()));
    let split = survey.split(common.valid.as_ref(), n_pairs, choices)?;
    let n_train = survey.n_train(&split);
    let size = size(image.size, &survey, choices);
    choices.tell("augmentation", AUGMENTED, "applied to images and masks alike");
    let (model, start) = match (&image.from, &from) {
        (Some(run), Some(from)) => continued(run, from, &classes, size, choices)?,
        _ => fresh(image, classes.len(), size, choices, job)?,
    };
    let batch_size = batch_size(common.batch_size, n_train, size, choices)?;
    let exact_conv = choices.quiet("exact_conv", image.exact_conv, false);
    choices.keep("from", &image.from);
    // As what was learned before has seen them.
    let normalize = match (&start, &from) {
        (Start::Fresh, _) => None,
        (_, Some(from)) => from.manifest.inference.normalization().cloned(),
        (_, None) => Some(Normalize::imagenet()),
    };
    let phases = phases(ask, start != Start::Fresh, n_train / batch_size, choices);
    let fit = FitPlan { exact_conv, ..FitPlan::new(phases, batch_size) };
    let mask_name = pairs.name.clone();
    choices.keep("max_pixels", &image.max_pixels);
    let bits = image.bits(&survey, from.as_ref(), choices);
    let kind = ImageKind { bits, ..image.kind() };
    let task = Segment { mask_name, classes, values, void, split, model, normalize, kind };
    Ok((Decided { task, start, fit }, pairs))
}

fn shown_classes(classes: &[String]) -> String {
    const SHOWN: usize = 12;
    let named = classes.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match classes.len() {
        n @ ..=SHOWN => format!("{n}: {named}"),
        n => format!("{n}: {named}, …"),
    }
}

fn pick_void(asked: Option<&str>, listed: &Classes, choices: &mut Choices) -> Result<Option<Void>> {
    let classes = &listed.names;
    let void = void(asked, classes, listed.values.as_deref())?;
    let setting = void.map_or_else(|| NO_VOID.to_owned(), |void| void.as_setting(classes));
    choices.keep("void", &setting);
    let shown = match void {
        Some(Void::Class(code)) => classes[usize::from(code)].clone(),
        Some(Void::NoClass(value)) => format!("pixels of value {value}"),
        None => "none; all pixels count".into(),
    };
    match (asked, void) {
        (Some(_), _) => choices.tell("void", shown, crate::plan::ASKED),
        (None, Some(_)) => choices.tell("void", shown, "ignored by the metrics"),
        (None, None) => {}
    }
    Ok(void)
}

/// What is not counted: what was asked for, or the class that is called so. The classes have these
/// values in masks, or those of their order.
pub(super) fn void(
    asked: Option<&str>,
    classes: &[String],
    values: Option<&[u16]>,
) -> Result<Option<Void>> {
    const USUAL: [&str; 4] = ["void", "unlabelled", "unlabeled", "ignore"];
    let class = |name: &str| {
        let code = classes.iter().position(|class| class.eq_ignore_ascii_case(name))?;
        Some(Void::Class(code as u16))
    };
    let number = |name: &str| {
        let value = name.parse::<u16>().ok()?;
        let code = match values {
            Some(values) => values.iter().position(|of_class| *of_class == value),
            None => Some(usize::from(value)).filter(|code| *code < classes.len()),
        };
        Some(code.map_or(Void::NoClass(value), |code| Void::Class(code as u16)))
    };
    match asked {
        None => Ok(USUAL.into_iter().find_map(class)),
        Some(name) => match (class(name).or_else(|| number(name)), name) {
            (Some(void), _) => Ok(Some(void)),
            (None, NO_VOID) => Ok(None),
            (None, name) => {
                let (class, classes) = (name.to_owned(), classes.to_vec());
                Err(SegmentError::NoVoid { class, classes }.into())
            }
        },
    }
}

/// What the setting says where all pixels count.
const NO_VOID: &str = "none";

impl Void {
    /// As the setting would say it.
    fn as_setting(self, classes: &[String]) -> String {
        match self {
            Self::Class(code) => classes[usize::from(code)].clone(),
            Self::NoClass(value) => value.to_string(),
        }
    }

    /// The value of pixels without a class.
    pub(super) fn without_class(self) -> Option<u16> {
        match self {
            Self::NoClass(value) => Some(value),
            Self::Class(_) => None,
        }
    }
}

/// Images of about this many pixels train on a CPU in reasonable time.
const PIXELS: f64 = 180.0 * 240.0;

/// What the bodies take.
const LEAST_SIDE: usize = 32;

fn size(asked: Option<ImageSize>, survey: &Survey, choices: &mut Choices) -> [usize; 2] {
    const BECAUSE: &str = "trains on a CPU; fine-tune at a larger size with `--from` and `--size`";
    let usual = || match survey.one_size() {
        Some(size) => {
            let all = (size[0] * size[1]) as f64;
            let by = (PIXELS / all).sqrt().min(1.0);
            let size = size.map(|side| ((side as f64 * by).round() as usize).max(LEAST_SIDE));
            (ImageSize(size), BECAUSE.to_owned())
        }
        None => {
            let side = (PIXELS.sqrt() as usize).min(survey.shorter_side()).max(LEAST_SIDE);
            let because =
                format!("the images have several sizes and are squished to one, which {BECAUSE}");
            (ImageSize([side; 2]), because)
        }
    };
    choices.pick_shown("size", asked, usual, |size| pixels(size.0)).0
}

/// The U-Net of a run to start from, for images of this size. If it has learned other classes, its last
/// layer is new.
fn continued(
    run: &Location,
    from: &Bundle,
    classes: &[String],
    size: [usize; 2],
    choices: &mut Choices,
) -> Result<(UnetSpec, Start)> {
    let ModelSpec::Unet(spec) = &from.manifest.arch else {
        return Err(crate::validate::other_model(from, Segment::ABOUT.noun));
    };
    choices.keep("arch", &None::<String>);
    choices.keep("until", &None::<String>);
    choices.keep("pretrained", &None::<Pretrained>);
    choices.tell(
        "network",
        unet_on(&spec.body.arch, spec.body.until.as_deref()),
        "as in the run to start from",
    );
    let (take, because) = match from.classes() == classes {
        true => (Take::All, "all of its weights"),
        false => (Take::Body, "its weights; the classes differ, so the last layer is new"),
    };
    choices.tell("from", run.to_string(), because);
    let unet = UnetConfig { size, classes: classes.len(), ..spec.unet.clone() };
    let start = Start::Run { path: run.path().to_owned(), take };
    Ok((UnetSpec { unet, ..spec.clone() }, start))
}

/// A U-Net on a pretrained body, if there are weights for one.
fn fresh(
    image: &ImageSettings,
    classes: usize,
    size: [usize; 2],
    choices: &mut Choices,
    job: &Job,
) -> Result<(UnetSpec, Start)> {
    const USUAL: &str = "resnet34";
    let until = image.until.clone();
    choices.keep("until", &until);
    let show = |name: &String| unet_on(name, until.as_deref());
    let (arch, file) =
        image.arch_and_weights(&[USUAL], (USUAL, "the lesson's"), show, choices, job)?;
    let body = BodySpec { until: until.clone(), ..BodySpec::new(find(&arch)?.name)? };
    let unet = UnetConfig { bottle: true, ..UnetConfig::new(classes, size) };
    Ok((UnetSpec { body, unet }, file.map_or(Start::Fresh, Start::Pretrained)))
}

/// The lesson's, for images of [`PIXELS`]; fewer for larger ones, whose maps take more memory.
fn batch_size(
    asked: Option<usize>,
    n_train: usize,
    [height, width]: [usize; 2],
    choices: &mut Choices,
) -> Result<usize> {
    batch_size::check(asked, n_train, "image")?;
    Ok(choices.pick("batch_size", asked, || {
        let fits = (8.0 * PIXELS / (height * width) as f64) as usize;
        let size = fits.clamp(2, 8).min((n_train / 8).max(2)).min(n_train);
        (size, format!("for {n_train} training images of this size"))
    }))
}

/// The lesson's rate.
const LR: f64 = 2e-3;
/// That of its run at full size, which goes on from one that is trained.
const LR_FROM: f64 = 1e-3;
/// About this many steps of training are planned for in each fit.
const STEPS: usize = 450;

fn phases(
    ask: &Settings<Segment>,
    pretrained: bool,
    per_epoch: usize,
    choices: &mut Choices,
) -> Vec<Phase> {
    let from = ask.task.image.from.is_some();
    let usual = STEPS.div_ceil(per_epoch.max(1)).clamp(3, 10);
    let because = || format!("{} per epoch", steps(per_epoch));
    let whole = if pretrained { "the decoder" } else { "the whole network" };
    let epochs = choices.pick_shown(
        "epochs",
        ask.common.epochs,
        || (usual, because()),
        |epochs| format!("{epochs} for {whole}"),
    );
    let unfrozen = choices.pick_shown(
        "unfreeze_epochs",
        ask.task.image.unfreeze_epochs,
        || match pretrained {
            true => (usual + usual / 5, because()),
            false => (0, String::new()),
        },
        |epochs| format!("then {epochs} for the whole network"),
    );
    let lr = choices
        .pick("lr", ask.common.lr, || (if from { LR_FROM } else { LR }, "the lesson's".to_owned()));
    let cycle = |lr_max, pct_start| OneCycle { lr_max, pct_start, ..OneCycle::default() };
    if !pretrained {
        return vec![Phase::whole(epochs + unfrozen, cycle(LearningRate::One(lr), 0.8))];
    }
    let head = Phase::head("the decoder", epochs, cycle(LearningRate::Slice(lr), 0.8));
    // What is trained already is only finished.
    let all = match from {
        true => cycle(LearningRate::Range(lr / 1000.0, lr / 10.0), 0.3),
        false => cycle(LearningRate::Range(lr / 100.0, lr), 0.8),
    };
    Phase::some([head, Phase::whole(unfrozen, all)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn void_is_a_class_a_code_or_nothing() {
        let classes = ["Road", "Void"].map(String::from);
        let of = |asked| void(asked, &classes, None).unwrap();
        assert_eq!(of(None), Some(Void::Class(1)));
        assert_eq!(of(Some("road")), Some(Void::Class(0)));
        assert_eq!(
            (of(Some("0")), of(Some("255"))),
            (Some(Void::Class(0)), Some(Void::NoClass(255)))
        );
        assert_eq!(of(Some("none")), None);
        assert!(void(Some("Sky"), &classes, None).is_err());
        let by_value = |asked| void(Some(asked), &classes, Some(&[7, 26])).unwrap();
        assert_eq!((by_value("26"), by_value("1")), (Some(Void::Class(1)), Some(Void::NoClass(1))));
        for setting in ["Void", "255"] {
            assert_eq!(of(Some(setting)).unwrap().as_setting(&classes), setting);
        }
    }
}
