//! What is learned: one type a task, and everything else is written once over it.

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
    Answer, Hinted, Interpreted, Job, Plan, Result, RunFolder, Scores, Settings, ShownBatch,
    Sources,
    interpret::{InterpretError, InterpretSettings},
    plan::{Choices, Decided},
    settings::TaskSettings,
};

/// What is learned. A surface – the command, a form, a server – never asks which task it has: it
/// goes through [`AnyTask`], which is implemented for all of them at once.
///
/// A value of the type is the task's part of a run's plan: classes, the architecture, how data is
/// read. The book-keeping – settings, run folder, lock, resuming, learning-rate finder, dry run,
/// configuration files – is not its business.
pub trait Task:
    fmt::Debug + Clone + PartialEq + Send + Sync + Serialize + DeserializeOwned + 'static
{
    const ABOUT: About;

    /// What a user may say about this task alone; a field is a flag, a key of a configuration file
    /// and a field of a form. All of them are `Option`s.
    type Settings: TaskSettings;

    /// What the look at the files found, kept so that nothing is read twice.
    type Found;

    /// Whether settings, the data above all, look like this task's, if nobody says what is learned.
    fn recognizes(ask: &Settings<Self>) -> Confidence;

    /// Where the data is, by the names of settings. The same names are in the plan.
    fn sources(ask: &Settings<Self>) -> Sources {
        Sources::default().with("data", ask.common.data.as_ref().map(crate::Location::path))
    }

    /// One look at the data decides what was not said. Every setting but sources, those of the machine
    /// and what is the same for all tasks – accumulation, clipping, the seed – must be picked, or kept,
    /// in `choices`.
    ///
    /// # Errors
    /// What is wrong with the data or the settings, before anything is trained.
    fn decide(
        ask: &Settings<Self>,
        data: &Sources,
        choices: &mut Choices,
        job: &Job,
    ) -> Result<(Decided<Self>, Self::Found)>;

    /// The same look, for a plan that is made. What [`keep`](Self::keep) left is in `run`.
    ///
    /// # Errors
    /// What has become of the data.
    fn find(plan: &Plan<Self>, run: &RunFolder, job: &Job) -> Result<Self::Found>;

    /// Leaves in the run folder what [`find`](Self::find) needs besides the plan.
    ///
    /// # Errors
    /// If it cannot be written.
    #[expect(unused_variables, reason = "named for those who write it")]
    fn keep(found: &Self::Found, run: &RunFolder) -> Result<()> {
        Ok(())
    }

    /// Batches, every file of which can be read.
    ///
    /// # Errors
    /// What is wrong with the files.
    fn data(plan: &Plan<Self>, found: Self::Found, job: &Job) -> Result<DataBunch>;

    /// Architecture, loss and metrics. A pretrained body's weights are `body`, if the run starts from
    /// some; whatever else the plan says about weights and fitting is done by who calls it.
    ///
    /// # Errors
    /// An architecture that cannot be built so.
    fn learner(
        plan: &Plan<Self>,
        data: DataBunch,
        body: Option<StateDict>,
    ) -> Result<(Learner, LoadReport)>;

    /// The learner with what this task measures.
    fn metrics(learner: Learner) -> Learner;

    /// Every item, so that data which has changed is noticed when the run goes on.
    fn list(plan: &Plan<Self>, data: &DataBunch) -> String {
        crate::items::list(&plan.data, data)
    }

    /// The classes with how many items train and validate of each.
    ///
    /// # Errors
    /// What is wrong with the labels.
    fn counts(data: &DataBunch) -> Result<Vec<ClassCount>> {
        Ok(crate::items::counts(data))
    }

    /// Whether a model is one of this task's.
    fn knows(model: &Bundle) -> bool;

    /// Items whose answers are known, as a model sees them, all of them to be validated.
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

    /// How right the learner's model is about its validation set.
    ///
    /// # Errors
    /// Whatever goes wrong in the model.
    fn score(learner: &mut Learner) -> Result<Scores> {
        let validated = learner.validate()?;
        Ok(Scores::new(learner.data(), validated.loss, validated.metrics))
    }

    /// What the model of a run is wrong about, drawn into the folder that the settings name.
    ///
    /// # Errors
    /// [`InterpretError::NothingToShow`] where there is nothing of the kind.
    #[expect(unused_variables, reason = "named for those who write it")]
    fn interpret(learner: &mut Learner, settings: &InterpretSettings) -> Result<Interpreted> {
        Err(InterpretError::NothingToShow { noun: Self::ABOUT.noun }.into())
    }

    /// The files below a folder that a model can be asked about, sorted: images, unless a task says
    /// otherwise.
    ///
    /// # Errors
    /// If there are none.
    fn files(folder: &Path) -> Result<Vec<PathBuf>> {
        let images = ImageItems::from_folder(folder)?;
        Ok(images.relative_paths().map(|path| folder.join(path)).collect())
    }

    /// An input, read and made what a model sees of it.
    type Prepared: Send;

    /// Prepares an input, on one of several threads while the model runs on the inputs before it.
    ///
    /// # Errors
    /// If it cannot be read.
    fn prepare(inference: &Inference, input: Input<'_>) -> Result<Self::Prepared>;

    /// What a model says about some inputs, an answer for each.
    fn answers(model: &Bundle, inputs: Vec<Self::Prepared>) -> Vec<Result<Answer>>;
}

/// What people are told about a task.
#[derive(Debug)]
pub struct About {
    /// What it is called in settings and files: `segment`.
    pub name: &'static str,
    /// What is trained: `an image segmentation model`.
    pub noun: &'static str,
    /// What it is given, in the plural: `images`.
    pub unit: &'static str,
    /// The metric that sums it up.
    pub metric: &'static str,
    /// Whether less of that is better.
    pub lower_is_better: bool,
    /// Whether an input that is no file is a text to be answered.
    pub takes_text: bool,
    /// Whether an answer is an image, which can be written and drawn over what it is about.
    pub draws: bool,
    /// A command to try the model with, `{run}` standing for the run folder.
    pub try_next: &'static str,
}

/// How much the data at a path looks like a task's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    No,
    /// It may be, if it is nothing else's.
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
    #[error("no task of this version uses such a model: it is for {what}")]
    NoTask { what: String },

    #[error("the model is for {what}; what was asked for needs {expected}")]
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
                format!("what it is for: `tinderbox {}`", command.replace("{run}", "MODEL"))
            }
            Self::OtherModel { try_next: None, .. } => {
                "`tinderbox summary MODEL` shows what a model is".into()
            }
        })
    }
}
