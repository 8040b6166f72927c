//! Padding, and the lesson's augmentation for digits.

use rand::RngCore;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Canvas, Crop, PaddingMode, Place, Transform, order, pipeline::possible};
use crate::{Error, Image, Result};

/// Adds pixels on all four sides.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Pad {
    /// How many, on each side.
    pub padding: usize,
    /// What they show.
    pub mode: PaddingMode,
}

impl Transform for Pad {
    type Draw = ();

    fn order(&self) -> i32 {
        order::FIRST
    }

    fn draw(&self, _: &mut dyn RngCore) {}

    fn apply(&self, canvas: &mut Canvas, (): &()) -> Result<()> {
        let [height, width] = canvas.size();
        if self.mode == PaddingMode::Reflection && self.padding >= height.min(width) {
            let reason =
                format!("{height}×{width} pixels cannot be mirrored for {} more", self.padding);
            return Err(Error::Transform { reason });
        }
        let padded = |side: usize| side.saturating_add(self.padding.saturating_mul(2));
        possible([padded(height), padded(width)])?;
        canvas.pad([self.padding; 2], self.mode);
        Ok(())
    }

    fn describe(&self) -> (&'static str, Value) {
        ("pad", serde_json::to_value(self).expect("plain data"))
    }
}

/// Pads by `rows` above and below, `columns` left and right.
pub(super) fn pad(image: &Image, [rows, columns]: [usize; 2], mode: PaddingMode) -> Image {
    let (height, width) = (image.height + 2 * rows, image.width + 2 * columns);
    let mut out = Image::filled([image.channels, height, width], 0.0);
    let from = |at: usize, before: usize, n: usize| -> Option<usize> {
        let at = at as isize - before as isize;
        let last = n as isize - 1;
        match mode {
            _ if (0..=last).contains(&at) => Some(at as usize),
            PaddingMode::Zeros => None,
            PaddingMode::Border => Some(at.clamp(0, last) as usize),
            PaddingMode::Reflection => {
                let period = (2 * last).max(1);
                let at = at.rem_euclid(period);
                Some(at.min(period - at) as usize)
            }
        }
    };
    for channel in 0..image.channels {
        for y in 0..height {
            let Some(row) = from(y, rows, image.height) else { continue };
            let source =
                &image.pixels[(channel * image.height + row) * image.width..][..image.width];
            let target = &mut out.pixels[(channel * height + y) * width..][..width];
            target[columns..columns + image.width].copy_from_slice(source);
            for x in (0..columns).chain(columns + image.width..width) {
                if let Some(column) = from(x, columns, image.width) {
                    target[x] = source[column];
                }
            }
        }
    }
    out
}

/// Pads with black and crops at a random place: a digit moves by up to `padding` pixels. The
/// lesson's `rand_pad(3, 28, mode='zeros')`.
pub fn rand_pad(padding: usize, size: impl IntoSides) -> (Pad, Crop) {
    let crop = Crop { size: size.into_sides(), place: Place::Anywhere };
    (Pad { padding, mode: PaddingMode::Zeros }, crop)
}

/// The side of a square, or height and width.
pub trait IntoSides {
    #[doc(hidden)]
    fn into_sides(self) -> [usize; 2];
}

impl IntoSides for usize {
    fn into_sides(self) -> [usize; 2] {
        [self; 2]
    }
}

impl IntoSides for [usize; 2] {
    fn into_sides(self) -> [usize; 2] {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(mode: PaddingMode) -> Vec<f32> {
        let image = Image { channels: 1, height: 1, width: 3, pixels: vec![1.0, 2.0, 3.0] };
        pad(&image, [0, 2], mode).pixels
    }

    #[test]
    fn every_mode_fills_its_way() {
        assert_eq!(row(PaddingMode::Zeros), [0.0, 0.0, 1.0, 2.0, 3.0, 0.0, 0.0]);
        assert_eq!(row(PaddingMode::Border), [1.0, 1.0, 1.0, 2.0, 3.0, 3.0, 3.0]);
        assert_eq!(row(PaddingMode::Reflection), [3.0, 2.0, 1.0, 2.0, 3.0, 2.0, 1.0]);
    }

    #[test]
    fn a_picture_too_small_to_be_mirrored_is_refused() {
        let image = Image::filled([1, 2, 2], 0.0);
        let mut canvas =
            Canvas::new(image, PaddingMode::default(), super::super::Interpolation::default());
        let error =
            Pad { padding: 2, mode: PaddingMode::Reflection }.apply(&mut canvas, &()).unwrap_err();
        assert!(error.to_string().ends_with("2×2 pixels cannot be mirrored for 2 more"), "{error}");
    }
}
