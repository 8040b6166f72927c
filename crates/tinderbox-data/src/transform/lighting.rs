//! Brightness and contrast, of logits: so that nothing is cut off at black or white.

use rand::RngCore;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Canvas, Transform, Uniform, order};
use crate::Result;

/// Makes an image lighter or darker.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Brightness {
    /// What a middle gray becomes, in `0.0..1.0`.
    pub change: Uniform,
}

/// Makes a middle gray so light: `brightness(0.4..=0.6)`.
pub fn brightness(change: impl Into<Uniform>) -> Brightness {
    Brightness { change: change.into() }
}

impl Transform for Brightness {
    type Draw = f64;

    fn order(&self) -> i32 {
        order::LIGHTING
    }

    fn draw(&self, rng: &mut dyn RngCore) -> f64 {
        self.change.draw(rng)
    }

    fn apply(&self, canvas: &mut Canvas, change: &f64) -> Result<()> {
        canvas.lighting(1.0, (change / (1.0 - change)).ln() as f32);
        Ok(())
    }

    fn describe(&self) -> (&'static str, Value) {
        ("brightness", serde_json::to_value(self).expect("plain data"))
    }
}

/// Makes differences larger or smaller.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Contrast {
    /// How many times as large; half is as likely as double.
    pub scale: Uniform,
}

/// Makes differences so many times as large: `contrast(0.8..=1.25)`.
pub fn contrast(scale: impl Into<Uniform>) -> Contrast {
    Contrast { scale: scale.into() }
}

impl Transform for Contrast {
    type Draw = f64;

    fn order(&self) -> i32 {
        order::LIGHTING
    }

    fn draw(&self, rng: &mut dyn RngCore) -> f64 {
        self.scale.draw_log(rng)
    }

    fn apply(&self, canvas: &mut Canvas, scale: &f64) -> Result<()> {
        canvas.lighting(*scale as f32, 0.0);
        Ok(())
    }

    fn describe(&self) -> (&'static str, Value) {
        ("contrast", serde_json::to_value(self).expect("plain data"))
    }
}
