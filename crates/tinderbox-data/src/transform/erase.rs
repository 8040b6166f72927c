//! Parts of an image that are taken away.

use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Canvas, Transform, order};
use crate::Result;

/// Blackens squares anywhere, which may reach over the edge.
///
/// DeVries and Taylor, [Improved Regularization of Convolutional Neural Networks with
/// Cutout](https://arxiv.org/abs/1708.04552), 2017.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cutout {
    /// The fewest and the most of them.
    pub n_holes: (usize, usize),
    /// The shortest and the longest side, in pixels.
    pub length: (usize, usize),
}

/// Blackens between this many squares with sides of between this many pixels: `cutout((1, 4), (5, 160))`.
#[doc(alias = "RandomErasing")]
pub fn cutout(n_holes: (usize, usize), length: (usize, usize)) -> Cutout {
    Cutout { n_holes, length }
}

impl Cutout {
    /// Blackens squares of this side around these rows and columns.
    pub(super) fn cut(canvas: &mut Canvas, length: usize, centers: &[[usize; 2]]) {
        canvas.pixels(|mut image| {
            let half = length as f64 / 2.0;
            let hole = |center: usize, n: usize| {
                let bound = |at: f64| at.clamp(0.0, n as f64) as usize;
                bound(center as f64 - half)..bound(center as f64 + half)
            };
            let (height, width) = (image.height, image.width);
            for [row, column] in centers {
                let (rows, columns) = (hole(*row, height), hole(*column, width));
                for plane in image.pixels.chunks_exact_mut(height * width) {
                    for row in rows.clone() {
                        plane[row * width..][..width][columns.clone()].fill(0.0);
                    }
                }
            }
            image
        });
    }
}

impl Transform for Cutout {
    /// How many, how long, and the seed of where.
    type Draw = (usize, usize, u64);

    fn order(&self) -> i32 {
        order::ERASE
    }

    fn draw(&self, rng: &mut dyn RngCore) -> Self::Draw {
        let mut between = |(low, high): (usize, usize)| rng.random_range(low..=high.max(low));
        let (n, length) = (between(self.n_holes), between(self.length));
        (n, length, rng.next_u64())
    }

    fn apply(&self, canvas: &mut Canvas, &(n, length, seed): &Self::Draw) -> Result<()> {
        let [height, width] = canvas.size();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let centers: Vec<[usize; 2]> =
            (0..n).map(|_| [rng.random_range(0..height), rng.random_range(0..width)]).collect();
        Self::cut(canvas, length, &centers);
        Ok(())
    }

    fn describe(&self) -> (&'static str, Value) {
        ("cutout", serde_json::to_value(self).expect("plain data"))
    }
}

/// Puts noise in the place of one channel. In fastai, whose way this is, it is never the last one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RgbRandomize {
    /// Drawn if it is not said.
    pub channel: Option<usize>,
    /// How light the noise is at most, in `0.0..=1.0`.
    pub thresh: f64,
}

/// Puts noise in the place of one channel, at most so light: `rgb_randomize(0.3)`.
pub fn rgb_randomize(thresh: f64) -> RgbRandomize {
    RgbRandomize { channel: None, thresh }
}

impl Transform for RgbRandomize {
    type Draw = u64;

    fn order(&self) -> i32 {
        order::PIXELS
    }

    fn draw(&self, rng: &mut dyn RngCore) -> u64 {
        rng.next_u64()
    }

    fn apply(&self, canvas: &mut Canvas, seed: &u64) -> Result<()> {
        let Self { channel, thresh } = *self;
        let mut rng = ChaCha8Rng::seed_from_u64(*seed);
        canvas.pixels(|mut image| {
            let last = image.channels.saturating_sub(1);
            let drawn = rng.random_range(0..last.max(1));
            let channel = channel.unwrap_or(drawn).min(last);
            let most = thresh as f32 * rng.random::<f32>();
            let plane = image.height * image.width;
            for value in &mut image.pixels[channel * plane..][..plane] {
                *value = rng.random::<f32>() * most;
            }
            image
        });
        Ok(())
    }

    fn describe(&self) -> (&'static str, Value) {
        ("rgb_randomize", serde_json::to_value(self).expect("plain data"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Image,
        transform::{Interpolation, PaddingMode},
    };

    fn run<T: Transform>(transform: &T, seed: u64) -> Image {
        let image = Image::filled([3, 12, 16], 0.9);
        let mut canvas = Canvas::new(image, PaddingMode::Zeros, Interpolation::Bilinear);
        let draw = transform.draw(&mut ChaCha8Rng::seed_from_u64(seed));
        transform.apply(&mut canvas, &draw).unwrap();
        canvas.into_image()
    }

    #[test]
    fn holes_are_black_in_all_channels() {
        let image = run(&cutout((2, 2), (4, 4)), 1);
        let planes: Vec<&[f32]> = image.pixels.chunks_exact(12 * 16).collect();
        let black = planes[0].iter().filter(|value| **value == 0.0).count();
        assert!((4..=32).contains(&black), "{black}");
        assert!(planes.iter().all(|plane| *plane == planes[0]));
        assert_ne!(run(&cutout((2, 2), (4, 4)), 2), image);
    }

    #[test]
    fn one_channel_becomes_dark_noise() {
        let image = run(&rgb_randomize(0.3), 4);
        let noisy: Vec<bool> = image
            .pixels
            .chunks_exact(12 * 16)
            .map(|plane| plane.iter().all(|v| *v < 0.3))
            .collect();
        assert_eq!(noisy.iter().filter(|noisy| **noisy).count(), 1, "{noisy:?}");
        assert!(!noisy[2]);
    }
}
