//! Weight norm.

use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor},
};

use super::{
    Conv2dConfig, ConvKind,
    conv::{conv1d, norm_classes},
};

/// A convolution whose weights are a direction and a length for each entry of their first axis,
/// which are the output channels, or the input channels of a transposed convolution.
///
/// `D` is 4 over pixels and 3 along one axis.
///
/// Salimans and Kingma, [Weight Normalization](https://arxiv.org/abs/1602.07868), 2016.
#[derive(Module, Debug)]
pub struct WeightNormConv<const D: usize> {
    pub bias: Option<Param<Tensor<1>>>,
    /// The length: `[n, 1, ..]`.
    pub weight_g: Param<Tensor<D>>,
    /// The direction: shaped as the plain convolution's weight.
    pub weight_v: Param<Tensor<D>>,
    pub stride: usize,
    pub padding: usize,
    #[module(skip)]
    kind: ConvKind,
}

impl<const D: usize> WeightNormConv<D> {
    fn with_weight(
        (weight, bias): (Tensor<D>, Option<Tensor<1>>),
        config: Conv2dConfig,
        kind: ConvKind,
    ) -> Self {
        Self {
            bias: bias.map(Param::from_tensor),
            weight_g: Param::from_tensor(norm(weight.clone())),
            weight_v: Param::from_tensor(weight),
            stride: config.stride,
            padding: config.padding,
            kind,
        }
    }

    fn weight(&self) -> Tensor<D> {
        let v = self.weight_v.val();
        v.clone() * (self.weight_g.val() / norm(v))
    }
}

impl WeightNormConv<4> {
    /// Over pixels, starting with the weights of the plain convolution.
    pub fn conv2d(config: Conv2dConfig, device: &Device) -> Self {
        Self::with_weight(config.maps(ConvKind::Conv2d, device), config, ConvKind::Conv2d)
    }

    /// Transposed, starting with the weights of the plain convolution.
    pub fn conv_transpose2d(config: Conv2dConfig, device: &Device) -> Self {
        let kind = ConvKind::ConvTranspose2d;
        Self::with_weight(config.maps(kind, device), config, kind)
    }
}

impl WeightNormConv<3> {
    /// Along one axis, starting with the weights of the plain convolution.
    pub fn conv1d(config: Conv2dConfig, device: &Device) -> Self {
        Self::with_weight(config.line(device), config, ConvKind::Conv1d)
    }
}

/// The norm over all axes but the first, which are left as ones.
fn norm<const D: usize>(weight: Tensor<D>) -> Tensor<D> {
    (1..D).fold(weight.square(), Tensor::sum_dim).sqrt()
}

norm_classes!(WeightNormConv);
