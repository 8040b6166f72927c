//! Where training starts.
//!
//! All that is random comes from the device's generator: seed it, and a model starts the same.

use burn::tensor::{Device, Distribution, Tensor};

/// How the weights and the bias of a convolution or linear layer start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Init {
    /// PyTorch's: weights and bias uniform in ±1/sqrt(fan_in).
    #[default]
    Default,
    /// Weights normal with standard deviation sqrt(2 / fan_in), the bias zero.
    ///
    /// He et al., [Delving Deep into Rectifiers](https://arxiv.org/abs/1502.01852), 2015.
    KaimingNormal,
}

/// Inputs of one output: the elements of a weight but its first axis.
pub(crate) fn fan_in(shape: &[usize]) -> f64 {
    shape[1..].iter().product::<usize>() as f64
}

impl Init {
    pub(crate) fn weight<const D: usize>(self, shape: [usize; D], device: &Device) -> Tensor<D> {
        match self {
            Self::Default => uniform(shape, shape, device),
            Self::KaimingNormal => kaiming_normal(shape, device),
        }
    }

    /// The bias of a layer whose weight has this shape.
    pub(crate) fn bias<const D: usize>(
        self,
        len: usize,
        weight: [usize; D],
        device: &Device,
    ) -> Tensor<1> {
        match self {
            Self::Default => uniform([len], weight, device),
            Self::KaimingNormal => Tensor::zeros([len], device),
        }
    }
}

/// Uniform in ±1/sqrt(fan_in) of a weight's shape.
pub(crate) fn uniform<const D: usize, const W: usize>(
    shape: [usize; D],
    weight: [usize; W],
    device: &Device,
) -> Tensor<D> {
    let bound = 1.0 / fan_in(&weight).sqrt();
    Tensor::random(shape, Distribution::Uniform(-bound, bound), device)
}

/// Normal with standard deviation sqrt(2 / fan_in).
pub fn kaiming_normal<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::random(shape, Distribution::Normal(0.0, (2.0 / fan_in(&shape)).sqrt()), device)
}
