//! A CSV file, read and checked.

use std::path::{Path, PathBuf};

use crate::{Error, Result, error::separator, file};

/// What may stand between the columns, the most usual first.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// The rows of a CSV file: text in named columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    path: PathBuf,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Reads a file of fields separated by `delimiter`. Without a header, columns are named by
    /// their numbers, from 0.
    ///
    /// A byte-order mark is left out, and so are spaces around the names of columns; line ends may be
    /// those of Windows, fields may be quoted.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::NotAFile`] and [`Error::NotUtf8`]; [`Error::Csv`] with the line for a row of
    /// another length, a quote that is not closed, two columns of one name, or no rows.
    pub fn read(path: impl AsRef<Path>, delimiter: u8, header: bool) -> Result<Self> {
        Self::parse(path.as_ref(), &file::read(path.as_ref())?, delimiter, header)
    }

    fn parse(path: &Path, text: &[u8], delimiter: u8, header: bool) -> Result<Self> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let wrong = |line, reason: String| Error::Csv { path: path.into(), line, reason };
        if let Err(error) = std::str::from_utf8(text) {
            return Err(Error::NotUtf8 { path: path.into(), offset: error.valid_up_to() });
        }
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(text);
        let mut records = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|error| {
                wrong(error.position().map_or(0, csv::Position::line), error.to_string())
            })?;
            records.push(record);
        }
        if let (true, Some(last)) = (quote_is_open(text), records.last()) {
            let line = last.position().map_or(0, csv::Position::line);
            return Err(wrong(line, "a quote is never closed".into()));
        }
        let Some(first) = records.first() else { return Err(wrong(1, "the file is empty".into())) };
        let columns: Vec<String> = match header {
            true => first.iter().map(|name| name.trim().to_owned()).collect(),
            false => (0..first.len()).map(|column| column.to_string()).collect(),
        };
        if let Some(twice) =
            columns.iter().enumerate().find(|(at, name)| columns[..*at].contains(name))
        {
            return Err(wrong(1, format!("two columns have the name `{}`", twice.1)));
        }
        let mut rows = Vec::with_capacity(records.len());
        for record in records.iter().skip(usize::from(header)) {
            if record.len() != columns.len() {
                let line = record.position().map_or(0, csv::Position::line);
                let reason = format!("{} fields, expected {}", record.len(), columns.len());
                return Err(wrong(
                    line,
                    match separator(&columns) {
                        None => reason,
                        Some(by) => format!("{reason}; the header seems to be separated by {by}"),
                    },
                ));
            }
            rows.push(record.iter().map(str::to_owned).collect());
        }
        match rows.is_empty() {
            true => Err(wrong(2, "there are no rows after the header".into())),
            false => Ok(Self { path: path.into(), columns, rows }),
        }
    }

    /// Reads a file whose columns are named in its first line, divided by its
    /// [`separator`](Self::separator).
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let text = file::read(path.as_ref())?;
        Self::parse(path.as_ref(), &text, separator_of(&text), true)
    }

    /// What stands between the columns of a file: that which occurs most in its first line, of commas,
    /// semicolons, tabs and bars.
    ///
    /// # Errors
    /// [`Error::Read`] and [`Error::NotAFile`].
    pub fn separator(path: impl AsRef<Path>) -> Result<u8> {
        Ok(separator_of(&file::read(path.as_ref())?))
    }

    /// Whether a file is called as tables are: `.csv`, `.tsv`.
    pub fn is_one(path: impl AsRef<Path>) -> bool {
        let is = |end: &std::ffi::OsStr| {
            ["csv", "tsv"].iter().any(|name| end.eq_ignore_ascii_case(name))
        };
        path.as_ref().extension().is_some_and(is)
    }

    /// The file it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The columns' names.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// How many rows there are, without that of the names.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Where a column is, by its name or its number counted from 0.
    ///
    /// # Errors
    /// [`Error::NoColumn`] with the columns that there are.
    pub fn column(&self, column: &str) -> Result<usize> {
        let by_name = self.columns.iter().position(|name| name == column);
        let by_number = || column.parse().ok().filter(|number| *number < self.columns.len());
        by_name.or_else(by_number).ok_or_else(|| Error::NoColumn {
            path: self.path.clone(),
            column: column.to_owned(),
            found: self.columns.clone(),
        })
    }

    /// What a row has in a column, if that is nothing too.
    ///
    /// # Panics
    /// If there is no such row or column.
    pub fn text(&self, row: usize, column: usize) -> &str {
        &self.rows[row][column]
    }

    /// What a row has in a column.
    ///
    /// # Errors
    /// [`Error::EmptyCell`] if that is nothing.
    pub fn cell(&self, row: usize, column: usize) -> Result<&str> {
        let cell = self.rows[row][column].as_str();
        match cell.trim().is_empty() {
            true => Err(Error::EmptyCell {
                path: self.path.clone(),
                row: row + 1,
                column: self.columns[column].clone(),
            }),
            false => Ok(cell),
        }
    }

    /// The finite number that a row has in a column.
    ///
    /// # Errors
    /// [`Error::EmptyCell`], [`Error::NotANumber`].
    pub fn number(&self, row: usize, column: usize) -> Result<f64> {
        let cell = self.cell(row, column)?;
        let number = cell.trim().parse().ok().filter(|number: &f64| number.is_finite());
        number.ok_or_else(|| Error::NotANumber {
            path: self.path.clone(),
            row: row + 1,
            column: self.columns[column].clone(),
            cell: cell.to_owned(),
        })
    }
}

/// What occurs most in the first line, outside of quotes.
fn separator_of(text: &[u8]) -> u8 {
    let header = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let (mut quoted, mut counts) = (false, [0; SEPARATORS.len()]);
    for byte in header {
        quoted ^= *byte == b'"';
        if let Some(at) = SEPARATORS.iter().position(|separator| separator == byte)
            && !quoted
        {
            counts[at] += 1;
        }
    }
    // Of those that occur as often, the first.
    let best = (0..counts.len()).rev().max_by_key(|at| counts[*at]).unwrap_or_default();
    SEPARATORS[best]
}

/// Whether an odd number of quotes stands in the text: one is not closed.
fn quote_is_open(text: &[u8]) -> bool {
    text.split(|byte| *byte == b'"').count() % 2 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Result<Table> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Table::read(file.path(), b',', true)
    }

    #[track_caller]
    fn rejects(text: &[u8], reason: &str) {
        let message = read(text).unwrap_err().to_string();
        assert!(message.ends_with(reason), "{message}");
    }

    #[test]
    fn marks_quotes_and_line_ends_are_understood() {
        let table = read(b"\xef\xbb\xbflabel,text\r\na,\"x, \"\"y\"\"\nz\"\r\nb,c\r\n").unwrap();
        assert_eq!(table.columns(), ["label", "text"]);
        assert_eq!(table.cell(0, 1).unwrap(), "x, \"y\"\nz");
        assert_eq!(table.cell(1, 1).unwrap(), "c");
        assert_eq!((table.column("text").unwrap(), table.column("0").unwrap()), (1, 0));
    }

    #[test]
    fn columns_are_called_without_the_spaces_around_their_names() {
        let table = read(b"file, label \n1, a\n").unwrap();
        assert_eq!(table.columns(), ["file", "label"]);
        assert_eq!(table.cell(0, 1).unwrap(), " a");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        rejects(b"a,b\n1,2\n3\n", "line 3: 1 fields, expected 2");
        rejects(b"a,b\n1,2,3\n", "line 2: 3 fields, expected 2");
        rejects(
            b"a;b\n1;2,3\n",
            "line 2: 2 fields, expected 1; the header seems to be separated by semicolons",
        );
        rejects(b"a,b\n1,\"2\n", "line 2: a quote is never closed");
        rejects(b"a,a\n1,2\n", "line 1: two columns have the name `a`");
        rejects(b"", "line 1: the file is empty");
        rejects(b"a,b\n", "line 2: there are no rows after the header");
        rejects(b"a,b\n1,\xe9\n", "not UTF-8: byte 6 starts no character");
    }

    #[test]
    fn columns_are_separated_by_what_the_header_has_most_of() {
        let columns = |text: &str| {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), text).unwrap();
            Table::open(file.path()).unwrap().columns().join(" ")
        };
        assert_eq!(columns("id,label\na,x\n"), "id label");
        assert_eq!(columns("id;a,b;c\n1;2;3\n"), "id a,b c");
        assert_eq!(columns("id\tlabel\na\tx\n"), "id label");
        assert_eq!(columns("id,\"a;b;c\"\n1,2\n"), "id a;b;c");
        assert_eq!(columns("id\n1\n"), "id");
        assert!(Table::is_one("a/b.CSV") && !Table::is_one("b.txt"));
    }

    #[test]
    fn an_unknown_column_is_answered_with_those_there_are() {
        let table = read(b"a,b\n1, \n").unwrap();
        assert!(
            table.column("c").unwrap_err().to_string().ends_with("has no column `c`; it has a, b")
        );
        assert!(table.cell(0, 1).unwrap_err().to_string().ends_with("row 1: column `b` is empty"));
    }
}
