//! Image classification: from one folder per class, or a table of labels, to a classifier.

mod decide;

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tinderbox_data::{
    Array, DataBunch, ImageItems, ImageKind, Inference, Input, LabelKind, Labelled, SavedInput,
    TargetKind,
    items::{Table, first_folder},
};
use tinderbox_interpret::Cells;
use tinderbox_learn::{
    Bundle, Learner,
    metric::{self, FbetaOptions, IntoMetrics, Metric, accuracy, accuracy_thresh, fbeta},
};
use tinderbox_model::{
    AnyTensor,
    arch::ModelSpec,
    weights::{LoadReport, StateDict},
};

use crate::{
    About, Answer, ClassCount, Confidence, Decided, Draws, Hinted, InterpretSettings, Interpreted,
    Job, PictureOptions, Plan, Result, RunFolder, Scores, Settings, Sources, Split, Task, answer,
    device::device,
    images::{
        ImageInput, ImageSettings, LabelSource, LabelTable, TableSettings, of_model,
        table::{self, Learned, Listed},
    },
    interpret::{classes, labels, results},
    items::{self, checked},
    plan::{
        Choices,
        class_folders::{ClassFolders, known_class},
        survey::skipped,
    },
    segment::images_and_masks,
};

/// Classifies images, by class folders or a table of labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Classify {
    /// The classes, sorted.
    pub classes: Vec<String>,
    /// The probability above which a class is predicted, if an image may have several classes;
    /// `None` if it has one.
    pub threshold: Option<f32>,
    pub labels: LabelSource,
    /// The folder that the class folders lie in, below the data, where they lie in none of a set; empty
    /// for the data itself.
    #[serde(default)]
    pub within: String,
    pub split: Split,
    pub input: ImageInput,
    pub model: ModelSpec,
    /// Whether smaller classes are oversampled to the size of the largest.
    pub oversample: bool,
}

/// The settings of image classification.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ClassifySettings {
    #[serde(flatten)]
    pub image: ImageSettings,

    #[serde(flatten)]
    pub table: TableSettings,

    /// Probability above which a class is predicted, where an image may have several
    #[schemars(range(max = 1.0), extend("exclusiveMinimum" = 0, "x-value" = "P", "x-group" = "Data",
        "x-usual" = "0.5"))]
    pub threshold: Option<f32>,

    /// Oversample the smaller classes until all are as frequent as the largest: for class imbalance
    #[schemars(extend("x-group" = "Data", "default" = false))]
    pub oversample: Option<bool>,
}

/// What is wrong with a folder of class folders.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClassifyError {
    #[error("{folder} has no class folders: every image is directly in it")]
    NoClassFolders { folder: std::path::PathBuf },

    #[error("{folder} has only one class, `{class}`, but a classifier needs at least two")]
    OneClass { folder: std::path::PathBuf, class: String },

    #[error("{folder} has classes that the model does not know: {}", classes.join(", "))]
    UnknownClasses { folder: std::path::PathBuf, classes: Vec<String>, known: Vec<String> },
}

impl Hinted for ClassifyError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoClassFolders { folder } => format!(
                "sort the images into one folder per class: {0}/cat/…, {0}/dog/…; or, if {0} is such a folder, name the one above it",
                folder.display()
            ),
            Self::OneClass { folder, .. } => {
                format!("is {} the folder above the class folders?", folder.display())
            }
            Self::UnknownClasses { known, .. } => format!(
                "the model knows {}; name a folder that has no other class folders",
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
        draws: Draws::Nothing,
        try_next: "predict {run} image.jpg",
        words: &[],
    };

    type Settings = ClassifySettings;

    /// The images that have labels.
    type Found = ImageItems;

    /// Any folder without masks may be one of class folders; a table must name images.
    fn recognizes(ask: &Settings<Self>) -> Confidence {
        let data = Self::sources(ask);
        let Some(source) = data.get("data") else { return Confidence::No };
        if Table::is_one(source) {
            return table::recognizes(
                &data,
                table::Asked::of(&ask.common, &ask.task.table),
                Learned::Classes,
            );
        }
        let has_images = source.is_dir() && ImageItems::from_folder(source).is_ok();
        match has_images && images_and_masks(source).is_none() {
            true => Confidence::Likely,
            // It is what says best what is wrong with a folder.
            false => Confidence::Maybe,
        }
    }

    fn sources(ask: &Settings<Self>) -> Sources {
        table::sources(ask, &ask.task.table)
    }

    fn decide(
        ask: &Settings<Self>,
        data: &Sources,
        choices: &mut Choices,
        job: &Job,
    ) -> Result<(Decided<Self>, ImageItems)> {
        decide::decide(ask, data, choices, job)
    }

    fn find(plan: &Plan<Self>, _: &RunFolder, job: &Job) -> Result<ImageItems> {
        match &plan.task.labels {
            LabelSource::Folders => Ok(ImageItems::from_folder(plan.data.need("data")?)?),
            LabelSource::Table(columns) => {
                Ok(Listed::again(&plan.data, columns)?.check(plan.host.skip_bad, job)?.items)
            }
        }
    }

    fn data(plan: &Plan<Self>, found: ImageItems, job: &Job) -> Result<DataBunch> {
        let Self { labels, within, split, input, oversample, threshold, .. } = &plan.task;
        let items = found.open_as(input.kind());
        let labelled = match labels {
            LabelSource::Folders => ClassFolders::label(split, within, items, plan.seed)?,
            LabelSource::Table(columns) => {
                label(columns, split.apply(items, plan.seed)?, *threshold, None)?
            }
        };
        let data = input.batches(labelled, plan, job)?;
        let data = if *oversample { data.oversample()? } else { data };
        input.normalized(data)
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
        match learner.data().target() {
            TargetKind::MultiCategory { threshold, .. } => {
                let metrics = several_metrics(*threshold, metric::Scores::Logits);
                learner.metrics(metrics)
            }
            _ => learner.metrics(accuracy),
        }
    }

    /// Of images with several labels, each label counts.
    fn counts(data: &DataBunch) -> Result<Vec<ClassCount>> {
        let several = matches!(data.target(), TargetKind::MultiCategory { .. });
        Ok(items::counts(data, several.then_some(';')))
    }

    fn knows(model: &Bundle) -> bool {
        let inference = &model.manifest.inference;
        matches!(inference.target(), TargetKind::Category { .. } | TargetKind::MultiCategory { .. })
            && matches!(inference.saved_input(), SavedInput::Image(_))
    }

    fn examples(model: &Bundle, ask: &Settings<Self>, job: &Job) -> Result<DataBunch> {
        let inference = &model.manifest.inference;
        let (data, skip_bad) = (Self::sources(ask), ask.task.image.skip_bad.unwrap_or(0));
        let SavedInput::Image(kind) = inference.saved_input() else {
            return Err(crate::validate::other_model(model, Self::ABOUT.noun));
        };
        let (kind, target) = (ask.task.image.kind_like(*kind), inference.target());
        let threshold = match target {
            TargetKind::MultiCategory { threshold, .. } => Some(*threshold),
            _ => None,
        };
        let labelled = match Table::is_one(data.need("data")?) {
            true => {
                let asked = table::Asked::of(&ask.common, &ask.task.table);
                let listed = Listed::find(&data, asked, Some(Learned::Classes))?;
                let Listed { items, columns, .. } = listed.check(skip_bad, job)?;
                let split = items.open_as(kind).split_all_valid();
                label(&columns, split, threshold, Some(target))?
            }
            false => {
                let known = model.classes();
                let items = in_class_folders(ImageItems::from_folder(data.need("data")?)?, job)?;
                check_classes(&items, known)?;
                let classes = LabelKind::Category(Some(target.classes().to_vec()));
                let split = items.open_as(kind).split_all_valid().label_kind(classes);
                split.label_from_folder_by(|path| known_class(path, known))?
            }
        };
        checked(labelled.batches_like(inference, ask.batch_options())?, skip_bad, job)
    }

    fn score(learner: &mut Learner) -> Result<Scores> {
        match learner.data().target() {
            TargetKind::MultiCategory { threshold, .. } => {
                labels::score(learner, several_metrics(*threshold, metric::Scores::Probabilities))
            }
            _ => classes::score(learner),
        }
    }

    fn interpret(learner: &mut Learner, settings: &InterpretSettings) -> Result<Interpreted> {
        if let TargetKind::MultiCategory { .. } = learner.data().target() {
            return labels::interpret(learner, settings.without_heat::<Self>()?);
        }
        classes::interpret(learner, settings, |learner, found, matrix, out| {
            let mut pictures = results(learner, matrix, Cells::Counts, out)?;
            let worst = out.join("top_losses.png");
            let drawn = match settings.heat {
                true => found.plot_top_losses_with_heat(settings.top_losses),
                false => found.plot_top_losses(settings.top_losses),
            };
            drawn?.save(&worst)?;
            pictures.push(worst);
            Ok(pictures)
        })
    }

    type Prepared = Array;

    fn prepare(inference: &Inference, input: Input<'_>) -> Result<Array> {
        Ok(inference.input(input)?)
    }

    fn answers(model: &Bundle, inputs: Vec<Array>, _: &PictureOptions) -> Vec<Result<Answer>> {
        answer::classes(model, inputs)
    }
}

/// Labels as they are found in a table, with a model's classes if there is one.
fn label(
    columns: &LabelTable,
    split: tinderbox_data::Split<ImageKind>,
    threshold: Option<f32>,
    target: Option<&TargetKind>,
) -> Result<Labelled<ImageKind>> {
    let mut labelled = columns.label(split, target)?;
    if let (TargetKind::MultiCategory { threshold, .. }, Some(asked)) =
        (&mut labelled.target, threshold)
    {
        *threshold = asked;
    }
    Ok(labelled)
}

/// fastai's for several labels an item, all by one threshold, which is that of predictions, too.
fn several_metrics(threshold: f32, scores: metric::Scores) -> Vec<Box<dyn Metric>> {
    let thresh = f64::from(threshold);
    let accuracy =
        move |output: AnyTensor, target: AnyTensor| accuracy_thresh(output, target, thresh, scores);
    let options = FbetaOptions { thresh, scores, ..FbetaOptions::default() };
    let f_beta = move |output: AnyTensor, target: AnyTensor| fbeta(output, target, &options);
    (("accuracy_thresh", accuracy), ("fbeta", f_beta)).into_metrics()
}

/// The images in class folders; the others are reported.
///
/// # Errors
/// [`ClassifyError::NoClassFolders`] if there are none.
fn in_class_folders(items: ImageItems, job: &Job) -> Result<ImageItems> {
    let (all, folder) = (items.len(), items.root().to_owned());
    if let Some(doubt) = skipped(&items) {
        job.warn(doubt);
    }
    let items = items.filter_by_func(|path| first_folder(path).is_some());
    match all - items.len() {
        0 => Ok(items),
        _ if items.is_empty() => Err(ClassifyError::NoClassFolders { folder }.into()),
        n => {
            job.warn(format!("skipped {n} of {all} images, which are in no class folder"));
            Ok(items)
        }
    }
}

/// Fails for images in folders of which none is called as a class.
fn check_classes(items: &ImageItems, known: &[String]) -> Result<()> {
    let class = |path: &Path| Some(path.parent()?.file_name()?.to_string_lossy().into_owned());
    let unknown = items.relative_paths().filter(|path| known_class(path, known).is_none());
    let classes: std::collections::BTreeSet<String> = unknown.filter_map(class).collect();
    let classes: Vec<String> = classes.into_iter().collect();
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
            "d has no class folders: every image is directly in it",
            Some("d/cat/…"),
        );
        check(
            ClassifyError::OneClass { folder: "d".into(), class: "cat".into() },
            "d has only one class, `cat`, but a classifier needs at least two",
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
