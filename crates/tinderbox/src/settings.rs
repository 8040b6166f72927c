//! The settings of a run. Each is defined once, as a field of a struct: the flag, the key of a
//! configuration file, the key in `run.json` and the JSON Schema follow from it.

mod fields;
mod file;
mod values;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

pub use fields::{Field, Kind, Role};
pub use file::{read_file, run_file, schema, whole_file};
pub use values::{DeviceChoice, ImageSize, Keep, Location, Valid, YRange};
pub(crate) use values::{Text, absolute, as_text};

use crate::{Error, Hinted, Result, Task, train::SEED};

/// Settings of a run of a task. `None` means the default, or what is inferred from the data; when a
/// run is resumed, what it began with.
///
/// # Example
/// ```no_run
/// use tinderbox::{Classify, Job, Settings, train};
///
/// # fn main() -> Result<(), tinderbox::Error> {
/// let mut settings = Settings::<Classify>::new("photos", "runs/photos");
/// settings.common.epochs = Some(5);
/// settings.task.image.arch = Some("resnet34".into());
/// let trained = train(&settings, &Job::quiet())?;
/// println!("accuracy {:?}", trained.metric("accuracy"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(bound = "")]
#[schemars(bound = "T: Task")]
pub struct Settings<T: Task> {
    /// The settings of all tasks.
    #[serde(flatten)]
    pub common: Common,
    /// The settings of this task.
    #[serde(flatten)]
    pub task: T::Settings,
}

/// The settings of a run of any task.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Common {
    /// Folder, table (.csv, .tsv) or text file with the data
    #[schemars(extend("x-validate" = true, "x-role" = "source", "x-value" = "PATH"))]
    pub data: Option<Location>,

    /// Run folder, for the settings, the checkpoints, the plots and the model
    #[schemars(extend("x-role" = "run", "x-short" = "o", "x-value" = "DIR", "x-group" = "Run",
        "x-usual" = "`runs/` and the name of the data"))]
    pub out: Option<Location>,

    /// Validation set: `auto`, a share such as `0.2` or `20%`, the name of a folder, a .txt file
    /// that lists file names, or the column of the table that marks the rows. `auto` takes the
    /// folders, the list or the column that the data has, else a random share
    #[serde(skip_serializing_if = "Valid::is_auto")]
    #[schemars(extend("x-value" = "HOW", "x-group" = "Data", "default" = "auto"))]
    pub valid: Option<Valid>,

    /// Epochs to train for
    #[schemars(range(min = 1), extend("x-short" = "e", "x-value" = "N", "x-group" = "Training",
        "x-usual" = "depends on the size of the data"))]
    pub epochs: Option<usize>,

    /// Peak learning rate of the one-cycle schedule
    #[schemars(extend("exclusiveMinimum" = 0, "x-value" = "LR", "x-group" = "Training",
        "x-usual" = "depends on the model"))]
    pub lr: Option<f64>,

    /// Batch size
    #[schemars(range(min = 1), extend("x-validate" = true, "x-short" = "b", "x-value" = "N",
        "x-group" = "Training", "x-usual" = "depends on the size of the data"))]
    pub batch_size: Option<usize>,

    /// Accumulate gradients over this many batches for each step: the step of a large batch in the
    /// memory of a small one. Batch norm normalizes each batch alone
    #[schemars(range(min = 1), extend("x-value" = "N", "x-group" = "Training", "default" = 1))]
    pub accumulate: Option<usize>,

    /// Clip the total gradient norm to this value
    #[schemars(extend("exclusiveMinimum" = 0, "x-value" = "NORM", "x-group" = "Training",
        "x-usual" = "no clipping"))]
    pub clip: Option<f64>,

    /// Stop a fit after this many epochs in a row without improvement on the validation set (early
    /// stopping)
    #[schemars(range(min = 1), extend("x-value" = "N", "x-group" = "Training",
        "x-usual" = "train all epochs"))]
    pub early_stop: Option<usize>,

    /// Weights that the finished model gets: those of the `last` epoch, or of the `best` one on the
    /// validation set
    #[schemars(extend("x-value" = "WHICH", "x-group" = "Training",
        "x-usual" = "last; with --early-stop, best"))]
    pub keep: Option<Keep>,

    /// Random seed: the same seed gives the same result, bit for bit
    #[schemars(extend("x-value" = "N", "x-group" = "Training", "default" = 42))]
    pub seed: Option<u64>,

    /// Device to compute on: `cpu`, `gpu`, `gpu:1` for the second GPU, or `auto`, which takes the
    /// GPU if this program was built with GPU support and one is found, else the CPU
    #[schemars(extend("x-role" = "host", "x-value" = "DEVICE", "x-group" = "Run",
        "default" = "auto"))]
    pub device: Option<DeviceChoice>,

    /// Threads that load and prepare batches. Their number affects the speed, never the result
    #[schemars(range(max = 1024), extend("x-validate" = true, "x-role" = "host", "x-value" = "N", "x-group" = "Run",
        "x-usual" = "one per core, up to 4"))]
    pub workers: Option<usize>,

    /// Save a checkpoint every N steps, besides the one after each epoch; 0 for those alone
    #[schemars(extend("x-role" = "host", "x-value" = "N", "x-group" = "Run", "default" = 100))]
    pub checkpoint_every: Option<usize>,
}

impl Common {
    /// The seed, or the usual one.
    pub(crate) fn seed(&self) -> u64 {
        self.seed.unwrap_or(SEED)
    }
}

impl<T: Task> Settings<T> {
    /// Trains on `data` into `out`, everything else by default.
    pub fn new(data: impl Into<Location>, out: impl Into<Location>) -> Self {
        let mut settings = Self::default();
        settings.common.data = Some(data.into());
        settings.common.out = Some(out.into());
        settings
    }

    /// The settings in a JSON object, as a form or a configuration file gives them.
    ///
    /// # Errors
    /// [`SettingsError::Unknown`]; [`SettingsError::Invalid`] for the first value that does not fit.
    pub fn from_json(given: &Map<String, Value>) -> Result<Self> {
        let fields = fields::<T>();
        let meant = |(key, value): (&String, &Value)| {
            let field = fields.iter().find(|field| field.key == *key);
            (key.clone(), field.map_or_else(|| value.clone(), |field| field.meant(value)))
        };
        let given: Map<String, Value> = given.iter().map(meant).collect();
        for (key, value) in &given {
            let field = fields.iter().find(|field| field.key == *key);
            let field = field.ok_or_else(|| SettingsError::Unknown {
                setting: key.clone(),
                task: T::ABOUT.name,
                known: fields.iter().map(|field| field.key.clone()).collect(),
            })?;
            field.check(value)?;
            // One by one, so that the error is about this one.
            let one = Value::Object([(key.clone(), value.clone())].into_iter().collect());
            serde_json::from_value::<Self>(one).map_err(|error| field.invalid(value, &error))?;
        }
        serde_json::from_value(Value::Object(given.clone())).map_err(|error| {
            SettingsError::Invalid {
                setting: "settings".into(),
                value: Value::Object(given.clone()).to_string(),
                reason: error.to_string(),
            }
            .into()
        })
    }

    /// What is given, as a JSON object: each setting that is not `None`.
    pub fn given(&self) -> Map<String, Value> {
        let Ok(Value::Object(mut given)) = serde_json::to_value(self) else { return Map::new() };
        given.retain(|_, value| !value.is_null());
        given
    }

    /// Fails for a value out of its range, however it came here.
    ///
    /// # Errors
    /// [`SettingsError::Invalid`].
    pub(crate) fn check(&self) -> Result<()> {
        let given = self.given();
        let known = |field: &Field| Some((field.clone(), given.get(&field.key)?));
        fields::<T>()
            .iter()
            .filter_map(known)
            .try_for_each(|(field, value)| Ok(field.check(value)?))
    }
}

impl<T: Task> Default for Settings<T> {
    fn default() -> Self {
        Self { common: Common::default(), task: T::Settings::default() }
    }
}

/// The settings of a task, in the order in which they are shown.
pub fn fields<T: Task>() -> Vec<Field> {
    Field::all(schemars::schema_for!(Settings<T>).as_value())
}

/// What the settings structs of tasks have in common.
pub trait TaskSettings:
    std::fmt::Debug + Clone + Default + Send + Sync + Serialize + DeserializeOwned + JsonSchema
{
}

impl<S> TaskSettings for S where
    S: std::fmt::Debug + Clone + Default + Send + Sync + Serialize + DeserializeOwned + JsonSchema
{
}

/// What is wrong with a setting.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    #[error("there is no setting `{setting}` for task `{task}`")]
    Unknown { setting: String, task: &'static str, known: Vec<String> },

    #[error("`{setting}` is {value}: {reason}")]
    Invalid { setting: String, value: String, reason: String },

    #[error("there is no task `{name}`")]
    UnknownTask { name: String, known: Vec<&'static str> },

    #[error("`{}` is not a setting of the task `{task}`", flag(setting))]
    OfOtherTask { setting: String, task: &'static str },

    #[error("`{}` has no effect here: {reason}", flag(setting))]
    Unused { setting: &'static str, reason: &'static str },

    #[error("no {setting} given")]
    Missing { setting: &'static str },

    #[error("{file} is not a configuration file: {reason}")]
    File { file: std::path::PathBuf, reason: String },
}

impl Hinted for SettingsError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { setting, known, .. } => {
                nearest(setting, known.iter().map(String::as_str))
                    .map(|known| format!("did you mean `{known}`?"))
            }
            Self::UnknownTask { known, .. } => Some(format!("choose one of {}", known.join(", "))),
            Self::OfOtherTask { .. } => {
                Some("leave it out, or choose another task with `--task`".into())
            }
            Self::Unused { .. } => Some("leave it out".into()),
            Self::Missing { setting: "data" } => Some("name a folder or a file".into()),
            Self::Missing { setting } => Some(format!("add `{}`", flag(setting))),
            Self::File { .. } => Some("`tinderbox config default` prints one to start from".into()),
            Self::Invalid { .. } => None,
        }
    }
}

/// The flag of a setting: `--batch-size` for `batch_size`.
pub fn flag(setting: &str) -> String {
    format!("--{}", setting.replace('_', "-"))
}

/// The name that is most like another one, if any is.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const ALIKE: f64 = 0.7;
    let alike = known.map(|known| (strsim::jaro_winkler(name, known), known));
    let best = alike.max_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|(likeness, _)| *likeness >= ALIKE).map(|(_, known)| known)
}

/// Fails if a setting is given that would do nothing.
///
/// # Errors
/// [`SettingsError::Unused`].
pub(crate) fn unused<V>(
    setting: &'static str,
    given: Option<&V>,
    reason: &'static str,
) -> Result<(), Error> {
    match given {
        Some(_) => Err(SettingsError::Unused { setting, reason }.into()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
