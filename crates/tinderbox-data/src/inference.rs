//! What a model needs of its data to predict for a new file.

use std::path::Path;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::{
    Array, Batch, Image, ImageKind, InputKind, Normalize, Result, TargetKind, image::Pixels,
    transform::Pipeline,
};

/// How a new item is prepared: opened, transformed as in validation, normalized. Saved with a
/// model; holds no images.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inference {
    input: ImageKind,
    transforms: Pipeline,
    target: TargetKind,
    pub(crate) normalize: Option<Normalize>,
}

impl Inference {
    pub(crate) fn new(input: ImageKind, transforms: Pipeline, target: TargetKind) -> Self {
        Self { input, transforms, target, normalize: None }
    }

    /// A batch of the one picture at `path`; its target is 0.
    ///
    /// # Errors
    /// Those of [`Pixels::open`], and [`Error::Transform`](crate::Error::Transform).
    pub fn open(&self, path: &Path) -> Result<Batch> {
        self.prepare(&self.input.open(path)?)
    }

    /// A batch of one decoded picture; its target is 0.
    ///
    /// # Errors
    /// [`Error::Transform`](crate::Error::Transform).
    pub fn prepare(&self, pixels: &Pixels) -> Result<Batch> {
        let drawn = self.transforms.draw(&mut ChaCha8Rng::seed_from_u64(0));
        let image: Image = drawn.apply(pixels.to_image())?;
        let mut inputs = Array::stack(&[image.into_array()])?;
        if let Some(normalize) = self.normalize.as_ref().filter(|normalize| normalize.inputs) {
            normalize.apply(&mut inputs);
        }
        Ok(Batch { inputs, targets: Array::i64([1], vec![0]), items: vec![0] })
    }

    /// How pictures are opened.
    pub fn input(&self) -> ImageKind {
        self.input
    }

    pub fn target(&self) -> &TargetKind {
        &self.target
    }

    /// The classes, in the order of their indexes.
    pub fn classes(&self) -> &[String] {
        self.target.classes()
    }

    pub fn normalization(&self) -> Option<&Normalize> {
        self.normalize.as_ref()
    }
}
