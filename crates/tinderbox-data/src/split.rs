//! Stage 2: which items train and which validate.

mod permutation;
mod words;

use std::{
    collections::{BTreeSet, HashSet},
    fmt,
    path::Path,
};

pub use permutation::{Mt19937, permutation};
pub use words::SetWord;

use crate::{
    Error, Result, file,
    items::{ItemKind, Items, first_folder},
    label::{LabelKind, UnknownLabels},
};

/// Indexes of items, in order.
pub(crate) type Part = [usize];

/// Items in two sets.
#[derive(Debug, Clone)]
#[doc(alias = "ItemLists")]
pub struct Split<K> {
    pub train: Items<K>,
    pub valid: Items<K>,
    pub(crate) wanted: Wanted,
    pub(crate) label_kind: LabelKind,
    pub(crate) unknown: UnknownLabels,
}

/// Which sets there are meant to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Both,
    Training,
    Validation,
}

/// `int(share * n)`, as the reference counts.
pub(crate) fn share_of(n: usize, share: f64) -> Result<usize> {
    match (0.0..=1.0).contains(&share) {
        true => Ok((share * n as f64) as usize),
        false => Err(Error::Share { share }),
    }
}

/// The indexes below `n` that are not in `valid`, ascending.
fn complement(n: usize, valid: &Part) -> Vec<usize> {
    let mut is_valid = vec![false; n];
    for &index in valid {
        is_valid[index] = true;
    }
    (0..n).filter(|index| !is_valid[*index]).collect()
}

impl<K: ItemKind> Items<K> {
    /// Everything trains; nothing validates, and nobody is warned about it.
    #[doc(alias = "no_split")]
    pub fn split_none(self) -> Split<K> {
        let valid = self.pick(&[]);
        Split { wanted: Wanted::Training, ..Split::by_list(self, valid) }
    }

    /// Everything validates; nothing trains, and nobody is warned about it: what a finished model is
    /// measured on. Labels must be of the model's kind and classes, as
    /// [`TargetKind::label_kind`](crate::TargetKind::label_kind) gives them.
    ///
    /// # Example
    /// ```
    /// use tinderbox_data::{BatchOptions, ImageItems, transform::{Size, Transforms}};
    /// # use tinderbox_data::digits::{DigitsConfig, write_digits};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # write_digits(folder.path(), &DigitsConfig { train_per_class: 2, test_per_class: 1, seed: 1 })?;
    /// # let (digits, new_digits) = (folder.path(), folder.path().join("testing"));
    /// let options = BatchOptions { batch_size: 10, ..BatchOptions::default() };
    /// let trained_on = ImageItems::from_folder(digits)?
    ///     .split_by_folder("training", "testing")?
    ///     .label_from_folder()?
    ///     .transform(Transforms::new().size(Size::Square(20)))?
    ///     .batches(options.clone())?;
    /// let model_has = trained_on.inference();
    ///
    /// let measured_on = ImageItems::from_folder(new_digits)?
    ///     .split_all_valid()
    ///     .label_kind(model_has.target().label_kind())
    ///     .label_from_folder()?
    ///     .batches_like(&model_has, options)?;
    /// assert_eq!((measured_on.n_train(), measured_on.n_valid()), (0, 10));
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "add_test")]
    pub fn split_all_valid(self) -> Split<K> {
        let train = self.pick(&[]);
        Split { wanted: Wanted::Validation, ..Split::by_list(train, self) }
    }

    /// By the first folder below the root. Items in other folders, or in none, are left out.
    ///
    /// # Errors
    /// [`Error::EmptyFolder`] if nothing lies in `train`, with the folders that there are.
    pub fn split_by_folder(self, train: &str, valid: &str) -> Result<Split<K>> {
        let part = |name: &str| -> Vec<usize> {
            let lies_in =
                |(index, path)| (first_folder(path) == Some(Path::new(name))).then_some(index);
            self.relative_paths().enumerate().filter_map(lies_in).collect()
        };
        let (trains, validates) = (part(train), part(valid));
        if trains.is_empty() {
            let folders: BTreeSet<&Path> = self.relative_paths().filter_map(first_folder).collect();
            let found = folders.iter().map(|folder| folder.display().to_string()).collect();
            return Err(Error::EmptyFolder { folder: train.into(), found });
        }
        self.split_by_idxs(&trains, &validates)
    }

    /// A random `share` validates: the start of the seeded permutation, in its order, so that a
    /// seed gives the split that the reference gives. A share of 0 is
    /// [`split_none`](Self::split_none).
    ///
    /// # Errors
    /// [`Error::Share`] if the share is outside `0.0..=1.0`.
    pub fn split_by_rand_pct(self, share: f64, seed: u32) -> Result<Split<K>> {
        let n = share_of(self.len(), share)?;
        if share == 0.0 {
            return Ok(self.split_none());
        }
        let order = permutation(self.len(), seed);
        self.split_by_idx(&order[..n])
    }

    /// The items at these indexes validate, in this order and as often as they are named.
    ///
    /// # Errors
    /// [`Error::Index`] for an index that no item has.
    pub fn split_by_idx(self, valid: &[usize]) -> Result<Split<K>> {
        self.in_range(valid)?;
        let train = complement(self.len(), valid);
        self.split_by_idxs(&train, valid)
    }

    /// Both sets by their indexes.
    ///
    /// # Errors
    /// [`Error::Index`] for an index that no item has.
    pub fn split_by_idxs(self, train: &[usize], valid: &[usize]) -> Result<Split<K>> {
        self.in_range(train)?;
        self.in_range(valid)?;
        Ok(Split::by_list(self.pick(train), self.pick(valid)))
    }

    fn in_range(&self, indexes: &Part) -> Result<()> {
        let len = self.len();
        indexes
            .iter()
            .find(|index| **index >= len)
            .map_or(Ok(()), |&index| Err(Error::Index { index, len }))
    }

    /// The items for which `is_valid` holds validate; it gets the path below the root.
    pub fn split_by_valid_func(self, mut is_valid: impl FnMut(&Path) -> bool) -> Split<K> {
        let (valid, train): (Vec<usize>, Vec<usize>) =
            (0..self.len()).partition(|&index| is_valid(&self.entries[index].path));
        Split::by_list(self.pick(&train), self.pick(&valid))
    }

    /// The items with these file names validate.
    pub fn split_by_files(self, names: &[impl AsRef<str>]) -> Split<K> {
        let names: HashSet<&str> = names.iter().map(AsRef::as_ref).collect();
        self.split_by_valid_func(|path| {
            path.file_name().is_some_and(|name| names.contains(name.to_string_lossy().as_ref()))
        })
    }

    /// [`split_by_files`](Self::split_by_files) with the names in a file below `folder` (the root,
    /// if there is none), one a line.
    ///
    /// # Errors
    /// [`Error::Read`] or [`Error::NotAFile`] if the file cannot be read.
    pub fn split_by_fname_file(
        self,
        names_file: impl AsRef<Path>,
        folder: Option<&Path>,
    ) -> Result<Split<K>> {
        let path = folder.unwrap_or(&self.root).join(names_file);
        let text = file::read(&path)?;
        // A name that is not UTF-8 is compared as it is shown.
        let text = String::from_utf8_lossy(&text);
        let names: Vec<&str> =
            text.lines().map(str::trim).filter(|name| !name.is_empty()).collect();
        Ok(self.split_by_files(&names))
    }

    /// By a column that says which rows validate: `true`, `yes`, `1`, or a set's name, such as `valid`,
    /// see [`SetWord::named`]. In a column called `is_train`, what is true trains.
    ///
    /// Rows of a `test` set are in neither set; if no row validates otherwise, they do. Where all
    /// other rows validate, those without a word train.
    ///
    /// # Errors
    /// [`Error::NoTable`], [`Error::NoColumn`]; [`Error::UnknownSet`] and [`Error::EmptyCell`] with the
    /// row; [`Error::EmptySet`] if no row trains, or none validates.
    pub fn split_from_df(self, column: &str) -> Result<Split<K>> {
        let table = self.table.clone().ok_or(Error::NoTable)?;
        let at = table.column(column)?;
        let name = table.columns()[at].clone();
        let path = || table.path().to_owned();
        let (mut train, mut valid, mut test) = (Vec::new(), Vec::new(), Vec::new());
        let mut blank = Vec::new();
        for (index, entry) in self.entries.iter().enumerate() {
            let row = entry.row.ok_or(Error::NoTable)?;
            let cell = table.text(row, at);
            match SetWord::of_cell(&name, cell) {
                Some(SetWord::Training) => train.push(index),
                Some(SetWord::Validation) => valid.push(index),
                Some(SetWord::Test) => test.push(index),
                None if cell.trim().is_empty() => blank.push(index),
                None => {
                    let cell = cell.to_owned();
                    return Err(Error::UnknownSet {
                        path: path(),
                        row: row + 1,
                        column: name,
                        cell,
                    });
                }
            }
        }
        match blank.first() {
            None => {}
            Some(_) if train.is_empty() => train = blank,
            Some(first) => {
                let row = self.entries[*first].row.unwrap_or_default() + 1;
                return Err(Error::EmptyCell { path: path(), row, column: name });
            }
        }
        let valid = if valid.is_empty() { test } else { valid };
        for (set, rows) in [("training", &train), ("validation", &valid)] {
            if rows.is_empty() {
                return Err(Error::EmptySet { path: path(), column: name, set });
            }
        }
        self.split_by_idxs(&train, &valid)
    }

    /// The start of the seeded permutation trains, its end validates, the rest is left out.
    ///
    /// # Errors
    /// [`Error::Share`] for a share outside `0.0..=1.0`.
    pub fn split_subsets(self, train_share: f64, valid_share: f64, seed: u32) -> Result<Split<K>> {
        let order = permutation(self.len(), seed);
        let train = share_of(self.len(), train_share)?;
        let valid = share_of(self.len(), valid_share)?;
        self.split_by_idxs(&order[..train], &order[order.len() - valid..])
    }
}

impl<K: ItemKind> Split<K> {
    /// Two lists made elsewhere.
    pub fn by_list(train: Items<K>, valid: Items<K>) -> Self {
        let (label_kind, unknown) = (LabelKind::Auto, UnknownLabels::Refuse);
        Self { train, valid, wanted: Wanted::Both, label_kind, unknown }
    }

    /// Which kind of labels is made, however they are come by; found out from the first training
    /// label if it is not said. It is also how classes are given, and their order.
    ///
    /// # Example
    /// ```
    /// use std::path::Path;
    /// use tinderbox_data::{ImageKind, Items, Label, LabelKind, TargetKind};
    ///
    /// # fn main() -> tinderbox_data::Result<()> {
    /// # let files = vec!["street/1.png".into()];
    /// # let items = Items::new("camvid", files, ImageKind::default());
    /// let classes = ["sky", "road"];
    /// let masks = items
    ///     .split_none()
    ///     .label_kind(LabelKind::mask(classes))
    ///     .label_from_func(|picture| Label::File(Path::new("masks").join(picture)))?;
    /// assert_eq!(masks.target.class_index("road"), Some(1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn label_kind(mut self, kind: LabelKind) -> Self {
        self.label_kind = kind;
        self
    }

    /// What becomes of validation items with a label that no training item has; an error if it is
    /// not said.
    ///
    /// # Example
    /// ```
    /// use tinderbox_data::{ImageKind, Items, UnknownLabels};
    ///
    /// # fn main() -> tinderbox_data::Result<()> {
    /// let files = ["train/cat/1.png", "valid/cat/2.png", "valid/dog/3.png"];
    /// let items = Items::new("pets", files.map(Into::into).to_vec(), ImageKind::default());
    /// let data = items
    ///     .split_by_folder("train", "valid")?
    ///     .unknown_labels(UnknownLabels::Drop)
    ///     .label_from_folder()?;
    /// assert_eq!(data.valid.items.len(), 1);
    /// assert!(data.warnings[0].contains("dropped"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn unknown_labels(mut self, unknown: UnknownLabels) -> Self {
        self.unknown = unknown;
        self
    }

    /// What a user may want to know before going on.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.train.is_empty() && self.wanted != Wanted::Validation {
            warnings.push("your training set is empty".to_owned());
        }
        if self.valid.is_empty() && self.wanted != Wanted::Training {
            warnings.push("your validation set is empty".to_owned());
        }
        warnings
    }
}

/// Both lists, as they show themselves.
impl<K: ItemKind> fmt::Display for Split<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Train: {}\n\nValid: {}", self.train, self.valid)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::{
        ImageItems, ImageKind,
        text::{TextCsv, TextItems},
    };

    fn items(paths: &[&str]) -> ImageItems {
        Items::new("root", paths.iter().map(PathBuf::from).collect(), ImageKind::default())
    }

    #[track_caller]
    fn check(split: &Split<ImageKind>, train: &[&str], valid: &[&str]) {
        let paths = |items: &ImageItems| {
            items.relative_paths().map(|p| p.display().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(paths(&split.train), train);
        assert_eq!(paths(&split.valid), valid);
    }

    #[test]
    fn folders_split_by_the_first_one_and_drop_the_others() {
        let split = items(&["t/a", "v/b", "o/c", "d"]).split_by_folder("t", "v").unwrap();
        check(&split, &["t/a"], &["v/b"]);
        let error = items(&["o/c", "d"]).split_by_folder("t", "v").unwrap_err();
        assert_eq!(
            error.to_string(),
            "t/ is empty, so there is nothing to train on; the folders are o"
        );
    }

    #[test]
    fn functions_and_names_choose_what_validates() {
        check(
            &items(&["a", "b"]).split_by_valid_func(|path| path == Path::new("b")),
            &["a"],
            &["b"],
        );
        check(&items(&["x/a", "y/a", "b"]).split_by_files(&["a"]), &["b"], &["x/a", "y/a"]);
    }

    #[test]
    fn a_share_or_an_index_outside_is_refused() {
        assert!(matches!(items(&["a"]).split_by_rand_pct(1.5, 0), Err(Error::Share { .. })));
        assert!(matches!(items(&["a"]).split_by_rand_pct(f64::NAN, 0), Err(Error::Share { .. })));
        assert!(matches!(items(&["a"]).split_by_idx(&[1]), Err(Error::Index { index: 1, len: 1 })));
    }

    #[test]
    fn an_empty_set_is_warned_about_unless_it_is_meant() {
        assert!(items(&["a"]).split_none().warnings().is_empty());
        assert_eq!(items(&["a"]).split_by_rand_pct(0.1, 0).unwrap().warnings().len(), 1);
        assert_eq!(items(&[]).split_none().warnings(), ["your training set is empty"]);
        assert!(items(&["a"]).split_all_valid().warnings().is_empty());
        assert_eq!(items(&[]).split_all_valid().warnings().len(), 1);
    }

    /// The numbers of the rows that train and that validate, by a column `is_valid`.
    fn of_column(cells: &[&str]) -> Result<(Vec<String>, Vec<String>)> {
        let file = tempfile::NamedTempFile::new().unwrap();
        let rows: Vec<String> = cells.iter().map(|cell| format!("a,{cell}")).collect();
        std::fs::write(file.path(), format!("text,is_valid\n{}\n", rows.join("\n"))).unwrap();
        let items = TextItems::from_csv(file.path(), &TextCsv::default())?;
        let split = items.split_from_df("is_valid")?;
        let paths = |items: &TextItems| {
            items.relative_paths().map(|path| path.display().to_string()).collect()
        };
        Ok((paths(&split.train), paths(&split.valid)))
    }

    #[test]
    fn a_column_divides_by_the_words_that_people_use() {
        let sets = |cells: &[&str]| {
            let (train, valid) = of_column(cells).unwrap();
            (train.concat(), valid.concat())
        };
        assert_eq!(sets(&["train", "valid", "test"]), ("0".into(), "1".into()));
        assert_eq!(sets(&["Train", "TEST", "train"]), ("02".into(), "1".into()));
        assert_eq!(sets(&["", "True", ""]), ("02".into(), "1".into()));
        assert_eq!(sets(&["0.0", "1.0", "0"]), ("02".into(), "1".into()));
    }

    #[test]
    fn a_column_that_cannot_be_read_is_refused_with_its_row() {
        let error = |cells: &[&str]| of_column(cells).unwrap_err().to_string();
        let unknown = error(&["train", "valid", "maybe"]);
        assert!(unknown.ends_with("row 3: `maybe` in column `is_valid` names no set"), "{unknown}");
        let blank = error(&["False", "True", "", "True"]);
        assert!(blank.ends_with("row 3: column `is_valid` is empty"), "{blank}");
        let none = error(&["0", "0"]);
        assert!(none.ends_with("column `is_valid` puts no row in the validation set"), "{none}");
        assert!(error(&["1", "1"]).ends_with("puts no row in the training set"));
    }
}
