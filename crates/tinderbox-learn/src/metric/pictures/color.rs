//! What colors an image has.

use burn::tensor::Tensor;

use super::{Measure, host_images};

/// The white of daylight, D65, in XYZ.
const WHITE: [f64; 3] = [0.950_47, 1.0, 1.088_83];
/// Linear sRGB to XYZ: IEC 61966-2-1.
const XYZ: [[f64; 3]; 3] = [
    [0.412_456_4, 0.357_576_1, 0.180_437_5],
    [0.212_672_9, 0.715_152_2, 0.072_175_0],
    [0.019_333_9, 0.119_192_0, 0.950_304_1],
];

/// See [`AbError`](super::AbError).
#[derive(Debug, Clone, Copy, Default)]
pub struct AbErrorMeasure;

impl Measure for AbErrorMeasure {
    fn name(&self) -> &'static str {
        "ab_error"
    }

    fn of(&self, x: Tensor<4>, y: Tensor<4>) -> Result<Vec<f64>, String> {
        let (x, y) = (colors(x)?, colors(y)?);
        let of_image = |(x, y): (&Vec<[f64; 3]>, &Vec<[f64; 3]>)| {
            let distance = |(x, y): (&[f64; 3], &[f64; 3])| {
                let (found, wanted) = (ab(*x), ab(*y));
                (found[0] - wanted[0]).hypot(found[1] - wanted[1])
            };
            x.iter().zip(y).map(distance).sum::<f64>() / x.len() as f64
        };
        Ok(x.iter().zip(&y).map(of_image).collect())
    }
}

/// See [`Colorfulness`](super::Colorfulness).
#[derive(Debug, Clone, Copy, Default)]
pub struct ColorfulnessMeasure;

impl Measure for ColorfulnessMeasure {
    fn name(&self) -> &'static str {
        "colorfulness"
    }

    fn of(&self, x: Tensor<4>, _: Tensor<4>) -> Result<Vec<f64>, String> {
        Ok(colors(x)?.iter().map(|image| colorfulness(image)).collect())
    }
}

/// The colors of each image's pixels, in `0.0..=1.0`.
fn colors(x: Tensor<4>) -> Result<Vec<Vec<[f64; 3]>>, String> {
    if x.dims()[1] != 3 {
        return Err("expected images of 3 channels".into());
    }
    let (images, plane) = host_images(x);
    let of_image = |image: Vec<f32>| {
        let color = |at| [0, 1, 2].map(|channel| f64::from(image[channel * plane + at]));
        (0..plane).map(color).collect()
    };
    Ok(images.into_iter().map(of_image).collect())
}

/// Red against green, yellow against blue: how much both vary, and how far they are from gray.
fn colorfulness(image: &[[f64; 3]]) -> f64 {
    let n = image.len() as f64;
    let opponents = |[r, g, b]: &[f64; 3]| [r - g, f64::midpoint(*r, *g) - b].map(|x| 255.0 * x);
    let [mut sums, mut squares] = [[0.0; 2]; 2];
    for color in image {
        for (axis, value) in opponents(color).into_iter().enumerate() {
            sums[axis] += value;
            squares[axis] += value * value;
        }
    }
    let means = sums.map(|sum| sum / n);
    let variance = (squares[0] + squares[1]) / n - means[0].powi(2) - means[1].powi(2);
    // Rounding may leave it below zero.
    variance.max(0.0).sqrt() + 0.3 * means[0].hypot(means[1])
}

/// a and b of CIELAB.
fn ab(color: [f64; 3]) -> [f64; 2] {
    let linear = color.map(|value| match value <= 0.040_45 {
        true => value / 12.92,
        false => ((value + 0.055) / 1.055).powf(2.4),
    });
    let [x, y, z] = [0, 1, 2].map(|row| {
        let parts = XYZ[row].iter().zip(linear).map(|(weight, value)| weight * value);
        root(parts.sum::<f64>() / WHITE[row])
    });
    [500.0 * (x - y), 200.0 * (y - z)]
}

/// The cube root, but a line near zero.
fn root(share: f64) -> f64 {
    const EDGE: f64 = 6.0 / 29.0;
    match share > EDGE.powi(3) {
        true => share.cbrt(),
        false => share / (3.0 * EDGE * EDGE) + 4.0 / 29.0,
    }
}
