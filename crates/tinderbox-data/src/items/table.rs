//! A CSV file, read and checked.

use std::path::{Path, PathBuf};

use crate::{
    Encoding, Error, Result,
    error::separator,
    file,
    items::layout::{Layout, quote_is_open, separator_of, unquoted},
};

/// The rows of a CSV file: text in named columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    path: PathBuf,
    delimiter: u8,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// How a CSV file is written. The default is what it is found to be, with a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableFormat {
    /// What stands between the columns; looked for if it is not given, see [`Table::open`].
    pub delimiter: Option<u8>,
    /// Whether the first line names the columns. If not, they are named by their numbers, from 0.
    pub header: bool,
    /// If not given, UTF-8 or UTF-16, which are told apart.
    pub encoding: Option<Encoding>,
}

impl Default for TableFormat {
    fn default() -> Self {
        Self { delimiter: None, header: true, encoding: None }
    }
}

impl Table {
    /// Reads a file of fields separated by `delimiter`. Without a header, columns are named by
    /// their numbers, from 0.
    ///
    /// # Errors
    /// As [`open_with`](Self::open_with).
    pub fn read(path: impl AsRef<Path>, delimiter: u8, header: bool) -> Result<Self> {
        let format = TableFormat { delimiter: Some(delimiter), header, encoding: None };
        Self::open_with(path, &format)
    }

    /// Reads a file whose columns are named in its first line, divided by what its first rows are
    /// divided by alike, of commas, semicolons, tabs and bars; or by what is named in a line `sep=;`
    /// before, as Excel writes it.
    ///
    /// # Errors
    /// As [`open_with`](Self::open_with).
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, &TableFormat::default())
    }

    /// Reads a file as `format` says.
    ///
    /// A byte-order mark is left out, and so are spaces around the names of columns; line ends may be
    /// those of Windows, fields may be quoted. Rows of nothing at the end, and empty fields after the
    /// last column, are left out.
    ///
    /// # Errors
    /// [`Error::Read`] and [`Error::NotAFile`]; [`Error::NotUtf8`], [`Error::Undecodable`] and
    /// [`Error::NotText`]; [`Error::Csv`] with the line for a row of another length, a quote that is
    /// not closed, two columns of one name, or no rows.
    pub fn open_with(path: impl AsRef<Path>, format: &TableFormat) -> Result<Self> {
        let path = path.as_ref();
        let text = file::read_text_in(path, format.encoding)?;
        Self::parse(path, &text, *format)
    }

    fn parse(path: &Path, text: &str, format: TableFormat) -> Result<Self> {
        let wrong = |line, reason: String| Error::Csv { path: path.into(), line, reason };
        let Layout { text, skipped, delimiter } = Layout::of(text, format.delimiter);
        let quoted = !unquoted(text, delimiter);
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .quoting(quoted)
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        let mut columns: Option<Vec<String>> = None;
        let (mut rows, mut line, mut record) = (Vec::new(), 0, csv::StringRecord::new());
        loop {
            let more = reader.read_record(&mut record).map_err(|error| {
                wrong(error.position().map_or(0, csv::Position::line), error.to_string())
            })?;
            if !more {
                break;
            }
            line = record.position().map_or(0, csv::Position::line) + skipped;
            let mut fields: Vec<String> =
                record.iter().map(|field| field_of(field, quoted)).collect();
            let Some(columns) = &columns else {
                let header = format.header;
                columns = Some(match header {
                    true => fields.iter().enumerate().map(named).collect(),
                    false => (0..fields.len()).map(|column| column.to_string()).collect(),
                });
                if !header {
                    rows.push(fields);
                }
                continue;
            };
            while fields.len() > columns.len() && fields.last().is_some_and(String::is_empty) {
                fields.pop();
            }
            if fields.len() != columns.len() {
                let reason = format!("{} fields, expected {}", fields.len(), columns.len());
                return Err(wrong(
                    line,
                    match separator(columns) {
                        None => reason,
                        Some(by) => format!("{reason}; the header seems to be separated by {by}"),
                    },
                ));
            }
            rows.push(fields);
        }
        if quoted && quote_is_open(text) {
            return Err(wrong(line, "a quote is never closed".into()));
        }
        let Some(columns) = columns else { return Err(wrong(1, "the file is empty".into())) };
        if let Some(twice) =
            columns.iter().enumerate().find(|(at, name)| columns[..*at].contains(name))
        {
            return Err(wrong(1, format!("two columns have the name `{}`", twice.1)));
        }
        let is_blank = |row: &Vec<String>| row.iter().all(|field| field.trim().is_empty());
        while rows.last().is_some_and(is_blank) {
            rows.pop();
        }
        match rows.is_empty() {
            true => Err(wrong(2, "there are no rows after the header".into())),
            false => Ok(Self { path: path.into(), delimiter, columns, rows }),
        }
    }

    /// What stands between the columns.
    pub fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// What stands between the columns of a file, as [`open`](Self::open) finds it.
    ///
    /// # Errors
    /// As [`open_with`](Self::open_with).
    pub fn separator(path: impl AsRef<Path>) -> Result<u8> {
        Ok(separator_of(&file::read_text(path)?))
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
        self.parse_number(cell).ok_or_else(|| Error::NotANumber {
            path: self.path.clone(),
            row: row + 1,
            column: self.columns[column].clone(),
            cell: cell.to_owned(),
        })
    }

    /// The finite number that a cell of this table says. Where commas do not divide the columns, they
    /// are decimal, and points before one divide thousands, as in `1.234,5`.
    pub fn parse_number(&self, cell: &str) -> Option<f64> {
        let cell = cell.trim();
        let number = match cell.split_once(',') {
            Some((whole, fraction)) if self.delimiter != b',' && is_digits(fraction) => {
                format!("{}.{fraction}", whole.replace('.', "")).parse()
            }
            _ => cell.parse(),
        };
        number.ok().filter(|number: &f64| number.is_finite())
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What a column is called: the first may be an index without a name, others go by their numbers.
fn named((at, name): (usize, &String)) -> String {
    match name.trim() {
        "" if at > 0 => at.to_string(),
        name => name.to_owned(),
    }
}

/// A field as it is meant: quotes around a whole field are none of it.
fn field_of(field: &str, quoted: bool) -> String {
    let inner = field.strip_prefix('"').and_then(|field| field.strip_suffix('"'));
    match inner.filter(|_| !quoted) {
        Some(inner) => inner.replace("\"\"", "\""),
        None => field.to_owned(),
    }
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
        rejects(b"sep=,\na,b\n1\n", "line 3: 1 fields, expected 2");
    }

    #[test]
    fn what_is_left_of_an_empty_row_or_column_is_left_out() {
        let table = read(b"a,b\n1,2,\n3,4,,\n,\n , \n").unwrap();
        assert_eq!((table.len(), table.text(1, 1)), (2, "4"));
        let table = read(b"a,b,,\n1,2,,\n3,4,x,\n").unwrap();
        assert_eq!(table.columns(), ["a", "b", "2", "3"]);
    }

    #[test]
    fn quotes_in_texts_between_tabs_swallow_no_rows() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let rows = "text\tlabel\n\"No\tneg\n\"Well\" he said\tpos\n\"a \"\"b\"\"\"\tneg\n";
        std::fs::write(file.path(), rows).unwrap();
        let table = Table::open(file.path()).unwrap();
        let texts: Vec<&str> = (0..table.len()).map(|row| table.text(row, 0)).collect();
        assert_eq!(texts, ["\"No", "\"Well\" he said", "a \"b\""]);
    }

    #[test]
    fn commas_are_decimal_where_they_divide_no_columns() {
        let table = |text: &str| {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), text).unwrap();
            Table::open(file.path()).unwrap()
        };
        let (commas, semicolons) = (table("a,b\n1,2\n"), table("a;b\n1;2\n"));
        for (cell, number) in [("0,5", 0.5), (" -1,25 ", -1.25), ("1.234,5", 1234.5), ("1.5", 1.5)]
        {
            assert_eq!(semicolons.parse_number(cell), Some(number), "{cell}");
        }
        for cell in ["1,2,3", "a,5", "NaN", ""] {
            assert_eq!(semicolons.parse_number(cell), None, "{cell}");
        }
        assert_eq!(commas.parse_number("0,5"), None);
    }

    #[test]
    fn names_of_tables_end_as_theirs_do() {
        assert!(Table::is_one("a/b.CSV") && Table::is_one("b.tsv") && !Table::is_one("b.txt"));
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
