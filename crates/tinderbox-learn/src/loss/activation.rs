//! From a model's raw output to predictions.

use burn::tensor::{
    Tensor,
    activation::{sigmoid, softmax},
};
use serde::{Deserialize, Serialize};
use tinderbox_model::AnyTensor;

/// What turns a model's raw output into predictions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Activation {
    /// The output is the prediction.
    #[default]
    None,
    /// Probabilities of classes that exclude each other.
    Softmax {
        /// Where the classes are; from the end if negative, as in PyTorch.
        axis: isize,
    },
    /// A probability for each number by itself.
    Sigmoid,
    /// Probabilities from their logarithms.
    Exp,
}

impl Activation {
    /// The predictions.
    ///
    /// # Panics
    /// If `output` is not of floats, or has no such axis.
    pub fn apply(self, output: AnyTensor) -> AnyTensor {
        match output {
            AnyTensor::Float1(x) => self.of(x).into(),
            AnyTensor::Float2(x) => self.of(x).into(),
            AnyTensor::Float3(x) => self.of(x).into(),
            AnyTensor::Float4(x) => self.of(x).into(),
            other => panic!("activation: not for a {} tensor", other.kind()),
        }
    }

    fn of<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Self::None => x,
            Self::Softmax { axis } => softmax(x, axis),
            Self::Sigmoid => sigmoid(x),
            Self::Exp => x.exp(),
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[track_caller]
    fn check(activation: Activation, want: [f32; 4]) {
        let x: Tensor<2> = Tensor::from_data([[0.0, 3f32.ln()], [0.0, 0.0]], &Device::flex());
        let got: Vec<f32> = activation.apply(x.into()).into_flat().try_into_vec_as().unwrap();
        let close = got.iter().zip(want).all(|(got, want)| (got - want).abs() < 1e-6);
        assert!(close, "{activation:?}: {got:?}, expected {want:?}");
    }

    #[test]
    fn predictions_are_probabilities() {
        check(Activation::None, [0.0, 3f32.ln(), 0.0, 0.0]);
        check(Activation::Softmax { axis: -1 }, [0.25, 0.75, 0.5, 0.5]);
        check(Activation::Softmax { axis: 0 }, [0.5, 0.75, 0.5, 0.25]);
        check(Activation::Sigmoid, [0.5, 0.75, 0.5, 0.5]);
        check(Activation::Exp, [1.0, 3.0, 1.0, 1.0]);
    }
}
