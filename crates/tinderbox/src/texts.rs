//! What tasks on texts have in common.
//!
//! ```no_run
//! use tinderbox::{Job, LanguageModel, Settings, learn::generate::Generate, open_model, texts, train};
//!
//! # fn main() -> Result<(), tinderbox::Error> {
//! let settings = Settings::<LanguageModel>::new("shakespeare.txt", "runs/shakespeare");
//! let trained = train(&settings, &Job::quiet())?;
//!
//! let model = open_model(trained.run.root())?;
//! texts::generate(&model, "Shall I", &Generate::default(), |part| {
//!     print!("{part}");
//!     std::ops::ControlFlow::Continue(())
//! })?;
//! # Ok(())
//! # }
//! ```

pub(crate) mod columns;
mod learner;
pub(crate) mod rows;
mod tokens;
mod write;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tinderbox_data::{
    Encoding, ImageItems,
    items::{Table, TableFormat},
    text::{TextItems, TokenizeOptions},
};

pub use columns::TextColumnError;
pub(crate) use learner::of_model;
pub use learner::{
    TextLearnerConfig, TextLearnerError, language_model_learner, tagger_learner,
    text_classifier_learner,
};
pub use rows::BadTextsError;
pub use tokens::Tokens;
pub use write::{generate, likeliest};

use crate::{
    Confidence, Event, Job, Location, Result, Split, SplitError, Valid,
    plan::{Choices, split::percent},
    settings::unused,
};

/// The settings of training on texts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TextSettings {
    /// Column of the table with text, by name or number; may be given several times
    #[schemars(extend("x-validate" = true, "x-value" = "COLUMN", "x-group" = "Texts",
        "x-usual" = "the one called text, review or similar, or the only one of several words"))]
    pub text: Option<Vec<String>>,

    /// Encoding of the table or the text files: `utf-8`, `utf-16`, `utf-16be`, `latin-1` or
    /// `windows-1252`
    #[schemars(with = "Option<String>", extend("x-validate" = true, "x-value" = "NAME", "x-group" = "Data",
        "x-usual" = "UTF-8 or UTF-16, which are told apart"))]
    pub encoding: Option<Encoding>,

    /// Tokenization: `words`, `characters`, or a Hugging Face `tokenizer.json`
    #[schemars(extend("x-value" = "WHAT", "x-group" = "Texts",
        "x-usual" = "words, or as in the model to start from"))]
    pub tokens: Option<Tokens>,

    /// Minimum frequency of a token in the training set; rarer ones are unknown to the model
    #[schemars(range(min = 1), extend("x-value" = "N", "x-group" = "Texts",
        "x-usual" = "2; for characters, 1"))]
    pub min_freq: Option<usize>,

    /// Multiplier of an AWD-LSTM's dropouts (fastai's `drop_mult`); for other models, the dropout
    /// between layers
    #[schemars(range(min = 0), extend("x-value" = "X", "x-group" = "Model",
        "x-usual" = "depends on the architecture"))]
    pub dropout: Option<f64>,

    /// Finished run or model file to fine-tune: training starts with its architecture and its
    /// weights. If its classes are others, the last layer is new. A text classifier takes the
    /// encoder of a language model (ULMFiT)
    #[schemars(extend("x-value" = "RUN", "x-group" = "Model", "x-alias" = "from-lm", "x-usual" = "none"))]
    pub from: Option<Location>,
}

/// The files below a folder with a text in each.
///
/// # Errors
/// If there are none.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let texts = TextItems::from_folder(folder)?;
    Ok(texts.relative_paths().map(|path| folder.join(path)).collect())
}

/// Where texts are, by the look of a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextSource {
    /// One text.
    File,
    /// Each `.txt` file is a text.
    Folder,
    /// Each row is a text, in these columns.
    Table {
        columns: Vec<String>,
        /// Whether the first line names the columns.
        #[serde(default = "has_header")]
        header: bool,
    },
}

/// As it was before tables without one were read.
fn has_header() -> bool {
    true
}

impl TextSource {
    /// Whether the first line of the table names its columns, if there is a table.
    pub(crate) fn header(&self) -> Option<bool> {
        match self {
            Self::Table { header, .. } => Some(*header),
            Self::File | Self::Folder => None,
        }
    }

    /// That of the path, which is decided, with the texts in it. A column of labels that is named is
    /// none of texts.
    ///
    /// # Errors
    /// [`SettingsError::Unused`](crate::SettingsError::Unused) for columns where there is no table;
    /// [`TextColumnError`]; those of reading the texts.
    pub(crate) fn pick(
        data: &Path,
        ask: &TextSettings,
        label: Option<&String>,
        choices: &mut Choices,
    ) -> Result<(Self, TextItems)> {
        choices.keep("encoding", &ask.encoding);
        let columns = ask.text.as_ref();
        let is_table = Table::is_one(data) || columns.is_some();
        if data.is_dir() || !is_table {
            unused("text", columns, "the data is not a table")?;
            choices.keep("text", &None::<Vec<String>>);
            let source = if data.is_dir() { Self::Folder } else { Self::File };
            let items = source.items(data, ask.encoding)?;
            return Ok((source, items));
        }
        let format = TableFormat { encoding: ask.encoding, ..TableFormat::default() };
        let mut table = Table::open_with(data, &format)?;
        // Whoever names columns by their names has seen them.
        let by_name = columns
            .into_iter()
            .flatten()
            .chain(label)
            .any(|name| table.columns().contains(name) && name.parse::<usize>().is_err());
        let header = by_name || !columns::has_no_header(&table);
        if !header {
            table = Table::open_with(data, &TableFormat { header, ..format })?;
            let because = "it is like the others, so columns are called by their numbers, from 0";
            choices.tell("first line", "a row", because);
        }
        let (columns, because) = columns::texts(&table, columns, label)?;
        let items = TextItems::from_table(Arc::new(table), &columns)?;
        let named: Vec<String> = columns.iter().map(|name| format!("`{name}`")).collect();
        let word = if named.len() == 1 { "column" } else { "columns" };
        let shown = format!("{} in {word} {}", items.len(), named.join(", "));
        choices.tell("texts", shown, because);
        choices.keep("text", &columns);
        Ok((Self::Table { columns, header }, items))
    }

    /// How the texts are split, if that was given.
    ///
    /// # Errors
    /// [`SplitError`]; those of reading the texts.
    pub(crate) fn asked_split(
        &self,
        data: &Path,
        items: &TextItems,
        asked: Option<&Valid>,
    ) -> Result<Option<Split>> {
        let n = items.len();
        Ok(Some(match (asked, self) {
            (None | Some(Valid::Auto), _) => return Ok(None),
            (Some(Valid::Share(share)), Self::Table { .. } | Self::Folder)
                if *share > 0.0 && (share * n as f64) < 1.0 =>
            {
                let share = percent(*share);
                return Err(SplitError::EmptyShare { share, items: n, unit: "texts" }.into());
            }
            (Some(Valid::Share(share)), _) => Split::Random { share: *share },
            (Some(Valid::Named(column)), Self::Table { .. }) => Split::Column(column.clone()),
            (Some(Valid::Named(folder)), _) => Split::by_folder(folder, &folders(data))?,
            (Some(Valid::List(file)), _) => Split::named_in(file.path(), items.relative_paths())?,
        }))
    }

    /// The texts.
    ///
    /// # Errors
    /// Those of reading them.
    pub(crate) fn items(&self, data: &Path, encoding: Option<Encoding>) -> Result<TextItems> {
        Ok(match self {
            Self::File => TextItems::from_file(data)?.encoding(encoding),
            Self::Folder => TextItems::from_folder(data)?.encoding(encoding),
            Self::Table { columns, header } => {
                let format = TableFormat { header: *header, encoding, delimiter: None };
                TextItems::from_table(Arc::new(Table::open_with(data, &format)?), columns)?
            }
        })
    }
}

/// Whether the data at a path is of labelled texts: a table, or a folder with `.txt` files and no
/// images in it.
pub(crate) fn recognizes(data: &Path) -> Confidence {
    let texts = match data.is_dir() {
        true => TextItems::from_folder(data).is_ok() && ImageItems::from_folder(data).is_err(),
        false => Table::is_one(data),
    };
    if texts { Confidence::Likely } else { Confidence::No }
}

/// The same texts validate whatever a run's seed is, so that runs can be compared.
pub(crate) const SPLIT_SEED: u64 = 42;

/// fastai's for texts.
pub(crate) const MOMS: (f64, f64) = (0.8, 0.7);

/// Runs `tokenize` with options that tell how far it is, and keep this much of a text.
pub(crate) fn tokenizing<T>(
    job: &Job,
    longest: Option<usize>,
    tokenize: impl FnOnce(&TokenizeOptions<'_>) -> T,
) -> T {
    let progress = |done, total| job.tell(Event::Tokenizing { done, total });
    tokenize(&TokenizeOptions { progress: Some(&progress), longest, ..TokenizeOptions::default() })
}

/// The names of the folders directly in a folder, sorted.
pub(crate) fn folders(data: &Path) -> std::collections::BTreeSet<String> {
    let entries = std::fs::read_dir(data).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.path().is_dir());
    folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tinderbox_data::picture::Picture;

    use super::*;

    #[test]
    fn notes_among_pictures_do_not_make_them_texts() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(recognizes(folder.path()), Confidence::No);
        assert_eq!(recognizes(Path::new("reviews.CSV")), Confidence::Likely);
        assert_eq!(recognizes(Path::new("a.png")), Confidence::No);
        fs::write(folder.path().join("notes.txt"), "taken in May").unwrap();
        assert_eq!(recognizes(folder.path()), Confidence::Likely);
        Picture::filled(2, 2, [0; 3]).save(folder.path().join("a.png")).unwrap();
        assert_eq!(recognizes(folder.path()), Confidence::No);
    }
}
