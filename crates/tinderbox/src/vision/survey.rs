//! A look at a folder of images: what the defaults of a run are decided from.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use tinderbox_data::{ImageItems, image::ImageInfo, items::first_folder};

use super::Split;
use crate::{Error, Result, run::absolute};

/// So many files, spread over the folder, are looked into; the others are taken to be like them.
const SAMPLE: usize = 200;

/// What a folder of images looks like.
#[derive(Debug)]
pub(super) struct Survey {
    /// Absolute.
    pub(super) root: PathBuf,
    /// Below the root.
    files: Vec<PathBuf>,
    sample: Vec<ImageInfo>,
}

impl Survey {
    pub(super) fn of(items: &ImageItems) -> Result<Self> {
        let root = absolute(items.root())?;
        let files = items.relative_paths().map(Path::to_owned).collect::<Vec<_>>();
        let every = files.len().div_ceil(SAMPLE).max(1);
        // Broken files are found, and reported by name, before training.
        let sample = files
            .iter()
            .step_by(every)
            .filter_map(|file| ImageInfo::read(&root.join(file)).ok())
            .collect();
        Ok(Self { root, files, sample })
    }

    /// Whether images lie below the folder `name` of the root.
    pub(super) fn has_folder(&self, name: &str) -> bool {
        self.files.iter().any(|file| first_folder(file) == Some(name.as_ref()))
    }

    /// The folder beside `valid` that trains: the only other one, or one that is called so.
    pub(super) fn other_folder(&self, valid: &str) -> Result<String> {
        let tops: BTreeSet<&Path> =
            self.files.iter().filter_map(|file| first_folder(file)).collect();
        let found = || tops.iter().map(|top| top.display().to_string()).collect();
        let others: Vec<_> = tops.iter().filter(|top| **top != Path::new(valid)).collect();
        let called = |name: &str| others.iter().any(|top| **top == Path::new(name));
        match (tops.contains(Path::new(valid)), &others[..]) {
            (true, [train]) => Ok(train.display().to_string()),
            (true, _) if called("train") => Ok("train".to_owned()),
            (true, _) if called("training") => Ok("training".to_owned()),
            _ => Err(Error::NoSuchSet { valid: valid.to_owned(), found: found() }),
        }
    }

    /// How many images train.
    pub(super) fn n_train(&self, split: &Split) -> usize {
        match split {
            Split::Folders { train, .. } => self.below(train).count(),
            Split::Random { share } => self.n_taken() - self.n_share(*share),
            Split::Names { .. } => self.taken().filter(|file| !split.is_named(file)).count(),
        }
    }

    /// How many images lie in class folders directly below the root.
    pub(super) fn n_taken(&self) -> usize {
        self.taken().count()
    }

    fn taken(&self) -> impl Iterator<Item = &Path> {
        self.files().filter(|file| first_folder(file).is_some())
    }

    /// All images, below the root.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(PathBuf::as_path)
    }

    /// How many of them a share is.
    pub(super) fn n_share(&self, share: f64) -> usize {
        (share * self.n_taken() as f64) as usize
    }

    /// What of the folder is in no set, which its owner may not have meant.
    pub(super) fn doubts(&self, split: &Split) -> Vec<String> {
        let stray: Vec<_> = self.files.iter().filter(|file| !split.takes(file)).collect();
        let mut doubts = Vec::new();
        if let Some(first) = stray.first() {
            let place = match split {
                Split::Folders { train, valid } => format!("class folder of {train}/ or {valid}/"),
                Split::Random { .. } | Split::Names { .. } => "class folder".to_owned(),
            };
            let first = first.display();
            doubts.push(match stray.len() {
                1 => format!("{first} lies in no {place} and is left out"),
                n => format!("{n} images lie in no {place} and are left out, such as {first}"),
            });
        }
        let sets = match split {
            Split::Folders { train, valid } => vec![train.as_str(), valid.as_str()],
            Split::Random { .. } | Split::Names { .. } => vec![""],
        };
        let empty = sets.iter().flat_map(|set| self.empty_folders(Path::new(set)));
        doubts.extend(empty.map(|folder| format!("{}/ holds no images", folder.display())));
        doubts
    }

    /// The folders directly in `set`, as paths below the root, without an image at any depth.
    fn empty_folders(&self, set: &Path) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.root.join(set)) else { return Vec::new() };
        let folders = entries.flatten().filter(|entry| entry.path().is_dir());
        let named = folders.map(|entry| entry.file_name());
        let seen = named.filter(|name| !name.to_string_lossy().starts_with('.'));
        let mut empty: Vec<PathBuf> = seen
            .map(|name| set.join(name))
            .filter(|folder| !self.files.iter().any(|file| file.starts_with(folder)))
            .collect();
        empty.sort();
        empty
    }

    /// The classes of the training images.
    ///
    /// # Errors
    /// [`Error::NoClassFolders`] and [`Error::OneClass`].
    pub(super) fn classes(&self, split: &Split) -> Result<Vec<String>> {
        let (files, folder): (Vec<&PathBuf>, _) = match split {
            Split::Folders { train, .. } => (self.below(train).collect(), self.root.join(train)),
            Split::Random { .. } => (self.files.iter().collect(), self.root.clone()),
            Split::Names { .. } => {
                let train = self.files.iter().filter(|file| !split.is_named(file));
                (train.collect(), self.root.clone())
            }
        };
        let folders: BTreeSet<String> = files
            .iter()
            .filter(|file| split.takes(file))
            .filter_map(|file| Some(file.parent()?.file_name()?.to_string_lossy().into_owned()))
            .collect();
        match folders.len() {
            0 => Err(Error::NoClassFolders { folder }),
            1 => Err(Error::OneClass {
                folder,
                class: folders.into_iter().next().unwrap_or_default(),
            }),
            _ => Ok(folders.into_iter().collect()),
        }
    }

    /// The images of class folders in this folder.
    fn below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a PathBuf> {
        let deep = |file: &&PathBuf| file.components().count() > 2;
        self.files.iter().filter(deep).filter(move |file| file.starts_with(folder))
    }

    /// Height and width, if all images that were looked at have the same.
    pub(super) fn one_size(&self) -> Option<[usize; 2]> {
        let first = self.sample.first()?.size();
        self.sample.iter().all(|image| image.size() == first).then_some(first)
    }

    /// The shorter side that half of the images that were looked at have, or more.
    pub(super) fn shorter_side(&self) -> usize {
        let sides = self.sample.iter().filter_map(|image| image.size().into_iter().min());
        let mut sides: Vec<usize> = sides.collect();
        sides.sort_unstable();
        sides.get(sides.len() / 2).copied().unwrap_or(usize::MAX)
    }

    /// Whether all images that were looked at are gray.
    pub(super) fn is_gray(&self) -> bool {
        !self.sample.is_empty() && self.sample.iter().all(|image| image.gray)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use tinderbox_data::ImageKind;

    use super::*;

    fn survey(root: &Path, files: &[&str]) -> Survey {
        let paths = files.iter().map(PathBuf::from).collect();
        Survey::of(&ImageItems::new(root, paths, ImageKind::default())).unwrap()
    }

    #[test]
    fn images_are_counted_where_they_are_used() {
        let files = ["1.png", "train/a/1.png", "train/b/2.png", "train/3.png", "valid/a/4.png"];
        let survey = survey(Path::new("d"), &files);
        let folders = Split::Folders { train: "train".into(), valid: "valid".into() };
        assert_eq!(survey.n_train(&folders), 2);
        assert_eq!(survey.classes(&folders).unwrap(), ["a", "b"]);
        assert_eq!(survey.n_train(&Split::Random { share: 0.5 }), 2);
        assert_eq!(survey.classes(&Split::Random { share: 0.5 }).unwrap(), ["a", "b", "train"]);
        assert_eq!(
            survey.doubts(&folders),
            ["2 images lie in no class folder of train/ or valid/ and are left out, such as 1.png"]
        );
    }

    #[test]
    fn what_is_not_used_is_doubted() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a", "b", "empty", ".hidden"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let survey = survey(folder.path(), &["a/1.png", "b/x/2.png", "3.png"]);
        assert_eq!(
            survey.doubts(&Split::Random { share: 0.2 }),
            ["3.png lies in no class folder and is left out", "empty/ holds no images"]
        );
    }

    #[test]
    fn a_folder_has_one_name() {
        let here = std::env::current_dir().unwrap();
        for name in ["photos", "photos/", "./photos", "photos/."] {
            assert_eq!(absolute(Path::new(name)).unwrap(), here.join("photos"));
        }
    }
}
