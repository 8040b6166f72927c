//! What can go wrong between a folder of files and a batch.

use std::{fmt, path::PathBuf};

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong between a folder of files and a batch.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("{path} is not a folder")]
    NotAFolder { path: PathBuf },

    #[error("no files in {folder}: looked for names ending in {extensions}")]
    NoItems { folder: PathBuf, extensions: String },

    #[error("cannot read {path}")]
    Read { path: PathBuf, source: std::io::Error },

    #[error("cannot write {path}")]
    Write { path: PathBuf, source: std::io::Error },

    #[error("{path} is not a file to read: it is {what}")]
    NotAFile { path: PathBuf, what: &'static str },

    #[error("cannot read {path} as an image: {reason}")]
    Decode { path: PathBuf, reason: String },

    #[error("{path} claims to be {width}×{height} pixels; at most {limit} million are opened")]
    TooLarge { path: PathBuf, width: u32, height: u32, limit: u64 },

    #[error("{} of {checked} files cannot be used:{}", files.len(), bad_list(files))]
    BadFiles { files: Vec<BadFile>, checked: usize, allowed: usize },

    #[error("{path}, line {line}: {reason}")]
    Csv { path: PathBuf, line: u64, reason: String },

    #[error("{path} has no column `{column}`; it has {}", found.join(", "))]
    NoColumn { path: PathBuf, column: String, found: Vec<String> },

    #[error("{path}: row {row} has nothing in column `{column}`")]
    EmptyCell { path: PathBuf, row: usize, column: String },

    #[error("{path}, row {row}: `{item}` leads out of {folder}")]
    OutsideFolder { path: PathBuf, row: usize, item: String, folder: PathBuf },

    #[error("these items have no table with columns: they do not come from a CSV file")]
    NoTable,

    #[error("a validation share of {share} is outside 0..=1")]
    Share { share: f64 },

    #[error("index {index} is not one of {len} items")]
    Index { index: usize, len: usize },

    #[error("failed to find `{pattern}` in `{path}`")]
    NoMatch { pattern: String, path: String },

    #[error("`{pattern}` is not a pattern: {reason}")]
    Pattern { pattern: String, reason: String },

    #[error("{path} has no parent folder to be labelled by")]
    NoParent { path: PathBuf },

    #[error(
        "the {set} data has labels that are not in the training set: {} ({items} items)",
        labels.join(", ")
    )]
    UnknownLabels { set: &'static str, labels: Vec<String>, items: usize },

    #[error("labels of different kinds: {first} and {other}")]
    MixedLabels { first: String, other: String },

    #[error("{given} labels for {items} items")]
    LabelCount { given: usize, items: usize },

    #[error("classes are required for masks: a mask holds their numbers, not their names")]
    NoClasses,

    #[error("{path} holds the code {code}, but there are {classes} classes")]
    MaskCode { path: PathBuf, code: i64, classes: usize },

    #[error("can't infer the type of the targets: there are no training items")]
    NoTrainingItems,

    #[error("not possible to apply those transforms to your dataset: {reason}")]
    Transform { reason: String },

    #[error("a label of this kind has no transforms: {kind}")]
    LabelTransform { kind: &'static str },

    #[error("items of different shapes cannot be one batch: {}", shapes_list(shapes))]
    Collate { shapes: Vec<Vec<usize>> },

    #[error("a batch size of 0 makes no batches")]
    BatchSize,

    #[error("{inputs} inputs but {targets} targets")]
    Uneven { inputs: usize, targets: usize },

    #[error("cannot normalize twice")]
    NormalizedTwice,

    #[error("{given} channel statistics for images of {channels} channels")]
    Channels { given: usize, channels: usize },

    #[error("a standard deviation of {std} in channel {channel} cannot be divided by")]
    NoSpread { channel: usize, std: f32 },

    #[error("a worker of the loader stopped: {reason}")]
    Worker { reason: String },

    #[error("item {index} was not prepared")]
    Unprepared { index: usize, source: Box<Error> },
}

/// A file that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadFile {
    pub path: PathBuf,
    pub reason: String,
}

impl fmt::Display for BadFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.reason)
    }
}

fn bad_list(files: &[BadFile]) -> String {
    files.iter().map(|file| format!("\n  {file}")).collect()
}

fn shapes_list(shapes: &[Vec<usize>]) -> String {
    let mut shapes: Vec<String> = shapes.iter().map(|shape| format!("{shape:?}")).collect();
    shapes.dedup();
    shapes.join(", ")
}

impl Error {
    /// What the reader can do about it, where there is something.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotAFolder { .. } => "name the folder that the images lie in".into(),
            Self::NoItems { folder, .. } => {
                format!("is {} the folder above the class folders?", folder.display())
            }
            Self::BadFiles { files, allowed, .. } => match allowed {
                0 => format!("repair or remove them, or leave them out: `--skip-bad {}`", files.len()),
                allowed => format!("{allowed} were allowed by `--skip-bad`; repair or remove the others"),
            },
            Self::TooLarge { .. } => "reduce the picture, or remove it if it is not meant".into(),
            Self::NoColumn { .. } => "columns are named as in the first line, or counted from 0".into(),
            Self::EmptyCell { .. } => "fill it in, or remove the row".into(),
            Self::OutsideFolder { .. } => "list files below the folder only".into(),
            Self::NoTable => "make the items with `from_csv`, or label them from their folders".into(),
            Self::Share { .. } | Self::NoTrainingItems => "hold out a fifth: `split_by_rand_pct(0.2, seed)`".into(),
            Self::NoMatch { .. } => {
                "the pattern must match every path, with `/` between folders, and have one group".into()
            }
            Self::UnknownLabels { .. } => {
                "add training items for them, or drop the items: `UnknownLabels::Drop`".into()
            }
            Self::NoClasses => "give the names in the order of their codes".into(),
            Self::LabelTransform { .. } => "transform the inputs only: `transform_labels(false)`".into(),
            Self::Collate { .. } => "bring them to one size: `Transforms::size`".into(),
            Self::NoSpread { .. } => "are all pixels of the channel the same? give statistics of your own: `normalize_by`".into(),
            Self::BatchSize => "the smallest batch is 1".into(),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(error: Error, message: &str, hint: Option<&str>) {
        assert_eq!(error.to_string(), message);
        let found = error.hint();
        match hint {
            Some(hint) => {
                assert!(found.as_deref().is_some_and(|found| found.contains(hint)), "{found:?}")
            }
            None => assert_eq!(found, None),
        }
    }

    fn io() -> std::io::Error {
        std::io::Error::from(std::io::ErrorKind::PermissionDenied)
    }

    #[test]
    fn errors_about_files_name_them() {
        check(Error::NotAFolder { path: "a".into() }, "a is not a folder", Some("name the folder"));
        check(
            Error::NoItems { folder: "a".into(), extensions: "png, jpg".into() },
            "no files in a: looked for names ending in png, jpg",
            Some("is a the folder above"),
        );
        check(Error::Read { path: "a".into(), source: io() }, "cannot read a", None);
        check(Error::Write { path: "a".into(), source: io() }, "cannot write a", None);
        check(
            Error::NotAFile { path: "p".into(), what: "a pipe" },
            "p is not a file to read: it is a pipe",
            None,
        );
        check(
            Error::Decode { path: "a.png".into(), reason: "cut short".into() },
            "cannot read a.png as an image: cut short",
            None,
        );
        check(
            Error::TooLarge { path: "a.png".into(), width: 16000, height: 16000, limit: 89 },
            "a.png claims to be 16000×16000 pixels; at most 89 million are opened",
            Some("reduce the picture"),
        );
        let files = vec![BadFile { path: "a.png".into(), reason: "cut short".into() }];
        check(
            Error::BadFiles { files, checked: 9, allowed: 0 },
            "1 of 9 files cannot be used:\n  a.png: cut short",
            Some("--skip-bad 1"),
        );
        check(
            Error::NoParent { path: "a".into() },
            "a has no parent folder to be labelled by",
            None,
        );
    }

    #[test]
    fn errors_about_tables_name_row_and_column() {
        let path = || PathBuf::from("t.csv");
        check(
            Error::Csv { path: path(), line: 3, reason: "1 field, expected 2".into() },
            "t.csv, line 3: 1 field, expected 2",
            None,
        );
        check(
            Error::NoColumn {
                path: path(),
                column: "label".into(),
                found: vec!["a".into(), "b".into()],
            },
            "t.csv has no column `label`; it has a, b",
            Some("counted from 0"),
        );
        check(
            Error::EmptyCell { path: path(), row: 2, column: "label".into() },
            "t.csv: row 2 has nothing in column `label`",
            Some("fill it in"),
        );
        check(
            Error::OutsideFolder { path: path(), row: 1, item: "../x".into(), folder: "f".into() },
            "t.csv, row 1: `../x` leads out of f",
            Some("below the folder"),
        );
        check(
            Error::NoTable,
            "these items have no table with columns: they do not come from a CSV file",
            Some("from_csv"),
        );
    }

    #[test]
    fn errors_about_splits_and_labels_name_the_value() {
        check(
            Error::Share { share: 1.5 },
            "a validation share of 1.5 is outside 0..=1",
            Some("0.2"),
        );
        check(Error::Index { index: 7, len: 5 }, "index 7 is not one of 5 items", None);
        check(
            Error::NoMatch { pattern: "x".into(), path: "a/b".into() },
            "failed to find `x` in `a/b`",
            Some("every path"),
        );
        check(
            Error::Pattern { pattern: "(".into(), reason: "unclosed".into() },
            "`(` is not a pattern: unclosed",
            None,
        );
        check(
            Error::UnknownLabels { set: "validation", labels: vec!["dog".into()], items: 3 },
            "the validation data has labels that are not in the training set: dog (3 items)",
            Some("Drop"),
        );
        check(
            Error::MixedLabels { first: "text".into(), other: "number".into() },
            "labels of different kinds: text and number",
            None,
        );
        check(Error::LabelCount { given: 2, items: 3 }, "2 labels for 3 items", None);
        check(
            Error::NoClasses,
            "classes are required for masks: a mask holds their numbers, not their names",
            Some("order"),
        );
        check(
            Error::MaskCode { path: "m.png".into(), code: 200, classes: 12 },
            "m.png holds the code 200, but there are 12 classes",
            None,
        );
        check(
            Error::NoTrainingItems,
            "can't infer the type of the targets: there are no training items",
            Some("0.2"),
        );
    }

    #[test]
    fn errors_about_batches_name_the_numbers() {
        check(
            Error::Transform { reason: "too small".into() },
            "not possible to apply those transforms to your dataset: too small",
            None,
        );
        check(
            Error::LabelTransform { kind: "category" },
            "a label of this kind has no transforms: category",
            Some("inputs only"),
        );
        check(
            Error::Collate { shapes: vec![vec![1, 2], vec![2, 1]] },
            "items of different shapes cannot be one batch: [1, 2], [2, 1]",
            Some("one size"),
        );
        check(Error::BatchSize, "a batch size of 0 makes no batches", Some("1"));
        check(Error::Uneven { inputs: 2, targets: 3 }, "2 inputs but 3 targets", None);
        check(Error::NormalizedTwice, "cannot normalize twice", None);
        check(
            Error::Channels { given: 3, channels: 1 },
            "3 channel statistics for images of 1 channels",
            None,
        );
        check(
            Error::NoSpread { channel: 0, std: 0.0 },
            "a standard deviation of 0 in channel 0 cannot be divided by",
            Some("normalize_by"),
        );
        check(
            Error::Worker { reason: "gone".into() },
            "a worker of the loader stopped: gone",
            None,
        );
        check(
            Error::Unprepared { index: 4, source: Box::new(Error::BatchSize) },
            "item 4 was not prepared",
            None,
        );
    }
}
