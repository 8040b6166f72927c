//! What a finished run is wrong about, on its validation set.

pub(crate) mod classes;
pub(crate) mod labels;

use std::{
    fs,
    path::{Path, PathBuf},
};

use burn::{module::Module, tensor::Tensor};
use serde::Serialize;
use serde_json::{Map, Value};
use tinderbox_data::{Array, Values, batch::Set, shell_word};
use tinderbox_interpret::{Cells, plot_confusion_matrix, show_results};
use tinderbox_learn::{Learner, metric::ConfusionMatrix};
use tinderbox_model::watch::{LayerActivation, activation_stats};

use crate::{
    ClassResult, Error, Hinted, Job, Result, RunFolder, Settings, Task, check_outputs, open_model,
};

/// The plots of all tasks.
const PLOTS: [&str; 4] = ["confusion.svg", "predicted.svg", "results.png", "top_losses.png"];

/// Settings of [`interpret`].
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
pub struct InterpretSettings {
    /// The folder of a finished run.
    pub run: PathBuf,
    /// The folder for plots; `interpretation` in the run folder.
    pub out: Option<PathBuf>,
    /// How many of the items with the largest losses are shown; 16.
    pub top_losses: usize,
    /// Whether the counts of the confusion matrix are wanted, not only its plot.
    pub confusion: bool,
    /// How often two classes must be confused, at least, to be listed; 2.
    pub min_confused: u64,
    /// Whether the images with the largest losses highlight the regions behind the predicted class
    /// (Grad-CAM). Not for masks.
    pub heat: bool,
    /// Where the data of the run is, by the names of settings, if it has moved.
    pub moved: Map<String, Value>,
    /// Whether files in `out` may be overwritten.
    pub overwrite: bool,
    /// Whether mean and standard deviation of each layer's output are measured, for a batch.
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
            moved: Map::new(),
            overwrite: false,
            activations: false,
        }
    }
}

/// What a model is right and wrong about.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Interpreted {
    /// Of images, or of pixels that count; of the labels that are rightly given or withheld, where
    /// there may be several; nothing for numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// For each class, if there are some.
    pub classes: Vec<ClassResult>,
    /// Actual, predicted, how often; of pixels for masks.
    pub most_confused: Vec<(String, String, u64)>,
    /// The confusion matrix, a row for each actual class in the order of `classes`, if it was asked
    /// for; of pixels for masks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub confusion: Vec<Vec<u64>>,
    /// Files with the largest losses, and these.
    pub top_losses: Vec<(String, f32)>,
    /// The outputs of layers with parameters for the first batch, on request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub activations: Vec<LayerActivation>,
    /// The plots that were written.
    pub pictures: Vec<PathBuf>,
}

/// What cannot be interpreted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InterpretError {
    #[error("`interpret` does not support {noun}")]
    NothingToShow { noun: &'static str },

    #[error("interpret takes a run folder, and {file} is a file")]
    NotARun {
        file: PathBuf,
        /// The run that it is of, if it is of one.
        run: Option<PathBuf>,
    },

    #[error("`--heat` does not support {noun}: Grad-CAM is for image classifiers")]
    NoHeat { noun: &'static str },
}

impl Hinted for InterpretError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NothingToShow { .. } => "evaluate it with `tinderbox validate`".into(),
            Self::NotARun { run: Some(run), .. } => {
                format!("name the folder: `tinderbox interpret {}`", shell_word(run))
            }
            Self::NotARun { file, run: None } => format!(
                "evaluate it on labelled data: `tinderbox validate {} DATA`",
                shell_word(file)
            ),
            Self::NoHeat { .. } => "leave out `--heat`".into(),
        })
    }
}

/// Looks at what the model of a run says about its validation set, and draws it: a confusion matrix,
/// some results, and the items that it is most wrong about.
///
/// # Errors
/// [`RunError`](crate::RunError) for a run that is of another task or not finished;
/// [`InterpretError::NothingToShow`]; what has become of the run's data.
pub fn interpret<T: Task>(settings: &InterpretSettings, job: &Job) -> Result<Interpreted> {
    let run = RunFolder::new(&settings.run);
    let ask = Settings::<T>::from_json(&settings.moved)?;
    let plan = crate::train::resumed(&ask, &run, run.plan()?)?;
    let model = open_model(&settings.run)?;
    let data = crate::train::data_of_run(&plan, &run, job)?;
    T::interpret(&mut T::metrics(model.learner(data)?), settings)
}

impl InterpretSettings {
    /// Fails if regions are to be highlighted where there are none.
    ///
    /// # Errors
    /// [`InterpretError::NoHeat`].
    pub(crate) fn without_heat<T: Task>(&self) -> Result<&Self> {
        match self.heat {
            true => Err(InterpretError::NoHeat { noun: T::ABOUT.noun }.into()),
            false => Ok(self),
        }
    }

    /// The folder for plots, which is created.
    ///
    /// # Errors
    /// [`OutputError`](crate::OutputError) for plots that are there, in a folder that is not the run's.
    pub(crate) fn folder(&self) -> Result<PathBuf> {
        let own = self.run.join("interpretation");
        if let Some(out) = self.out.as_ref().filter(|out| **out != own) {
            let plots = PLOTS.map(|name| out.join(name));
            check_outputs(plots.iter().map(PathBuf::as_path), [], self.overwrite)?;
        }
        let out = self.out.clone().unwrap_or(own);
        fs::create_dir_all(&out).map_err(|source| Error::Write { path: out.clone(), source })?;
        Ok(out)
    }
}

/// The rows of the matrix, on request.
pub(crate) fn counts(matrix: &ConfusionMatrix, settings: &InterpretSettings) -> Vec<Vec<u64>> {
    match settings.confusion {
        true => matrix.rows().map(<[u64]>::to_vec).collect(),
        false => Vec::new(),
    }
}

/// The outputs of layers for the first batch of the validation set, on request.
pub(crate) fn activations(
    learner: &Learner,
    settings: &InterpretSettings,
) -> Result<Vec<LayerActivation>> {
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

/// Draws the matrix and some results.
pub(crate) fn results(
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
