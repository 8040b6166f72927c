//! Taking a window of the pixels.

use rand::{Rng, RngCore};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Canvas, PaddingMode, Transform, order, pipeline::possible};
use crate::{Error, Result};

/// Where a window is taken: the share of the room that is left above it and left of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// As much on the one side as on the other.
    Center,
    /// Drawn for each item.
    Anywhere,
    /// Row share and column share, in `0.0..=1.0`.
    At(f64, f64),
}

impl Place {
    pub(super) fn draw(self, rng: &mut dyn RngCore) -> [f64; 2] {
        match self {
            Self::Center => [0.5, 0.5],
            Self::Anywhere => [rng.random(), rng.random()],
            Self::At(row, column) => [row, column],
        }
    }
}

/// Takes a window that must fit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Crop {
    /// Height and width of the window.
    pub size: [usize; 2],
    /// Where the window is.
    pub place: Place,
}

impl Transform for Crop {
    type Draw = [f64; 2];

    fn order(&self) -> i32 {
        order::PIXELS
    }

    fn draw(&self, rng: &mut dyn RngCore) -> [f64; 2] {
        self.place.draw(rng)
    }

    fn apply(&self, canvas: &mut Canvas, place: &[f64; 2]) -> Result<()> {
        let ([height, width], [rows, columns]) = (canvas.size(), self.size);
        possible(self.size)?;
        if rows > height || columns > width {
            let reason = format!("{rows}×{columns} pixels cannot be cropped from {height}×{width}");
            return Err(Error::Transform { reason });
        }
        canvas.crop(start([height, width], self.size, *place), self.size);
        Ok(())
    }

    fn describe(&self) -> (&'static str, Value) {
        ("crop", serde_json::to_value(self).expect("plain data"))
    }
}

/// Takes a window of the size that the pipeline asks for, padding first what is too small.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CropPad {
    /// Height and width; the pipeline's size if there is none.
    pub size: Option<[usize; 2]>,
    /// The pipeline's if there is none, as always in fastai.
    pub padding: Option<PaddingMode>,
    /// Where the window is.
    pub place: Place,
}

impl CropPad {
    fn centered() -> Self {
        Self { size: None, padding: None, place: Place::Center }
    }

    /// The same crop to `size`, unless it has one of its own.
    pub(super) fn apply_to(self, canvas: &mut Canvas, place: [f64; 2], size: [usize; 2]) {
        let [rows, columns] = self.size.unwrap_or(size);
        if canvas.size() == [rows, columns] {
            return;
        }
        let padding = self.padding.unwrap_or(canvas.target_padding());
        let [height, width] = canvas.size();
        if height < rows || width < columns {
            let missing = |want: usize, have: usize| (want + 1).saturating_sub(have) / 2;
            canvas.pad([missing(rows, height), missing(columns, width)], padding);
        }
        canvas.crop(start(canvas.size(), [rows, columns], place), [rows, columns]);
    }
}

impl Transform for CropPad {
    type Draw = [f64; 2];

    fn order(&self) -> i32 {
        order::LAST
    }

    fn draw(&self, rng: &mut dyn RngCore) -> [f64; 2] {
        self.place.draw(rng)
    }

    fn apply(&self, canvas: &mut Canvas, place: &[f64; 2]) -> Result<()> {
        let size = self.size.or(canvas.target()).unwrap_or(canvas.size());
        possible(size)?;
        self.apply_to(canvas, *place, size);
        Ok(())
    }

    fn describe(&self) -> (&'static str, Value) {
        ("crop_pad", serde_json::to_value(self).expect("plain data"))
    }

    fn is_final_crop(&self) -> bool {
        true
    }
}

/// A centred crop to the pipeline's size.
pub fn crop_pad() -> CropPad {
    CropPad::centered()
}

/// A crop to the pipeline's size at a random place.
pub fn rand_crop() -> CropPad {
    CropPad { place: Place::Anywhere, ..CropPad::centered() }
}

/// The row and the column at which a window begins.
fn start(size: [usize; 2], window: [usize; 2], place: [f64; 2]) -> [usize; 2] {
    [0, 1].map(|axis| {
        // At 1 exactly, the window would start one pixel too far.
        let share = place[axis].clamp(0.0, 1.0 - 1e-7);
        ((size[axis] - window[axis] + 1) as f64 * share) as usize
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Image, transform::Interpolation};

    fn image() -> Image {
        Image { channels: 1, height: 2, width: 3, pixels: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0] }
    }

    #[test]
    fn the_window_goes_where_it_is_told() {
        let crop = |size, place| {
            let mut canvas = Canvas::new(image(), PaddingMode::Zeros, Interpolation::Bilinear);
            Crop { size, place: Place::Center }.apply(&mut canvas, &place).unwrap();
            canvas.into_image().pixels
        };
        assert_eq!(crop([1, 2], [0.0, 0.0]), [1.0, 2.0]);
        assert_eq!(crop([1, 2], [1.0, 1.0]), [5.0, 6.0]);
        assert_eq!(crop([2, 1], [0.5, 0.5]), [2.0, 5.0]);
    }

    #[test]
    fn what_is_too_small_is_padded() {
        let mut canvas = Canvas::new(image(), PaddingMode::Zeros, Interpolation::Bilinear);
        crop_pad().apply_to(&mut canvas, [0.5, 0.5], [4, 3]);
        let pixels = canvas.into_image().pixels;
        assert_eq!(pixels, [0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn a_window_larger_than_the_picture_is_refused() {
        let mut canvas = Canvas::new(image(), PaddingMode::Zeros, Interpolation::Bilinear);
        let crop = Crop { size: [3, 3], place: Place::Center };
        let error = crop.apply(&mut canvas, &[0.5, 0.5]).unwrap_err();
        assert!(error.to_string().ends_with("3×3 pixels cannot be cropped from 2×3"), "{error}");
    }
}
