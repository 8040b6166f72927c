//! Residual and dense blocks.

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use tinderbox_ops::{add, fork};

use super::{ConvLayer, ConvLayerConfig, Merge, NormType, Shortcut, conv_layer};
use crate::{Forward, Trace};

/// Configures a [`res_block`](Self::init): two convolution layers around a shortcut.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ResBlockConfig {
    pub channels: usize,
    /// Concatenates rather than adds: the output has twice the channels.
    pub dense: bool,
    /// Half as many channels between the two layers.
    pub bottle: bool,
    /// Starts the last batch norm's weight at 0, so that the block starts as the identity.
    pub zero_init: bool,
    /// What else the two layers are made by; their channels are the block's.
    pub layers: ConvLayerConfig,
}

impl ResBlockConfig {
    /// fastai's defaults: two `conv_layer`s of as many channels, and a sum.
    pub fn new(channels: usize) -> Self {
        let layers = ConvLayerConfig::new(channels, channels);
        Self { channels, dense: false, bottle: false, zero_init: false, layers }
    }

    /// Concatenates rather than adds.
    #[doc(alias = "dense_block")]
    pub fn dense(self) -> Self {
        Self { dense: true, ..self }
    }

    /// Half as many channels between the layers.
    pub fn bottle(self) -> Self {
        Self { bottle: true, ..self }
    }

    /// What normalizes the layers.
    pub fn norm(self, norm: NormType) -> Self {
        Self { layers: self.layers.norm(norm), ..self }
    }

    /// The block with fresh weights.
    pub fn init(&self, device: &Device) -> Shortcut {
        let channels = self.channels;
        let inner = if self.bottle { channels / 2 } else { channels };
        let layer = |in_channels, out_channels| ConvLayerConfig {
            in_channels,
            out_channels,
            ..self.layers
        };
        let second = match (self.dense, self.layers.norm) {
            (false, NormType::Batch) => NormType::BatchZero,
            (_, norm) => norm,
        };
        let (first, second) = (layer(channels, inner), layer(inner, channels).norm(second));
        let second = ConvLayerConfig { zero_init: self.zero_init || second.zero_init, ..second };
        Shortcut::new().push(first.init(device)).push(second.init(device)).merge(if self.dense {
            Merge::Concat
        } else {
            Merge::Add
        })
    }
}

/// Two [`conv_layer`]s whose input is added to their output.
///
/// Shapes: `[batch, channels, height, width]` in and out.
///
/// He et al., [Deep Residual Learning for Image Recognition](https://arxiv.org/abs/1512.03385), 2015.
pub fn res_block(channels: usize, device: &Device) -> Shortcut {
    ResBlockConfig::new(channels).init(device)
}

/// [`res_block`] as the lesson first writes it, with the sum in plain sight.
#[derive(Module, Debug)]
pub struct ResBlock {
    conv1: ConvLayer,
    conv2: ConvLayer,
}

impl ResBlock {
    /// Of as many channels in as out.
    pub fn new(channels: usize, device: &Device) -> Self {
        let conv = || conv_layer(channels, channels, device);
        Self { conv1: conv(), conv2: conv() }
    }
}

impl Forward for ResBlock {
    type Input = Tensor<4>;
    type Output = Tensor<4>;

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward_traced(x, &mut Trace::off())
    }

    fn forward_traced(&self, x: Tensor<4>, trace: &mut Trace<'_>) -> Tensor<4> {
        let [x, shortcut] = fork(x);
        let y: Tensor<4> = trace.run("conv1", &self.conv1, x);
        let y: Tensor<4> = trace.run("conv2", &self.conv2, y);
        add(shortcut, y)
    }
}
