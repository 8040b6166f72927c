//! Targets that are the items themselves, as they were before the inputs were made of them.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    InputFacts, Label, Labels,
    file::{files, pick},
};
use crate::{Array, ConvertMode, Result, image::Pixels};

/// Images of which the inputs are made.
#[derive(Debug)]
pub(super) struct Originals {
    mode: ConvertMode,
    files: Vec<PathBuf>,
}

impl Originals {
    pub(super) fn new(mode: ConvertMode, root: &Path, labels: &[Label]) -> Result<Self> {
        Ok(Self { mode, files: files(root, labels)? })
    }
}

impl Labels for Originals {
    fn len(&self) -> usize {
        self.files.len()
    }

    /// `[channels, height, width]`, values in `0.0..=1.0`
    fn target(&self, index: usize, input: &InputFacts<'_>) -> Result<Array> {
        if let (Some(_), Some(label)) = (input.drawn, input.label) {
            return Ok(label.clone().into_array());
        }
        let image = match input.image {
            Some(pixels) => pixels.to_image(),
            None => Pixels::open(&self.files[index], self.mode)?.to_image(),
        };
        let image = match input.drawn {
            Some(drawn) => drawn.apply_to_label(image)?,
            None => image,
        };
        Ok(image.into_array())
    }

    /// What was opened as an input can be a target.
    fn check(&self, index: usize, input: &InputFacts<'_>) -> Result<()> {
        match input.image {
            Some(_) => Ok(()),
            None => self.target(index, input).map(drop),
        }
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
