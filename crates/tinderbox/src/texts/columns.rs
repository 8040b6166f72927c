//! Which columns of a table are the texts, and which one is the labels.

use std::{collections::HashSet, path::PathBuf};

use tinderbox_data::{items::Table, shell_word};

use crate::{
    Hinted, Result,
    plan::{
        ASKED,
        columns::{LABELS, TEXTS, called, n_different, set_column},
    },
};

/// Texts have at least this many words, on average.
const LONG: usize = 3;

/// Labels are at most this many.
const MOST_LABELS: usize = 100;

/// A column that was found, and why it was taken.
pub(crate) type Found<T> = (T, &'static str);

/// The columns with the texts: those that are named; the one that is called so; or the only one of
/// several words.
///
/// # Errors
/// [`TextColumnError::WhichText`]; those of [`Table::column`].
pub(crate) fn texts(
    table: &Table,
    asked: Option<&Vec<String>>,
    label: Option<&String>,
) -> Result<Found<Vec<String>>> {
    if let Some(columns) = asked {
        for column in columns {
            table.column(column)?;
        }
        return Ok((columns.clone(), ASKED));
    }
    let label = label.map(|label| table.column(label)).transpose()?;
    let may_be = |column: usize| Some(column) != label;
    let name = |column: usize| vec![table.columns()[column].clone()];
    if let Some(column) = called(table, &TEXTS, may_be) {
        return Ok((name(column), "it is called so"));
    }
    let long: Vec<usize> = (0..table.columns().len())
        .filter(|column| may_be(*column) && is_long(table, *column))
        .collect();
    match long[..] {
        [only] => Ok((name(only), "the only column of several words; choose with `--text`")),
        _ => Err(TextColumnError::WhichText {
            table: table.path().to_owned(),
            columns: table.columns().to_vec(),
            likely: long.first().map(|column| table.columns()[*column].clone()),
        }
        .into()),
    }
}

/// The column with the labels: the one that is named; the one that is called so; or the only other
/// one with few different labels.
///
/// # Errors
/// [`TextColumnError::WhichLabel`]; those of [`Table::column`].
pub(crate) fn label(
    table: &Table,
    asked: Option<&String>,
    texts: &[String],
) -> Result<Found<String>> {
    if let Some(column) = asked {
        table.column(column)?;
        return Ok((column.clone(), ASKED));
    }
    let texts: HashSet<usize> =
        texts.iter().map(|text| Ok(table.column(text)?)).collect::<Result<_>>()?;
    let may_be = |column: usize| !texts.contains(&column);
    if let Some(column) = called(table, &LABELS, may_be) {
        return Ok((table.columns()[column].clone(), "it is called so"));
    }
    let set = set_column(table, may_be);
    let others: Vec<usize> = (0..table.columns().len())
        .filter(|column| may_be(*column) && Some(*column) != set && is_label(table, *column))
        .collect();
    match others[..] {
        [only] => {
            Ok((table.columns()[only].clone(), "the only column of labels; choose with `--label`"))
        }
        _ => Err(TextColumnError::WhichLabel {
            table: table.path().to_owned(),
            columns: table.columns().to_vec(),
            likely: others.first().map(|column| table.columns()[*column].clone()),
        }
        .into()),
    }
}

/// Whether the first line of a table is a row like the others, not the names of its columns: it has
/// one of a few labels that occur again below, or is prose.
pub(crate) fn has_no_header(table: &Table) -> bool {
    let columns = table.columns();
    let are_numbers = columns.iter().enumerate().all(|(at, name)| *name == at.to_string());
    let repeats = |column: usize| {
        let mut cells = (0..table.len()).map(|row| table.text(row, column).trim());
        is_label(table, column) && cells.any(|cell| cell == columns[column])
    };
    let is_prose = |column: usize| {
        let name = &columns[column];
        let ends = name.ends_with(['.', '!', '…']) || name.contains(", ");
        ends && name.split_whitespace().count() > LONG && is_long(table, column)
    };
    !are_numbers && (0..columns.len()).any(|column| repeats(column) || is_prose(column))
}

/// Whether a column has the same few labels again and again.
fn is_label(table: &Table, column: usize) -> bool {
    let n = n_different(table, column);
    (2..=MOST_LABELS).contains(&n) && 2 * n <= table.len()
}

/// Whether the cells of a column have several words.
fn is_long(table: &Table, column: usize) -> bool {
    let words = |row: usize| table.text(row, column).split_whitespace().take(10 * LONG).count();
    (0..table.len()).map(words).sum::<usize>() >= LONG * table.len()
}

/// What of a table of texts must be named.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TextColumnError {
    #[error("{table} has no column `text`; it has {}", columns.join(", "))]
    WhichText {
        table: PathBuf,
        columns: Vec<String>,
        /// The one that it may be.
        likely: Option<String>,
    },

    #[error("{table} has no column `label`; it has {}", columns.join(", "))]
    WhichLabel { table: PathBuf, columns: Vec<String>, likely: Option<String> },
}

impl Hinted for TextColumnError {
    fn hint(&self) -> Option<String> {
        let named = |flag: &str, likely: &Option<String>, columns: &[String]| {
            let first = likely.as_ref().or(columns.first());
            let column = first.map_or_else(|| "COLUMN".into(), shell_word);
            format!("`{flag} {column}`")
        };
        Some(match self {
            Self::WhichText { likely, columns, .. } => format!(
                "name the column of the texts, such as {}; if the table is of images, name their folder: `--images DIR`",
                named("--text", likely, columns)
            ),
            Self::WhichLabel { likely, columns, .. } => {
                format!(
                    "name the column of the labels, such as {}",
                    named("--label", likely, columns)
                )
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{error::check, plan::columns::tests::table};

    #[track_caller]
    fn finds(text: &str, expected: [&str; 2]) {
        let table = table(text);
        let (found, _) = texts(&table, None, None).unwrap();
        let (label, _) = label(&table, None, &found).unwrap();
        assert_eq!([found[0].as_str(), &label], expected);
    }

    #[test]
    fn texts_and_labels_are_found_by_their_names_or_what_is_in_them() {
        finds("text,label\na b c,x\nd e f,y\n", ["text", "label"]);
        finds("id,Review,Sentiment\n1,a b c,x\n2,d e f,y\n", ["Review", "Sentiment"]);
        let rows = "1,a good film,x,train\n2,a dull film,y,train\n3,a fine film,x,test\n4,a bad film,y,test\n";
        finds(&format!("nr,what they said,mood,split\n{rows}"), ["what they said", "mood"]);
        let first = table("a,b\nx,1\ny,2\n");
        let error = texts(&first, None, None).unwrap_err().to_string();
        assert!(error.ends_with("has no column `text`; it has a, b"), "{error}");
    }

    #[test]
    fn a_first_line_that_is_a_row_is_seen() {
        let no_header = |text: &str| has_no_header(&table(text));
        assert!(no_header("pos,good\nneg,bad\npos,fine\nneg,dull\npos,fun\n"));
        assert!(no_header("A film of its sort.\nThe worst book of all.\nI liked it a lot.\n"));
        assert!(!no_header("label,text\npos,good\nneg,bad\npos,fine\nneg,dull\n"));
        // Numbers in order name columns, too.
        assert!(!no_header("0,1\na b,1\nc d,0\ne f,1\ng h,0\n"));
        assert!(!no_header(
            "What did you think of it?,label\nI liked it a lot,x\nit was so bad,y\n"
        ));
    }

    #[test]
    fn errors_name_the_column_that_is_likely_meant() {
        let columns = vec!["id".to_owned(), "my words".to_owned()];
        let likely = Some("my words".to_owned());
        check(
            TextColumnError::WhichText { table: "t.csv".into(), columns: columns.clone(), likely },
            "t.csv has no column `text`; it has id, my words",
            Some("`--text 'my words'`"),
        );
        check(
            TextColumnError::WhichLabel { table: "t.csv".into(), columns, likely: None },
            "t.csv has no column `label`; it has id, my words",
            Some("`--label id`"),
        );
    }
}
