//! Which file of a folder a table means.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{Entry, ImageItems, Items, Table, with_slashes};

/// The files of a folder by the names that people and tables give them: with or without the
/// extension, with more or fewer of the folders before it, in upper or lower case.
#[derive(Debug)]
pub struct FileNames {
    paths: Vec<PathBuf>,
    /// Each path in lower case, with `/` between folders.
    lower: Vec<String>,
    /// By the last part of the path, in lower case, with its extension and without.
    by_name: HashMap<String, Vec<usize>>,
}

/// What a name leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named<'a> {
    One(&'a Path),
    /// Files in several folders, or with several extensions, are called so.
    Several(&'a Path, &'a Path),
    None,
}

impl FileNames {
    /// Those of a list of images.
    pub fn of(items: &ImageItems) -> Self {
        let paths: Vec<PathBuf> = items.relative_paths().map(Path::to_owned).collect();
        let lower: Vec<String> =
            paths.iter().map(|path| with_slashes(path).to_lowercase()).collect();
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, path) in lower.iter().enumerate() {
            let name = last_part(path);
            by_name.entry(name.to_owned()).or_default().push(at);
            let stem = without_extension(name);
            if stem != name {
                by_name.entry(stem.to_owned()).or_default().push(at);
            }
        }
        Self { paths, lower, by_name }
    }

    /// The file that is called so: its path below the folder, or the end of it, or one that ends with
    /// all of it. Of several, the one that is written exactly so.
    pub fn find(&self, name: &str) -> Named<'_> {
        let name = name.trim().replace('\\', "/");
        let name = name.trim_start_matches("./").trim_start_matches('/');
        let lower = name.to_lowercase();
        let Some(called) = self.by_name.get(last_part(&lower)) else { return Named::None };
        let mut fitting: Vec<usize> =
            called.iter().copied().filter(|at| fits(&self.lower[*at], &lower)).collect();
        let is = |path: &str, name: &str| path == name || without_extension(path) == name;
        let exactly = |at: &usize| is(&with_slashes(&self.paths[*at]), name);
        let wholly = |at: &usize| is(&self.lower[*at], &lower);
        // The first of these that some are.
        for is_meant in [&exactly as &dyn Fn(&usize) -> bool, &wholly] {
            if fitting.len() > 1 && fitting.iter().any(is_meant) {
                fitting.retain(is_meant);
            }
        }
        match fitting[..] {
            [] => Named::None,
            [one] => Named::One(&self.paths[one]),
            [one, other, ..] => Named::Several(&self.paths[one], &self.paths[other]),
        }
    }
}

impl ImageItems {
    /// The images of a folder that the rows of a table name in a column, in its order, and the rows
    /// that lead to no image or to several. The table stays with the items: labels and sets can be
    /// taken from its other columns.
    ///
    /// # Errors
    /// [`Error::NoColumn`](crate::Error::NoColumn).
    ///
    /// # Example
    /// ```no_run
    /// use tinderbox_data::{ImageItems, items::Table};
    ///
    /// # fn main() -> tinderbox_data::Result<()> {
    /// let table = Table::open("labels.csv")?;
    /// let (items, unmatched) = ImageItems::from_folder("photos")?.named_by(table, "id")?;
    /// assert!(unmatched.is_empty());
    /// let labelled = items.split_by_rand_pct(0.2, 42)?.label_from_df("breed", None)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn named_by(
        self,
        table: impl Into<Arc<Table>>,
        column: &str,
    ) -> crate::Result<(Self, Vec<usize>)> {
        let table = table.into();
        let column = table.column(column)?;
        let names = FileNames::of(&self);
        let (mut entries, mut unmatched) = (Vec::new(), Vec::new());
        for row in 0..table.len() {
            match names.find(table.text(row, column)) {
                Named::One(path) => entries.push(Entry { path: path.to_owned(), row: Some(row) }),
                Named::Several(..) | Named::None => unmatched.push(row),
            }
        }
        Ok((Items { entries, table: Some(table), ..self }, unmatched))
    }
}

/// Whether one path, extension or not, ends with the other, whole folders at a time.
fn fits(path: &str, name: &str) -> bool {
    let ends = |long: &str, short: &str| {
        long.strip_suffix(short).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
    };
    [path, without_extension(path)].iter().any(|path| ends(path, name) || ends(name, path))
}

fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// `a/b` for `a/b.jpg`.
fn without_extension(path: &str) -> &str {
    match path.rsplit_once('.') {
        Some((stem, end)) if !stem.is_empty() && !end.contains('/') => stem,
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ImageKind;

    fn items(paths: &[&str]) -> ImageItems {
        Items::new("photos", paths.iter().map(PathBuf::from).collect(), ImageKind::default())
    }

    #[track_caller]
    fn check(paths: &[&str], name: &str, want: Option<&str>) {
        let names = FileNames::of(&items(paths));
        let found = match names.find(name) {
            Named::One(path) => Some(with_slashes(path)),
            Named::Several(..) | Named::None => None,
        };
        assert_eq!(found.as_deref(), want, "{name}");
    }

    #[test]
    fn a_name_may_have_less_than_the_path_or_more() {
        let paths = ["train/7.jpg", "valid/7.jpg", "train/a.b.png", "valid/IMG_1.JPG"];
        check(&paths, "train/7.jpg", Some("train/7.jpg"));
        check(&paths, "valid/7", Some("valid/7.jpg"));
        check(&paths, "/data/photos/valid/7.jpg", Some("valid/7.jpg"));
        check(&paths, r"train\a.b", Some("train/a.b.png"));
        check(&paths, "a.b", Some("train/a.b.png"));
        check(&paths, " img_1.jpg ", Some("valid/IMG_1.JPG"));
        check(&paths, "7", None);
        check(&paths, "test/IMG_1.JPG", None);
        check(&paths, "1.jpg", None);
        check(&paths, "", None);
    }

    #[test]
    fn of_several_the_one_that_is_written_so_is_meant() {
        check(&["a.jpg", "A.jpg"], "A.jpg", Some("A.jpg"));
        check(&["7.jpg", "more/7.jpg"], "7.jpg", Some("7.jpg"));
        check(&["7.jpg", "more/7.jpg"], "7.JPG", Some("7.jpg"));
        check(&["7.jpg", "7.png"], "7.png", Some("7.png"));
        check(&["7.jpg", "7.png"], "7", None);
        check(&["x/1.jpg", "y/x/1.jpg"], "x/1", Some("x/1.jpg"));
    }

    #[test]
    fn rows_without_an_image_are_told() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "id,label\nb,x\nnone,x\na,y\n").unwrap();
        let table = Table::open(file.path()).unwrap();
        let (items, unmatched) = items(&["a.png", "b.png", "c.png"]).named_by(table, "id").unwrap();
        assert_eq!(items.relative_paths().collect::<Vec<_>>(), ["b.png", "a.png"].map(Path::new));
        assert_eq!(unmatched, [1]);
        let labelled = items.split_none().label_from_df("label", None).unwrap();
        assert_eq!(labelled.train.labels.text(1), "y");
    }
}
