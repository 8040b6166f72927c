//! Rotations, zooms and mirrors, as matrices.

use rand::{Rng, RngCore};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Affine, Canvas, Place, Transform, Uniform, order};
use crate::Result;

/// Turns an image around its middle.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rotate {
    pub degrees: Uniform,
}

/// Turns an image by this many degrees: `rotate(-10.0..=10.0)`.
pub fn rotate(degrees: impl Into<Uniform>) -> Rotate {
    Rotate { degrees: degrees.into() }
}

impl Transform for Rotate {
    type Draw = f64;

    fn order(&self) -> i32 {
        order::AFFINE
    }

    fn draw(&self, rng: &mut dyn RngCore) -> f64 {
        self.degrees.draw(rng)
    }

    fn apply(&self, canvas: &mut Canvas, degrees: &f64) -> Result<()> {
        let (sin, cos) = degrees.to_radians().sin_cos();
        canvas.affine(single([[cos, -sin, 0.0], [sin, cos, 0.0]]));
        Ok(())
    }

    fn describe(&self) -> (&'static str, Value) {
        ("rotate", serde_json::to_value(self).expect("plain data"))
    }
}

/// Shows a part of an image larger, or more than there is of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Zoom {
    /// How many times as large.
    pub scale: Uniform,
    /// Which part.
    pub place: Place,
}

/// Zooms into the middle: `zoom(1.0..=1.1)`.
pub fn zoom(scale: impl Into<Uniform>) -> Zoom {
    Zoom { scale: scale.into(), place: Place::Center }
}

/// Zooms in anywhere.
pub fn rand_zoom(scale: impl Into<Uniform>) -> Zoom {
    Zoom { place: Place::Anywhere, ..zoom(scale) }
}

impl Transform for Zoom {
    type Draw = (f64, [f64; 2]);

    fn order(&self) -> i32 {
        order::AFFINE
    }

    fn draw(&self, rng: &mut dyn RngCore) -> Self::Draw {
        (self.scale.draw(rng), self.place.draw(rng))
    }

    fn apply(&self, canvas: &mut Canvas, (scale, [row, column]): &Self::Draw) -> Result<()> {
        let size = 1.0 / scale;
        let middle = |share: f64| (1.0 - size) * (2.0 * share - 1.0);
        canvas.affine(single([[size, 0.0, middle(*column)], [0.0, size, middle(*row)]]));
        Ok(())
    }

    fn describe(&self) -> (&'static str, Value) {
        ("zoom", serde_json::to_value(self).expect("plain data"))
    }
}

/// Makes an image wider, for a scale below 1, or higher, for one above.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Squish {
    pub scale: Uniform,
    /// Which part is seen.
    pub place: Place,
}

/// Squishes towards the middle: `squish(0.8..=1.2)`.
pub fn squish(scale: impl Into<Uniform>) -> Squish {
    Squish { scale: scale.into(), place: Place::Center }
}

impl Transform for Squish {
    type Draw = (f64, [f64; 2]);

    fn order(&self) -> i32 {
        order::AFFINE
    }

    fn draw(&self, rng: &mut dyn RngCore) -> Self::Draw {
        (self.scale.draw(rng), self.place.draw(rng))
    }

    fn apply(&self, canvas: &mut Canvas, &(scale, [row, column]): &Self::Draw) -> Result<()> {
        let middle = |size: f64, share: f64| (1.0 - size) * (2.0 * share - 1.0);
        let m = match scale <= 1.0 {
            true => [[scale, 0.0, middle(scale, column)], [0.0, 1.0, 0.0]],
            false => [[1.0, 0.0, 0.0], [0.0, 1.0 / scale, middle(1.0 / scale, row)]],
        };
        canvas.affine(single(m));
        Ok(())
    }

    fn describe(&self) -> (&'static str, Value) {
        ("squish", serde_json::to_value(self).expect("plain data"))
    }
}

/// Mirrors left and right by a matrix, within the one sampling.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FlipAffine {}

/// Mirrors left and right by a matrix; see [`Transform::sometimes`].
pub fn flip_affine() -> FlipAffine {
    FlipAffine {}
}

impl Transform for FlipAffine {
    type Draw = ();

    fn order(&self) -> i32 {
        order::AFFINE
    }

    fn draw(&self, _: &mut dyn RngCore) {}

    fn apply(&self, canvas: &mut Canvas, (): &()) -> Result<()> {
        canvas.affine([[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]);
        Ok(())
    }

    fn describe(&self) -> (&'static str, Value) {
        ("flip_affine", serde_json::to_value(self).expect("plain data"))
    }
}

/// Which of the eight ways to lay a square.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ways {
    /// Drawn for each item.
    Any,
    /// This one, of `0..8`.
    One(u8),
}

impl Ways {
    fn draw(self, rng: &mut dyn RngCore) -> u8 {
        match self {
            Self::Any => rng.random_range(0..8),
            Self::One(k) => k & 7,
        }
    }
}

/// Turns and mirrors an image in one of eight ways, by a matrix; what was not square stays in its
/// format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DihedralAffine {
    pub k: Ways,
}

/// One of eight ways, drawn for each item: for images from above, through microscopes, of skies.
pub fn dihedral_affine() -> DihedralAffine {
    DihedralAffine { k: Ways::Any }
}

impl Transform for DihedralAffine {
    type Draw = u8;

    fn order(&self) -> i32 {
        order::AFFINE
    }

    fn draw(&self, rng: &mut dyn RngCore) -> u8 {
        self.k.draw(rng)
    }

    fn apply(&self, canvas: &mut Canvas, k: &u8) -> Result<()> {
        let sign = |bit: u8| if k & bit > 0 { -1.0 } else { 1.0 };
        let (x, y) = (sign(1), sign(2));
        canvas.affine(match k & 4 > 0 {
            true => [[0.0, x, 0.0], [y, 0.0, 0.0]],
            false => [[x, 0.0, 0.0], [0.0, y, 0.0]],
        });
        Ok(())
    }

    fn describe(&self) -> (&'static str, Value) {
        ("dihedral_affine", serde_json::to_value(self).expect("plain data"))
    }
}

/// Turns and mirrors an image in one of eight ways, pixel by pixel: nothing is blurred, and its
/// format may turn too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dihedral {
    pub k: Ways,
}

/// One of eight ways, drawn for each item.
pub fn dihedral() -> Dihedral {
    Dihedral { k: Ways::Any }
}

impl Transform for Dihedral {
    type Draw = u8;

    fn order(&self) -> i32 {
        order::PIXELS
    }

    fn draw(&self, rng: &mut dyn RngCore) -> u8 {
        self.k.draw(rng)
    }

    fn apply(&self, canvas: &mut Canvas, k: &u8) -> Result<()> {
        canvas.dihedral(*k);
        Ok(())
    }

    fn describe(&self) -> (&'static str, Value) {
        ("dihedral", serde_json::to_value(self).expect("plain data"))
    }
}

fn single(m: [[f64; 3]; 2]) -> Affine {
    m.map(|row| row.map(|value| value as f32))
}
