//! Weights that somebody else trained: where they are kept, and how they get there.

mod cache;

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

pub use cache::WeightsCache;
use serde::{Deserialize, Serialize};
use tinderbox_model::{
    arch::{ARCHS, Arch, OfficialWeights, find, recognize},
    weights::StateDict,
};

use crate::{
    Error, Hinted, Job, Location, Result,
    cache::sha256,
    download::Effort,
    plan::ASKED,
    settings::{absolute, as_text},
};

/// Which weights a network starts with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pretrained {
    /// The official ones: from the cache, else downloaded.
    Auto,
    /// None: training starts from scratch.
    No,
    /// Those in a file: PyTorch's `.pth`, or `.safetensors`.
    File(Location),
}

impl FromStr for Pretrained {
    type Err = std::convert::Infallible;

    /// `auto`, `none` or a file's path.
    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        Ok(match text {
            "auto" => Self::Auto,
            "none" => Self::No,
            file => Self::File(file.into()),
        })
    }
}

impl fmt::Display for Pretrained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => write!(f, "auto"),
            Self::No => write!(f, "none"),
            Self::File(file) => write!(f, "{file}"),
        }
    }
}

/// A file of weights, as it was when a run began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightsFile {
    /// Absolute.
    pub path: PathBuf,
    pub sha256: String,
}

impl WeightsFile {
    fn new(path: &Path) -> Result<Self> {
        let path = absolute(path);
        let sha256 = sha256(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
        Ok(Self { path, sha256 })
    }

    /// The weights.
    ///
    /// # Errors
    /// [`WeightsError::Changed`] if the file is not what it was; [`WeightsError::NotFinite`] for a
    /// weight that is NaN; what is wrong with it.
    pub(crate) fn read(&self) -> Result<StateDict> {
        let file = || self.path.clone();
        if Self::new(&self.path)?.sha256 != self.sha256 {
            return Err(WeightsError::Changed { file: file() }.into());
        }
        let weights = StateDict::read_every(&self.path)?;
        let is_broken = |values: &[f32]| !values.iter().all(|value| value.is_finite());
        let broken = weights.iter().find(|(_, weight)| is_broken(&weight.values));
        match broken.map(|(name, _)| name.to_owned()) {
            Some(name) => Err(WeightsError::NotFinite { file: file(), name }.into()),
            None => Ok(weights),
        }
    }
}

/// What came of looking for weights.
#[derive(Debug)]
pub(crate) enum Found {
    /// Those of an architecture, and what told which it is.
    File { arch: &'static Arch, file: WeightsFile, because: &'static str },
    /// None, and why, if some were looked for that nobody had asked for.
    None { because: Option<String> },
}

/// The weights that are asked for. If nobody asks, those of `arch`, or else of one that is looked for:
/// of the first that is in the cache, or of the very first, if it can be downloaded.
///
/// # Errors
/// [`WeightsError`], unless nobody asked; those of reading a file; an unknown architecture.
pub(crate) fn look(
    asked: Option<&Pretrained>,
    arch: Option<&str>,
    look_for: &[&str],
    job: &Job,
) -> Result<Found> {
    if let Some(Pretrained::No) = asked {
        return Ok(Found::None { because: None });
    }
    if let Some(asked @ Pretrained::File(file)) = asked {
        return named(asked, file.path(), arch);
    }
    let names = arch.map_or_else(|| look_for.to_vec(), |arch| vec![arch]);
    let archs = names.into_iter().map(find).collect::<Result<Vec<_>, _>>()?;
    let (Some(first), cache) = (archs.first(), WeightsCache::open()) else {
        return Ok(Found::None { because: None });
    };
    let cached = |cache: &WeightsCache| {
        archs.iter().find_map(|arch| cache.of(arch).map(|file| (*arch, file)))
    };
    if let Some((arch, path)) = cache.as_ref().ok().and_then(cached) {
        return Ok(Found::File { arch, file: WeightsFile::new(&path)?, because: OFFICIAL });
    }
    let fetched = |weights: &OfficialWeights, effort| cache?.fetch_with(weights, effort, job);
    match (asked, &first.weights) {
        (Some(_), None) => {
            let with = ARCHS.iter().filter(|arch| arch.weights.is_some());
            let (arch, known) = (first.name, with.map(|arch| arch.name).collect());
            Err(WeightsError::NoOfficial { arch, known }.into())
        }
        (Some(_), Some(weights)) => {
            let file = WeightsFile::new(&fetched(weights, Effort::Full)?)?;
            Ok(Found::File { arch: first, file, because: OFFICIAL })
        }
        (None, None) => Ok(Found::None { because: None }),
        (None, Some(weights)) => match fetched(weights, Effort::Brief) {
            Ok(path) => {
                let file = WeightsFile::new(&path)?;
                Ok(Found::File { arch: first, file, because: OFFICIAL })
            }
            Err(error) => Ok(Found::None { because: Some(in_vain(first.name, &error)) }),
        },
    }
}

const OFFICIAL: &str = "pretrained on ImageNet; `tinderbox weights list` lists others";

/// The weights in a file that was named, of `arch` or of the architecture that its tensors tell, or
/// else its name.
fn named(asked: &Pretrained, path: &Path, arch: Option<&str>) -> Result<Found> {
    let file = WeightsFile::new(path)?;
    let weights = StateDict::read_every(path)?;
    if let Some(arch) = arch {
        return Ok(Found::File { arch: find(arch)?, file, because: ASKED });
    }
    if let Some(arch) = recognize(&weights) {
        return Ok(Found::File { arch, file, because: "by the tensors in the file" });
    }
    let begin = weights.iter().take(4).map(|(name, _)| name.to_owned()).collect();
    let unknown = || WeightsError::UnknownArch { file: path.to_owned(), begin };
    let arch = find(asked.arch().ok_or_else(unknown)?)?;
    Ok(Found::File { arch, file, because: "by the name of the file" })
}

/// What to do about weights that would be the default and cannot be downloaded.
fn in_vain(arch: &str, error: &Error) -> String {
    let reason = match error.downcast_ref() {
        Some(WeightsError::Download { reason, .. }) => reason.clone(),
        _ => error.to_string(),
    };
    format!(
        "cannot download {arch} ({reason}); pretrained weights help most with few images: run `tinderbox weights fetch {arch}` once there is a network, or use `--pretrained FILE`"
    )
}

impl Pretrained {
    /// The architecture that a file's name begins with: `resnet34` for `resnet34-b627a593.pth`.
    pub(crate) fn arch(&self) -> Option<&'static str> {
        let Self::File(file) = self else { return None };
        let name = file.path().file_name()?.to_string_lossy().into_owned();
        let names = ARCHS.iter().map(|arch| arch.name).filter(|arch| name.starts_with(arch));
        names.max_by_key(|arch| arch.len())
    }
}

as_text! {
    Pretrained: schemars::json_schema!({
        "type": "string", "examples": ["auto", "none"], "format": "path"
    });
}

/// What is wrong with weights that somebody else trained.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    #[error("cannot download {url}: {reason}")]
    Download {
        url: String,
        /// Where it is looked for.
        file: PathBuf,
        reason: String,
    },

    #[error(
        "the file from {url} is not the published one: its SHA-256 is {found}, expected {expected}…"
    )]
    Checksum { url: String, expected: String, found: String },

    #[error("the weights in {file} have changed since the run began")]
    Changed { file: PathBuf },

    #[error("the weight `{name}` in {file} is NaN or infinite")]
    NotFinite { file: PathBuf, name: String },

    #[error("no cache directory found on this system")]
    NoCache,

    #[error("neither the tensors in {file} nor its name tell an architecture: {}, …", begin.join(", "))]
    UnknownArch {
        file: PathBuf,
        /// The first of its tensors' names.
        begin: Vec<String>,
    },

    #[error("{file} would hold safetensors, which its name does not say")]
    NotSafetensors { file: PathBuf },

    #[error("there are no official weights for `{arch}`")]
    NoOfficial { arch: &'static str, known: Vec<&'static str> },
}

impl Hinted for WeightsError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Download { file, .. } => format!(
                "without a network, save the file as {} yourself, or name it (`--pretrained FILE`, or `--feature-net FILE` of a feature loss)",
                file.display()
            ),
            Self::Checksum { .. } => "try again; a proxy may have sent another page instead".into(),
            Self::Changed { .. } => "restore the file, or start a new run with `--out`".into(),
            Self::NotFinite { .. } => {
                "the training that made them diverged: use weights from before, or `--pretrained none`"
                    .into()
            }
            Self::NoCache => "set TINDERBOX_CACHE to a folder".into(),
            Self::UnknownArch { .. } => {
                "name the architecture: `--arch NAME`; `tinderbox weights list` lists all".into()
            }
            Self::NotSafetensors { file } => {
                format!("name it {}", file.with_extension("safetensors").display())
            }
            Self::NoOfficial { known, .. } => format!(
                "use a file of your own: `--pretrained FILE`; there are official weights for {}",
                known.join(", ")
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::check;

    #[test]
    fn what_is_said_is_read() {
        let read = |text: &str| text.parse::<Pretrained>().unwrap();
        assert_eq!(read("auto"), Pretrained::Auto);
        assert_eq!(read("none"), Pretrained::No);
        assert_eq!(read("a/b.pth"), Pretrained::File("a/b.pth".into()));
        assert_eq!(read("w/squeezenet1_1.safetensors").arch(), Some("squeezenet1_1"));
        assert_eq!(read("vgg16_bn-6c64b313.pth").arch(), Some("vgg16_bn"));
        assert_eq!((read("mine.pth").arch(), read("auto").arch()), (None, None));
    }

    #[test]
    fn a_file_that_has_changed_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        let mut weights = StateDict::default();
        weights.insert("a", vec![1], vec![1.0]);
        std::fs::write(&path, weights.to_safetensors()).unwrap();
        let asked = Pretrained::File(path.clone().into());
        let found = look(Some(&asked), Some("resnet18"), &[], &Job::quiet()).unwrap();
        let Found::File { file, .. } = found else { panic!("{found:?}") };
        assert_eq!(file.read().unwrap(), weights);
        weights.insert("b", vec![1], vec![2.0]);
        std::fs::write(&path, weights.to_safetensors()).unwrap();
        let error = file.read().unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(WeightsError::Changed { .. })), "{error}");
    }

    #[test]
    fn architectures_without_official_weights_say_which_have_some() {
        let look = |asked| look(Some(&asked), Some("resnet-small"), &[], &Job::quiet());
        let error = look(Pretrained::Auto).unwrap_err();
        let found: Option<&WeightsError> = error.downcast_ref();
        assert!(
            matches!(found, Some(WeightsError::NoOfficial { arch: "resnet-small", .. })),
            "{error}"
        );
        assert!(matches!(look(Pretrained::No), Ok(Found::None { because: None })));
    }

    #[test]
    fn the_tensors_of_a_file_tell_its_architecture() {
        let folder = tempfile::tempdir().unwrap();
        let look = |name: &str, weights: &StateDict| {
            let path = folder.path().join(name);
            std::fs::write(&path, weights.to_safetensors()).unwrap();
            super::look(Some(&Pretrained::File(path.into())), None, &[], &Job::quiet())
        };
        let mut weights = StateDict::default();
        weights.insert("a", vec![1], vec![1.0]);
        let error = look("mine.safetensors", &weights).unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(WeightsError::UnknownArch { .. })), "{error}");
        assert!(error.to_string().ends_with("nor its name tell an architecture: a, …"), "{error}");
        let Found::File { arch, because, .. } = look("resnet18-x.safetensors", &weights).unwrap()
        else {
            panic!("no file")
        };
        assert_eq!((arch.name, because), ("resnet18", "by the name of the file"));
        let shape = vec![32, 128, 1, 1];
        weights.insert("net.features.6.squeeze.weight", shape, vec![0.0; 32 * 128]);
        let Found::File { arch, because, .. } = look("resnet18-x.safetensors", &weights).unwrap()
        else {
            panic!("no file")
        };
        assert_eq!((arch.name, because), ("squeezenet1_1", "by the tensors in the file"));
    }

    #[test]
    fn errors_about_weights_say_where_they_belong() {
        let (url, file) = ("https://x.org/r.pth".to_owned(), "c/r.pth".into());
        check(
            WeightsError::Download { url: url.clone(), file, reason: "no route".into() },
            "cannot download https://x.org/r.pth: no route",
            Some(
                "save the file as c/r.pth yourself, or name it (`--pretrained FILE`, or `--feature-net FILE` of a feature loss)",
            ),
        );
        check(
            WeightsError::Checksum { url, expected: "ab".into(), found: "cd".into() },
            "the file from https://x.org/r.pth is not the published one: its SHA-256 is cd, expected ab…",
            Some("try again"),
        );
        check(
            WeightsError::NoCache,
            "no cache directory found on this system",
            Some("TINDERBOX_CACHE"),
        );
        check(
            WeightsError::NoOfficial { arch: "basic", known: vec!["resnet18"] },
            "there are no official weights for `basic`",
            Some("for resnet18"),
        );
    }
}
