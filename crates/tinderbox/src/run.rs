//! A run folder: everything a training run was made with, and everything it made.
//!
//! | file | holds |
//! |---|---|
//! | `run.json` | the run's plan, complete: what a resumed run goes on with |
//! | `items.csv` | every item's set, label, path and length, so that changed data is noticed |
//! | `vocab.json` | the words that a classifier of texts knows |
//! | `checkpoint.safetensors` | where training is, bit for bit; see [`tinderbox_learn::Checkpoints`] |
//! | `history.csv` | the epoch table |
//! | `model.safetensors` | the finished model: one file that predicts anywhere |
//! | `losses.svg`, `rates.svg` | plots |

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use burn::tensor::Device;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tinderbox_learn::{Bundle, write_atomically};

use crate::{Error, Result};

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

/// The number that changes when the run folder's files can no longer be read by older versions.
const FORMAT: u32 = 1;

/// The paths in a run folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder {
    root: PathBuf,
}

/// What a run trains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// A classifier of images; what runs of older versions, which do not say, all train.
    #[default]
    Images,
    /// A class for each pixel.
    Segmenter,
    LanguageModel,
    TextClassifier,
    /// A label for each word.
    Tagger,
}

impl Task {
    /// In words: `a classifier of images`.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Images => "a classifier of images",
            Self::Segmenter => "a segmenter of images",
            Self::LanguageModel => "a language model",
            Self::TextClassifier => "a classifier of texts",
            Self::Tagger => "a tagger of words",
        }
    }
}

/// What a run will do, complete. It is saved with the run.
pub trait RunPlan: Serialize + DeserializeOwned {
    const TASK: Task;
}

#[derive(Serialize, Deserialize)]
struct RunFile<P> {
    format: u32,
    tinderbox: String,
    #[serde(default)]
    task: Task,
    plan: P,
}

impl RunFolder {
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn plan_file(&self) -> PathBuf {
        self.root.join("run.json")
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

    pub fn plot(&self, name: &str) -> PathBuf {
        self.root.join(format!("{name}.svg"))
    }

    /// # Errors
    /// [`Error::RunExists`] if anything was trained in it already.
    pub(crate) fn check_is_new(&self) -> Result<()> {
        let finished = self.model().exists();
        match finished || self.checkpoint().exists() {
            true => Err(Error::RunExists { folder: self.root.clone(), finished }),
            false => Ok(()),
        }
    }

    /// Compares settings that are given with those that the run was begun with: flag, given, was.
    ///
    /// # Errors
    /// [`Error::ResumeDiffers`] with the first that differs.
    pub(crate) fn check_settings(
        &self,
        checks: impl IntoIterator<Item = (&'static str, Option<String>, String)>,
    ) -> Result<()> {
        for (setting, now, was) in checks {
            if let Some(now) = now.filter(|now| *now != was) {
                let folder = self.root.clone();
                return Err(Error::ResumeDiffers { folder, setting, was, now });
            }
        }
        Ok(())
    }

    /// Makes the folder if there is none, and keeps other processes from training in it.
    ///
    /// # Errors
    /// [`Error::RunBusy`] if one does; [`Error::Write`].
    pub(crate) fn lock(&self) -> Result<Lock> {
        let made = !self.root.exists();
        fs::create_dir_all(&self.root)
            .map_err(|source| Error::Write { path: self.root.clone(), source })?;
        let path = self.root.join(".lock");
        let file =
            File::create(&path).map_err(|source| Error::Write { path: path.clone(), source })?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => Err(Error::RunBusy { folder: self.root.clone() }),
            // Some file systems know no locks.
            Ok(()) | Err(TryLockError::Error(_)) => {
                Ok(Lock { run: self.clone(), made, _file: file })
            }
        }
    }

    /// Writes the list of items, then the plan: what has a plan can be resumed.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub(crate) fn create<P: RunPlan>(&self, plan: &P, items: &str) -> Result<()> {
        write_atomically(&self.items(), items.as_bytes())?;
        let tinderbox = env!("CARGO_PKG_VERSION").into();
        let file = RunFile { format: FORMAT, tinderbox, task: P::TASK, plan };
        let text = serde_json::to_string_pretty(&file).expect("a plan is plain data");
        Ok(write_atomically(&self.plan_file(), text.as_bytes())?)
    }

    /// Reads the plan of the run in this folder.
    ///
    /// # Errors
    /// [`Error::NoRun`] if there is none; [`Error::OtherTask`] if it is one of another kind;
    /// [`Error::RunFile`] if it is not readable, naming the field.
    pub fn plan<P: RunPlan>(&self) -> Result<P> {
        let task = self.task()?;
        if task != P::TASK {
            let (folder, expected) = (self.root.clone(), P::TASK.describe());
            return Err(Error::OtherTask { folder, found: task.describe(), expected });
        }
        self.read().map(|file| file.plan)
    }

    /// What the run in this folder trains.
    ///
    /// # Errors
    /// As [`plan`](Self::plan).
    pub fn task(&self) -> Result<Task> {
        self.read::<serde::de::IgnoredAny>().map(|file| file.task)
    }

    fn read<P: DeserializeOwned>(&self) -> Result<RunFile<P>> {
        let path = self.plan_file();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::NoRun { folder: self.root.clone() });
            }
            Err(source) => return Err(Error::Read { path, source }),
        };
        let file: RunFile<P> = serde_json::from_str(&text)
            .map_err(|source| Error::RunFile { path: path.clone(), source })?;
        match file.format {
            FORMAT => Ok(file),
            found => Err(Error::RunFormat { path, found, expected: FORMAT }),
        }
    }
}

/// Reads a model file, or the finished model of a run folder.
///
/// # Errors
/// [`Error::NoRun`] and [`Error::Unfinished`] for folders without one; what is wrong with the file.
pub fn open_model(path: &Path) -> Result<Bundle> {
    let file = match path.is_dir() {
        false => path.to_owned(),
        true => {
            let run = RunFolder::new(path);
            if !run.model().is_file() {
                run.task()?;
                return Err(Error::Unfinished { folder: path.to_owned() });
            }
            run.model()
        }
    };
    Ok(Bundle::read(&file, &Device::flex())?)
}

/// The folder as it can be found from anywhere, without a separator at its end.
///
/// # Errors
/// [`Error::NotUtf8`] for a name that a run's description cannot hold.
pub(crate) fn absolute(folder: &Path) -> Result<PathBuf> {
    let path = std::path::absolute(folder)
        .map_err(|source| Error::Read { path: folder.into(), source })?;
    match path.to_str() {
        Some(_) => Ok(path.components().collect()),
        None => Err(Error::NotUtf8 { path }),
    }
}
