//! Which of a folder's folders are classes, and which are sets.
//!
//! | tree | read as |
//! |---|---|
//! | `cat/1.png`, `dog/2.png` | classes; a random share validates |
//! | `cat/monday/1.png` | classes: the top folder is the class, as in Keras and torchvision |
//! | `train/cat/1.png`, `val/cat/2.png` | sets, then classes; `val/` comes before `test/` |
//! | `train/cat/1.png`, `test/2.png` | `test/` has no labels, so a share of `train/` validates |
//! | `cat/train/1.png`, `cat/val/2.png` | classes, then sets |
//! | `archive/data/train/cat/1.png` | as the same without the only folders above |
//! | `train/train/cat/1.png`, `test/test/cat/2.png` | sets that were packed with their folders |
//! | `fold1/cat/1.png`, `fold2/cat/2.png` | not clear: the user chooses |

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use tinderbox_data::{
    ItemKind, Items, LabelKind, Labelled,
    items::{LeftOut, first_folder},
    split::SetWord,
};

use super::{
    ASKED, Choices, Split, SplitError,
    set_folders::{looks_like_a_set, set_of},
    split::{ANY, FIFTH, below, is_unlabelled, percent},
    survey::skipped,
};
use crate::{Result, Valid};

/// How the files of a folder are divided into classes and sets.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ClassFolders {
    pub split: Split,
    /// The folder that the class folders lie in where they lie in none of the sets; empty for the
    /// data's root.
    pub within: String,
    /// Why they are divided so.
    pub because: String,
}

/// What a list of the files that validate is called.
const LISTS: [&str; 2] = ["valid.txt", "val.txt"];

/// A folder directly below the one that all files lie in.
#[derive(Debug, Default)]
struct Top {
    /// How many files lie in folders of it, which may be classes.
    labelled: usize,
    /// The folders directly in it that files lie in.
    inner: BTreeMap<String, usize>,
}

impl ClassFolders {
    /// Which folders are classes and which are sets, and how files are divided: as was asked for; by
    /// what the folders are called; by a list that lies beside the data; else a random fifth.
    ///
    /// Paths are those below `root`; `unit` is what files are called in the plural.
    ///
    /// # Errors
    /// [`SplitError`]; a list that cannot be read.
    pub(crate) fn find(
        root: &Path,
        files: &[PathBuf],
        asked: Option<&Valid>,
        unit: &'static str,
    ) -> Result<Self> {
        let base = only_folder(files, String::new());
        let tops = Tops::of(files, &base);
        match asked {
            None | Some(Valid::Auto) => tops.usual(root, unit),
            Some(Valid::Share(share)) => tops.share(*share, unit),
            Some(Valid::Named(name)) => tops.named(name),
            Some(Valid::List(file)) => {
                let split = Split::named_in(file.path(), files.iter().map(PathBuf::as_path))?;
                Ok(Self { split, within: base, because: ASKED.into() })
            }
        }
    }

    /// The items that have a class, labelled with it, in two sets.
    ///
    /// # Errors
    /// Those of the split and of [`label_from_folder_by`](tinderbox_data::Split::label_from_folder_by).
    pub(crate) fn label<K: ItemKind>(
        split: &Split,
        within: &str,
        items: Items<K>,
        seed: u64,
    ) -> Result<Labelled<K>> {
        let items = items.filter_by_func(|path| split.class(within, path).is_some());
        let parts = split.apply(items, seed)?.label_kind(LabelKind::Category(None));
        Ok(parts.label_from_folder_by(|path| split.class(within, path))?)
    }

    /// Keeps and tells how the data is divided.
    pub(crate) fn tell(&self, choices: &mut Choices) {
        choices.keep("valid", &self.split.as_setting());
        let of = match &self.split {
            Split::Random { share } if *share > 0.0 && self.within.contains(ANY) => {
                " of all folders together".to_owned()
            }
            Split::Random { share } if *share > 0.0 && !self.within.is_empty() => {
                format!(" of {}/", self.within)
            }
            _ => String::new(),
        };
        choices.tell("valid", format!("{}{of}", self.split), &self.because);
    }
}

impl ClassFolders {
    /// What of the folder is in no set, which its owner may not have meant.
    pub(crate) fn doubts<K: ItemKind>(&self, items: &Items<K>) -> Vec<String> {
        let unit = items.kind().unit();
        let mut doubts: Vec<String> = skipped(items).into_iter().collect();
        let stray = items.relative_paths().filter(|path| self.class(path).is_none());
        let (unlabelled, stray): (Vec<&Path>, Vec<&Path>) = stray
            .partition(|path| path.parent().is_some_and(|folder| folder.iter().any(is_unlabelled)));
        if let Some(first) = unlabelled.first() {
            let first = first.display();
            doubts.push(match unlabelled.len() {
                1 => format!("skipped {first}, which has no label"),
                n => format!("skipped {n} {unit} without a label, such as {first}"),
            });
        }
        if let Some(first) = stray.first() {
            let (place, first) = (self.place(), first.display());
            doubts.push(match stray.len() {
                1 => format!("skipped {first}, which is in no {place}"),
                n => format!("skipped {n} {unit} that are in no {place}, such as {first}"),
            });
        }
        let empty = self.set_folders().into_iter().flat_map(|set| empty_folders(items, set));
        doubts.extend(empty.map(|folder| format!("{}/ has no {unit}", folder.display())));
        doubts
    }

    /// The folder that the class folders of training lie in.
    pub(crate) fn folder(&self, root: &Path) -> PathBuf {
        let below = match &self.split {
            Split::Folders { train, .. } => train,
            _ => &self.within,
        };
        // Without the separator that joining nothing leaves.
        root.join(below).components().collect()
    }

    /// The classes of the items that may train.
    pub(crate) fn training_classes<'a>(
        &self,
        files: impl IntoIterator<Item = &'a Path>,
    ) -> BTreeSet<String> {
        let train = files.into_iter().filter(|file| !self.split.surely_validates(file));
        let classes = train.filter_map(|file| self.class(file));
        classes.map(|class| class.to_string_lossy().into_owned()).collect()
    }

    /// The class folder of an item, if it has one.
    pub(crate) fn class<'a>(&self, path: &'a Path) -> Option<&'a std::ffi::OsStr> {
        self.split.class(&self.within, path)
    }

    /// What the classes are, in words, with an example where files lie deeper than in them.
    pub(crate) fn classes_are<'a>(&self, files: impl IntoIterator<Item = &'a Path>) -> String {
        let place = match (&self.split, self.within.as_str()) {
            (Split::Folders { train, .. }, _) if !train.ends_with(ANY) => {
                format!("the class is the folder in {train}/")
            }
            (Split::Random { .. } | Split::Names { .. }, within)
                if !within.is_empty() && !within.ends_with(ANY) =>
            {
                format!("the class is the folder in {within}/")
            }
            _ => "the class is the top folder".to_owned(),
        };
        // Those from the class folder on, where there are more.
        let inner = |file: &Path| {
            let class = self.class(file)?;
            let folders: PathBuf =
                file.parent()?.iter().skip_while(|folder| *folder != class).collect();
            let class = class.to_string_lossy().into_owned();
            (folders.iter().count() > 1).then(|| (folders.display().to_string(), class))
        };
        let is_set = matches!(self.split, Split::InClasses { .. });
        match files.into_iter().find_map(inner).filter(|_| !is_set) {
            Some((folders, class)) => format!("{place}, so {folders}/ is of class {class}"),
            None => place,
        }
    }

    /// Where an item must lie to be in a set.
    fn place(&self) -> String {
        match &self.split {
            Split::Folders { train, valid } => format!("class folder of {train}/ or {valid}/"),
            Split::InClasses { train, valid, .. } => {
                format!("{train}/ or {valid}/ of a class folder")
            }
            _ if self.within.is_empty() || self.within.contains(ANY) => "class folder".to_owned(),
            _ => format!("class folder of {}/", self.within),
        }
    }

    /// The folders that class folders lie in.
    fn set_folders(&self) -> Vec<&str> {
        let folders = match &self.split {
            Split::Folders { train, valid } => vec![train.as_str(), valid.as_str()],
            _ => vec![self.within.as_str()],
        };
        folders.into_iter().filter(|folder| !folder.contains(ANY)).collect()
    }
}

/// The folders directly in `set`, as paths below the root, without an item at any depth.
fn empty_folders<K: ItemKind>(items: &Items<K>, set: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(items.root().join(set)) else { return Vec::new() };
    let folders = entries.flatten().filter(|entry| entry.path().is_dir());
    let is_left_out =
        |folder: &PathBuf| items.left_out().iter().any(|one: &LeftOut| one.path == *folder);
    let mut empty: Vec<PathBuf> = folders
        .map(|entry| Path::new(set).join(entry.file_name()))
        .filter(|folder| !is_left_out(folder))
        .filter(|folder| !items.relative_paths().any(|file| file.starts_with(folder)))
        .collect();
    empty.sort();
    empty
}

/// The folders directly below the one that all files lie in.
struct Tops<'a> {
    files: &'a [PathBuf],
    base: String,
    folders: BTreeMap<String, Top>,
}

impl<'a> Tops<'a> {
    fn of(files: &'a [PathBuf], base: &str) -> Self {
        let mut folders: BTreeMap<String, Top> = BTreeMap::new();
        for file in files.iter().filter_map(|file| below(file, base)) {
            let Some(first) = first_folder(file) else { continue };
            let top = folders.entry(first.to_string_lossy().into_owned()).or_default();
            let rest = file.strip_prefix(first).expect("it is the file's first folder");
            if let Some(inner) = first_folder(rest) {
                top.labelled += 1;
                *top.inner.entry(inner.to_string_lossy().into_owned()).or_default() += 1;
            }
        }
        Self { files, base: base.to_owned(), folders }
    }

    /// The names of the folders that may hold classes, for which `is` holds.
    fn labelled(&self, is: impl Fn(&str) -> bool) -> Vec<&str> {
        let labelled = self.folders.iter().filter(|(_, top)| top.labelled > 0);
        labelled.map(|(name, _)| name.as_str()).filter(|name| is(name)).collect()
    }

    fn sets(&self, set: SetWord) -> Vec<&str> {
        self.labelled(|name| set_of(name) == Some(set))
    }

    /// What the folders are called says, and what lies beside the data.
    fn usual(&self, root: &Path, unit: &'static str) -> Result<ClassFolders> {
        let train = self.sets(SetWord::Training);
        let valid = match self.sets(SetWord::Validation) {
            valid if valid.is_empty() => self.sets(SetWord::Test),
            valid => valid,
        };
        let others = self.labelled(|name| set_of(name).is_none());
        let doubtful = || self.labelled(looks_like_a_set);
        match (&train[..], &valid[..]) {
            ([train], [valid]) => return Ok(self.pair(train, valid)),
            ([train], []) if others.is_empty() && self.are_sets_beside(train) => {
                return Ok(self.part_of_training(train, unit));
            }
            ([], []) if doubtful().is_empty() => {}
            _ => return Err(self.unclear(&train, &valid)),
        }
        if let Some(pair) = self.unlabelled_pair().or_else(|| self.in_classes()) {
            return Ok(pair);
        }
        let folders = [Some(root), root.parent()].into_iter().flatten();
        let mut lists = folders.flat_map(|folder| LISTS.map(|name| folder.join(name)));
        let paths = || self.files.iter().map(PathBuf::as_path);
        if let Some(split) = lists.find_map(|file| Split::named_in(&file, paths()).ok()) {
            let because = "the file is with the data".to_owned();
            return Ok(ClassFolders { split, within: self.base.clone(), because });
        }
        let because = "the data does not define one; choose with `--valid`".to_owned();
        Ok(self.fifth(self.base.clone(), unit, because))
    }

    /// A folder that trains and one that validates.
    fn pair(&self, train: &str, valid: &str) -> ClassFolders {
        let (train, valid) = (self.set_path(train), self.set_path(valid));
        let because = format!("the data has the folders {train}/ and {valid}/");
        ClassFolders { split: Split::Folders { train, valid }, within: String::new(), because }
    }

    /// Whether everything beside the training folder is called as a set.
    fn are_sets_beside(&self, train: &str) -> bool {
        self.folders.keys().all(|name| name == train || looks_like_a_set(name))
    }

    /// A fifth of the training folder, where what is called a validation or a test set has no labels.
    fn part_of_training(&self, train: &str, unit: &str) -> ClassFolders {
        let beside: Vec<String> =
            self.folders.keys().filter(|name| *name != train).map(|name| self.path(name)).collect();
        let because = match &beside[..] {
            [] => format!("the data has only {}/", self.path(train)),
            [one] => format!("{one}/ has no class folders, so it cannot validate"),
            several => {
                format!("{}/ have no class folders, so they cannot validate", several.join("/, "))
            }
        };
        self.fifth(self.set_path(train), unit, because)
    }

    /// A random fifth of what lies in class folders, if that is an item.
    fn fifth(&self, within: String, unit: &str, because: String) -> ClassFolders {
        let split = Split::Random { share: FIFTH };
        let n = self.files.iter().filter(|file| split.class(&within, file).is_some()).count();
        match FIFTH * n as f64 >= 1.0 {
            true => ClassFolders { split, within, because },
            false => {
                let because = format!("{n} {unit} are too few to hold any out");
                ClassFolders { split: Split::Random { share: 0.0 }, within, because }
            }
        }
    }

    /// Sets without class folders: whoever looks for classes will say so.
    fn unlabelled_pair(&self) -> Option<ClassFolders> {
        let all_sets = self.folders.keys().all(|name| set_of(name).is_some());
        let called =
            |set: SetWord| self.folders.keys().find(|name| set_of(name) == Some(set)).cloned();
        let valid = || called(SetWord::Validation).or_else(|| called(SetWord::Test));
        let (train, valid) = (called(SetWord::Training)?, valid()?);
        all_sets.then(|| self.pair(&train, &valid))
    }

    /// Sets inside the classes: every class has a folder to train on.
    fn in_classes(&self) -> Option<ClassFolders> {
        let mut inner: BTreeMap<&str, usize> = BTreeMap::new();
        for name in self.folders.values().flat_map(|top| top.inner.keys()) {
            *inner.entry(name).or_default() += 1;
        }
        // Of several, the one that most classes have.
        let called = |set: SetWord| {
            let named = inner.iter().filter(|(name, _)| set_of(name) == Some(set));
            named.max_by_key(|(_, n)| **n).map(|(name, _)| (*name).to_owned())
        };
        let train = called(SetWord::Training)?;
        let valid = called(SetWord::Validation).or_else(|| called(SetWord::Test))?;
        let trains = |top: &Top| top.labelled == 0 || top.inner.contains_key(&train);
        let several = self.folders.len() > 1 && self.folders.values().all(trains);
        several.then(|| {
            let because = format!("the class folders have {train}/ and {valid}/");
            let within = self.base.clone();
            let split = Split::InClasses { within: within.clone(), train, valid };
            ClassFolders { split, within, because }
        })
    }

    /// A share that was asked for: of all folders together where they look like sets, or else of all
    /// classes.
    fn share(&self, share: f64, unit: &'static str) -> Result<ClassFolders> {
        let labelled = self.labelled(|_| true);
        let within = match (&labelled[..], &self.sets(SetWord::Training)[..]) {
            ([one], [train]) if one == train && self.are_sets_beside(train) => self.path(train),
            ([_, _, ..], _) if labelled.iter().all(|name| looks_like_a_set(name)) => self.path(ANY),
            _ => self.base.clone(),
        };
        let split = Split::Random { share };
        let n = self.files.iter().filter(|file| split.class(&within, file).is_some()).count();
        if share > 0.0 && (share * n as f64) < 1.0 {
            return Err(SplitError::EmptyShare { share: percent(share), items: n, unit }.into());
        }
        Ok(ClassFolders { split, within, because: ASKED.into() })
    }

    /// The folder that was asked for validates, beside one that trains.
    fn named(&self, name: &str) -> Result<ClassFolders> {
        let Some(valid) = self.folders.get(name) else { return self.named_in_classes(name) };
        if valid.labelled == 0 {
            return Err(SplitError::NoLabels { valid: self.path(name) }.into());
        }
        let others = self.labelled(|other| other != name);
        let training: Vec<&str> =
            others.iter().copied().filter(|name| set_of(name) == Some(SetWord::Training)).collect();
        // All of them, where they are parts of the data.
        let parts = || others.iter().all(|name| looks_like_a_set(name) && set_of(name).is_none());
        let train = match (&others[..], &training[..]) {
            ([train], _) | (_, [train]) => self.set_path(train),
            (_, [train, ..]) if ["train", "training"].contains(train) => self.set_path(train),
            ([_, ..], []) if parts() => self.path(ANY),
            _ => return Err(self.no_such_set(name)),
        };
        let split = Split::Folders { train, valid: self.set_path(name) };
        Ok(ClassFolders { split, within: String::new(), because: ASKED.into() })
    }

    /// The folder of this name in each class validates.
    fn named_in_classes(&self, name: &str) -> Result<ClassFolders> {
        let inner = || self.folders.values().flat_map(|top| top.inner.keys());
        let others: BTreeSet<&String> = inner().filter(|other| *other != name).collect();
        let mut training = others.iter().filter(|name| set_of(name) == Some(SetWord::Training));
        let train = match (others.len(), training.next()) {
            (1, _) => others.first().copied(),
            (_, train) => train.copied(),
        };
        match train.filter(|_| inner().any(|other| other == name)) {
            Some(train) => {
                let (train, valid, within) = (train.clone(), name.to_owned(), self.base.clone());
                let split = Split::InClasses { within: within.clone(), train, valid };
                Ok(ClassFolders { split, within, because: ASKED.into() })
            }
            None => Err(self.no_such_set(name)),
        }
    }

    fn no_such_set(&self, valid: &str) -> crate::Error {
        let found = self.folders.keys().cloned().collect();
        SplitError::NoSuchSet { valid: valid.to_owned(), found }.into()
    }

    fn unclear(&self, train: &[&str], valid: &[&str]) -> crate::Error {
        let found: Vec<String> = self.labelled(|_| true).into_iter().map(str::to_owned).collect();
        let beside = found.iter().find(|name| !train.contains(&name.as_str()));
        let suggested = valid.first().map(|name| (*name).to_owned()).or_else(|| beside.cloned());
        SplitError::Unclear { suggested: suggested.unwrap_or_default(), found }.into()
    }

    /// The path of a folder below the data's root.
    /// The folder that the class folders of a set lie in: `train/train` where there is nothing else in
    /// `train`, as archives are packed.
    fn set_path(&self, name: &str) -> String {
        let path = self.path(name);
        let mut inner = self.folders.get(name).into_iter().flat_map(|top| top.inner.keys());
        match (inner.next(), inner.next()) {
            (Some(inner), None) if set_of(inner).is_some() && set_of(inner) == set_of(name) => {
                format!("{path}/{inner}")
            }
            _ => path,
        }
    }

    fn path(&self, name: &str) -> String {
        match self.base.as_str() {
            "" => name.to_owned(),
            base => format!("{base}/{name}"),
        }
    }
}

/// The folder that all class folders lie in, if there are no others beside it: with `archive/data/cat/1.png`
/// and `archive/data/dog/2.png`, `archive/data`.
fn only_folder(files: &[PathBuf], base: String) -> String {
    let tops = Tops::of(files, &base);
    let mut folders = tops.folders.iter();
    match (folders.next(), folders.next()) {
        // What is no text is not found again by its name.
        (Some((name, top)), None) if top.labelled > 0 && !name.contains('\u{fffd}') => {
            only_folder(files, tops.path(name))
        }
        _ => base,
    }
}

/// The folders of a path from its first on, one of which is a class that the model knows: the one that
/// is its label.
pub(crate) fn known_class<'a>(path: &'a Path, classes: &[String]) -> Option<&'a std::ffi::OsStr> {
    let mut folders = path.parent()?.iter();
    folders.find(|folder| classes.iter().any(|class| *class == folder.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(files: &[&str], asked: Option<&Valid>) -> Result<ClassFolders> {
        let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
        ClassFolders::find(Path::new("/no/such/data"), &files, asked, "images")
    }

    /// A file in each of two class folders of each of these folders.
    fn in_classes(folders: &[&str]) -> Vec<String> {
        let of = |folder: &&str| ["cat", "dog"].map(|class| format!("{folder}/{class}/1.png"));
        folders.iter().flat_map(of).collect()
    }

    fn strs(files: &[String]) -> Vec<&str> {
        files.iter().map(String::as_str).collect()
    }

    #[track_caller]
    fn check_pair(files: &[&str], train: &str, valid: &str) {
        let found = find(files, None).unwrap();
        let (train, valid) = (train.to_owned(), valid.to_owned());
        assert_eq!(found.split, Split::Folders { train, valid }, "{}", found.because);
    }

    #[test]
    fn sets_may_be_packed_with_their_folders() {
        let files = in_classes(&["seg_train/seg_train", "seg_test/seg_test"]);
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let found = find(&files, None).unwrap();
        let (train, valid) = ("seg_train/seg_train".into(), "seg_test/seg_test".into());
        assert_eq!(found.split, Split::Folders { train, valid });
        assert_eq!(found.class(Path::new(files[0])).unwrap(), "cat");
    }

    #[test]
    fn sets_are_folders_of_class_folders_in_any_spelling() {
        for [train, valid] in [
            ["train", "valid"],
            ["Train", "VAL"],
            ["training", "validation"],
            ["train", "dev"],
            ["seg_train", "seg_test"],
            ["training_set", "test_set"],
            ["archive/data/train", "archive/data/test"],
            ["images/train", "images/val"],
        ] {
            check_pair(&strs(&in_classes(&[train, valid])), train, valid);
        }
    }

    #[test]
    fn validation_comes_before_test_and_what_has_no_classes_does_not_validate() {
        check_pair(&strs(&in_classes(&["test", "train", "val"])), "train", "val");
        let labelled = in_classes(&["train", "test"]);
        let mut files = strs(&labelled);
        files.push("valid/1.png");
        check_pair(&files, "train", "test");
    }

    /// Ten files in two class folders of `train`, and others.
    fn train_and(others: &[&str]) -> Vec<String> {
        let files =
            (0..5).flat_map(|n| ["cat", "dog"].map(|class| format!("train/{class}/{n}.png")));
        files.chain(others.iter().map(|file| (*file).to_owned())).collect()
    }

    #[test]
    fn a_test_set_without_labels_leaves_a_fifth_of_training_to_validate() {
        let found = find(&strs(&train_and(&["test/1.png", "test/2.png"])), None).unwrap();
        assert_eq!((found.split, &*found.within), (Split::Random { share: FIFTH }, "train"));
        assert_eq!(found.because, "test/ has no class folders, so it cannot validate");
        let found = find(&strs(&train_and(&[])), None).unwrap();
        assert_eq!((found.split, &*found.within), (Split::Random { share: FIFTH }, "train"));
    }

    #[test]
    fn the_top_folder_is_the_class() {
        let files = ["cat/2019/1.png", "cat/2020/2.png", "dog/2019/3.png", "dog/2020/4.png"];
        let found = find(&[&files[..], &["dog/5.png"]].concat(), None).unwrap();
        assert_eq!((&found.split, &*found.within), (&Split::Random { share: FIFTH }, ""));
        assert_eq!(found.class(Path::new("cat/2019/1.png")).unwrap(), "cat");
        let files = files.map(PathBuf::from);
        assert_eq!(
            found.classes_are(files.iter().map(PathBuf::as_path)),
            "the class is the top folder, so cat/2019/ is of class cat"
        );
    }

    #[test]
    fn folders_that_are_called_as_sets_are_classes_if_images_lie_in_them() {
        let found = find(&["train/1.png", "bus/2.png", "car/3.png", "test/4.png"], None).unwrap();
        assert_eq!(found.class(Path::new("train/1.png")).unwrap(), "train");
    }

    #[test]
    fn sets_may_lie_in_the_classes() {
        let files = ["cat/train/1.png", "cat/val/2.png", "dog/train/3.png", "dog/val/4.png"];
        let inside = |train: &str, valid: &str| Split::InClasses {
            within: String::new(),
            train: train.into(),
            valid: valid.into(),
        };
        assert_eq!(find(&files, None).unwrap().split, inside("train", "val"));
        let named = find(&["a/x/1.png", "a/y/2.png", "b/x/1.png"], Some(&Valid::Named("y".into())));
        assert_eq!(named.unwrap().split, inside("x", "y"));
    }

    #[track_caller]
    fn check_unclear(files: &[&str], suggested: &str) {
        let error = find(files, None).unwrap_err();
        match error.downcast_ref() {
            Some(SplitError::Unclear { suggested: found, .. }) => assert_eq!(found, suggested),
            _ => panic!("{error}"),
        }
        // What is suggested works.
        find(files, Some(&Valid::Named(suggested.to_owned()))).unwrap();
        find(files, Some(&Valid::Share(0.5))).unwrap();
    }

    #[test]
    fn what_looks_like_sets_but_is_not_known_is_for_the_user_to_choose() {
        check_unclear(&strs(&in_classes(&["fold1", "fold2", "fold3"])), "fold1");
        check_unclear(&strs(&in_classes(&["train_a", "train_b"])), "train_a");
        check_unclear(&strs(&in_classes(&["more", "train"])), "more");
        check_unclear(&strs(&in_classes(&["dev", "train", "val"])), "dev");
        check_unclear(&strs(&in_classes(&["test", "val"])), "val");
        check_unclear(&strs(&in_classes(&["control", "test"])), "test");
    }

    #[test]
    fn a_share_is_of_sets_together_or_of_classes() {
        let within = |folders: &[&str]| {
            find(&strs(&in_classes(folders)), Some(&Valid::Share(0.5))).unwrap().within
        };
        assert_eq!(within(&["train", "test"]), "*");
        assert_eq!(within(&["fold1", "fold2"]), "*");
        assert_eq!(within(&["cat", "dog"]), "");
        assert_eq!(within(&["a/cat", "a/dog"]), "a");
    }

    #[test]
    fn a_folder_that_has_no_labels_cannot_be_asked_to_validate() {
        let error = find(&strs(&train_and(&["test/1.png"])), Some(&Valid::Named("test".into())));
        let error = error.unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(SplitError::NoLabels { .. })), "{error}");
    }

    #[test]
    fn parts_of_the_data_train_beside_the_one_that_validates() {
        let files = in_classes(&["fold1", "fold2", "fold3"]);
        let found = find(&strs(&files), Some(&Valid::Named("fold2".into()))).unwrap();
        assert_eq!(found.split.to_string(), "fold2/, with the other folders for training");
        assert_eq!(found.class(Path::new("fold3/cat/1.png")).unwrap(), "cat");
    }

    #[test]
    fn what_is_not_used_is_doubted() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a", "b/x", "empty", "unsup", ".hidden"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        let files = ["a/1.png", "a/2.heic", "a/3.heic", "b/x/2.png", "3.png", "unsup/4.png"];
        for name in files.iter().chain(&[".hidden/5.png"]) {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let items = tinderbox_data::ImageItems::from_folder(folder.path()).unwrap();
        let files: Vec<PathBuf> = items.relative_paths().map(Path::to_owned).collect();
        let found = ClassFolders::find(folder.path(), &files, None, "images").unwrap();
        let doubts = found.doubts(&items);
        assert!(doubts[0].starts_with("skipped 3 files: 2 .heic (not supported: "), "{doubts:?}");
        assert!(doubts[0].ends_with(", 1 hidden, such as .hidden"), "{doubts:?}");
        assert_eq!(
            doubts[1..],
            [
                "skipped unsup/4.png, which has no label",
                "skipped 3.png, which is in no class folder",
                "empty/ has no images"
            ]
        );
    }
}
