//! Answers as a file: a table, or JSON.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use tinderbox_learn::write_atomically;

use crate::{Answer, Hinted, Result};

/// A file that answers are written to, a row for each input: CSV, a JSON array, or a JSON object a
/// line, as its name ends.
#[derive(Debug)]
pub struct Results {
    file: PathBuf,
    what: &'static str,
    format: Format,
    /// The rows of a table that came before its columns were known: errors.
    waiting: Vec<[String; 2]>,
    columns: Option<usize>,
    bytes: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    /// An array.
    Json,
    JsonLines,
}

/// The last column: why there is no answer.
const ERROR: &str = "error";

impl Results {
    /// Results that go to `file`, with inputs in the column `what`: `file` or `text`.
    ///
    /// # Errors
    /// [`ResultsError::Format`] for a name that ends in none of `.csv`, `.json` and `.jsonl`.
    pub fn new(file: impl Into<PathBuf>, what: &'static str) -> Result<Self, ResultsError> {
        let file = file.into();
        let format = match extension(&file).as_str() {
            "csv" => Format::Csv,
            "json" => Format::Json,
            "jsonl" => Format::JsonLines,
            _ => return Err(ResultsError::Format { file }),
        };
        Ok(Self { file, what, format, waiting: Vec::new(), columns: None, bytes: Vec::new() })
    }

    /// An input and what the model says about it, as a JSON object for programs: the input under the
    /// name `what` (`file` or `text`), and either the answer or an `error`.
    pub fn record(what: &str, name: &str, answer: Result<&Answer, &str>) -> Map<String, Value> {
        let mut record = Map::new();
        record.insert(what.to_owned(), name.into());
        match answer {
            Ok(answer) => record.extend(answer.json()),
            Err(error) => {
                record.insert("error".into(), error.into());
            }
        }
        record
    }

    /// One more input, with its answer or why there is none.
    pub fn add(&mut self, name: &str, answer: Result<&Answer, &str>) {
        match self.format {
            Format::Csv => self.add_row(name, answer),
            Format::Json | Format::JsonLines => {
                if self.format == Format::Json {
                    let before: &[u8] = if self.bytes.is_empty() { b"[\n" } else { b",\n" };
                    self.bytes.extend(before);
                }
                let line = Value::Object(Self::record(self.what, name, answer)).to_string();
                self.bytes.extend(line.as_bytes());
                if self.format == Format::JsonLines {
                    self.bytes.push(b'\n');
                }
            }
        }
    }

    fn add_row(&mut self, name: &str, answer: Result<&Answer, &str>) {
        let cells = answer.map(Answer::cells);
        if let (Ok(cells), None) = (&cells, self.columns) {
            self.begin_table(cells.iter().map(|(column, _)| column.as_str()));
        }
        match (cells, self.columns) {
            (Ok(cells), _) => {
                let values = cells.iter().map(|(_, value)| value.as_str());
                self.row(std::iter::once(name).chain(values).chain([""]));
            }
            (Err(error), None) => self.waiting.push([name.to_owned(), error.to_owned()]),
            (Err(error), Some(columns)) => self.failed(name, error, columns),
        }
    }

    /// Writes the heading, and what waited for it.
    fn begin_table<'a>(&mut self, columns: impl Iterator<Item = &'a str>) {
        let mut heading = vec![self.what.to_owned()];
        for column in columns {
            // A class may be called as another column is.
            let taken = heading.iter().any(|other| other == column) || column == ERROR;
            heading.push(if taken { format!("{column} (class)") } else { column.to_owned() });
        }
        let columns = heading.len() - 1;
        heading.push(ERROR.to_owned());
        self.row(heading.iter().map(String::as_str));
        self.columns = Some(columns);
        for [name, error] in std::mem::take(&mut self.waiting) {
            self.failed(&name, &error, columns);
        }
    }

    fn failed(&mut self, name: &str, error: &str, columns: usize) {
        self.row([name].into_iter().chain(std::iter::repeat_n("", columns)).chain([error]));
    }

    fn row<'a>(&mut self, cells: impl Iterator<Item = &'a str>) {
        let mut row = csv::Writer::from_writer(&mut self.bytes);
        row.write_record(cells).expect("memory takes any row");
        row.flush().expect("memory takes any row");
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(mut self) -> Result<()> {
        match self.format {
            Format::Csv if self.columns.is_none() => self.begin_table(std::iter::empty()),
            Format::Json if self.bytes.is_empty() => self.bytes.extend(b"[]\n"),
            Format::Json => self.bytes.extend(b"\n]\n"),
            Format::Csv | Format::JsonLines => {}
        }
        Ok(write_atomically(&self.file, &self.bytes)?)
    }
}

fn extension(file: &Path) -> String {
    file.extension().unwrap_or_default().to_string_lossy().to_lowercase()
}

/// A file that results cannot be written to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResultsError {
    #[error("the name of {file} does not tell the format of the results")]
    Format { file: PathBuf },
}

impl Hinted for ResultsError {
    fn hint(&self) -> Option<String> {
        Some("end it in .csv, .json (an array) or .jsonl (one object per line)".into())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{Classes, error::check};

    fn answer(cat: f32) -> Answer {
        Answer::Classes(Classes {
            label: "cat".into(),
            index: Some(0),
            probabilities: vec![cat, 1.0 - cat],
            classes: ["cat", "file"].map(String::from).into(),
        })
    }

    /// What the file of this name holds: an error, an answer, an error.
    fn written(name: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        let mut results = Results::new(&file, "file").unwrap();
        results.add("gone.png", Err("cannot read, gone.png"));
        results.add("a.png", Ok(&answer(0.75)));
        results.add("b.png", Err("torn"));
        assert!(!file.exists(), "nothing is there before all is");
        results.write().unwrap();
        fs::read_to_string(file).unwrap()
    }

    #[test]
    fn a_table_has_a_row_for_each_input() {
        assert_eq!(
            written("r.csv"),
            "file,label,confidence,cat,file (class),error\n\
             gone.png,,,,,\"cannot read, gone.png\"\n\
             a.png,cat,0.75,0.75,0.25,\n\
             b.png,,,,,torn\n"
        );
    }

    #[test]
    fn json_is_an_array_or_a_line_each() {
        let array: Vec<Value> = serde_json::from_str(&written("r.json")).unwrap();
        let lines = written("r.JSONL");
        let lines: Vec<Value> =
            lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(array, lines);
        assert_eq!(array[0]["error"], "cannot read, gone.png");
        assert_eq!((&array[1]["file"], &array[1]["label"]), (&"a.png".into(), &"cat".into()));
        assert_eq!(array[1]["probabilities"]["cat"], 0.75);
    }

    #[test]
    fn no_answers_are_no_rows() {
        let folder = tempfile::tempdir().unwrap();
        for (name, want) in [("r.csv", "text,error\nx,why\n"), ("r.json", "[]\n")] {
            let file = folder.path().join(name);
            let mut results = Results::new(&file, "text").unwrap();
            if name == "r.csv" {
                results.add("x", Err("why"));
            }
            results.write().unwrap();
            assert_eq!(fs::read_to_string(file).unwrap(), want);
        }
    }

    #[test]
    fn another_ending_is_refused() {
        let error = Results::new("r.txt", "file").unwrap_err();
        check(
            error,
            "the name of r.txt does not tell the format of the results",
            Some("end it in .csv, .json"),
        );
    }
}
