//! Out of focus.

use image::{GrayImage, RgbImage, imageops};

use crate::image::Pixels;

/// The image, blurred by a Gaussian of this standard deviation, in pixels.
pub(super) fn blurred(pixels: Pixels, sigma: f32) -> Pixels {
    /// Below this, no neighbor weighs as much as one of 255 steps.
    const LEAST: f32 = 0.25;
    if sigma < LEAST {
        return pixels;
    }
    let (width, height) = (pixels.width as u32, pixels.height as u32);
    let whole = "as many bytes as pixels and channels say";
    let bytes = match pixels.channels {
        1 => {
            let image = GrayImage::from_raw(width, height, pixels.bytes).expect(whole);
            imageops::blur(&image, sigma).into_raw()
        }
        _ => {
            let image = RgbImage::from_raw(width, height, pixels.bytes).expect(whole);
            imageops::blur(&image, sigma).into_raw()
        }
    };
    Pixels { bytes, ..pixels }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_spreads_as_far_as_the_deviation_says() {
        let mut bytes = vec![0; 31 * 31];
        bytes[15 * 31 + 15] = 255;
        let point = Pixels { height: 31, width: 31, channels: 1, bytes, full_size: [31, 31] };
        assert_eq!(blurred(point.clone(), 0.1), point);
        // A line, so that bytes hold enough of it.
        let bytes: Vec<u8> = (0..31 * 31).map(|at| if at % 31 == 15 { 255 } else { 0 }).collect();
        let blurred = blurred(Pixels { bytes, ..point }, 2.0);
        let row = &blurred.bytes[15 * 31..16 * 31];
        let sum: f64 = row.iter().map(|byte| f64::from(*byte)).sum();
        let spread = |(x, byte): (usize, &u8)| (x as f64 - 15.0).powi(2) * f64::from(*byte);
        let variance: f64 = row.iter().enumerate().map(spread).sum::<f64>() / sum;
        assert!((sum - 255.0).abs() < 8.0, "{row:?}");
        assert!((variance.sqrt() - 2.0).abs() < 0.15, "{}", variance.sqrt());
    }
}
