//! A distance that is smooth at zero.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use tinderbox_model::AnyTensor;

use crate::loss::{Loss, flat_pair};

/// The mean of `sqrt(d² + eps²)` over the differences `d` of all elements: the absolute difference, but
/// without a corner at zero, around which the gradient of [`L1LossFlat`](super::L1LossFlat) jumps.
///
/// # Shapes
/// - output and target: any, of equally many elements
/// - returns `[1]`, at least `eps`
///
/// # Reference
/// Lai et al., [Deep Laplacian Pyramid Networks](https://arxiv.org/abs/1704.03915), 2017; the default is
/// theirs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CharbonnierLoss {
    /// Differences much below it count as their squares do. 0.001 unless it is set.
    pub eps: f64,
}

impl Default for CharbonnierLoss {
    fn default() -> Self {
        Self { eps: 1e-3 }
    }
}

impl Loss for CharbonnierLoss {
    fn forward(&self, output: AnyTensor, target: AnyTensor) -> Tensor<1> {
        self.unreduced(output, target).mean()
    }

    fn unreduced(&self, output: AnyTensor, target: AnyTensor) -> Tensor<1> {
        let (x, y) = flat_pair("CharbonnierLoss", output, target);
        ((x - y).square() + self.eps.powi(2)).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn it_is_smooth_at_zero_and_the_distance_far_from_it() {
        let device = Device::flex().autodiff();
        let x = Tensor::<1>::from_data([0.0, 3.0, -2.0], &device).require_grad();
        let y = Tensor::<1>::from_data([0.0, 0.0, 0.0], &device);
        let loss = CharbonnierLoss { eps: 4.0 };
        let values = loss.unreduced(x.clone().into(), y.into());
        let gradient = x.grad(&values.clone().sum().backward()).unwrap();
        let values: Vec<f32> = values.try_into_vec_as().unwrap();
        let gradient: Vec<f32> = gradient.try_into_vec_as().unwrap();
        let far = 20f32.sqrt();
        for (found, wanted) in
            values.iter().chain(&gradient).zip([4.0, 5.0, far, 0.0, 0.6, -2.0 / far])
        {
            assert!((found - wanted).abs() < 1e-6, "{values:?}, {gradient:?}");
        }
    }
}
