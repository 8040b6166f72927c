//! The ways of labelling.

use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    path::Path,
};

use regex::Regex;

use super::{Label, LabelKind, Labelled, process::Raw};
use crate::{
    Error, Result, Split,
    items::{ItemKind, Items, Table, with_slashes},
};

impl<K: ItemKind> Split<K> {
    /// Labels each item with its parent folder's name.
    ///
    /// # Errors
    /// [`Error::NoParent`] for an item directly in the root, [`Error::NoTrainingItems`],
    /// [`Error::UnknownLabels`] for a validation label that no training item has, unless such items
    /// are [to be dropped](Self::unknown_labels).
    pub fn label_from_folder(self) -> Result<Labelled<K>> {
        self.label_from_folder_by(|path| path.parent().and_then(Path::file_name))
    }

    /// Labels each item with the name of a folder in its path below the root: of the one that `folder`
    /// gives.
    ///
    /// # Errors
    /// As [`label_from_folder`](Self::label_from_folder), [`Error::NoParent`] where there is no such
    /// folder; [`Error::SameClass`] for two names that are one as text.
    ///
    /// # Example
    /// ```
    /// use tinderbox_data::{ImageKind, Items};
    ///
    /// # fn main() -> tinderbox_data::Result<()> {
    /// let files = ["cat/monday/1.png", "dog/monday/2.png"];
    /// let items = Items::new("pets", files.map(Into::into).to_vec(), ImageKind::default());
    /// let data = items.split_none().label_from_folder_by(|path| path.iter().next())?;
    /// assert_eq!(data.target.classes(), ["cat", "dog"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn label_from_folder_by(
        self,
        folder: impl for<'a> Fn(&'a Path) -> Option<&'a OsStr>,
    ) -> Result<Labelled<K>> {
        let mut names: HashMap<String, OsString> = HashMap::new();
        self.label_with(|path| {
            let name = folder(path).ok_or_else(|| Error::NoParent { path: path.into() })?;
            let class = name.to_string_lossy().into_owned();
            let first = &*names.entry(class.clone()).or_insert_with(|| name.to_owned());
            match first == name {
                true => Ok(Label::Text(class)),
                false => Err(Error::SameClass { folders: [first.into(), name.into()] }),
            }
        })
    }

    /// Labels each item with what `label` makes of its path below the root: a [`Label`], a text, a
    /// number, or the path of its mask.
    ///
    /// # Errors
    /// Those of [`label_from_lists`](Self::label_from_lists).
    pub fn label_from_func<L: Into<Label>>(
        self,
        mut label: impl FnMut(&Path) -> L,
    ) -> Result<Labelled<K>> {
        self.label_with(|path| Ok(label(path).into()))
    }

    /// Labels each item with the first group of `pattern`'s first match in its path, which has
    /// `/` between folders; with the root before it if `full_path`.
    ///
    /// # Errors
    /// [`Error::Pattern`], [`Error::NoMatch`], and those of
    /// [`label_from_lists`](Self::label_from_lists).
    pub fn label_from_re(self, pattern: &str, full_path: bool) -> Result<Labelled<K>> {
        let wrong = |reason: String| Error::Pattern { pattern: pattern.into(), reason };
        let regex = Regex::new(pattern).map_err(|error| wrong(error.to_string()))?;
        if regex.captures_len() < 2 {
            return Err(wrong("it has no group to take the label from".into()));
        }
        let root = self.train.root.clone();
        self.label_with(|path| {
            let path = match full_path {
                true => with_slashes(&root.join(path)),
                // A pattern may start at the separator before the file's name.
                false => format!("/{}", with_slashes(path)),
            };
            let found = regex.captures(&path).and_then(|captures| captures.get(1));
            match found {
                Some(label) => Ok(Label::Text(label.as_str().to_owned())),
                None => Err(Error::NoMatch { pattern: pattern.into(), path }),
            }
        })
    }

    /// Labels each item with its row's value in a column of the CSV file: a number if every row
    /// has one there and some have a fraction, a whole number if all are whole (`1`, `1.0`), else text. With a
    /// `delimiter`, the value holds several labels.
    ///
    /// # Errors
    /// [`Error::NoTable`], [`Error::NoColumn`], [`Error::EmptyCell`]; [`Error::NotANumber`] for a
    /// value among numbers that is not finite, or if numbers [are asked for](Self::label_kind);
    /// those of [`label_from_lists`](Self::label_from_lists).
    pub fn label_from_df(self, column: &str, delimiter: Option<char>) -> Result<Labelled<K>> {
        let as_label = match delimiter {
            Some(delimiter) => ColumnKind::Many(delimiter),
            None => ColumnKind::of(table(&self.train)?, column, &self.label_kind)?,
        };
        let labels =
            |items: &Items<K>| each_row(items, |table, row| as_label.label(table, row, column));
        let (train, valid) = (labels(&self.train)?, labels(&self.valid)?);
        self.labelled(&train, &valid)
    }

    /// Labels each item with several columns of its row. The columns that are true are its classes,
    /// in the order given, or in that of the classes if they are [given](Self::label_kind) and are
    /// what the columns are called; with [`LabelKind::Category`], the one that is true is its class;
    /// with [`LabelKind::Number`], the columns are the numbers to predict.
    ///
    /// # Errors
    /// As [`label_from_df`](Self::label_from_df); [`Error::NotOneClass`] for a row of which not one
    /// column is true, where that is the class.
    pub fn label_from_columns(mut self, columns: &[&str]) -> Result<Labelled<K>> {
        let kind = self.label_kind.clone();
        let columns = in_order_of(&kind, columns);
        let label = |table: &Table, row: usize| {
            let cells = columns.iter().map(|column| table.column(column));
            if let LabelKind::Number { .. } = kind {
                let numbers: Result<_> = cells.map(|at| table.number(row, at?)).collect();
                return numbers.map(Label::Numbers);
            }
            let flags: Vec<bool> =
                cells.map(|at| Ok(is_set(table.cell(row, at?)?))).collect::<Result<_>>()?;
            match kind {
                LabelKind::Category(_) => the_one(table, row, &columns, &flags),
                _ => Ok(Label::OneHot(flags)),
            }
        };
        let (train, valid) = (each_row(&self.train, label)?, each_row(&self.valid, label)?);
        if self.label_kind == LabelKind::Auto {
            let classes = columns.iter().map(|column| (*column).to_owned()).collect();
            self.label_kind = LabelKind::MultiCategory(Some(classes));
        }
        self.labelled(&train, &valid)
    }

    /// Labels every item with the same value.
    ///
    /// # Errors
    /// [`Error::NoTrainingItems`].
    pub fn label_const(self, label: &Label) -> Result<Labelled<K>> {
        self.label_with(|_| Ok(label.clone()))
    }

    /// Labels every item with nothing.
    ///
    /// # Errors
    /// [`Error::NoTrainingItems`].
    pub fn label_empty(self) -> Result<Labelled<K>> {
        self.label_const(&Label::Empty)
    }

    /// Labels from two lists, in the order of the items.
    ///
    /// # Errors
    /// - [`Error::LabelCount`] if a list is not as long as its set
    /// - [`Error::NoTrainingItems`] if there is no label to find out the kind from
    /// - [`Error::MixedLabels`] for labels that do not go together
    /// - [`Error::UnknownLabels`] for a validation label that no training item has, unless such
    ///   items are [to be dropped](Self::unknown_labels)
    /// - [`Error::NotAClass`] for a label that is none of the given classes, [`Error::OneHot`] for
    ///   another number of flags
    /// - [`Error::NoClasses`] for files without the classes of their masks, [`Error::VoidClass`] for
    ///   a void class that is none of them
    /// - [`Error::NotFinite`] for a number that is not, [`Error::NoLogarithm`] for one that has none
    pub fn label_from_lists(self, train: &[Label], valid: &[Label]) -> Result<Labelled<K>> {
        for (labels, items) in [(train, &self.train), (valid, &self.valid)] {
            if labels.len() != items.len() {
                return Err(Error::LabelCount { given: labels.len(), items: items.len() });
            }
        }
        self.labelled(train, valid)
    }

    fn label_with(self, mut label: impl FnMut(&Path) -> Result<Label>) -> Result<Labelled<K>> {
        let train = self.train.relative_paths().map(&mut label).collect::<Result<Raw>>()?;
        let valid = self.valid.relative_paths().map(&mut label).collect::<Result<Raw>>()?;
        self.labelled(&train, &valid)
    }
}

/// The column that is true, alone.
fn the_one(table: &Table, row: usize, columns: &[&str], flags: &[bool]) -> Result<Label> {
    let named = columns.iter().zip(flags).filter(|(_, flag)| **flag);
    match named.map(|(column, _)| *column).collect::<Vec<_>>()[..] {
        [one] => Ok(Label::Text(one.to_owned())),
        ref found => Err(Error::NotOneClass {
            path: table.path().to_owned(),
            row: row + 1,
            found: found.iter().map(|column| (*column).to_owned()).collect(),
        }),
    }
}

/// Columns that are called as the classes, in the classes' order; others as they are.
fn in_order_of<'a>(kind: &LabelKind, columns: &[&'a str]) -> Vec<&'a str> {
    let mut columns = columns.to_vec();
    if let LabelKind::MultiCategory(Some(classes)) = kind {
        let place = |column: &str| classes.iter().position(|class| class == column);
        if columns.iter().all(|column| place(column).is_some()) {
            columns.sort_by_key(|column| place(column));
        }
    }
    columns
}

fn table<K>(items: &Items<K>) -> Result<&Table> {
    items.table.as_deref().ok_or(Error::NoTable)
}

/// A label from the table's row of each item.
fn each_row<K>(items: &Items<K>, label: impl Fn(&Table, usize) -> Result<Label>) -> Result<Raw> {
    let table = table(items)?;
    let label = |entry: &crate::Entry| label(table, entry.row.ok_or(Error::NoTable)?);
    items.entries.iter().map(label).collect()
}

/// What the values of a column are taken for.
#[derive(Debug, Clone, Copy, PartialEq)]
enum ColumnKind {
    Number,
    Integer,
    Text,
    Many(char),
}

impl ColumnKind {
    /// What all rows agree on, whichever set they are in.
    fn of(table: &Table, column: &str, kind: &LabelKind) -> Result<Self> {
        match kind {
            LabelKind::Auto => {}
            LabelKind::Number { .. } => return Ok(Self::Number),
            // As they were when the classes were found in such a column.
            LabelKind::Category(Some(classes)) if classes.iter().all(|name| is_whole(name)) => {
                return Ok(Self::Integer);
            }
            _ => return Ok(Self::Text),
        }
        let at = table.column(column)?;
        let cells = || (0..table.len()).filter_map(|row| table.cell(row, at).ok());
        let all = |is: fn(&str) -> bool| cells().all(|cell| is(cell.trim()));
        Ok(if all(|cell| whole(cell).is_some()) {
            Self::Integer
        } else if cells().all(|cell| is_number(cell) || table.parse_number(cell).is_some())
            && cells().any(|cell| table.parse_number(cell).is_some())
        {
            Self::Number
        } else {
            Self::Text
        })
    }

    fn label(self, table: &Table, row: usize, column: &str) -> Result<Label> {
        let at = table.column(column)?;
        if let Self::Many(delimiter) = self {
            // Nothing is no label.
            return Ok(Label::Many(several(table.text(row, at), delimiter)));
        }
        let cell = table.cell(row, at)?;
        Ok(match self {
            // Spaces around a class are of no class.
            Self::Text | Self::Many(_) => Label::Text(cell.trim().to_owned()),
            Self::Integer => match whole(cell.trim()) {
                Some(number) => Label::Integer(number),
                None => Label::Text(cell.trim().to_owned()),
            },
            Self::Number => Label::Number(table.number(row, at)?),
        })
    }
}

/// The labels in a cell, which is divided as a line of a CSV file is: quotes are respected.
fn several(cell: &str, delimiter: char) -> Vec<String> {
    let Ok(delimiter) = u8::try_from(delimiter) else {
        return cell.split(delimiter).map(|label| label.trim().to_owned()).collect();
    };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(cell.as_bytes());
    let fields = reader
        .records()
        .filter_map(Result::ok)
        .flat_map(|record| record.iter().map(|field| field.trim().to_owned()).collect::<Vec<_>>());
    fields.filter(|field| !field.is_empty()).collect()
}

/// Whether a cell says a number, be it infinite or none.
fn is_number(cell: &str) -> bool {
    cell.trim().parse::<f64>().is_ok()
}

/// The whole number that a cell has; `1.0` too, as pandas writes a column of whole numbers in which one
/// is missing.
fn whole(cell: &str) -> Option<i64> {
    /// From here on, not every whole number is one of 64 bits with a point.
    const EXACT: f64 = (1u64 << 53) as f64;
    let with_point = || cell.parse().ok().filter(|n: &f64| n.fract() == 0.0 && n.abs() < EXACT);
    cell.parse().ok().or_else(|| with_point().map(|number| number as i64))
}

/// Whether a class is called by a whole number, as one is written.
fn is_whole(name: &str) -> bool {
    name.parse::<i64>().is_ok_and(|number| number.to_string() == name)
}

fn is_set(cell: &str) -> bool {
    !matches!(cell.trim().to_lowercase().as_str(), "0" | "0.0" | "false" | "no")
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use super::*;
    use crate::{
        Array, ImageItems, ImageKind, MaskValues, TargetKind, UnknownLabels,
        items::CsvOptions,
        label::{InputFacts, LabelledPart},
    };

    fn split(train: &[&str], valid: &[&str]) -> Split<ImageKind> {
        let items = |paths: &[&str]| {
            Items::new("root", paths.iter().map(PathBuf::from).collect(), ImageKind::default())
        };
        Split::by_list(items(train), items(valid))
    }

    /// The rows of a table; the last one validates.
    fn of_table(csv: &str) -> Split<ImageKind> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("t.csv"), csv).unwrap();
        for row in csv.lines().skip(1) {
            fs::write(folder.path().join(row.split(',').next().unwrap()), "").unwrap();
        }
        let items = ImageItems::from_csv(folder.path(), "t.csv", &CsvOptions::default()).unwrap();
        let last = items.len() - 1;
        items.split_by_idx(&[last]).unwrap()
    }

    fn target(part: &LabelledPart<ImageKind>, index: usize) -> Array {
        part.labels.target(index, &InputFacts::default()).unwrap()
    }

    #[test]
    fn a_folder_names_its_items() {
        let labelled = split(&["t/b/1", "t/a/1"], &["v/b/1"]).label_from_folder().unwrap();
        assert_eq!(labelled.target.classes(), ["a", "b"]);
        assert_eq!(labelled.target.class_index("b"), Some(1));
        assert_eq!(labelled.valid.labels.text(0), "b");
        let error = split(&["1"], &[]).label_from_folder().unwrap_err();
        assert_eq!(error.to_string(), "1 has no parent folder, which would be its label");
    }

    #[cfg(unix)]
    #[test]
    fn folders_whose_names_are_no_text_do_not_become_one_class() {
        use std::os::unix::ffi::OsStrExt;
        let path = |name: &[u8]| Path::new(OsStr::from_bytes(name)).join("1.png");
        let split = |names: [&[u8]; 2]| {
            let paths = names.map(path).to_vec();
            Items::new("root", paths, ImageKind::default()).split_none().label_from_folder()
        };
        assert_eq!(split([b"caf\xe9", b"bar"]).unwrap().target.classes(), ["bar", "caf\u{fffd}"]);
        let error = split([b"caf\xe9", b"caf\xe8"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"the folders "caf\xE9" and "caf\xE8" would be one class: their names are not UTF-8"#
        );
    }

    #[test]
    fn the_first_of_a_label_that_would_not_train_trains() {
        let random = || split(&["a/1"], &["b/1", "a/2", "b/2", "c/1"]);
        let labelled = random().unknown_labels(UnknownLabels::Train).label_from_folder().unwrap();
        let paths = |part: &LabelledPart<ImageKind>| {
            part.items.relative_paths().map(with_slashes).collect::<Vec<_>>()
        };
        assert_eq!(paths(&labelled.train), ["a/1", "b/1", "c/1"]);
        assert_eq!(paths(&labelled.valid), ["a/2", "b/2"]);
        assert_eq!(labelled.target.classes(), ["a", "b", "c"]);
        assert_eq!(labelled.valid.labels.text(1), "b");
        assert_eq!(
            labelled.warnings,
            ["2 of the images drawn for validation train instead: no other ones of their class do"]
        );
        let several =
            |names: &[&str]| Label::Many(names.iter().map(|name| (*name).into()).collect());
        let labelled = split(&["1"], &["2", "3"])
            .unknown_labels(UnknownLabels::Train)
            .label_from_lists(&[several(&["x"])], &[several(&["x"]), several(&["x", "y"])])
            .unwrap();
        assert_eq!(
            (paths(&labelled.train), paths(&labelled.valid)),
            (vec!["1".into(), "3".into()], vec!["2".into()])
        );
    }

    #[test]
    fn unknown_labels_are_refused_or_dropped() {
        let unknown = || split(&["a/1", "c/1"], &["a/2", "b/1"]);
        let error = unknown().label_from_folder().unwrap_err();
        assert!(matches!(error, Error::UnknownLabels { items: 1, .. }), "{error}");
        let dropping = || unknown().unknown_labels(UnknownLabels::Drop);
        for labelled in [dropping().label_from_folder(), dropping().label_from_re("/(.)/", false)] {
            let labelled = labelled.unwrap();
            assert_eq!(labelled.valid.items.len(), 1);
            assert_eq!(
                labelled.warnings,
                ["1 validation items were dropped: their labels are not in the training set (b)"]
            );
        }
    }

    #[test]
    fn given_classes_keep_their_order() {
        let given = |classes: &[&str]| {
            let classes = classes.iter().map(|class| (*class).to_owned()).collect();
            split(&["a/1", "b/1"], &["c/1"])
                .label_kind(LabelKind::Category(Some(classes)))
                .label_from_folder()
        };
        let labelled = given(&["c", "b", "a"]).unwrap();
        assert_eq!(target(&labelled.train, 0), Array::i64([], vec![2]));
        assert_eq!(target(&labelled.valid, 0), Array::i64([], vec![0]));
        for missing in ["a", "c"] {
            let others: Vec<&str> = ["a", "b", "c"].into_iter().filter(|c| *c != missing).collect();
            let error = given(&others).unwrap_err();
            assert!(
                matches!(&error, Error::NotAClass { label, .. } if label == missing),
                "{error}"
            );
        }
    }

    #[test]
    fn a_pattern_must_match_and_have_a_group() {
        let label = |file: &str, pattern| split(&[file], &[]).label_from_re(pattern, false);
        let labelled = label("x/pug_1.jpg", r"/([^/]+)_\d+.jpg$").unwrap();
        assert_eq!(labelled.target.classes(), ["pug"]);
        assert!(matches!(label("a.png", "(b)"), Err(Error::NoMatch { .. })));
        assert!(matches!(label("a.png", "b"), Err(Error::Pattern { .. })));
        assert!(matches!(label("a.png", "("), Err(Error::Pattern { .. })));
        let whole = split(&["a.png"], &[]).label_from_re("^(.*)/a", true).unwrap();
        assert_eq!(whole.target.classes(), ["root"]);
    }

    #[test]
    fn lists_must_be_as_long_as_their_sets() {
        let error = split(&["a", "b"], &[]).label_from_lists(&[Label::Integer(1)], &[]);
        assert_eq!(error.unwrap_err().to_string(), "1 labels for 2 items");
    }

    #[test]
    fn the_first_label_decides_the_kind() {
        let target = |label: Label| split(&["a"], &[]).label_const(&label).unwrap().target;
        assert!(matches!(target(Label::Number(0.5)), TargetKind::Number { len: 1, .. }));
        assert!(matches!(target(Label::Many(vec!["x".into()])), TargetKind::MultiCategory { .. }));
        assert_eq!(target(Label::Empty), TargetKind::Empty);
        assert_eq!(split(&["a"], &[]).label_empty().unwrap().target, TargetKind::Empty);
        let error = split(&["a"], &[]).label_const(&Label::File("m.png".into())).unwrap_err();
        assert!(matches!(error, Error::NoClasses));
        let error = split(&[], &[]).label_empty().unwrap_err();
        assert!(matches!(error, Error::NoTrainingItems));
    }

    #[test]
    fn a_kind_that_is_given_comes_before_the_first_label() {
        let masks = |void| {
            let classes = vec!["sky".into(), "void".into()];
            let kind =
                LabelKind::Mask { classes, ignore: Some(255), void, values: MaskValues::Codes };
            split(&["a"], &[]).label_kind(kind).label_from_func(|path| Label::File(path.into()))
        };
        let classes = vec!["sky".into(), "void".into()];
        assert_eq!(
            masks(Some(1)).unwrap().target,
            TargetKind::Mask {
                classes,
                ignore: Some(255),
                void: Some(1),
                values: MaskValues::Codes
            }
        );
        assert!(matches!(masks(Some(2)), Err(Error::VoidClass { void: 2, .. })));
        let number = split(&["a"], &[]).label_kind(LabelKind::Number { log: true });
        let labelled = number.label_const(&Label::Integer(1)).unwrap();
        assert_eq!(target(&labelled.train, 0), Array::f32([], vec![0.0]));
    }

    #[test]
    fn filtering_pairs_removes_them() {
        let labelled = split(&["a/1", "b/1"], &[]).label_from_folder().unwrap();
        let labelled = labelled.filter_by_func(|_, label| label == "a");
        assert_eq!(labelled.train.labels.len(), 1);
        assert_eq!(labelled.train.labels.text(0), "b");
    }

    #[test]
    fn a_column_is_what_all_its_rows_are() {
        let target = |csv: &str| of_table(csv).label_from_df("x", None).map(|data| data.target);
        assert_eq!(
            target("name,x\na,10\nb,9\nc,9\n").unwrap(),
            TargetKind::Category { classes: vec!["9".into(), "10".into()] }
        );
        assert_eq!(
            target("name,x\na,10\nb,9\nc,0.5\n").unwrap(),
            TargetKind::Number { len: 1, log: false }
        );
        assert_eq!(
            target("name,x\na,10\nb,x\nc,10\n").unwrap(),
            TargetKind::Category { classes: vec!["10".into(), "x".into()] }
        );
        let error = target("name,x\na,1.5\nb,nan\nc,2\n").unwrap_err();
        assert!(matches!(error, Error::NotANumber { row: 2, .. }), "{error}");
        assert!(matches!(target("name,x\na,1\nb,\nc,2\n"), Err(Error::EmptyCell { row: 2, .. })));
        assert!(matches!(target("name,y\na,1\nc,2\n"), Err(Error::NoColumn { .. })));
        assert!(matches!(split(&["a"], &[]).label_from_df("x", None), Err(Error::NoTable)));
    }

    #[test]
    fn numbers_that_are_asked_for_must_be_numbers() {
        let numbers = |csv| of_table(csv).label_kind(LabelKind::Number { log: false });
        let labelled = numbers("name,x\na,1\nb,2\n").label_from_df("x", None).unwrap();
        assert_eq!(target(&labelled.valid, 0), Array::f32([], vec![2.0]));
        let error = numbers("name,x\na,1\nb,two\n").label_from_df("x", None).unwrap_err();
        assert!(error.to_string().contains("row 2: `two` in column `x`"), "{error}");
    }

    #[test]
    fn columns_are_flags_or_numbers() {
        let csv = "name,x,y\na,1,0\nb,0.5,True\n";
        let flags = of_table(csv).label_from_columns(&["y", "x"]).unwrap();
        assert_eq!(flags.target.classes(), ["y", "x"]);
        assert_eq!(target(&flags.train, 0), Array::f32([2], vec![0.0, 1.0]));
        assert_eq!(target(&flags.valid, 0), Array::f32([2], vec![1.0, 1.0]));
        let one = |csv| of_table(csv).label_kind(LabelKind::Category(None));
        let labelled =
            one("name,x,y\na,1,0\nb,0,1\nc,1,0\n").label_from_columns(&["x", "y"]).unwrap();
        assert_eq!(
            (labelled.train.labels.text(1), labelled.valid.labels.text(0)),
            ("y".into(), "x".into())
        );
        let error = one("name,x,y\na,1,0\nb,1,1\n").label_from_columns(&["x", "y"]).unwrap_err();
        assert!(
            matches!(&error, Error::NotOneClass { row: 2, found, .. } if found.len() == 2),
            "{error}"
        );
        let numbers =
            || of_table("name,x,y\na,1,0\nb,0.5,2\n").label_kind(LabelKind::Number { log: false });
        let numbers = numbers().label_from_columns(&["x", "y"]).unwrap();
        assert_eq!(numbers.target.c(), 2);
        assert_eq!(target(&numbers.valid, 0), Array::f32([2], vec![0.5, 2.0]));
    }

    #[test]
    fn an_empty_cell_is_no_label_where_there_may_be_several() {
        let labelled =
            of_table("name,x\na,sun;sea\nb,\nc,sea\n").label_from_df("x", Some(';')).unwrap();
        assert_eq!(labelled.target.classes(), ["sea", "sun"]);
        assert_eq!(target(&labelled.train, 1), Array::f32([2], vec![0.0, 0.0]));
    }

    #[test]
    fn a_cell_may_hold_several_labels() {
        assert_eq!(several("sun; sea", ';'), ["sun", "sea"]);
        assert_eq!(several("sun sea", ' '), ["sun", "sea"]);
        assert_eq!(several("\"big sea\" sun", ' '), ["big sea", "sun"]);
    }
}
