//! Lists of texts: from strings, files, folders, tables.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::corpus::Columns;
use crate::{
    Encoding, Entry, Error, ItemKind, Items, Result, Split, file,
    items::{FolderOptions, Table, listing},
    split::share_of,
};

/// Texts, as they are read.
#[derive(Debug, Clone)]
pub struct TextKind {
    source: Source,
}

#[derive(Debug, Clone)]
enum Source {
    /// Each item is a file, in this encoding, or in UTF-8 or UTF-16.
    Files(Option<Encoding>),
    /// An item's path is its number.
    Texts(Arc<[String]>),
    /// An item's path is its row's number; its text stands in these columns.
    Rows { table: Arc<Table>, columns: Arc<[usize]> },
}

/// Files that are read as they are found to be written.
const FILES: Source = Source::Files(None);

impl TextKind {
    /// The columns of the text at a path; all but a table's have one.
    pub(super) fn columns(&self, path: &Path) -> Result<Columns<'_>> {
        Ok(match &self.source {
            Source::Files(encoding) => vec![Cow::Owned(file::read_text_in(path, *encoding)?)],
            Source::Texts(texts) => {
                let text =
                    number(path).and_then(|at| texts.get(at)).ok_or_else(|| no_item(path))?;
                vec![Cow::Borrowed(text)]
            }
            Source::Rows { table, columns } => {
                let row = number(path).filter(|row| *row < table.len());
                let row = row.ok_or_else(|| no_item(path))?;
                columns.iter().map(|column| table.text(row, *column).into()).collect()
            }
        })
    }

    /// What the text at a path is called in messages.
    pub fn called(&self, path: &Path) -> String {
        match &self.source {
            Source::Files(_) => path.display().to_string(),
            Source::Texts(_) => format!("text {}", path.display()),
            Source::Rows { table, .. } => {
                let row = number(path).map_or(0, |row| row + 1);
                format!("{}, row {row}", table.path().display())
            }
        }
    }
}

fn number(path: &Path) -> Option<usize> {
    path.to_str()?.parse().ok()
}

fn no_item(path: &Path) -> Error {
    Error::Read { path: path.into(), source: std::io::ErrorKind::NotFound.into() }
}

impl ItemKind for TextKind {
    type Opened = String;

    fn name(&self) -> &'static str {
        "TextItems"
    }

    fn unit(&self) -> &'static str {
        "texts"
    }

    fn open(&self, path: &Path) -> Result<String> {
        Ok(self.columns(path)?.join(" "))
    }

    /// The start of the text.
    fn show(&self, path: &Path) -> String {
        const SHOWN: usize = 60;
        match self.open(path) {
            Err(error) => error.to_string(),
            Ok(text) => {
                let mut start: String = text.chars().take(SHOWN).collect();
                if start.len() < text.len() {
                    start.push('…');
                }
                start.replace('\n', " ")
            }
        }
    }
}

/// A list of texts.
#[doc(alias = "TextList")]
pub type TextItems = Items<TextKind>;

/// Which columns of a CSV file are text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextCsv {
    /// By their names, or their numbers from 0. Several are one text, as
    /// [`Join`](super::Join) says.
    pub columns: Vec<String>,
    /// What separates the columns: a comma, unless it is set.
    pub delimiter: u8,
    /// Whether the first line names the columns.
    pub header: bool,
}

impl Default for TextCsv {
    fn default() -> Self {
        Self { columns: vec!["text".into()], delimiter: b',', header: true }
    }
}

/// Items that are called by their numbers.
fn numbered(kind: TextKind, len: usize, table: Option<Arc<Table>>) -> TextItems {
    let entry = |at: usize| Entry {
        path: PathBuf::from(at.to_string()),
        row: table.is_some().then_some(at),
    };
    let entries = (0..len).map(entry).collect();
    Items { entries, table, ..Items::new("", Vec::new(), kind) }
}

impl TextItems {
    /// Texts in memory.
    pub fn from_texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        let texts: Arc<[String]> = texts.into_iter().map(Into::into).collect();
        let len = texts.len();
        numbered(TextKind { source: Source::Texts(texts) }, len, None)
    }

    /// One text: all of a file.
    ///
    /// # Errors
    /// [`Error::Read`] and [`Error::NotAFile`].
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        file::regular(path)?;
        let name = path.file_name().map_or_else(|| path.to_owned(), PathBuf::from);
        let root = path.parent().unwrap_or(Path::new("")).to_owned();
        Ok(Items::new(root, vec![name], TextKind { source: FILES }))
    }

    /// All `.txt` files below a folder, each a text, sorted as images are.
    ///
    /// # Errors
    /// [`Error::NotAFolder`]; [`Error::NoItems`] if there is none; [`Error::Read`] for a folder
    /// that cannot be listed.
    pub fn from_folder(folder: impl AsRef<Path>) -> Result<Self> {
        let options = FolderOptions { extensions: vec!["txt".into()], ..FolderOptions::default() };
        Self::from_folder_with(folder, &options)
    }

    /// [`from_folder`](Self::from_folder) with options.
    ///
    /// # Errors
    /// As [`from_folder`](Self::from_folder).
    pub fn from_folder_with(folder: impl AsRef<Path>, options: &FolderOptions) -> Result<Self> {
        let folder = folder.as_ref();
        let kind = TextKind { source: FILES };
        Items::listed(folder, listing(folder, options)?, kind).or_none(options)
    }

    /// The rows of a CSV file, each a text.
    ///
    /// # Errors
    /// Those of [`Table::read`]; [`Error::NoColumn`] with the columns that there are;
    /// [`Error::NoTextColumns`] if none is named.
    #[doc(alias = "from_df")]
    pub fn from_csv(path: impl AsRef<Path>, options: &TextCsv) -> Result<Self> {
        let table = Table::read(path.as_ref(), options.delimiter, options.header)?;
        Self::from_table(Arc::new(table), &options.columns)
    }

    /// The rows of a table, each a text in these columns, which are named or numbered as
    /// [`TextCsv`] says.
    ///
    /// # Errors
    /// [`Error::NoColumn`] with the columns that there are; [`Error::NoTextColumns`] if none is named.
    pub fn from_table(table: Arc<Table>, columns: &[String]) -> Result<Self> {
        if columns.is_empty() {
            return Err(Error::NoTextColumns);
        }
        let columns = columns.iter().map(|column| table.column(column));
        let columns = columns.collect::<Result<_>>()?;
        let source = Source::Rows { table: table.clone(), columns };
        Ok(numbered(TextKind { source }, table.len(), Some(table)))
    }

    /// Reads files in this encoding. It changes nothing for texts of a table or in memory.
    pub fn encoding(mut self, encoding: Option<Encoding>) -> Self {
        if let Source::Files(read_in) = &mut self.kind.source {
            *read_in = encoding;
        }
        self
    }

    /// The last `share` of every text validates, the rest trains: for data that is one long text.
    /// Texts are cut at the white space that follows.
    ///
    /// # Errors
    /// [`Error::Share`] if the share is outside `0.0..=1.0`; those of reading the texts.
    pub fn split_by_tail(self, share: f64) -> Result<Split<TextKind>> {
        let (mut heads, mut tails) = (Vec::new(), Vec::new());
        for index in 0..self.len() {
            let mut text = self.kind.open(&self.path(index))?;
            let at = text.len() - share_of(text.len(), share)?;
            let at = (at..text.len()).find(|at| {
                text.get(*at..).is_some_and(|rest| rest.starts_with(char::is_whitespace))
            });
            let tail = text.split_off(at.unwrap_or(text.len()));
            heads.push(text);
            tails.push(tail.trim_start().to_owned());
        }
        tails.retain(|tail| !tail.is_empty());
        Ok(Split::by_list(Self::from_texts(heads), Self::from_texts(tails)))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn texts(items: &TextItems) -> Vec<String> {
        (0..items.len()).map(|index| items.kind.open(&items.path(index)).unwrap()).collect()
    }

    #[test]
    fn files_below_a_folder_are_texts() {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in [("train/pos/1.txt", "good"), ("train/neg/0.txt", "bad"), ("x.md", "")]
        {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let items = TextItems::from_folder(folder.path()).unwrap();
        assert_eq!(texts(&items), ["bad", "good"]);
        let labelled = items.split_none().label_from_folder().unwrap();
        assert_eq!(labelled.target.classes(), ["neg", "pos"]);
        let one = TextItems::from_file(folder.path().join("train/neg/0.txt")).unwrap();
        assert_eq!(texts(&one), ["bad"]);
        fs::remove_dir_all(folder.path().join("train")).unwrap();
        let error = TextItems::from_folder(folder.path()).unwrap_err().to_string();
        assert!(error.contains("no texts in"), "{error}");
    }

    #[test]
    fn rows_of_a_table_are_texts_with_labels() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("reviews.csv");
        fs::write(&path, "label,title,text,valid\nneg,A,b,0\npos,,\"c\nd\",1\n").unwrap();
        let columns = vec!["title".into(), "text".into()];
        let items = TextItems::from_csv(&path, &TextCsv { columns, ..TextCsv::default() }).unwrap();
        assert_eq!(texts(&items), ["A b", " c\nd"]);
        assert!(items.kind.called(&items.path(1)).ends_with("reviews.csv, row 2"));
        let split = items.split_from_df("valid").unwrap();
        assert_eq!(
            (texts(&split.train), texts(&split.valid)),
            (vec!["A b".into()], vec![" c\nd".into()])
        );
        let columns = vec!["body".into()];
        let error = TextItems::from_csv(&path, &TextCsv { columns, ..TextCsv::default() });
        let error = error.unwrap_err().to_string();
        assert!(
            error.ends_with("has no column `body`; it has label, title, text, valid"),
            "{error}"
        );
    }

    #[test]
    fn the_tail_of_a_long_text_validates() {
        let items = TextItems::from_texts(["one two three four five"]);
        let split = items.split_by_tail(0.5).unwrap();
        assert_eq!(texts(&split.train), ["one two three"]);
        assert_eq!(texts(&split.valid), ["four five"]);
    }

    #[test]
    fn a_list_shows_how_its_texts_start() {
        let long = "a very long text ".repeat(9);
        let shown = TextItems::from_texts(["short\ntext", &long]).to_string();
        assert!(shown.starts_with("TextItems (2 items)\n[short text, a very"), "{shown}");
        assert!(shown.contains("…]"), "{shown}");
    }
}
