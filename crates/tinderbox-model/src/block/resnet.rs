//! torchvision's residual blocks: batch norm before ReLU, the sum before the last ReLU.

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use tinderbox_ops::{add, fork};

use super::conv_bn::{Then, conv_bn};
use crate::{
    Forward, Sequential, Trace,
    init::Init,
    layer::{BatchNorm2d, Conv2d, Conv2dConfig, ReLU},
};

/// A convolution without bias that keeps the resolution but for its stride, by torchvision's start.
fn conv(channels: [usize; 2], kernel: usize, stride: usize, device: &Device) -> Conv2d {
    Conv2dConfig::new(channels, kernel)
        .stride(stride)
        .padding(kernel / 2)
        .bias(false)
        .init_with(Init::KaimingFanOut)
        .init(device)
}

/// What brings a block's input to the shape of its output, where the two differ.
fn downsample([inputs, outputs]: [usize; 2], stride: usize, device: &Device) -> Option<Sequential> {
    (stride != 1 || inputs != outputs).then(|| {
        Sequential::new()
            .push(conv([inputs, outputs], 1, stride, device))
            .push(BatchNorm2d::new(outputs, device))
    })
}

/// The block's input for its layers, and as it is added to its output.
fn parted(downsample: Option<&Sequential>, x: Tensor<4>, trace: &mut Trace<'_>) -> [Tensor<4>; 2] {
    let [x, shortcut] = fork(x);
    match downsample {
        Some(downsample) => [x, trace.run("downsample", downsample, shortcut)],
        None => [x, shortcut],
    }
}

/// Two 3×3 convolutions around a shortcut: the block of ResNet-18 and -34.
///
/// Fields are named as in torchvision, and in its order.
///
/// Shapes: `[batch, inputs, height, width]` → `[batch, channels, height / stride, ..]`
#[derive(Module, Debug)]
pub struct BasicBlock {
    conv1: Conv2d,
    bn1: BatchNorm2d,
    relu: ReLU,
    conv2: Conv2d,
    bn2: BatchNorm2d,
    downsample: Option<Sequential>,
}

impl BasicBlock {
    /// With fresh weights; the first convolution has the stride.
    pub fn new(inputs: usize, channels: usize, stride: usize, device: &Device) -> Self {
        Self {
            conv1: conv([inputs, channels], 3, stride, device),
            bn1: BatchNorm2d::new(channels, device),
            relu: ReLU,
            conv2: conv([channels, channels], 3, 1, device),
            bn2: BatchNorm2d::new(channels, device),
            downsample: downsample([inputs, channels], stride, device),
        }
    }

    /// The layers in the fewest operations that there are.
    fn at_once(&self, x: Tensor<4>, shortcut: Tensor<4>, trace: &mut Trace<'_>) -> Tensor<4> {
        let y = conv_bn(("conv1", &self.conv1), ("bn1", &self.bn1), Then::Relu, x, trace);
        let then = Then::AddRelu(shortcut);
        conv_bn(("conv2", &self.conv2), ("bn2", &self.bn2), then, y, trace)
    }
}

impl Forward for BasicBlock {
    type Input = Tensor<4>;
    type Output = Tensor<4>;

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward_traced(x, &mut Trace::off())
    }

    fn forward_traced(&self, x: Tensor<4>, trace: &mut Trace<'_>) -> Tensor<4> {
        let [x, shortcut] = parted(self.downsample.as_ref(), x, trace);
        if !trace.is_watched() {
            return self.at_once(x, shortcut, trace);
        }
        let y: Tensor<4> = trace.run("conv1", &self.conv1, x);
        let y: Tensor<4> = trace.run("bn1", &self.bn1, y);
        let y: Tensor<4> = trace.run("relu", &self.relu, y);
        let y: Tensor<4> = trace.run("conv2", &self.conv2, y);
        let y: Tensor<4> = trace.run("bn2", &self.bn2, y);
        trace.run("relu", &self.relu, add(y, shortcut))
    }
}

/// A 3×3 convolution between two 1×1 ones, around a shortcut: the block of ResNet-50 and deeper.
///
/// Fields are named as in torchvision, and in its order. The stride is the 3×3 convolution's, as
/// there; the paper has it in the first.
///
/// Shapes: `[batch, inputs, height, width]` → `[batch, 4 channels, height / stride, ..]`
#[derive(Module, Debug)]
pub struct Bottleneck {
    conv1: Conv2d,
    bn1: BatchNorm2d,
    conv2: Conv2d,
    bn2: BatchNorm2d,
    conv3: Conv2d,
    bn3: BatchNorm2d,
    relu: ReLU,
    downsample: Option<Sequential>,
}

impl Bottleneck {
    /// How many times the inner channels come out.
    pub const EXPANSION: usize = 4;

    /// With fresh weights, and `channels` inside.
    pub fn new(inputs: usize, channels: usize, stride: usize, device: &Device) -> Self {
        let outputs = channels * Self::EXPANSION;
        Self {
            conv1: conv([inputs, channels], 1, 1, device),
            bn1: BatchNorm2d::new(channels, device),
            conv2: conv([channels, channels], 3, stride, device),
            bn2: BatchNorm2d::new(channels, device),
            conv3: conv([channels, outputs], 1, 1, device),
            bn3: BatchNorm2d::new(outputs, device),
            relu: ReLU,
            downsample: downsample([inputs, outputs], stride, device),
        }
    }

    /// The layers in the fewest operations that there are.
    fn at_once(&self, x: Tensor<4>, shortcut: Tensor<4>, trace: &mut Trace<'_>) -> Tensor<4> {
        let y = conv_bn(("conv1", &self.conv1), ("bn1", &self.bn1), Then::Relu, x, trace);
        let y = conv_bn(("conv2", &self.conv2), ("bn2", &self.bn2), Then::Relu, y, trace);
        let then = Then::AddRelu(shortcut);
        conv_bn(("conv3", &self.conv3), ("bn3", &self.bn3), then, y, trace)
    }
}

impl Forward for Bottleneck {
    type Input = Tensor<4>;
    type Output = Tensor<4>;

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward_traced(x, &mut Trace::off())
    }

    fn forward_traced(&self, x: Tensor<4>, trace: &mut Trace<'_>) -> Tensor<4> {
        let [x, shortcut] = parted(self.downsample.as_ref(), x, trace);
        if !trace.is_watched() {
            return self.at_once(x, shortcut, trace);
        }
        let y: Tensor<4> = trace.run("conv1", &self.conv1, x);
        let y: Tensor<4> = trace.run("bn1", &self.bn1, y);
        let y: Tensor<4> = trace.run("relu", &self.relu, y);
        let y: Tensor<4> = trace.run("conv2", &self.conv2, y);
        let y: Tensor<4> = trace.run("bn2", &self.bn2, y);
        let y: Tensor<4> = trace.run("relu", &self.relu, y);
        let y: Tensor<4> = trace.run("conv3", &self.conv3, y);
        let y: Tensor<4> = trace.run("bn3", &self.bn3, y);
        trace.run("relu", &self.relu, add(y, shortcut))
    }
}
