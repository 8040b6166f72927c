//! Image segmentation: from images and masks to a model that predicts the class of each pixel.

mod decide;
mod interpret;
mod pairs;
mod predict;

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tinderbox_data::{
    Array, DataBunch, ImageItems, ImageKind, Inference, Input, Label, LabelKind, Normalize,
    TargetKind,
    transform::{Size, get_transforms},
};
use tinderbox_learn::{
    Bundle, Learner,
    metric::{MeanIou, PixelAccuracy},
};
use tinderbox_model::{
    arch::UnetSpec,
    weights::{LoadReport, StateDict},
};

pub use pairs::{MaskName, Pairs};
pub use predict::predict_mask;

use crate::{
    About, Answer, ClassCount, Common, Confidence, Decided, Examined, Hinted, InterpretSettings,
    Interpreted, Job, Location, Plan, Result, RunFolder, Scores, Settings, Sources, Split, Task,
    check,
    device::device,
    images::{ImageSettings, of_model},
    items::checked,
    plan::Choices,
    settings::unused,
};

/// Predicts the class of each pixel of an image: a U-Net.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    pub mask_name: MaskName,
    /// The classes, in the order of their codes.
    pub classes: Vec<String>,
    /// The code whose pixels are ignored: of a class, or of pixels that have no class and are not
    /// learned either.
    pub void: Option<Void>,
    pub split: Split,
    pub model: UnetSpec,
    /// How images are normalized: as for the initial weights; by the first batch if training starts
    /// from scratch.
    pub normalize: Option<Normalize>,
}

/// The settings of image segmentation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SegmentSettings {
    #[serde(flatten)]
    pub image: ImageSettings,

    /// Folder with the images, subfolders included: those that the table lists, or those that the
    /// masks belong to
    #[schemars(extend("x-validate" = true, "x-role" = "source", "x-value" = "DIR", "x-group" = "Data",
        "x-instead-of" = "data", "x-usual" = "the folder of the table, or the data"))]
    pub images: Option<Location>,

    /// Folder with the masks; a mask has the name of its image, alone or followed by `_P`, `_mask`
    /// or the like. Masks are gray images whose pixel values are the codes of classes
    #[schemars(extend("x-validate" = true, "x-role" = "source", "x-value" = "DIR", "x-group" = "Masks",
        "x-usual" = "the folder of the images"))]
    pub masks: Option<Location>,

    /// File that lists the classes, one per line, beginning with code 0
    #[schemars(extend("x-value" = "FILE", "x-group" = "Masks",
        "x-usual" = "codes.txt in or beside the folders"))]
    pub codes: Option<Location>,

    /// Class whose pixels the metrics ignore, or a code without a class, such as 255, whose pixels
    /// are not learned either; `none` to count all pixels
    #[schemars(extend("x-validate" = true, "x-value" = "CLASS", "x-group" = "Masks",
        "x-usual" = "the class called void, unlabelled or ignore"))]
    pub void: Option<String>,
}

/// What metrics ignore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Void {
    /// A class by its code, which is learned as any other.
    Class(u16),
    /// A code without a class: 255, most often.
    NoClass(u16),
}

/// What is wrong with images and masks.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SegmentError {
    #[error("no image in {images} has a mask in {masks}")]
    NoMasks { images: PathBuf, masks: PathBuf },

    #[error("{}", unmasked_text(images, *n))]
    Unmasked {
        /// Some of them.
        images: Vec<PathBuf>,
        n: usize,
    },

    #[error(
        "there is no codes.txt in or next to {masks}, which would name the classes of the masks"
    )]
    NoCodes { masks: PathBuf },

    #[error("{file} lists {found}")]
    Codes { file: PathBuf, found: String },

    #[error("there is no class `{class}` to ignore")]
    NoVoid { class: String, classes: Vec<String> },
}

fn unmasked_text(images: &[PathBuf], n: usize) -> String {
    let named: Vec<String> = images.iter().map(|image| image.display().to_string()).collect();
    let named = named.join(", ");
    match n {
        1 => format!("{named} has no mask"),
        n if n > images.len() => format!("{n} images have no mask: {named}, …"),
        n => format!("{n} images have no mask: {named}"),
    }
}

impl Hinted for SegmentError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoMasks { .. } => "masks have the names of their images: 7.png for 7.jpg, or 7_P.png, 7_mask.png; subfolders must have the same names".into(),
            Self::Unmasked { .. } => "add the masks, remove the images, or skip up to N of them: `--skip-bad N`".into(),
            Self::NoCodes { .. } => "create one with one class per line, beginning with code 0; `--codes FILE` names another file".into(),
            Self::Codes { .. } => "it must list at least two classes, one per line, each once".into(),
            Self::NoVoid { classes, .. } => format!("the classes are {}", classes.join(", ")),
        })
    }
}

impl Task for Segment {
    const ABOUT: About = About {
        name: "segment",
        noun: "an image segmentation model",
        unit: "images",
        metric: "mean_iou",
        lower_is_better: false,
        takes_text: false,
        draws: true,
        try_next: "predict {run} image.jpg --out mask.png",
    };

    type Settings = SegmentSettings;

    /// Which mask is which image's.
    type Found = Pairs;

    /// Masks are named by a setting of their own, unless they lie beside the images.
    fn recognizes(ask: &Settings<Self>) -> Confidence {
        let Common { data, .. } = &ask.common;
        match (&ask.task.masks, &ask.task.images, data) {
            (Some(_), ..) => Confidence::Likely,
            (None, Some(_), None) => Confidence::Maybe,
            (None, ..) => Confidence::No,
        }
    }

    fn sources(ask: &Settings<Self>) -> Sources {
        let images = ask.task.images.as_ref().or(ask.common.data.as_ref()).map(Location::path);
        let masks = ask.task.masks.as_ref().map(Location::path);
        Sources::default().with("images", images).with("masks", masks)
    }

    fn decide(
        ask: &Settings<Self>,
        data: &Sources,
        choices: &mut Choices,
        job: &Job,
    ) -> Result<(Decided<Self>, Pairs)> {
        if ask.task.images.is_some() {
            unused("data", ask.common.data.as_ref(), "`--images` names the folder of the images")?;
        }
        decide::decide(ask, data, choices, job)
    }

    fn find(plan: &Plan<Self>, _: &RunFolder, _: &Job) -> Result<Pairs> {
        let (images, masks) = folders(&plan.data)?;
        let pairs = Pairs::find(images, masks, Some(&plan.task.mask_name))?;
        pairs.check_unmasked(plan.host.skip_bad)?;
        Ok(pairs)
    }

    fn data(plan: &Plan<Self>, pairs: Pairs, job: &Job) -> Result<DataBunch> {
        let Self { classes, void, split, normalize, .. } = &plan.task;
        let (images, _) = folders(&plan.data)?;
        let files = pairs.masks.keys().cloned().collect();
        let items = ImageItems::new(images, files, ImageKind::default());
        let split = split.apply(items, plan.seed)?.label_kind(label_kind(classes, *void));
        let labelled = split.label_from_func(|path| Label::File(pairs.masks[path].clone()))?;
        let [height, width] = plan.task.size();
        let transforms = get_transforms().size(Size::Exactly(height, width));
        let transformed = labelled.transform(transforms.transform_labels(true))?;
        let data = checked(transformed.batches(plan.batch_options())?, plan.host.skip_bad, job)?;
        Ok(match normalize {
            Some(normalize) => data.normalize_by(normalize.clone())?,
            None => data.normalize()?,
        })
    }

    fn learner(
        plan: &Plan<Self>,
        data: DataBunch,
        body: Option<StateDict>,
    ) -> Result<(Learner, LoadReport)> {
        let spec = plan.task.model.clone().into();
        let (learner, report) = of_model(data, &spec, body, &device(plan.host.device)?)?;
        Ok((Self::metrics(learner), report))
    }

    fn metrics(learner: Learner) -> Learner {
        let void = learner.data().target().uncounted().map(i64::from);
        let accuracy = PixelAccuracy::new(void).of_all_pixels().named("accuracy");
        learner.metrics((accuracy, MeanIou::new(void)))
    }

    fn counts(data: &DataBunch) -> Result<Vec<ClassCount>> {
        interpret::counts(data)
    }

    fn examine(plan: &Plan<Self>, data: &DataBunch, job: &Job) -> Result<Examined> {
        let places = check::places(data);
        let masks = check::masks::examine(&places, &plan.task.classes);
        Ok(check::images::examine(&places, job).and(masks))
    }

    fn knows(model: &Bundle) -> bool {
        matches!(model.manifest.inference.target(), TargetKind::Mask { .. })
    }

    /// The masks' codes are the model's, and so is what does not count, unless another is named.
    fn examples(model: &Bundle, ask: &Settings<Self>, job: &Job) -> Result<DataBunch> {
        let inference = &model.manifest.inference;
        let TargetKind::Mask { classes, ignore, void } = inference.target() else {
            return Err(crate::validate::other_model(model, Self::ABOUT.noun));
        };
        let sources = Self::sources(ask);
        let (images, masks) = folders(&sources)?;
        let pairs = Pairs::find(images, masks, None)?;
        let skip_bad = ask.task.image.skip_bad.unwrap_or(0);
        pairs.check_unmasked(skip_bad)?;
        pairs.doubts().into_iter().for_each(|doubt| job.warn(doubt));
        let kind = match &ask.task.void {
            Some(name) => label_kind(classes, decide::void(Some(name), classes)?),
            None => LabelKind::Mask { classes: classes.clone(), ignore: *ignore, void: *void },
        };
        let files = pairs.masks.keys().cloned().collect();
        let items = ImageItems::new(images, files, ImageKind::default());
        let labelled = items
            .split_all_valid()
            .label_kind(kind)
            .label_from_func(|path| Label::File(pairs.masks[path].clone()))?;
        let data = labelled.batches_like(inference, ask.batch_options())?;
        checked(data, skip_bad, job)
    }

    fn score(learner: &mut Learner) -> Result<Scores> {
        interpret::score(learner)
    }

    fn interpret(learner: &mut Learner, settings: &InterpretSettings) -> Result<Interpreted> {
        interpret::interpret(learner, settings.without_heat::<Self>()?)
    }

    /// With the image's own height and width, which its mask has.
    type Prepared = (Array, [usize; 2]);

    fn prepare(inference: &Inference, input: Input<'_>) -> Result<Self::Prepared> {
        predict::prepare(inference, input)
    }

    fn answers(model: &Bundle, inputs: Vec<Self::Prepared>) -> Vec<Result<Answer>> {
        predict::masks(model, inputs).into_iter().map(|mask| mask.map(Answer::Mask)).collect()
    }
}

impl Segment {
    /// Height and width that the model sees.
    pub fn size(&self) -> [usize; 2] {
        self.model.unet.size
    }
}

/// Where images and masks are, which may be one folder.
fn folders(data: &Sources) -> Result<(&Path, &Path)> {
    let images = data.need("images")?;
    Ok((images, data.get("masks").unwrap_or(images)))
}

fn label_kind(classes: &[String], void: Option<Void>) -> LabelKind {
    let (ignore, void) = match void {
        Some(Void::NoClass(code)) => (Some(code), None),
        Some(Void::Class(code)) => (None, Some(code)),
        None => (None, None),
    };
    LabelKind::Mask { classes: classes.to_vec(), ignore, void }
}

#[cfg(test)]
mod tests {
    use crate::error::check;

    use super::*;

    #[test]
    fn errors_about_masks_say_what_to_do() {
        check(
            SegmentError::NoMasks { images: "i".into(), masks: "m".into() },
            "no image in i has a mask in m",
            Some("7_mask.png"),
        );
        let unmasked = |n: usize, named: usize| {
            let images = (0..named).map(|n| format!("{n}.jpg").into()).collect();
            SegmentError::Unmasked { images, n }
        };
        check(unmasked(1, 1), "0.jpg has no mask", Some("--skip-bad N"));
        check(unmasked(2, 2), "2 images have no mask: 0.jpg, 1.jpg", Some("add the masks"));
        check(unmasked(9, 2), "9 images have no mask: 0.jpg, 1.jpg, …", Some("add the masks"));
        check(
            SegmentError::NoCodes { masks: "m".into() },
            "there is no codes.txt in or next to m, which would name the classes of the masks",
            Some("`--codes FILE`"),
        );
        check(
            SegmentError::Codes { file: "codes.txt".into(), found: "only one class".into() },
            "codes.txt lists only one class",
            Some("at least two classes"),
        );
        let classes = vec!["Road".into(), "Car".into()];
        check(
            SegmentError::NoVoid { class: "Void".into(), classes },
            "there is no class `Void` to ignore",
            Some("the classes are Road, Car"),
        );
    }
}
