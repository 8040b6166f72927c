//! Items from the rows of a CSV file.

use std::{
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use super::{Entry, ImageItems, ImageKind, Items, Table};
use crate::{Error, Result};

/// How the rows of a CSV file name images.
#[derive(Debug, Clone)]
pub struct CsvOptions {
    /// The column with the names, by its name or its number from 0.
    pub column: String,
    /// A folder between the root and the names.
    pub folder: PathBuf,
    /// What is put after each name, such as `.png`.
    pub suffix: String,
    /// What separates the columns: a comma, unless it is set.
    pub delimiter: u8,
    /// Whether the first line names the columns.
    pub header: bool,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            column: "0".into(),
            folder: PathBuf::new(),
            suffix: String::new(),
            delimiter: b',',
            header: true,
        }
    }
}

impl ImageItems {
    /// The images that a CSV file below `root` lists, in its order.
    ///
    /// # Errors
    /// Those of [`Table::read`]; [`Error::NoColumn`], [`Error::EmptyCell`];
    /// [`Error::OutsideFolder`] for a name that leads out of the folder; [`Error::MissingFile`] for
    /// one that no file has.
    #[doc(alias = "from_df")]
    pub fn from_csv(
        root: impl AsRef<Path>,
        csv_name: impl AsRef<Path>,
        options: &CsvOptions,
    ) -> Result<Self> {
        let root = root.as_ref();
        let path = root.join(csv_name);
        let table = Table::read(&path, options.delimiter, options.header)?;
        let column = table.column(&options.column)?;
        let folder = root.join(&options.folder);
        let entry = |row| {
            let name = format!("{}{}", table.cell(row, column)?, options.suffix);
            let outside = Path::new(&name)
                .components()
                .any(|part| !matches!(part, Component::Normal(_) | Component::CurDir));
            let (path, folder, row_number) = (path.clone(), folder.clone(), row + 1);
            if outside {
                return Err(Error::OutsideFolder { path, row: row_number, item: name, folder });
            }
            if !folder.join(&name).is_file() {
                return Err(Error::MissingFile { path, row: row_number, item: name, folder });
            }
            Ok(Entry { path: options.folder.join(name), row: Some(row) })
        };
        let entries = (0..table.len()).map(entry).collect::<Result<_>>()?;
        let table = Some(Arc::new(table));
        Ok(Items { entries, table, ..Items::new(root, Vec::new(), ImageKind::default()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(csv: &str, options: &CsvOptions) -> Result<ImageItems> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("in")).unwrap();
        std::fs::write(folder.path().join("in/a.png"), "").unwrap();
        std::fs::write(folder.path().join("t.csv"), csv).unwrap();
        ImageItems::from_csv(folder.path(), "t.csv", options)
    }

    #[test]
    fn names_are_completed_and_columns_divided_as_told() {
        let options = CsvOptions {
            column: "file".into(),
            folder: "in".into(),
            suffix: ".png".into(),
            delimiter: b';',
            ..CsvOptions::default()
        };
        let items = read("x;file\n1;a\n", &options).unwrap();
        assert_eq!(items.relative_paths().collect::<Vec<_>>(), [Path::new("in/a.png")]);
        let options = CsvOptions { header: false, column: "1".into(), ..options };
        assert_eq!(read("1;a\n", &options).unwrap().len(), 1);
    }

    #[test]
    fn a_name_without_a_file_is_refused() {
        let error = read("file\nin/a.png\nin/b.png\n", &CsvOptions::default()).unwrap_err();
        assert!(matches!(error, Error::MissingFile { row: 2, .. }), "{error}");
    }

    #[test]
    fn names_that_lead_out_are_refused() {
        for name in ["../x.png", "/etc/x.png", "a/../../x.png"] {
            let error = read(&format!("name\n{name}\n"), &CsvOptions::default()).unwrap_err();
            assert!(matches!(error, Error::OutsideFolder { row: 1, .. }), "{error}");
        }
    }
}
