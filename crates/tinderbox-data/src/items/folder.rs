//! Items from the files below a folder.

use std::path::Path;

use super::{ImageItems, ImageKind, ItemKind, Items, Listing, listing};
use crate::{Error, Result, image};

/// Which files of a folder are taken.
///
/// What [`LeftOutReason`](super::LeftOutReason) lists is never taken: hidden files, folders of
/// systems and programs, run folders.
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
    /// [`listing`] says in which order, and what is left out.
    ///
    /// # Errors
    /// [`Error::NotAFolder`]; [`Error::NoItems`] if there is none; [`Error::Read`] for a folder
    /// that cannot be listed.
    pub fn from_folder(folder: impl AsRef<Path>) -> Result<Self> {
        let options = FolderOptions::default();
        let items = Self::from_folder_with(&folder, &options)?;
        items.or_none(&options)
    }

    /// [`from_folder`](Self::from_folder) with options; finding nothing is not an error here.
    ///
    /// # Errors
    /// [`Error::NotAFolder`] and [`Error::Read`].
    pub fn from_folder_with(folder: impl AsRef<Path>, options: &FolderOptions) -> Result<Self> {
        let folder = folder.as_ref();
        Ok(Items::listed(folder, listing(folder, options)?, ImageKind::default()))
    }
}

impl<K: ItemKind> Items<K> {
    /// The files that a folder was listed with, and what was left out.
    pub(crate) fn listed(folder: &Path, listing: Listing, kind: K) -> Self {
        let Listing { files, left_out } = listing;
        Self { left_out: left_out.into(), ..Self::new(folder, files, kind) }
    }

    /// The items, if there are any.
    ///
    /// # Errors
    /// [`Error::NoItems`], with what there is instead.
    pub(crate) fn or_none(self, options: &FolderOptions) -> Result<Self> {
        match self.is_empty() {
            true => Err(Error::NoItems {
                folder: self.root,
                unit: self.kind.unit(),
                extensions: options.extensions.join(", "),
                left_out: self.left_out.to_vec(),
            }),
            false => Ok(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_missing_folder_is_named() {
        let error = ImageItems::from_folder("no/such/folder").unwrap_err();
        assert_eq!(error.to_string(), "no/such/folder is not a folder");
    }

    #[test]
    fn a_folder_without_images_is_told_by_what_it_has() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["1.heic", "2.HEIC", "notes.txt"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let error = ImageItems::from_folder(folder.path()).unwrap_err().to_string();
        assert!(error.starts_with("no images in "), "{error}");
        assert!(error.contains("; it has 2 .heic (not supported: convert to JPEG"), "{error}");
        assert!(error.ends_with("`magick mogrify -format jpg *.heic`), 1 .txt"), "{error}");
    }

    #[test]
    fn items_keep_what_was_left_out() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["1.png", "notes.txt"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let items = ImageItems::from_folder(folder.path()).unwrap();
        assert_eq!(items.filter_by_func(|_| true).left_out().len(), 1);
    }
}
