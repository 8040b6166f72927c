//! Stage 4: random transforms, drawn anew for each item each time.
//!
//! Draw first, then apply: the draw is a value, so an image and its mask get the same one, and a
//! test can fix it. Geometry is collected while the transforms run (a grid and a matrix, see
//! [`Canvas`]) and sampled once, so that a resize, a warp and a rotation blur a picture no more
//! than one of them.

mod canvas;
mod crop;
mod flip;
#[cfg(test)]
mod golden;
mod pad;
mod pipeline;
mod sample;
mod transforms;

use std::{any::Any, fmt};

use rand::RngCore;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use canvas::{Affine, Canvas, Grid, Interpolation, PaddingMode};
pub use crop::{Crop, CropPad, Place, crop_pad, rand_crop};
pub use flip::{FlipLr, flip_lr};
pub use pad::{Pad, rand_pad};
pub use pipeline::Drawn;
pub(crate) use pipeline::Pipeline;
pub use transforms::{ResizeMethod, Size, Transforms};

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
    /// The last crop to the size that was asked for.
    pub const LAST: i32 = 99;
}

/// A change of a picture with a random part.
pub trait Transform: fmt::Debug + Send + Sync + 'static {
    /// What is random about it; drawn once for an item and its target.
    type Draw: Send + Sync + 'static;

    /// Where it comes among the others; see [`order`].
    fn order(&self) -> i32;

    /// Draws what is random about it.
    fn draw(&self, rng: &mut dyn RngCore) -> Self::Draw;

    /// Does to a picture what was drawn.
    ///
    /// # Errors
    /// [`Error::Transform`] if the picture does not allow it.
    fn apply(&self, canvas: &mut Canvas, draw: &Self::Draw) -> Result<()>;

    /// How it is saved with a model: its name and its parameters.
    fn describe(&self) -> (&'static str, Value);

    /// Whether it is the crop to the size that was asked for, which not every way of resizing
    /// ends with.
    fn is_final_crop(&self) -> bool {
        false
    }
}

/// A [`Transform`] whose draw is hidden, so that a list can hold any of them.
pub(crate) trait AnyTransform: fmt::Debug + Send + Sync {
    fn order(&self) -> i32;
    fn draw(&self, rng: &mut dyn RngCore) -> AnyDraw;
    fn apply(&self, canvas: &mut Canvas, draw: &AnyDraw) -> Result<()>;
    fn describe(&self) -> (&'static str, Value);
    fn is_final_crop(&self) -> bool;
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
        _ => Err("this version knows no such transform".to_owned()),
    };
    transform.map_err(|reason| Error::SavedTransform { name: name.to_owned(), reason })
}
