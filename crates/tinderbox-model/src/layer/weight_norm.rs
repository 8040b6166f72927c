//! Weight norm.

use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor},
};
use tinderbox_ops::conv2d;

use super::conv::options;
use crate::{Forward, layer::Conv2dConfig};

/// A convolution whose weights are a direction and a length for each output channel.
///
/// Salimans and Kingma, [Weight Normalization](https://arxiv.org/abs/1602.07868), 2016.
#[derive(Module, Debug)]
pub struct WeightNormConv2d {
    pub bias: Option<Param<Tensor<1>>>,
    /// The length, `[out_channels, 1, 1, 1]`.
    pub weight_g: Param<Tensor<4>>,
    /// The direction, `[out_channels, in_channels, kernel, kernel]`.
    pub weight_v: Param<Tensor<4>>,
    pub stride: usize,
    pub padding: usize,
}

impl WeightNormConv2d {
    /// Starts with the weights of the plain convolution.
    pub fn new(config: Conv2dConfig, device: &Device) -> Self {
        let plain = config.init(device);
        let weight = plain.weight.val();
        let length = norm(weight.clone());
        Self {
            bias: plain.bias,
            weight_g: Param::from_tensor(length.detach()),
            weight_v: plain.weight,
            stride: config.stride,
            padding: config.padding,
        }
    }
}

/// The norm of each output channel's weights, `[out_channels, 1, 1, 1]`.
fn norm(weight: Tensor<4>) -> Tensor<4> {
    weight.square().sum_dim(1).sum_dim(2).sum_dim(3).sqrt()
}

impl Forward for WeightNormConv2d {
    type Input = Tensor<4>;
    type Output = Tensor<4>;

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let v = self.weight_v.val();
        let weight = v.clone() * (self.weight_g.val() / norm(v));
        conv2d(x, weight, self.bias.as_ref().map(Param::val), options(self.stride, self.padding))
    }

    fn class_name() -> Option<&'static str> {
        Some("Conv2d")
    }
}
