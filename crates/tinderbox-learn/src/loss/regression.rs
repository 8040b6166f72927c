//! Distances between numbers.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use tinderbox_model::AnyTensor;

use crate::loss::{Loss, flat_pair};

/// The mean squared difference of all elements.
///
/// # Shapes
/// - output and target: any, of equally many elements
/// - returns `[1]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[doc(alias = "MSELoss")]
#[doc(alias = "mse")]
pub struct MSELossFlat;

impl Loss for MSELossFlat {
    fn forward(&self, output: AnyTensor, target: AnyTensor) -> Tensor<1> {
        match (output, target) {
            // Maps stay in the memory order of the kernels.
            (AnyTensor::Float4(x), AnyTensor::Float4(y)) if x.dims() == y.dims() => {
                (x - y).square().mean()
            }
            (output, target) => self.unreduced(output, target).mean(),
        }
    }

    fn unreduced(&self, output: AnyTensor, target: AnyTensor) -> Tensor<1> {
        let (x, y) = flat_pair("MSELossFlat", output, target);
        (x - y).square()
    }
}

/// The mean absolute difference of all elements.
///
/// # Shapes
/// - output and target: any, of equally many elements
/// - returns `[1]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[doc(alias = "L1Loss")]
pub struct L1LossFlat;

impl Loss for L1LossFlat {
    fn forward(&self, output: AnyTensor, target: AnyTensor) -> Tensor<1> {
        match (output, target) {
            // Maps stay in the memory order of the kernels.
            (AnyTensor::Float4(x), AnyTensor::Float4(y)) if x.dims() == y.dims() => {
                (x - y).abs().mean()
            }
            (output, target) => self.unreduced(output, target).mean(),
        }
    }

    fn unreduced(&self, output: AnyTensor, target: AnyTensor) -> Tensor<1> {
        let (x, y) = flat_pair("L1LossFlat", output, target);
        (x - y).abs()
    }
}
