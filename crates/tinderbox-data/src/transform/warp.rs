//! Changes of perspective, as if the camera had stood elsewhere; and shaken pixels.

use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Canvas, Transform, Uniform,
    geometry::{CORNERS, Perspective},
    order,
};
use crate::{Error, Result};

/// What shows `targets` at the corners.
fn warp(canvas: &mut Canvas, targets: [[f64; 2]; 4]) -> Result<()> {
    let perspective = Perspective::to_corners(targets);
    canvas.warp(perspective.ok_or_else(|| Error::Transform {
        reason: format!("no perspective has {targets:?} at the corners"),
    })?);
    Ok(())
}

/// Moves pairs of corners in opposite ways: a view from another angle.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SymmetricWarp {
    /// Drawn four times: for below, above, right and left.
    pub magnitude: Uniform,
}

/// A view from another angle: `symmetric_warp(-0.2..=0.2)`.
pub fn symmetric_warp(magnitude: impl Into<Uniform>) -> SymmetricWarp {
    SymmetricWarp { magnitude: magnitude.into() }
}

/// What is seen at the corners.
pub(super) fn symmetric_targets(m: [f64; 4]) -> [[f64; 2]; 4] {
    [
        [-1.0 - m[3], -1.0 - m[1]],
        [-1.0 - m[2], 1.0 + m[1]],
        [1.0 + m[3], -1.0 - m[0]],
        [1.0 + m[2], 1.0 + m[0]],
    ]
}

impl Transform for SymmetricWarp {
    type Draw = [f64; 4];

    fn order(&self) -> i32 {
        order::COORDINATES
    }

    fn draw(&self, rng: &mut dyn RngCore) -> [f64; 4] {
        [(); 4].map(|()| self.magnitude.draw(rng))
    }

    fn apply(&self, canvas: &mut Canvas, draw: &[f64; 4]) -> Result<()> {
        warp(canvas, symmetric_targets(*draw))
    }

    fn describe(&self) -> (&'static str, Value) {
        ("symmetric_warp", serde_json::to_value(self).expect("plain data"))
    }
}

/// Moves each corner by itself.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PerspectiveWarp {
    /// Drawn for each coordinate of each corner.
    pub magnitude: Uniform,
}

/// Moves each corner by itself: `perspective_warp(-0.2..=0.2)`.
pub fn perspective_warp(magnitude: impl Into<Uniform>) -> PerspectiveWarp {
    PerspectiveWarp { magnitude: magnitude.into() }
}

/// What is seen at the corners.
pub(super) fn perspective_targets(m: [f64; 8]) -> [[f64; 2]; 4] {
    let mut targets = CORNERS;
    for (coordinate, m) in targets.iter_mut().flatten().zip(m) {
        *coordinate += m;
    }
    targets
}

impl Transform for PerspectiveWarp {
    type Draw = [f64; 8];

    fn order(&self) -> i32 {
        order::COORDINATES
    }

    fn draw(&self, rng: &mut dyn RngCore) -> [f64; 8] {
        [(); 8].map(|()| self.magnitude.draw(rng))
    }

    fn apply(&self, canvas: &mut Canvas, draw: &[f64; 8]) -> Result<()> {
        warp(canvas, perspective_targets(*draw))
    }

    fn describe(&self) -> (&'static str, Value) {
        ("perspective_warp", serde_json::to_value(self).expect("plain data"))
    }
}

/// A direction of [`Tilt`] or [`Skew`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Drawn for each item.
    Any,
    /// By its number: of a tilt `0..4`, of a skew `0..8`.
    One(u8),
}

impl Direction {
    fn draw(self, of: u8, rng: &mut dyn RngCore) -> u8 {
        match self {
            Self::Any => rng.random_range(0..of),
            Self::One(direction) => direction % of,
        }
    }
}

/// Leans an image back to the right, the left, below or above (0 to 3).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Tilt {
    pub direction: Direction,
    pub magnitude: Uniform,
}

/// Leans an image back to some side: `tilt(-0.4..=0.4)`.
pub fn tilt(magnitude: impl Into<Uniform>) -> Tilt {
    Tilt { direction: Direction::Any, magnitude: magnitude.into() }
}

impl Transform for Tilt {
    type Draw = (u8, f64);

    fn order(&self) -> i32 {
        order::COORDINATES
    }

    fn draw(&self, rng: &mut dyn RngCore) -> (u8, f64) {
        (self.direction.draw(4, rng), self.magnitude.draw(rng))
    }

    fn apply(&self, canvas: &mut Canvas, &(direction, magnitude): &(u8, f64)) -> Result<()> {
        // The two corners that move apart, and along which axis.
        let ([first, second], axis) = match direction {
            0 => ([2, 3], 1),
            1 => ([0, 1], 1),
            2 => ([1, 3], 0),
            _ => ([0, 2], 0),
        };
        let mut targets = CORNERS;
        targets[first][axis] -= magnitude;
        targets[second][axis] += magnitude;
        warp(canvas, targets)
    }

    fn describe(&self) -> (&'static str, Value) {
        ("tilt", serde_json::to_value(self).expect("plain data"))
    }
}

/// Pulls one corner along one axis (0 to 7).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Skew {
    pub direction: Direction,
    pub magnitude: Uniform,
}

/// Pulls some corner: `skew(-0.4..=0.4)`.
pub fn skew(magnitude: impl Into<Uniform>) -> Skew {
    Skew { direction: Direction::Any, magnitude: magnitude.into() }
}

impl Transform for Skew {
    type Draw = (u8, f64);

    fn order(&self) -> i32 {
        order::COORDINATES
    }

    fn draw(&self, rng: &mut dyn RngCore) -> (u8, f64) {
        (self.direction.draw(8, rng), self.magnitude.draw(rng))
    }

    fn apply(&self, canvas: &mut Canvas, &(direction, magnitude): &(u8, f64)) -> Result<()> {
        let mut targets = CORNERS;
        let coordinate = &mut targets[usize::from(direction) / 2][usize::from(direction) % 2];
        // Outwards.
        *coordinate += magnitude.copysign(magnitude * *coordinate);
        warp(canvas, targets)
    }

    fn describe(&self) -> (&'static str, Value) {
        ("skew", serde_json::to_value(self).expect("plain data"))
    }
}

/// Takes each pixel from a little beside itself. Points stay where they are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Jitter {
    /// How far at most; half of the image is 1.
    pub magnitude: Uniform,
}

/// Takes each pixel from a little beside itself: `jitter(0.0..=0.01)`.
pub fn jitter(magnitude: impl Into<Uniform>) -> Jitter {
    Jitter { magnitude: magnitude.into() }
}

impl Jitter {
    /// Shifts by noise in `0.0..1.0`.
    pub(super) fn shift(canvas: &mut Canvas, magnitude: f64, mut noise: impl FnMut() -> f32) {
        let [height, width] = canvas.size();
        let magnitude = magnitude as f32;
        let mut shift = || (noise() - 0.5) * 2.0 * magnitude;
        canvas.shift_grid((0..height * width).map(|_| [shift(), shift()]).collect());
    }
}

impl Transform for Jitter {
    /// How far, and the noise's seed: a mask is shaken as its image.
    type Draw = (f64, u64);

    fn order(&self) -> i32 {
        order::COORDINATES
    }

    fn draw(&self, rng: &mut dyn RngCore) -> (f64, u64) {
        (self.magnitude.draw(rng), rng.next_u64())
    }

    fn apply(&self, canvas: &mut Canvas, &(magnitude, seed): &(f64, u64)) -> Result<()> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        Self::shift(canvas, magnitude, || rng.random());
        Ok(())
    }

    fn describe(&self) -> (&'static str, Value) {
        ("jitter", serde_json::to_value(self).expect("plain data"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Image;

    #[test]
    fn corners_in_a_line_are_refused() {
        let image = Image::filled([1, 4, 4], 0.5);
        let mut canvas = Canvas::new(
            image,
            super::super::PaddingMode::Zeros,
            super::super::Interpolation::Bilinear,
        );
        let error = perspective_warp(0.0)
            .apply(&mut canvas, &[1.0, 0.0, 1.0, -1.0, -1.0, 1.0, 0.0, 0.0])
            .unwrap_err();
        assert!(error.to_string().contains("no perspective has"), "{error}");
    }

    #[test]
    fn a_mask_is_shaken_as_its_picture() {
        let pixels: Vec<f32> = (0..100).map(|v| (v % 7) as f32).collect();
        let image = Image { channels: 1, height: 10, width: 10, pixels };
        let run = |seed| {
            let mut canvas = Canvas::mask(image.clone(), super::super::PaddingMode::Reflection);
            jitter(0.5).apply(&mut canvas, &(0.5, seed)).unwrap();
            canvas.into_image()
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
    }
}
