//! What a finished run is wrong about, on its validation set.

use std::{
    fs,
    path::{Path, PathBuf},
};

use burn::{module::Module, tensor::Tensor};
use serde::Serialize;
use tinderbox_data::{Array, DataBunch, Values, batch::Set};
use tinderbox_interpret::{
    Cells, Interpretation, SegmentationInterpretation, plot_confusion_matrix, plot_top_losses,
    plot_top_losses_of_masks, plot_top_losses_with_heat, show_results,
};
use tinderbox_learn::{Bundle, Learner, metric::ConfusionMatrix};
use tinderbox_model::watch::{LayerActivation, activation_stats};

use super::{Plan, SegmenterPlan, fit, segment};
use crate::{Error, Result, RunFolder, Task, Watch, open_model};

/// Settings of [`interpret`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterpretSettings {
    /// The folder of a finished run.
    pub run: PathBuf,
    /// Where pictures go; `interpretation` in the run folder.
    pub out: Option<PathBuf>,
    /// How many of the items with the largest losses are shown; 16.
    pub top_losses: usize,
    /// Whether the counts of the confusion matrix are wanted, not its picture alone.
    pub confusion: bool,
    /// The least often that one class must be taken for another to be told; 2.
    pub min_confused: u64,
    /// Whether the pictures with the largest losses show where they speak for what they were taken
    /// for: Grad-CAM. Not for masks.
    pub heat: bool,
    /// Whether mean and spread of what layers give are measured, for a batch.
    pub activations: bool,
}

impl InterpretSettings {
    pub fn new(run: impl Into<PathBuf>) -> Self {
        Self {
            run: run.into(),
            out: None,
            top_losses: 16,
            confusion: false,
            min_confused: 2,
            heat: false,
            activations: false,
        }
    }
}

/// What a model is right and wrong about.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Interpreted {
    /// Of pictures, or of pixels that count.
    pub accuracy: f64,
    pub classes: Vec<ClassResult>,
    /// Actual, predicted, how often; of pixels for masks.
    pub most_confused: Vec<(String, String, u64)>,
    /// How often each class, in the order of `classes`, was taken for each, if that was asked for; of
    /// pixels for masks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub confusion: Vec<Vec<u64>>,
    /// Files with the largest losses, and these.
    pub top_losses: Vec<(String, f32)>,
    /// What layers with parameters give for the first batch, if that was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub activations: Vec<LayerActivation>,
    /// The pictures that were drawn.
    pub pictures: Vec<PathBuf>,
}

/// How right a model is about a class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassResult {
    pub class: String,
    /// Pictures, or pixels, that are of it.
    pub n: u64,
    /// The share of its predictions that are right; nothing if it never was predicted.
    pub precision: Option<f64>,
    /// The share of what is of it that is found; nothing if there is none.
    pub recall: Option<f64>,
    /// The overlap of both over their union.
    pub iou: Option<f64>,
}

/// Looks at what the model of a run says about its validation set, and draws it: a confusion matrix,
/// some results, and for classes the pictures that it is most wrong about.
///
/// # Errors
/// [`Error::NoRun`], [`Error::Unfinished`]; [`Error::OtherTask`] for runs on texts; what has become
/// of the run's data.
pub fn interpret(settings: &InterpretSettings, watch: &Watch) -> Result<Interpreted> {
    let run = RunFolder::new(&settings.run);
    let model = open_model(&settings.run)?;
    let out = settings.out.clone().unwrap_or_else(|| settings.run.join("interpretation"));
    fs::create_dir_all(&out).map_err(|source| Error::Write { path: out.clone(), source })?;
    match run.task()? {
        Task::Segmenter => {
            let plan: SegmenterPlan = run.plan()?;
            let data = segment::data(&plan, watch)?;
            let void = plan.void.map(|void| i64::from(void.code()));
            masks(&model, data, void, settings, &out)
        }
        _ => {
            let plan: Plan = run.plan()?;
            let data = fit::data(&plan, watch)?;
            classes(&model, data, settings, &out)
        }
    }
}

fn classes(
    model: &Bundle,
    data: DataBunch,
    settings: &InterpretSettings,
    out: &Path,
) -> Result<Interpreted> {
    let learner = model.learner(data)?;
    let found = Interpretation::of(&learner, Set::Valid)?;
    let matrix = found.confusion_matrix();
    let mut pictures = results(&learner, &matrix, Cells::Counts, out)?;
    let worst = out.join("top_losses.png");
    let draw = if settings.heat { plot_top_losses_with_heat } else { plot_top_losses };
    draw(&learner, Set::Valid, &found, settings.top_losses)?.save(&worst)?;
    pictures.push(worst);
    let top = found.top_losses(settings.top_losses, true);
    let name = |item: usize| learner.data().name(Set::Valid, item);
    let confused = found.most_confused(settings.min_confused).into_iter();
    Ok(Interpreted {
        accuracy: matrix.right() as f64 / matrix.total() as f64,
        classes: class_results(&matrix, found.classes()),
        most_confused: confused.map(|(a, p, n)| (a.to_owned(), p.to_owned(), n)).collect(),
        confusion: counts(&matrix, settings),
        top_losses: top.into_iter().map(|top| (name(top.item), top.loss)).collect(),
        activations: activations(&learner, settings)?,
        pictures,
    })
}

/// The rows of the matrix, if they are asked for.
fn counts(matrix: &ConfusionMatrix, settings: &InterpretSettings) -> Vec<Vec<u64>> {
    match settings.confusion {
        true => matrix.rows().map(<[u64]>::to_vec).collect(),
        false => Vec::new(),
    }
}

/// What layers give for the first batch of the validation set, if that is asked for.
fn activations(learner: &Learner, settings: &InterpretSettings) -> Result<Vec<LayerActivation>> {
    if !settings.activations {
        return Ok(Vec::new());
    }
    let model = learner.eval_model();
    let Array { shape, values } = learner.data().one_batch(Set::Valid)?.inputs;
    let (&[n, channels, height, width], Values::F32(values)) = (&shape[..], values) else {
        return Err(tinderbox_data::Error::NotImages { shape }.into());
    };
    let device = model.devices().first().cloned().unwrap_or_default();
    let x = Tensor::<1>::from_floats(&values[..], &device).reshape([n, channels, height, width]);
    Ok(activation_stats(&*model, x.into()))
}

fn masks(
    model: &Bundle,
    data: DataBunch,
    void: Option<i64>,
    settings: &InterpretSettings,
    out: &Path,
) -> Result<Interpreted> {
    let learner = model.learner(data)?;
    let found = SegmentationInterpretation::of(&learner, Set::Valid, void)?;
    let matrix = found.confusion_matrix();
    let mut pictures = results(&learner, &matrix, Cells::Shares, out)?;
    let worst = out.join("top_losses.png");
    plot_top_losses_of_masks(&learner, Set::Valid, &found, settings.top_losses)?.save(&worst)?;
    pictures.push(worst);
    let mut confused = matrix.most_confused(settings.min_confused);
    confused.truncate(2 * found.classes().len());
    let class = |code: usize| found.classes()[code].clone();
    let name = |item: usize| learner.data().name(Set::Valid, item);
    let top = found.top_losses(settings.top_losses, true).into_iter();
    Ok(Interpreted {
        accuracy: matrix.right() as f64 / matrix.total() as f64,
        classes: mask_results(&matrix, found.classes(), void),
        most_confused: confused.into_iter().map(|(a, p, n)| (class(a), class(p), n)).collect(),
        confusion: counts(&matrix, settings),
        top_losses: top.map(|(item, loss)| (name(item), loss)).collect(),
        activations: activations(&learner, settings)?,
        pictures,
    })
}

/// Draws the matrix and some results.
fn results(
    learner: &Learner,
    matrix: &ConfusionMatrix,
    cells: Cells,
    out: &Path,
) -> Result<Vec<PathBuf>> {
    const ROWS: usize = 4;
    let (confusion, results) = (out.join("confusion.svg"), out.join("results.png"));
    plot_confusion_matrix(matrix, learner.data().classes(), cells, &confusion)?;
    show_results(learner, Set::Valid, ROWS)?.save(&results)?;
    Ok(vec![confusion, results])
}

/// [`class_results`] of pixels: those of `void` were not counted, so nothing is known of what was
/// said to be of it.
pub(super) fn mask_results(
    matrix: &ConfusionMatrix,
    classes: &[String],
    void: Option<i64>,
) -> Vec<ClassResult> {
    let mut results = class_results(matrix, classes);
    if let Some(void) = void.and_then(|code| results.get_mut(usize::try_from(code).ok()?)) {
        (void.precision, void.iou) = (None, None);
    }
    results
}

fn class_results(matrix: &ConfusionMatrix, classes: &[String]) -> Vec<ClassResult> {
    let (precision, recall, iou) = (matrix.precision(), matrix.recall(), matrix.iou());
    let known = |value: f64| Some(value).filter(|value| !value.is_nan());
    let one = |(at, n): (usize, u64)| ClassResult {
        class: classes[at].clone(),
        n,
        precision: known(precision[at]),
        recall: known(recall[at]),
        iou: known(iou[at]),
    };
    matrix.actual().into_iter().enumerate().map(one).collect()
}
