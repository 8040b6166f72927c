//! How masks are called: the table of usual names, and the patterns that users give.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tinderbox_data::image::extensions;

use super::SegmentError;

/// What data sets add to an image's name to call its mask, in the order they are looked for. Case
/// does not matter.
const MASK_WORDS: [&str; 23] = [
    "P",
    "mask",
    "masks",
    "L",
    "label",
    "labels",
    "seg",
    "segmentation",
    "gt",
    "gtFine_labelIds",
    "gtCoarse_labelIds",
    "gtFine_labelTrainIds",
    "labelIds",
    "labelTrainIds",
    "annotation",
    "annotations",
    "annot",
    "ann",
    "groundtruth",
    "ground_truth",
    "segm",
    "matte",
    "target",
];

/// What separates a word from the name.
const SEPARATORS: [&str; 3] = ["_", "-", "."];

/// What data sets add to an image's name that its mask's has not.
const IMAGE_NAMES: [&str; 12] = [
    "{name}",
    "{name}_leftImg8bit",
    "{name}_sat",
    "{name}_image",
    "{name}_img",
    "{name}_im",
    "{name}_rgb",
    "{name}_orig",
    "{name}_original",
    "image_{name}",
    "img_{name}",
    "im_{name}",
];

/// What is added to the folder of the images to call that of their masks.
pub(super) const FOLDER_ENDS: [&str; 8] =
    ["annot", "_masks", "_labels", "_mask", "_label", "_gt", "-masks", "masks"];

/// What folders of images and of masks are called, in lower case.
pub(super) const IMAGE_FOLDERS: [&str; 9] =
    ["images", "image", "imgs", "img", "jpegimages", "leftimg8bit", "pictures", "photos", "frames"];
pub(super) const MASK_FOLDERS: [&str; 17] = [
    "masks",
    "mask",
    "labels",
    "label",
    "annotations",
    "annotation",
    "annots",
    "annot",
    "segmentationclass",
    "segmentation",
    "segmentations",
    "gtfine",
    "gtcoarse",
    "gt",
    "groundtruth",
    "ground_truth",
    "segmentationclassraw",
];

/// How a mask is called, by its image's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaskName {
    pub folder: MaskFolder,
    /// The image's name without its extension, of which `{name}` is what the mask's has too:
    /// `{name}_leftImg8bit`.
    pub image: String,
    /// The mask's name, `{name}_mask`; `{file}` is the image's with its extension. With any
    /// extension, unless it ends in that of an image.
    pub mask: String,
}

/// In which folder a mask lies, by its image's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaskFolder {
    /// In the same, below the masks' folder.
    Same,
    /// The first folder's name has more: `annot`.
    Followed(String),
    /// A folder has another name, in any case: `images` and `masks`.
    Instead { images: String, masks: String },
    /// In none: all masks lie directly in theirs.
    None,
}

impl MaskName {
    /// All usual names, those of a pattern, or the one that is known; in the order they are looked
    /// for. The paths are those of images and of masks below their folders.
    pub(super) fn candidates(
        pattern: Option<&str>,
        images: &[PathBuf],
        masks: &[PathBuf],
    ) -> Vec<Self> {
        let names = match pattern {
            Some(pattern) => vec![pattern.to_owned()],
            None => mask_names(),
        };
        let stem = |image: &PathBuf| {
            image.file_stem().unwrap_or_default().to_string_lossy().to_lowercase()
        };
        let stems: Vec<String> = images.iter().map(stem).collect();
        let some_are_called = |name: &&str| {
            let (before, after) = name.split_once(NAME).unwrap_or_default();
            let (before, after) = (before.to_lowercase(), after.to_lowercase());
            stems.iter().any(|stem| stem.starts_with(&before) && stem.ends_with(&after))
        };
        let image_names: Vec<&str> = IMAGE_NAMES.into_iter().filter(some_are_called).collect();
        let mut all = Vec::new();
        for folder in folders(images, masks) {
            for image in &image_names {
                for mask in &names {
                    let (folder, mask) = (folder.clone(), mask.clone());
                    all.push(Self { folder, image: (*image).to_owned(), mask });
                }
            }
        }
        all
    }

    /// The mask's path below its folder, in lower case; without extension unless the pattern has
    /// one. Nothing for an image that is not called so.
    pub(super) fn of(&self, image: &Path) -> Option<String> {
        let lower = |part: &std::ffi::OsStr| part.to_string_lossy().to_lowercase();
        let stem = lower(image.file_stem()?);
        let (before, after) = self.image.split_once(NAME)?;
        let name = stem.strip_prefix(&before.to_lowercase())?;
        let name = name.strip_suffix(&after.to_lowercase()).filter(|name| !name.is_empty())?;
        let file = lower(image.file_name()?);
        let mask = self.mask.to_lowercase().replace(NAME, name).replace(FILE, &file);
        let mut parts: Vec<String> = image.parent()?.iter().map(lower).collect();
        match (&self.folder, &mut parts[..]) {
            (MaskFolder::Followed(end), [first, ..]) => first.push_str(end),
            (MaskFolder::Instead { images, masks }, parts) => {
                let part = parts.iter_mut().rev().find(|part| *part == images)?;
                part.clone_from(masks);
            }
            (MaskFolder::None, [_, ..]) => parts.clear(),
            (MaskFolder::Same, _) => {}
            (MaskFolder::Followed(_) | MaskFolder::None, []) => return None,
        }
        parts.push(mask);
        Some(parts.join("/"))
    }

    /// Whether the mask's pattern says its extension.
    pub(super) fn has_extension(&self) -> bool {
        let extension = Path::new(&self.mask).extension().unwrap_or_default();
        let extension = extension.to_string_lossy().to_lowercase();
        extensions().any(|known| known == extension)
    }

    /// Whether a path is one of a mask by its folder, where both are below one.
    pub(super) fn is_in_mask_folder(&self, path: &Path) -> bool {
        let MaskFolder::Instead { masks, .. } = &self.folder else { return false };
        let folders = path.parent().into_iter().flatten();
        folders.map(|part| part.to_string_lossy().to_lowercase()).any(|part| part == *masks)
    }
}

pub(super) const NAME: &str = "{name}";
const FILE: &str = "{file}";

/// A pattern that a user gives.
///
/// # Errors
/// [`SegmentError::MaskPattern`] for one without the image's name.
pub(super) fn check_pattern(pattern: &str) -> Result<(), SegmentError> {
    let names = pattern.matches(NAME).count() + pattern.matches(FILE).count();
    match names == 1 && !pattern.contains(['/', '\\']) {
        true => Ok(()),
        false => Err(SegmentError::MaskPattern { pattern: pattern.to_owned() }),
    }
}

/// The pattern by which a file would be the mask of an image, if it has the image's name in it.
pub(super) fn pattern_of(image: &Path, mask: &Path) -> Option<String> {
    let (image, mask) = (image.file_stem()?.to_str()?, mask.file_name()?.to_str()?);
    let at = mask.to_lowercase().find(&image.to_lowercase())?;
    let (before, after) = (mask.get(..at)?, mask.get(at + image.len()..)?);
    Some(format!("{before}{NAME}{after}"))
}

/// The names of masks without extension.
fn mask_names() -> Vec<String> {
    let mut names = vec![NAME.to_owned(), FILE.to_owned()];
    let words = || MASK_WORDS.into_iter();
    names.extend(words().map(|word| format!("{NAME}_{word}")));
    names.extend(words().map(|word| format!("{word}_{NAME}")));
    for separator in &SEPARATORS[1..] {
        names.extend(words().map(|word| format!("{NAME}{separator}{word}")));
        names.extend(words().map(|word| format!("{word}{separator}{NAME}")));
    }
    names
}

/// The relations of folders that there may be.
fn folders(images: &[PathBuf], masks: &[PathBuf]) -> Vec<MaskFolder> {
    let known = |files: &[PathBuf], words: &'static [&'static str]| -> Vec<String> {
        let is = |word: &&&str| {
            files.iter().any(|file| {
                let folders = file.parent().into_iter().flatten();
                folders.into_iter().any(|part| part.eq_ignore_ascii_case(word))
            })
        };
        words.iter().filter(is).map(|word| (*word).to_owned()).collect()
    };
    let mut folders = vec![MaskFolder::Same];
    let first = |files: &[PathBuf]| -> BTreeSet<String> {
        let below = files.iter().filter(|file| file.components().count() > 1);
        below
            .filter_map(|file| Some(file.iter().next()?.to_string_lossy().to_lowercase()))
            .collect()
    };
    let (of_images, of_masks) = (first(images), first(masks));
    let is_used =
        |end: &&str| of_images.iter().any(|folder| of_masks.contains(&format!("{folder}{end}")));
    let ends = FOLDER_ENDS.into_iter().filter(is_used);
    folders.extend(ends.map(|end| MaskFolder::Followed(end.into())));
    for images in known(images, &IMAGE_FOLDERS) {
        for masks in known(masks, &MASK_FOLDERS) {
            folders.push(MaskFolder::Instead { images: images.clone(), masks });
        }
    }
    if !of_images.is_empty() {
        folders.push(MaskFolder::None);
    }
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_is_called_by_its_image() {
        let name = |folder, image: &str, mask: &str| MaskName {
            folder,
            image: image.into(),
            mask: mask.into(),
        };
        let of = |name: &MaskName, image: &str| name.of(Path::new(image)).unwrap_or_default();
        let mask = name(MaskFolder::Same, "{name}", "{name}_Mask");
        assert_eq!(of(&mask, "train/A.JPG"), "train/a_mask");
        let cityscapes = name(MaskFolder::Same, "{name}_leftImg8bit", "{name}_gtFine_labelIds");
        assert_eq!(of(&cityscapes, "a/b_leftImg8bit.png"), "a/b_gtfine_labelids");
        assert_eq!(of(&cityscapes, "a/b.png"), "");
        let swapped = MaskFolder::Instead { images: "images".into(), masks: "masks".into() };
        let swapped = name(swapped, "{name}", "{file}");
        assert_eq!(of(&swapped, "train/Images/a.jpg"), "train/masks/a.jpg");
        assert!(swapped.is_in_mask_folder(Path::new("train/Masks/a.png")));
        assert_eq!(of(&name(MaskFolder::None, "{name}", "{name}"), "a/b/c.jpg"), "c");
        assert!(name(MaskFolder::Same, "{name}", "{name}_x.PNG").has_extension());
        assert!(!mask.has_extension());
    }

    #[test]
    fn a_pattern_has_the_images_name_once() {
        for good in ["{name}_mask.png", "m-{file}"] {
            check_pattern(good).unwrap();
        }
        for bad in ["_mask.png", "{name}{name}", "masks/{name}.png"] {
            check_pattern(bad).unwrap_err();
        }
        let pattern = pattern_of(Path::new("i/A1.jpg"), Path::new("m/old_a1_v2.png"));
        assert_eq!(pattern.unwrap(), "old_{name}_v2.png");
        assert_eq!(pattern_of(Path::new("b.jpg"), Path::new("a.png")), None);
    }
}
