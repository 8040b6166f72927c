//! Weight norm.

use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor},
};

use tinderbox_ops::{Conv2dOptions, KeptWeight};

use super::{
    Conv2dConfig, ConvKind,
    conv::{Convolution, conv1d, norm_classes, options},
    forward_any_rank,
};
use crate::init::Init;

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
    /// What evaluation made of length and direction.
    #[module(skip)]
    kept: KeptWeight<D>,
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
            kept: KeptWeight::default(),
        }
    }

    /// The weights of the plain convolution that it is.
    pub fn weight(&self) -> Tensor<D> {
        self.kept.of(self.weight_v.val(), self.weight_g.val())
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

impl WeightNormConv<4> {
    /// What runs as one with what follows it; a transposed one does not.
    pub(crate) fn as_convolution(&self) -> Option<&dyn Convolution> {
        (self.kind == ConvKind::Conv2d).then_some(self)
    }
}

impl Convolution for WeightNormConv<4> {
    fn weight(&self) -> Tensor<4> {
        self.weight()
    }

    fn bias(&self) -> Option<Tensor<1>> {
        self.bias.as_ref().map(Param::val)
    }

    fn options(&self) -> Conv2dOptions {
        options(self.stride, self.padding)
    }
}

/// A [`Linear`](super::Linear) layer whose weights are a direction and a length for each output.
#[derive(Module, Debug)]
pub struct WeightNormLinear {
    pub bias: Option<Param<Tensor<1>>>,
    /// The length: `[out, 1]`.
    pub weight_g: Param<Tensor<2>>,
    /// The direction: `[out, in]`.
    pub weight_v: Param<Tensor<2>>,
    /// What evaluation made of length and direction.
    #[module(skip)]
    kept: KeptWeight<2>,
}

impl WeightNormLinear {
    /// From `inputs` to `outputs` numbers, starting with the weights of the plain layer.
    pub fn new(inputs: usize, outputs: usize, device: &Device) -> Self {
        let shape = [outputs, inputs];
        let weight = Init::Default.weight(shape, device);
        Self {
            bias: Some(Param::from_tensor(Init::Default.bias(outputs, shape, device))),
            weight_g: Param::from_tensor(norm(weight.clone())),
            weight_v: Param::from_tensor(weight),
            kept: KeptWeight::default(),
        }
    }

    /// The pass on a tensor whose rank is known.
    pub fn apply<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let weight = self.kept.of(self.weight_v.val(), self.weight_g.val());
        tinderbox_ops::linear(x, weight, self.bias.as_ref().map(Param::val))
    }
}

forward_any_rank!(WeightNormLinear, layer, x => layer.apply(x));

/// The norm over all axes but the first, which are left as ones.
fn norm<const D: usize>(weight: Tensor<D>) -> Tensor<D> {
    (1..D).fold(weight.square(), Tensor::sum_dim).sqrt()
}

norm_classes!(WeightNormConv);
