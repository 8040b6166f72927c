//! Targets in files: masks, and images that are to be made of the inputs.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{InputFacts, Label, Labels};
use crate::{
    Array, ConvertMode, Error, Result, Values,
    image::{Pixels, open_mask},
};

/// The files that labels name.
fn files(root: &Path, labels: &[Label]) -> Result<Vec<PathBuf>> {
    let file = |label: &Label| match label {
        Label::File(path) => Ok(root.join(path)),
        Label::Text(path) => Ok(root.join(path)),
        other => Err(Error::MixedLabels { first: "a file".into(), other: other.kind().into() }),
    };
    labels.iter().map(file).collect()
}

fn pick(files: &[PathBuf], indexes: &[usize]) -> Vec<PathBuf> {
    indexes.iter().map(|&index| files[index].clone()).collect()
}

/// Masks: the value of a pixel is the code of its class.
#[derive(Debug)]
pub(super) struct Masks {
    classes: Arc<[String]>,
    /// The code of pixels that have none.
    ignore: Option<i64>,
    files: Vec<PathBuf>,
}

impl Masks {
    pub(super) fn new(
        classes: &[String],
        ignore: Option<u16>,
        root: &Path,
        labels: &[Label],
    ) -> Result<Self> {
        let files = files(root, labels)?;
        Ok(Self { classes: classes.into(), ignore: ignore.map(i64::from), files })
    }
}

impl Labels for Masks {
    fn len(&self) -> usize {
        self.files.len()
    }

    /// `[1, height, width]`
    fn target(&self, index: usize, input: &InputFacts<'_>) -> Result<Array> {
        // Before they move: padding may hide a code now and show it in the next epoch.
        let codes = mask_of(&self.files[index], input.size, &self.classes, self.ignore)?;
        match input.drawn {
            Some(drawn) => drawn.apply_to_mask(codes),
            None => Ok(codes),
        }
    }

    fn text(&self, index: usize) -> String {
        self.files[index].display().to_string()
    }

    fn can_transform(&self) -> bool {
        true
    }

    fn pick(&self, indexes: &[usize]) -> Arc<dyn Labels> {
        let (classes, ignore) = (self.classes.clone(), self.ignore);
        Arc::new(Self { classes, ignore, files: pick(&self.files, indexes) })
    }
}

/// The class codes in a mask's file, `[1, height, width]`: those of classes, and `ignore`.
///
/// # Errors
/// Those of [`open_mask`]; [`Error::MaskSize`] if the mask is not of its image's size, where that
/// is known; [`Error::MaskCode`] for another code.
pub fn mask_of(
    path: impl AsRef<Path>,
    picture: Option<[usize; 2]>,
    classes: &[String],
    ignore: Option<i64>,
) -> Result<Array> {
    let path = path.as_ref();
    let codes = open_mask(path)?;
    let mask = [codes.shape[1], codes.shape[2]];
    if let Some(picture) = picture.filter(|picture| *picture != mask) {
        return Err(Error::MaskSize { path: path.to_owned(), mask, picture });
    }
    let Values::I64(values) = &codes.values else { unreachable!("codes are whole numbers") };
    let is_known = |code: &&i64| **code < classes.len() as i64 || Some(**code) == ignore;
    if let Some(&code) = values.iter().find(|code| !is_known(code)) {
        return Err(Error::MaskCode { path: path.to_owned(), code, classes: classes.to_vec() });
    }
    Ok(codes)
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

    fn text(&self, index: usize) -> String {
        self.files[index].display().to_string()
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
        let classes = ["a", "b", "c"].map(String::from);
        let masks = Masks::new(&classes, Some(255), folder.path(), &[Label::Text("m.png".into())])?;
        masks.target(0, &InputFacts { size: Some(size), drawn: None })
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
        assert!(matches!(error, Error::MaskCode { code: 200, .. }), "{error}");
        assert!(target([0, 0, 0, 0, 0, 255], false, [2, 3]).is_ok(), "what has no class");
        let error = target([0; 6], false, [3, 2]).unwrap_err();
        assert!(matches!(error, Error::MaskSize { mask: [2, 3], picture: [3, 2], .. }), "{error}");
    }
}
