//! fastai's block of an XResNet.

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use tinderbox_ops::{add_relu, fork};

use crate::{
    Forward, Sequential, Trace,
    init::Init,
    layer::{AvgPool2d, BatchNorm2d, Conv2d, Conv2dConfig, ReLU},
};

/// A residual block whose shortcut averages where it halves the map, so that it leaves no pixel
/// out.
///
/// Parts are named as in fastai, and in its order.
///
/// Shapes: `[batch, inputs, height, width]` → `[batch, channels, height / stride, ..]`
///
/// He et al., [Bag of Tricks for Image Classification](https://arxiv.org/abs/1812.01187), 2018.
#[derive(Module, Debug)]
pub struct XResBlock {
    convs: Sequential,
    idconv: Option<Sequential>,
    pool: Option<AvgPool2d>,
}

impl XResBlock {
    /// Two 3×3 convolutions; the first has the stride.
    pub fn basic([inputs, outputs]: [usize; 2], stride: usize, device: &Device) -> Self {
        let convs = Sequential::new()
            .push(conv_bn([inputs, outputs], 3, stride, device).push(ReLU))
            .push(last([outputs, outputs], 3, device));
        Self::around(convs, [inputs, outputs], stride, device)
    }

    /// A 3×3 convolution, which has the stride, between two 1×1 ones; `inner` are its channels.
    pub fn bottleneck(
        [inputs, inner, outputs]: [usize; 3],
        stride: usize,
        device: &Device,
    ) -> Self {
        let convs = Sequential::new()
            .push(conv_bn([inputs, inner], 1, 1, device).push(ReLU))
            .push(conv_bn([inner, inner], 3, stride, device).push(ReLU))
            .push(last([inner, outputs], 1, device));
        Self::around(convs, [inputs, outputs], stride, device)
    }

    fn around(
        convs: Sequential,
        [inputs, outputs]: [usize; 2],
        stride: usize,
        device: &Device,
    ) -> Self {
        let pool = AvgPool2d { kernel: 2, stride: 2, padding: 0, ceil_mode: true };
        Self {
            convs,
            idconv: (inputs != outputs).then(|| conv_bn([inputs, outputs], 1, 1, device)),
            pool: (stride != 1).then_some(pool),
        }
    }
}

/// Convolution and batch norm.
pub(crate) fn conv_bn(
    channels: [usize; 2],
    kernel: usize,
    stride: usize,
    device: &Device,
) -> Sequential {
    let norm = BatchNorm2d::new(channels[1], device);
    Sequential::new().push(conv(channels, kernel, stride, device)).push(norm)
}

/// The same at the end of a block, which starts as the identity.
fn last(channels: [usize; 2], kernel: usize, device: &Device) -> Sequential {
    let norm = BatchNorm2d::new(channels[1], device).with_zero_weight();
    Sequential::new().push(conv(channels, kernel, 1, device)).push(norm)
}

fn conv(channels: [usize; 2], kernel: usize, stride: usize, device: &Device) -> Conv2d {
    Conv2dConfig::new(channels, kernel)
        .stride(stride)
        .padding(kernel / 2)
        .bias(false)
        .init_with(Init::KaimingNormal)
        .init(device)
}

impl Forward for XResBlock {
    type Input = Tensor<4>;
    type Output = Tensor<4>;

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward_traced(x, &mut Trace::off())
    }

    fn forward_traced(&self, x: Tensor<4>, trace: &mut Trace<'_>) -> Tensor<4> {
        let [x, mut shortcut] = fork(x);
        let y: Tensor<4> = trace.run("convs", &self.convs, x);
        if let Some(pool) = &self.pool {
            shortcut = trace.run("pool", pool, shortcut);
        }
        if let Some(idconv) = &self.idconv {
            shortcut = trace.run("idconv", idconv, shortcut);
        }
        add_relu(y, shortcut)
    }
}
