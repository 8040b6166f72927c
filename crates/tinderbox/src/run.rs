//! A run folder: everything a training run was made with, and everything it made.
//!
//! | file | holds |
//! |---|---|
//! | `run.json` | the run's plan, complete: what a resumed run goes on with |
//! | `items.csv` | every item's set, label, path, length and hash, so that changed data is noticed |
//! | `run.toml` | the settings, as a configuration file that repeats the run |
//! | `vocab.json` | the words that a text classifier knows |
//! | `checkpoint.safetensors` | where training is, bit for bit; see [`tinderbox_learn::Checkpoints`] |
//! | `best.safetensors` | the weights of the best epoch, with `--keep best` |
//! | `history.csv` | the epoch table |
//! | `model.safetensors` | the finished model: one file that predicts anywhere |
//! | `diverged.json` | why there is no model, if the training diverged |
//! | `last-good.safetensors` | the model of the last good epoch before it did |
//! | `losses.svg`, `rates.svg` | plots |
//! | `samples/` | what an image-to-image model made of a few validation items, after each epoch |

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use burn::tensor::Device;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use tinderbox_data::shell_word;
use tinderbox_learn::{Bundle, write_atomically};

use crate::{
    Error, Hinted, Plan, Result, Settings, SettingsError, Sources, Task,
    settings::{flag, run_file},
    train::check_is_sound,
};

/// Held while a process trains in a run folder. The system lets go of it however that ends; what is
/// left behind is an empty file.
#[derive(Debug)]
pub(crate) struct Lock {
    run: RunFolder,
    /// Whether the folder was made for it.
    made: bool,
    _file: File,
}

impl Drop for Lock {
    /// Leaves nothing of a run that did not begin.
    fn drop(&mut self) {
        // What cannot be removed does no harm.
        let _ = fs::remove_file(self.run.root.join(".lock"));
        if self.made {
            let _ = fs::remove_dir(&self.run.root);
        }
    }
}

/// The files of a run, which are written over when it begins.
const FILES: [&str; 11] = [
    "run.json",
    "run.toml",
    "items.csv",
    "vocab.json",
    "checkpoint.safetensors",
    "best.safetensors",
    "history.csv",
    "model.safetensors",
    "last-good.safetensors",
    "diverged.json",
    ".lock",
];

/// Its plots.
const PLOTS: [&str; 2] = ["losses", "rates"];

/// The number that changes when the run folder's files can no longer be read by older versions.
const FORMAT: u32 = 4;

/// The paths in a run folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder {
    root: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct RunFile<P> {
    format: u32,
    tinderbox: String,
    /// The task's name.
    task: String,
    plan: P,
}

impl RunFolder {
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The one that settings name; if they name none, `runs/photos` for `data/photos`, which may hold
    /// a run already.
    ///
    /// # Errors
    /// [`SettingsError::Missing`] if they name no data either.
    pub(crate) fn of<T: Task>(ask: &Settings<T>) -> Result<Self> {
        if let Some(out) = &ask.common.out {
            return Ok(Self::new(shown(out.path())));
        }
        let data = T::sources(ask);
        let path = data.paths().next().ok_or(SettingsError::Missing { setting: "out" })?;
        Ok(Self::usual(path))
    }

    /// The one of a run on this data, if none is named.
    pub fn usual(data: impl AsRef<Path>) -> Self {
        let data = data.as_ref();
        let data = crate::settings::absolute(data);
        Self::new(Path::new("runs").join(data.file_stem().unwrap_or("run".as_ref())))
    }

    /// This folder, or, if it holds a run or a file that a run would write over, the first of
    /// `photos-2`, `photos-3` and so on that holds none.
    #[must_use]
    pub fn next_free(&self) -> Self {
        self.numbered().find(|run| run.taken().is_none()).expect("there is always another number")
    }

    /// The last of these folders that holds a run; this one if none does.
    #[must_use]
    pub fn latest(&self) -> Self {
        let taken = self.numbered().take_while(|run| run.taken().is_some());
        taken.filter(|run| run.plan_file().is_file()).last().unwrap_or_else(|| self.clone())
    }

    fn numbered(&self) -> impl Iterator<Item = Self> {
        let name = self.root.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let next = move |number| Self::new(self.root.with_file_name(format!("{name}-{number}")));
        std::iter::once(self.clone()).chain((2..).map(next))
    }

    /// The first of a run's files that is there.
    fn taken(&self) -> Option<PathBuf> {
        let files = FILES.iter().map(|name| self.root.join(name));
        let files = files.chain(PLOTS.iter().map(|name| self.plot(name)));
        // A link that leads nowhere is there, too.
        files.into_iter().find(|file| file.symlink_metadata().is_ok() && !is_left_lock(file))
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn plan_file(&self) -> PathBuf {
        self.root.join("run.json")
    }

    /// The configuration file that repeats the run.
    pub fn config(&self) -> PathBuf {
        self.root.join("run.toml")
    }

    pub fn items(&self) -> PathBuf {
        self.root.join("items.csv")
    }

    pub fn vocab(&self) -> PathBuf {
        self.root.join("vocab.json")
    }

    pub fn checkpoint(&self) -> PathBuf {
        self.root.join("checkpoint.safetensors")
    }

    pub fn history(&self) -> PathBuf {
        self.root.join("history.csv")
    }

    pub fn model(&self) -> PathBuf {
        self.root.join("model.safetensors")
    }

    /// Why there is no model, if the training diverged.
    pub fn diverged(&self) -> PathBuf {
        self.root.join("diverged.json")
    }

    /// The model of the last good epoch of a training that diverged.
    pub fn last_good(&self) -> PathBuf {
        self.root.join("last-good.safetensors")
    }

    /// The folder of images that a model made of some validation items.
    pub fn samples(&self) -> PathBuf {
        self.root.join("samples")
    }

    /// Those of an epoch, counted from 1 over all fits.
    pub fn sample(&self, epoch: usize) -> PathBuf {
        self.samples().join(format!("epoch-{epoch:03}.png"))
    }

    pub fn plot(&self, name: &str) -> PathBuf {
        self.root.join(format!("{name}.svg"))
    }

    /// Fails if the run would be written among the data: in a data folder, or in one inside of it that
    /// holds something, as a class folder does.
    ///
    /// # Errors
    /// [`RunError::OutIsData`] and [`RunError::OutInData`].
    pub(crate) fn check_is_beside(&self, data: &Sources) -> Result<()> {
        // What is not there yet is in nobody's way.
        let Ok(out) = self.root.canonicalize() else { return Ok(()) };
        let holds_others = || {
            let entry = fs::read_dir(&out).into_iter().flatten().next();
            entry.is_some() && !self.plan_file().exists()
        };
        for path in data.paths() {
            let Ok(source) = path.canonicalize() else { continue };
            let folder = self.root.clone();
            if out == source {
                return Err(RunError::OutIsData { folder }.into());
            }
            if out.starts_with(&source) && holds_others() {
                return Err(RunError::OutInData { folder, data: path.to_owned() }.into());
            }
        }
        Ok(())
    }

    /// Fails if a run that begins here would write over anything but what an earlier one, that was
    /// not trained for a step, has left.
    ///
    /// # Errors
    /// [`RunError::Exists`] if anything was trained in it already; [`RunError::NotOurs`] for files of
    /// these names that no run wrote.
    pub(crate) fn check_is_new(&self) -> Result<()> {
        let Some(file) = self.taken() else { return Ok(()) };
        let folder = self.root.clone();
        let text = fs::read_to_string(self.plan_file()).unwrap_or_default();
        let format = serde_json::from_str(&text).ok().map(|Format { format }| format);
        // A process that was killed before it wrote the plan has left its lock.
        let was_killed = !self.plan_file().exists() && is_left_lock(&self.root.join(".lock"));
        let exists = |finished| RunError::Exists { folder: folder.clone(), finished };
        match format {
            Some(_) if self.model().exists() => Err(exists(true).into()),
            Some(FORMAT) if self.diverged().exists() => Ok(check_is_sound(self)?),
            Some(FORMAT) if self.checkpoint().exists() => Err(exists(false).into()),
            Some(FORMAT) => Ok(()),
            None if was_killed => Ok(()),
            // What other versions wrote is not written over either.
            _ => Err(RunError::NotOurs { folder, file }.into()),
        }
    }

    /// Makes the folder if there is none, and keeps other processes from training in it.
    ///
    /// # Errors
    /// [`RunError::Busy`] if one does; [`Error::Write`].
    pub(crate) fn lock(&self) -> Result<Lock> {
        let made = !self.root.exists();
        fs::create_dir_all(&self.root)
            .map_err(|source| Error::Write { path: self.root.clone(), source })?;
        let path = self.root.join(".lock");
        let file = File::options().write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(|source| Error::Write { path: path.clone(), source })?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                Err(RunError::Busy { folder: self.root.clone() }.into())
            }
            // Some file systems know no locks.
            Ok(()) | Err(TryLockError::Error(_)) => {
                Ok(Lock { run: self.clone(), made, _file: file })
            }
        }
    }

    /// Writes the list of items, the configuration, then the plan: what has a plan can be resumed.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub(crate) fn create<T: Task>(&self, plan: &Plan<T>, items: &str) -> Result<()> {
        write_atomically(self.items(), items.as_bytes())?;
        self.write(plan)
    }

    /// Writes the configuration, then the plan.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub(crate) fn write<T: Task>(&self, plan: &Plan<T>) -> Result<()> {
        write_atomically(self.config(), run_file(plan).as_bytes())?;
        let tinderbox = env!("CARGO_PKG_VERSION").into();
        let file = RunFile { format: FORMAT, tinderbox, task: T::ABOUT.name.to_owned(), plan };
        let text = serde_json::to_string_pretty(&file).expect("a plan is plain data");
        Ok(write_atomically(self.plan_file(), text.as_bytes())?)
    }

    /// Reads the plan of the run in this folder.
    ///
    /// # Errors
    /// [`RunError::NoRun`] if there is none; [`RunError::OtherTask`] if it is one of another task;
    /// [`RunError::File`] if it is not readable, naming the field.
    pub fn plan<T: Task>(&self) -> Result<Plan<T>> {
        let task = self.task()?;
        match task == T::ABOUT.name {
            true => Ok(self.read::<Plan<T>>()?.plan),
            false => {
                let (folder, expected) = (self.root.clone(), T::ABOUT.name);
                Err(RunError::OtherTask { folder, found: task, expected }.into())
            }
        }
    }

    /// What a setting of the run came to, if it has such a one.
    ///
    /// # Errors
    /// As [`plan`](Self::plan).
    pub fn decided(&self, setting: &str) -> Result<Option<Value>> {
        let value = self.read::<Value>()?.plan["decided"][setting].take();
        Ok((!value.is_null()).then_some(value))
    }

    /// The list of the run's items, as it was when the run began.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub(crate) fn list(&self) -> Result<String> {
        let path = self.items();
        fs::read_to_string(&path).map_err(|source| Error::Read { path, source })
    }

    /// The name of the task that the run in this folder is of.
    ///
    /// # Errors
    /// As [`plan`](Self::plan).
    pub fn task(&self) -> Result<String> {
        Ok(self.read::<serde::de::IgnoredAny>()?.task)
    }

    fn read<P: DeserializeOwned>(&self) -> Result<RunFile<P>> {
        let path = self.plan_file();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(RunError::NoRun { folder: self.root.clone() }.into());
            }
            Err(source) => return Err(Error::Read { path, source }),
        };
        let wrong = |source| RunError::File { path: path.clone(), source };
        // The format first: another one has other fields.
        let Format { format } = serde_json::from_str(&text).map_err(wrong)?;
        match format {
            FORMAT => Ok(serde_json::from_str(&text).map_err(wrong)?),
            found => Err(RunError::Format { path, found, expected: FORMAT }.into()),
        }
    }
}

#[derive(Deserialize)]
struct Format {
    format: u32,
}

/// A path below the folder that the program runs in, as people say it.
fn shown(path: &Path) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    match path.strip_prefix(&here) {
        Ok(below) if !below.as_os_str().is_empty() => below.to_owned(),
        _ => path.to_owned(),
    }
}

/// Reads a model file, or the finished model of a run folder.
///
/// # Errors
/// [`RunError::NoRun`] and [`RunError::Unfinished`] for folders without one; what is wrong with the file.
#[doc(alias = "load_learner")]
pub fn open_model(path: impl AsRef<Path>) -> Result<Bundle> {
    let path = path.as_ref();
    let file = match path.is_dir() {
        false => path.to_owned(),
        true => {
            let run = RunFolder::new(path);
            if !run.model().is_file() {
                check_is_sound(&run)?;
                run.task()?;
                return Err(RunError::Unfinished { folder: path.to_owned() }.into());
            }
            run.model()
        }
    };
    Ok(Bundle::read(&file, &Device::flex())?)
}

/// What is wrong with a run folder, or with going on in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    #[error("{folder} is the data folder, which cannot be the run folder, too")]
    OutIsData { folder: PathBuf },

    #[error("the name of {path} is not UTF-8, so a run cannot record it")]
    NotUtf8 { path: PathBuf },

    #[error("{folder} is inside the data folder {data} and holds other files")]
    OutInData { folder: PathBuf, data: PathBuf },

    #[error("{folder} already has a {}run", if *finished { "finished " } else { "" })]
    Exists { folder: PathBuf, finished: bool },

    #[error(
        "{folder} is not a run folder, but has the file {}, which a run would overwrite",
        name(file)
    )]
    NotOurs { folder: PathBuf, file: PathBuf },

    #[error("another process is training in {folder}")]
    Busy { folder: PathBuf },

    #[error("{folder} is not a run folder: there is no run.json in it")]
    NoRun { folder: PathBuf },

    #[error("the run in {folder} is of task `{found}`, not `{expected}`")]
    OtherTask { folder: PathBuf, found: String, expected: &'static str },

    #[error("{path} does not describe a run")]
    File { path: PathBuf, source: serde_json::Error },

    #[error("{path} is of format {found}; this version reads format {expected}")]
    Format { path: PathBuf, found: u32, expected: u32 },

    #[error("the run in {folder} was started {}", made(setting, was, now))]
    Differs { folder: PathBuf, setting: String, was: Value, now: Value },

    #[error("the run in {folder} was started with --epochs {was}, not {now}, and is finished")]
    Finished { folder: PathBuf, data: Sources, was: u64, now: u64 },

    #[error("the data of the run in {folder} is no longer in {data}")]
    DataGone { folder: PathBuf, setting: String, data: PathBuf },

    #[error("the {unit} have changed since the run began: {what}")]
    ItemsChanged { unit: &'static str, what: String },

    #[error("the run folder {folder} was removed while the run was training")]
    FolderGone {
        folder: PathBuf,
        /// The model as it was then, if it could be saved.
        saved: Option<PathBuf>,
    },

    #[error("the run cannot be resumed from its checkpoint")]
    Checkpoint { file: PathBuf, source: tinderbox_learn::Error },

    #[error("the run in {folder} is not finished: it has a checkpoint, but no model yet")]
    Unfinished { folder: PathBuf },
}

impl RunError {
    /// A setting that is not the run's.
    pub(crate) fn differs(run: &RunFolder, setting: &str, was: &Value, now: &Value) -> Self {
        Self::Differs {
            folder: run.root().to_owned(),
            setting: setting.to_owned(),
            was: was.clone(),
            now: now.clone(),
        }
    }
}

/// The usual run folder of data, as a word of a command.
fn run_of(data: &Path) -> String {
    shell_word(RunFolder::usual(data).next_free().root())
}

/// Whether a file is a lock that a process left which was killed: it is empty.
fn is_left_lock(file: &Path) -> bool {
    file.ends_with(".lock") && file.metadata().is_ok_and(|file| file.len() == 0)
}

/// The name of a file.
fn name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Where data is, as words of a command.
pub(crate) fn sources_words(data: &Sources) -> String {
    let words = data.0.iter().map(|(setting, path)| match setting.as_str() {
        "data" => shell_word(path),
        setting => format!("{} {}", flag(setting), shell_word(path)),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The next folder beside one that a run can begin in, as a word of a command.
pub(crate) fn beside(folder: &Path) -> String {
    let free = RunFolder::new(folder).numbered().skip(1).find(|run| run.taken().is_none());
    shell_word(free.expect("there is always another number").root())
}

/// `with --lr 0.1, not 0.2`.
fn made(setting: &str, was: &Value, now: &Value) -> String {
    let flag = flag(setting);
    let said = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "on".into(),
        Value::Bool(false) => "off".into(),
        Value::Array(values) => {
            let texts = values.iter().map(|value| value.as_str().unwrap_or_default());
            texts.collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    };
    match was {
        Value::Null => format!("without {flag}, not with {}", said(now)),
        was => format!("with {flag} {}, not {}", said(was), said(now)),
    }
}

impl Hinted for RunError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::OutIsData { folder } => format!("name another folder: `--out {}`", run_of(folder)),
            Self::OutInData { data, .. } => format!("name another folder: `--out {}`", run_of(data)),
            Self::NotOurs { folder, .. } => {
                format!("train in another folder: `--out {}`", beside(folder))
            }
            Self::NotUtf8 { .. } => {
                "rename it, or link to it by another name".into()
            }
            Self::Exists { folder, finished: true } => format!(
                "keep it and train in another folder: `--out {0}`; or start there from its weights: `--from {1} --out {0}`",
                beside(folder),
                shell_word(folder)
            ),
            Self::Finished { folder, data, was, now } => format!(
                "continue from its weights in a new run: `tinderbox train {} --from {} --epochs {}`",
                sources_words(data),
                shell_word(folder),
                now - was
            ),
            Self::Exists { folder, finished: false } => format!(
                "resume it: `tinderbox train --out {} --resume`; or keep it and train in another folder: `--out {}`",
                shell_word(folder),
                beside(folder)
            ),
            Self::Busy { .. } => "wait for it, or train in another folder: `--out`".into(),
            Self::NoRun { .. } => "name the folder that `tinderbox train` wrote (its `--out`)".into(),
            Self::OtherTask { .. } => "name a run of that task, or another folder: `--out`".into(),
            Self::File { .. } => {
                "without it, the run cannot be resumed; a model.safetensors next to it still predicts".into()
            }
            Self::Format { .. } => {
                "use the version that started the run, or start a new run with `--out`".into()
            }
            Self::Differs { .. } => {
                "leave the option out to resume the run, or start a new run with `--out`".into()
            }
            Self::DataGone { folder, setting, .. } if setting == "data" => format!(
                "if it has moved, name its new place: `tinderbox train FOLDER --out {0} --resume`, or `tinderbox interpret {0} --data FOLDER`",
                shell_word(folder)
            ),
            Self::DataGone { folder, setting, .. } => format!(
                "if it has moved, name its new place: `tinderbox train {0} FOLDER --out {1} --resume`, or `tinderbox interpret {1} {0} FOLDER`",
                flag(setting),
                shell_word(folder)
            ),
            Self::ItemsChanged { .. } => {
                "restore the data, or start a new run with `--out`".into()
            }
            Self::FolderGone { saved: Some(file), .. } => format!(
                "the model is saved as far as it was trained; `tinderbox summary {}` describes it",
                shell_word(file)
            ),
            Self::FolderGone { saved: None, .. } => {
                "the model could not be saved; train it again".into()
            }
            Self::Checkpoint { file, .. } => {
                format!("remove {}, and `--resume` starts the run again", shell_word(file))
            }
            Self::Unfinished { folder } => {
                format!("finish it first: `tinderbox train --out {} --resume`", shell_word(folder))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::error::check;

    use super::*;

    #[test]
    fn errors_about_a_run_say_how_to_go_on() {
        check(
            RunError::Exists { folder: "r".into(), finished: false },
            "r already has a run",
            Some(
                "`tinderbox train --out r --resume`; or keep it and train in another folder: `--out r-2`",
            ),
        );
        check(
            RunError::Exists { folder: "r".into(), finished: true },
            "r already has a finished run",
            Some("--from r --out r-2"),
        );
        check(
            RunError::Exists { folder: "my runs/a".into(), finished: true },
            "my runs/a already has a finished run",
            Some("`--from 'my runs/a' --out 'my runs/a-2'`"),
        );
        check(
            RunError::NotOurs { folder: "r".into(), file: "r/items.csv".into() },
            "r is not a run folder, but has the file items.csv, which a run would overwrite",
            Some("`--out r-2`"),
        );
        check(
            RunError::OutInData { folder: "d/cat".into(), data: "d".into() },
            "d/cat is inside the data folder d and holds other files",
            Some("`--out runs/d`"),
        );
        let data = Sources::default().with("data", Path::new("d"));
        check(
            RunError::Finished { folder: "r".into(), data, was: 4, now: 10 },
            "the run in r was started with --epochs 4, not 10, and is finished",
            Some("`tinderbox train d --from r --epochs 6`"),
        );
        check(
            RunError::Busy { folder: "r".into() },
            "another process is training in r",
            Some("wait for it"),
        );
        let gone = |setting: &str| RunError::DataGone {
            folder: "r".into(),
            setting: setting.into(),
            data: "/d".into(),
        };
        let message = "the data of the run in r is no longer in /d";
        check(gone("data"), message, Some("train FOLDER --out r --resume`, or"));
        check(gone("masks"), message, Some("`tinderbox interpret r --masks FOLDER`"));
        let gone = |saved| RunError::FolderGone { folder: "r".into(), saved };
        let message = "the run folder r was removed while the run was training";
        let hint = "`tinderbox summary r-rescued-1.safetensors`";
        check(gone(Some("r-rescued-1.safetensors".into())), message, Some(hint));
        check(gone(None), message, Some("train it again"));
        let source = tinderbox_learn::Error::NothingToTrain;
        check(
            RunError::Checkpoint { file: "r/checkpoint.safetensors".into(), source },
            "the run cannot be resumed from its checkpoint",
            Some("remove r/checkpoint.safetensors"),
        );
    }

    #[test]
    fn errors_about_what_is_no_run_say_what_to_name() {
        check(
            RunError::NoRun { folder: "r".into() },
            "r is not a run folder: there is no run.json in it",
            Some("tinderbox train"),
        );
        check(
            RunError::OtherTask {
                folder: "r".into(),
                found: "segment".into(),
                expected: "classify",
            },
            "the run in r is of task `segment`, not `classify`",
            Some("name a run of that task"),
        );
        let source = serde_json::from_str::<u32>("x").unwrap_err();
        check(
            RunError::File { path: "r/run.json".into(), source },
            "r/run.json does not describe a run",
            Some("still predicts"),
        );
        check(
            RunError::Format { path: "r/run.json".into(), found: 1, expected: 2 },
            "r/run.json is of format 1; this version reads format 2",
            Some("the version that started"),
        );
        check(
            RunError::ItemsChanged { unit: "images", what: "there were 2 and there are 3".into() },
            "the images have changed since the run began: there were 2 and there are 3",
            Some("restore the data"),
        );
        check(
            RunError::Unfinished { folder: "r".into() },
            "the run in r is not finished: it has a checkpoint, but no model yet",
            Some("--out r --resume"),
        );
        check(
            RunError::OutIsData { folder: "d".into() },
            "d is the data folder, which cannot be the run folder, too",
            Some("`--out runs/d`"),
        );
        check(
            RunError::NotUtf8 { path: "d".into() },
            "the name of d is not UTF-8, so a run cannot record it",
            Some("rename it"),
        );
    }

    #[test]
    fn a_folder_that_holds_a_run_is_left_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::new(folder.path().join("photos"));
        assert_eq!((run.next_free(), run.latest()), (run.clone(), run.clone()));
        for number in ["", "-2"] {
            let held = folder.path().join(format!("photos{number}"));
            fs::create_dir(&held).unwrap();
            fs::write(held.join("run.json"), "{}").unwrap();
        }
        assert!(run.next_free().root().ends_with("photos-3"));
        assert!(beside(run.root()).ends_with("photos-3"));
        assert!(run.latest().root().ends_with("photos-2"));
    }

    #[test]
    fn only_a_run_is_written_over_and_only_before_its_first_step() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::new(folder.path());
        let found = || run.check_is_new().unwrap_err().to_string();
        fs::write(folder.path().join("notes.txt"), "").unwrap();
        run.check_is_new().unwrap();
        for name in FILES.iter().map(|name| (*name).to_owned()).chain(["losses.svg".to_owned()]) {
            fs::write(folder.path().join(&name), "precious").unwrap();
            assert!(found().contains(&format!("the file {name}, which")), "{}", found());
            fs::remove_file(folder.path().join(&name)).unwrap();
        }
        fs::write(run.plan_file(), format!("{{ \"format\": {FORMAT} }}")).unwrap();
        fs::write(run.items(), "").unwrap();
        run.check_is_new().unwrap();
        // Of another version.
        fs::write(run.plan_file(), r#"{ "format": 99 }"#).unwrap();
        assert!(found().contains("the file run.json"), "{}", found());
        fs::write(run.model(), "").unwrap();
        assert!(found().ends_with("already has a finished run"), "{}", found());
        fs::write(run.plan_file(), "mine").unwrap();
        assert!(found().contains("the file run.json"), "{}", found());
    }

    #[test]
    fn a_process_that_was_killed_is_in_nobodys_way() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::new(folder.path());
        fs::write(folder.path().join(".lock"), "").unwrap();
        fs::write(run.vocab(), "[]").unwrap();
        run.check_is_new().unwrap();
    }

    #[test]
    fn a_run_is_not_written_among_its_data() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("photos");
        fs::create_dir_all(data.join("cat")).unwrap();
        fs::write(data.join("cat/1.png"), "").unwrap();
        let sources = Sources::default().with("data", &*data);
        let refused = |out: PathBuf| RunFolder::new(out).check_is_beside(&sources).is_err();
        assert!(refused(data.clone()) && refused(data.join("cat")) && refused(data.join("./cat")));
        assert!(!refused(data.join("run")) && !refused(folder.path().join("run")));
        fs::create_dir(data.join("run")).unwrap();
        assert!(!refused(data.join("run")), "an empty folder");
        fs::write(data.join("run/run.json"), "{}").unwrap();
        assert!(!refused(data.join("run")), "a run");
    }

    #[test]
    fn a_setting_that_differs_is_said_as_it_is_typed() {
        let run = RunFolder::new("r");
        let differs = |setting: &str, was: Value, now: Value| {
            RunError::differs(&run, setting, &was, &now).to_string()
        };
        assert_eq!(
            differs("lr", 0.1.into(), 0.2.into()),
            "the run in r was started with --lr 0.1, not 0.2"
        );
        assert_eq!(
            differs("batch_size", Value::Null, "x".into()),
            "the run in r was started without --batch-size, not with x"
        );
        assert_eq!(
            differs("text", vec!["title", "body"].into(), vec!["body"].into()),
            "the run in r was started with --text title, body, not body"
        );
    }
}
