//! The folder of weights.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use etcetera::BaseStrategy;
use sha2::{Digest, Sha256};
use tinderbox_model::arch::OfficialWeights;

use super::{WeightsError, download::download};
use crate::{Job, Result};

/// Where official weights are kept, by the names that their authors gave them.
///
/// # Example
/// ```no_run
/// use tinderbox::{model::arch::find, weights::WeightsCache};
///
/// # fn main() -> Result<(), tinderbox::Error> {
/// let weights = find("resnet34")?.weights.expect("torchvision has some");
/// let file = WeightsCache::open()?.fetch(&weights, &tinderbox::Job::quiet())?;
/// println!("{}", file.display());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeightsCache {
    folder: PathBuf,
    /// Folders of other programs that may hold the same files.
    others: Vec<PathBuf>,
    server: String,
}

impl WeightsCache {
    /// The user's: the folder that `TINDERBOX_CACHE` names, else `tinderbox/weights` in the system's
    /// folder for caches. What PyTorch has downloaded is used too. `TINDERBOX_WEIGHTS_URL` names
    /// another server with the same files.
    ///
    /// # Errors
    /// [`WeightsError::NoCache`] on a system that tells of no such folder.
    pub fn open() -> Result<Self> {
        let system = || etcetera::choose_base_strategy().ok().map(|base| base.cache_dir());
        let folder = match env::var_os("TINDERBOX_CACHE") {
            Some(folder) => PathBuf::from(folder),
            None => system().ok_or(WeightsError::NoCache)?.join("tinderbox/weights"),
        };
        let torch = env::var_os("TORCH_HOME").map(PathBuf::from);
        let torch = torch.or_else(|| system().map(|cache| cache.join("torch")));
        let others = torch.map(|torch| torch.join("hub/checkpoints")).into_iter().collect();
        let server = env::var("TINDERBOX_WEIGHTS_URL").unwrap_or_else(|_| SERVER.to_owned());
        Ok(Self { folder, others, server })
    }

    /// Another folder, and nothing of other programs.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), others: Vec::new(), server: SERVER.to_owned() }
    }

    /// The same with another server that has the files directly below this address.
    #[must_use]
    pub fn from_server(self, url: impl Into<String>) -> Self {
        Self { server: url.into(), ..self }
    }

    /// Where files are put.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file, if there is one with the right contents.
    pub fn find(&self, weights: &OfficialWeights) -> Option<PathBuf> {
        let folders = std::iter::once(&self.folder).chain(&self.others);
        let mut files = folders.map(|folder| folder.join(weights.file));
        files.find(|file| sha256(file).is_ok_and(|sum| sum.starts_with(weights.sha256_prefix())))
    }

    /// The file, downloaded if it is not there. A download that was cut off goes on where it was.
    ///
    /// # Errors
    /// [`WeightsError::Download`], which says what to put where without a network;
    /// [`WeightsError::Checksum`] if what came is not what its authors published.
    pub fn fetch(&self, weights: &OfficialWeights, job: &Job) -> Result<PathBuf> {
        if let Some(file) = self.find(weights) {
            return Ok(file);
        }
        let url = format!("{}/{}", self.server.trim_end_matches('/'), weights.file);
        download(&url, &self.folder.join(weights.file), weights.sha256_prefix(), job)
    }
}

/// torchvision's.
const SERVER: &str = "https://download.pytorch.org/models";

/// A file's SHA-256, in hexadecimal digits.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn sha256(file: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    io::copy(&mut fs::File::open(file)?, &mut hasher)?;
    Ok(format!("{:x}", hasher.finalize()))
}
