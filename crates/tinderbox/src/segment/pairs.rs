//! Which mask is which image's.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tinderbox_data::ImageItems;

use super::SegmentError;
use crate::{Result, settings::absolute};

/// How a mask is called: that of `train/7.jpg` is `train<folder>/7<stem>` with any extension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaskName {
    /// What the first folder's name has more: `annot`.
    pub folder: String,
    /// What the file's name has more, before its extension: `_P`.
    pub stem: String,
}

/// How data sets call their masks, in the order they are looked for.
const KNOWN: [(&str, &str); 9] = [
    ("", ""),
    ("", "_P"),
    ("annot", ""),
    ("", "_mask"),
    ("", "_L"),
    ("", "_label"),
    ("_masks", ""),
    ("_labels", ""),
    ("", "_gtFine_labelIds"),
];

/// Images and their masks.
#[derive(Debug)]
pub struct Pairs {
    pub(super) name: MaskName,
    /// The absolute path of each image's mask, by the image's below its folder.
    pub(super) masks: BTreeMap<PathBuf, PathBuf>,
    /// Images without one, below their folder.
    pub(super) unmasked: Vec<PathBuf>,
    /// Masks of no image, below their folder.
    pub(super) orphans: Vec<PathBuf>,
}

impl Pairs {
    /// Pairs what is below two folders, which may be one and the same. Unless it is said how masks
    /// are called, they are called as most images' are.
    ///
    /// # Errors
    /// [`SegmentError::NoMasks`] if no image has one; those of [`ImageItems::from_folder`].
    pub(super) fn find(images: &Path, masks: &Path, name: Option<&MaskName>) -> Result<Self> {
        let (images, masks) = (absolute(images), absolute(masks));
        let list = |folder: &Path| -> Result<Vec<PathBuf>> {
            let items = ImageItems::from_folder(folder)?;
            Ok(items.relative_paths().map(Path::to_owned).collect())
        };
        let mask_files = list(&masks)?;
        let by_stem: BTreeMap<PathBuf, &PathBuf> =
            mask_files.iter().map(|file| (file.with_extension(""), file)).collect();
        // Masks below the images' folder are no images.
        let within = masks.strip_prefix(&images).ok().filter(|below| !below.as_os_str().is_empty());
        let mut pictures = list(&images)?;
        pictures.retain(|file| within.is_none_or(|below| !file.starts_with(below)));

        let of = |file: &PathBuf, name: &MaskName| {
            let mask = by_stem.get(&name.of(file)).copied();
            mask.filter(|mask| images != masks || *mask != file)
        };
        let count =
            |name: &MaskName| pictures.iter().filter(|file| of(file, name).is_some()).count();
        let known =
            || KNOWN.map(|(folder, stem)| MaskName { folder: folder.into(), stem: stem.into() });
        let names = name.map_or_else(|| known().into(), |name| vec![name.clone()]);
        // Of those that find as many, the first.
        let best = names.iter().rev().max_by_key(|name| count(name));
        let Some(name) = best.filter(|name| count(name) > 0) else {
            return Err(SegmentError::NoMasks { images, masks }.into());
        };
        let used: BTreeSet<&PathBuf> = pictures.iter().filter_map(|file| of(file, name)).collect();
        let (mut found, mut unmasked) = (BTreeMap::new(), Vec::new());
        for file in &pictures {
            match of(file, name) {
                Some(mask) => drop(found.insert(file.clone(), masks.join(mask))),
                None if images == masks && used.contains(file) => {}
                None => unmasked.push(file.clone()),
            }
        }
        let is_orphan = |file: &&PathBuf| images != masks && !used.contains(file);
        let orphans = mask_files.iter().filter(is_orphan).cloned().collect();
        Ok(Self { name: name.clone(), masks: found, unmasked, orphans })
    }

    /// Fails for more images without a mask than are allowed.
    ///
    /// # Errors
    /// [`SegmentError::Unmasked`].
    pub(super) fn check_unmasked(&self, allowed: usize) -> Result<()> {
        const NAMED: usize = 5;
        match self.unmasked.len() {
            n if n > allowed => {
                let images = self.unmasked.iter().take(NAMED).cloned().collect();
                Err(SegmentError::Unmasked { images, n }.into())
            }
            _ => Ok(()),
        }
    }

    /// What of the folders is not used, which their owner may not have meant.
    pub(super) fn doubts(&self) -> Vec<String> {
        let several = |files: &[PathBuf], what: &str, whats: &str| {
            let first = files.first()?.display();
            Some(match files.len() {
                1 => format!("skipped {first}, {what}"),
                n => format!("skipped {n} {whats}, such as {first}"),
            })
        };
        let unmasked = several(&self.unmasked, "an image without a mask", "images without a mask");
        let orphans = several(&self.orphans, "a mask without an image", "masks without an image");
        unmasked.into_iter().chain(orphans).collect()
    }
}

impl MaskName {
    /// The mask's path below its folder, without extension.
    fn of(&self, picture: &Path) -> PathBuf {
        let mut parts: Vec<String> = picture
            .with_extension("")
            .iter()
            .map(|part| part.to_string_lossy().into_owned())
            .collect();
        if let [folder, .., _] = &mut parts[..] {
            folder.push_str(&self.folder);
        }
        if let Some(stem) = parts.last_mut() {
            stem.push_str(&self.stem);
        }
        parts.iter().collect()
    }

    /// For people: `named as their images`.
    pub(super) fn describe(&self) -> String {
        match (&*self.folder, &*self.stem) {
            ("", "") => "named as their images".into(),
            ("", stem) => format!("`x{stem}` is the mask of `x`"),
            (folder, "") => format!("masks of `x/` are in `x{folder}/`"),
            (folder, stem) => format!("`x{folder}/y{stem}` is the mask of `x/y`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Empty files; only their names are looked at.
    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    #[track_caller]
    fn check(files: &[&str], [images, masks]: [&str; 2], want: &[(&str, &str)], rest: [usize; 2]) {
        let folder = folder(files);
        let root = folder.path();
        let pairs = Pairs::find(&root.join(images), &root.join(masks), None).unwrap();
        let want: BTreeMap<PathBuf, PathBuf> =
            want.iter().map(|(a, b)| (a.into(), absolute(&root.join(masks).join(b)))).collect();
        assert_eq!(pairs.masks, want);
        assert_eq!([pairs.unmasked.len(), pairs.orphans.len()], rest, "{pairs:?}");
    }

    #[test]
    fn masks_are_found_however_data_sets_call_them() {
        let beside = ["images/a.jpg", "images/b.png", "labels/a_P.png", "labels/b_P.png"];
        check(&beside, ["images", "labels"], &[("a.jpg", "a_P.png"), ("b.png", "b_P.png")], [0, 0]);
        let plain = ["i/t/a.jpg", "i/v/a.jpg", "m/t/a.png", "m/v/a.png", "m/v/c.png"];
        check(&plain, ["i", "m"], &[("t/a.jpg", "t/a.png"), ("v/a.jpg", "v/a.png")], [0, 1]);
        let below = ["a.jpg", "b.jpg", "masks/a.png"];
        check(&below, ["", "masks"], &[("a.jpg", "a.png")], [1, 0]);
    }

    #[test]
    fn pictures_and_masks_may_be_in_one_folder() {
        let camvid =
            ["train/1.jpg", "trainannot/1.png", "val/2.jpg", "valannot/2.png", "val/3.jpg"];
        let want = [("train/1.jpg", "trainannot/1.png"), ("val/2.jpg", "valannot/2.png")];
        check(&camvid, ["", ""], &want, [1, 0]);
        check(&["a.jpg", "a_mask.png"], ["", ""], &[("a.jpg", "a_mask.png")], [0, 0]);
    }

    #[test]
    fn pictures_without_masks_are_refused() {
        let folder = folder(&["i/a.jpg", "m/b.png"]);
        let error =
            Pairs::find(&folder.path().join("i"), &folder.path().join("m"), None).unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(SegmentError::NoMasks { .. })), "{error}");
    }

    #[test]
    fn a_name_is_said_in_words() {
        let name = |folder: &str, stem: &str| {
            MaskName { folder: folder.into(), stem: stem.into() }.describe()
        };
        assert_eq!(name("", "_P"), "`x_P` is the mask of `x`");
        assert_eq!(name("annot", ""), "masks of `x/` are in `xannot/`");
    }
}
