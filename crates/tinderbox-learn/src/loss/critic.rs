//! Losses of critics, whose output is a score.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use tinderbox_model::AnyTensor;

use crate::loss::Loss;

/// The mean of the output, whatever the target: for models whose output is a loss.
///
/// # Shapes
/// - output: any
/// - returns `[1]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NoopLoss;

impl Loss for NoopLoss {
    fn forward(&self, output: AnyTensor, target: AnyTensor) -> Tensor<1> {
        self.unreduced(output, target).mean()
    }

    fn unreduced(&self, output: AnyTensor, _target: AnyTensor) -> Tensor<1> {
        output.into_flat()
    }
}

/// The mean score of what is real, less the mean score of what is generated.
///
/// # Shapes
/// - output: a critic's scores of real examples, any shape
/// - target: its scores of generated ones, any shape
/// - returns `[1]`
///
/// # Reference
/// Arjovsky et al., [Wasserstein GAN](https://arxiv.org/abs/1701.07875), 2017.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WassersteinLoss;

impl Loss for WassersteinLoss {
    fn forward(&self, real: AnyTensor, fake: AnyTensor) -> Tensor<1> {
        real.into_flat().mean() - fake.into_flat().mean()
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn wasserstein_compares_means_of_unequal_counts() {
        let device = Device::flex();
        let real = Tensor::<2>::from_data([[1.0], [2.0], [3.0]], &device);
        let fake = Tensor::<1>::from_data([0.0, 1.0], &device);
        let value = WassersteinLoss.forward(real.into(), fake.into()).into_scalar::<f32>();
        assert_eq!(value, 1.5);
    }
}
