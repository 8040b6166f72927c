//! How right a model is about items whose answers are known.

use std::path::PathBuf;

use serde::Serialize;
use tinderbox_data::{BatchOptions, DataBunch, batch::Set, shell_word};
use tinderbox_learn::{Bundle, metric::ConfusionMatrix};

use crate::{
    Field, Hinted, Host, Job, Plan, Result, Role, RunFolder, Settings, TASKS, Task, TaskError,
    items::Known,
    open_model, settings,
    train::{data_of_run, resumed},
};

/// How right a model is about some items.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scores {
    /// How many there were.
    pub items: usize,
    /// What they are called: `images`.
    pub unit: &'static str,
    /// Each metric's name and value, as in training; the loss is the first.
    #[serde(serialize_with = "as_object")]
    pub metrics: Vec<(String, f64)>,
    /// For each class, if there are some.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<ClassResult>,
}

/// How right a model is about a class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassResult {
    pub class: String,
    /// Items, or pixels, that are of it.
    pub n: u64,
    /// The share of its predictions that are right; nothing if it never was predicted.
    pub precision: Option<f64>,
    /// The share of what is of it that is found; nothing if there is none.
    pub recall: Option<f64>,
    /// The overlap of both over their union.
    pub iou: Option<f64>,
}

impl Scores {
    /// Of a validation set.
    pub fn new(data: &DataBunch, loss: f64, metrics: Vec<(String, f64)>) -> Self {
        let metrics = std::iter::once(("loss".to_owned(), loss)).chain(metrics).collect();
        Self { items: data.n_valid(), unit: data.unit(), metrics, classes: Vec::new() }
    }

    /// A metric by its name.
    pub fn metric(&self, name: &str) -> Option<f64> {
        self.metrics.iter().find(|(metric, _)| metric == name).map(|(_, value)| *value)
    }
}

fn as_object<S: serde::Serializer>(
    metrics: &[(String, f64)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(metrics.iter().map(|(name, value)| (name, value)))
}

impl ClassResult {
    /// Of each class in the order of the matrix.
    pub(crate) fn of(matrix: &ConfusionMatrix, classes: &[String]) -> Vec<Self> {
        let (precision, recall, iou) = (matrix.precision(), matrix.recall(), matrix.iou());
        let known = |value: f64| Some(value).filter(|value| !value.is_nan());
        let one = |(at, n): (usize, u64)| Self {
            class: classes[at].clone(),
            n,
            precision: known(precision[at]),
            recall: known(recall[at]),
            iou: known(iou[at]),
        };
        matrix.actual().into_iter().enumerate().map(one).collect()
    }
}

/// Measures a model on the data that the settings name: the metrics of training, by the same
/// arithmetic, on every item as validation sees it. Up to `skip_bad` unreadable files are left out.
/// A model file does not say by which loss it was trained: the loss is the usual one of such data.
///
/// # Errors
/// [`TaskError::OtherModel`] for a model of another task; what is wrong with the data, or does not
/// fit the model.
pub fn validate<T: Task>(model: &Bundle, ask: &Settings<T>, job: &Job) -> Result<Scores> {
    ask.check()?;
    expect::<T>(model)?;
    let data = T::examples(model, ask, job)?;
    T::score(&mut T::metrics(model.learner(data)?))
}

/// Measures the finished model of a run: on the data that the settings name, or, if they name none,
/// on what the run held out, as its last epoch did. A warning says how many of the items named were
/// trained on, as the model knows those.
///
/// # Errors
/// As [`validate`]; [`ValidateError::NothingHeldOut`]; [`RunError`](crate::RunError) for a run that is
/// of another task or not finished, whose data has changed, or that a setting differs from.
pub fn validate_run<T: Task>(run: &RunFolder, ask: &Settings<T>, job: &Job) -> Result<Scores> {
    let model = open_model(run.root())?;
    ask.check()?;
    expect::<T>(&model)?;
    let plan = run.plan::<T>()?;
    let data = if T::sources(ask).0.is_empty() {
        let data = data_of_run(&resumed(ask, run, plan.clone())?, run, job)?;
        if data.n_valid() == 0 {
            return Err(ValidateError::NothingHeldOut { run: run.root().to_owned() }.into());
        }
        match plan.fit.phases.last() {
            Some(last) => last.of_data(&data)?,
            None => data,
        }
    } else {
        let data = T::examples(&model, &as_in_run(ask, &plan)?, job)?;
        let trained = Known::of(&run.list()?, &plan.data);
        let known = |item: &usize| trained.has(&data, Set::Valid, *item);
        let (n, all) = ((0..data.n_valid()).filter(known).count(), data.n_valid());
        if n > 0 {
            let unit = data.unit();
            job.warn(format!(
                "the model was trained on {n} of these {all} {unit}, so the metrics are too optimistic: `tinderbox validate {}` evaluates the validation set",
                shell_word(run.root())
            ));
        }
        data
    };
    let learner = T::with_loss(&plan, model.learner(data)?)?;
    T::score(&mut T::metrics(learner))
}

/// The settings of a validation, completed by those of the run: batches and rows of other sizes
/// would give other numbers.
fn as_in_run<T: Task>(ask: &Settings<T>, plan: &Plan<T>) -> Result<Settings<T>> {
    let mut given = ask.given();
    let of_run = |field: &Field| field.validates && field.role == Role::Learning;
    for Field { key, .. } in settings::fields::<T>().into_iter().filter(of_run) {
        if let Some(value) = plan.decided.get(&key).filter(|value| !value.is_null()) {
            given.entry(key).or_insert_with(|| value.clone());
        }
    }
    Settings::from_json(&given)
}

/// What a model cannot be measured on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ValidateError {
    #[error("the run in {run} has no validation set")]
    NothingHeldOut { run: PathBuf },
}

impl Hinted for ValidateError {
    fn hint(&self) -> Option<String> {
        let Self::NothingHeldOut { run } = self;
        Some(format!("name labelled data: `tinderbox validate {} DATA`", shell_word(run)))
    }
}

/// Fails for a model that is not of the task.
///
/// # Errors
/// [`TaskError::OtherModel`].
pub(crate) fn expect<T: Task>(model: &Bundle) -> Result<()> {
    match T::knows(model) {
        true => Ok(()),
        false => Err(other_model(model, T::ABOUT.noun)),
    }
}

pub(crate) fn other_model(model: &Bundle, expected: &'static str) -> crate::Error {
    let what = model.manifest.inference.describe();
    let task = TASKS.iter().find(|task| task.knows(model));
    let try_next = task.map(|task| task.about().try_next);
    TaskError::OtherModel { what, expected, try_next }.into()
}

impl<T: Task> Settings<T> {
    /// How items are batched where a finished model is validated: 16 at once, on as many threads as
    /// training would use, unless these settings say otherwise.
    pub fn batch_options(&self) -> BatchOptions {
        const BATCH: usize = 16;
        BatchOptions {
            batch_size: self.common.batch_size.unwrap_or(BATCH),
            workers: Host::default().with(&self.given()).workers,
            ..BatchOptions::default()
        }
    }
}
