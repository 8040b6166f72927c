//! A part of any size and format: what ImageNet's networks are trained on.

use rand::{Rng, RngCore};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Canvas, Crop, Place, Transform, Uniform, order, pad::IntoSides};
use crate::Result;

/// This many times it is tried to find a part that lies within the image.
const TRIES: usize = 8;

/// Shows a part of some size and format, in the image's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ZoomSquish {
    /// How many times as large, by area.
    pub scale: Uniform,
    /// How many times as wide as high, or the other way round.
    pub squish: Uniform,
    /// Which part.
    pub place: Place,
}

/// A part that is tried.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Try {
    pub(super) scale: f64,
    pub(super) squish: f64,
    pub(super) invert: bool,
}

impl ZoomSquish {
    pub(super) fn show(canvas: &mut Canvas, tries: &[Try], [row, column]: [f64; 2]) {
        let within = |one: &Try| {
            let (side, ratio) = (1.0 / one.scale.sqrt(), one.squish.sqrt());
            let (w, h) = (side * ratio, side / ratio);
            let fits = w <= 1.0 && h <= 1.0;
            fits.then_some(if one.invert { (h, w) } else { (w, h) })
        };
        let m = match tries.iter().find_map(within) {
            Some((w, h)) => {
                let middle = |size: f64, share: f64| (1.0 - size) * (2.0 * share - 1.0);
                [[w, 0.0, middle(w, column)], [0.0, h, middle(h, row)]]
            }
            // The whole height, or the whole width, as a square.
            None => {
                let [height, width] = canvas.size();
                let ratio = width as f64 / height as f64;
                match ratio > 1.0 {
                    true => [[1.0 / ratio, 0.0, 0.0], [0.0, 1.0, 0.0]],
                    false => [[1.0, 0.0, 0.0], [0.0, ratio, 0.0]],
                }
            }
        };
        canvas.move_grid(m.map(|row| row.map(|value| value as f32)));
    }
}

impl Transform for ZoomSquish {
    type Draw = (Vec<Try>, [f64; 2]);

    fn order(&self) -> i32 {
        order::COORDINATES
    }

    fn draw(&self, rng: &mut dyn RngCore) -> Self::Draw {
        let one = |rng: &mut dyn RngCore| Try {
            scale: self.scale.draw(rng),
            squish: self.squish.draw(rng),
            invert: rng.random(),
        };
        ((0..TRIES).map(|_| one(rng)).collect(), self.place.draw(rng))
    }

    fn apply(&self, canvas: &mut Canvas, (tries, place): &Self::Draw) -> Result<()> {
        Self::show(canvas, tries, *place);
        Ok(())
    }

    fn describe(&self) -> (&'static str, Value) {
        ("zoom_squish", serde_json::to_value(self).expect("plain data"))
    }
}

/// A part of between half and all of an image, in a format between 3:4 and 4:3, brought to `size`.
pub fn rand_resize_crop(size: impl IntoSides) -> (ZoomSquish, Crop) {
    rand_resize_crop_with(size, 2.0, 0.75..=1.33)
}

/// [`rand_resize_crop`] with the largest scale, by area, and the formats, width by height.
pub fn rand_resize_crop_with(
    size: impl IntoSides,
    max_scale: f64,
    ratios: impl Into<Uniform>,
) -> (ZoomSquish, Crop) {
    let zoom = ZoomSquish {
        scale: (1.0..=max_scale).into(),
        squish: ratios.into(),
        place: Place::Anywhere,
    };
    (zoom, Crop { size: size.into_sides(), place: Place::Center })
}
