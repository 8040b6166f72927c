//! What a user may say about a training run; what is not said is decided by a look at the data.

use std::{
    collections::BTreeSet,
    fmt, fs,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::{Deserialize, Serialize};
use tinderbox_data::{ItemKind, Items, items::first_folder};

use crate::{Error, run::absolute, weights::Pretrained};

/// Settings of [`train`](super::train). `None` means: the default, or what the data calls for; and
/// when a run is resumed, what it was begun with.
///
/// # Example
/// ```no_run
/// use tinderbox::vision::{self, TrainSettings};
///
/// # fn main() -> Result<(), tinderbox::Error> {
/// let settings = TrainSettings { epochs: Some(5), ..TrainSettings::new("photos", "runs/photos") };
/// let trained = vision::train(&settings, &tinderbox::quiet())?;
/// println!("accuracy {:?}", trained.accuracy);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct TrainSettings {
    /// Folder of class folders with images in them, or of two sets of those.
    pub data: PathBuf,
    /// The run folder: everything the run makes, and was made with, goes there.
    pub out: PathBuf,
    /// Name in [`tinderbox_model::arch`]'s table.
    pub arch: Option<String>,
    /// The weights that it starts with; none. With some, a new head is put on the network's body.
    pub pretrained: Option<Pretrained>,
    /// The first child of a pretrained network that is left out: where its weights end.
    pub until: Option<String>,
    /// Of the new head alone, if the rest is pretrained.
    pub epochs: Option<usize>,
    /// Epochs of everything after those, if the body is pretrained; 0 for none.
    pub unfreeze_epochs: Option<usize>,
    /// Learning rate at the peak of the one-cycle schedule.
    pub lr: Option<f64>,
    /// Side of the square that images are resized and cropped to, in pixels.
    pub size: Option<usize>,
    pub batch_size: Option<usize>,
    /// Batches whose gradients make a step together, so that a step of many pictures needs the
    /// memory of a few; 1. Batch norms see each batch alone.
    pub accumulate: Option<usize>,
    /// Whether training draws pictures so that all classes come as often as the largest.
    pub oversample: bool,
    pub valid: Valid,
    /// Seed of everything random; 42.
    pub seed: Option<u64>,
    /// Threads that decode and transform ahead of the training step; as many as there are cores,
    /// up to 4.
    pub workers: Option<usize>,
    /// How many unreadable files may be left out; 0. One more fails before training.
    pub skip_bad: Option<usize>,
    /// Steps between checkpoints, besides those after each epoch; 100. With 0 there are no others.
    pub checkpoint_every: Option<usize>,
    /// Bound on the memory that keeps decoded images between epochs, in bytes; 1 GiB.
    pub cache_bytes: Option<usize>,
    /// Whether convolutions form their sums as the definition says, which is slower: see
    /// [`with_exact_conv`](tinderbox_ops::with_exact_conv).
    pub exact_conv: bool,
}

impl TrainSettings {
    /// Trains on `data` into `out`, everything else by default.
    pub fn new(data: impl Into<PathBuf>, out: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            out: out.into(),
            arch: None,
            pretrained: None,
            until: None,
            epochs: None,
            unfreeze_epochs: None,
            lr: None,
            size: None,
            batch_size: None,
            accumulate: None,
            oversample: false,
            valid: Valid::Auto,
            seed: None,
            workers: None,
            skip_bad: None,
            checkpoint_every: None,
            cache_bytes: None,
            exact_conv: false,
        }
    }
}

/// Which images validate.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Valid {
    /// By folders where the data has a known pair of them, else a random fifth.
    #[default]
    Auto,
    /// The images below this folder; the others train.
    Folder(String),
    /// A random share, in `0.0..1.0`.
    Share(f64),
    /// The images whose file names are the lines of this file.
    List(PathBuf),
}

impl Valid {
    /// What was asked for, to be compared with what a run was begun with.
    pub(super) fn asked(&self) -> Result<Option<String>, Error> {
        Ok(match self {
            Self::Auto => None,
            Self::Folder(folder) => Some(folder.clone()),
            Self::Share(share) => Some(share.to_string()),
            Self::List(file) => Some(absolute(file)?.display().to_string()),
        })
    }
}

impl FromStr for Valid {
    type Err = Error;

    /// `auto`, a share such as `0.2` or `20%`, a folder's name, which may end in a `/`, or a file
    /// of names, which ends in `.txt`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let (number, unit) = match text.strip_suffix('%') {
            Some(percent) => (percent, 0.01),
            None => (text, 1.0),
        };
        match number.trim().parse::<f64>() {
            Ok(share) if (0.0..1.0).contains(&(share * unit)) => Ok(Self::Share(share * unit)),
            Ok(_) => Err(Error::ValidShare { value: text.to_owned() }),
            Err(_) if text == "auto" => Ok(Self::Auto),
            Err(_) if Path::new(text).extension().is_some_and(|end| end == "txt") => {
                Ok(Self::List(text.into()))
            }
            Err(_) => match text.trim_end_matches(['/', '\\']) {
                "" | "." | ".." => Err(Error::ValidFolder { value: text.to_owned() }),
                name if name.contains(['/', '\\']) => {
                    Err(Error::ValidFolder { value: text.to_owned() })
                }
                name => Ok(Self::Folder(name.to_owned())),
            },
        }
    }
}

impl fmt::Display for Valid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => write!(f, "auto"),
            Self::Folder(folder) => write!(f, "{folder}"),
            Self::Share(share) => write!(f, "{share}"),
            Self::List(file) => write!(f, "{}", file.display()),
        }
    }
}

/// How a run divides its images; saved with the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// By the first folder below the data's root.
    Folders { train: String, valid: String },
    /// A seeded random share validates; with a share of 0 nothing does.
    Random { share: f64 },
    /// The images with these file names validate, which were read from `file`.
    Names { file: PathBuf, names: BTreeSet<String> },
}

impl Split {
    /// Whether the image at `path`, below the data's root, is in one of the sets: it lies in a
    /// class folder, and that in one of the sets' folders if there are such.
    pub(super) fn takes(&self, path: &Path) -> bool {
        match self {
            Self::Random { .. } | Self::Names { .. } => first_folder(path).is_some(),
            Self::Folders { train, valid } => {
                path.components().count() > 2
                    && [train, valid].iter().any(|folder| path.starts_with(folder))
            }
        }
    }
}

impl Split {
    /// By the names in a file, one a line.
    ///
    /// # Errors
    /// [`Error::Read`]; [`Error::NoneNamed`] if no image of `files` is among them.
    pub(super) fn named_in<'a>(
        file: &Path,
        files: impl IntoIterator<Item = &'a Path>,
    ) -> Result<Self, Error> {
        let text = fs::read_to_string(file)
            .map_err(|source| Error::Read { path: file.to_owned(), source })?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let split =
            Self::Names { file: absolute(file)?, names: lines.map(str::to_owned).collect() };
        match files.into_iter().any(|file| split.is_named(file)) {
            true => Ok(split),
            false => Err(Error::NoneNamed { file: file.to_owned() }),
        }
    }

    /// Whether the image is among the names of those that validate.
    pub(super) fn is_named(&self, path: &Path) -> bool {
        let Self::Names { names, .. } = self else { return false };
        path.file_name().is_some_and(|name| names.contains(&*name.to_string_lossy()))
    }

    /// What was asked for, as it is said in [`Valid`].
    pub(super) fn asked(&self) -> String {
        match self {
            Self::Folders { valid, .. } => valid.clone(),
            Self::Random { share } => share.to_string(),
            Self::Names { file, .. } => file.display().to_string(),
        }
    }

    /// The items in two sets.
    ///
    /// # Errors
    /// Those of [`Items`]' splits.
    pub(super) fn apply<K: ItemKind>(
        &self,
        items: Items<K>,
        seed: u64,
    ) -> Result<tinderbox_data::Split<K>, Error> {
        Ok(match self {
            Self::Folders { train, valid } => items.split_by_folder(train, valid)?,
            Self::Random { share } => items.split_by_rand_pct(*share, seed as u32)?,
            Self::Names { .. } => items.split_by_valid_func(|path| self.is_named(path)),
        })
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folders { train, valid } => write!(f, "{train}/ trains, {valid}/ validates"),
            Self::Random { share: 0.0 } => write!(f, "nothing validates"),
            Self::Random { share } => write!(f, "a random {} % validates", percent(*share)),
            Self::Names { file, .. } => write!(f, "the names in {} validate", file.display()),
        }
    }
}

/// Of a share, to hundredths if there are any.
pub(crate) fn percent(share: f64) -> String {
    let text = format!("{:.2}", share * 100.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_is_a_share_a_folder_or_left_to_the_data() {
        assert_eq!("auto".parse::<Valid>().unwrap(), Valid::Auto);
        assert_eq!("0.25".parse::<Valid>().unwrap(), Valid::Share(0.25));
        assert_eq!("25%".parse::<Valid>().unwrap(), Valid::Share(0.25));
        assert_eq!("held-out".parse::<Valid>().unwrap(), Valid::Folder("held-out".into()));
        assert_eq!("held-out/".parse::<Valid>().unwrap(), Valid::Folder("held-out".into()));
        assert_eq!("0".parse::<Valid>().unwrap(), Valid::Share(0.0));
        assert_eq!("a/valid.txt".parse::<Valid>().unwrap(), Valid::List("a/valid.txt".into()));
    }

    #[test]
    fn a_split_is_said_in_words() {
        let random = |share| Split::Random { share }.to_string();
        assert_eq!(random(0.2), "a random 20 % validates");
        assert_eq!(random(0.999), "a random 99.9 % validates");
        assert_eq!(random(0.0), "nothing validates");
    }

    #[test]
    fn a_list_names_files_wherever_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("valid.txt");
        fs::write(&file, "1.png\r\n\n 2.png \n").unwrap();
        let files = ["a/1.png", "b/1.png", "b/3.png"].map(Path::new);
        let split = Split::named_in(&file, files).unwrap();
        assert_eq!(files.map(|file| split.is_named(file)), [true, true, false]);
        let error = Split::named_in(&file, [Path::new("x.png")]).unwrap_err();
        assert!(error.to_string().ends_with("valid.txt names none of the images"), "{error}");
        let error = Split::named_in(&folder.path().join("no.txt"), files).unwrap_err();
        assert!(matches!(error, Error::Read { .. }), "{error}");
    }

    #[test]
    fn images_outside_class_folders_are_in_no_set() {
        let takes = |split: &Split, path: &str| split.takes(Path::new(path));
        let random = Split::Random { share: 0.2 };
        assert!(takes(&random, "cat/1.png") && !takes(&random, "1.png"));
        let folders = Split::Folders { train: "train".into(), valid: "valid".into() };
        assert!(takes(&folders, "valid/cat/1.png"));
        assert!(!takes(&folders, "train/1.png") && !takes(&folders, "test/cat/1.png"));
    }

    #[test]
    fn a_share_of_everything_is_refused() {
        let error = "1.5".parse::<Valid>().unwrap_err();
        assert_eq!(error.to_string(), "a validation share of 1.5 is outside 0..1");
        let error = "a/b".parse::<Valid>().unwrap_err();
        assert_eq!(error.to_string(), "`a/b` is not the name of a folder directly below the data");
    }
}
