//! A distance that does not let colors fade.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use tinderbox_data::Normalize;
use tinderbox_model::AnyTensor;

use crate::{
    loss::{Loss, image_pair, similarity::of_targets},
    similarity::denormalized,
};

/// The mean squared difference, in which a pixel counts the more the more colorful its target is.
///
/// Most of a photograph is nearly gray, so a model that guesses colors by the mean squared error makes
/// everything nearly gray. Here a pixel's weight is `1 + chroma / fades`, where its chroma is the
/// standard deviation of the target's three channels in `0.0..=1.0`: 0 for gray, 0.47 for a pure color.
/// Weights have a mean of 1 over the batch.
///
/// # Shapes
/// - output and target: `[batch, 3, height, width]`
/// - returns `[1]`
///
/// # Reference
/// The idea of Zhang et al., [Colorful Image Colorization](https://arxiv.org/abs/1603.08511), 2016,
/// who weigh classes of color by their rarity.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[doc(alias = "class rebalancing")]
pub struct ColorLoss {
    /// The chroma at which a pixel counts twice as much as a gray one.
    fades: f64,
    normalize: Option<Normalize>,
}

/// A pale color.
const FADES: f64 = 0.05;

impl ColorLoss {
    /// Of images that were normalized so, or are in `0.0..=1.0` already.
    pub fn new(normalize: impl Into<Option<Normalize>>) -> Self {
        Self { fades: FADES, normalize: of_targets(normalize.into()) }
    }
}

impl Loss for ColorLoss {
    fn forward(&self, output: AnyTensor, target: AnyTensor) -> Tensor<1> {
        self.unreduced(output, target).mean()
    }

    fn unreduced(&self, output: AnyTensor, target: AnyTensor) -> Tensor<1> {
        let (x, y) = image_pair("ColorLoss", output, target);
        let pixels = denormalized(y.clone(), self.normalize.as_ref());
        let from_gray = pixels.clone() - pixels.mean_dim(1);
        let weight = from_gray.square().mean_dim(1).sqrt() / self.fades + 1.0;
        let mean = weight.clone().mean().reshape([1, 1, 1, 1]);
        ((x - y).square() * (weight / mean)).flatten::<1>(0, 3)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn a_colorful_pixel_counts_more_than_a_gray_one() {
        let device = Device::flex();
        // A gray pixel, and one whose channels are 0.05 √1.5 from their mean, or at it.
        let apart = 0.05 * 1.5f32.sqrt();
        let values = [[0.5, 0.5 - apart], [0.5, 0.5], [0.5, 0.5 + apart]];
        let y = Tensor::<2>::from_data(values, &device).reshape([1, 3, 1, 2]);
        let x = y.clone() + 0.3;
        let loss = ColorLoss::new(None);
        let found: Vec<f32> =
            loss.unreduced(x.clone().into(), y.clone().into()).try_into_vec_as().unwrap();
        // Weights of 1 and 2, of a mean of 1.5.
        for (found, wanted) in found.chunks(2).flatten().zip([0.06, 0.12].iter().cycle()) {
            assert!((found - wanted).abs() < 1e-6, "{found} instead of {wanted}");
        }
        let mean = loss.forward(x.into(), y.into()).into_scalar::<f32>();
        assert!((mean - 0.09).abs() < 1e-6, "{mean}");
    }

    #[test]
    fn of_gray_targets_it_is_the_mean_squared_error() {
        let device = Device::flex();
        let y = Tensor::<4>::full([2, 3, 4, 4], 0.25, &device);
        let x = y.clone() - 0.5;
        let found = ColorLoss::new(None).forward(x.into(), y.into()).into_scalar::<f32>();
        assert!((found - 0.25).abs() < 1e-6, "{found}");
    }
}
