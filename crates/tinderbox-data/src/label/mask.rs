//! A class for each pixel, in the pixels of another picture.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{Label, Labels};
use crate::{Array, ConvertMode, Error, Result, Values, image::Pixels, transform::Drawn};

/// Masks in files: the value of a pixel is the code of its class.
#[derive(Debug)]
pub(super) struct Masks {
    classes: usize,
    files: Vec<PathBuf>,
}

impl Masks {
    pub(super) fn new(classes: &[String], root: &Path, labels: &[Label]) -> Result<Self> {
        let file = |label: &Label| match label {
            Label::File(path) => Ok(root.join(path)),
            Label::Text(path) => Ok(root.join(path)),
            other => Err(Error::MixedLabels { first: "a file".into(), other: other.kind().into() }),
        };
        Ok(Self { classes: classes.len(), files: labels.iter().map(file).collect::<Result<_>>()? })
    }
}

impl Labels for Masks {
    fn len(&self) -> usize {
        self.files.len()
    }

    /// `[1, height, width]`
    fn target(&self, index: usize, drawn: Option<&Drawn<'_>>) -> Result<Array> {
        let path = &self.files[index];
        let codes = Pixels::open(path, ConvertMode::L)?.to_codes();
        let codes = match drawn {
            Some(drawn) => drawn.apply_to_mask(codes)?,
            None => codes,
        };
        let Values::I64(values) = &codes.values else { unreachable!("codes are whole numbers") };
        match values.iter().find(|code| **code >= self.classes as i64) {
            Some(&code) => Err(Error::MaskCode { path: path.clone(), code, classes: self.classes }),
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
        let files = indexes.iter().map(|&index| self.files[index].clone()).collect();
        Arc::new(Self { classes: self.classes, files })
    }
}
