//! What a segmentation model says about an image.

use burn::tensor::Tensor;
use tinderbox_data::{Array, Inference, Input, TargetKind};
use tinderbox_learn::Bundle;

use super::Segment;
use crate::{PredictedMask, Result, Task, answer::together_or_alone, validate::other_model};

/// An image as the model sees it, with its own height and width.
///
/// # Errors
/// If it cannot be read.
pub(super) fn prepare(inference: &Inference, input: Input<'_>) -> Result<(Array, [usize; 2])> {
    let pixels = inference.pixels(input)?;
    Ok((inference.prepare(&pixels)?, [pixels.height, pixels.width]))
}

/// The mask of an image.
///
/// The model looks at its own size; what it says of each class is interpolated to the image's,
/// and the likeliest class taken there.
///
/// # Errors
/// [`TaskError::OtherModel`](crate::TaskError::OtherModel) for a model of another task; if the image
/// cannot be read; whatever goes wrong in the model.
pub fn predict_mask(model: &Bundle, input: Input<'_>) -> Result<PredictedMask> {
    masks(model, vec![prepare(&model.manifest.inference, input)?]).remove(0)
}

/// The masks of some images, which go through the model together if they can.
pub(super) fn masks(
    model: &Bundle,
    images: Vec<(Array, [usize; 2])>,
) -> Vec<Result<PredictedMask>> {
    together_or_alone(images, |images| at_once(model, images))
}

fn at_once(model: &Bundle, images: Vec<(Array, [usize; 2])>) -> Result<Vec<PredictedMask>> {
    let inference = &model.manifest.inference;
    let TargetKind::Mask { classes, .. } = inference.target() else {
        return Err(other_model(model, Segment::ABOUT.noun));
    };
    let (inputs, sizes): (Vec<Array>, Vec<[usize; 2]>) = images.into_iter().unzip();
    let batch = inference.batch(inputs)?;
    let logits: Tensor<4> = model.outputs(batch)?.expect_for("a segmentation model");
    let [_, n, height, width] = logits.dims();
    let logits: Vec<f32> =
        logits.into_data().convert::<f32>().try_to_vec().expect("just converted");
    let mask = |(logits, size): (&[f32], [usize; 2])| PredictedMask {
        height: size[0],
        width: size[1],
        codes: likeliest(logits, [n, height, width], size),
        classes: classes.clone(),
    };
    Ok(logits.chunks_exact(n * height * width).zip(sizes).map(mask).collect())
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
}
