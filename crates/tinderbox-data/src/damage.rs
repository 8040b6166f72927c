//! Bad images made of good ones: what a model learns to repair. What the damage does not do, the model
//! does not learn.
//!
//! A [`Crappifier`] is a list of steps. [`DamagedKind`] damages the inputs of a data set anew for each
//! item in each epoch; [`write_damaged`] writes damaged copies of a folder.

mod blur;
mod boxes;
mod dust;
mod files;
mod gray;
mod jpeg;
mod kind;
mod noise;
mod number;
mod scratches;
mod shrink;
mod stroke;
mod words;

use std::ops::RangeInclusive;

use rand::{Rng, RngCore};

pub use files::{WriteOptions, Written, write_damaged};
pub use kind::DamagedKind;
pub(crate) use words::usual;
pub use words::{SETS, set_or_steps};

use self::noise::Channels;

use crate::{Result, image::Pixels};

/// Steps of damage, in order: what a model is to repair.
///
/// Written as text, steps are separated by commas, each with its number or the range that one is drawn
/// from, as `shrink 4, blur 0.5..2, jpeg 30..90`; `restore`, `old-photo` and `superres` stand for the
/// steps of [`restore`](Self::restore), [`old_photo`](Self::old_photo) and `super_resolve(4)`. It is
/// saved as that text, with all steps spelled out.
///
/// # Example
/// ```
/// use rand::SeedableRng;
/// use tinderbox_data::{damage::Crappifier, image::Pixels};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let damage: Crappifier = "shrink 2, noise 5..25, jpeg 30..90".parse()?;
/// assert_eq!(damage.scale(), 2);
///
/// let bytes = vec![100; 64 * 48 * 3];
/// let image = Pixels { height: 64, width: 48, channels: 3, bytes, full_size: [64, 48] };
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(42);
/// let bad = damage.damage(&image, &mut rng)?;
/// assert_eq!([bad.height, bad.width], [32, 24]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[doc(alias = "crappify")]
#[doc(alias = "crappifier")]
pub struct Crappifier {
    pub steps: Vec<Damage>,
}

/// One step of damage. A number of each range is drawn for each image, one as likely as another.
#[derive(Debug, Clone, PartialEq)]
pub enum Damage {
    /// `side 96`: made smaller or larger, so that the shorter side has this many pixels, by an
    /// antialiased triangle filter: the lesson's resize. See
    /// [`resize_to`](crate::image::resize_to).
    Side(usize),
    /// `shrink 4`: made this many times smaller, by an antialiased bicubic filter, as the standard sets
    /// of super-resolution are made. From 1 to 64.
    Shrink(RangeInclusive<f64>),
    /// `rescale 2..4`: made this many times smaller and as large again, by a bicubic filter. From 1
    /// to 64.
    Rescale(RangeInclusive<f64>),
    /// `blur 0.5..2`: blurred by a Gaussian of this standard deviation, in pixels. Up to 50; 1 is a
    /// little out of focus.
    Blur(RangeInclusive<f64>),
    /// `noise 5..25`: Gaussian noise of this standard deviation, of 255, in each channel on its own: a
    /// sensor's in little light. 25 is strong.
    Noise(RangeInclusive<f64>),
    /// `grain 5..25`: the same noise in all channels, as film has it.
    Grain(RangeInclusive<f64>),
    /// `gray`: made gray, in three equal channels if there were three.
    Gray,
    /// `sepia 0..1`: made gray and toned brown; 0 stays gray, 1 is an old print.
    Sepia(RangeInclusive<f64>),
    /// `boxes 3`: this many black boxes, whose sides are 1/16 to 1/4 of the image's shorter side.
    Boxes(RangeInclusive<usize>),
    /// `dust 5..40`: this many specks, most of them light; some are hairs.
    Dust(RangeInclusive<usize>),
    /// `scratches 1..4`: this many thin lines, most of them upright and light.
    Scratches(RangeInclusive<usize>),
    /// `number`: the quality of the JPEG step that follows, in white digits at a random place, from
    /// the left and upper edge to the middle; without such a step, a random number below 100.
    Number,
    /// `jpeg 30..90`: compressed as a JPEG of this quality, 1 to 100, with half the resolution of
    /// colors each way (4:2:0). 10 has blocks, 70 is hardly seen.
    Jpeg(RangeInclusive<u8>),
}

impl Crappifier {
    /// The lesson's, for the crop that a model is trained on: made 1.3 to 2.7 times smaller, which is
    /// what 96 pixels become at 128 and twofold zoom; a number; JPEG of quality 10 to 70.
    pub fn restore() -> Self {
        Self { steps: vec![Damage::Shrink(1.3..=2.7), Damage::Number, Damage::Jpeg(10..=70)] }
    }

    /// Made exactly `scale` times smaller, as the standard sets of super-resolution are made.
    pub fn super_resolve(scale: usize) -> Self {
        Self { steps: vec![Damage::Shrink(scale as f64..=scale as f64)] }
    }

    /// Whether images are made smaller, and nothing else is done to them.
    pub fn only_shrinks(&self) -> bool {
        self.steps.iter().all(|step| matches!(step, Damage::Shrink(_)))
    }

    /// Made gray: a model learns to colorize.
    pub fn gray() -> Self {
        Self { steps: vec![Damage::Gray] }
    }

    /// What time does to a photograph: gray or brown, out of focus, grain, dust and scratches; then
    /// it was scanned to a JPEG.
    pub fn old_photo() -> Self {
        let steps = vec![
            Damage::Sepia(0.0..=1.0),
            Damage::Blur(0.3..=1.5),
            Damage::Grain(4.0..=16.0),
            Damage::Dust(5..=40),
            Damage::Scratches(0..=4),
            Damage::Jpeg(40..=90),
        ];
        Self { steps }
    }

    /// The image, damaged. It may come out smaller; its channels are as many as before.
    ///
    /// The qualities of all JPEG steps are drawn first, as [`Damage::Number`] writes one of them; then
    /// each step draws.
    ///
    /// # Errors
    /// [`Error::DamageValue`](crate::Error::DamageValue) for a number that the step does not allow, [`Error::NoDamage`](crate::Error::NoDamage) for no
    /// steps; [`Error::Damage`](crate::Error::Damage) if the image does not allow a step.
    pub fn damage(&self, pixels: &Pixels, rng: &mut dyn RngCore) -> Result<Pixels> {
        let (pixels, last) = self.damage_but_encode(pixels, rng)?;
        match last {
            Some(quality) => jpeg::compressed(&pixels, quality),
            None => Ok(pixels),
        }
    }

    /// The image, damaged but for a JPEG step at the end, whose quality is given instead.
    fn damage_but_encode(
        &self,
        pixels: &Pixels,
        rng: &mut dyn RngCore,
    ) -> Result<(Pixels, Option<u8>)> {
        self.check()?;
        let quality = |step: &Damage| match step {
            Damage::Jpeg(range) => Some(rng.random_range(range.clone())),
            _ => None,
        };
        let qualities: Vec<u8> = self.steps.iter().filter_map(quality).collect();
        let mut qualities = &qualities[..];
        let steps = match self.steps.last() {
            Some(Damage::Jpeg(_)) => &self.steps[..self.steps.len() - 1],
            _ => &self.steps,
        };
        let mut pixels = pixels.clone();
        for step in steps {
            pixels = step.apply(pixels, &mut qualities, rng)?;
        }
        Ok((pixels, qualities.first().copied()))
    }

    /// The same with a shorter side of this many pixels: in place of the [`Damage::Side`] that there is,
    /// or before all else.
    pub fn to_side(mut self, side: usize) -> Self {
        let has_side = self.steps.iter().any(|step| matches!(step, Damage::Side(_)));
        if !has_side {
            self.steps.insert(0, Damage::Side(side));
        }
        for step in &mut self.steps {
            if let Damage::Side(pixels) = step {
                *pixels = side;
            }
        }
        self
    }

    /// The same with JPEG of this quality, 1 to 100: in place of the [`Damage::Jpeg`] that there is, or
    /// after all else.
    pub fn at_quality(mut self, quality: u8) -> Self {
        let has_jpeg = self.steps.iter().any(|step| matches!(step, Damage::Jpeg(_)));
        if !has_jpeg {
            self.steps.push(Damage::Jpeg(quality..=quality));
        }
        for step in &mut self.steps {
            if let Damage::Jpeg(range) = step {
                *range = quality..=quality;
            }
        }
        self
    }

    /// By how much a prediction is larger than its input: by the factor of a fixed shrink, if it is a
    /// whole number; else 1, as the size before is not known.
    pub fn scale(&self) -> usize {
        let mut scale = 1.0;
        for step in &self.steps {
            match step {
                Damage::Shrink(factor) if factor.start() == factor.end() => scale *= factor.start(),
                Damage::Shrink(_) | Damage::Side(_) => return 1,
                _ => {}
            }
        }
        match scale.fract() == 0.0 {
            true => scale as usize,
            false => 1,
        }
    }

    /// Whether no color is left: a model did not learn to use any, so the inputs of a prediction are
    /// made gray first.
    pub fn is_gray(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Damage::Gray | Damage::Sepia(_)))
    }
}

impl Damage {
    /// Does the step. `qualities` are those of the JPEG steps to come.
    fn apply(
        &self,
        mut pixels: Pixels,
        qualities: &mut &[u8],
        rng: &mut dyn RngCore,
    ) -> Result<Pixels> {
        let uniform = |range: &RangeInclusive<f64>, rng: &mut dyn RngCore| {
            range.start() + (range.end() - range.start()) * rng.random::<f64>()
        };
        match self {
            Self::Side(side) => return shrink::to_side(&pixels, *side),
            Self::Shrink(range) => return Ok(shrink::shrunk(&pixels, uniform(range, rng))),
            Self::Rescale(range) => return Ok(shrink::rescaled(&pixels, uniform(range, rng))),
            Self::Blur(range) => return Ok(blur::blurred(pixels, uniform(range, rng) as f32)),
            Self::Noise(range) => {
                noise::add(&mut pixels, uniform(range, rng) as f32, Channels::Apart, rng);
            }
            Self::Grain(range) => {
                noise::add(&mut pixels, uniform(range, rng) as f32, Channels::Together, rng);
            }
            Self::Gray => gray::make_gray(&mut pixels),
            Self::Sepia(range) => gray::tone(&mut pixels, uniform(range, rng) as f32),
            Self::Boxes(n) => boxes::draw(&mut pixels, rng.random_range(n.clone()), rng),
            Self::Dust(n) => dust::draw(&mut pixels, rng.random_range(n.clone()), rng),
            Self::Scratches(n) => scratches::draw(&mut pixels, rng.random_range(n.clone()), rng),
            Self::Number => {
                let number = qualities.first().copied();
                let number = number.unwrap_or_else(|| rng.random_range(0..100));
                number::write_at_random(&mut pixels, number, rng);
            }
            Self::Jpeg(_) => {
                let (quality, later) =
                    qualities.split_first().expect("a quality is drawn for each JPEG step");
                *qualities = later;
                return jpeg::compressed(&pixels, *quality);
            }
        }
        Ok(pixels)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn image() -> Pixels {
        let [height, width] = [60, 80];
        let bytes = (0..height * width * 3).map(|at| (at * 7 % 256) as u8).collect();
        Pixels { height, width, channels: 3, bytes, full_size: [height, width] }
    }

    fn damaged(steps: &str, seed: u64) -> Pixels {
        let damage: Crappifier = steps.parse().unwrap();
        damage.damage(&image(), &mut ChaCha8Rng::seed_from_u64(seed)).unwrap()
    }

    #[test]
    fn each_step_does_something_and_the_same_for_a_seed() {
        for step in [
            "side 30",
            "shrink 2",
            "rescale 2",
            "blur 1",
            "noise 9",
            "grain 9",
            "gray",
            "sepia 1",
            "boxes 2",
            "dust 30",
            "scratches 3",
            "number",
            "jpeg 20",
            "restore",
            "old-photo",
        ] {
            assert_ne!(damaged(step, 1), image(), "{step}");
            assert_eq!(damaged(step, 1), damaged(step, 1), "{step}");
        }
        assert_eq!(damaged("shrink 1, blur 0, noise 0, boxes 0, dust 0, scratches 0", 1), image());
    }

    #[test]
    fn a_number_says_the_quality_of_the_jpeg_behind_it() {
        // The quality is drawn first, then the place.
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        let quality = rng.random_range(10..=70);
        let mut want = image();
        number::write_at_random(&mut want, quality, &mut rng);
        let want = jpeg::compressed(&want, quality).unwrap();
        assert_eq!(damaged("number, jpeg 10..70", 9), want);
    }

    #[test]
    fn a_prediction_is_larger_by_a_fixed_shrink() {
        for (steps, scale, gray) in [
            ("shrink 4", 4, false),
            ("shrink 2, jpeg, shrink 2, gray", 4, true),
            ("shrink 2..4", 1, false),
            ("shrink 1.5", 1, false),
            ("side 96, shrink 2", 1, false),
            ("rescale 4", 1, false),
            ("restore", 1, false),
            ("old-photo", 1, true),
        ] {
            let damage: Crappifier = steps.parse().unwrap();
            assert_eq!((damage.scale(), damage.is_gray()), (scale, gray), "{steps}");
            let alone = steps.starts_with("shrink") && !steps.contains(',');
            assert_eq!(damage.only_shrinks(), alone, "{steps}");
        }
    }

    #[test]
    fn sizes_and_qualities_take_the_place_of_others() {
        let damage = |steps: &str| steps.parse::<Crappifier>().unwrap();
        let at = |steps: &str| damage(steps).to_side(64).at_quality(50).to_string();
        assert_eq!(at("gray"), "side 64, gray, jpeg 50");
        assert_eq!(at("number, jpeg 10..70, side 96"), "number, jpeg 50, side 64");
    }
}
