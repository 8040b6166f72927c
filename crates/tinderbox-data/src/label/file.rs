//! Targets in files: masks, and images that are to be made of the inputs.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{InputFacts, Label, Labels, MaskCoding};
use crate::{
    Array, ConvertMode, Error, Result, Values,
    image::{ImageInfo, MAX_PIXELS, MaskFile, Pixels, Turn},
};

/// The files that labels name.
pub(super) fn files(root: &Path, labels: &[Label]) -> Result<Vec<PathBuf>> {
    let file = |label: &Label| match label {
        Label::File(path) => Ok(root.join(path)),
        Label::Text(path) => Ok(root.join(path)),
        other => Err(Error::MixedLabels { first: "a file".into(), other: other.kind().into() }),
    };
    labels.iter().map(file).collect()
}

pub(super) fn pick(files: &[PathBuf], indexes: &[usize]) -> Vec<PathBuf> {
    indexes.iter().map(|&index| files[index].clone()).collect()
}

/// Masks: the value of a pixel says its class.
#[derive(Debug)]
pub(super) struct Masks {
    coding: Arc<MaskCoding>,
    files: Vec<PathBuf>,
    /// Which classes the masks that were checked have.
    seen: Arc<[AtomicBool]>,
}

impl Masks {
    pub(super) fn new(coding: MaskCoding, root: &Path, labels: &[Label]) -> Result<Self> {
        let files = files(root, labels)?;
        let seen = coding.classes.iter().map(|_| AtomicBool::new(false)).collect();
        Ok(Self { coding: coding.into(), files, seen })
    }

    fn codes(&self, index: usize, input: &InputFacts<'_>) -> Result<Array> {
        mask_of(&self.files[index], input.size, &self.coding).map_err(|error| match error {
            Error::MaskSize { path, mask: mask @ [height, width], picture, .. } => {
                let turned = picture == [width, height]
                    && input.path.is_some_and(|path| {
                        ImageInfo::read(path).is_ok_and(|info| info.turn == Turn::OtherSides)
                    });
                Error::MaskSize { path, mask, picture, turned }
            }
            other => other,
        })
    }
}

impl Labels for Masks {
    fn len(&self) -> usize {
        self.files.len()
    }

    /// `[1, height, width]`
    fn target(&self, index: usize, input: &InputFacts<'_>) -> Result<Array> {
        // Before they move: padding may hide a code now and show it in the next epoch.
        let codes = self.codes(index, input)?;
        match input.drawn {
            Some(drawn) => drawn.apply_to_mask(codes),
            None => Ok(codes),
        }
    }

    fn check(&self, index: usize, input: &InputFacts<'_>) -> Result<()> {
        let Values::I64(codes) = self.codes(index, input)?.values else { return Ok(()) };
        for run in codes.chunk_by(|a, b| a == b) {
            if let Some(seen) = self.seen.get(run[0] as usize) {
                seen.store(true, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    fn seen(&self) -> Option<Vec<bool>> {
        Some(self.seen.iter().map(|seen| seen.load(Ordering::Relaxed)).collect())
    }

    fn text(&self, index: usize) -> String {
        self.files[index].display().to_string()
    }

    fn file(&self, index: usize) -> Option<&Path> {
        Some(&self.files[index])
    }

    fn can_transform(&self) -> bool {
        true
    }

    fn pick(&self, indexes: &[usize]) -> Arc<dyn Labels> {
        let (coding, seen) = (self.coding.clone(), self.seen.clone());
        Arc::new(Self { coding, files: pick(&self.files, indexes), seen })
    }
}

/// The class codes in a mask's file, `[1, height, width]`: those of classes, and of pixels without.
///
/// # Errors
/// Those of [`MaskFile::open`]; [`Error::MaskSize`] if the mask is not of its image's size, where that
/// is known; [`Error::MaskCode`] or [`Error::MaskColor`] for a value that stands for nothing.
pub fn mask_of(
    path: impl AsRef<Path>,
    picture: Option<[usize; 2]>,
    coding: &MaskCoding,
) -> Result<Array> {
    let path = path.as_ref();
    // A mask is as large as its image, which is within a limit that may be another than the usual.
    let pixels = picture.map_or(0, |[height, width]| (height * width) as u64);
    let file = MaskFile::open_within(path, pixels.max(MAX_PIXELS))?;
    let mask = [file.height, file.width];
    if let Some(picture) = picture.filter(|picture| *picture != mask) {
        return Err(Error::MaskSize { path: path.to_owned(), mask, picture, turned: false });
    }
    coding.codes(path, &file)
}

/// Whether one image may be the other at another size: the sides of the smaller one, in pixels, were
/// rounded or truncated.
fn are_in_proportion(a: [usize; 2], b: [usize; 2]) -> bool {
    let (large, small) = if a[0] * a[1] >= b[0] * b[1] { (a, b) } else { (b, a) };
    // How many times as large, from and to.
    let [[a, b], [c, d]] = [0, 1].map(|axis| {
        let (large, small) = (large[axis] as f64, small[axis] as f64);
        [large / (small + 1.0), large / (small - 0.5).max(0.5)]
    });
    a.max(c) <= b.min(d)
}

/// Images, transformed as their inputs are.
#[derive(Debug)]
pub(super) struct Pictures {
    mode: ConvertMode,
    files: Vec<PathBuf>,
}

impl Pictures {
    pub(super) fn new(mode: ConvertMode, root: &Path, labels: &[Label]) -> Result<Self> {
        Ok(Self { mode, files: files(root, labels)? })
    }
}

impl Labels for Pictures {
    fn len(&self) -> usize {
        self.files.len()
    }

    /// `[channels, height, width]`, values in `0.0..=1.0`
    fn target(&self, index: usize, input: &InputFacts<'_>) -> Result<Array> {
        let image = Pixels::open(&self.files[index], self.mode)?.to_image();
        let image = match input.drawn {
            Some(drawn) => drawn.apply_to_label(image)?,
            None => image,
        };
        Ok(image.into_array())
    }

    fn check(&self, index: usize, input: &InputFacts<'_>) -> Result<()> {
        let path = &self.files[index];
        let target = Pixels::open(path, self.mode)?;
        let target = [target.height, target.width];
        match input.size.filter(|input| !are_in_proportion(*input, target)) {
            Some(picture) => Err(Error::TargetSize { path: path.clone(), target, picture }),
            None => Ok(()),
        }
    }

    fn text(&self, index: usize) -> String {
        self.files[index].display().to_string()
    }

    fn file(&self, index: usize) -> Option<&Path> {
        Some(&self.files[index])
    }

    fn can_transform(&self) -> bool {
        true
    }

    fn pick(&self, indexes: &[usize]) -> Arc<dyn Labels> {
        Arc::new(Self { mode: self.mode, files: pick(&self.files, indexes) })
    }
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, ImageBuffer, Luma};

    use super::*;

    /// One mask, of three classes.
    fn masks(folder: &Path) -> Result<Masks> {
        let classes = ["a", "b", "c"].map(String::from).to_vec();
        let coding = MaskCoding { classes, ignore: Some(255), ..MaskCoding::default() };
        Masks::new(coding, folder, &[Label::Text("m.png".into())])
    }

    /// A mask of 2×3 pixels, the target of `codes`, for an image of `size`.
    fn target(codes: [u16; 6], wide: bool, size: [usize; 2]) -> Result<Array> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.png");
        let image: ImageBuffer<Luma<u16>, _> = ImageBuffer::from_vec(3, 2, codes.to_vec()).unwrap();
        let narrow = codes.iter().map(|code| *code as u8).collect();
        let saved = match wide {
            true => image.save(&path),
            false => GrayImage::from_vec(3, 2, narrow).unwrap().save(&path),
        };
        saved.unwrap();
        masks(folder.path())?.target(0, &InputFacts { size: Some(size), ..InputFacts::default() })
    }

    #[test]
    fn the_codes_of_a_mask_are_its_values() {
        let codes = [0, 1, 2, 2, 1, 0];
        let want = Array::i64([1, 2, 3], vec![0, 1, 2, 2, 1, 0]);
        assert_eq!(target(codes, false, [2, 3]).unwrap(), want);
        assert_eq!(target(codes, true, [2, 3]).unwrap(), want, "16 bits are not scaled to 8");
    }

    #[test]
    fn a_code_without_a_class_and_another_size_are_refused() {
        let error = target([0, 0, 0, 0, 0, 200], false, [2, 3]).unwrap_err();
        assert!(matches!(&error, Error::MaskCode { values, .. } if *values == [200]), "{error}");
        assert!(target([0, 0, 0, 0, 0, 255], false, [2, 3]).is_ok(), "what has no class");
        let error = target([0; 6], false, [3, 2]).unwrap_err();
        assert!(matches!(error, Error::MaskSize { mask: [2, 3], picture: [3, 2], .. }), "{error}");
    }

    #[test]
    fn a_target_has_the_proportions_of_its_input() {
        for (input, target, fits) in [
            ([96, 143], [320, 479], true),
            ([95, 127], [320, 427], true),
            ([320, 427], [320, 427], true),
            ([96, 128], [128, 96], false),
            ([96, 128], [320, 320], false),
        ] {
            assert_eq!(are_in_proportion(input, target), fits, "{input:?} {target:?}");
        }
    }

    #[test]
    fn sides_that_were_rounded_are_in_proportion() {
        for (a, b) in [([96, 144], [400, 600]), ([333, 500], [95, 144]), ([3, 500], [1, 170])] {
            assert!(are_in_proportion(a, b) && are_in_proportion(b, a), "{a:?} {b:?}");
        }
        // As no shrinking leaves them: 8 % off, 5 % off, turned.
        for (a, b) in [([96, 133], [20, 30]), ([96, 128], [304, 427]), ([96, 144], [144, 96])] {
            assert!(!are_in_proportion(a, b) && !are_in_proportion(b, a), "{a:?} {b:?}");
        }
    }

    #[test]
    fn classes_of_masks_that_were_checked_are_known() {
        let folder = tempfile::tempdir().unwrap();
        let mask = GrayImage::from_vec(3, 1, vec![0, 2, 255]).unwrap();
        mask.save(folder.path().join("m.png")).unwrap();
        let masks = masks(folder.path()).unwrap();
        assert_eq!(masks.seen().unwrap(), [false; 3]);
        masks.check(0, &InputFacts::default()).unwrap();
        assert_eq!(masks.seen().unwrap(), [true, false, true]);
    }
}
