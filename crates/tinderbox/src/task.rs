//! Tasks: each is one type, and everything else is written once over it.

mod any;

use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};
use tinderbox_data::{DataBunch, ImageItems, Inference, Input};
use tinderbox_learn::{Bundle, Learner};
use tinderbox_model::weights::{LoadReport, StateDict};

pub use any::{AnyTask, Of, TASKS, find_task, task_of_model, task_of_run};

use crate::{
    Answer, Examined, Hinted, Interpreted, Job, PictureOptions, Plan, Result, RunFolder, Scores,
    Settings, ShownBatch, Sources, answer, check,
    interpret::{InterpretError, InterpretSettings},
    plan::{Choices, Decided},
    settings::TaskSettings,
};

/// A task: what is learned. A user interface – the command, a form, a server – never asks which task
/// it has: it goes through [`AnyTask`], which is implemented for all of them at once.
///
/// A value of the type is the task's part of a run's plan: classes, the architecture, how data is
/// read. Everything else – settings, run folder, lock, resuming, learning rate finder, dry run,
/// configuration files – is written once for all tasks.
pub trait Task:
    fmt::Debug + Clone + PartialEq + Send + Sync + Serialize + DeserializeOwned + 'static
{
    const ABOUT: About;

    /// The settings of this task; each field is a flag, a key of a configuration file and a field of a
    /// form. All of them are `Option`s.
    type Settings: TaskSettings;

    /// What was found in the files, kept so that nothing is read twice.
    type Found;

    /// Whether the settings, above all the data, look like this task's, if no task is named.
    fn recognizes(ask: &Settings<Self>) -> Confidence;

    /// Where the data is, by the names of settings. The same names are in the plan.
    fn sources(ask: &Settings<Self>) -> Sources {
        Sources::default().with("data", ask.common.data.as_ref().map(crate::Location::path))
    }

    /// Infers the settings that were not given from the data. Every setting except sources, those of
    /// the machine and what is the same for all tasks – accumulation, clipping, the seed – must be
    /// picked, or kept, in `choices`.
    ///
    /// # Errors
    /// What is wrong with the data or the settings, before anything is trained.
    fn decide(
        ask: &Settings<Self>,
        data: &Sources,
        choices: &mut Choices,
        job: &Job,
    ) -> Result<(Decided<Self>, Self::Found)>;

    /// The same for a finished plan. What [`keep`](Self::keep) left is in `run`.
    ///
    /// # Errors
    /// If the data is gone or has changed.
    fn find(plan: &Plan<Self>, run: &RunFolder, job: &Job) -> Result<Self::Found>;

    /// Leaves in the run folder what [`find`](Self::find) needs besides the plan.
    ///
    /// # Errors
    /// If it cannot be written.
    #[expect(unused_variables, reason = "named for those who write it")]
    fn keep(data: &DataBunch, run: &RunFolder) -> Result<()> {
        Ok(())
    }

    /// The batches, after a check that every file can be read.
    ///
    /// # Errors
    /// What is wrong with the files.
    fn data(plan: &Plan<Self>, found: Self::Found, job: &Job) -> Result<DataBunch>;

    /// Architecture, loss and metrics. `body` has the weights of a pretrained body, if the run starts
    /// from one; the caller does whatever else the plan says about weights and fitting.
    ///
    /// # Errors
    /// An architecture that cannot be built so.
    fn learner(
        plan: &Plan<Self>,
        data: DataBunch,
        body: Option<StateDict>,
    ) -> Result<(Learner, LoadReport)>;

    /// The learner with the loss of the plan, where it is another than the usual one of such data.
    ///
    /// # Errors
    /// If what the loss compares by is not what it was.
    #[expect(unused_variables, reason = "named for those who write it")]
    fn with_loss(plan: &Plan<Self>, learner: Learner) -> Result<Learner> {
        Ok(learner)
    }

    /// The learner with this task's metrics.
    fn metrics(learner: Learner) -> Learner;

    /// The learner with the callbacks that a run of this task has besides those of all tasks. They are
    /// made anew when it is resumed.
    #[expect(unused_variables, reason = "named for those who write it")]
    fn watch(learner: Learner, run: &RunFolder, job: &Job) -> Learner {
        learner
    }

    /// Every item, so that changed data is noticed when the run is resumed.
    fn list(plan: &Plan<Self>, data: &DataBunch) -> String {
        crate::items::list(&plan.data, data)
    }

    /// The number of training and validation items of each class.
    ///
    /// # Errors
    /// What is wrong with the labels.
    fn counts(data: &DataBunch) -> Result<Vec<ClassCount>> {
        Ok(crate::items::counts(data, None))
    }

    /// Looks at the items one by one, closer than training does before it begins: as images, unless
    /// a task says otherwise.
    ///
    /// # Errors
    /// Whatever keeps it from looking; what is wrong with items are findings.
    #[expect(unused_variables, reason = "named for those who write it")]
    fn examine(plan: &Plan<Self>, data: &DataBunch, job: &Job) -> Result<Examined> {
        Ok(check::images::of(data, job))
    }

    /// Whether a model is one of this task's.
    fn knows(model: &Bundle) -> bool;

    /// Labelled items as a model sees them, all of them in the validation set.
    ///
    /// # Errors
    /// What is wrong with the data; a class that the model does not know.
    fn examples(model: &Bundle, ask: &Settings<Self>, job: &Job) -> Result<DataBunch>;

    /// The first training items for people: images, unless a task says otherwise.
    ///
    /// # Errors
    /// What is wrong with the files.
    fn show(data: &DataBunch, rows: usize) -> Result<ShownBatch> {
        ShownBatch::images(data, rows)
    }

    /// Evaluates the learner's model on its validation set.
    ///
    /// # Errors
    /// Whatever goes wrong in the model.
    fn score(learner: &mut Learner) -> Result<Scores> {
        let validated = learner.validate()?;
        Ok(Scores::new(learner.data(), validated.loss, validated.metrics))
    }

    /// Shows where the model of a run is wrong, and plots it into the folder that the settings name.
    ///
    /// # Errors
    /// [`InterpretError::NothingToShow`] where there is nothing of the kind.
    #[expect(unused_variables, reason = "named for those who write it")]
    fn interpret(learner: &mut Learner, settings: &InterpretSettings) -> Result<Interpreted> {
        Err(InterpretError::NothingToShow { noun: Self::ABOUT.noun }.into())
    }

    /// The files below a folder that a model can predict, sorted: images, unless a task says
    /// otherwise.
    ///
    /// # Errors
    /// If there are none.
    fn files(folder: &Path) -> Result<Vec<PathBuf>> {
        let images = ImageItems::from_folder(folder)?;
        Ok(images.relative_paths().map(|path| folder.join(path)).collect())
    }

    /// An input as the model takes it.
    type Prepared: Send;

    /// Prepares an input, on one of several threads while the model runs on the inputs before it.
    ///
    /// # Errors
    /// If it cannot be read.
    fn prepare(inference: &Inference, input: Input<'_>) -> Result<Self::Prepared>;

    /// How many inputs go through the model at once, and are read ahead.
    fn at_once(model: &Bundle) -> usize {
        answer::at_once(model)
    }

    /// The predictions of a model for some inputs, one for each. Only a task whose predictions are
    /// images is given other than the default options.
    fn answers(
        model: &Bundle,
        inputs: Vec<Self::Prepared>,
        options: &PictureOptions,
    ) -> Vec<Result<Answer>>;
}

/// What people see of a task.
#[derive(Debug)]
pub struct About {
    /// Its name in settings and files: `segment`.
    pub name: &'static str,
    /// What is trained: `an image segmentation model`.
    pub noun: &'static str,
    /// Its items, in the plural: `images`.
    pub unit: &'static str,
    /// Its main metric.
    pub metric: &'static str,
    /// Whether a lower value of it is better.
    pub lower_is_better: bool,
    /// Whether an input that is not a file is a text to predict.
    pub takes_text: bool,
    /// What of a prediction can be looked at.
    pub draws: Draws,
    /// A command to try the model with, `{run}` standing for the run folder.
    pub try_next: &'static str,
    /// Other names of the task, for settings that many will want: `restore`.
    pub words: &'static [Word],
}

/// Another name of a task, and the settings that it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    pub name: &'static str,
    /// Keys and values.
    pub settings: &'static [(&'static str, &'static str)],
}

/// What of a task's predictions can be looked at, and saved as an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Draws {
    Nothing,
    /// A mask, which can be drawn over the input, too.
    Mask,
    /// An image in the place of the input.
    Image,
}

/// How much the data at a path looks like a task's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    No,
    /// It may be, if no other task fits.
    Maybe,
    /// It looks so.
    Likely,
}

/// How many items there are of a class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClassCount {
    pub class: String,
    pub train: u64,
    pub valid: u64,
}

/// What cannot be done with a model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    #[error("no task of this version uses such a model, which is for {what}")]
    NoTask { what: String },

    #[error("the model is for {what}, but this needs {expected}")]
    OtherModel {
        what: String,
        expected: &'static str,
        /// A command that the model is for, `{run}` standing for its place.
        try_next: Option<&'static str>,
    },
}

impl Hinted for TaskError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoTask { .. } => "in code, `learn::Bundle` predicts with it".into(),
            Self::OtherModel { try_next: Some(command), .. } => {
                format!("to use this model: `tinderbox {}`", command.replace("{run}", "MODEL"))
            }
            Self::OtherModel { try_next: None, .. } => {
                "`tinderbox summary MODEL` describes a model".into()
            }
        })
    }
}
