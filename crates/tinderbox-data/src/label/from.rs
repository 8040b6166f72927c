//! The ways of labelling.

use std::path::Path;

use regex::Regex;

use super::{Label, LabelKind, Labelled, Raw, UnknownLabels};
use crate::{
    Error, Result, Split,
    items::{InputKind, Items, with_slashes},
};

impl<K: InputKind> Split<K> {
    /// Labels each item with its parent folder's name.
    ///
    /// # Errors
    /// [`Error::NoParent`] for an item directly in the root, [`Error::UnknownLabels`] for a
    /// validation label that no training item has, [`Error::NoTrainingItems`].
    pub fn label_from_folder(self) -> Result<Labelled<K>> {
        self.label_from_folder_with(UnknownLabels::Refuse)
    }

    /// [`label_from_folder`](Self::label_from_folder), saying what becomes of unknown labels.
    ///
    /// # Errors
    /// [`Error::NoParent`], [`Error::NoTrainingItems`], and [`Error::UnknownLabels`] if they are
    /// to be refused.
    pub fn label_from_folder_with(self, unknown: UnknownLabels) -> Result<Labelled<K>> {
        let label = |path: &Path| {
            let parent = path.parent().and_then(Path::file_name);
            let parent = parent.ok_or_else(|| Error::NoParent { path: path.into() })?;
            Ok(Label::Text(parent.to_string_lossy().into_owned()))
        };
        self.label_with(label, LabelKind::Auto, unknown)
    }

    /// Labels each item with what `label` makes of its path below the root.
    ///
    /// # Errors
    /// As [`label_from_folder`](Self::label_from_folder), and [`Error::MixedLabels`].
    pub fn label_from_func(
        self,
        mut label: impl FnMut(&Path) -> Label,
        kind: LabelKind,
    ) -> Result<Labelled<K>> {
        self.label_with(|path| Ok(label(path)), kind, UnknownLabels::Refuse)
    }

    /// Labels each item with the first group of `pattern`'s first match in its path, which has
    /// `/` between folders; with the root before it if `full_path`.
    ///
    /// # Errors
    /// [`Error::Pattern`], [`Error::NoMatch`], and those of
    /// [`label_from_folder`](Self::label_from_folder).
    pub fn label_from_re(self, pattern: &str, full_path: bool) -> Result<Labelled<K>> {
        let wrong = |reason: String| Error::Pattern { pattern: pattern.into(), reason };
        let regex = Regex::new(pattern).map_err(|error| wrong(error.to_string()))?;
        if regex.captures_len() < 2 {
            return Err(wrong("it has no group to take the label from".into()));
        }
        let root = self.train.root.clone();
        let label = |path: &Path| {
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
        };
        self.label_with(label, LabelKind::Auto, UnknownLabels::Refuse)
    }

    /// Labels each item with its row's value in a column of the CSV file: a number if all
    /// training values are numbers with a fraction, else text. With a `delimiter`, the value holds
    /// several labels.
    ///
    /// # Errors
    /// [`Error::NoTable`], [`Error::NoColumn`], [`Error::EmptyCell`], and those of
    /// [`label_from_folder`](Self::label_from_folder).
    pub fn label_from_df(self, column: &str, delimiter: Option<char>) -> Result<Labelled<K>> {
        let cells = |items: &Items<K>| -> Result<Vec<String>> { cells(items, column) };
        let (train, valid) = (cells(&self.train)?, cells(&self.valid)?);
        let as_label = match delimiter {
            Some(delimiter) => ColumnKind::Many(delimiter),
            None => ColumnKind::of(&train),
        };
        let label = |cells: Vec<String>| {
            cells.into_iter().map(|cell| as_label.label(cell)).collect::<Result<Raw>>()
        };
        let (train, valid) = (label(train)?, label(valid)?);
        self.labelled(train, valid, LabelKind::Auto, UnknownLabels::Refuse)
    }

    /// Labels each item with the columns of its row that are true: the columns are the classes.
    ///
    /// # Errors
    /// [`Error::NoTable`], [`Error::NoColumn`], [`Error::EmptyCell`].
    pub fn label_from_columns(self, columns: &[&str]) -> Result<Labelled<K>> {
        let one_hot = |items: &Items<K>| -> Result<Raw> {
            let columns =
                columns.iter().map(|column| cells(items, column)).collect::<Result<Vec<_>>>()?;
            let row = |row: usize| {
                Label::OneHot(columns.iter().map(|cells| is_set(&cells[row])).collect())
            };
            Ok((0..items.len()).map(row).collect())
        };
        let (train, valid) = (one_hot(&self.train)?, one_hot(&self.valid)?);
        let classes = columns.iter().map(|column| (*column).to_owned()).collect();
        self.labelled(train, valid, LabelKind::MultiCategory(Some(classes)), UnknownLabels::Refuse)
    }

    /// Labels every item with the same value.
    ///
    /// # Errors
    /// [`Error::NoTrainingItems`].
    pub fn label_const(self, label: &Label) -> Result<Labelled<K>> {
        self.label_with(|_| Ok(label.clone()), LabelKind::Auto, UnknownLabels::Refuse)
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
    /// [`Error::LabelCount`] if a list is not as long as its set, and those of
    /// [`label_from_folder`](Self::label_from_folder).
    pub fn label_from_lists(
        self,
        train: Vec<Label>,
        valid: Vec<Label>,
        kind: LabelKind,
    ) -> Result<Labelled<K>> {
        for (labels, items) in [(&train, &self.train), (&valid, &self.valid)] {
            if labels.len() != items.len() {
                return Err(Error::LabelCount { given: labels.len(), items: items.len() });
            }
        }
        self.labelled(train, valid, kind, UnknownLabels::Refuse)
    }

    fn label_with(
        self,
        mut label: impl FnMut(&Path) -> Result<Label>,
        kind: LabelKind,
        unknown: UnknownLabels,
    ) -> Result<Labelled<K>> {
        let train = self.train.relative_paths().map(&mut label).collect::<Result<_>>()?;
        let valid = self.valid.relative_paths().map(&mut label).collect::<Result<_>>()?;
        self.labelled(train, valid, kind, unknown)
    }
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
    fn of(cells: &[String]) -> Self {
        let all =
            |is: fn(&str) -> bool| !cells.is_empty() && cells.iter().all(|cell| is(cell.trim()));
        if all(|cell| cell.parse::<i64>().is_ok()) {
            Self::Integer
        } else if all(|cell| cell.parse::<f64>().is_ok_and(f64::is_finite)) {
            Self::Number
        } else {
            Self::Text
        }
    }

    fn label(self, cell: String) -> Result<Label> {
        let mixed = |_| Error::MixedLabels { first: "a number".into(), other: format!("`{cell}`") };
        match self {
            Self::Text => Ok(Label::Text(cell)),
            Self::Integer => cell.trim().parse().map(Label::Integer).map_err(|_| mixed(())),
            Self::Number => cell.trim().parse().map(Label::Number).map_err(|_| mixed(())),
            Self::Many(delimiter) => Ok(Label::Many(several(&cell, delimiter))),
        }
    }
}

/// The labels in a cell, which is divided as a line of a CSV file is: quotes are respected.
fn several(cell: &str, delimiter: char) -> Vec<String> {
    let Ok(delimiter) = u8::try_from(delimiter) else {
        return cell.split(delimiter).map(str::to_owned).collect();
    };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(cell.as_bytes());
    let fields = reader
        .records()
        .filter_map(Result::ok)
        .flat_map(|record| record.iter().map(str::to_owned).collect::<Vec<_>>());
    fields.filter(|field| !field.is_empty()).collect()
}

fn cells<K: InputKind>(items: &Items<K>, column: &str) -> Result<Vec<String>> {
    let table = items.table.as_ref().ok_or(Error::NoTable)?;
    let column = table.column(column)?;
    let cell =
        |entry: &crate::Entry| Ok(table.cell(entry.row.ok_or(Error::NoTable)?, column)?.to_owned());
    items.entries.iter().map(cell).collect()
}

fn is_set(cell: &str) -> bool {
    !matches!(cell.trim().to_lowercase().as_str(), "0" | "0.0" | "false" | "no")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::{ImageKind, TargetKind};

    fn split(train: &[&str], valid: &[&str]) -> Split<ImageKind> {
        let items = |paths: &[&str]| {
            Items::new("root", paths.iter().map(PathBuf::from).collect(), ImageKind::default())
        };
        Split::by_list(items(train), items(valid))
    }

    #[test]
    fn a_folder_names_its_items() {
        let labelled = split(&["t/b/1", "t/a/1"], &["v/b/1"]).label_from_folder().unwrap();
        assert_eq!(labelled.target.classes(), ["a", "b"]);
        assert_eq!(labelled.valid.labels.text(0), "b");
        let error = split(&["1"], &[]).label_from_folder().unwrap_err();
        assert_eq!(error.to_string(), "1 has no parent folder to be labelled by");
    }

    #[test]
    fn unknown_labels_are_refused_or_dropped() {
        let unknown = || split(&["a/1"], &["a/2", "b/1"]);
        let error = unknown().label_from_folder().unwrap_err();
        assert!(matches!(error, Error::UnknownLabels { items: 1, .. }), "{error}");
        let labelled = unknown().label_from_folder_with(UnknownLabels::Drop).unwrap();
        assert_eq!(labelled.valid.items.len(), 1);
        assert_eq!(labelled.warnings.len(), 1);
    }

    #[test]
    fn a_pattern_must_match_and_have_a_group() {
        let labelled =
            split(&["x/pug_1.jpg"], &[]).label_from_re(r"/([^/]+)_\d+.jpg$", false).unwrap();
        assert_eq!(labelled.target.classes(), ["pug"]);
        assert!(matches!(
            split(&["a.png"], &[]).label_from_re("(b)", false),
            Err(Error::NoMatch { .. })
        ));
        assert!(matches!(
            split(&["a.png"], &[]).label_from_re("b", false),
            Err(Error::Pattern { .. })
        ));
        assert!(matches!(
            split(&["a.png"], &[]).label_from_re("(", false),
            Err(Error::Pattern { .. })
        ));
    }

    #[test]
    fn lists_must_be_as_long_as_their_sets() {
        let error = split(&["a", "b"], &[]).label_from_lists(
            vec![Label::Integer(1)],
            vec![],
            LabelKind::Auto,
        );
        assert_eq!(error.unwrap_err().to_string(), "1 labels for 2 items");
    }

    #[test]
    fn the_first_label_decides_the_kind() {
        let target = |label: Label| split(&["a"], &[]).label_const(&label).unwrap().target;
        assert!(matches!(target(Label::Number(0.5)), TargetKind::Number { len: 1, .. }));
        assert!(matches!(target(Label::Many(vec!["x".into()])), TargetKind::MultiCategory { .. }));
        assert_eq!(target(Label::Empty), TargetKind::Empty);
        let error = split(&["a"], &[]).label_const(&Label::File("m.png".into())).unwrap_err();
        assert!(matches!(error, Error::NoClasses));
    }

    #[test]
    fn filtering_pairs_removes_them() {
        let labelled = split(&["a/1", "b/1"], &[]).label_from_folder().unwrap();
        let labelled = labelled.filter_by_func(|_, label| label == "a");
        assert_eq!(labelled.train.labels.len(), 1);
        assert_eq!(labelled.train.labels.text(0), "b");
    }

    #[test]
    fn a_cell_may_hold_several_labels() {
        assert_eq!(several("sun sea", ' '), ["sun", "sea"]);
        assert_eq!(several("\"big sea\" sun", ' '), ["big sea", "sun"]);
    }
}
