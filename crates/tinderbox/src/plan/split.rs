//! Which items train and which validate.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fmt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tinderbox_data::{
    ImageItems, ItemKind, Items, UnknownLabels, batch::Set, items::first_folder, split::SetWord,
    text::read_text,
};

use super::{Choices, set_folders::set_of, survey::Survey};
use crate::{Error, Hinted, Result, Valid};

/// Any folder, in a path of folders.
pub(crate) const ANY: &str = "*";

/// What folders of items without a label are called beside those of classes, in lower case.
const UNLABELLED: [&str; 6] =
    ["unsup", "unsupervised", "unlabeled", "unlabelled", "no_label", "nolabel"];

/// Whether a folder is called as one of items without a label.
pub(crate) fn is_unlabelled(folder: &OsStr) -> bool {
    UNLABELLED.contains(&folder.to_string_lossy().to_lowercase().as_str())
}

/// What of a path is below a folder, in whose path [`ANY`] stands for any one.
pub(crate) fn below<'a>(path: &'a Path, folder: &str) -> Option<&'a Path> {
    let mut rest = path.iter();
    let mut folders = folder.split('/').filter(|name| !name.is_empty());
    let fits = folders.all(|name| rest.next().is_some_and(|part| name == ANY || part == name));
    fits.then_some(rest.as_path())
}

/// The default share of the validation set; fastai's.
pub(crate) const FIFTH: f64 = 0.2;

/// How a run divides its items; saved with the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// By folders below the data's root; `*` stands for any one.
    Folders { train: String, valid: String },
    /// By folders in each class folder: `cat/train/`, `cat/valid/`. The class folders lie in `within`.
    InClasses { within: String, train: String, valid: String },
    /// A seeded random share validates; with a share of 0 nothing does.
    Random { share: f64 },
    /// The items with these file names validate, which were read from `file`.
    Names { file: PathBuf, names: BTreeSet<String> },
    /// The rows of a table with a true value in this column validate.
    Column(String),
}

/// What is wrong with the way data was to be divided.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SplitError {
    #[error("the validation share {value} is not between 0 and 1")]
    Share { value: String },

    #[error("`{value}` is not the name of a folder directly below the data")]
    Folder { value: String },

    #[error("{file} lists none of the files")]
    NoneNamed { file: PathBuf },

    #[error("no folder `{valid}` with one other folder to train on: the data has {}", list(found))]
    NoSuchSet { valid: String, found: Vec<String> },

    #[error("{} look like sets, but which one validates is not clear", list(found))]
    Unclear { suggested: String, found: Vec<String> },

    #[error("{valid}/ has no class folders, so nothing in it has a label to validate with")]
    NoLabels { valid: String },

    #[error("{share} % of {items} {unit} is less than one, so the validation set would be empty")]
    EmptyShare { share: String, items: usize, unit: &'static str },
}

impl Hinted for SplitError {
    fn hint(&self) -> Option<String> {
        Some(
            match self {
                Self::Share { .. } => "to hold out a fifth, write `0.2` or `20%`",
                Self::Folder { .. } => "name a folder such as `valid`, a share such as `0.2`, or `auto`",
                Self::Unclear { suggested, .. } => {
                    return Some(format!("name the one that validates: `--valid {suggested}`; if they are classes, hold out a fifth of them: `--valid 0.2`"));
                }
                Self::NoneNamed { .. } => "it must list names of files of the data, such as `0016E5_08370.png` or `12_7.txt`, one per line",
                Self::NoSuchSet { .. } => "the data needs two folders for this, such as train/ and valid/; or hold out a share: `--valid 0.2`",
                Self::NoLabels { .. } => "sort it into one folder per class, or hold out a share of the others: `--valid 0.2`",
                Self::EmptyShare { .. } => "hold out more, or train without a validation set: `--valid 0`",
            }
            .into(),
        )
    }
}

/// `a/, b/, c/`, cut short after a few.
fn list(folders: &[String]) -> String {
    const SHOWN: usize = 5;
    if folders.is_empty() {
        return "no folders".into();
    }
    let shown: Vec<String> =
        folders.iter().take(SHOWN).map(|folder| format!("{folder}/")).collect();
    match folders.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

impl Split {
    /// Which of the images validate: as was asked for; by folders or a list that the data has; else
    /// a random fifth. It is picked as the setting `valid`.
    ///
    /// # Errors
    /// [`SplitError`]; a list that cannot be read.
    pub fn of_images(
        items: &ImageItems,
        asked: Option<&Valid>,
        choices: &mut Choices,
    ) -> Result<Self> {
        Survey::of(items).split(asked, items.len(), choices)
    }

    /// By the folder that validates, beside the only other one, or one that is called so.
    ///
    /// # Errors
    /// [`SplitError::NoSuchSet`].
    pub(crate) fn by_folder(valid: &str, folders: &BTreeSet<String>) -> Result<Self> {
        let others: Vec<&String> = folders.iter().filter(|folder| *folder != valid).collect();
        let called = |name: &str| others.iter().find(|folder| **folder == name).copied();
        let train = match (folders.contains(valid), &others[..]) {
            (false, _) => None,
            (true, [train]) => Some(*train),
            (true, _) => called("train").or_else(|| called("training")),
        };
        match train {
            Some(train) => Ok(Self::Folders { train: train.clone(), valid: valid.to_owned() }),
            None => {
                let found = folders.iter().cloned().collect();
                Err(SplitError::NoSuchSet { valid: valid.to_owned(), found }.into())
            }
        }
    }

    /// By two folders that are called as a training and a validation set, or else a test set.
    pub(crate) fn known(folders: &BTreeSet<String>) -> Option<Self> {
        let called = |set: SetWord| folders.iter().find(|name| set_of(name) == Some(set)).cloned();
        let train = called(SetWord::Training)?;
        let valid = called(SetWord::Validation).or_else(|| called(SetWord::Test))?;
        Some(Self::Folders { train, valid })
    }

    /// By the names in a file, one a line.
    ///
    /// # Errors
    /// [`Error::Read`]; [`SplitError::NoneNamed`] if no item of `files` is among them.
    pub(crate) fn named_in<'a>(
        file: &Path,
        files: impl IntoIterator<Item = &'a Path>,
    ) -> Result<Self> {
        // What does not end, as a pipe, is not opened.
        let text = read_text(file).map_err(|error| match error {
            tinderbox_data::Error::Read { path, source } => Error::Read { path, source },
            other => other.into(),
        })?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let names: BTreeSet<String> =
            lines.map(|line| line.trim_start_matches("./").replace('\\', "/")).collect();
        // A list may begin above the folder that was named: `images/1.jpg`, of `photos/images`.
        let below: BTreeSet<String> =
            names.iter().filter_map(|name| Some(name.split_once('/')?.1.to_owned())).collect();
        let files: Vec<&Path> = files.into_iter().collect();
        let absolute = crate::settings::absolute(file);
        let splits = [names, below].map(|names| Self::Names { file: absolute.clone(), names });
        let names_some = |split: &Self| files.iter().any(|file| split.is_named(file));
        let none = || SplitError::NoneNamed { file: file.to_owned() };
        Ok(splits.into_iter().find(names_some).ok_or_else(none)?)
    }

    /// The class folder of the item at `path`, below the data's root: the first one below the folder of
    /// its set if there are such, else below `within`. None for an item that is in none of the sets,
    /// directly in the folder of one, or in a folder of [`UNLABELLED`] items.
    pub(crate) fn class<'a>(&self, within: &str, path: &'a Path) -> Option<&'a OsStr> {
        let below_set = match self {
            Self::Random { .. } | Self::Names { .. } | Self::Column(_) => below(path, within),
            Self::Folders { train, valid } => below(path, valid).or_else(|| below(path, train)),
            Self::InClasses { within, .. } => {
                below(path, within).filter(|_| self.set(path).is_some())
            }
        };
        let class = first_folder(below_set?)?.as_os_str();
        (!is_unlabelled(class)).then_some(class)
    }

    /// Whether the item is not drawn, but named or laid to validate.
    pub(crate) fn surely_validates(&self, path: &Path) -> bool {
        self.set(path) == Some(Set::Valid) || self.is_named(path)
    }

    /// The set that the item's folders put it in; none if it is in neither, or if folders do not
    /// decide.
    fn set(&self, path: &Path) -> Option<Set> {
        match self {
            Self::Folders { train, valid } => {
                let is =
                    |(set, folder): &(Set, &String)| below(path, folder).is_some().then_some(*set);
                [(Set::Valid, valid), (Set::Train, train)].iter().find_map(is)
            }
            Self::InClasses { within, train, valid } => {
                let inner = below(path, within)?.iter().nth(1)?;
                let is =
                    |(set, folder): &(Set, &String)| (inner == folder.as_str()).then_some(*set);
                [(Set::Valid, valid), (Set::Train, train)].iter().find_map(is)
            }
            Self::Random { .. } | Self::Names { .. } | Self::Column(_) => None,
        }
    }

    /// Whether the item is among the names of those that validate, by its path or its name alone.
    pub(crate) fn is_named(&self, path: &Path) -> bool {
        let Self::Names { names, .. } = self else { return false };
        let whole = path.to_string_lossy().replace('\\', "/");
        names.contains(&whole)
            || path.file_name().is_some_and(|name| names.contains(&*name.to_string_lossy()))
    }

    /// The items in two sets.
    ///
    /// # Errors
    /// Those of [`Items`]' splits.
    pub fn apply<K: ItemKind>(
        &self,
        items: Items<K>,
        seed: u64,
    ) -> Result<tinderbox_data::Split<K>> {
        Ok(match self {
            Self::Folders { train, .. } | Self::InClasses { train, .. } => {
                let part = |set| -> Vec<usize> {
                    let sets = items.relative_paths().map(|path| self.set(path));
                    sets.enumerate().filter(|(_, of)| *of == Some(set)).map(|(at, _)| at).collect()
                };
                let (trains, validates) = (part(Set::Train), part(Set::Valid));
                if trains.is_empty() {
                    let folders: BTreeSet<&Path> =
                        items.relative_paths().filter_map(first_folder).collect();
                    let found = folders.iter().map(|folder| folder.display().to_string()).collect();
                    let folder = train.clone();
                    return Err(tinderbox_data::Error::EmptyFolder { folder, found }.into());
                }
                items.split_by_idxs(&trains, &validates)?
            }
            // Chance alone may leave a class nothing to train on.
            Self::Random { share } => {
                items.split_by_rand_pct(*share, seed as u32)?.unknown_labels(UnknownLabels::Train)
            }
            Self::Names { .. } => items.split_by_valid_func(|path| self.is_named(path)),
            Self::Column(column) => items.split_from_df(column)?,
        })
    }

    /// As the setting `valid` would say it.
    pub(crate) fn as_setting(&self) -> Valid {
        match self {
            Self::Folders { valid, .. } | Self::InClasses { valid, .. } => {
                let name = valid.rsplit('/').next().unwrap_or(valid);
                Valid::Named(name.to_owned())
            }
            Self::Random { share } => Valid::Share(*share),
            Self::Names { file, .. } => Valid::List(file.into()),
            Self::Column(column) => Valid::Named(column.clone()),
        }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folders { train, valid } if train.ends_with(ANY) => {
                write!(f, "{valid}/, with the other folders for training")
            }
            Self::Folders { train, valid } => write!(f, "{valid}/, with {train}/ for training"),
            Self::InClasses { train, valid, .. } => {
                write!(f, "{valid}/ in each class folder, with {train}/ for training")
            }
            Self::Random { share: 0.0 } => write!(f, "none"),
            Self::Random { share } => write!(f, "a random {} %", percent(*share)),
            Self::Names { file, .. } => write!(f, "the files listed in {}", file.display()),
            Self::Column(column) => write!(f, "the rows marked in column `{column}`"),
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
    use std::fs;

    use crate::error::check;

    use super::*;

    fn folders(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[track_caller]
    fn check_folder(names: &[&str], valid: &str, train: Option<&str>) {
        match (Split::by_folder(valid, &folders(names)), train) {
            (Ok(Split::Folders { train, .. }), Some(expected)) => assert_eq!(train, expected),
            (Err(error), None) => {
                assert!(matches!(error.downcast_ref(), Some(SplitError::NoSuchSet { .. })));
            }
            (split, train) => panic!("{split:?}, not {train:?}"),
        }
    }

    #[test]
    fn a_folder_validates_beside_the_only_other_or_one_that_is_called_so() {
        check_folder(&["old", "new"], "new", Some("old"));
        check_folder(&["test", "train", "valid"], "test", Some("train"));
        check_folder(&["x", "y", "z"], "x", None);
        check_folder(&["train", "valid"], "nowhere", None);
    }

    #[test]
    fn known_pairs_of_folders_are_the_two_sets() {
        for (train, valid) in
            [("train", "valid"), ("train", "val"), ("training", "testing"), ("Train", "Validation")]
        {
            let split = Split::known(&folders(&[train, valid, "other"]));
            let expected = Split::Folders { train: train.into(), valid: valid.into() };
            assert_eq!(split, Some(expected));
        }
        let three = Split::known(&folders(&["train", "test", "val"]));
        assert_eq!(three, Some(Split::Folders { train: "train".into(), valid: "val".into() }));
        assert_eq!(Split::known(&folders(&["cat", "dog"])), None);
    }

    #[test]
    fn a_split_is_said_in_words() {
        let random = |share| Split::Random { share }.to_string();
        assert_eq!(random(0.2), "a random 20 %");
        assert_eq!(random(0.999), "a random 99.9 %");
        assert_eq!(random(0.0), "none");
    }

    #[test]
    fn a_list_names_files_wherever_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("valid.txt");
        fs::write(&file, "1.png\r\n\n 2.png \n").unwrap();
        let files = ["a/1.png", "b/1.png", "b/3.png"].map(Path::new);
        let split = Split::named_in(&file, files).unwrap();
        assert_eq!(files.map(|file| split.is_named(file)), [true, true, false]);
        fs::write(&file, "./a/1.png\nb\\3.png\n").unwrap();
        let split = Split::named_in(&file, files).unwrap();
        assert_eq!(files.map(|file| split.is_named(file)), [true, false, true]);
        let below = ["1.png", "3.png"].map(Path::new);
        let split = Split::named_in(&file, below).unwrap();
        assert_eq!(below.map(|file| split.is_named(file)), [true, true]);
        let error = Split::named_in(&file, [Path::new("x.png")]).unwrap_err();
        assert!(error.to_string().ends_with("valid.txt lists none of the files"), "{error}");
        let error = Split::named_in(&folder.path().join("no.txt"), files).unwrap_err();
        assert!(matches!(error, Error::Read { .. }), "{error}");
    }

    #[test]
    fn a_class_is_the_first_folder_below_the_set() {
        #[track_caller]
        fn check(split: &Split, within: &str, path: &str, class: Option<&str>) {
            assert_eq!(split.class(within, Path::new(path)), class.map(OsStr::new), "{path}");
        }
        let random = Split::Random { share: 0.2 };
        check(&random, "", "cat/1.png", Some("cat"));
        check(&random, "", "cat/monday/1.png", Some("cat"));
        check(&random, "", "1.png", None);
        check(&random, "", "Unsup/1.txt", None);
        check(&random, "train", "train/cat/1.png", Some("cat"));
        check(&random, "train", "test/cat/1.png", None);
        check(&random, "*", "fold1/cat/1.png", Some("cat"));
        let folders = Split::Folders { train: "a/train".into(), valid: "a/valid".into() };
        check(&folders, "", "a/valid/cat/1.png", Some("cat"));
        check(&folders, "", "a/train/cat/x/1.png", Some("cat"));
        check(&folders, "", "a/train/1.png", None);
        check(&folders, "", "a/test/cat/1.png", None);
        let (train, valid) = ("train".into(), "val".into());
        let inside = Split::InClasses { within: String::new(), train, valid };
        check(&inside, "", "cat/train/1.png", Some("cat"));
        check(&inside, "", "cat/val/monday/1.png", Some("cat"));
        check(&inside, "", "cat/1.png", None);
        check(&inside, "", "cat/other/1.png", None);
    }

    #[test]
    fn errors_say_how_data_is_divided() {
        check(
            SplitError::Share { value: "2".into() },
            "the validation share 2 is not between 0 and 1",
            Some("`0.2`"),
        );
        check(
            SplitError::Folder { value: "a/b".into() },
            "`a/b` is not the name of a folder directly below the data",
            Some("`valid`"),
        );
        let found = (0..7).map(|n| n.to_string()).collect();
        check(
            SplitError::NoSuchSet { valid: "v".into(), found },
            "no folder `v` with one other folder to train on: the data has 0/, 1/, 2/, 3/, 4/ and 2 more",
            Some("`--valid 0.2`"),
        );
        check(
            SplitError::EmptyShare { share: "1".into(), items: 36, unit: "images" },
            "1 % of 36 images is less than one, so the validation set would be empty",
            Some("`--valid 0`"),
        );
    }
}
