//! Items from the files below a folder.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

use walkdir::{DirEntry, WalkDir};

use super::{Entry, ImageItems, ImageKind, Items};
use crate::{Error, Result, image};

/// Which files of a folder are taken.
///
/// A name that starts with a dot is never taken, and a folder whose name does is not entered:
/// such files are left by systems and editors (`._photo.jpg`, `.thumbnails/`).
#[derive(Debug, Clone)]
pub struct FolderOptions {
    /// Ends of names after the last dot, compared without regard to case.
    pub extensions: Vec<String>,
    /// Whether folders in the folder are entered.
    pub recurse: bool,
    /// The only folders directly below the root that are entered, if there are any.
    pub include: Vec<String>,
    /// Folders directly below the root that are not entered. As in the reference, naming one here
    /// or in `include` lets in hidden folders directly below the root.
    pub exclude: Vec<String>,
}

impl Default for FolderOptions {
    fn default() -> Self {
        Self {
            extensions: image::extensions().map(String::from).collect(),
            recurse: true,
            include: Vec::new(),
            exclude: Vec::new(),
        }
    }
}

impl ImageItems {
    /// All images below a folder, sorted.
    ///
    /// They are sorted by their path with every separator read as a dot, by code point, so that
    /// every machine sees the same order. Links are followed; an image that several links lead
    /// to is taken once, loops end, and what is not a file (a pipe, a device) is left out.
    ///
    /// # Errors
    /// [`Error::NotAFolder`]; [`Error::NoItems`] if there is none; [`Error::Read`] for a folder
    /// that cannot be listed.
    pub fn from_folder(folder: impl AsRef<Path>) -> Result<Self> {
        let options = FolderOptions::default();
        let items = Self::from_folder_with(&folder, &options)?;
        match items.is_empty() {
            true => Err(Error::NoItems {
                folder: items.root,
                extensions: options.extensions.join(", "),
            }),
            false => Ok(items),
        }
    }

    /// [`from_folder`](Self::from_folder) with options; finding nothing is not an error here.
    ///
    /// # Errors
    /// [`Error::NotAFolder`] and [`Error::Read`].
    pub fn from_folder_with(folder: impl AsRef<Path>, options: &FolderOptions) -> Result<Self> {
        let folder = folder.as_ref();
        let paths = files(folder, options)?;
        let entries = paths.into_iter().map(|path| Entry { path, row: None }).collect();
        Ok(Items { root: folder.to_owned(), entries, table: None, kind: ImageKind::default() })
    }
}

/// The matching files below `folder`, as paths below it, sorted.
pub(crate) fn files(folder: &Path, options: &FolderOptions) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Err(Error::NotAFolder { path: folder.into() });
    }
    let depth = if options.recurse { usize::MAX } else { 1 };
    let walk = WalkDir::new(folder).follow_links(true).max_depth(depth).into_iter();
    let (mut found, mut linked) = (Vec::new(), Vec::new());
    for entry in walk.filter_entry(|entry| enters(entry, options)) {
        let entry = match entry {
            Ok(entry) => entry,
            // A link that leads nowhere, or back to a folder above it.
            Err(error) if error.loop_ancestor().is_some() || is_link(error.path()) => continue,
            Err(error) => {
                let path = error.path().unwrap_or(folder).to_owned();
                let source =
                    error.into_io_error().unwrap_or_else(|| std::io::ErrorKind::Other.into());
                return Err(Error::Read { path, source });
            }
        };
        if !entry.file_type().is_file() || !has_extension(entry.path(), &options.extensions) {
            continue;
        }
        let below =
            entry.path().strip_prefix(folder).expect("a walk stays below its root").to_owned();
        match through_link(folder, &below) {
            true => linked.push(below),
            false => found.push(below),
        }
    }
    found.extend(once(folder, &found, linked));
    found.sort_by_cached_key(|path| sort_key(path));
    Ok(found)
}

/// Whether the walk goes on into a folder, or looks at a file.
fn enters(entry: &DirEntry, options: &FolderOptions) -> bool {
    if entry.depth() == 0 {
        return true;
    }
    let name = entry.file_name().to_string_lossy();
    let hidden = name.starts_with('.');
    if !entry.file_type().is_dir() {
        return !hidden;
    }
    if entry.depth() > 1 || (options.include.is_empty() && options.exclude.is_empty()) {
        return !hidden;
    }
    let named = |names: &[String]| names.iter().any(|other| *other == name);
    (options.include.is_empty() || named(&options.include)) && !named(&options.exclude)
}

fn is_link(path: Option<&Path>) -> bool {
    path.is_some_and(|path| fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink()))
}

/// Whether the path below `folder` leads through a link.
fn through_link(folder: &Path, below: &Path) -> bool {
    let mut path = folder.to_owned();
    below.components().any(|component| {
        path.push(component);
        is_link(Some(&path))
    })
}

/// Those of the `linked` paths that lead to a file which no other path leads to.
fn once(folder: &Path, found: &[PathBuf], mut linked: Vec<PathBuf>) -> Vec<PathBuf> {
    if linked.is_empty() {
        return linked;
    }
    let real = |path: &PathBuf| fs::canonicalize(folder.join(path)).ok();
    let mut seen: HashSet<PathBuf> = found.iter().filter_map(real).collect();
    linked.sort();
    linked.retain(|path| real(path).is_some_and(|real| seen.insert(real)));
    linked
}

fn has_extension(path: &Path, extensions: &[String]) -> bool {
    let Some(extension) = path.extension().and_then(|extension| extension.to_str()) else {
        return false;
    };
    extensions.iter().any(|other| other.eq_ignore_ascii_case(extension))
}

fn sort_key(path: &Path) -> String {
    path.to_string_lossy().replace(['/', '\\'], ".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(files: &[&str], options: &FolderOptions, expected: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let found = super::files(folder.path(), options).unwrap();
        let found: Vec<String> =
            found.iter().map(|path| path.to_string_lossy().into_owned()).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn files_are_sorted_with_separators_as_dots() {
        let files =
            ["a/9.png", "a/10.png", "a.b.png", "B.PNG", "note.txt", ".hidden/x.png", "a/._x.png"];
        check(&files, &FolderOptions::default(), &["B.PNG", "a/10.png", "a/9.png", "a.b.png"]);
    }

    #[test]
    fn a_list_of_folders_lets_hidden_ones_in() {
        let options = FolderOptions { exclude: vec!["a".into()], ..FolderOptions::default() };
        check(&["a/x.png", ".h/x.png", "b/.h/x.png"], &options, &[".h/x.png"]);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = ImageItems::from_folder("no/such/folder").unwrap_err();
        assert_eq!(error.to_string(), "no/such/folder is not a folder");
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_once_and_loops_end() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir(root.join("a")).unwrap();
        fs::write(root.join("a/x.png"), "").unwrap();
        symlink("..", root.join("a/up")).unwrap();
        symlink("a/x.png", root.join("again.png")).unwrap();
        symlink("nowhere.png", root.join("broken.png")).unwrap();
        symlink("self.png", root.join("self.png")).unwrap();
        symlink("/dev/zero", root.join("endless.png")).unwrap();
        assert_eq!(files(root, &FolderOptions::default()).unwrap(), [PathBuf::from("a/x.png")]);
    }
}
