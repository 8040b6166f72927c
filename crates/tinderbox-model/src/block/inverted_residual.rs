//! MobileNetV2's block.

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use tinderbox_ops::{add, fork};

use crate::{
    Forward, Sequential, Trace,
    init::Init,
    layer::{BatchNorm2d, Conv2d, Conv2dConfig, ReLU6},
};

/// Configures an [`InvertedResidual`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvertedResidualConfig {
    pub in_channels: usize,
    pub out_channels: usize,
    pub stride: usize,
    /// How many times the input's channels are inside.
    pub expansion: usize,
}

/// Many channels between few: a 1×1 convolution out, a 3×3 one of each channel by itself, a 1×1
/// one back, and a shortcut between what is narrow, where the shapes allow one.
///
/// Its part is named as in torchvision.
///
/// Shapes: `[batch, in_channels, height, width]` → `[batch, out_channels, height / stride, ..]`
///
/// Sandler et al., [MobileNetV2](https://arxiv.org/abs/1801.04381), 2018.
#[derive(Module, Debug)]
pub struct InvertedResidual {
    conv: Sequential,
    /// Whether the input is added.
    #[module(skip)]
    residual: bool,
}

impl InvertedResidualConfig {
    /// The block with fresh weights.
    pub fn init(&self, device: &Device) -> InvertedResidual {
        let Self { in_channels, out_channels, stride, expansion } = *self;
        let inner = in_channels * expansion;
        let layers = match expansion {
            1 => Sequential::new(),
            _ => Sequential::new().push(conv_bn_relu6([in_channels, inner], 1, 1, 1, device)),
        };
        let conv = layers
            .push(conv_bn_relu6([inner, inner], 3, stride, inner, device))
            .push(conv([inner, out_channels], 1, 1, 1, device))
            .push(BatchNorm2d::new(out_channels, device));
        InvertedResidual { conv, residual: stride == 1 && in_channels == out_channels }
    }
}

/// By torchvision's start.
fn conv(
    channels: [usize; 2],
    kernel: usize,
    stride: usize,
    groups: usize,
    device: &Device,
) -> Conv2d {
    Conv2dConfig::new(channels, kernel)
        .stride(stride)
        .padding(kernel / 2)
        .groups(groups)
        .bias(false)
        .init_with(Init::KaimingFanOut)
        .init(device)
}

/// Convolution, batch norm and ReLU6.
pub(crate) fn conv_bn_relu6(
    channels: [usize; 2],
    kernel: usize,
    stride: usize,
    groups: usize,
    device: &Device,
) -> Sequential {
    Sequential::new()
        .push(conv(channels, kernel, stride, groups, device))
        .push(BatchNorm2d::new(channels[1], device))
        .push(ReLU6)
}

impl Forward for InvertedResidual {
    type Input = Tensor<4>;
    type Output = Tensor<4>;

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward_traced(x, &mut Trace::off())
    }

    fn forward_traced(&self, x: Tensor<4>, trace: &mut Trace<'_>) -> Tensor<4> {
        if !self.residual {
            return trace.run("conv", &self.conv, x);
        }
        let [x, shortcut] = fork(x);
        add(shortcut, trace.run("conv", &self.conv, x))
    }
}
