//! What a user may say about a training run; what is not said is decided by a look at the data.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::{Deserialize, Serialize};
use tinderbox_data::items::first_folder;

use crate::Error;

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
    pub epochs: Option<usize>,
    /// Learning rate at the peak of the one-cycle schedule.
    pub lr: Option<f64>,
    /// Side of the square that images are resized and cropped to, in pixels.
    pub size: Option<usize>,
    pub batch_size: Option<usize>,
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
    /// [`set_exact_conv`](tinderbox_ops::set_exact_conv). It holds for the whole process.
    pub exact_conv: bool,
}

impl TrainSettings {
    /// Trains on `data` into `out`, everything else by default.
    pub fn new(data: impl Into<PathBuf>, out: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            out: out.into(),
            arch: None,
            epochs: None,
            lr: None,
            size: None,
            batch_size: None,
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
}

impl FromStr for Valid {
    type Err = Error;

    /// `auto`, a share such as `0.2` or `20%`, or a folder's name, which may end in a `/`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let (number, unit) = match text.strip_suffix('%') {
            Some(percent) => (percent, 0.01),
            None => (text, 1.0),
        };
        match number.trim().parse::<f64>() {
            Ok(share) if (0.0..1.0).contains(&(share * unit)) => Ok(Self::Share(share * unit)),
            Ok(_) => Err(Error::ValidShare { value: text.to_owned() }),
            Err(_) if text == "auto" => Ok(Self::Auto),
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
}

impl Split {
    /// Whether the image at `path`, below the data's root, is in one of the sets: it lies in a
    /// class folder, and that in one of the sets' folders if there are such.
    pub(super) fn takes(&self, path: &Path) -> bool {
        match self {
            Self::Random { .. } => first_folder(path).is_some(),
            Self::Folders { train, valid } => {
                path.components().count() > 2
                    && [train, valid].iter().any(|folder| path.starts_with(folder))
            }
        }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folders { train, valid } => write!(f, "{train}/ trains, {valid}/ validates"),
            Self::Random { share: 0.0 } => write!(f, "nothing validates"),
            Self::Random { share } => write!(f, "a random {} % validates", percent(*share)),
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
    }

    #[test]
    fn a_split_is_said_in_words() {
        let random = |share| Split::Random { share }.to_string();
        assert_eq!(random(0.2), "a random 20 % validates");
        assert_eq!(random(0.999), "a random 99.9 % validates");
        assert_eq!(random(0.0), "nothing validates");
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
