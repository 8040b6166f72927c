//! How good images are that a model makes.
//!
//! All of these see pixels in `0.0..=1.0`: what the data's [`Normalize`] says of targets is undone for
//! outputs and targets, and what is beyond the range is clamped. Each image has a value, and an epoch's
//! is the average over its images.

mod color;
mod measures;

use burn::tensor::Tensor;
use tinderbox_data::Normalize;
use tinderbox_model::AnyTensor;

use super::Metric;
use crate::{Error, Result, similarity::denormalized};

pub use color::{AbErrorMeasure, ColorfulnessMeasure};
pub use measures::{L1Measure, MsSsimMeasure, PsnrMeasure, SsimMeasure};

/// The peak signal-to-noise ratio in decibels: `10 log10(1 / mean squared error)` of each image. An
/// image that is its target counts as 100 dB.
///
/// It is that of all channels of RGB; [`luma`](PictureMetric::luma) is what papers on super-resolution
/// report. They leave out some pixels at the edges, which this does not.
#[doc(alias = "psnr")]
pub type Psnr = PictureMetric<PsnrMeasure>;

/// The structural similarity of each image, the mean of its channels: 1 for its target. See
/// [`SsimLoss`](crate::loss::SsimLoss) for the window.
#[doc(alias = "SSIM")]
pub type Ssim = PictureMetric<SsimMeasure>;

/// The structural similarity at several sizes. See [`MsSsimLoss`](crate::loss::MsSsimLoss) for how many.
#[doc(alias = "MS-SSIM")]
pub type MsSsim = PictureMetric<MsSsimMeasure>;

/// The mean absolute difference of each image's pixels, in `0.0..=1.0`.
pub type PixelL1 = PictureMetric<L1Measure>;

/// The mean distance of colors in the plane of CIELAB's a and b, whatever their brightness: how far a
/// colorization is from the real colors. Pixels are taken for sRGB at a white of D65. Needs three
/// channels; an input of one is gray.
pub type AbError = PictureMetric<AbErrorMeasure>;

/// How colorful people find each image: 0 for gray, 15 for a little, 45 for quite, 110 for extremely
/// colorful. Needs three channels; an input of one is gray.
///
/// It does not compare: [`of_target`](PictureMetric::of_target) has the value to compare with.
///
/// # Reference
/// Hasler and Süsstrunk, [Measuring Colourfulness in Natural Images](https://doi.org/10.1117/12.477378), 2003.
pub type Colorfulness = PictureMetric<ColorfulnessMeasure>;

/// What is measured of an image beside its target.
pub trait Measure: Default + Send {
    /// The column's name.
    fn name(&self) -> &'static str;

    /// The value of each image.
    ///
    /// # Shapes
    /// - `x`, `y`: `[batch, channels, height, width]`, the same, pixels in `0.0..=1.0`
    ///
    /// # Errors
    /// In words, what of the shape does not fit.
    fn of(&self, x: Tensor<4>, y: Tensor<4>) -> Result<Vec<f64>, String>;
}

/// Which image is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Output,
    Input,
    Target,
}

/// A [`Measure`] of what a model makes, or of what it was given, as an average over all images.
///
/// # Example
/// Whether a model is better than doing nothing:
/// ```
/// use tinderbox_data::Normalize;
/// use tinderbox_learn::metric::{IntoMetrics, Psnr, Ssim};
///
/// let normalize = Normalize { targets: true, ..Normalize::imagenet() };
/// let psnr = || Psnr::new(normalize.clone());
/// let metrics = (psnr(), psnr().of_input(), psnr().luma()).into_metrics();
/// let names: Vec<String> = metrics.iter().map(|metric| metric.name()).collect();
/// assert_eq!(names, ["psnr", "psnr_input", "psnr_y"]);
/// ```
#[derive(Debug, Clone)]
pub struct PictureMetric<M> {
    measure: M,
    normalize: Option<Normalize>,
    of: Of,
    sum: f64,
    images: usize,
}

impl<M: Measure> PictureMetric<M> {
    /// Of images of data that was normalized so, or is in `0.0..=1.0` as it is.
    pub fn new(normalize: impl Into<Option<Normalize>>) -> Self {
        Self {
            measure: M::default(),
            normalize: normalize.into(),
            of: Of::Output,
            sum: 0.0,
            images: 0,
        }
    }

    /// The same of the model's input instead of its output, in a column whose name ends in `_input`: the
    /// baseline of doing nothing.
    #[must_use]
    pub fn of_input(self) -> Self {
        Self { of: Of::Input, ..self }
    }

    /// The same of the target, in a column whose name ends in `_target`.
    #[must_use]
    pub fn of_target(self) -> Self {
        Self { of: Of::Target, ..self }
    }

    /// Pixels in `0.0..=1.0`, as `normalized` says whether they were normalized.
    fn pixels(&self, argument: &'static str, x: &AnyTensor, normalized: bool) -> Result<Tensor<4>> {
        let AnyTensor::Float4(x) = x else {
            return Err(self.unfit(argument, "expected images", x));
        };
        let normalize = self.normalize.as_ref().filter(|_| normalized);
        let channels = x.dims()[1];
        if let Some(Normalize { mean, .. }) = normalize
            && mean.len() != channels
        {
            let expected = format!("expected images of {} channels", mean.len());
            return Err(self.unfit(argument, &expected, &x.clone().into()));
        }
        Ok(denormalized(x.clone(), normalize).clamp(0.0, 1.0))
    }

    fn unfit(&self, argument: &'static str, expected: &str, found: &AnyTensor) -> Error {
        super::unfit(&self.name(), argument, expected, found)
    }

    fn measure(&mut self, argument: &'static str, x: &AnyTensor, target: &AnyTensor) -> Result<()> {
        let of_inputs = argument == "input";
        let (inputs, targets) = match &self.normalize {
            Some(normalize) => (normalize.inputs, normalize.targets),
            None => (false, false),
        };
        let pixels = self.pixels(argument, x, if of_inputs { inputs } else { targets })?;
        let target = self.pixels("target", target, targets)?;
        let pixels = match (pixels.dims()[1], target.dims()[1]) {
            (1, 3) => pixels.repeat_dim(1, 3),
            _ => pixels,
        };
        if pixels.dims() != target.dims() {
            let expected = format!("expected images like the target's, {:?}", target.dims());
            return Err(self.unfit(argument, &expected, x));
        }
        let values = self.measure.of(pixels, target);
        let values = values.map_err(|expected| self.unfit(argument, &expected, x))?;
        self.images += values.len();
        self.sum += values.iter().sum::<f64>();
        Ok(())
    }
}

impl<M: Measure> Metric for PictureMetric<M> {
    fn name(&self) -> String {
        let name = self.measure.name();
        match self.of {
            Of::Output => name.to_owned(),
            Of::Input => format!("{name}_input"),
            Of::Target => format!("{name}_target"),
        }
    }

    fn reset(&mut self) {
        (self.sum, self.images) = (0.0, 0);
    }

    fn update(&mut self, output: &AnyTensor, target: &AnyTensor) -> Result<()> {
        match self.of {
            Of::Output => self.measure("output", output, target),
            Of::Target => self.measure("target", target, target),
            Of::Input => Err(Error::MetricArgument {
                metric: self.name(),
                argument: "input",
                found: "expected the model's input, got none: `update_with_input`".into(),
            }),
        }
    }

    fn update_with_input(
        &mut self,
        input: &AnyTensor,
        output: &AnyTensor,
        target: &AnyTensor,
    ) -> Result<()> {
        match self.of {
            Of::Input => self.measure("input", input, target),
            Of::Output | Of::Target => self.update(output, target),
        }
    }

    fn value(&self) -> f64 {
        self.sum / self.images as f64
    }
}

/// The pixels of each image, one channel after the other, and how many a channel has.
fn host_images(x: Tensor<4>) -> (Vec<Vec<f32>>, usize) {
    let [_, channels, height, width] = x.dims();
    let plane = height * width;
    let values = super::host(x.into());
    (values.chunks_exact((channels * plane).max(1)).map(<[f32]>::to_vec).collect(), plane)
}

#[cfg(test)]
mod tests;
