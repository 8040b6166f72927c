//! Images that a table labels: which of its columns mean what.

use std::{
    collections::{BTreeSet, HashSet},
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tinderbox_data::{
    Encoding, ImageItems, ImageKind, LabelKind, Labelled, TargetKind,
    items::{FileNames, Named, Table, TableFormat, first_folder},
    split::SetWord,
};

use crate::{
    Common, Confidence, Hinted, Job, Location, Result, Settings, Sources, Split, SplitError, Task,
    Valid,
    plan::{
        ASKED, Choices, columns,
        split::{FIFTH, percent},
    },
    settings::unused,
};

/// The settings of a table that labels images.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TableSettings {
    /// Folder with the images, subfolders included: those that the table lists, or those that the
    /// masks belong to
    #[schemars(extend("x-validate" = true, "x-role" = "source", "x-value" = "DIR", "x-group" = "Data",
        "x-usual" = "the folder of the table, or the data"))]
    pub images: Option<Location>,

    /// Column of the table with the names of image files, with or without folders and extensions
    #[schemars(extend("x-validate" = true, "x-value" = "COLUMN", "x-group" = "Data",
        "x-usual" = "the one that names files in the folder"))]
    pub file: Option<String>,

    /// Column of the table with the labels; for images, may be given several times: one column per
    /// class, or several numbers to predict
    #[schemars(extend("x-validate" = true, "x-value" = "COLUMN", "x-group" = "Data",
        "x-usual" = "the one called label, class or similar, or the only one left"))]
    pub label: Option<Vec<String>>,

    /// Separator between several labels in one cell: one character, such as `;`, or `space`, `tab`,
    /// or `none` if a cell is one label
    #[schemars(extend("x-validate" = true, "x-value" = "TEXT", "x-group" = "Data",
        "x-usual" = "inferred from the cells"))]
    pub separator: Option<String>,

    /// Encoding of the table: `utf-8`, `utf-16`, `utf-16be`, `latin-1` or `windows-1252`
    #[schemars(with = "Option<String>", extend("x-validate" = true, "x-value" = "NAME", "x-group" = "Data",
        "x-usual" = "UTF-8 or UTF-16, which are told apart"))]
    pub encoding: Option<Encoding>,
}

/// Where the labels of images are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelSource {
    /// The name of the folder that an image lies in.
    Folders,
    /// The columns of a table.
    Table(LabelTable),
}

/// Which columns of a table name images, and which label them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelTable {
    /// The column with the names of image files.
    pub file: String,
    /// The columns with labels: one, unless each is a class or a number of its own.
    pub labels: Vec<String>,
    pub meaning: Meaning,
    /// Of the table; if none, UTF-8 or UTF-16.
    #[serde(default)]
    pub encoding: Option<Encoding>,
}

/// What label columns hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    /// The class of the image, in one column.
    Class,
    /// All of its classes, in one column, with this between them.
    Classes { separator: char },
    /// One column a class, of which one is true.
    ClassColumns,
    /// One column a class, of which any may be true.
    ClassesColumns,
    /// A number in each column.
    Numbers,
}

/// What a model predicts from a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Learned {
    Classes,
    Numbers,
}

/// The columns that a user named.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub table: &'a TableSettings,
    /// Which rows validate: a column says so, it may be.
    pub valid: Option<&'a Valid>,
}

impl<'a> Asked<'a> {
    pub(crate) fn of(common: &'a Common, table: &'a TableSettings) -> Self {
        Self { table, valid: common.valid.as_ref() }
    }
}

/// A table and its images, as they were found.
#[derive(Debug)]
pub(crate) struct Listed {
    /// The images in the order of the rows, which they belong to.
    pub items: ImageItems,
    pub columns: LabelTable,
    /// The column that says which rows validate, if there is one.
    pub set: Option<String>,
    /// Rows that lead to no image, counted from 1, with what stands in them.
    pub unmatched: Vec<(usize, String)>,
    /// The first row that leads to several images, with two of them.
    ambiguous: Option<Ambiguous>,
    /// How many images no row names.
    pub unlisted: usize,
}

/// This many rows, spread over the table, tell which column names files.
const SAMPLE: usize = 1000;
/// At least this share of them must lead to an image.
const ENOUGH: f64 = 0.5;
/// Whole numbers with more values than this are numbers, not classes.
const MOST_CLASSES: usize = 20;
/// A row that leads to several images: its number from 1, what stands in it, and two of them.
type Ambiguous = (usize, String, [PathBuf; 2]);

/// Where the table is, and the images: beside it, unless they are named.
pub(crate) fn sources<T: Task>(ask: &Settings<T>, table: &TableSettings) -> Sources {
    let data = ask.common.data.as_ref().map(Location::path);
    let images = table.images.as_ref().map(Location::path);
    let found = data.filter(|_| images.is_none()).and_then(lists);
    let beside = match &found {
        Some(_) => data,
        None => data.filter(|data| Table::is_one(data)).and_then(Path::parent),
    };
    Sources::default().with("data", found.as_deref().or(data)).with("images", images.or(beside))
}

/// What folders of images are called that are no classes, besides sets.
const IMAGE_FOLDERS: [&str; 14] = [
    "images", "image", "imgs", "img", "jpeg", "jpegs", "jpg", "png", "photos", "pictures", "pics",
    "files", "data", "all",
];

/// The table of a folder whose images are in no class folders, as they come from competitions: a table
/// beside `train/` and `test/`. Tables of what is to be predicted are none.
fn lists(folder: &Path) -> Option<PathBuf> {
    let files = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    let stem = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
    let is_asked = |path: &Path| {
        let stem = stem(path);
        stem.contains("submission") || SetWord::named(&stem) == Some(SetWord::Test)
    };
    let is_list = |path: &PathBuf| Table::is_one(path) && path.is_file() && !is_asked(path);
    let mut tables: Vec<PathBuf> = files.filter(is_list).collect();
    tables.sort();
    let is_main = |path: &&PathBuf| {
        let stem = stem(path).replace("labels", "").replace("label", "");
        stem.is_empty() || SetWord::named(&stem) == Some(SetWord::Training)
    };
    let table = match &tables[..] {
        [only] => only,
        several => several.iter().find(is_main)?,
    };
    let is_no_class = |part: &OsStr| {
        let part = part.to_string_lossy().to_lowercase();
        let words: Vec<&str> = part.split(['_', '-', ' ']).collect();
        words.iter().all(|word| IMAGE_FOLDERS.contains(word) || SetWord::named(word).is_some())
    };
    let images = ImageItems::from_folder(folder).ok()?;
    let mut folders = images.relative_paths().filter_map(Path::parent);
    folders.all(|folder| folder.iter().all(is_no_class)).then(|| table.clone())
}

/// Whether a table labels images with what is learned. If its images are named but it cannot be read,
/// it may be.
pub(crate) fn recognizes(data: &Sources, ask: Asked<'_>, learned: Learned) -> Confidence {
    match Listed::find(data, ask, None) {
        Ok(listed) if listed.columns.meaning.learned() == learned => Confidence::Likely,
        Err(_) if ask.table.images.is_some() => Confidence::Maybe,
        _ => Confidence::No,
    }
}

/// Fails for settings of tables where the data is none.
///
/// # Errors
/// [`SettingsError::Unused`](crate::SettingsError::Unused).
pub(crate) fn check_no_table(ask: &TableSettings, choices: &mut Choices) -> Result<()> {
    const REASON: &str = "the data is not a table";
    unused("images", ask.images.as_ref(), REASON)?;
    unused("file", ask.file.as_ref(), REASON)?;
    unused("label", ask.label.as_ref(), REASON)?;
    unused("separator", ask.separator.as_ref(), REASON)?;
    unused("encoding", ask.encoding.as_ref(), REASON)?;
    for setting in ["file", "label", "separator", "encoding"] {
        choices.keep(setting, &None::<String>);
    }
    Ok(())
}

impl Listed {
    /// Looks for the columns that were not named.
    ///
    /// # Errors
    /// [`TableError`]; those of reading the table and listing the folder.
    pub(crate) fn find(data: &Sources, ask: Asked<'_>, learned: Option<Learned>) -> Result<Self> {
        let table = Arc::new(open(data, ask.table.encoding)?);
        let images = ImageItems::from_folder(data.need("images")?)?;
        let look = Look { table: &table, images: images.root() };
        let names = FileNames::of(&images);
        let file = look.file_column(ask.table.file.as_deref(), &names)?;
        if matches!(names.find(&file), Named::One(_)) {
            let table = table.path().to_owned();
            return Err(TableError::NoHeader { table, first: file }.into());
        }
        let set = look.set_column(ask.valid, &file);
        let labels = look.label_columns(ask.table.label.as_deref(), &file, set.as_deref())?;
        let separator = ask.table.separator.as_deref();
        let meaning = look.meaning(&labels, separator, learned)?;
        let encoding = ask.table.encoding;
        let columns = LabelTable { file, labels, meaning, encoding };
        Self::of(images, &table, columns, set)
    }

    /// The same by columns that are known.
    ///
    /// # Errors
    /// Those of reading the table and listing the folder.
    pub(crate) fn again(data: &Sources, columns: &LabelTable) -> Result<Self> {
        let table = Arc::new(open(data, columns.encoding)?);
        let images = ImageItems::from_folder(data.need("images")?)?;
        Self::of(images, &table, columns.clone(), None)
    }

    fn of(
        images: ImageItems,
        table: &Arc<Table>,
        columns: LabelTable,
        set: Option<String>,
    ) -> Result<Self> {
        let n_images = images.len();
        let files = FileNames::of(&images);
        let (items, unmatched) = images.named_by(table.clone(), &columns.file)?;
        let column = table.column(&columns.file)?;
        let named = |row: usize| (row + 1, table.text(row, column).to_owned());
        let unmatched: Vec<(usize, String)> = unmatched.into_iter().map(named).collect();
        let ambiguous = unmatched.iter().find_map(|(row, name)| match files.find(name) {
            Named::Several(one, other) => {
                Some((*row, name.clone(), [one.to_owned(), other.to_owned()]))
            }
            Named::One(_) | Named::None => None,
        });
        let listed: HashSet<&Path> = items.relative_paths().collect();
        let unlisted = n_images - listed.len();
        Ok(Self { items, columns, set, unmatched, ambiguous, unlisted })
    }

    /// Fails if more rows match no image than may be skipped; fewer are reported.
    ///
    /// # Errors
    /// [`TableError::Unmatched`].
    pub(crate) fn check(self, skip_bad: usize, job: &Job) -> Result<Self> {
        const NAMED: usize = 3;
        self.warn_of_repeats(job)?;
        let (n, table) = (self.unmatched.len(), self.items.table().map(Table::path));
        let table = table.map(Path::to_owned).unwrap_or_default();
        if n > skip_bad
            && let Some((row, name, files)) = self.ambiguous
        {
            return Err(TableError::Ambiguous { table, row, name, files }.into());
        }
        if n > skip_bad || self.items.is_empty() {
            let folder = self.items.root().to_owned();
            let rows = self.unmatched.into_iter().take(NAMED).collect();
            return Err(TableError::Unmatched { table, folder, n, rows }.into());
        }
        if let Some((row, name)) = self.unmatched.first() {
            let table = table.display();
            job.warn(match n {
                1 => format!("skipped row {row} of {table}, which matches no image (`{name}`)"),
                n => format!(
                    "skipped {n} rows of {table} that match no image, such as row {row} (`{name}`)"
                ),
            });
        }
        self.with_labels(skip_bad - n, job)
    }

    /// The rows that have a class; fails if more have none than may be skipped.
    fn with_labels(mut self, skip_bad: usize, job: &Job) -> Result<Self> {
        let (Some(table), Meaning::Class) = (self.items.table(), self.columns.meaning) else {
            return Ok(self);
        };
        let label = table.column(&self.columns.labels[0])?;
        if let Some(warning) = columns::spaces(table, label) {
            job.warn(warning);
        }
        let unmatched: HashSet<usize> = self.unmatched.iter().map(|(row, _)| row - 1).collect();
        let rows = (0..table.len()).filter(|row| !unmatched.contains(row));
        let has_label: Vec<bool> =
            rows.clone().map(|row| !columns::is_missing(table.text(row, label))).collect();
        let rows: Vec<usize> =
            rows.zip(&has_label).filter(|(_, has)| !**has).map(|(row, _)| row + 1).collect();
        let (n, column) = (rows.len(), self.columns.labels[0].clone());
        let Some(first) = rows.first() else { return Ok(self) };
        let (first, path) = (*first, table.path().to_owned());
        if n > skip_bad || n == has_label.len() {
            let skip_bad = n + self.unmatched.len();
            return Err(TableError::NoLabels { table: path, column, n, first, skip_bad }.into());
        }
        job.warn(no_labels_text(&path, &column, n, first) + ": skipped");
        let mut at = 0..;
        let keep = |_: &Path| at.next().is_some_and(|at: usize| has_label[at]);
        self.items = self.items.filter_by_func(keep);
        Ok(self)
    }

    /// Warns of images that several rows name: some of these rows may train, and others validate.
    fn warn_of_repeats(&self, job: &Job) -> Result<()> {
        let Some(table) = self.items.table() else { return Ok(()) };
        let column = table.column(&self.columns.file)?;
        let rows_left_out: HashSet<usize> = self.unmatched.iter().map(|(row, _)| row - 1).collect();
        let rows = (0..table.len()).filter(|row| !rows_left_out.contains(row));
        let mut seen = HashSet::new();
        let mut repeats =
            rows.zip(self.items.relative_paths()).filter(|(_, file)| !seen.insert(*file));
        if let Some((row, _)) = repeats.next() {
            let (n, name, table_path) =
                (1 + repeats.count(), table.text(row, column), table.path().display());
            let row = row + 1;
            job.warn(match n {
                1 => format!("row {row} of {table_path} names an image that an earlier row names (`{name}`)"),
                n => format!(
                    "{n} rows of {table_path} name images that earlier rows name, such as row {row} (`{name}`)"
                ),
            });
        }
        Ok(())
    }

    /// Which rows validate: as was asked for; by a column that says so; else a random fifth.
    ///
    /// # Errors
    /// [`SplitError`]; a list that cannot be read.
    pub(crate) fn split(&self, asked: Option<&Valid>, choices: &mut Choices) -> Result<Split> {
        let n = self.items.len();
        let files = || self.items.relative_paths();
        let (split, because) = match (asked, &self.set) {
            (Some(Valid::Share(share)), _) if *share > 0.0 && (share * n as f64) < 1.0 => {
                let share = percent(*share);
                return Err(SplitError::EmptyShare { share, items: n, unit: "rows" }.into());
            }
            (Some(Valid::Share(share)), _) => (Split::Random { share: *share }, ASKED),
            (Some(Valid::List(file)), _) => (Split::named_in(file.path(), files())?, ASKED),
            (Some(Valid::Named(_)), Some(column)) => (Split::Column(column.clone()), ASKED),
            (Some(Valid::Named(folder)), None) => {
                let folders = files().filter_map(first_folder);
                let folders = folders.map(|folder| folder.display().to_string()).collect();
                (Split::by_folder(folder, &folders)?, ASKED)
            }
            (None | Some(Valid::Auto), Some(column)) => {
                (Split::Column(column.clone()), "the table has this column")
            }
            (None | Some(Valid::Auto), None) if FIFTH * n as f64 >= 1.0 => {
                (Split::Random { share: FIFTH }, "no column defines one; choose with `--valid`")
            }
            (None | Some(Valid::Auto), None) => {
                (Split::Random { share: 0.0 }, "there are too few rows to hold any out")
            }
        };
        choices.keep("valid", &split.as_setting());
        choices.tell("valid", split.to_string(), because);
        Ok(split)
    }

    /// Keeps the columns as settings, and tells how they were found.
    pub(crate) fn tell(&self, ask: &TableSettings, choices: &mut Choices) {
        let LabelTable { file, labels, meaning, .. } = &self.columns;
        choices.keep("file", file);
        choices.keep("label", labels);
        choices.keep("separator", &meaning.as_setting());
        choices.keep("encoding", &ask.encoding);
        let because = match (&ask.file, self.unlisted) {
            (Some(_), 0) => ASKED.to_owned(),
            (None, 0) => "it names files in the folder".to_owned(),
            (_, 1) => "skipped 1 image that is in no row".to_owned(),
            (_, n) => format!("skipped {n} images that are in no row"),
        };
        choices.tell("images", format!("{} in column `{file}`", self.items.len()), because);
        let because = match ask.label {
            Some(_) => ASKED,
            None => "choose with `--label`",
        };
        choices.tell("label", meaning.describe(labels), because);
    }
}

impl LabelTable {
    /// The labels of items that are rows of the table, with a model's classes if there is one.
    ///
    /// # Errors
    /// An empty or a wrong cell, by its row; a label that is none of the classes.
    pub(crate) fn label(
        &self,
        split: tinderbox_data::Split<ImageKind>,
        target: Option<&TargetKind>,
    ) -> Result<Labelled<ImageKind>> {
        let split = split.label_kind(self.label_kind(target));
        let columns: Vec<&str> = self.labels.iter().map(String::as_str).collect();
        Ok(match self.meaning {
            Meaning::Class => {
                let labelled = split.clone().label_from_df(columns[0], None)?;
                match labelled.target {
                    // Fractions that are to be classes.
                    TargetKind::Number { .. } => {
                        let kind = LabelKind::Category(None);
                        split.label_kind(kind).label_from_df(columns[0], None)?
                    }
                    _ => labelled,
                }
            }
            Meaning::Classes { separator } => split.label_from_df(columns[0], Some(separator))?,
            Meaning::ClassColumns | Meaning::ClassesColumns | Meaning::Numbers => {
                split.label_from_columns(&columns)?
            }
        })
    }

    fn label_kind(&self, target: Option<&TargetKind>) -> LabelKind {
        let classes = target.map(|target| target.classes().to_vec());
        match self.meaning {
            // Whole numbers are in the order of their values.
            Meaning::Class if classes.is_none() => LabelKind::Auto,
            Meaning::Class => LabelKind::Category(classes),
            Meaning::ClassColumns => LabelKind::Category(classes.or(Some(self.labels.clone()))),
            Meaning::Classes { .. } => LabelKind::MultiCategory(classes),
            Meaning::ClassesColumns => {
                LabelKind::MultiCategory(classes.or(Some(self.labels.clone())))
            }
            Meaning::Numbers => LabelKind::Number { log: false },
        }
    }
}

impl Meaning {
    pub(crate) fn learned(self) -> Learned {
        match self {
            Self::Numbers => Learned::Numbers,
            _ => Learned::Classes,
        }
    }

    /// As the setting `separator` would say it; nothing where it does not apply.
    fn as_setting(self) -> Option<String> {
        match self {
            Self::Class => Some(NO_SEPARATOR.to_owned()),
            Self::Classes { separator } => Some(separator.to_string()),
            _ => None,
        }
    }

    fn describe(self, labels: &[String]) -> String {
        let named = |labels: &[String]| match labels {
            [one] => format!("column `{one}`"),
            [first, .., last] => format!("{} columns, `{first}` to `{last}`", labels.len()),
            [] => String::new(),
        };
        let columns = named(labels);
        match self {
            Self::Class | Self::ClassColumns => format!("{columns}: one class per image"),
            Self::Classes { separator: ' ' } => {
                format!("{columns}: several classes per image, separated by spaces")
            }
            Self::Classes { separator } => {
                format!("{columns}: several classes per image, separated by `{separator}`")
            }
            Self::ClassesColumns => format!("{columns}: several classes per image"),
            Self::Numbers => format!("{columns}: numbers"),
        }
    }
}

fn open(data: &Sources, encoding: Option<Encoding>) -> Result<Table> {
    let format = TableFormat { encoding, ..TableFormat::default() };
    Ok(Table::open_with(data.need("data")?, &format)?)
}

/// What the setting says where a cell is one label.
const NO_SEPARATOR: &str = "none";

/// A look at a table.
struct Look<'a> {
    table: &'a Table,
    images: &'a Path,
}

impl Look<'_> {
    fn n_columns(&self) -> usize {
        self.table.columns().len()
    }

    fn cells(&self, column: usize) -> impl Iterator<Item = &str> {
        (0..self.table.len()).map(move |row| self.table.text(row, column).trim())
    }

    /// The name of a column, however it was named.
    fn named(&self, column: &str) -> Result<String> {
        Ok(self.table.columns()[self.table.column(column)?].clone())
    }

    /// The column that most often leads to an image.
    fn file_column(&self, asked: Option<&str>, names: &FileNames) -> Result<String> {
        if let Some(column) = asked {
            return self.named(column);
        }
        let every = self.table.len().div_ceil(SAMPLE).max(1);
        let looked_at = self.table.len().div_ceil(every);
        let hits = |column: usize| {
            let cells = self.cells(column).step_by(every);
            cells.filter(|cell| matches!(names.find(cell), Named::One(_))).count()
        };
        // Of columns that lead to as many, the first.
        let best = (0..self.n_columns()).map(|column| (hits(column), column)).rev().max();
        let best = best.map(|(hits, _)| hits).and_then(|most| {
            let first = (0..self.n_columns()).find(|column| hits(*column) == most)?;
            (most as f64 >= ENOUGH * looked_at as f64).then_some(first)
        });
        match best {
            Some(column) => Ok(self.table.columns()[column].clone()),
            None => Err(TableError::NoFiles {
                table: self.table.path().to_owned(),
                folder: self.images.to_owned(),
                columns: self.table.columns().to_vec(),
            }
            .into()),
        }
    }

    /// The column that says which rows validate: the one that is named, or one that is called as sets
    /// are, and in which each row has one.
    fn set_column(&self, asked: Option<&Valid>, file: &str) -> Option<String> {
        let names = self.table.columns();
        if let Some(Valid::Named(name)) = asked {
            return names.contains(name).then(|| name.clone());
        }
        let column = columns::set_column(self.table, |column| names[column] != file);
        column.map(|column| names[column].clone())
    }

    fn label_columns(
        &self,
        asked: Option<&[String]>,
        file: &str,
        set: Option<&str>,
    ) -> Result<Vec<String>> {
        if let Some(columns) = asked {
            return columns.iter().map(|column| self.named(column)).collect();
        }
        let columns = self.table.columns();
        let is_other = |column: &usize| {
            let name = &columns[*column];
            name != file && Some(name.as_str()) != set && !self.is_index(*column)
        };
        let others: Vec<usize> = (0..columns.len()).filter(is_other).collect();
        let is_one = |column: usize| others.contains(&column);
        let usual = columns::called(self.table, &columns::LABELS, is_one);
        let found = match (&others[..], usual) {
            ([only], _) => vec![*only],
            (_, Some(column)) => vec![column],
            ([_, _, ..], None) if others.iter().all(|column| self.is_flags(*column)) => others,
            (others, None) => {
                let columns = others.iter().map(|column| columns[*column].clone()).collect();
                let table = self.table.path().to_owned();
                return Err(TableError::WhichLabel { table, columns }.into());
            }
        };
        Ok(found.into_iter().map(|column| columns[column].clone()).collect())
    }

    /// Whether a column only counts the rows, as an index that was written with the table does.
    fn is_index(&self, column: usize) -> bool {
        let name = self.table.columns()[column].trim().to_lowercase();
        let is_called_so = name.is_empty() || name.starts_with("unnamed") || name == "index";
        is_called_so && {
            let counts = |start: usize| {
                self.cells(column).enumerate().all(|(at, cell)| cell.parse() == Ok(at + start))
            };
            counts(0) || counts(1)
        }
    }

    /// Whether a column holds yes and no alone.
    fn is_flags(&self, column: usize) -> bool {
        const WORDS: [&str; 6] = ["0", "1", "0.0", "1.0", "true", "false"];
        self.cells(column).all(|cell| WORDS.contains(&cell.to_lowercase().as_str()))
    }

    fn is_numbers(&self, column: usize) -> bool {
        self.cells(column).all(|cell| self.table.parse_number(cell).is_some())
    }

    /// What the columns hold, where the settings do not say.
    fn meaning(
        &self,
        labels: &[String],
        separator: Option<&str>,
        learned: Option<Learned>,
    ) -> Result<Meaning> {
        let columns: Vec<usize> =
            labels.iter().map(|label| Ok(self.table.column(label)?)).collect::<Result<_>>()?;
        let meaning = match columns[..] {
            _ if learned == Some(Learned::Numbers) => Meaning::Numbers,
            [column] => match separator {
                Some(text) => separated(text)?,
                None if learned.is_none() && self.is_measured(column) => Meaning::Numbers,
                None => self.class_or_classes(column)?,
            },
            _ if columns.iter().all(|column| self.is_flags(*column)) => {
                match (0..self.table.len()).all(|row| self.n_true(row, &columns) == 1) {
                    true => Meaning::ClassColumns,
                    false => Meaning::ClassesColumns,
                }
            }
            _ if learned.is_none() && columns.iter().all(|column| self.is_numbers(*column)) => {
                Meaning::Numbers
            }
            _ => {
                let table = self.table.path().to_owned();
                return Err(TableError::NotFlags { table, columns: labels.to_vec() }.into());
            }
        };
        match (separator, meaning) {
            (None, _) | (_, Meaning::Class | Meaning::Classes { .. }) => Ok(meaning),
            (Some(_), _) => {
                let reason = "each label has a column of its own";
                Err(crate::SettingsError::Unused { setting: "separator", reason }.into())
            }
        }
    }

    /// What a column holds that is not of numbers.
    fn class_or_classes(&self, column: usize) -> Result<Meaning> {
        if let Some(row) = self.gap(column) {
            let (table, cell) = (self.table.path().to_owned(), self.table.text(row, column));
            let (column, cell) = (self.table.columns()[column].clone(), cell.to_owned());
            return Err(TableError::Gap { table, row: row + 1, column, cell }.into());
        }
        let separator = self.separator(column);
        Ok(separator.map_or(Meaning::Class, |separator| Meaning::Classes { separator }))
    }

    /// The first row without a number in a column that measures something in most of them.
    fn gap(&self, column: usize) -> Option<usize> {
        let is_number = |cell: &str| self.table.parse_number(cell).is_some();
        let has_fraction = |cell: &str| is_number(cell) && cell.contains(['.', ',']);
        let fractions = self.cells(column).filter(|cell| has_fraction(cell)).count();
        let is_measured = 2 * fractions > self.table.len();
        is_measured.then(|| self.cells(column).position(|cell| !is_number(cell))).flatten()
    }

    fn n_true(&self, row: usize, columns: &[usize]) -> usize {
        let is_true = |column: &&usize| {
            let cell = self.table.text(row, **column).trim().to_lowercase();
            ["1", "1.0", "true"].contains(&cell.as_str())
        };
        columns.iter().filter(is_true).count()
    }

    /// Whether a column measures something: it has fractions, or many whole numbers.
    fn is_measured(&self, column: usize) -> bool {
        // `1.0` too, as pandas writes whole numbers beside a missing one.
        let whole = |cell: &str| self.table.parse_number(cell).is_some_and(|n| n.fract() == 0.0);
        self.is_numbers(column) && {
            let values: BTreeSet<&str> = self.cells(column).collect();
            !values.iter().all(|cell| whole(cell)) || values.len() > MOST_CLASSES
        }
    }

    /// What divides the cells of a column into labels that occur again in other cells: their number
    /// is then below that of the different cells.
    fn separator(&self, column: usize) -> Option<char> {
        const USUAL: [char; 4] = ['|', ';', ',', ' '];
        let cells: BTreeSet<&str> = self.cells(column).collect();
        let divides = |separator: &char| {
            let parts: BTreeSet<&str> = cells
                .iter()
                .flat_map(|cell| cell.split(*separator))
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .collect();
            let divided = cells.iter().any(|cell| cell.contains(*separator));
            // Decimal commas divide no labels; no label has a bar or a semicolon in it.
            let decimal = *separator == ',' && self.is_numbers(column);
            divided && !decimal && (matches!(separator, '|' | ';') || parts.len() < cells.len())
        };
        USUAL.into_iter().find(divides)
    }
}

/// What the setting says.
fn separated(text: &str) -> Result<Meaning> {
    let mut chars = text.chars();
    match (text, chars.next(), chars.next()) {
        (NO_SEPARATOR, ..) => Ok(Meaning::Class),
        ("space", ..) => Ok(Meaning::Classes { separator: ' ' }),
        ("tab", ..) => Ok(Meaning::Classes { separator: '\t' }),
        (_, Some(separator), None) => Ok(Meaning::Classes { separator }),
        _ => Err(TableError::Separator { text: text.to_owned() }.into()),
    }
}

/// What is wrong with a table that labels images.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    #[error("no column of {table} names images in {folder}; its columns are {}", columns.join(", "))]
    NoFiles { table: PathBuf, folder: PathBuf, columns: Vec<String> },

    #[error("{}", unmatched_text(table, folder, *n, rows))]
    Unmatched {
        table: PathBuf,
        folder: PathBuf,
        n: usize,
        /// Some of them, counted from 1.
        rows: Vec<(usize, String)>,
    },

    #[error(
        "{table}, row {row}: `{name}` names several images, such as {} and {}",
        files[0].display(),
        files[1].display()
    )]
    Ambiguous { table: PathBuf, row: usize, name: String, files: [PathBuf; 2] },

    #[error("{}", no_labels_text(table, column, *n, *first))]
    NoLabels {
        table: PathBuf,
        column: String,
        n: usize,
        /// The first of them, counted from 1.
        first: usize,
        /// How many rows would have to be skipped.
        skip_bad: usize,
    },

    #[error("{table} has no header: its first line names the image `{first}`")]
    NoHeader { table: PathBuf, first: String },

    #[error("{table}: column `{column}` has numbers, but row {row} has `{cell}`")]
    Gap { table: PathBuf, row: usize, column: String, cell: String },

    #[error("{table} has several columns that may be the labels: {}", columns.join(", "))]
    WhichLabel { table: PathBuf, columns: Vec<String> },

    #[error("the columns {} of {table} hold other values than 0 and 1", columns.join(", "))]
    NotFlags { table: PathBuf, columns: Vec<String> },

    #[error("`{text}` is not a separator, which is one character, such as `;`")]
    Separator { text: String },
}

fn no_labels_text(table: &Path, column: &str, n: usize, first: usize) -> String {
    let table = table.display();
    match n {
        1 => format!("row {first} of {table} has no label in column `{column}`"),
        n => format!("{n} rows of {table} have no label in column `{column}`, such as row {first}"),
    }
}

fn unmatched_text(table: &Path, folder: &Path, n: usize, rows: &[(usize, String)]) -> String {
    let named: Vec<String> =
        rows.iter().map(|(row, name)| format!("row {row} (`{name}`)")).collect();
    let (named, more) = (named.join(", "), if n > rows.len() { ", …" } else { "" });
    let (table, folder) = (table.display(), folder.display());
    match n {
        1 => format!("{table}: {named} matches no image in {folder}, or several"),
        n => format!("{table}: {n} rows match no image in {folder}, or several: {named}{more}"),
    }
}

impl Hinted for TableError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoFiles { .. } => {
                "name the folder of the images, `--images DIR`, or the column of file names, `--file COLUMN`".into()
            }
            Self::Unmatched { .. } => {
                "add the images, remove the rows, or skip up to N of them: `--skip-bad N`".into()
            }
            Self::NoLabels { skip_bad, .. } => {
                format!("fill them in, remove them, or skip them: `--skip-bad {skip_bad}`")
            }
            Self::Ambiguous { files, .. } => format!(
                "write the folder before the name, as in `{}`, or name the folder that is meant: `--images DIR`",
                files[0].display()
            ),
            Self::NoHeader { .. } => "add a first line with the names of the columns, such as `file,label`".into(),
            Self::Gap { .. } => {
                "remove the row, or fill in its number; if these are classes: `--separator none`".into()
            }
            Self::WhichLabel { .. } => "choose with `--label COLUMN`, once for each column".into(),
            Self::NotFlags { .. } => "with one column per class, each cell is 0 or 1; to predict numbers, add `--task regress`".into(),
            Self::Separator { .. } => "`none`, `space` and `tab` are possible, too".into(),
        })
    }
}

#[cfg(test)]
mod tests;
