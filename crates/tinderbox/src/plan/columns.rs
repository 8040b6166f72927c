//! What the columns of tables are called, in data as people have it.

use tinderbox_data::{items::Table, split::SetWord};

/// What a column of labels is called, the surest first.
pub(crate) const LABELS: [&str; 15] = [
    "label",
    "labels",
    "class",
    "classes",
    "category",
    "categories",
    "target",
    "tags",
    "tag",
    "sentiment",
    "polarity",
    "rating",
    "stars",
    "breed",
    "species",
];

/// What a column of texts is called, the surest first.
pub(crate) const TEXTS: [&str; 20] = [
    "text",
    "texts",
    "review",
    "reviews",
    "sentence",
    "tweet",
    "comment",
    "content",
    "body",
    "message",
    "document",
    "article",
    "post",
    "description",
    "question",
    "review_text",
    "comment_text",
    "tweet_text",
    "full_text",
    "headline",
];

/// What a column is called that says which rows validate.
const SETS: [&str; 17] = [
    "is_valid",
    "valid",
    "is_val",
    "val",
    "validation",
    "is_validation",
    "set",
    "split",
    "subset",
    "partition",
    "is_train",
    "train",
    "is_test",
    "test",
    "dataset",
    "fold_name",
    "phase",
];

/// What stands in a cell in which there is nothing, in lower case: as pandas, R, SQL and Excel write it.
const MISSING: [&str; 8] = ["", "nan", "na", "n/a", "#n/a", "<na>", "null", "#null!"];

/// Whether there is nothing in a cell.
pub(crate) fn is_missing(cell: &str) -> bool {
    MISSING.contains(&cell.trim().to_lowercase().as_str())
}

/// What is said of labels with spaces around them, which are taken without.
pub(crate) fn spaces(table: &Table, column: usize) -> Option<String> {
    let has_spaces = |row: &usize| {
        let cell = table.text(*row, column);
        cell.trim() != cell && !cell.trim().is_empty()
    };
    let mut rows = (0..table.len()).filter(has_spaces);
    let first = rows.next()?;
    let (n, cell) = (1 + rows.count(), table.text(first, column));
    let (rows, have) = if n == 1 { ("row", "has") } else { ("rows", "have") };
    Some(format!(
        "{n} {rows} of {} {have} spaces around the label, such as row {} (`{cell}`): it is taken as `{}`",
        table.path().display(),
        first + 1,
        cell.trim()
    ))
}

/// The first column that is called by one of these names, in any case, of those that may be.
pub(crate) fn called(
    table: &Table,
    names: &[&str],
    may_be: impl Fn(usize) -> bool,
) -> Option<usize> {
    let plain = |name: &str| name.trim().to_lowercase().replace([' ', '-'], "_");
    let columns: Vec<String> = table.columns().iter().map(|name| plain(name)).collect();
    let mut found = names.iter().filter_map(|name| {
        columns.iter().enumerate().position(|(at, column)| column == name && may_be(at))
    });
    found.next()
}

/// The column that says which rows validate: it is called so, and most of what stands in it names
/// sets. Whether all of it does is seen when the rows are divided.
pub(crate) fn set_column(table: &Table, may_be: impl Fn(usize) -> bool) -> Option<usize> {
    let says_sets = |column: usize| {
        let name = &table.columns()[column];
        let cells = (0..table.len()).map(|row| table.text(row, column).trim());
        let words: Vec<&str> = cells.filter(|cell| !cell.is_empty()).collect();
        let sets = words.iter().filter(|word| SetWord::of_cell(name, word).is_some()).count();
        sets > 0 && 2 * sets >= words.len()
    };
    called(table, &SETS, |column| may_be(column) && says_sets(column))
}

/// How many different texts stand in a column.
pub(crate) fn n_different(table: &Table, column: usize) -> usize {
    let cells = (0..table.len()).map(|row| table.text(row, column).trim());
    cells.collect::<std::collections::HashSet<_>>().len()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn table(text: &str) -> Table {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Table::open(file.path()).unwrap()
    }

    #[test]
    fn a_column_of_sets_is_called_so_and_names_sets() {
        let set = |text: &str| set_column(&table(text), |_| true);
        assert_eq!(set("id,Split\n1,train\n2,val\n"), Some(1));
        assert_eq!(set("id,is_valid\n1,\n2,True\n3,\n"), Some(1));
        assert_eq!(set("id,is_valid\n1,False\n2,True\n3,maybe\n"), Some(1));
        assert_eq!(set("id,set\n1,x\n2,z\n3,z\n"), None);
        assert_eq!(set("id,mark\n1,train\n2,val\n"), None);
    }

    #[test]
    fn columns_are_called_in_any_case() {
        let names = table("id,Review Text,Sentiment\n1,a,b\n");
        assert_eq!(called(&names, &TEXTS, |_| true), Some(1));
        assert_eq!(called(&names, &LABELS, |_| true), Some(2));
        assert_eq!(called(&names, &LABELS, |column| column != 2), None);
    }
}
