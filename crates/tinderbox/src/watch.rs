//! What a recipe tells whoever started it.

use std::{path::Path, sync::Arc};

use serde_json::Value;
use tinderbox_data::error::BadFile;
use tinderbox_learn::{Report, StopHandle};

use crate::Choice;

/// News from a recipe.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// What the run will do.
    Planned(Planned<'a>),
    /// Files are read, once before training.
    Checking { done: usize, total: usize },
    /// A file comes from the network: bytes so far, and all of them if that is known.
    Downloading { file: &'a str, done: u64, total: Option<u64> },
    /// Texts are cut into words.
    Tokenizing { done: usize, total: usize },
    /// Files that could not be read and were allowed to be left out.
    LeftOut(&'a [BadFile]),
    /// Something about the data that the user may not have meant.
    Warning(&'a str),
    /// Training begins; `stop` ends it after a step.
    Training { stop: &'a StopHandle },
    /// A part of the training begins that is a fit of its own.
    Phase { name: &'a str, number: usize, of: usize },
    /// Training goes on from a checkpoint.
    Resuming,
    /// How the fit goes, in items of this name: `images`.
    Fit { report: &'a Report<'a>, unit: &'static str },
}

/// A run's plan, for people and programs.
#[derive(Debug, Clone)]
pub struct Planned<'a> {
    /// Where the data is.
    pub data: &'a Path,
    /// How its settings came about.
    pub choices: &'a [Choice],
    /// The plan, complete, as it is saved.
    pub plan: Value,
}

/// Hears what a recipe does; it may be called from several threads.
pub type Watch = Arc<dyn Fn(&Event<'_>) + Send + Sync>;

/// A watch that looks away.
pub fn quiet() -> Watch {
    Arc::new(|_| {})
}
