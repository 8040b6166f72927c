//! Digits drawn from strokes of our own: a real data set that needs no download.
//!
//! Each digit has a few shapes made of lines and arcs. An image is one of them at a random size,
//! place, slant, rotation and thickness, its points shaken, drawn without hard edges and with noise
//! on top. Everything follows from the seed.

use std::{f32::consts::TAU, fs, path::Path};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{Error, Result};

/// Side of an image in pixels: MNIST's.
pub const SIDE: usize = 28;

/// How many digits are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DigitsConfig {
    /// Of each digit, in the folder `training`.
    pub train_per_class: usize,
    /// Of each digit, in the folder `testing`.
    pub test_per_class: usize,
    /// The same seed draws the same digits.
    pub seed: u64,
}

impl Default for DigitsConfig {
    fn default() -> Self {
        Self { train_per_class: 400, test_per_class: 100, seed: 42 }
    }
}

/// A part of a digit, in a box from (0, 0) at the top left to (1, 1) at the bottom right.
#[derive(Debug, Clone, Copy)]
enum Stroke {
    /// From a point to a point.
    Line([f32; 2], [f32; 2]),
    /// Part of an ellipse: centre, radii, first and last angle in turns, clockwise from the right.
    Arc([f32; 2], [f32; 2], [f32; 2]),
}

use Stroke::{Arc, Line};

/// The shapes of each digit.
const SHAPES: [&[&[Stroke]]; 10] = [
    &[&[Arc([0.5, 0.5], [0.36, 0.5], [0.0, 1.0])], &[Arc([0.5, 0.5], [0.28, 0.5], [0.05, 1.02])]],
    &[
        &[Line([0.5, 0.0], [0.5, 1.0])],
        &[Line([0.3, 0.22], [0.55, 0.0]), Line([0.55, 0.0], [0.55, 1.0])],
        &[
            Line([0.3, 0.2], [0.5, 0.0]),
            Line([0.5, 0.0], [0.5, 1.0]),
            Line([0.25, 1.0], [0.75, 1.0]),
        ],
    ],
    &[
        &[
            Arc([0.5, 0.28], [0.34, 0.28], [0.5, 1.08]),
            Line([0.78, 0.44], [0.15, 1.0]),
            Line([0.15, 1.0], [0.88, 1.0]),
        ],
        &[
            Arc([0.5, 0.28], [0.32, 0.28], [0.55, 1.12]),
            Line([0.72, 0.48], [0.22, 0.9]),
            Arc([0.27, 0.9], [0.1, 0.09], [0.25, 1.0]),
            Line([0.3, 0.92], [0.9, 0.98]),
        ],
    ],
    &[
        &[
            Arc([0.46, 0.26], [0.32, 0.26], [0.55, 1.25]),
            Arc([0.46, 0.75], [0.36, 0.25], [0.75, 1.45]),
        ],
        &[
            Line([0.2, 0.0], [0.8, 0.0]),
            Line([0.8, 0.0], [0.45, 0.42]),
            Arc([0.45, 0.71], [0.36, 0.29], [0.75, 1.42]),
        ],
    ],
    &[
        &[
            Line([0.62, 0.0], [0.12, 0.64]),
            Line([0.12, 0.64], [0.92, 0.64]),
            Line([0.68, 0.3], [0.68, 1.0]),
        ],
        &[
            Line([0.2, 0.0], [0.16, 0.5]),
            Line([0.16, 0.5], [0.84, 0.5]),
            Line([0.8, 0.0], [0.74, 1.0]),
        ],
    ],
    &[
        &[
            Line([0.82, 0.0], [0.26, 0.0]),
            Line([0.26, 0.0], [0.2, 0.44]),
            Arc([0.46, 0.69], [0.38, 0.31], [0.66, 1.42]),
        ],
        &[
            Line([0.8, 0.02], [0.3, 0.02]),
            Line([0.3, 0.02], [0.28, 0.45]),
            Arc([0.42, 0.72], [0.36, 0.28], [0.7, 1.38]),
        ],
    ],
    &[
        &[Arc([0.72, 0.6], [0.52, 0.6], [0.5, 0.76]), Arc([0.5, 0.71], [0.3, 0.29], [0.0, 1.0])],
        &[Line([0.66, 0.0], [0.24, 0.6]), Arc([0.5, 0.71], [0.29, 0.29], [0.0, 1.0])],
    ],
    &[
        &[Line([0.12, 0.0], [0.86, 0.0]), Line([0.86, 0.0], [0.38, 1.0])],
        &[
            Line([0.12, 0.02], [0.86, 0.0]),
            Line([0.86, 0.0], [0.4, 1.0]),
            Line([0.34, 0.5], [0.8, 0.5]),
        ],
        &[
            Line([0.14, 0.16], [0.16, 0.0]),
            Line([0.16, 0.0], [0.84, 0.0]),
            Line([0.84, 0.0], [0.5, 1.0]),
        ],
    ],
    &[
        &[Arc([0.5, 0.25], [0.27, 0.25], [0.0, 1.0]), Arc([0.5, 0.74], [0.33, 0.26], [0.0, 1.0])],
        &[
            Arc([0.5, 0.24], [0.26, 0.22], [0.1, 0.98]),
            Arc([0.48, 0.72], [0.32, 0.27], [0.02, 0.95]),
        ],
    ],
    &[
        &[Arc([0.46, 0.3], [0.32, 0.3], [0.0, 1.0]), Line([0.78, 0.3], [0.7, 1.0])],
        &[Arc([0.48, 0.28], [0.3, 0.28], [0.0, 1.0]), Arc([0.28, 0.38], [0.5, 0.62], [0.0, 0.2])],
    ],
];

/// Writes the data set below `root`: `training/<digit>/<n>.png` and `testing/<digit>/<n>.png`,
/// white on black, 28×28, 8-bit gray.
///
/// # Errors
/// [`Error::Write`] with the path.
pub fn write_digits(root: impl AsRef<Path>, config: &DigitsConfig) -> Result<()> {
    let root = root.as_ref();
    for (set, count) in [("training", config.train_per_class), ("testing", config.test_per_class)] {
        for digit in 0..SHAPES.len() {
            let folder = root.join(set).join(digit.to_string());
            fs::create_dir_all(&folder)
                .map_err(|source| Error::Write { path: folder.clone(), source })?;
            for n in 0..count {
                let path = folder.join(format!("{n}.png"));
                let pixels = draw(digit, generator(config.seed, set, digit, n));
                let save = image::save_buffer(
                    &path,
                    &pixels,
                    SIDE as u32,
                    SIDE as u32,
                    image::ExtendedColorType::L8,
                );
                save.map_err(|error| Error::Write { path, source: std::io::Error::other(error) })?;
            }
        }
    }
    Ok(())
}

/// The generator of one image.
fn generator(seed: u64, set: &str, digit: usize, n: usize) -> ChaCha8Rng {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&(n as u64).to_le_bytes());
    bytes[16] = digit as u8;
    bytes[17] = set.len() as u8;
    ChaCha8Rng::from_seed(bytes)
}

/// Draws a digit: [`SIDE`] × [`SIDE`] bytes.
fn draw(digit: usize, mut rng: ChaCha8Rng) -> Vec<u8> {
    let shape = SHAPES[digit][rng.random_range(0..SHAPES[digit].len())];
    let hand = Hand::random(&mut rng);
    let lines: Vec<[[f32; 2]; 2]> = shape
        .iter()
        .flat_map(|stroke| {
            let points: Vec<[f32; 2]> =
                points(*stroke, &mut rng).into_iter().map(|point| hand.place(point)).collect();
            points.windows(2).map(|pair| [pair[0], pair[1]]).collect::<Vec<_>>()
        })
        .collect();
    let mut pixels = Vec::with_capacity(SIDE * SIDE);
    for y in 0..SIDE {
        for x in 0..SIDE {
            let at = [x as f32, y as f32];
            let distance =
                lines.iter().map(|line| distance(at, *line)).fold(f32::INFINITY, f32::min);
            // A pixel wide, the edge goes from ink to paper.
            let ink = (hand.thickness / 2.0 + 0.5 - distance).clamp(0.0, 1.0) * hand.ink;
            let noise = rng.random_range(-1.0f32..1.0) * hand.noise;
            pixels.push(((ink + noise).clamp(0.0, 1.0) * 255.0) as u8);
        }
    }
    pixels
}

/// How one digit is written.
struct Hand {
    center: [f32; 2],
    size: [f32; 2],
    /// What a row is moved right by, for each row up.
    slant: f32,
    /// Sine and cosine.
    rotation: (f32, f32),
    thickness: f32,
    ink: f32,
    noise: f32,
}

impl Hand {
    fn random(rng: &mut ChaCha8Rng) -> Self {
        let middle = (SIDE as f32 - 1.0) / 2.0;
        let height = rng.random_range(15.0..21.0);
        Self {
            center: [middle + rng.random_range(-2.0..2.0), middle + rng.random_range(-2.0..2.0)],
            size: [height * rng.random_range(0.65..1.0), height],
            slant: rng.random_range(-0.15..0.4),
            rotation: rng.random_range(-0.18f32..0.18).sin_cos(),
            thickness: rng.random_range(1.4..3.4),
            ink: rng.random_range(0.75..1.0),
            noise: rng.random_range(0.0..0.08),
        }
    }

    /// From the box of a shape to the image.
    fn place(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let (x, y) = ((x - 0.5) * self.size[0], (y - 0.5) * self.size[1]);
        let x = x - y * self.slant;
        let (sin, cos) = self.rotation;
        [self.center[0] + cos * x - sin * y, self.center[1] + sin * x + cos * y]
    }
}

/// The stroke as a line through points, which a hand does not hit exactly.
fn points(stroke: Stroke, rng: &mut ChaCha8Rng) -> Vec<[f32; 2]> {
    const SHAKE: f32 = 0.05;
    const ARC_POINTS: usize = 16;
    let mut shaken = |[x, y]: [f32; 2]| {
        [x + rng.random_range(-SHAKE..SHAKE), y + rng.random_range(-SHAKE..SHAKE)]
    };
    match stroke {
        Line(from, to) => vec![shaken(from), shaken(to)],
        Arc(center, [rx, ry], [first, last]) => {
            let [cx, cy] = shaken(center);
            let [rx, ry] = shaken([rx, ry]);
            let point = |i: usize| {
                let angle = TAU * (first + (last - first) * i as f32 / (ARC_POINTS - 1) as f32);
                [cx + rx * angle.cos(), cy + ry * angle.sin()]
            };
            (0..ARC_POINTS).map(point).collect()
        }
    }
}

/// How far a point is from a line between two points.
fn distance([x, y]: [f32; 2], [[ax, ay], [bx, by]]: [[f32; 2]; 2]) -> f32 {
    let (dx, dy) = (bx - ax, by - ay);
    let along = ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy).max(f32::EPSILON);
    let along = along.clamp(0.0, 1.0);
    (x - ax - along * dx).hypot(y - ay - along * dy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_repeats_a_digit_and_another_changes_it() {
        let digit = |seed, n| draw(3, generator(seed, "training", 3, n));
        assert_eq!(digit(1, 0), digit(1, 0));
        assert_ne!(digit(1, 0), digit(2, 0));
        assert_ne!(digit(1, 0), digit(1, 1));
    }

    #[test]
    fn every_digit_has_ink_and_stays_inside() {
        for digit in 0..10 {
            for n in 0..50 {
                let pixels = draw(digit, generator(7, "testing", digit, n));
                let ink = pixels.iter().filter(|p| **p > 128).count();
                assert!((12..400).contains(&ink), "digit {digit}, number {n}: {ink} pixels of ink");
            }
        }
    }

    #[test]
    fn files_lie_in_class_folders() {
        let folder = tempfile::tempdir().unwrap();
        write_digits(
            folder.path(),
            &DigitsConfig { train_per_class: 2, test_per_class: 1, seed: 0 },
        )
        .unwrap();
        let items = crate::ImageItems::from_folder(folder.path()).unwrap();
        assert_eq!(items.len(), 30);
        assert!(folder.path().join("training/9/1.png").is_file());
    }
}
