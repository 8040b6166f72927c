//! Which folders below one are of images and of masks.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use tinderbox_data::ImageItems;

use super::{
    Pairs,
    names::{FOLDER_ENDS, IMAGE_FOLDERS, MASK_FOLDERS, MaskFolder},
    pairs::Called,
};
use crate::settings::absolute;

/// The folders of images and of masks below one that is given: `images/` and `masks/`, or the folder
/// itself where sets come first, as in `train/images/` and `train/masks/`. Where no image has a mask,
/// nothing, unless the folders are called so and are all that there is.
pub(crate) fn images_and_masks(root: &Path) -> Option<[PathBuf; 2]> {
    let root = absolute(root);
    let folders = folders(&root);
    let named = |words: &'static [&str]| {
        let is = move |folder: &&PathBuf| {
            let name = folder.file_name().unwrap_or_default();
            words.iter().any(|word| name.eq_ignore_ascii_case(word))
        };
        folders.iter().filter(is)
    };
    let pairs = |images: &Path, masks: &Path| Pairs::find(images, masks, Called::Usual).ok();
    let images = || named(&IMAGE_FOLDERS).chain([&root]);
    let beside = named(&MASK_FOLDERS)
        .flat_map(|masks| images().map(move |images| [images, masks]))
        .find(|[images, masks]| pairs(images, masks).is_some())
        .map(|folders| folders.map(Clone::clone));
    let below = || {
        // Only folders that say so: pairs of names alone may be anything.
        if !says_so(&folders) {
            return None;
        }
        let pairs = pairs(&root, &root)?;
        let says =
            matches!(pairs.name.folder, MaskFolder::Instead { .. } | MaskFolder::Followed(_));
        says.then(|| [root.clone(), root.clone()])
    };
    let called_so = || {
        let has_images = |folder: &&PathBuf| ImageItems::from_folder(folder).is_ok();
        let (images, masks) = (named(&IMAGE_FOLDERS).next()?, named(&MASK_FOLDERS).next()?);
        let are_all = folders
            .iter()
            .filter(has_images)
            .eq([images, masks].into_iter().collect::<BTreeSet<_>>());
        are_all.then(|| [images.clone(), masks.clone()])
    };
    beside.or_else(below).or_else(called_so)
}

/// Whether folders are called as sets of images and of masks: `train/images` and `train/masks`, or
/// `train` and `trainannot`.
fn says_so(sets: &[PathBuf]) -> bool {
    let lower =
        |folder: &PathBuf| folder.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let names: Vec<String> = sets.iter().map(lower).collect();
    let followed = names.iter().any(|name| {
        FOLDER_ENDS.iter().any(|end| names.iter().any(|other| *other == format!("{name}{end}")))
    });
    let within = || -> Vec<String> {
        sets.iter().flat_map(|set| folders(set)).map(|folder| lower(&folder)).collect()
    };
    let is =
        |names: &[String], words: &[&str]| names.iter().any(|name| words.contains(&name.as_str()));
    followed || {
        let within = within();
        is(&within, &IMAGE_FOLDERS) && is(&within, &MASK_FOLDERS)
    }
}

fn folders(root: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn found(files: &[&str]) -> Option<[String; 2]> {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let root = absolute(folder.path());
        let below = |path: PathBuf| path.strip_prefix(&root).unwrap().display().to_string();
        images_and_masks(folder.path()).map(|paths| paths.map(below))
    }

    #[test]
    fn images_and_masks_are_found_below_one_folder() {
        let some = |images: &str, masks: &str| Some([images.to_owned(), masks.to_owned()]);
        assert_eq!(found(&["images/a.jpg", "masks/a.png"]), some("images", "masks"));
        let apart = ["images/frame-1.jpg", "masks/label-1.png", "codes.txt"];
        assert_eq!(found(&apart), some("images", "masks"), "whoever pairs them says what is wrong");
        assert_eq!(found(&["Images/train/a.jpg", "Masks/train/a.png"]), some("Images", "Masks"));
        assert_eq!(found(&["a.jpg", "masks/a.png"]), some("", "masks"));
        assert_eq!(found(&["train/images/a.jpg", "train/masks/a.png"]), some("", ""));
        assert_eq!(found(&["train/a.jpg", "trainannot/a.png"]), some("", ""));
        let voc = ["JPEGImages/a.jpg", "SegmentationClass/a.png", "Annotations/a.xml"];
        assert_eq!(found(&voc), some("JPEGImages", "SegmentationClass"));
    }

    #[test]
    fn classes_are_no_masks() {
        assert_eq!(found(&["mask/a.jpg", "no_mask/b.jpg"]), None);
        assert_eq!(found(&["images/a.jpg", "labels/a.txt"]), None);
        assert_eq!(found(&["train/mask/a.jpg", "train/face/a.jpg"]), None);
        assert_eq!(found(&["cats/1.jpg", "dogs/1.jpg"]), None);
        assert_eq!(found(&["images/1.jpg", "masks/x.png", "dogs/1.jpg"]), None);
    }
}
