//! What can go wrong between a folder of files and a batch.

use std::{fmt, path::PathBuf};

use crate::{
    Encoding,
    damage::usual,
    idx::NotIdx,
    image::NotMask,
    items::{LeftOut, summary},
};

/// A result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong between a folder of files and a batch.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("{path} is not a folder")]
    NotAFolder { path: PathBuf },

    #[error(
        "no {unit} in {folder}: no file's name ends in {extensions}{}",
        summary(left_out, unit).map_or_else(String::new, |found| format!("; it has {found}"))
    )]
    NoItems {
        folder: PathBuf,
        /// What is looked for, in the plural.
        unit: &'static str,
        extensions: String,
        /// What there is instead.
        left_out: Vec<LeftOut>,
    },

    #[error("cannot read {path}")]
    Read { path: PathBuf, source: std::io::Error },

    #[error("cannot write {path}")]
    Write { path: PathBuf, source: std::io::Error },

    #[error("cannot write {path}: its name does not end like that of a format that is written")]
    ImageFormat { path: PathBuf },

    #[error("{path} is not a regular file: it is {what}")]
    NotAFile { path: PathBuf, what: &'static str },

    #[error("cannot read {path} as an image: {reason}")]
    Decode { path: PathBuf, reason: String },

    #[error(
        "{path} claims to be {width}×{height} pixels; the limit is {} million pixels",
        limit / 1_000_000
    )]
    TooLarge { path: PathBuf, width: u32, height: u32, limit: u64 },

    #[error("{} of {checked} files cannot be used:{}", files.len(), bad_list(files))]
    BadFiles { files: Vec<BadFile>, checked: usize, allowed: usize },

    #[error("{path}, line {line}: {reason}")]
    Csv { path: PathBuf, line: u64, reason: String },

    #[error("{path} has no column `{column}`; it has {}", listed(found))]
    NoColumn { path: PathBuf, column: String, found: Vec<String> },

    #[error("{path}, row {row}: column `{column}` is empty")]
    EmptyCell { path: PathBuf, row: usize, column: String },

    #[error("{path}, row {row}: `{cell}` in column `{column}` names no set")]
    UnknownSet { path: PathBuf, row: usize, column: String, cell: String },

    #[error("{path}: column `{column}` puts no row in the {set} set")]
    EmptySet { path: PathBuf, column: String, set: &'static str },

    #[error("{path}, row {row}: `{cell}` in column `{column}` is not a finite number")]
    NotANumber { path: PathBuf, row: usize, column: String, cell: String },

    #[error("{path}, row {row}: `{item}` is outside of {folder}")]
    OutsideFolder { path: PathBuf, row: usize, item: String, folder: PathBuf },

    #[error("{path}, row {row}: there is no file `{item}` in {folder}")]
    MissingFile { path: PathBuf, row: usize, item: String, folder: PathBuf },

    #[error("these items have no table with columns: they do not come from a CSV file")]
    NoTable,

    #[error("the share {share} is not between 0 and 1")]
    Share { share: f64 },

    #[error("{folder}/ is empty, so there is nothing to train on; {}", folder_list(found))]
    EmptyFolder { folder: String, found: Vec<String> },

    #[error("index {index} is not one of {len} items")]
    Index { index: usize, len: usize },

    #[error("failed to find `{pattern}` in `{path}`")]
    NoMatch { pattern: String, path: String },

    #[error("`{pattern}` is not a pattern: {reason}")]
    Pattern { pattern: String, reason: String },

    #[error("{path} has no parent folder, which would be its label")]
    NoParent { path: PathBuf },

    #[error(
        "the folders {:?} and {:?} would be one class: their names are not UTF-8",
        folders[0],
        folders[1]
    )]
    SameClass { folders: [PathBuf; 2] },

    #[error(
        "the {set} data has labels that are not in the training set: {} ({})",
        listed(labels),
        times(*items)
    )]
    UnknownLabels { set: &'static str, labels: Vec<String>, items: usize },

    #[error("the label `{label}` is not among the given classes: {}", listed(classes))]
    NotAClass { label: String, classes: Vec<String> },

    #[error("the model predicts {model}; these items are labelled with {data}")]
    OtherTarget { model: String, data: String },

    #[error("the model takes {model}; these items are {data}")]
    OtherInput { model: String, data: String },

    #[error("{path}, row {row}: expected one class, found {}", several(found))]
    NotOneClass { path: PathBuf, row: usize, found: Vec<String> },

    #[error("{given} flags for {classes} classes")]
    OneHot { given: usize, classes: usize },

    #[error("labels of different kinds: {first} and {other}")]
    MixedLabels { first: String, other: String },

    #[error("{given} labels for {items} items")]
    LabelCount { given: usize, items: usize },

    #[error("the classes of masks must be given: a mask has their codes, not their names")]
    NoClasses,

    #[error(
        "{path} has the {}, but there are {} classes: {}",
        values_list(values),
        classes.len(),
        listed(classes)
    )]
    MaskCode {
        path: PathBuf,
        /// Those that stand for no class, sorted.
        values: Vec<u16>,
        /// With the value of each, where it is not the class's number.
        classes: Vec<String>,
    },

    #[error("{path} has {}", color_text(*color, *at, *more, nearest.as_ref()))]
    MaskColor {
        path: PathBuf,
        color: [u8; 3],
        /// Row and column of the first pixel that has it.
        at: [usize; 2],
        /// How many further colors are of no class.
        more: usize,
        /// The class whose color is most like it.
        nearest: Option<(String, [u8; 3])>,
    },

    #[error(
        "class {void} is to be ignored, but there are {} classes: {}",
        classes.len(),
        listed(classes)
    )]
    VoidClass { void: u16, classes: Vec<String> },

    #[error("points are coordinates in images, and these items are not images")]
    PointsWithoutSize,

    #[error("the mask {path} is {}", sizes(*mask, *picture, *turned))]
    MaskSize {
        path: PathBuf,
        mask: [usize; 2],
        picture: [usize; 2],
        /// Whether the image is turned by its EXIF orientation, so that sides change places.
        turned: bool,
    },

    /// Height and width each.
    #[error(
        "the target {path} is {}×{} pixels, and its input {}×{}: other proportions",
        target[1], target[0], picture[1], picture[0]
    )]
    TargetSize { path: PathBuf, target: [usize; 2], picture: [usize; 2] },

    #[error("{path} is not a mask: it is {why}")]
    NotAMask { path: PathBuf, why: NotMask },

    #[error("{path} is not a file of MNIST: {why}")]
    NotIdx { path: PathBuf, why: NotIdx },

    #[error("{images} has {n_images} images, but {labels} has {n_labels} labels")]
    IdxCounts { images: PathBuf, n_images: usize, labels: PathBuf, n_labels: usize },

    #[error("the label {value} is not a finite number")]
    NotFinite { value: f64 },

    #[error("there is no logarithm of the label {value}")]
    NoLogarithm { value: f64 },

    #[error("can't infer the type of the targets: there are no training items")]
    NoTrainingItems,

    #[error("not possible to apply those transforms to your dataset: {reason}")]
    Transform { reason: String },

    #[error("not implemented: you can't apply transforms to labels of this kind ({kind})")]
    LabelTransform { kind: &'static str },

    #[error("cannot read the saved transform `{name}`: {reason}")]
    SavedTransform { name: String, reason: String },

    #[error("items of different shapes cannot be one batch: {}", shapes_list(shapes))]
    Collate { shapes: Vec<Vec<usize>> },

    #[error("a batch size of 0 makes no batches")]
    BatchSize,

    #[error("oversampling needs one class per item, which {kind} does not have")]
    NotClasses { kind: &'static str },

    #[error("the class `{class}` has no training items")]
    EmptyClass { class: String },

    #[error("the {set} set has {items} items, too few for a batch of {batch_size}")]
    NoBatch { set: &'static str, items: usize, batch_size: usize },

    #[error("{inputs} inputs but {targets} targets")]
    Uneven { inputs: usize, targets: usize },

    #[error("cannot normalize twice")]
    NormalizedTwice,

    #[error("inputs of shape {shape:?} are not images, which are [batch, channels, height, width]")]
    NotImages { shape: Vec<usize> },

    #[error("the model takes {takes}, not {given}")]
    UnfitInput { takes: &'static str, given: &'static str },

    #[error("texts of {} tokens cannot be one batch", lengths_list(lengths))]
    TextLengths { lengths: Vec<usize> },

    #[error("{given} channel statistics for images of {channels} channels")]
    Channels { given: usize, channels: usize },

    #[error("channel {channel} has a standard deviation of {std}, so it cannot be normalized")]
    NoSpread { channel: usize, std: f32 },

    #[error("unknown damage `{step}`: it is none of {}", known.join(", "))]
    UnknownDamage { step: String, known: Vec<&'static str> },

    #[error("`{step} {value}`: expected {expected}")]
    DamageValue { step: &'static str, value: String, expected: String },

    #[error("no damage is named")]
    NoDamage,

    #[error("{folder} is inside of {images}, or the other way round")]
    CopiesInside { folder: PathBuf, images: PathBuf },

    #[error("{folder} is not empty")]
    NotEmpty { folder: PathBuf },

    #[error("cannot write the image as {format}: {reason}")]
    Encode { format: &'static str, reason: String },

    #[error("cannot apply `{step}`: {reason}")]
    Damage { step: &'static str, reason: String },

    #[error("preparing a batch panicked: {reason}")]
    Worker { reason: String },

    #[error("{path} is not UTF-8: byte {offset} starts no character")]
    NotUtf8 {
        path: PathBuf,
        offset: usize,
        /// What it may be instead.
        likely: Encoding,
    },

    #[error("{path} is not {encoding}: byte {offset} starts no character")]
    Undecodable { path: PathBuf, encoding: Encoding, offset: usize },

    #[error("{path} is not a text file: it is {what}")]
    NotText { path: PathBuf, what: &'static str },

    #[error("no column with text is named")]
    NoTextColumns,

    #[error("{what} has no tokens")]
    NoTokens { what: String },

    #[error(
        "the {set} texts have {tokens} tokens, but a batch of {batch_size} rows of {bptt} needs {}",
        batch_size * bptt
    )]
    ShortCorpus { set: &'static str, tokens: usize, batch_size: usize, bptt: usize },

    #[error("{path}, line {line}: the token `{token}` has no tag")]
    TagLine { path: PathBuf, line: usize, token: String },

    #[error("the rules make {count} tokens of `{token}`, which has one tag")]
    TagRules { token: String, count: usize },

    #[error("{path} has no sentences")]
    NoSentences { path: PathBuf },

    #[error("a `bptt` of 0 reads no tokens")]
    Bptt,

    #[error("the model does not take text: its inputs are {inputs}")]
    NotFromText { inputs: &'static str },

    #[error("{path} is not a tokenizer file: {reason}")]
    TokenizerFile { path: PathBuf, reason: String },

    #[error("the tokenizer failed on a text: {reason}")]
    Tokenize { reason: String },

    #[error("the vocabulary has no padding token, such as `xxpad`, `[PAD]` or `<pad>`")]
    NoPadding,

    #[error("not a valid vocabulary: {reason}")]
    Vocab { reason: String },

    #[error("{path} is not a vocabulary: {reason}")]
    VocabFile { path: PathBuf, reason: String },

    #[error("there is no token {id}: the vocabulary has {len} tokens, counted from 0")]
    TokenId { id: u32, len: usize },
}

/// A file that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadFile {
    pub path: PathBuf,
    pub reason: String,
    /// What the reader can do about it, where there is something.
    pub hint: Option<String>,
}

impl BadFile {
    /// A file, and what is wrong with it without its name, which stands before it in the list. A file
    /// that an item needs besides its own, as a mask, is the one that is named.
    pub fn new(item: impl Into<PathBuf>, error: &Error) -> Self {
        let (path, reason) = match error {
            Error::Decode { path, reason } => (Some(path), reason.clone()),
            Error::Transform { reason } => (None, reason.clone()),
            Error::NotAFile { path, what } => (Some(path), format!("it is {what}")),
            Error::TooLarge { path, width, height, limit } => (
                Some(path),
                format!(
                    "it claims to be {width}×{height} pixels; the limit is {} million pixels",
                    limit / 1_000_000
                ),
            ),
            Error::Read { path, source } => (Some(path), source.to_string()),
            Error::NotAMask { path, why } => (Some(path), format!("it is not a mask but {why}")),
            Error::MaskSize { path, mask, picture, turned } => {
                (Some(path), format!("the mask is {}", sizes(*mask, *picture, *turned)))
            }
            Error::MaskCode { path, .. } | Error::MaskColor { path, .. } => {
                let message = error.to_string();
                let rest = message.strip_prefix(&path.display().to_string());
                (Some(path), format!("it{}", rest.unwrap_or(&message)))
            }
            Error::NotUtf8 { path, offset, .. } => {
                (Some(path), format!("it is not UTF-8: byte {offset} starts no character"))
            }
            other => (None, other.to_string()),
        };
        let hint = error.hint();
        Self { path: path.cloned().unwrap_or_else(|| item.into()), reason, hint }
    }
}

impl fmt::Display for BadFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.reason)
    }
}

/// Files with the same way out, which is most often the same fault.
fn alike(files: &[BadFile]) -> Vec<Vec<&BadFile>> {
    let mut groups: Vec<Vec<&BadFile>> = Vec::new();
    for file in files {
        let way = |file: &BadFile| file.hint.clone().unwrap_or_else(|| file.reason.clone());
        match groups.iter_mut().find(|group| way(group[0]) == way(file)) {
            Some(group) => group.push(file),
            None => groups.push(vec![file]),
        }
    }
    groups
}

/// One line for a reason that several files share, with the first few names. Where there are several
/// reasons, each has its hint below it.
fn bad_list(files: &[BadFile]) -> String {
    let groups = alike(files);
    let group = |group: &Vec<&BadFile>| match (&group[0].hint, &groups[..]) {
        (Some(hint), [_, _, ..]) => format!("\n  {}\n    {hint}", line_of(group)),
        _ => format!("\n  {}", line_of(group)),
    };
    groups.iter().map(group).collect()
}

/// Files with one way out, in a line.
fn line_of(files: &[&BadFile]) -> String {
    const SHOWN: usize = 5;
    let [first, _, ..] = files else { return files[0].to_string() };
    let some = files.iter().take(SHOWN);
    let more = match files.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    if files.iter().any(|file| file.reason != first.reason) {
        let each: Vec<String> = some.map(ToString::to_string).collect();
        return format!("{}{more}", each.join("; "));
    }
    let names: Vec<String> = some.map(|file| file.path.display().to_string()).collect();
    format!("{} ({} files: {}{more})", first.reason, files.len(), names.join(", "))
}

/// The way out of bad files: their own, if all have the same; to skip them, if they are not most.
fn bad_files_hint(files: &[BadFile], checked: usize, allowed: usize) -> String {
    let own = match &alike(files)[..] {
        [group] => group[0].hint.clone(),
        _ => None,
    };
    let repair = own.unwrap_or_else(|| "repair or remove them".into());
    match (allowed, files.len()) {
        (0, n) if n * 2 <= checked => format!("{repair}, or skip them: `--skip-bad {n}`"),
        (0, _) => repair,
        (allowed, n) if n > allowed => format!("{repair}; `--skip-bad` allows {allowed}"),
        _ => format!("{repair}; without these files there is nothing to train on"),
    }
}

/// What the fields of a header seem to be separated by, if it was not what they were read by.
pub(crate) fn separator(found: &[String]) -> Option<&'static str> {
    let [header] = found else { return None };
    let separators = [(';', "semicolons"), ('\t', "tabs"), ('|', "bars"), (',', "commas")];
    separators.iter().find(|(separator, _)| header.contains(*separator)).map(|(_, name)| *name)
}

fn folder_list(found: &[String]) -> String {
    match found {
        [] => "there are no folders".into(),
        found => format!("the folders are {}", listed(found)),
    }
}

fn several(classes: &[String]) -> String {
    match classes {
        [] => "none".into(),
        classes => listed(classes),
    }
}

/// The first few of them.
pub(crate) fn listed(names: &[String]) -> String {
    const SHOWN: usize = 10;
    match names.len().checked_sub(SHOWN) {
        None | Some(0) => names.join(", "),
        Some(more) => format!("{} and {more} more", names[..SHOWN].join(", ")),
    }
}

/// More values than this are smooth edges, and no classes that were forgotten.
const SMOOTH: usize = 8;

/// The first few of them.
fn values_list(values: &[u16]) -> String {
    let shown: Vec<String> = values.iter().map(u16::to_string).collect();
    match &shown[..] {
        [value] => format!("value {value}"),
        values => format!("values {}", listed(values)),
    }
}

fn color_text(
    [r, g, b]: [u8; 3],
    [row, column]: [usize; 2],
    more: usize,
    nearest: Option<&(String, [u8; 3])>,
) -> String {
    let more = match more {
        0 => String::new(),
        1 => ", and 1 more such color".into(),
        more => format!(", and {more} more such colors"),
    };
    let nearest = nearest.map_or_else(String::new, |(class, [r, g, b])| {
        format!("; the nearest is {class}, {r} {g} {b}")
    });
    format!(
        "the color {r} {g} {b} at row {row}, column {column}, which no class has{more}{nearest}"
    )
}

/// The sizes of a mask and its image.
fn sizes(mask: [usize; 2], picture: [usize; 2], turned: bool) -> String {
    let turned = match turned {
        true => ", which its EXIF orientation turns, and the mask is not turned",
        false => "",
    };
    format!("{} pixels, but its image is {}{turned}", size(mask), size(picture))
}

fn times(n: usize) -> String {
    match n {
        1 => "once".into(),
        n => format!("{n} times"),
    }
}

/// Height and width.
fn size([height, width]: [usize; 2]) -> String {
    format!("{height}×{width}")
}

fn shapes_list(shapes: &[Vec<usize>]) -> String {
    different(shapes.iter().map(|shape| format!("{shape:?}")))
}

fn lengths_list(lengths: &[usize]) -> String {
    different(lengths.iter().map(usize::to_string))
}

/// Each of them once.
fn different(all: impl Iterator<Item = String>) -> String {
    let mut seen: Vec<String> = Vec::new();
    for one in all {
        if !seen.contains(&one) {
            seen.push(one);
        }
    }
    listed(&seen)
}

impl Error {
    /// The same error; one about a transform says which item it is about.
    pub fn of_item(self, name: impl fmt::Display) -> Self {
        match self {
            Self::Transform { reason } => Self::Transform { reason: format!("{name}: {reason}") },
            other => other,
        }
    }

    /// What the reader can do about a mask.
    fn mask_hint(&self) -> Option<String> {
        Some(match self {
            Self::MaskCode { values, .. } if values.len() > SMOOTH => "values between those of the classes come from smooth edges or from a JPEG: save masks without smoothing, or round each pixel to the nearest class's value".into(),
            Self::MaskCode { values, .. } => match values[..] {
                [value] => format!("if {value} marks pixels without a class, ignore it: `--void {value}`; if it is a class, list it: values count from 0, or stand as `VALUE,NAME` in each line of the file of classes"),
                _ => "values count from 0, and each needs a class; other values stand as `VALUE,NAME` in each line of the file of classes".into(),
            },
            Self::MaskColor { more, .. } if *more >= SMOOTH => "colors between those of the classes come from smooth edges or from a JPEG: save masks without smoothing, or round each pixel to the nearest class's color".into(),
            Self::MaskColor { .. } => "list the color in the file of classes, or correct the mask".into(),
            Self::MaskSize { turned: true, .. } => "turn the masks as the EXIF orientation turns their images, or remove the orientation from the images: `exiftool -Orientation= FILES`".into(),
            Self::MaskSize { .. } => "a mask must have as many pixels as its image: resize it to the nearest value, without interpolation".into(),
            Self::NotAMask { why, .. } => match why {
                NotMask::Lossy(_) => "save masks as PNG files; if there is only the JPEG, set each pixel to the nearest of the classes' values first",
                NotMask::Colors => "list the color of each class in the file of classes, such as `road 128 64 128`, or save the codes as gray values",
                NotMask::Transparent => "save masks without an alpha channel, each pixel with the value of its class",
            }.into(),
            _ => return None,
        })
    }

    /// What the reader can do about it, where there is something.
    #[expect(clippy::too_many_lines, reason = "a table")]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotAFolder { .. } => {
                "name a folder, a table (.csv or .tsv) or a text (.txt); save a spreadsheet as CSV first".into()
            }
            Self::NoItems { unit: "texts", .. } => {
                "a text is a .txt file, or a row of a table: name the .csv or .tsv file".into()
            }
            Self::NoItems { folder, .. } => {
                format!("is {} the folder above the class folders?", folder.display())
            }
            Self::BadFiles { files, checked, allowed } => {
                bad_files_hint(files, *checked, *allowed)
            }
            Self::ImageFormat { .. } => "end it in .png, .jpg, .tif or .webp".into(),
            Self::NotAFile { what: "a folder", .. } => "name the files in it".into(),
            Self::NotAFile { .. } => "save what it gives to a file, and name that".into(),
            Self::TooLarge { width, height, .. } => format!(
                "shrink the image, remove it, or raise the limit: `--max-pixels {}`",
                u64::from(*width) * u64::from(*height)
            ),
            Self::NoColumn { found, .. } => match separator(found) {
                Some(separator) => format!("it seems to be separated by {separator}: set the `delimiter`"),
                None => "name a column as in the first line, or by its number, counted from 0".into(),
            },
            Self::EmptyCell { .. } => "fill it in, or remove the row".into(),
            Self::UnknownSet { .. } | Self::EmptySet { .. } => {
                "sets are `train` and `valid`, `True` and `False`, or `1` and `0` for rows that validate and that do not".into()
            }
            Self::Csv { reason, .. } if reason.starts_with("two columns") => {
                "rename one of them in the first line".into()
            }
            Self::Csv { reason, .. } if reason.ends_with("is empty") || reason.starts_with("there are no rows") => {
                "a table has a first line that names its columns, and a row for each item".into()
            }
            Self::Csv { .. } => {
                "each row needs as many fields as the first line; a field with a separator, a quote or a line break in it stands between quotes".into()
            }
            Self::OutsideFolder { .. } => "list files below the folder only".into(),
            Self::NoTable => "make the items with `from_csv`, or label them from their folders".into(),
            Self::NotANumber { .. } => "fill in a number, or remove the row".into(),
            Self::MissingFile { .. } => "names are relative to the folder; is an extension such as `.png` missing?".into(),
            Self::EmptyFolder { .. } | Self::Share { .. } | Self::NoTrainingItems => {
                "hold out a fifth: `split_by_rand_pct(0.2, seed)`".into()
            }
            Self::NoMatch { .. } => {
                "the pattern must match every path, with `/` between folders, and have one group".into()
            }
            Self::SameClass { .. } => "rename them".into(),
            Self::UnknownLabels { .. } => {
                "add training items for them, or drop the items: `unknown_labels(UnknownLabels::Drop)`".into()
            }
            Self::NotOneClass { .. } => "correct the row, or label with several classes: `LabelKind::MultiCategory`".into(),
            Self::NotAClass { .. } => "add it to the classes, or remove its items".into(),
            Self::OtherTarget { .. } => {
                "label them as the model was: `label_kind(inference.target().label_kind())`".into()
            }
            Self::OtherInput { .. } => "open them as the model was trained: `convert_mode` of images, the tokenizer and the vocabulary of texts".into(),
            Self::NoClasses => "give the names in the order of their codes: `LabelKind::Mask { classes, .. }`".into(),
            Self::TargetSize { .. } => {
                "an input and its target show the same at two sizes: crop one of them as the other".into()
            }
            Self::MaskCode { .. }
            | Self::MaskColor { .. }
            | Self::MaskSize { .. }
            | Self::NotAMask { .. } => return self.mask_hint(),
            Self::VoidClass { .. } => "classes count from 0; a code that has no class is `ignore`".into(),
            Self::PointsWithoutSize => "use images, or label these items with numbers".into(),
            Self::NotIdx { .. } => "download it again: `tinderbox data fetch mnist_idx` has the four files".into(),
            Self::IdxCounts { .. } => "take both files from one data set".into(),
            Self::NotFinite { .. } => "remove its item".into(),
            Self::NoLogarithm { .. } => "predict the numbers themselves: `log: false`".into(),
            Self::LabelTransform { kind: "EmptyLabelList" } => {
                "leave the test set's labels as they are: `transform_test_labels(false)`".into()
            }
            Self::LabelTransform { .. } => "transform the inputs only: `transform_labels(false)`".into(),
            Self::Collate { .. } => "bring them to one size: `Transforms::size`".into(),
            Self::UnfitInput { takes, .. } => match *takes {
                "images" => "give it an image file, or its bytes",
                "text" => "give it text, or a text file",
                _ => "it was trained on arrays in memory: give it a batch of them",
            }
            .into(),
            Self::TextLengths { .. } => "this model was trained without padding: give it one text at a time".into(),
            Self::NoSpread { .. } => "are all pixels of the channel the same? give statistics of your own: `normalize_by`".into(),
            Self::BatchSize => "the smallest batch is 1".into(),
            Self::NotClasses { .. } => "leave `oversample` out".into(),
            Self::EmptyClass { .. } => "choose another validation set, or leave `oversample` out".into(),
            Self::NoBatch { .. } => "lower the batch size: partial training batches are dropped".into(),
            Self::SavedTransform { .. } => "was it saved by a newer version?".into(),
            Self::NotUtf8 { likely, .. } => {
                format!("save it as UTF-8, or name its encoding, such as `{likely}`")
            }
            Self::Undecodable { .. } => "save it as UTF-8, or name another encoding".into(),
            Self::NotText { .. } => "save it as text in UTF-8; a table as CSV".into(),
            Self::NoTextColumns => "name one: `TextCsv { columns: vec![\"text\".into()], .. }`".into(),
            Self::NoTokens { .. } => "give it some text".into(),
            Self::ShortCorpus { .. } => "add text, or lower `batch_size` or `bptt`".into(),
            Self::TagLine { .. } => "a line is a token, spaces or tabs, and its tag".into(),
            Self::TagRules { .. } => "tokenize with `Tokenizing::for_tags()`".into(),
            Self::NoSentences { .. } => "sentences are lines of a token and its tag, with an empty line after each".into(),
            Self::Bptt => "fastai's is 70".into(),
            Self::NotFromText { .. } => "open a file instead".into(),
            Self::TokenizerFile { .. } => "a `tokenizer.json` of Hugging Face's tokenizers is expected".into(),
            Self::Tokenize { .. } => "does its `tokenizer.json` have an unknown token?".into(),
            Self::NoPadding => "add one to the tokenizer or the vocabulary".into(),
            Self::Vocab { .. } | Self::VocabFile { .. } => "a vocabulary is a JSON list of strings, each different".into(),
            Self::TokenId { .. } => "is this the vocabulary that the texts were encoded with?".into(),
            Self::Encode { .. } => "convert it to PNG or JPEG".into(),
            Self::CopiesInside { .. } => "write the copies to a folder beside the images".into(),
            Self::NotEmpty { .. } => "name a new folder, or overwrite its files: `--force`".into(),
            Self::UnknownDamage { .. } | Self::NoDamage => {
                "name steps between commas, such as `shrink 4, noise 5..25, jpeg 30..90`".into()
            }
            Self::DamageValue { step, .. } => format!("write it as `{}`", usual(step)),
            Self::Worker { .. } => "this is a bug: please report it with the file that it happens with".into(),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(error: &Error, message: &str, hint: Option<&str>) {
        assert_eq!(error.to_string(), message);
        let found = error.hint();
        match hint {
            Some(hint) => {
                assert!(found.as_deref().is_some_and(|found| found.contains(hint)), "{found:?}");
            }
            None => assert_eq!(found, None),
        }
    }

    fn io() -> std::io::Error {
        std::io::Error::from(std::io::ErrorKind::PermissionDenied)
    }

    #[test]
    fn errors_about_files_name_them() {
        check(&Error::NotAFolder { path: "a".into() }, "a is not a folder", Some("name a folder"));
        check(
            &Error::NoItems {
                folder: "a".into(),
                unit: "images",
                extensions: "png, jpg".into(),
                left_out: Vec::new(),
            },
            "no images in a: no file's name ends in png, jpg",
            Some("is a the folder above"),
        );
        check(&Error::Read { path: "a".into(), source: io() }, "cannot read a", None);
        check(&Error::Write { path: "a".into(), source: io() }, "cannot write a", None);
        check(
            &Error::ImageFormat { path: "a.gif".into() },
            "cannot write a.gif: its name does not end like that of a format that is written",
            Some(".png, .jpg, .tif or .webp"),
        );
        check(
            &Error::NotAFile { path: "p".into(), what: "a pipe" },
            "p is not a regular file: it is a pipe",
            Some("to a file"),
        );
        check(
            &Error::Decode { path: "a.png".into(), reason: "cut short".into() },
            "cannot read a.png as an image: cut short",
            None,
        );
        check(
            &Error::TooLarge {
                path: "a.png".into(),
                width: 16000,
                height: 16000,
                limit: 89_478_485,
            },
            "a.png claims to be 16000×16000 pixels; the limit is 89 million pixels",
            Some("raise the limit: `--max-pixels 256000000`"),
        );
        let files = vec![BadFile { path: "a.png".into(), reason: "cut short".into(), hint: None }];
        check(
            &Error::BadFiles { files, checked: 9, allowed: 0 },
            "1 of 9 files cannot be used:\n  a.png: cut short",
            Some("--skip-bad 1"),
        );
        check(
            &Error::NoParent { path: "a".into() },
            "a has no parent folder, which would be its label",
            None,
        );
    }

    #[test]
    fn a_reason_that_files_share_is_said_once() {
        let lossy = |n: usize| {
            let path = PathBuf::from(format!("m/{n}.jpg"));
            let error = Error::NotAMask { path, why: NotMask::Lossy("JPEG") };
            BadFile::new(format!("i/{n}.png"), &error)
        };
        let all = |files: Vec<BadFile>, checked: usize, allowed: usize| Error::BadFiles {
            files,
            checked,
            allowed,
        };
        let error = all((0..7).map(lossy).collect(), 7, 0);
        assert_eq!(
            error.to_string(),
            "7 of 7 files cannot be used:\n  it is not a mask but a JPEG, whose compression \
             changes values (7 files: m/0.jpg, m/1.jpg, m/2.jpg, m/3.jpg, m/4.jpg and 2 more)"
        );
        let hint = error.hint().unwrap();
        assert!(hint.starts_with("save masks as PNG") && !hint.contains("--skip-bad"), "{hint}");
        let few = all((0..3).map(lossy).collect(), 9, 0).hint().unwrap();
        assert!(few.ends_with("or skip them: `--skip-bad 3`"), "{few}");
        let more = all((0..3).map(lossy).collect(), 9, 2).hint().unwrap();
        assert!(more.ends_with("`--skip-bad` allows 2"), "{more}");
        let nothing = all((0..3).map(lossy).collect(), 3, 5).hint().unwrap();
        assert!(nothing.ends_with("there is nothing to train on"), "{nothing}");
        let cut = Error::Decode { path: "i/9.png".into(), reason: "cut short".into() };
        let both = all(vec![lossy(0), BadFile::new("i/9.png", &cut)], 9, 0);
        assert_eq!(
            both.to_string(),
            format!(
                "2 of 9 files cannot be used:\n  m/0.jpg: it is not a mask but a JPEG, whose \
                 compression changes values\n    {}\n  i/9.png: cut short",
                lossy(0).hint.unwrap()
            )
        );
        assert_eq!(both.hint().unwrap(), "repair or remove them, or skip them: `--skip-bad 2`");
        // One way out, but each has its own reason.
        let of = |path: &str, reason: &str| {
            let hint = Some("crop them".to_owned());
            BadFile { path: path.into(), reason: reason.into(), hint }
        };
        let sizes = all(vec![of("a.png", "3×4"), of("b.png", "5×9")], 9, 0).to_string();
        assert!(sizes.ends_with(":\n  a.png: 3×4; b.png: 5×9"), "{sizes}");
    }

    #[test]
    fn errors_about_tables_name_row_and_column() {
        let path = || PathBuf::from("t.csv");
        check(
            &Error::Csv { path: path(), line: 3, reason: "1 field, expected 2".into() },
            "t.csv, line 3: 1 field, expected 2",
            Some("between quotes"),
        );
        check(
            &Error::NoColumn {
                path: path(),
                column: "label".into(),
                found: vec!["a".into(), "b".into()],
            },
            "t.csv has no column `label`; it has a, b",
            Some("counted from 0"),
        );
        check(
            &Error::NoColumn { path: path(), column: "b".into(), found: vec!["a;b".into()] },
            "t.csv has no column `b`; it has a;b",
            Some("separated by semicolons"),
        );
        check(
            &Error::EmptyCell { path: path(), row: 2, column: "label".into() },
            "t.csv, row 2: column `label` is empty",
            Some("fill it in"),
        );
        check(
            &Error::OutsideFolder { path: path(), row: 1, item: "../x".into(), folder: "f".into() },
            "t.csv, row 1: `../x` is outside of f",
            Some("below the folder"),
        );
        check(
            &Error::MissingFile { path: path(), row: 2, item: "x".into(), folder: "f".into() },
            "t.csv, row 2: there is no file `x` in f",
            Some("relative to the folder"),
        );
        check(
            &Error::NotANumber { path: path(), row: 2, column: "x".into(), cell: "nan".into() },
            "t.csv, row 2: `nan` in column `x` is not a finite number",
            Some("fill in a number"),
        );
        check(
            &Error::NoTable,
            "these items have no table with columns: they do not come from a CSV file",
            Some("from_csv"),
        );
    }

    #[test]
    fn a_row_that_is_not_of_one_class_is_named() {
        let not_one = |found: &[&str]| Error::NotOneClass {
            path: "t.csv".into(),
            row: 2,
            found: found.iter().map(|class| (*class).to_owned()).collect(),
        };
        check(&not_one(&[]), "t.csv, row 2: expected one class, found none", Some("correct"));
        check(
            &not_one(&["a", "b"]),
            "t.csv, row 2: expected one class, found a, b",
            Some("MultiCategory"),
        );
    }

    #[test]
    fn errors_about_splits_and_patterns_name_the_value() {
        check(&Error::Share { share: 1.5 }, "the share 1.5 is not between 0 and 1", Some("0.2"));
        check(
            &Error::EmptyFolder { folder: "train".into(), found: vec!["a".into(), "b".into()] },
            "train/ is empty, so there is nothing to train on; the folders are a, b",
            Some("0.2"),
        );
        check(
            &Error::EmptyFolder { folder: "train".into(), found: vec![] },
            "train/ is empty, so there is nothing to train on; there are no folders",
            Some("0.2"),
        );
        check(&Error::Index { index: 7, len: 5 }, "index 7 is not one of 5 items", None);
        check(
            &Error::NoMatch { pattern: "x".into(), path: "a/b".into() },
            "failed to find `x` in `a/b`",
            Some("every path"),
        );
        check(
            &Error::Pattern { pattern: "(".into(), reason: "unclosed".into() },
            "`(` is not a pattern: unclosed",
            None,
        );
    }

    #[test]
    fn errors_about_labels_name_the_value() {
        check(
            &Error::UnknownLabels { set: "validation", labels: vec!["dog".into()], items: 3 },
            "the validation data has labels that are not in the training set: dog (3 times)",
            Some("Drop"),
        );
        check(
            &Error::NotAClass { label: "cow".into(), classes: vec!["cat".into(), "dog".into()] },
            "the label `cow` is not among the given classes: cat, dog",
            Some("remove its items"),
        );
        check(
            &Error::OtherTarget { model: "2 numbers".into(), data: "1 number".into() },
            "the model predicts 2 numbers; these items are labelled with 1 number",
            Some("`label_kind(inference.target().label_kind())`"),
        );
        check(
            &Error::OtherInput { model: "gray images".into(), data: "RGB images".into() },
            "the model takes gray images; these items are RGB images",
            Some("`convert_mode`"),
        );
        check(&Error::OneHot { given: 2, classes: 3 }, "2 flags for 3 classes", None);
        check(
            &Error::MixedLabels { first: "text".into(), other: "number".into() },
            "labels of different kinds: text and number",
            None,
        );
        check(&Error::LabelCount { given: 2, items: 3 }, "2 labels for 3 items", None);
        check(
            &Error::NoClasses,
            "the classes of masks must be given: a mask has their codes, not their names",
            Some("order"),
        );
    }

    #[test]
    fn errors_about_masks_name_values_and_sizes() {
        check(
            &Error::MaskCode {
                path: "m.png".into(),
                values: vec![255],
                classes: vec!["Sky".into(), "Road".into()],
            },
            "m.png has the value 255, but there are 2 classes: Sky, Road",
            Some("ignore it: `--void 255`"),
        );
        check(
            &Error::VoidClass { void: 255, classes: vec!["Sky".into(), "Road".into()] },
            "class 255 is to be ignored, but there are 2 classes: Sky, Road",
            Some("is `ignore`"),
        );
        check(
            &Error::PointsWithoutSize,
            "points are coordinates in images, and these items are not images",
            Some("these items with numbers"),
        );
        check(
            &Error::MaskCode {
                path: "m.png".into(),
                values: (1..=20).collect(),
                classes: vec!["Sky".into()],
            },
            "m.png has the values 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 10 more, but there are 1 \
             classes: Sky",
            Some("smooth edges"),
        );
        let color = |more: usize| Error::MaskColor {
            path: "m.png".into(),
            color: [1, 2, 3],
            at: [4, 5],
            more,
            nearest: Some(("Sky".into(), [1, 2, 4])),
        };
        check(
            &color(0),
            "m.png has the color 1 2 3 at row 4, column 5, which no class has; the nearest is \
             Sky, 1 2 4",
            Some("list the color"),
        );
        assert!(color(99).hint().unwrap().contains("smooth edges"));
        let size =
            |mask, picture, turned| Error::MaskSize { path: "m.png".into(), mask, picture, turned };
        check(
            &size([60, 80], [72, 96], false),
            "the mask m.png is 60×80 pixels, but its image is 72×96",
            Some("as many pixels"),
        );
        check(
            &size([60, 80], [80, 60], true),
            "the mask m.png is 60×80 pixels, but its image is 80×60, which its EXIF orientation \
             turns, and the mask is not turned",
            Some("exiftool -Orientation= FILES"),
        );
        check(
            &Error::NotAMask { path: "m.jpg".into(), why: NotMask::Lossy("JPEG") },
            "m.jpg is not a mask: it is a JPEG, whose compression changes values",
            Some("as PNG files"),
        );
        check(
            &Error::NotAMask { path: "m.png".into(), why: NotMask::Colors },
            "m.png is not a mask: it is a color image, and no table of colors is given",
            Some("`road 128 64 128`"),
        );
        check(
            &Error::NotAMask { path: "m.png".into(), why: NotMask::Transparent },
            "m.png is not a mask: it is partly transparent",
            Some("without an alpha channel"),
        );
        check(
            &Error::NotFinite { value: f64::NAN },
            "the label NaN is not a finite number",
            Some("remove its item"),
        );
        check(
            &Error::NoLogarithm { value: -1.0 },
            "there is no logarithm of the label -1",
            Some("log: false"),
        );
        check(
            &Error::NoTrainingItems,
            "can't infer the type of the targets: there are no training items",
            Some("0.2"),
        );
    }

    #[test]
    fn a_long_list_is_cut() {
        let names: Vec<String> = (0..12).map(|n| n.to_string()).collect();
        assert_eq!(listed(&names[..3]), "0, 1, 2");
        assert_eq!(listed(&names), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more");
    }

    #[test]
    fn errors_about_text_say_what_to_change() {
        check(
            &Error::NotUtf8 { path: "a.txt".into(), offset: 7, likely: Encoding::Latin1 },
            "a.txt is not UTF-8: byte 7 starts no character",
            Some("`latin-1`"),
        );
        check(
            &Error::NotText { path: "a.csv".into(), what: "a PDF file" },
            "a.csv is not a text file: it is a PDF file",
            Some("as CSV"),
        );
        check(&Error::NoTextColumns, "no column with text is named", Some("columns: vec!["));
        check(
            &Error::NoTokens { what: "the training set".into() },
            "the training set has no tokens",
            Some("give it some text"),
        );
        check(
            &Error::ShortCorpus { set: "training", tokens: 99, batch_size: 64, bptt: 70 },
            "the training texts have 99 tokens, but a batch of 64 rows of 70 needs 4480",
            Some("lower `batch_size` or `bptt`"),
        );
        check(
            &Error::TagLine { path: "a".into(), line: 3, token: "EU".into() },
            "a, line 3: the token `EU` has no tag",
            Some("a line is a token"),
        );
        check(
            &Error::TagRules { token: "EU".into(), count: 2 },
            "the rules make 2 tokens of `EU`, which has one tag",
            Some("`Tokenizing::for_tags()`"),
        );
        check(
            &Error::NoSentences { path: "a".into() },
            "a has no sentences",
            Some("an empty line after each"),
        );
        check(&Error::Bptt, "a `bptt` of 0 reads no tokens", Some("fastai's is 70"));
        check(
            &Error::NotFromText { inputs: "images" },
            "the model does not take text: its inputs are images",
            Some("open a file"),
        );
        check(
            &Error::TokenizerFile { path: "t.json".into(), reason: "no model".into() },
            "t.json is not a tokenizer file: no model",
            Some("a `tokenizer.json`"),
        );
        check(
            &Error::Tokenize { reason: "no unk".into() },
            "the tokenizer failed on a text: no unk",
            Some("an unknown token"),
        );
        check(
            &Error::NoPadding,
            "the vocabulary has no padding token, such as `xxpad`, `[PAD]` or `<pad>`",
            Some("add one"),
        );
        check(
            &Error::Vocab { reason: "it has no tokens".into() },
            "not a valid vocabulary: it has no tokens",
            Some("a JSON list"),
        );
        check(
            &Error::VocabFile { path: "v.json".into(), reason: "not JSON".into() },
            "v.json is not a vocabulary: not JSON",
            Some("a JSON list"),
        );
        check(
            &Error::TokenId { id: 40, len: 38 },
            "there is no token 40: the vocabulary has 38 tokens, counted from 0",
            Some("encoded with"),
        );
    }

    #[test]
    fn errors_about_damage_say_what_to_write() {
        check(
            &Error::UnknownDamage { step: "sharpen".into(), known: vec!["blur", "noise"] },
            "unknown damage `sharpen`: it is none of blur, noise",
            Some("such as `shrink 4, noise 5..25"),
        );
        let value = |step, value: &str, expected: &str| Error::DamageValue {
            step,
            value: value.into(),
            expected: expected.into(),
        };
        check(
            &value("jpeg", "0", "a quality from 1 to 100"),
            "`jpeg 0`: expected a quality from 1 to 100",
            Some("write it as `jpeg 30..90`"),
        );
        check(&value("side", "x", "a"), "`side x`: expected a", Some("write it as `side 96`"));
        check(
            &value("gray", "1", "no number"),
            "`gray 1`: expected no number",
            Some("write it as `gray`"),
        );
        check(&Error::NoDamage, "no damage is named", Some("name steps between commas"));
        check(
            &Error::CopiesInside { folder: "a/b".into(), images: "a".into() },
            "a/b is inside of a, or the other way round",
            Some("beside the images"),
        );
        check(&Error::NotEmpty { folder: "a".into() }, "a is not empty", Some("`--force`"));
        check(
            &Error::Encode { format: "ico", reason: "too large".into() },
            "cannot write the image as ico: too large",
            Some("PNG or JPEG"),
        );
        check(
            &Error::Damage { step: "jpeg", reason: "too long".into() },
            "cannot apply `jpeg`: too long",
            None,
        );
    }

    #[test]
    fn errors_about_batches_name_the_numbers() {
        check(
            &Error::Transform { reason: "too small".into() },
            "not possible to apply those transforms to your dataset: too small",
            None,
        );
        check(
            &Error::LabelTransform { kind: "CategoryList" },
            "not implemented: you can't apply transforms to labels of this kind (CategoryList)",
            Some("inputs only"),
        );
        check(
            &Error::LabelTransform { kind: "EmptyLabelList" },
            "not implemented: you can't apply transforms to labels of this kind (EmptyLabelList)",
            Some("transform_test_labels"),
        );
        check(
            &Error::Collate { shapes: vec![vec![1, 2], vec![2, 1]] },
            "items of different shapes cannot be one batch: [1, 2], [2, 1]",
            Some("one size"),
        );
        check(&Error::BatchSize, "a batch size of 0 makes no batches", Some("1"));
        check(
            &Error::NotClasses { kind: "FloatList" },
            "oversampling needs one class per item, which FloatList does not have",
            Some("leave `oversample` out"),
        );
        check(
            &Error::EmptyClass { class: "ox".into() },
            "the class `ox` has no training items",
            Some("another validation set"),
        );
        check(&Error::Uneven { inputs: 2, targets: 3 }, "2 inputs but 3 targets", None);
        check(&Error::NormalizedTwice, "cannot normalize twice", None);
        check(
            &Error::Channels { given: 3, channels: 1 },
            "3 channel statistics for images of 1 channels",
            None,
        );
        check(
            &Error::NoSpread { channel: 0, std: 0.0 },
            "channel 0 has a standard deviation of 0, so it cannot be normalized",
            Some("normalize_by"),
        );
        check(
            &Error::Worker { reason: "gone".into() },
            "preparing a batch panicked: gone",
            Some("report it"),
        );
        check(
            &Error::NoBatch { set: "training", items: 5, batch_size: 8 },
            "the training set has 5 items, too few for a batch of 8",
            Some("lower the batch size"),
        );
        check(
            &Error::NotImages { shape: vec![4, 2] },
            "inputs of shape [4, 2] are not images, which are [batch, channels, height, width]",
            None,
        );
        for (takes, hint) in [
            ("images", Some("an image")),
            ("text", Some("a text file")),
            ("arrays", Some("memory")),
        ] {
            check(
                &Error::UnfitInput { takes, given: "noise" },
                &format!("the model takes {takes}, not noise"),
                hint,
            );
        }
        check(
            &Error::TextLengths { lengths: vec![5, 3, 5] },
            "texts of 5, 3 tokens cannot be one batch",
            Some("one text at a time"),
        );
        check(
            &Error::SavedTransform { name: "sharpen".into(), reason: "not known".into() },
            "cannot read the saved transform `sharpen`: not known",
            Some("newer version"),
        );
    }
}
