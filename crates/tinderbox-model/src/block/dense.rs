//! torchvision's dense layer.

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use tinderbox_ops::{concat, fork};

use super::conv_bn::{Then, bn_relu, conv_bn};
use crate::{
    Forward, Trace,
    init::Init,
    layer::{BatchNorm2d, Conv2d, Conv2dConfig, ReLU},
};

/// Its input, then a few new channels that a 1×1 and a 3×3 convolution make of it: a list of these
/// is a block of a DenseNet. What is new comes last; the lesson's dense block has it first.
///
/// Fields are named as in torchvision, and in its order.
///
/// Shapes: `[batch, inputs, height, width]` → `[batch, inputs + growth, height, width]`
///
/// Huang et al., [Densely Connected Convolutional Networks](https://arxiv.org/abs/1608.06993), 2017.
#[derive(Module, Debug)]
pub struct DenseLayer {
    norm1: BatchNorm2d,
    relu1: ReLU,
    conv1: Conv2d,
    norm2: BatchNorm2d,
    relu2: ReLU,
    conv2: Conv2d,
}

impl DenseLayer {
    /// Channels between the two convolutions for each new one: the paper's.
    pub const BOTTLENECK: usize = 4;

    /// With fresh weights.
    pub fn new(inputs: usize, growth: usize, device: &Device) -> Self {
        let inner = Self::BOTTLENECK * growth;
        let conv = |channels, kernel: usize| {
            Conv2dConfig::new(channels, kernel)
                .padding(kernel / 2)
                .bias(false)
                .init_with(Init::KaimingNormal)
                .init(device)
        };
        Self {
            norm1: BatchNorm2d::new(inputs, device),
            relu1: ReLU,
            conv1: conv([inputs, inner], 1),
            norm2: BatchNorm2d::new(inner, device),
            relu2: ReLU,
            conv2: conv([inner, growth], 3),
        }
    }

    fn new_channels(&self, x: Tensor<4>, trace: &mut Trace<'_>) -> Tensor<4> {
        if !trace.is_watched() {
            let y = bn_relu(("norm1", &self.norm1), x, trace);
            let (conv, norm) = (("conv1", &self.conv1), ("norm2", &self.norm2));
            let y = conv_bn(conv, norm, Then::Relu, y, trace);
            return trace.run("conv2", &self.conv2, y);
        }
        let y: Tensor<4> = trace.run("norm1", &self.norm1, x);
        let y: Tensor<4> = trace.run("relu1", &self.relu1, y);
        let y: Tensor<4> = trace.run("conv1", &self.conv1, y);
        let y: Tensor<4> = trace.run("norm2", &self.norm2, y);
        let y: Tensor<4> = trace.run("relu2", &self.relu2, y);
        trace.run("conv2", &self.conv2, y)
    }
}

impl Forward for DenseLayer {
    type Input = Tensor<4>;
    type Output = Tensor<4>;

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward_traced(x, &mut Trace::off())
    }

    fn forward_traced(&self, x: Tensor<4>, trace: &mut Trace<'_>) -> Tensor<4> {
        let [x, kept] = fork(x);
        let new = self.new_channels(x, trace);
        concat(vec![kept, new])
    }
}
