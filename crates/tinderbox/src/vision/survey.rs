//! A look at a folder of images: what the defaults of a run are decided from.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use tinderbox_data::{ImageItems, image::ImageInfo};

use super::Split;
use crate::{Error, Result};

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
        let root = std::path::absolute(items.root())
            .map_err(|source| Error::Read { path: items.root().into(), source })?;
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
        self.files.iter().any(|file| top(file) == Some(name.as_ref()))
    }

    /// The folder beside `valid`, where there is one only.
    pub(super) fn other_folder(&self, valid: &str) -> Result<String> {
        let tops: BTreeSet<&Path> = self.files.iter().filter_map(|file| top(file)).collect();
        let found = || tops.iter().map(|top| top.display().to_string()).collect();
        match tops.iter().filter(|top| **top != Path::new(valid)).collect::<Vec<_>>()[..] {
            [train] if tops.len() == 2 => Ok(train.display().to_string()),
            _ => Err(Error::NoSuchSet { valid: valid.to_owned(), found: found() }),
        }
    }

    /// How many images train.
    pub(super) fn n_train(&self, split: &Split) -> usize {
        match split {
            Split::Folders { train, .. } => self.below(train).count(),
            Split::Random { share } => {
                self.files.len() - (share * self.files.len() as f64) as usize
            }
        }
    }

    /// The classes of the training images.
    ///
    /// # Errors
    /// [`Error::NoClassFolders`] and [`Error::OneClass`].
    pub(super) fn classes(&self, split: &Split) -> Result<Vec<String>> {
        let (files, depth): (Vec<&PathBuf>, usize) = match split {
            Split::Folders { train, .. } => (self.below(train).collect(), 2),
            Split::Random { .. } => (self.files.iter().collect(), 1),
        };
        let folders: BTreeSet<String> = files
            .iter()
            .filter(|file| file.components().count() > depth)
            .filter_map(|file| Some(file.parent()?.file_name()?.to_string_lossy().into_owned()))
            .collect();
        match folders.len() {
            0 => Err(Error::NoClassFolders { folder: self.root.clone() }),
            1 => Err(Error::OneClass {
                folder: self.root.clone(),
                class: folders.into_iter().next().unwrap_or_default(),
            }),
            _ => Ok(folders.into_iter().collect()),
        }
    }

    fn below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a PathBuf> {
        self.files.iter().filter(move |file| top(file) == Some(folder.as_ref()))
    }

    /// Height and width, if all images that were looked at have the same.
    pub(super) fn one_size(&self) -> Option<[usize; 2]> {
        let first = self.sample.first()?.size();
        self.sample.iter().all(|image| image.size() == first).then_some(first)
    }

    /// The shortest side of any image that was looked at.
    pub(super) fn shorter_side(&self) -> usize {
        self.sample.iter().flat_map(ImageInfo::size).min().unwrap_or(usize::MAX)
    }

    /// Whether all images that were looked at are gray.
    pub(super) fn is_gray(&self) -> bool {
        !self.sample.is_empty() && self.sample.iter().all(|image| image.gray)
    }
}

/// The first folder of a path below the root; nothing for a file directly in the root.
fn top(file: &Path) -> Option<&Path> {
    let mut components = file.components();
    let first = components.next()?;
    components.next().map(|_| Path::new(first.as_os_str()))
}
