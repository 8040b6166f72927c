//! Which mask is which image's.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::{Path, PathBuf},
};

use tinderbox_data::ImageItems;

use super::{
    SegmentError,
    names::{MaskFolder, MaskName, pattern_of},
};
use crate::{Result, settings::absolute};

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

/// How masks may be called.
#[derive(Debug, Clone, Copy)]
pub(super) enum Called<'a> {
    /// As data sets usually call them: as most images' are.
    Usual,
    /// By a pattern of the user: `{name}_mask.png`.
    Pattern(&'a str),
    /// As it was found.
    Known(&'a MaskName),
}

impl<'a> Called<'a> {
    pub(super) fn by(pattern: Option<&'a String>) -> Self {
        pattern.map_or(Self::Usual, |pattern| Self::Pattern(pattern))
    }
}

/// The files of two folders, which may be one and the same.
struct Files {
    same_folder: bool,
    /// Below their folder.
    images: Vec<PathBuf>,
    masks: Vec<PathBuf>,
    /// Masks by their path in lower case, with and without extension.
    by_name: HashMap<String, Vec<usize>>,
}

impl Files {
    fn list(images: &Path, masks: &Path) -> Result<Self> {
        let list = |folder: &Path| -> Result<Vec<PathBuf>> {
            let items = ImageItems::from_folder(folder)?;
            Ok(items.relative_paths().map(Path::to_owned).collect())
        };
        // What is below the other folder is none of this one's.
        let without = |files: &mut Vec<PathBuf>, folder: &Path, other: &Path| {
            let within = other.strip_prefix(folder).ok();
            if let Some(within) = within.filter(|within| !within.as_os_str().is_empty()) {
                files.retain(|file| !file.starts_with(within));
            }
        };
        let mut of_images = list(images)?;
        let mut of_masks = if images == masks { of_images.clone() } else { list(masks)? };
        without(&mut of_images, images, masks);
        without(&mut of_masks, masks, images);
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, file) in of_masks.iter().enumerate() {
            by_name.entry(key(file)).or_default().push(index);
            by_name.entry(key(&file.with_extension(""))).or_default().push(index);
        }
        Ok(Self { same_folder: images == masks, images: of_images, masks: of_masks, by_name })
    }

    /// The files that are the mask of an image by this name: one, if all is well.
    fn of(&self, image: &Path, name: &MaskName) -> Vec<&PathBuf> {
        let Some(called) = name.of(image) else { return Vec::new() };
        let found = self.by_name.get(&called).into_iter().flatten();
        // Beside its image, a JPEG is another image, and not its mask.
        let is_mask = |file: &&PathBuf| !self.same_folder || (*file != image && !is_jpeg(file));
        // A pattern without an extension is not about whole names.
        let is_meant =
            |file: &&PathBuf| name.has_extension() || called == key(&file.with_extension(""));
        let found = found.map(|index| &self.masks[*index]);
        let found: Vec<&PathBuf> = found.filter(is_mask).filter(is_meant).collect();
        // Where case makes a difference, the image's counts.
        let alike = |file: &&&PathBuf| {
            let [file, image] = [file.as_path(), image]
                .map(|path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned());
            file.starts_with(&image) || file.ends_with(&image)
        };
        let exact: Vec<&PathBuf> = found.iter().filter(alike).copied().collect();
        if exact.is_empty() { found } else { exact }
    }

    fn count(&self, name: &MaskName, images: &[&PathBuf]) -> usize {
        images.iter().filter(|image| !self.of(image, name).is_empty()).count()
    }
}

impl Pairs {
    /// Pairs what is below two folders, which may be one and the same.
    ///
    /// # Errors
    /// [`SegmentError::NoMasks`] if no image has one; [`SegmentError::SeveralMasks`] if one has two;
    /// those of [`ImageItems::from_folder`].
    pub(super) fn find(images: &Path, masks: &Path, called: Called<'_>) -> Result<Self> {
        /// By this many images it is decided how masks are called.
        const SAMPLE: usize = 200;
        let (images, masks) = (absolute(images), absolute(masks));
        let files = Files::list(&images, &masks)?;
        let names = match called {
            Called::Usual => MaskName::candidates(None, &files.images, &files.masks),
            Called::Pattern(pattern) => {
                super::names::check_pattern(pattern)?;
                MaskName::candidates(Some(pattern), &files.images, &files.masks)
            }
            Called::Known(name) => vec![name.clone()],
        };
        let every = files.images.len().div_ceil(SAMPLE).max(1);
        let some: Vec<&PathBuf> = files.images.iter().step_by(every).collect();
        let mut counted: Vec<(usize, &MaskName)> =
            names.iter().map(|name| (files.count(name, &some), name)).collect();
        counted.retain(|(n, _)| *n > 0);
        // Of those that find as many, the first; the sort is stable.
        counted.sort_by_key(|(n, _)| std::cmp::Reverse(*n));
        let Some((_, name)) = counted.first() else {
            return Err(no_masks(&files, images, masks, called).into());
        };
        let others: Vec<&MaskName> = counted[1..].iter().map(|(_, name)| *name).collect();
        files.check_one_each(name, &others, &masks)?;
        Ok(files.paired(name, &masks))
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
                Err(SegmentError::Unmasked { images, n, paired: self.masks.len() }.into())
            }
            _ => Ok(()),
        }
    }

    /// For people: `named as their images`, or a pair of names.
    pub(super) fn describe(&self) -> String {
        let Some((image, mask)) = self.masks.first_key_value() else { return String::new() };
        let is_plain = self.name.mask == super::names::NAME && self.name.image == self.name.mask;
        match (&self.name.folder, is_plain) {
            (MaskFolder::Same, true) => "named as their images".into(),
            (MaskFolder::Same, false) => {
                let name = |path: &Path| {
                    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
                };
                format!("`{}` is the mask of `{}`", name(mask), name(image))
            }
            _ => {
                // As many folders as the image has.
                let depth = image.components().count();
                let parts: Vec<_> = mask.iter().collect();
                let mask: PathBuf = parts[parts.len().saturating_sub(depth)..].iter().collect();
                format!("`{}` is the mask of `{}`", mask.display(), image.display())
            }
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

impl Files {
    /// Fails for an image with more than one mask, by this name or by another usual one.
    fn check_one_each(
        &self,
        name: &MaskName,
        others: &[&MaskName],
        folder: &Path,
    ) -> Result<(), SegmentError> {
        let used: BTreeSet<&PathBuf> =
            self.images.iter().flat_map(|image| self.of(image, name)).collect();
        // Another image, or the mask of one.
        let is_taken = |file: &PathBuf| {
            used.contains(file) || self.same_folder && !self.of(file, name).is_empty()
        };
        for image in &self.images {
            let mut found = self.of(image, name);
            if found.len() == 1 {
                let more = others.iter().flat_map(|name| self.of(image, name));
                found.extend(more.filter(|other| !is_taken(other)));
                found.sort();
                found.dedup();
            }
            if let [_, second, ..] = found[..] {
                let masks = found.iter().map(|mask| folder.join(mask)).collect();
                let pattern = pattern_of(image, second);
                return Err(SegmentError::SeveralMasks { image: image.clone(), masks, pattern });
            }
        }
        Ok(())
    }

    fn paired(&self, name: &MaskName, folder: &Path) -> Pairs {
        let is_image = |file: &&PathBuf| !self.same_folder || !name.is_in_mask_folder(file);
        let is_mask = |file: &&PathBuf| match self.same_folder {
            true => name.is_in_mask_folder(file),
            false => true,
        };
        let one = |image: &PathBuf| self.of(image, name).into_iter().next();
        let images: Vec<&PathBuf> = self.images.iter().filter(is_image).collect();
        let used: BTreeSet<&PathBuf> = images.iter().filter_map(|image| one(image)).collect();
        let (mut masks, mut unmasked) = (BTreeMap::new(), Vec::new());
        for image in images {
            match one(image) {
                Some(mask) => drop(masks.insert(image.clone(), folder.join(mask))),
                None if self.same_folder && used.contains(image) => {}
                None => unmasked.push(image.clone()),
            }
        }
        let orphans = self.masks.iter().filter(|mask| is_mask(mask) && !used.contains(mask));
        Pairs { name: name.clone(), masks, unmasked, orphans: orphans.cloned().collect() }
    }
}

/// A path as it is compared: in lower case, with `/` between folders.
fn key(file: &Path) -> String {
    let parts: Vec<String> =
        file.iter().map(|part| part.to_string_lossy().to_lowercase()).collect();
    parts.join("/")
}

fn is_jpeg(file: &Path) -> bool {
    let extension = file.extension().unwrap_or_default();
    ["jpg", "jpeg", "jpe", "jfif"].iter().any(|jpeg| extension.eq_ignore_ascii_case(jpeg))
}

/// That no image has a mask, with a name of each folder and what may be meant.
fn no_masks(files: &Files, images: PathBuf, masks: PathBuf, called: Called<'_>) -> SegmentError {
    let image = files.images.first().cloned();
    let mask = files.masks.iter().find(|mask| !files.same_folder || Some(*mask) != image.as_ref());
    let pattern = files.images.iter().take(20).find_map(|image| {
        let other = |mask: &&PathBuf| !files.same_folder || *mask != image;
        files.masks.iter().filter(other).find_map(|mask| pattern_of(image, mask))
    });
    let pattern = pattern.filter(|pattern| match called {
        Called::Pattern(given) => given != pattern,
        Called::Usual | Called::Known(_) => true,
    });
    SegmentError::NoMasks { images, masks, image, mask: mask.cloned(), pattern }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::Error;

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
        let pairs = Pairs::find(&root.join(images), &root.join(masks), Called::Usual).unwrap();
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

    fn error(files: &[&str], folders: [&str; 2], called: Called<'_>) -> Error {
        let folder = folder(files);
        let [images, masks] = folders.map(|name| folder.path().join(name));
        Pairs::find(&images, &masks, called).unwrap_err()
    }

    #[test]
    fn each_usual_name_is_known_in_any_case() {
        for (image, mask) in [
            ("ISIC_0.jpg", "ISIC_0_segmentation.png"),
            ("a0.png", "a0_gt.png"),
            ("a_leftImg8bit.png", "a_gtFine_labelIds.png"),
            ("a0.jpg", "a0.jpg.png"),
            ("a0.png", "mask_a0.png"),
            ("a_0.jpg", "A_0_Mask.PNG"),
            ("x_jpg.rf.0f3a.jpg", "x_jpg.rf.0f3a_mask.png"),
            ("12_sat.jpg", "12_mask.png"),
            ("image_3.png", "label_3.png"),
            ("a.jpg", "a-seg.png"),
            ("a.b.jpg", "a.b.mask.tif"),
            ("IMG_7.JPG", "img_7.png"),
        ] {
            let files = [&*format!("i/{image}"), &*format!("m/{mask}")];
            check(&files, ["i", "m"], &[(image, mask)], [0, 0]);
        }
    }

    #[test]
    fn sets_and_folders_are_in_either_order() {
        let inner = ["train/images/a.jpg", "train/masks/a.png", "valid/images/b.jpg"];
        let inner = [&inner[..], &["valid/masks/b.png", "valid/masks/c.png"]].concat();
        let want = [
            ("train/images/a.jpg", "train/masks/a.png"),
            ("valid/images/b.jpg", "valid/masks/b.png"),
        ];
        check(&inner, ["", ""], &want, [0, 1]);
        let flat = ["i/train/a.jpg", "i/val/b.jpg", "m/a.png", "m/b.png"];
        check(&flat, ["i", "m"], &[("train/a.jpg", "a.png"), ("val/b.jpg", "b.png")], [0, 0]);
        let above = ["images/a.jpg", "a_mask.png"];
        check(&above, ["images", ""], &[("a.jpg", "a_mask.png")], [0, 0]);
    }

    #[test]
    fn a_pattern_finds_other_names() {
        let files = ["i/a.jpg", "m/a_v1.png", "m/a_v2.png"];
        let folder = folder(&files);
        let [images, masks] = ["i", "m"].map(|name| folder.path().join(name));
        let pairs = Pairs::find(&images, &masks, Called::Pattern("{name}_v2.png")).unwrap();
        assert_eq!(pairs.masks[Path::new("a.jpg")], absolute(&masks.join("a_v2.png")));
        assert_eq!(pairs.describe(), "`a_v2.png` is the mask of `a.jpg`");
        let again = Pairs::find(&images, &masks, Called::Known(&pairs.name)).unwrap();
        assert_eq!(again.masks, pairs.masks);
    }

    #[test]
    fn pictures_without_masks_are_refused_with_a_name_of_each() {
        let unlike = error(&["i/a.jpg", "m/b.png"], ["i", "m"], Called::Usual);
        let Some(SegmentError::NoMasks { image, mask, pattern, .. }) = unlike.downcast_ref() else {
            panic!("{unlike}")
        };
        assert_eq!((image, mask), (&Some("a.jpg".into()), &Some("b.png".into())));
        assert_eq!(*pattern, None);
        let files = ["i/a.jpg", "i/b.jpg", "m/old_a_1.png"];
        let odd = error(&files, ["i", "m"], Called::Usual);
        let Some(SegmentError::NoMasks { pattern, .. }) = odd.downcast_ref() else {
            panic!("{odd}")
        };
        assert_eq!(pattern.as_deref(), Some("old_{name}_1.png"));
        let bad = error(&files, ["i", "m"], Called::Pattern("mask.png"));
        assert!(matches!(bad.downcast_ref(), Some(SegmentError::MaskPattern { .. })), "{bad}");
    }

    #[test]
    fn two_masks_of_one_image_are_both_named() {
        for files in [["i/a.jpg", "m/a.png", "m/a.gif"], ["i/a.jpg", "m/a_gt.png", "m/a_seg.png"]] {
            let error = error(&files, ["i", "m"], Called::Usual);
            let Some(SegmentError::SeveralMasks { masks, .. }) = error.downcast_ref() else {
                panic!("{error}")
            };
            assert_eq!(masks.len(), 2);
        }
    }

    #[test]
    fn a_mask_of_another_image_is_no_second_one() {
        let files = ["i/a.jpg", "i/a_gt.jpg", "m/a.png", "m/a_gt.png"];
        check(&files, ["i", "m"], &[("a.jpg", "a.png"), ("a_gt.jpg", "a_gt.png")], [0, 0]);
        let beside = ["a.png", "a_mask.png", "a_gt.png", "a_gt_mask.png"];
        let want = [("a.png", "a_mask.png"), ("a_gt.png", "a_gt_mask.png")];
        check(&beside, ["", ""], &want, [0, 0]);
    }

    #[test]
    fn names_are_said_by_a_pair() {
        let described = |files: &[&str], [images, masks]: [&str; 2]| {
            let folder = folder(files);
            let [images, masks] = [images, masks].map(|name| folder.path().join(name));
            Pairs::find(&images, &masks, Called::Usual).unwrap().describe()
        };
        assert_eq!(described(&["i/a.jpg", "m/a.png"], ["i", "m"]), "named as their images");
        let said = described(&["train/1.jpg", "trainannot/1.png"], ["", ""]);
        assert_eq!(said, "`trainannot/1.png` is the mask of `train/1.jpg`");
    }
}
