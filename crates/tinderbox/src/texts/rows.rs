//! Texts that cannot be learned from: empty ones, and those without a label.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use tinderbox_data::{Encoding, Error, ItemKind, error::BadFile, items::Table, text::TextItems};

use crate::{
    Hinted, Result,
    plan::columns::{is_missing, spaces},
};

/// What stands in a cell in which there is no text, in lower case; `na` may be one.
const NO_TEXT: [&str; 4] = ["", "nan", "null", "#n/a"];

/// This many are named.
const NAMED: usize = 5;

/// The texts that can be learned from, if no more than `skip_bad` others are among them; and a warning
/// about those that are left out.
///
/// # Errors
/// [`BadTextsError`]; those of [`Table::column`].
pub(crate) fn usable(
    data: &Path,
    items: TextItems,
    label: Option<&str>,
    skip_bad: usize,
) -> Result<(TextItems, Vec<String>)> {
    let mut warnings = Vec::new();
    let mut bad: Vec<(PathBuf, String)> = Vec::new();
    let mut encoding = None;
    let column = match (items.table(), label) {
        (Some(table), Some(label)) => Some((table, table.column(label)?)),
        _ => None,
    };
    for (index, path) in items.relative_paths().enumerate() {
        let reason = match column.and_then(|(table, column)| no_label(table, index, column)) {
            Some(reason) => Some(reason),
            None => match items.kind().open(&items.path(index)) {
                Ok(text) => no_text(&text),
                Err(error) => {
                    if let Error::NotUtf8 { likely, .. } = error {
                        encoding.get_or_insert(likely);
                    }
                    Some(BadFile::new("", &error).reason)
                }
            },
        };
        bad.extend(reason.map(|reason| (path.to_owned(), reason)));
    }
    if let Some((table, column)) = column {
        warnings.extend(spaces(table, column));
    }
    if bad.is_empty() {
        return Ok((items, warnings));
    }
    let n = bad.len();
    let called = |path: &Path| match items.table() {
        // A row is called by its number, from 0.
        Some(_) => match path.to_string_lossy().parse::<usize>() {
            Ok(row) => format!("row {}", row + 1),
            Err(_) => path.display().to_string(),
        },
        None => path.display().to_string(),
    };
    let named: Vec<String> = bad
        .iter()
        .take(NAMED)
        .map(|(path, reason)| format!("{}: {reason}", called(path)))
        .collect();
    if n > skip_bad || n == items.len() {
        let (data, checked) = (data.to_owned(), items.len());
        return Err(BadTextsError { data, n, checked, named, encoding }.into());
    }
    let of = data.display();
    warnings.push(format!("skipped {} of {of}: {}", texts(n), list(n, &named)));
    let bad: HashSet<PathBuf> = bad.into_iter().map(|(path, _)| path).collect();
    Ok((items.filter_by_func(|path| !bad.contains(path)), warnings))
}

fn no_label(table: &Table, row: usize, column: usize) -> Option<String> {
    let cell = table.text(row, column).trim();
    let name = &table.columns()[column];
    match is_missing(cell) {
        false => None,
        true if cell.is_empty() => Some(format!("column `{name}` is empty")),
        true => Some(format!("column `{name}` has no label, but `{cell}`")),
    }
}

fn no_text(text: &str) -> Option<String> {
    let text = text.trim();
    // Longer ones need not be copied to know.
    let is_missing = text.len() < 8 && NO_TEXT.contains(&text.to_lowercase().as_str());
    match (is_missing, text) {
        (false, _) => None,
        (true, "") => Some("the text is empty".to_owned()),
        (true, _) => Some(format!("there is no text, but `{text}`")),
    }
}

fn texts(n: usize) -> String {
    format!("{n} text{}", if n == 1 { "" } else { "s" })
}

fn list(n: usize, named: &[String]) -> String {
    let more = if n > named.len() { "; …" } else { "" };
    format!("{}{more}", named.join("; "))
}

/// Texts that cannot be learned from.
#[derive(Debug, thiserror::Error)]
#[error("{n} of {checked} texts of {data} cannot be used: {}", list(*n, named))]
pub struct BadTextsError {
    pub data: PathBuf,
    pub n: usize,
    pub checked: usize,
    /// The first of them, each with its reason.
    pub named: Vec<String>,
    /// What files that are not UTF-8 may be.
    pub encoding: Option<Encoding>,
}

impl Hinted for BadTextsError {
    fn hint(&self) -> Option<String> {
        let n = self.n;
        Some(match self.encoding {
            Some(encoding) => {
                format!(
                    "name the encoding, `--encoding {encoding}`, or skip them: `--skip-bad {n}`"
                )
            }
            None if n == self.checked => {
                "name the columns of texts and labels: `--text COLUMN --label COLUMN`".into()
            }
            None => format!("fill them in, remove them, or skip them: `--skip-bad {n}`"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::check;

    fn of(rows: &str, skip_bad: usize) -> Result<(TextItems, Vec<String>)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        std::fs::write(&path, format!("text,label\n{rows}")).unwrap();
        let table = std::sync::Arc::new(Table::open(&path).unwrap());
        let items = TextItems::from_table(table, &["text".into()]).unwrap();
        usable(Path::new("t.csv"), items, Some("label"), skip_bad)
    }

    #[test]
    fn empty_texts_and_missing_labels_are_named_by_their_rows() {
        let rows = "a,x\n ,y\nb,NaN\nc,\nd,y\n";
        let error = of(rows, 2).unwrap_err();
        check(
            error,
            "3 of 5 texts of t.csv cannot be used: row 2: the text is empty; row 3: column `label` has no label, but `NaN`; row 4: column `label` is empty",
            Some("`--skip-bad 3`"),
        );
        let (items, warnings) = of(rows, 3).unwrap();
        assert_eq!(
            items.relative_paths().map(Path::display).map(|p| p.to_string()).collect::<String>(),
            "04"
        );
        assert!(warnings[0].starts_with("skipped 3 texts of t.csv: row 2"), "{warnings:?}");
    }

    #[test]
    fn files_in_another_encoding_are_named_with_the_way_on() {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in [("a.txt", &b"caf\xe9"[..]), ("b.txt", b""), ("c.txt", b"a film")] {
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
        let items = TextItems::from_folder(folder.path()).unwrap();
        check(
            usable(Path::new("d"), items, None, 0).unwrap_err(),
            "2 of 3 texts of d cannot be used: a.txt: it is not UTF-8: byte 3 starts no character; b.txt: the text is empty",
            Some("`--encoding latin-1`, or skip them: `--skip-bad 2`"),
        );
    }

    #[test]
    fn spaces_around_labels_are_told() {
        let (_, warnings) = of("a,x\nb,x \nc,y\n", 0).unwrap();
        assert!(warnings[0].ends_with("such as row 2 (`x `): it is taken as `x`"), "{warnings:?}");
    }
}
