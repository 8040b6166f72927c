//! What is random about transforms: whether they run, and how much they do.

use std::{fmt, ops::RangeInclusive, sync::Arc};

use rand::{Rng, RngCore};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{AnyDraw, AnyTransform, Canvas, Transform, from_description};
use crate::{Error, Result};

/// The numbers that a parameter is drawn from, one as likely as another; or one number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Uniform(f64, f64);

impl Uniform {
    /// A number of them.
    pub fn draw(self, rng: &mut dyn RngCore) -> f64 {
        let Self(low, high) = self;
        low + (high - low) * rng.random::<f64>()
    }

    /// A number whose logarithm is as likely as another: half is as likely as double.
    pub fn draw_log(self, rng: &mut dyn RngCore) -> f64 {
        let Self(low, high) = self;
        Self(low.ln(), high.ln()).draw(rng).exp()
    }
}

impl From<f64> for Uniform {
    fn from(value: f64) -> Self {
        Self(value, value)
    }
}

impl From<RangeInclusive<f64>> for Uniform {
    fn from(range: RangeInclusive<f64>) -> Self {
        Self(*range.start(), *range.end())
    }
}

/// A transform that runs for a share of the items, or for inputs only. [`Transform::sometimes`]
/// and [`Transform::not_on_labels`] make it.
#[derive(Clone)]
pub struct Sometimes {
    /// The share of items that it runs for, in `0.0..=1.0`.
    p: f64,
    on_labels: bool,
    transform: Arc<dyn AnyTransform>,
}

impl Sometimes {
    pub(super) fn new(transform: impl Transform, p: f64, on_labels: bool) -> Self {
        Self { p, on_labels, transform: Arc::new(transform) }
    }

    pub(super) fn from_description(parameters: &Value) -> Result<Self> {
        let wrong = |reason: &str| Error::SavedTransform {
            name: "sometimes".into(),
            reason: reason.to_owned(),
        };
        let p = parameters["p"].as_f64().ok_or_else(|| wrong("`p` is no number"))?;
        let on_labels = parameters["on_labels"].as_bool().unwrap_or(true);
        let name = parameters["name"].as_str().ok_or_else(|| wrong("`name` is no text"))?;
        let transform = Arc::from(from_description(name, &parameters["parameters"])?);
        Ok(Self { p, on_labels, transform })
    }
}

impl fmt::Debug for Sometimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} with probability {}", self.transform, self.p)
    }
}

impl Transform for Sometimes {
    type Draw = Option<AnyDraw>;

    fn order(&self) -> i32 {
        self.transform.order()
    }

    /// What it does is drawn before whether it does it, as in fastai.
    fn draw(&self, rng: &mut dyn RngCore) -> Option<AnyDraw> {
        let draw = self.transform.draw(rng);
        (rng.random::<f64>() < self.p).then_some(draw)
    }

    fn apply(&self, canvas: &mut Canvas, draw: &Option<AnyDraw>) -> Result<()> {
        match draw {
            Some(draw) if self.on_labels || !canvas.is_label() => {
                self.transform.apply(canvas, draw)
            }
            _ => Ok(()),
        }
    }

    fn describe(&self) -> (&'static str, Value) {
        let (name, parameters) = self.transform.describe();
        let Self { p, on_labels, .. } = self;
        let all = json!({ "p": p, "on_labels": on_labels, "name": name, "parameters": parameters });
        ("sometimes", all)
    }

    fn is_final_crop(&self) -> bool {
        self.transform.is_final_crop()
    }

    fn name(&self) -> &'static str {
        self.transform.describe().0
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::{
        Image,
        transform::{Interpolation, PaddingMode, brightness},
    };

    #[test]
    fn numbers_are_within_their_bounds_and_spread() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mean = |draw: &mut dyn FnMut() -> f64| (0..4000).map(|_| draw()).sum::<f64>() / 4000.0;
        let even = Uniform::from(2.0..=4.0);
        assert!((mean(&mut || even.draw(&mut rng)) - 3.0).abs() < 0.05);
        let log = Uniform::from(0.25..=4.0);
        assert!((mean(&mut || log.draw_log(&mut rng).ln())).abs() < 0.05);
        assert_eq!(Uniform::from(7.0).draw(&mut rng), 7.0);
    }

    #[test]
    fn it_runs_for_a_share_of_the_items() {
        let transform = brightness(0.9).sometimes(0.25);
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let ran = (0..2000).filter(|_| Transform::draw(&transform, &mut rng).is_some()).count();
        assert!((400..600).contains(&ran), "{ran}");
    }

    #[test]
    fn labels_may_be_left_alone() {
        let image = Image::filled([1, 1, 1], 0.5);
        let canvas = || Canvas::new(image.clone(), PaddingMode::Zeros, Interpolation::Bilinear);
        let transform = brightness(0.9).not_on_labels();
        let draw = Transform::draw(&transform, &mut ChaCha8Rng::seed_from_u64(3));
        let run = |mut canvas: Canvas| {
            Transform::apply(&transform, &mut canvas, &draw).unwrap();
            canvas.into_image().pixels[0]
        };
        assert!((run(canvas()) - 0.9).abs() < 1e-6);
        assert_eq!(run(canvas().of_label()), 0.5);
    }

    #[test]
    fn a_saved_one_without_its_parts_is_refused() {
        let (name, all) = Transform::describe(&brightness(0.4).sometimes(0.5));
        assert!(from_description(name, &all).is_ok());
        for part in ["p", "name", "parameters"] {
            let mut less = all.clone();
            less.as_object_mut().unwrap().remove(part);
            assert!(from_description(name, &less).is_err(), "{part}");
        }
    }
}
