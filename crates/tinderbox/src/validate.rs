//! How right a model is about items whose answers are known.

use serde::Serialize;
use tinderbox_data::{BatchOptions, DataBunch};
use tinderbox_learn::{Bundle, metric::ConfusionMatrix};

use crate::{Host, Job, Result, Settings, Task, TaskError};

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
    TaskError::OtherModel { what, expected }.into()
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
