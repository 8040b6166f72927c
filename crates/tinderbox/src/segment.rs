//! Image segmentation: from images and masks to a model that predicts the class of each pixel.

mod classes;
mod decide;
mod interpret;
mod layout;
mod names;
mod pairs;
mod predict;
mod seen;
mod turned;
mod values;

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tinderbox_data::{
    Array, DataBunch, ImageItems, ImageKind, Inference, Input, Label, LabelKind, MaskValues,
    Normalize, SavedInput, TargetKind, shell_word,
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

pub(crate) use layout::images_and_masks;
pub use names::{MaskFolder, MaskName};
use pairs::Called;
pub use pairs::Pairs;
pub use predict::predict_mask;

use crate::{
    About, Answer, ClassCount, Common, Confidence, Decided, Draws, Examined, Hinted,
    InterpretSettings, Interpreted, Job, Location, PictureOptions, Plan, Result, RunFolder, Scores,
    Settings, Sources, Split, Task, check,
    device::device,
    error::paths,
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
    /// What the values in masks' files stand for.
    #[serde(default)]
    pub values: MaskValues,
    /// The code whose pixels are ignored: of a class, or of pixels that have no class and are not
    /// learned either.
    pub void: Option<Void>,
    pub split: Split,
    pub model: UnetSpec,
    /// How images are normalized: as for the initial weights; by the first batch if training starts
    /// from scratch.
    pub normalize: Option<Normalize>,
    /// How images are opened.
    #[serde(default)]
    pub kind: ImageKind,
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

    /// Folder with the masks; a mask has the name of its image, alone or with `_mask`, `_gt` or the
    /// like. Masks are images whose pixel values are the codes of classes, or their colors
    #[schemars(extend("x-validate" = true, "x-role" = "source", "x-value" = "DIR", "x-group" = "Masks",
        "x-usual" = "the folder of the images"))]
    pub masks: Option<Location>,

    /// How a mask is called by its image, such as `{name}_v2.png`; `{file}` is the image's name with
    /// its extension
    #[schemars(extend("x-validate" = true, "x-value" = "PATTERN", "x-group" = "Masks",
        "x-usual" = "as data sets usually call them"))]
    pub mask_name: Option<String>,

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
    /// A value in masks without a class: 255, most often.
    NoClass(u16),
}

/// What is wrong with images and masks.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SegmentError {
    #[error("{}", no_masks_text(images, masks, image.as_deref(), mask.as_deref()))]
    NoMasks {
        images: PathBuf,
        masks: PathBuf,
        /// A file of each folder.
        image: Option<PathBuf>,
        mask: Option<PathBuf>,
        /// By which a mask has the name of an image, if there is such a pair.
        pattern: Option<String>,
    },

    #[error("{} has {} masks: {}", image.display(), masks.len(), paths(masks))]
    SeveralMasks {
        image: PathBuf,
        masks: Vec<PathBuf>,
        /// That of one of them.
        pattern: Option<String>,
    },

    #[error("the pattern `{pattern}` does not have the image's name in it once")]
    MaskPattern { pattern: String },

    #[error("{}", unmasked_text(images, *n))]
    Unmasked {
        /// Some of them.
        images: Vec<PathBuf>,
        n: usize,
        /// How many images have one.
        paired: usize,
    },

    #[error(
        "there is no codes.txt in or next to {masks}, which would name the classes of the masks"
    )]
    NoCodes { masks: PathBuf },

    #[error("{file} lists {found}")]
    Codes { file: PathBuf, found: String },

    #[error("{}", one_class_text(class.as_deref(), *ignored))]
    OneClass {
        /// The only one that the training masks have, if they have one.
        class: Option<String>,
        /// The value of pixels that are ignored.
        ignored: Option<u16>,
    },

    #[error("there is no class `{class}` to ignore")]
    NoVoid { class: String, classes: Vec<String> },
}

fn no_masks_text(images: &Path, masks: &Path, image: Option<&Path>, mask: Option<&Path>) -> String {
    let (images, masks) = (images.display(), masks.display());
    let text = format!("no image in {images} has a mask in {masks}");
    match (image, mask) {
        (Some(image), Some(mask)) => {
            let (image, mask) = (image.display(), mask.display());
            format!("{text}: the first image is `{image}`, the first mask is `{mask}`")
        }
        _ => text,
    }
}

fn one_class_text(class: Option<&str>, ignored: Option<u16>) -> String {
    let but = ignored.map_or_else(String::new, |value| format!(", but for those of value {value}"));
    match class {
        Some(class) => format!(
            "all pixels of the training masks are `{class}`{but}: a model would be right whatever it predicts"
        ),
        None => format!("no pixel of the training masks has a class that counts{but}"),
    }
}

fn unmasked_text(images: &[PathBuf], n: usize) -> String {
    let named = paths(images);
    match n {
        1 => format!("{named} has no mask"),
        n if n > images.len() => format!("{n} images have no mask: {named}, …"),
        n => format!("{n} images have no mask: {named}"),
    }
}

impl Hinted for SegmentError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoMasks { pattern: Some(pattern), .. } => {
                format!(
                    "name the form of the masks' names: `--mask-name {}`",
                    shell_word(Path::new(pattern))
                )
            }
            Self::NoMasks { .. } => "masks have the names of their images, alone or with `_mask`, `_gt` or the like; `--mask-name PATTERN` names another form, such as `{name}_v2.png`; subfolders must have the same names".into(),
            Self::SeveralMasks { pattern: Some(pattern), .. } => {
                format!("choose one: `--mask-name {}`", shell_word(Path::new(pattern)))
            }
            Self::SeveralMasks { .. } => "keep one of them".into(),
            Self::MaskPattern { .. } => "`{name}` stands for the image's name, `{file}` for its name with the extension: `--mask-name {name}_mask.png`".into(),
            Self::Unmasked { n, paired, .. } => match n <= paired {
                true => format!("add the masks, remove the images, or skip them: `--skip-bad {n}`"),
                false => "add the masks, or remove the images; if the masks have names of another form: `--mask-name PATTERN`".into(),
            },
            Self::NoCodes { .. } => "create one with one class per line, beginning with code 0; `--codes FILE` names another file".into(),
            Self::Codes { .. } => "it must list at least two classes, each once: a name per line, or `VALUE,NAME`, or a name and its color, such as `road 128 64 128`".into(),
            Self::OneClass { ignored: Some(value), .. } => format!("if {value} is a class, leave `--void {value}` out; with two classes, 0 and another value are enough"),
            Self::OneClass { .. } => "training needs pixels of two classes: check the masks, and that the file of classes has the values that they have".into(),
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
        draws: Draws::Mask,
        try_next: "predict {run} image.jpg --out mask.png",
        words: &[],
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
            (None, None, Some(data)) => match images_and_masks(data.path()) {
                Some(_) => Confidence::Likely,
                None => Confidence::No,
            },
            (None, ..) => Confidence::No,
        }
    }

    fn sources(ask: &Settings<Self>) -> Sources {
        if let (None, None, Some(data)) = (&ask.task.images, &ask.task.masks, &ask.common.data)
            && let Some([images, masks]) = images_and_masks(data.path())
        {
            return Sources::default().with("images", &*images).with("masks", &*masks);
        }
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
        let pairs = Pairs::find(images, masks, Called::Known(&plan.task.mask_name))?;
        pairs.check_unmasked(plan.host.skip_bad)?;
        Ok(pairs)
    }

    fn data(plan: &Plan<Self>, pairs: Pairs, job: &Job) -> Result<DataBunch> {
        let Self { classes, values, void, split, normalize, kind, .. } = &plan.task;
        let (images, _) = folders(&plan.data)?;
        let files = pairs.masks.keys().cloned().collect();
        let items = ImageItems::new(images, files, *kind);
        let split = split.apply(items, plan.seed)?.label_kind(label_kind(classes, *void, values));
        let labelled = split.label_from_func(|path| Label::File(pairs.masks[path].clone()))?;
        let [height, width] = plan.task.size();
        let transforms = get_transforms().size(Size::Exactly(height, width));
        let transformed = labelled.transform(transforms.transform_labels(true))?;
        let data = checked(transformed.batches(plan.batch_options())?, plan.host.skip_bad, job)?;
        seen::check(&data, *void, job)?;
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
        let masks = check::masks::examine(&check::places(data), &plan.task.classes);
        Ok(check::images::of(data, job).and(masks))
    }

    fn knows(model: &Bundle) -> bool {
        matches!(model.manifest.inference.target(), TargetKind::Mask { .. })
    }

    /// The masks' codes are the model's, and so is what does not count, unless another is named.
    fn examples(model: &Bundle, ask: &Settings<Self>, job: &Job) -> Result<DataBunch> {
        let inference = &model.manifest.inference;
        let (TargetKind::Mask { classes, ignore, void, values }, SavedInput::Image(opened)) =
            (inference.target(), inference.saved_input())
        else {
            return Err(crate::validate::other_model(model, Self::ABOUT.noun));
        };
        let sources = Self::sources(ask);
        let (images, masks) = folders(&sources)?;
        let pairs = Pairs::find(images, masks, Called::by(ask.task.mask_name.as_ref()))?;
        let skip_bad = ask.task.image.skip_bad.unwrap_or(0);
        pairs.check_unmasked(skip_bad)?;
        pairs.doubts().into_iter().for_each(|doubt| job.warn(doubt));
        let values = values::again(classes, values, *ignore, &pairs);
        let kind = match &ask.task.void {
            Some(name) => {
                let listed = values::listed(&values);
                label_kind(classes, decide::void(Some(name), classes, listed.as_deref())?, &values)
            }
            None => {
                LabelKind::Mask { classes: classes.clone(), ignore: *ignore, void: *void, values }
            }
        };
        let files = pairs.masks.keys().cloned().collect();
        let items = ImageItems::new(images, files, ask.task.image.kind_like(*opened));
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

    fn answers(
        model: &Bundle,
        inputs: Vec<Self::Prepared>,
        _: &PictureOptions,
    ) -> Vec<Result<Answer>> {
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

fn label_kind(classes: &[String], void: Option<Void>, values: &MaskValues) -> LabelKind {
    let void_class = match void {
        Some(Void::Class(code)) => Some(code),
        Some(Void::NoClass(_)) | None => None,
    };
    let mut values = values.clone();
    let ignore = void.and_then(Void::without_class).map(|value| {
        // The code of pixels without a class is that of none.
        let code = if usize::from(value) < classes.len() { u16::MAX } else { value };
        match &mut values {
            MaskValues::Codes => {}
            MaskValues::Values(values) => values.push((value, code)),
            MaskValues::Colors(colors) => {
                let gray = u8::try_from(value).ok().map(|shade| [shade; 3]);
                let new = gray.filter(|gray| colors.iter().all(|(color, _)| color != gray));
                colors.extend(new.map(|color| (color, code)));
            }
        }
        code
    });
    LabelKind::Mask { classes: classes.to_vec(), ignore, void: void_class, values }
}

#[cfg(test)]
mod tests {
    use crate::error::check;

    use super::*;

    #[test]
    fn errors_about_masks_say_what_to_do() {
        let none = |file: Option<&str>, pattern: Option<&str>| SegmentError::NoMasks {
            images: "i".into(),
            masks: "m".into(),
            image: file.map(PathBuf::from),
            mask: file.map(PathBuf::from),
            pattern: pattern.map(str::to_owned),
        };
        check(none(None, None), "no image in i has a mask in m", Some("`--mask-name PATTERN`"));
        check(
            none(Some("a.png"), Some("{name}_x.png")),
            "no image in i has a mask in m: the first image is `a.png`, the first mask is `a.png`",
            Some("`--mask-name '{name}_x.png'`"),
        );
        check(
            SegmentError::SeveralMasks {
                image: "a.png".into(),
                masks: vec!["m/a.png".into(), "m/a_gt.png".into()],
                pattern: Some("{name}_gt.png".into()),
            },
            "a.png has 2 masks: m/a.png, m/a_gt.png",
            Some("choose one: `--mask-name '{name}_gt.png'`"),
        );
        check(
            SegmentError::MaskPattern { pattern: "mask.png".into() },
            "the pattern `mask.png` does not have the image's name in it once",
            Some("`{name}` stands for"),
        );
        let unmasked = |n: usize, named: usize| {
            let images = (0..named).map(|n| format!("{n}.jpg").into()).collect();
            SegmentError::Unmasked { images, n, paired: 5 }
        };
        check(unmasked(1, 1), "0.jpg has no mask", Some("`--skip-bad 1`"));
        check(unmasked(2, 2), "2 images have no mask: 0.jpg, 1.jpg", Some("add the masks"));
        check(unmasked(9, 2), "9 images have no mask: 0.jpg, 1.jpg, …", Some("--mask-name"));
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
        check(
            SegmentError::OneClass { class: Some("sea".into()), ignored: Some(255) },
            "all pixels of the training masks are `sea`, but for those of value 255: a model would \
             be right whatever it predicts",
            Some("leave `--void 255` out"),
        );
        check(
            SegmentError::OneClass { class: None, ignored: None },
            "no pixel of the training masks has a class that counts",
            Some("two classes"),
        );
        let classes = vec!["Road".into(), "Car".into()];
        check(
            SegmentError::NoVoid { class: "Void".into(), classes },
            "there is no class `Void` to ignore",
            Some("the classes are Road, Car"),
        );
    }
}
