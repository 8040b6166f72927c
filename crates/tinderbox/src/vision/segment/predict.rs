//! What a segmenter says about a picture.

use std::path::Path;

use burn::tensor::Tensor;
use tinderbox_data::{
    Array, Input, TargetKind,
    image::{Pixels, save_mask},
    picture::{Palette, Picture},
};
use tinderbox_learn::Bundle;

use crate::{Error, Result};

/// A class for each pixel of a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictedMask {
    /// Those of the picture, whatever size the model works at.
    pub height: usize,
    pub width: usize,
    /// Row by row.
    pub codes: Vec<u8>,
    /// The model's classes, in the order of their codes.
    pub classes: Vec<String>,
}

impl PredictedMask {
    /// Writes it as a PNG file whose pixels are entries of a palette: people see the classes' colors,
    /// programs read their codes.
    ///
    /// # Errors
    /// [`tinderbox_data::Error::Write`].
    pub fn save(&self, file: &Path) -> Result<()> {
        let palette = Palette::of(&self.classes);
        Ok(save_mask(file, &self.codes, [self.height, self.width], &palette)?)
    }

    /// The picture that it is of with the classes' colors over it, and what they mean below.
    ///
    /// # Panics
    /// If the picture is of another size.
    pub fn over(&self, pixels: &Pixels) -> Picture {
        let palette = Palette::of(&self.classes);
        let mut picture = Picture::of_image(&pixels.to_image());
        let codes = self.codes.iter().map(|code| i64::from(*code)).collect();
        picture.overlay(&Array::i64([1, self.height, self.width], codes), &palette);
        picture.above(&palette.legend(self.width))
    }

    /// The share of the picture that each class takes, in the order of the codes.
    pub fn shares(&self) -> Vec<f64> {
        let mut counts = vec![0usize; self.classes.len()];
        for code in &self.codes {
            counts[usize::from(*code)] += 1;
        }
        counts.into_iter().map(|count| count as f64 / self.codes.len() as f64).collect()
    }
}

/// The mask of the picture in a file.
///
/// The model looks at its own size; what it says of each class is interpolated to the picture's,
/// and the likeliest class taken there.
///
/// # Errors
/// [`Error::NotASegmenter`] for a model of another kind; [`Error::Data`] if the picture cannot be
/// read; whatever goes wrong in the model.
pub fn predict_mask(model: &Bundle, file: &Path) -> Result<PredictedMask> {
    let inference = &model.manifest.inference;
    let TargetKind::Mask { classes, .. } = inference.target() else {
        return Err(Error::NotASegmenter { what: inference.describe() });
    };
    let pixels = inference.pixels(Input::File(file))?;
    let input = inference.prepare(&pixels).map_err(|error| error.of_item(file.display()))?;
    let logits: Tensor<4> = model.outputs(inference.batch(vec![input])?)?.expect_for("a segmenter");
    let [_, n, height, width] = logits.dims();
    let logits: Vec<f32> =
        logits.into_data().convert::<f32>().try_to_vec().expect("just converted");
    let codes = likeliest(&logits, [n, height, width], [pixels.height, pixels.width]);
    Ok(PredictedMask {
        height: pixels.height,
        width: pixels.width,
        codes,
        classes: classes.clone(),
    })
}

/// Where a pixel of one size lies among those of another: the two nearest, and how far it is from
/// the first to the second.
fn between(at: usize, of: usize, among: usize) -> (usize, usize, f32) {
    let position = (at as f32 + 0.5) * among as f32 / of as f32 - 0.5;
    let position = position.clamp(0.0, (among - 1) as f32);
    let first = position as usize;
    (first, (first + 1).min(among - 1), position - first as f32)
}

/// The largest of `[classes, height, width]` at each pixel of another size, between which is linear.
fn likeliest(logits: &[f32], [classes, height, width]: [usize; 3], to: [usize; 2]) -> Vec<u8> {
    let columns: Vec<_> = (0..to[1]).map(|x| between(x, to[1], width)).collect();
    let mut codes = Vec::with_capacity(to[0] * to[1]);
    let mut best = vec![f32::NEG_INFINITY; to[1]];
    let mut row_codes = vec![0u8; to[1]];
    let mut row = vec![0f32; width];
    for y in 0..to[0] {
        let (above, below, down) = between(y, to[0], height);
        best.fill(f32::NEG_INFINITY);
        for (class, plane) in logits.chunks_exact(height * width).take(classes).enumerate() {
            let (above, below) = (&plane[above * width..], &plane[below * width..]);
            for (value, (a, b)) in row.iter_mut().zip(above.iter().zip(below)) {
                *value = a + (b - a) * down;
            }
            for (x, &(left, right, along)) in columns.iter().enumerate() {
                let value = row[left] + (row[right] - row[left]) * along;
                if value > best[x] {
                    (best[x], row_codes[x]) = (value, class as u8);
                }
            }
        }
        codes.extend_from_slice(&row_codes);
    }
    codes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_class_of_each_pixel() {
        // Two classes on 1×2 pixels: the first is likelier left, the second right.
        let logits = [1.0, 0.0, 0.0, 1.0];
        assert_eq!(likeliest(&logits, [2, 1, 2], [1, 2]), [0, 1]);
        assert_eq!(likeliest(&logits, [2, 1, 2], [2, 4]), [0, 0, 1, 1, 0, 0, 1, 1]);
        assert_eq!(likeliest(&logits, [2, 1, 2], [1, 1]), [0]);
    }

    #[test]
    fn shares_sum_to_one() {
        let classes = ["a", "b", "c"].map(String::from).into();
        let mask = PredictedMask { height: 1, width: 4, codes: vec![0, 0, 2, 0], classes };
        assert_eq!(mask.shares(), [0.75, 0.0, 0.25]);
    }
}
