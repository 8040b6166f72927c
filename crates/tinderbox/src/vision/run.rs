//! A run folder: everything a training run was made with, and everything it made.
//!
//! | file | holds |
//! |---|---|
//! | `run.json` | the [`Plan`], complete: what a resumed run goes on with |
//! | `items.csv` | every image's path, set and label, so that a changed folder is noticed |
//! | `checkpoint.safetensors` | where training is, bit for bit; see [`tinderbox_learn::Checkpoints`] |
//! | `history.csv` | the epoch table |
//! | `model.safetensors` | the finished model: one file that predicts anywhere |
//! | `losses.svg`, `rates.svg` | plots |

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tinderbox_learn::write_atomically;

use super::Plan;
use crate::{Error, Result};

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
    /// [`Error::RunExists`] if a run is in it already.
    pub(super) fn check_is_new(&self) -> Result<()> {
        match self.plan_file().exists() {
            true => Err(Error::RunExists { folder: self.root.clone() }),
            false => Ok(()),
        }
    }

    /// Makes the folder and writes the list of images, then the plan: what has a plan can be
    /// resumed.
    ///
    /// # Errors
    /// [`Error::RunExists`] if a run is in it already; [`Error::Write`].
    pub(super) fn create(&self, plan: &Plan, items: &str) -> Result<()> {
        self.check_is_new()?;
        fs::create_dir_all(&self.root)
            .map_err(|source| Error::Write { path: self.root.clone(), source })?;
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
