//! Convolutions.

use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor, module, ops::ConvOptions},
};
use tinderbox_ops::{Conv2dOptions, conv_transpose2d};

use super::WeightNormConv;
use crate::{Forward, Layer, init::Init};

/// The convolutions that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConvKind {
    /// Over pixels.
    #[default]
    Conv2d,
    /// Along one axis.
    Conv1d,
    /// The transposed one over pixels: each input pixel paints a kernel.
    ConvTranspose2d,
}

impl ConvKind {
    /// PyTorch's class name.
    pub(super) fn class_name(self) -> &'static str {
        match self {
            Self::Conv2d => "Conv2d",
            Self::Conv1d => "Conv1d",
            Self::ConvTranspose2d => "ConvTranspose2d",
        }
    }

    /// Convolves maps, as one of the two kinds over pixels does.
    pub(super) fn maps(
        self,
        x: Tensor<4>,
        weight: Tensor<4>,
        bias: Option<Tensor<1>>,
        stride: usize,
        padding: usize,
    ) -> Tensor<4> {
        match self {
            Self::ConvTranspose2d => conv_transpose2d(x, weight, bias, [stride; 2], [padding; 2]),
            _ => tinderbox_ops::conv2d(x, weight, bias, options(stride, padding)),
        }
    }
}

/// Configures a convolution: a square kernel, every pixel, no padding, a bias, PyTorch's start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conv2dConfig {
    pub in_channels: usize,
    pub out_channels: usize,
    pub kernel: usize,
    pub stride: usize,
    pub padding: usize,
    /// Parts that the channels are divided into; each sees its own alone. Of a [`Conv2d`] only.
    pub groups: usize,
    pub bias: bool,
    pub init: Init,
}

impl Conv2dConfig {
    /// PyTorch's defaults.
    pub fn new([in_channels, out_channels]: [usize; 2], kernel: usize) -> Self {
        Self {
            in_channels,
            out_channels,
            kernel,
            stride: 1,
            padding: 0,
            groups: 1,
            bias: true,
            init: Init::Default,
        }
    }

    /// Pixels from one output to the next.
    pub fn stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    /// Black pixels on each side.
    pub fn padding(self, padding: usize) -> Self {
        Self { padding, ..self }
    }

    /// Parts that the channels are divided into: as many as there are channels for a convolution of
    /// each by itself.
    pub fn groups(self, groups: usize) -> Self {
        Self { groups, ..self }
    }

    /// Whether a number is added to each output channel.
    pub fn bias(self, bias: bool) -> Self {
        Self { bias, ..self }
    }

    /// Where weights and bias start.
    pub fn init_with(self, init: Init) -> Self {
        Self { init, ..self }
    }

    /// A convolution over pixels with fresh weights.
    pub fn init(&self, device: &Device) -> Conv2d {
        let (weight, bias) = self.maps(ConvKind::Conv2d, device);
        Conv2d { groups: self.groups, ..Conv2d::new(weight, bias, self.stride, self.padding) }
    }

    /// Weight and bias of a convolution over pixels.
    pub(super) fn maps(&self, kind: ConvKind, device: &Device) -> (Tensor<4>, Option<Tensor<1>>) {
        let channels = match kind {
            ConvKind::ConvTranspose2d => [self.in_channels, self.out_channels],
            _ => [self.out_channels, self.in_channels / self.groups],
        };
        self.start([channels[0], channels[1], self.kernel, self.kernel], device)
    }

    /// Weight and bias of a convolution along one axis.
    pub(super) fn line(&self, device: &Device) -> (Tensor<3>, Option<Tensor<1>>) {
        self.start([self.out_channels, self.in_channels, self.kernel], device)
    }

    fn start<const D: usize>(
        &self,
        shape: [usize; D],
        device: &Device,
    ) -> (Tensor<D>, Option<Tensor<1>>) {
        let weight = self.init.weight(shape, device);
        (weight, self.bias.then(|| self.init.bias(self.out_channels, shape, device)))
    }
}

/// Cross-correlation with black beyond the edge.
///
/// Shapes: `[batch, in_channels, height, width]` →
/// `[batch, out_channels, (height + 2 padding - kernel) / stride + 1, ..]`
#[derive(Module, Debug)]
pub struct Conv2d {
    /// `[out_channels, in_channels / groups, kernel, kernel]`
    pub weight: Param<Tensor<4>>,
    /// `[out_channels]`
    pub bias: Option<Param<Tensor<1>>>,
    pub stride: usize,
    pub padding: usize,
    pub groups: usize,
}

impl Conv2d {
    /// With these weights, in one group.
    pub fn new(weight: Tensor<4>, bias: Option<Tensor<1>>, stride: usize, padding: usize) -> Self {
        Self {
            weight: Param::from_tensor(weight),
            bias: bias.map(Param::from_tensor),
            stride,
            padding,
            groups: 1,
        }
    }

    pub(crate) fn options(&self) -> Conv2dOptions {
        Conv2dOptions { groups: self.groups, ..options(self.stride, self.padding) }
    }

    pub(crate) fn bias(&self) -> Option<Tensor<1>> {
        self.bias.as_ref().map(Param::val)
    }
}

pub(crate) fn options(stride: usize, padding: usize) -> Conv2dOptions {
    Conv2dOptions { stride: [stride; 2], padding: [padding; 2], ..Conv2dOptions::default() }
}

/// A convolution over pixels, whatever its weights come from: what runs as one with a ReLU behind it.
pub(crate) trait Convolution {
    fn weight(&self) -> Tensor<4>;
    fn bias(&self) -> Option<Tensor<1>>;
    fn options(&self) -> Conv2dOptions;
}

impl Convolution for Conv2d {
    fn weight(&self) -> Tensor<4> {
        self.weight.val()
    }

    fn bias(&self) -> Option<Tensor<1>> {
        self.bias()
    }

    fn options(&self) -> Conv2dOptions {
        self.options()
    }
}

/// The layer as a convolution over pixels, if it is one.
pub(crate) fn as_convolution(layer: &dyn Layer) -> Option<&dyn Convolution> {
    if let Some(conv) = layer.as_any().downcast_ref::<Conv2d>() {
        return Some(conv);
    }
    layer.as_any().downcast_ref::<WeightNormConv<4>>()?.as_convolution()
}

impl Forward for Conv2d {
    type Input = Tensor<4>;
    type Output = Tensor<4>;

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        tinderbox_ops::conv2d(x, self.weight.val(), self.bias(), self.options())
    }
}

/// The transposed convolution: each input pixel paints a kernel.
///
/// Shapes: `[batch, in_channels, height, width]` →
/// `[batch, out_channels, (height - 1) stride - 2 padding + kernel, ..]`
#[derive(Module, Debug)]
pub struct ConvTranspose2d {
    /// `[in_channels, out_channels, kernel, kernel]`
    pub weight: Param<Tensor<4>>,
    /// `[out_channels]`
    pub bias: Option<Param<Tensor<1>>>,
    pub stride: usize,
    pub padding: usize,
}

impl ConvTranspose2d {
    /// With fresh weights.
    pub fn new(config: Conv2dConfig, device: &Device) -> Self {
        let (weight, bias) = config.maps(ConvKind::ConvTranspose2d, device);
        Self {
            weight: Param::from_tensor(weight),
            bias: bias.map(Param::from_tensor),
            stride: config.stride,
            padding: config.padding,
        }
    }
}

impl Forward for ConvTranspose2d {
    type Input = Tensor<4>;
    type Output = Tensor<4>;

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let bias = self.bias.as_ref().map(Param::val);
        conv_transpose2d(x, self.weight.val(), bias, [self.stride; 2], [self.padding; 2])
    }
}

/// A convolution along one axis.
///
/// Shapes: `[batch, in_channels, length]` →
/// `[batch, out_channels, (length + 2 padding - kernel) / stride + 1]`
#[derive(Module, Debug)]
pub struct Conv1d {
    /// `[out_channels, in_channels, kernel]`
    pub weight: Param<Tensor<3>>,
    /// `[out_channels]`
    pub bias: Option<Param<Tensor<1>>>,
    pub stride: usize,
    pub padding: usize,
}

impl Conv1d {
    /// With fresh weights.
    pub fn new(config: Conv2dConfig, device: &Device) -> Self {
        let (weight, bias) = config.line(device);
        Self {
            weight: Param::from_tensor(weight),
            bias: bias.map(Param::from_tensor),
            stride: config.stride,
            padding: config.padding,
        }
    }
}

impl Forward for Conv1d {
    type Input = Tensor<3>;
    type Output = Tensor<3>;

    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let bias = self.bias.as_ref().map(Param::val);
        conv1d(x, self.weight.val(), bias, self.stride, self.padding)
    }
}

pub(crate) fn conv1d(
    x: Tensor<3>,
    weight: Tensor<3>,
    bias: Option<Tensor<1>>,
    stride: usize,
    padding: usize,
) -> Tensor<3> {
    module::conv1d(x, weight, bias, ConvOptions::new([stride], [padding], [1], 1))
}

/// fastai's `conv2d`: a convolution that keeps the resolution if the kernel is odd, by Kaiming's
/// start, without bias.
pub fn conv2d(channels: [usize; 2], kernel: usize, device: &Device) -> Conv2d {
    Conv2dConfig::new(channels, kernel)
        .padding(kernel / 2)
        .bias(false)
        .init_with(Init::KaimingNormal)
        .init(device)
}

/// fastai's `conv2d_trans`: a transposed convolution that doubles the resolution, by PyTorch's
/// start, without bias.
pub fn conv2d_trans(channels: [usize; 2], device: &Device) -> ConvTranspose2d {
    ConvTranspose2d::new(Conv2dConfig::new(channels, 2).stride(2).bias(false), device)
}

/// What a convolution with normed weights is to its neighbors: the plain one of its kind.
macro_rules! norm_classes {
    ($conv:ident) => {
        impl $crate::Forward for $conv<4> {
            type Input = Tensor<4>;
            type Output = Tensor<4>;

            fn forward(&self, x: Tensor<4>) -> Tensor<4> {
                let bias = self.bias.as_ref().map(Param::val);
                self.kind.maps(x, self.weight(), bias, self.stride, self.padding)
            }

            fn class_name(&self) -> Option<&'static str> {
                Some(self.kind.class_name())
            }
        }

        impl $crate::Forward for $conv<3> {
            type Input = Tensor<3>;
            type Output = Tensor<3>;

            fn forward(&self, x: Tensor<3>) -> Tensor<3> {
                let bias = self.bias.as_ref().map(Param::val);
                conv1d(x, self.weight(), bias, self.stride, self.padding)
            }

            fn class_name(&self) -> Option<&'static str> {
                Some(self.kind.class_name())
            }
        }
    };
}

pub(super) use norm_classes;
