//! How near an image is to its target.

use burn::tensor::Tensor;

use super::{Measure, PictureMetric, host_images};
use crate::similarity::{ms_ssim, ssim};

/// What an image that is its target counts, in decibels: no table shows infinity.
const SAME: f64 = 100.0;
/// The brightness of red, green and blue by ITU-R BT.601, out of 255.
const LUMA: [f64; 3] = [65.481, 128.553, 24.966];

/// See [`Psnr`](super::Psnr).
#[derive(Debug, Clone, Copy, Default)]
pub struct PsnrMeasure {
    luma: bool,
}

impl PictureMetric<PsnrMeasure> {
    /// Of the brightness alone: the Y of ITU-R BT.601, from 16 for black to 235 for white, with a peak of
    /// 255, in a column `psnr_y`. Nothing is rounded to whole numbers.
    #[must_use]
    pub fn luma(self) -> Self {
        Self { measure: PsnrMeasure { luma: true }, ..self }
    }
}

impl Measure for PsnrMeasure {
    fn name(&self) -> &'static str {
        if self.luma { "psnr_y" } else { "psnr" }
    }

    fn of(&self, x: Tensor<4>, y: Tensor<4>) -> Result<Vec<f64>, String> {
        let channels = x.dims()[1];
        if self.luma && channels != 3 {
            return Err("expected images of 3 channels".into());
        }
        let ((x, plane), (y, _)) = (host_images(x), host_images(y));
        let of_image = |x: &Vec<f32>, y: &Vec<f32>| {
            let difference = |at: usize| f64::from(x[at]) - f64::from(y[at]);
            let squares: f64 = match self.luma {
                false => {
                    (0..x.len()).map(|at| difference(at).powi(2)).sum::<f64>() / channels as f64
                }
                true => (0..plane)
                    .map(|at| {
                        let parts = LUMA.iter().enumerate();
                        let of_channel = |(channel, weight): (usize, &f64)| {
                            weight * difference(channel * plane + at)
                        };
                        (parts.map(of_channel).sum::<f64>() / 255.0).powi(2)
                    })
                    .sum(),
            };
            decibels(squares / plane as f64)
        };
        Ok(x.iter().zip(&y).map(|(x, y)| of_image(x, y)).collect())
    }
}

/// Of a mean squared error of values in `0.0..=1.0`.
fn decibels(mse: f64) -> f64 {
    let decibels = -10.0 * mse.log10();
    // NaN stays NaN.
    if decibels > SAME { SAME } else { decibels }
}

/// See [`Ssim`](super::Ssim).
#[derive(Debug, Clone, Copy, Default)]
pub struct SsimMeasure;

impl Measure for SsimMeasure {
    fn name(&self) -> &'static str {
        "ssim"
    }

    fn of(&self, x: Tensor<4>, y: Tensor<4>) -> Result<Vec<f64>, String> {
        Ok(of_images(ssim(x, y)))
    }
}

/// See [`MsSsim`](super::MsSsim).
#[derive(Debug, Clone, Copy, Default)]
pub struct MsSsimMeasure;

impl Measure for MsSsimMeasure {
    fn name(&self) -> &'static str {
        "ms_ssim"
    }

    fn of(&self, x: Tensor<4>, y: Tensor<4>) -> Result<Vec<f64>, String> {
        Ok(of_images(ms_ssim(x, y)))
    }
}

/// `[batch, channels]` → one each
fn of_images(similarity: Tensor<2>) -> Vec<f64> {
    let values = super::super::host(similarity.mean_dim(1).into());
    values.into_iter().map(f64::from).collect()
}

/// See [`PixelL1`](super::PixelL1).
#[derive(Debug, Clone, Copy, Default)]
pub struct L1Measure;

impl Measure for L1Measure {
    fn name(&self) -> &'static str {
        "pixel_l1"
    }

    fn of(&self, x: Tensor<4>, y: Tensor<4>) -> Result<Vec<f64>, String> {
        let ((x, _), (y, _)) = (host_images(x), host_images(y));
        let of_image = |(x, y): (&Vec<f32>, &Vec<f32>)| {
            let pairs = x.iter().zip(y);
            let sum: f64 = pairs.map(|(x, y)| (f64::from(*x) - f64::from(*y)).abs()).sum();
            sum / x.len() as f64
        };
        Ok(x.iter().zip(&y).map(of_image).collect())
    }
}
