//! Stage 4: random transforms, drawn anew for each item each time.
//!
//! Draw first, then apply: the draw is a value, so an image and its mask get the same one, and a
//! test can fix it. What they do is collected (see [`Canvas`]) and done at once for the pixels that
//! are left, so that a resize, a warp and a rotation blur an image no more than one of them.

mod affine;
mod augmentation;
mod canvas;
mod chance;
mod crop;
mod erase;
mod flip;
mod geometry;
#[cfg(test)]
mod golden;
mod lighting;
mod pad;
mod pipeline;
mod sample;
mod transforms;
mod view;
mod warp;
mod zoom_squish;

use std::{any::Any, fmt};

use rand::RngCore;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use affine::{
    Dihedral, DihedralAffine, FlipAffine, Rotate, Squish, Ways, Zoom, dihedral, dihedral_affine,
    flip_affine, rand_zoom, rotate, squish, zoom,
};
pub use augmentation::{Augmentation, get_transforms};
pub use canvas::{Canvas, Interpolation, PaddingMode};
pub use chance::{Sometimes, Uniform};
pub use crop::{Crop, CropPad, Place, crop_pad, rand_crop};
pub use erase::{Cutout, RgbRandomize, cutout, rgb_randomize};
pub use flip::{FlipLr, flip_lr};
pub use geometry::{Affine, Perspective, Point};
pub use lighting::{Brightness, Contrast, brightness, contrast};
pub use pad::{Pad, rand_pad};
pub use pipeline::Drawn;
pub(crate) use pipeline::Pipeline;
pub use transforms::{LabelTransforms, ResizeMethod, Size, Transforms};
pub use view::TtaView;
pub use warp::{
    Direction, Jitter, PerspectiveWarp, Skew, SymmetricWarp, Tilt, jitter, perspective_warp, skew,
    symmetric_warp, tilt,
};
pub use zoom_squish::{ZoomSquish, rand_resize_crop, rand_resize_crop_with};

use crate::{Error, Result};

/// When a transform runs among the others: low orders first, equal ones as they were given.
pub mod order {
    /// Padding of the pixels as they came.
    pub const FIRST: i32 = -10;
    /// Warps of the grid.
    pub const COORDINATES: i32 = 4;
    /// Rotations, zooms: matrices.
    pub const AFFINE: i32 = 5;
    /// Brightness, contrast.
    pub const LIGHTING: i32 = 8;
    /// Flips and crops of pixels.
    pub const PIXELS: i32 = 10;
    /// What takes parts away.
    pub const ERASE: i32 = 20;
    /// The last crop to the size that was asked for.
    pub const LAST: i32 = 99;
}

/// A change of an image with a random part.
pub trait Transform: fmt::Debug + Send + Sync + 'static {
    /// What is random about it; drawn once for an item and its target.
    type Draw: Send + Sync + 'static;

    /// Where it comes among the others; see [`order`].
    fn order(&self) -> i32;

    /// Draws what is random about it.
    fn draw(&self, rng: &mut dyn RngCore) -> Self::Draw;

    /// Does to an image what was drawn.
    ///
    /// # Errors
    /// [`Error::Transform`] if the image does not allow it.
    fn apply(&self, canvas: &mut Canvas, draw: &Self::Draw) -> Result<()>;

    /// How it is saved with a model: its name and its parameters.
    fn describe(&self) -> (&'static str, Value);

    /// Whether it is the crop to the size that was asked for, which not every way of resizing
    /// ends with.
    fn is_final_crop(&self) -> bool {
        false
    }

    /// What it is called, whoever calls it.
    fn name(&self) -> &'static str {
        self.describe().0
    }

    /// The same for a share of the items, in `0.0..=1.0`.
    fn sometimes(self, p: f64) -> Sometimes
    where
        Self: Sized,
    {
        Sometimes::new(self, p, true)
    }

    /// The same for inputs only: masks and images that belong to them stay as they are.
    fn not_on_labels(self) -> Sometimes
    where
        Self: Sized,
    {
        Sometimes::new(self, 1.0, false)
    }
}

/// A [`Transform`] whose draw is hidden, so that a list can hold any of them.
pub(crate) trait AnyTransform: fmt::Debug + Send + Sync {
    fn order(&self) -> i32;
    fn draw(&self, rng: &mut dyn RngCore) -> AnyDraw;
    fn apply(&self, canvas: &mut Canvas, draw: &AnyDraw) -> Result<()>;
    fn describe(&self) -> (&'static str, Value);
    fn is_final_crop(&self) -> bool;
    fn name(&self) -> &'static str;
}

/// What an [`AnyTransform`] drew; only that transform knows what is in it.
pub(crate) type AnyDraw = Box<dyn Any + Send + Sync>;

impl<T: Transform> AnyTransform for T {
    fn order(&self) -> i32 {
        Transform::order(self)
    }

    fn draw(&self, rng: &mut dyn RngCore) -> AnyDraw {
        Box::new(Transform::draw(self, rng))
    }

    fn apply(&self, canvas: &mut Canvas, draw: &AnyDraw) -> Result<()> {
        let draw = draw.downcast_ref().expect("a transform gets back what it drew");
        Transform::apply(self, canvas, draw)
    }

    fn describe(&self) -> (&'static str, Value) {
        Transform::describe(self)
    }

    fn is_final_crop(&self) -> bool {
        Transform::is_final_crop(self)
    }

    fn name(&self) -> &'static str {
        Transform::name(self)
    }
}

/// The transform that [`Transform::describe`] describes.
pub(crate) fn from_description(name: &str, parameters: &Value) -> Result<Box<dyn AnyTransform>> {
    fn read<T: AnyTransform + DeserializeOwned + 'static>(
        value: &Value,
    ) -> Result<Box<dyn AnyTransform>, String> {
        let transform: T = T::deserialize(value).map_err(|error| error.to_string())?;
        Ok(Box::new(transform))
    }
    let transform = match name {
        "pad" => read::<Pad>(parameters),
        "crop" => read::<Crop>(parameters),
        "crop_pad" => read::<CropPad>(parameters),
        "flip_lr" => read::<FlipLr>(parameters),
        "flip_affine" => read::<FlipAffine>(parameters),
        "rotate" => read::<Rotate>(parameters),
        "zoom" => read::<Zoom>(parameters),
        "squish" => read::<Squish>(parameters),
        "dihedral" => read::<Dihedral>(parameters),
        "dihedral_affine" => read::<DihedralAffine>(parameters),
        "symmetric_warp" => read::<SymmetricWarp>(parameters),
        "perspective_warp" => read::<PerspectiveWarp>(parameters),
        "tilt" => read::<Tilt>(parameters),
        "skew" => read::<Skew>(parameters),
        "jitter" => read::<Jitter>(parameters),
        "zoom_squish" => read::<ZoomSquish>(parameters),
        "brightness" => read::<Brightness>(parameters),
        "contrast" => read::<Contrast>(parameters),
        "cutout" => read::<Cutout>(parameters),
        "rgb_randomize" => read::<RgbRandomize>(parameters),
        "sometimes" => return Ok(Box::new(Sometimes::from_description(parameters)?)),
        _ => Err("this version knows no such transform".to_owned()),
    };
    transform.map_err(|reason| Error::SavedTransform { name: name.to_owned(), reason })
}
