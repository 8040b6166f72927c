//! Tasks whose type is not known where they are used: what surfaces hold.

use std::{
    fmt,
    marker::PhantomData,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};
use tinderbox_data::Input;
use tinderbox_learn::{Bundle, LrCurve, schedule::LrFind};

use super::{About, Confidence, Task, TaskError};
use crate::{
    Answer, Checked, Classify, ClassifyTexts, DryRun, Enhance, InterpretSettings, Interpreted, Job,
    LanguageModel, PictureOptions, Regress, Result, RunFolder, Scores, Segment, Settings,
    SettingsError, ShownBatch, Trained,
    answer::Answers,
    check,
    settings::{self, Field},
    train, validate,
};

/// A task, for surfaces: settings are JSON, as forms and configuration files give them.
///
/// The methods are those of the same name in this crate; so are their errors, besides those of
/// [`Settings::from_json`].
#[expect(clippy::missing_errors_doc, reason = "said once, for all")]
pub trait AnyTask: fmt::Debug + Send + Sync {
    fn about(&self) -> &'static About;
    /// The settings, in the order in which they are shown.
    fn fields(&self) -> Vec<Field>;
    /// The JSON Schema of a configuration file.
    fn schema(&self) -> Value;
    /// A configuration file with every setting, those that are given among them.
    fn whole_file(&self, given: &Map<String, Value>) -> String;
    /// Settings of other tasks are none of its business here.
    fn recognizes(&self, ask: &Map<String, Value>) -> Confidence;
    fn knows(&self, model: &Bundle) -> bool;

    /// The settings as they are understood, complete in their spelling: `0.2` for `20%`.
    fn read(&self, ask: &Map<String, Value>) -> Result<Map<String, Value>>;
    fn train(&self, ask: &Map<String, Value>, job: &Job) -> Result<Trained>;
    fn resume(&self, ask: &Map<String, Value>, job: &Job) -> Result<Trained>;
    fn dry_run(&self, ask: &Map<String, Value>, job: &Job) -> Result<DryRun>;
    fn lr_find(&self, ask: &Map<String, Value>, options: &LrFind, job: &Job) -> Result<LrCurve>;
    fn show_batch(&self, ask: &Map<String, Value>, rows: usize, job: &Job) -> Result<ShownBatch>;
    /// The part of [`check`](crate::check) that depends on the task.
    fn check(&self, ask: &Map<String, Value>, job: &Job) -> Result<Checked>;
    fn validate(&self, model: &Bundle, ask: &Map<String, Value>, job: &Job) -> Result<Scores>;
    fn validate_run(&self, run: &RunFolder, ask: &Map<String, Value>, job: &Job) -> Result<Scores>;
    fn interpret(&self, settings: &InterpretSettings, job: &Job) -> Result<Interpreted>;
    fn files(&self, folder: &Path) -> Result<Vec<PathBuf>>;
    /// As [`answers`](crate::answers) gives them.
    fn answers<'a>(
        &self,
        model: &'a Bundle,
        inputs: Box<dyn Iterator<Item = Input<'a>> + 'a>,
        options: PictureOptions,
    ) -> Box<dyn Iterator<Item = Result<Answer>> + 'a>;
}

/// The task of a type, for the table of tasks.
pub struct Of<T>(PhantomData<fn() -> T>);

impl<T> Of<T> {
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T> Default for Of<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Task> fmt::Debug for Of<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::ABOUT.name)
    }
}

/// The tasks that there are: the table that surfaces go through.
pub static TASKS: &[&dyn AnyTask] = &[
    &Of::<Classify>::new(),
    &Of::<Regress>::new(),
    &Of::<Segment>::new(),
    &Of::<Enhance>::new(),
    &Of::<LanguageModel>::new(),
    &Of::<ClassifyTexts>::new(),
];

impl<T: Task> AnyTask for Of<T> {
    fn about(&self) -> &'static About {
        &T::ABOUT
    }

    fn fields(&self) -> Vec<Field> {
        settings::fields::<T>()
    }

    fn schema(&self) -> Value {
        settings::schema::<T>()
    }

    fn whole_file(&self, given: &Map<String, Value>) -> String {
        settings::whole_file::<T>(given)
    }

    fn recognizes(&self, ask: &Map<String, Value>) -> Confidence {
        let fields = self.fields();
        let mut known = ask.clone();
        known.retain(|key, _| fields.iter().any(|field| field.key == *key));
        // A value that does not fit is told by who reads the settings for good.
        Settings::<T>::from_json(&known).map_or(Confidence::No, |ask| T::recognizes(&ask))
    }

    fn knows(&self, model: &Bundle) -> bool {
        T::knows(model)
    }

    fn read(&self, ask: &Map<String, Value>) -> Result<Map<String, Value>> {
        Ok(Settings::<T>::from_json(ask)?.given())
    }

    fn train(&self, ask: &Map<String, Value>, job: &Job) -> Result<Trained> {
        train::train(&Settings::<T>::from_json(ask)?, job)
    }

    fn resume(&self, ask: &Map<String, Value>, job: &Job) -> Result<Trained> {
        train::resume(&Settings::<T>::from_json(ask)?, job)
    }

    fn dry_run(&self, ask: &Map<String, Value>, job: &Job) -> Result<DryRun> {
        train::dry_run(&Settings::<T>::from_json(ask)?, job)
    }

    fn lr_find(&self, ask: &Map<String, Value>, options: &LrFind, job: &Job) -> Result<LrCurve> {
        train::lr_find(&Settings::<T>::from_json(ask)?, options, job)
    }

    fn show_batch(&self, ask: &Map<String, Value>, rows: usize, job: &Job) -> Result<ShownBatch> {
        train::show_batch(&Settings::<T>::from_json(ask)?, rows, job)
    }

    fn check(&self, ask: &Map<String, Value>, job: &Job) -> Result<Checked> {
        check::check_as(&Settings::<T>::from_json(ask)?, job)
    }

    fn validate(&self, model: &Bundle, ask: &Map<String, Value>, job: &Job) -> Result<Scores> {
        validate::validate::<T>(model, &Settings::from_json(ask)?, job)
    }

    fn validate_run(&self, run: &RunFolder, ask: &Map<String, Value>, job: &Job) -> Result<Scores> {
        validate::validate_run::<T>(run, &Settings::from_json(ask)?, job)
    }

    fn interpret(&self, settings: &InterpretSettings, job: &Job) -> Result<Interpreted> {
        crate::interpret::interpret::<T>(settings, job)
    }

    fn files(&self, folder: &Path) -> Result<Vec<PathBuf>> {
        T::files(folder)
    }

    fn answers<'a>(
        &self,
        model: &'a Bundle,
        inputs: Box<dyn Iterator<Item = Input<'a>> + 'a>,
        options: PictureOptions,
    ) -> Box<dyn Iterator<Item = Result<Answer>> + 'a> {
        Box::new(Answers::<'a, T>::new(model, inputs, options))
    }
}

/// The task that is called so.
///
/// # Errors
/// [`SettingsError::UnknownTask`] with the names that there are.
pub fn find_task(tasks: &[&'static dyn AnyTask], name: &str) -> Result<&'static dyn AnyTask> {
    let found = tasks.iter().find(|task| task.about().name == name);
    let known = || tasks.iter().map(|task| task.about().name).collect();
    let unknown = || SettingsError::UnknownTask { name: name.to_owned(), known: known() };
    Ok(*found.ok_or_else(unknown)?)
}

/// The task of a run.
///
/// # Errors
/// [`RunError::NoRun`](crate::RunError::NoRun) and what is wrong with its description;
/// [`SettingsError::UnknownTask`].
pub fn task_of_run(
    tasks: &[&'static dyn AnyTask],
    run: impl AsRef<Path>,
) -> Result<&'static dyn AnyTask> {
    let run = run.as_ref();
    find_task(tasks, &RunFolder::new(run).task()?)
}

/// The task that a model is of.
///
/// # Errors
/// [`TaskError::NoTask`].
pub fn task_of_model(
    tasks: &[&'static dyn AnyTask],
    model: &Bundle,
) -> Result<&'static dyn AnyTask> {
    let found = tasks.iter().find(|task| task.knows(model));
    let none = || TaskError::NoTask { what: model.manifest.inference.describe() };
    Ok(*found.ok_or_else(none)?)
}
