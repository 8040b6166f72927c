//! Image classification: from one folder a class to a model that tells them apart.

mod decide;

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tinderbox_data::{
    Array, ConvertMode, DataBunch, ImageItems, ImageKind, Inference, Input, LabelKind, Normalize,
    SavedInput, TargetKind,
    batch::Set,
    items::first_folder,
    transform::{Size, Transforms, flip_lr, get_transforms, rand_crop, rand_pad},
};
use tinderbox_interpret::{Cells, plot_top_losses, plot_top_losses_with_heat};
use tinderbox_learn::{Bundle, Learner, metric::accuracy};
use tinderbox_model::{
    arch::ModelSpec,
    weights::{LoadReport, StateDict},
};

use crate::{
    About, Answer, Confidence, Decided, Hinted, InterpretSettings, Interpreted, Job, Plan, Result,
    RunFolder, Scores, Settings, Sources, Split, Task, answer,
    device::device,
    images::{ImageSettings, of_model},
    interpret::{classes, results},
    items::checked,
    plan::{Choices, Start},
};

/// Tells images apart that lie in one folder a class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Classify {
    /// The classes, sorted.
    pub classes: Vec<String>,
    pub split: Split,
    /// 1 for gray images, 3 for color.
    pub channels: usize,
    /// Height and width that the model sees, in pixels.
    pub size: [usize; 2],
    pub augment: Augment,
    pub model: ModelSpec,
    /// Whether training draws all classes as often as the largest.
    pub oversample: bool,
}

/// What a user may say about image classification alone.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ClassifySettings {
    #[serde(flatten)]
    pub image: ImageSettings,

    /// Draw training images so that all classes come as often as the largest: for class imbalance
    #[schemars(extend("x-group" = "Data", "default" = false))]
    pub oversample: Option<bool>,
}

/// The random transforms of training images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Augment {
    /// Padded by so many pixels, then cropped at a random place: the lesson's, for digits.
    Pad { pixels: usize },
    /// Cropped at a random place, flipped half of the time: for photographs.
    CropAndFlip,
    /// fastai's `get_transforms`, for photographs that there are few of.
    All,
}

/// What is wrong with a folder of class folders.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClassifyError {
    #[error("{folder} holds no images of class folders: every image lies directly in it")]
    NoClassFolders { folder: std::path::PathBuf },

    #[error("{folder} has one class only, `{class}`: there is nothing to tell apart")]
    OneClass { folder: std::path::PathBuf, class: String },

    #[error("{folder} has classes that the model does not know: {}", classes.join(", "))]
    UnknownClasses { folder: std::path::PathBuf, classes: Vec<String>, known: Vec<String> },
}

impl Hinted for ClassifyError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoClassFolders { folder } => format!(
                "sort the images into one folder a class: {0}/cat/…, {0}/dog/…; or is {0} one of these folders? then name the one above it",
                folder.display()
            ),
            Self::OneClass { folder, .. } => {
                format!("is {} the folder above the class folders?", folder.display())
            }
            Self::UnknownClasses { known, .. } => format!(
                "the model tells apart {}; name a folder with no other class folders in it",
                known.join(", ")
            ),
        })
    }
}

impl Task for Classify {
    const ABOUT: About = About {
        name: "classify",
        noun: "an image classifier",
        unit: "images",
        metric: "accuracy",
        lower_is_better: false,
        takes_text: false,
        draws: false,
        try_next: "predict {run} image.jpg",
    };

    type Settings = ClassifySettings;

    /// The images of class folders.
    type Found = ImageItems;

    /// Any folder may be one of class folders.
    fn recognizes(source: &Path) -> Confidence {
        match source.is_dir() && ImageItems::from_folder(source).is_ok() {
            true => Confidence::Likely,
            // It is what says best what is wrong with a folder.
            false => Confidence::Maybe,
        }
    }

    fn decide(
        ask: &Settings<Self>,
        data: &Sources,
        choices: &mut Choices,
        job: &Job,
    ) -> Result<(Decided<Self>, ImageItems)> {
        decide::decide(ask, data, choices, job)
    }

    fn find(plan: &Plan<Self>, _: &RunFolder, _: &Job) -> Result<ImageItems> {
        Ok(ImageItems::from_folder(plan.data.need("data")?)?)
    }

    fn data(plan: &Plan<Self>, found: ImageItems, job: &Job) -> Result<DataBunch> {
        let Self { split, channels, size, augment, oversample, .. } = &plan.task;
        let mode = if *channels == 1 { ConvertMode::L } else { ConvertMode::Rgb };
        let items = found.convert_mode(mode).filter_by_func(|path| split.takes(path));
        let labelled = split.apply(items, plan.seed)?.label_from_folder()?;
        let transforms = match *augment {
            Augment::Pad { pixels } => Transforms::new().train(rand_pad(pixels, *size)),
            Augment::CropAndFlip => Transforms::new().train(rand_crop()).train(flip_lr()),
            Augment::All => get_transforms(),
        };
        // Images that have the size already are left as they are; those to be predicted may have
        // another.
        let transforms = transforms.size(match *size {
            [height, width] if height == width => Size::Square(height),
            [height, width] => Size::Exactly(height, width),
        });
        let data = labelled.transform(transforms)?.batches(plan.batch_options())?;
        let data = checked(data, plan.host.skip_bad, job)?;
        let data = if *oversample { data.oversample()? } else { data };
        Ok(match &plan.start {
            Start::Fresh => data.normalize()?,
            // What the weights were learned with.
            Start::Pretrained(_) | Start::Run { .. } => data.normalize_by(Normalize::imagenet())?,
        })
    }

    fn learner(
        plan: &Plan<Self>,
        data: DataBunch,
        body: Option<StateDict>,
    ) -> Result<(Learner, LoadReport)> {
        let (learner, report) = of_model(data, &plan.task.model, body, &device(plan.host.device)?)?;
        Ok((Self::metrics(learner), report))
    }

    fn metrics(learner: Learner) -> Learner {
        learner.metrics(accuracy)
    }

    fn knows(model: &Bundle) -> bool {
        let inference = &model.manifest.inference;
        matches!(inference.target(), TargetKind::Category { .. })
            && matches!(inference.saved_input(), SavedInput::Image(_))
    }

    fn examples(model: &Bundle, ask: &Settings<Self>, job: &Job) -> Result<DataBunch> {
        let sources = Self::sources(ask);
        let (folder, skip_bad) = (sources.need("data")?, ask.task.image.skip_bad.unwrap_or(0));
        let items = in_class_folders(ImageItems::from_folder(folder)?, job)?;
        check_classes(&items, model.classes())?;
        let SavedInput::Image(ImageKind { mode }) = model.manifest.inference.saved_input() else {
            return Err(crate::validate::other_model(model, Self::ABOUT.noun));
        };
        let classes = Some(model.classes().to_vec());
        let labelled = items
            .convert_mode(*mode)
            .split_all_valid()
            .label_kind(LabelKind::Category(classes))
            .label_from_folder()?;
        let options = ask.batch_options();
        let data = labelled.batches_like(&model.manifest.inference, options)?;
        checked(data, skip_bad, job)
    }

    fn score(learner: &mut Learner) -> Result<Scores> {
        classes::score(learner)
    }

    fn interpret(learner: &mut Learner, settings: &InterpretSettings) -> Result<Interpreted> {
        classes::interpret(learner, settings, |learner, found, matrix, out| {
            let mut pictures = results(learner, matrix, Cells::Counts, out)?;
            let worst = out.join("top_losses.png");
            let draw = if settings.heat { plot_top_losses_with_heat } else { plot_top_losses };
            draw(learner, Set::Valid, found, settings.top_losses)?.save(&worst)?;
            pictures.push(worst);
            Ok(pictures)
        })
    }

    type Prepared = Array;

    fn prepare(inference: &Inference, input: Input<'_>) -> Result<Array> {
        Ok(inference.input(input)?)
    }

    fn answers(model: &Bundle, inputs: Vec<Array>) -> Vec<Result<Answer>> {
        answer::classes(model, inputs)
    }
}

/// The images that lie in class folders; the others are told.
///
/// # Errors
/// [`ClassifyError::NoClassFolders`] if there are none.
fn in_class_folders(items: ImageItems, job: &Job) -> Result<ImageItems> {
    let (all, folder) = (items.len(), items.root().to_owned());
    let items = items.filter_by_func(|path| first_folder(path).is_some());
    match all - items.len() {
        0 => Ok(items),
        _ if items.is_empty() => Err(ClassifyError::NoClassFolders { folder }.into()),
        n => {
            job.warn(format!("skipped {n} of {all} images, which lie in no class folder"));
            Ok(items)
        }
    }
}

/// Fails for images in folders whose names are none of the classes.
fn check_classes(items: &ImageItems, known: &[String]) -> Result<()> {
    let class = |path: &Path| Some(path.parent()?.file_name()?.to_string_lossy().into_owned());
    let found: std::collections::BTreeSet<String> =
        items.relative_paths().filter_map(class).collect();
    let classes: Vec<String> = found.into_iter().filter(|class| !known.contains(class)).collect();
    match classes.is_empty() {
        true => Ok(()),
        false => {
            let (folder, known) = (items.root().to_owned(), known.to_vec());
            Err(ClassifyError::UnknownClasses { folder, classes, known }.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::error::check;

    use super::*;

    #[test]
    fn errors_about_a_folder_say_how_it_should_look() {
        check(
            ClassifyError::NoClassFolders { folder: "d".into() },
            "d holds no images of class folders: every image lies directly in it",
            Some("d/cat/…"),
        );
        check(
            ClassifyError::OneClass { folder: "d".into(), class: "cat".into() },
            "d has one class only, `cat`: there is nothing to tell apart",
            Some("is d the folder above"),
        );
        check(
            ClassifyError::UnknownClasses {
                folder: "d".into(),
                classes: vec!["cow".into(), "ox".into()],
                known: vec!["cat".into(), "dog".into()],
            },
            "d has classes that the model does not know: cow, ox",
            Some("cat, dog"),
        );
    }
}
