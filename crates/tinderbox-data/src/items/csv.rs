//! Items from the rows of a CSV file.

use std::{
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use super::{Entry, ImageItems, ImageKind, Items, Table};
use crate::{Error, Result};

/// How the rows of a CSV file name pictures.
#[derive(Debug, Clone)]
pub struct CsvOptions {
    /// The column with the names, by its name or its number from 0.
    pub column: String,
    /// A folder between the root and the names.
    pub folder: PathBuf,
    /// What is put after each name, such as `.png`.
    pub suffix: String,
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
    /// The pictures that a CSV file below `root` lists, in its order.
    ///
    /// # Errors
    /// Those of [`Table::read`]; [`Error::NoColumn`], [`Error::EmptyCell`];
    /// [`Error::OutsideFolder`] for a name that leads out of the folder.
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
            match outside {
                true => Err(Error::OutsideFolder {
                    path: path.clone(),
                    row: row + 1,
                    item: name,
                    folder: folder.clone(),
                }),
                false => Ok(Entry { path: options.folder.join(name), row: Some(row) }),
            }
        };
        let entries = (0..table.len()).map(entry).collect::<Result<_>>()?;
        Ok(Items {
            root: root.to_owned(),
            entries,
            table: Some(Arc::new(table)),
            kind: ImageKind::default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_out_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["../x.png", "/etc/x.png", "a/../../x.png"] {
            std::fs::write(folder.path().join("t.csv"), format!("name\n{name}\n")).unwrap();
            let error =
                ImageItems::from_csv(folder.path(), "t.csv", &CsvOptions::default()).unwrap_err();
            assert!(matches!(error, Error::OutsideFolder { row: 1, .. }), "{error}");
        }
    }
}
