//! A run folder: everything a training run was made with, and everything it made.
//!
//! | file | holds |
//! |---|---|
//! | `run.json` | the [`Plan`], complete: what a resumed run goes on with |
//! | `items.csv` | every image's set, label, path and length, so that a changed folder is noticed |
//! | `checkpoint.safetensors` | where training is, bit for bit; see [`tinderbox_learn::Checkpoints`] |
//! | `history.csv` | the epoch table |
//! | `model.safetensors` | the finished model: one file that predicts anywhere |
//! | `losses.svg`, `rates.svg` | plots |

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tinderbox_learn::write_atomically;

use super::Plan;
use crate::{Error, Result};

/// Held while a process trains in a run folder. The system lets go of it however that ends; what is
/// left behind is an empty file.
#[derive(Debug)]
pub(super) struct Lock {
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

#[derive(Serialize, Deserialize)]
struct RunFile {
    format: u32,
    tinderbox: String,
    plan: Plan,
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
    pub(super) fn check_is_new(&self) -> Result<()> {
        let finished = self.model().exists();
        match finished || self.checkpoint().exists() {
            true => Err(Error::RunExists { folder: self.root.clone(), finished }),
            false => Ok(()),
        }
    }

    /// Makes the folder if there is none, and keeps other processes from training in it.
    ///
    /// # Errors
    /// [`Error::RunBusy`] if one does; [`Error::Write`].
    pub(super) fn lock(&self) -> Result<Lock> {
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

    /// Writes the list of images, then the plan: what has a plan can be resumed.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub(super) fn create(&self, plan: &Plan, items: &str) -> Result<()> {
        write_atomically(&self.items(), items.as_bytes())?;
        let file = RunFile {
            format: FORMAT,
            tinderbox: env!("CARGO_PKG_VERSION").into(),
            plan: plan.clone(),
        };
        let text = serde_json::to_string_pretty(&file).expect("a plan is plain data");
        Ok(write_atomically(&self.plan_file(), text.as_bytes())?)
    }

    /// Reads the plan of the run in this folder.
    ///
    /// # Errors
    /// [`Error::NoRun`] if there is none; [`Error::RunFile`] if it is not readable, naming the
    /// field.
    pub fn plan(&self) -> Result<Plan> {
        let path = self.plan_file();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::NoRun { folder: self.root.clone() });
            }
            Err(source) => return Err(Error::Read { path, source }),
        };
        let file: RunFile = serde_json::from_str(&text)
            .map_err(|source| Error::RunFile { path: path.clone(), source })?;
        match file.format {
            FORMAT => Ok(file.plan),
            found => Err(Error::RunFormat { path, found, expected: FORMAT }),
        }
    }
}
