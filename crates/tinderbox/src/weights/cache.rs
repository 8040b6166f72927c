//! The folder of weights.

use std::{
    env,
    path::{Path, PathBuf},
};

use tinderbox_model::arch::{Arch, OfficialWeights};

use super::WeightsError;
use crate::{
    Error, Job, Result,
    cache::{is_offline, named, of_system, sha256},
    download::{Effort, Failed, Mismatch, Published, download},
};

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
    /// Whether nothing may be downloaded.
    offline: bool,
}

impl WeightsCache {
    /// The user's: the folder that `TINDERBOX_CACHE` names, else `tinderbox/weights` in the system's
    /// folder for caches. What PyTorch has downloaded is used too. `TINDERBOX_WEIGHTS_URL` names
    /// another server with the same files; with `TINDERBOX_OFFLINE` nothing is downloaded.
    ///
    /// # Errors
    /// [`WeightsError::NoCache`] on a system without one.
    pub fn open() -> Result<Self> {
        let folder = match named() {
            Some(folder) => folder,
            None => of_system().ok_or(WeightsError::NoCache)?.join("tinderbox/weights"),
        };
        let torch = env::var_os("TORCH_HOME").map(PathBuf::from);
        let torch = torch.or_else(|| of_system().map(|cache| cache.join("torch")));
        let others = torch.map(|torch| torch.join("hub/checkpoints")).into_iter().collect();
        let server = env::var("TINDERBOX_WEIGHTS_URL").unwrap_or_else(|_| SERVER.to_owned());
        Ok(Self { folder, others, server, offline: is_offline() })
    }

    /// Another folder, and nothing of other programs.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            others: Vec::new(),
            server: SERVER.to_owned(),
            offline: false,
        }
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

    /// The file of an architecture's weights, if there is one: the official one, or one of your own
    /// that you have put into the [`folder`](Self::folder) as `mobilenet_v2.safetensors` or `.pth`.
    pub fn of(&self, arch: &Arch) -> Option<PathBuf> {
        let own =
            ["safetensors", "pth"].map(|end| self.folder.join(format!("{}.{end}", arch.name)));
        let official = arch.weights.as_ref().and_then(|weights| self.find(weights));
        official.or_else(|| own.into_iter().find(|file| file.is_file()))
    }

    /// The file, downloaded if it is not there. A download that was cut off goes on where it was.
    ///
    /// # Errors
    /// [`WeightsError::Download`], which says what to put where without a network;
    /// [`WeightsError::Checksum`] if what came is not what its authors published.
    pub fn fetch(&self, weights: &OfficialWeights, job: &Job) -> Result<PathBuf> {
        self.fetch_with(weights, Effort::Full, job)
    }

    pub(super) fn fetch_with(
        &self,
        weights: &OfficialWeights,
        effort: Effort,
        job: &Job,
    ) -> Result<PathBuf> {
        if let Some(file) = self.find(weights) {
            return Ok(file);
        }
        let url = format!("{}/{}", self.server.trim_end_matches('/'), weights.file);
        let file = self.folder.join(weights.file);
        if self.offline {
            let reason = "TINDERBOX_OFFLINE is set".into();
            return Err(WeightsError::Download { url, file, reason }.into());
        }
        let check = |file: &Path| {
            let (expected, found) = (weights.sha256_prefix().to_owned(), sha256(file)?);
            Ok(match found.starts_with(&expected) {
                true => Ok(()),
                false => Err(Mismatch { what: "SHA-256", expected, found }),
            })
        };
        let published = Published { url: &url, bytes: None, check: &check };
        download(&published, &file, effort, job).map_err(|error| match error {
            Failed::Network(reason) => {
                WeightsError::Download { url: url.clone(), file: file.clone(), reason }.into()
            }
            Failed::Mismatch(Mismatch { expected, found, .. }) => {
                WeightsError::Checksum { url: url.clone(), expected, found }.into()
            }
            Failed::Disk(source) => Error::Write { path: file.clone(), source },
        })
    }
}

/// torchvision's.
const SERVER: &str = "https://download.pytorch.org/models";
