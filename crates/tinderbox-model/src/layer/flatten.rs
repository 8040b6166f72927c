//! Joining axes.

use burn::{module::Module, tensor::Tensor};

use crate::{AnyTensor, Forward};

/// Joins all axes but the batch's; with `full`, that one too.
#[derive(Module, Debug, Default)]
#[doc(alias = "Lambda")]
pub struct Flatten {
    pub full: bool,
}

impl Forward for Flatten {
    type Input = AnyTensor;
    type Output = AnyTensor;

    fn forward(&self, x: AnyTensor) -> AnyTensor {
        match (self.full, x) {
            (true, AnyTensor::Float2(x)) => x.flatten::<1>(0, 1).into(),
            (true, AnyTensor::Float3(x)) => x.flatten::<1>(0, 2).into(),
            (true, AnyTensor::Float4(x)) => x.flatten::<1>(0, 3).into(),
            (false, AnyTensor::Float3(x)) => x.flatten::<2>(1, 2).into(),
            (false, AnyTensor::Float4(x)) => x.flatten::<2>(1, 3).into(),
            (_, x @ (AnyTensor::Float1(_) | AnyTensor::Float2(_))) => x,
            (_, other) => panic!("Flatten: not for a {} tensor", other.kind()),
        }
    }
}

/// The mean over the batch, as a row of numbers: the end of fastai's `basic_critic`, whose one
/// number is the score of the whole batch.
///
/// Shapes: `[batch, channels, height, width]` → `[channels * height * width]`
#[derive(Module, Debug, Default)]
pub struct AvgFlatten;

impl Forward for AvgFlatten {
    type Input = Tensor<4>;
    type Output = Tensor<1>;

    fn forward(&self, x: Tensor<4>) -> Tensor<1> {
        x.mean_dim(0).flatten(0, 3)
    }
}
