//! Where files of data go in a copy of it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use crate::Sources;

/// The folders that data lies in, with the names that they have in a copy: none for the only one, and
/// for folders that lie in one folder, their own.
#[derive(Debug)]
pub(super) struct Roots(Vec<(PathBuf, PathBuf)>);

/// Lists and descriptions that belong to data.
const LISTS: [&str; 7] = ["txt", "csv", "tsv", "json", "yaml", "yml", "xml"];

/// A list is no longer than this.
const LONGEST: u64 = 1 << 24;

impl Roots {
    pub(super) fn of(data: &Sources) -> Self {
        let mut folders: BTreeMap<&Path, &str> = BTreeMap::new();
        for (setting, folder) in data.0.iter().filter(|(_, path)| path.is_dir()) {
            // What lies in another of them goes with it.
            let is_inside = data.paths().any(|other| folder != other && folder.starts_with(other));
            if !is_inside {
                folders.entry(folder).or_insert(setting);
            }
        }
        let above: Vec<_> = folders.keys().map(|folder| folder.parent()).collect();
        let together = above.iter().all(|parent| parent.is_some() && *parent == above[0]);
        let name = |(folder, setting): (&&Path, &&str)| match (folders.len(), together) {
            (1, _) => PathBuf::new(),
            (_, true) => folder.file_name().map(PathBuf::from).unwrap_or_default(),
            (_, false) => PathBuf::from(setting),
        };
        let named = folders.iter().map(|one| (one.0.to_path_buf(), name(one)));
        Self(named.collect())
    }

    /// What a file is called in a copy.
    pub(super) fn name(&self, file: &Path) -> Option<PathBuf> {
        self.0.iter().find_map(|(root, name)| Some(name.join(file.strip_prefix(root).ok()?)))
    }

    /// The lists directly in the folders, and, for folders that lie in one, in that: classes of
    /// masks, names of validation files.
    pub(super) fn lists(&self) -> Vec<(PathBuf, PathBuf)> {
        let mut found = Vec::new();
        for (root, name) in &self.0 {
            found.extend(lists_in(root).map(|(file, path)| (name.join(file), path)));
            let parent = root.parent().filter(|_| root.file_name() == Some(name.as_os_str()));
            found.extend(parent.into_iter().flat_map(lists_in));
        }
        found
    }

    /// All files of the folders.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut folders: Vec<PathBuf> = self.0.iter().map(|(root, _)| root.clone()).collect();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                    _ => files.push(entry.path()),
                }
            }
        }
        files.sort();
        files
    }
}

fn lists_in(folder: &Path) -> impl Iterator<Item = (PathBuf, PathBuf)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let path = entry.path();
        let end = path.extension()?.to_string_lossy().to_lowercase();
        let is_one = LISTS.contains(&end.as_str())
            && entry.metadata().is_ok_and(|file| file.is_file() && file.len() <= LONGEST);
        is_one.then(|| (PathBuf::from(entry.file_name()), path))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_keep_their_places() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["d/train/images", "d/train/masks", "e/masks"] {
            fs::create_dir_all(path(name)).unwrap();
        }
        fs::write(path("d/train/codes.txt"), "a").unwrap();
        let roots = |images: &str, masks: &str| {
            let (images, masks) = (path(images), path(masks));
            Roots::of(&Sources::default().with("images", &*images).with("masks", &*masks))
        };
        let name = |roots: &Roots, file: &str| roots.name(&path(file)).unwrap();
        let one = roots("d", "d");
        assert_eq!(name(&one, "d/train/masks/1.png"), Path::new("train/masks/1.png"));
        let inside = roots("d", "d/train/masks");
        assert_eq!(name(&inside, "d/train/masks/1.png"), Path::new("train/masks/1.png"));
        let beside = roots("d/train/images", "d/train/masks");
        assert_eq!(name(&beside, "d/train/masks/1.png"), Path::new("masks/1.png"));
        let lists = beside.lists();
        assert_eq!(lists[0], (PathBuf::from("codes.txt"), path("d/train/codes.txt")));
        let apart = roots("d/train/images", "e/masks");
        assert_eq!(name(&apart, "e/masks/1.png"), Path::new("masks/1.png"));
        assert_eq!(name(&apart, "d/train/images/1.jpg"), Path::new("images/1.jpg"));
    }
}
