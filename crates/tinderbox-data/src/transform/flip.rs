//! Mirroring left and right.

use rand::{Rng, RngCore};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Canvas, Transform, order};
use crate::Result;

/// Mirrors left and right, with probability `p`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FlipLr {
    /// The share of items that are mirrored, in `0.0..=1.0`.
    pub p: f64,
}

impl Transform for FlipLr {
    type Draw = bool;

    fn order(&self) -> i32 {
        order::PIXELS
    }

    fn draw(&self, rng: &mut dyn RngCore) -> bool {
        rng.random::<f64>() < self.p
    }

    fn apply(&self, canvas: &mut Canvas, flip: &bool) -> Result<()> {
        if *flip {
            canvas.flip_lr();
        }
        Ok(())
    }

    fn describe(&self) -> (&'static str, Value) {
        ("flip_lr", serde_json::to_value(self).expect("plain data"))
    }
}

/// Mirrors half of the images.
pub fn flip_lr() -> FlipLr {
    FlipLr { p: 0.5 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Image,
        transform::{Interpolation, PaddingMode},
    };

    #[test]
    fn rows_are_mirrored() {
        let image = Image { channels: 1, height: 2, width: 2, pixels: vec![1.0, 2.0, 3.0, 4.0] };
        let mut canvas = Canvas::new(image, PaddingMode::Zeros, Interpolation::Bilinear);
        flip_lr().apply(&mut canvas, &true).unwrap();
        assert_eq!(canvas.into_image().pixels, [2.0, 1.0, 4.0, 3.0]);
    }
}
