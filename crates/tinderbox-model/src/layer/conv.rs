//! Plain convolutions.

use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor, module, ops::ConvOptions},
};
use tinderbox_ops::{Conv2dOptions, conv_transpose2d, conv2d};

use crate::{Forward, init::Init};

/// Configures a [`Conv2d`]: a square kernel, every pixel, no padding, a bias, PyTorch's start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conv2dConfig {
    pub in_channels: usize,
    pub out_channels: usize,
    pub kernel: usize,
    pub stride: usize,
    pub padding: usize,
    pub bias: bool,
    pub init: Init,
}

impl Conv2dConfig {
    pub fn new([in_channels, out_channels]: [usize; 2], kernel: usize) -> Self {
        Self {
            in_channels,
            out_channels,
            kernel,
            stride: 1,
            padding: 0,
            bias: true,
            init: Init::Default,
        }
    }

    pub fn stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    pub fn padding(self, padding: usize) -> Self {
        Self { padding, ..self }
    }

    pub fn bias(self, bias: bool) -> Self {
        Self { bias, ..self }
    }

    pub fn init_with(self, init: Init) -> Self {
        Self { init, ..self }
    }

    pub fn init(&self, device: &Device) -> Conv2d {
        let shape = [self.out_channels, self.in_channels, self.kernel, self.kernel];
        let weight = self.init.weight(shape, device);
        let bias = self.bias.then(|| self.init.bias(self.out_channels, shape, device));
        Conv2d::new(weight, bias, self.stride, self.padding)
    }
}

/// Cross-correlation with black beyond the edge.
///
/// Shapes: `[batch, in_channels, height, width]` →
/// `[batch, out_channels, (height + 2 padding - kernel) / stride + 1, ..]`
#[derive(Module, Debug)]
pub struct Conv2d {
    /// `[out_channels, in_channels, kernel, kernel]`
    pub weight: Param<Tensor<4>>,
    /// `[out_channels]`
    pub bias: Option<Param<Tensor<1>>>,
    pub stride: usize,
    pub padding: usize,
}

impl Conv2d {
    pub fn new(weight: Tensor<4>, bias: Option<Tensor<1>>, stride: usize, padding: usize) -> Self {
        Self {
            weight: Param::from_tensor(weight),
            bias: bias.map(Param::from_tensor),
            stride,
            padding,
        }
    }

    pub(crate) fn options(&self) -> Conv2dOptions {
        options(self.stride, self.padding)
    }

    pub(crate) fn bias(&self) -> Option<Tensor<1>> {
        self.bias.as_ref().map(Param::val)
    }
}

pub(crate) fn options(stride: usize, padding: usize) -> Conv2dOptions {
    Conv2dOptions { stride: [stride; 2], padding: [padding; 2], ..Conv2dOptions::default() }
}

impl Forward for Conv2d {
    type Input = Tensor<4>;
    type Output = Tensor<4>;

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        conv2d(x, self.weight.val(), self.bias(), self.options())
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
    pub fn new(config: Conv2dConfig, device: &Device) -> Self {
        let Conv2dConfig { in_channels, out_channels, kernel, stride, padding, bias, init } =
            config;
        let shape = [in_channels, out_channels, kernel, kernel];
        let weight = Param::from_tensor(init.weight(shape, device));
        let bias = bias.then(|| Param::from_tensor(init.bias(out_channels, shape, device)));
        Self { weight, bias, stride, padding }
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
    pub fn new(config: Conv2dConfig, device: &Device) -> Self {
        let Conv2dConfig { in_channels, out_channels, kernel, stride, padding, bias, init } =
            config;
        let shape = [out_channels, in_channels, kernel];
        let weight = Param::from_tensor(init.weight(shape, device));
        let bias = bias.then(|| Param::from_tensor(init.bias(out_channels, shape, device)));
        Self { weight, bias, stride, padding }
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

/// fastai's `conv2d`: a convolution that keeps the resolution, by Kaiming's start, without bias.
pub fn conv2d_layer(channels: [usize; 2], kernel: usize, device: &Device) -> Conv2d {
    Conv2dConfig::new(channels, kernel)
        .padding(kernel / 2)
        .bias(false)
        .init_with(Init::KaimingNormal)
        .init(device)
}
