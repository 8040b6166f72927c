//! Folders of pictures: from class folders to a trained model, and what one does with it.
//!
//! These are the recipes behind the command line. Each takes plain settings and tells a [`Watch`]
//! what happens.

mod demo;
mod fit;
mod lesson;
mod plan;
mod run;
mod settings;
mod survey;
mod use_model;

use std::sync::Arc;

use tinderbox_data::error::BadFile;
use tinderbox_learn::{Report, StopHandle};

pub use demo::{Demo, demo};
pub use fit::{Trained, lr_find, resume, show_batch, train};
pub use lesson::{Lesson, LessonRun, PUBLISHED, Published, lesson_mnist};
pub use plan::{Augment, Choice, Plan};
pub use run::RunFolder;
pub use settings::{Split, TrainSettings, Valid};
pub use use_model::{Answer, ClassScore, Scores, model_summary, open_model, predict, validate};

/// News from a recipe.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// What the run will do.
    Planned(&'a Plan),
    /// Files are read, once before training.
    Checking { done: usize, total: usize },
    /// Files that could not be read and were allowed to be left out.
    LeftOut(&'a [BadFile]),
    /// Something about the data that the user may not have meant.
    Warning(&'a str),
    /// Training begins; `stop` ends it after a step.
    Training { stop: &'a StopHandle },
    /// Training goes on from a checkpoint.
    Resuming,
    /// How the fit goes.
    Fit(&'a Report<'a>),
}

/// Hears what a recipe does; it may be called from several threads.
pub type Watch = Arc<dyn Fn(&Event<'_>) + Send + Sync>;

/// A watch that looks away.
pub fn quiet() -> Watch {
    Arc::new(|_| {})
}
