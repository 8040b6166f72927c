//! Generators, and the critics that they are trained against.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::{
    Sequential,
    block::{ConvLayerConfig, NormType, ResBlockConfig},
    layer::{AvgFlatten, Conv2dConfig, ConvKind, ConvTranspose2d, Dropout2d, Flatten, Tanh},
};

/// The slope of negative activations in critics.
const LEAKY: f64 = 0.2;

/// fastai's plain generator and critic: DCGAN's, with the batch norm behind the activation.
///
/// Configures a [`generator`](Self::generator) and a [`critic`](Self::critic) for square images.
///
/// Radford et al., [Unsupervised Representation Learning with DCGANs](https://arxiv.org/abs/1511.06434), 2016.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "basic_generator")]
#[doc(alias = "basic_critic")]
#[doc(alias = "GANModule")]
pub struct BasicGan {
    /// Side of the images in pixels: 4 times a power of two.
    pub size: usize,
    /// Channels of the images.
    pub channels: usize,
    /// Numbers that an image is made of.
    pub noise: usize,
    /// Channels of the map of half the size.
    pub features: usize,
    /// 3×3 layers that keep the resolution, at half the size.
    pub n_extra_layers: usize,
}

impl BasicGan {
    /// fastai's defaults.
    ///
    /// # Panics
    /// If `size` is not 8, 16, 32, ….
    pub fn new(size: usize, channels: usize) -> Self {
        assert!(
            size >= 8 && size.is_power_of_two(),
            "a generator makes images of 8, 16, 32, … pixels, not {size}"
        );
        Self { size, channels, noise: 100, features: 64, n_extra_layers: 0 }
    }

    /// Doublings from a map of 4×4 to one of half the size.
    fn doublings(&self) -> usize {
        (self.size / 8).ilog2() as usize
    }

    /// fastai's `basic_generator`: transposed convolutions from noise to an image in -1..1.
    ///
    /// Shapes: `[batch, noise, 1, 1]` → `[batch, channels, size, size]`
    pub fn generator(&self, device: &Device) -> Sequential {
        let layer = |inputs, outputs, kernel, stride, padding| {
            let config = ConvLayerConfig::new(inputs, outputs).kernel(kernel).stride(stride);
            let kind = ConvKind::ConvTranspose2d;
            ConvLayerConfig { kind, padding: Some(padding), ..config }.init(device)
        };
        let mut channels = self.features << self.doublings();
        let layers = Sequential::new().push(layer(self.noise, channels, 4, 1, 0));
        let layers = (0..self.doublings()).fold(layers, |layers, _| {
            channels /= 2;
            layers.push(layer(2 * channels, channels, 4, 2, 1))
        });
        let layers = (0..self.n_extra_layers)
            .fold(layers, |layers, _| layers.push(layer(channels, channels, 3, 1, 1)));
        let last = Conv2dConfig::new([channels, self.channels], 4).stride(2).padding(1).bias(false);
        layers.push(ConvTranspose2d::new(last, device)).push(Tanh)
    }

    /// fastai's `basic_critic`: convolutions from images to one score, the mean over the batch.
    ///
    /// Shapes: `[batch, channels, size, size]` → `[1]`
    pub fn critic(&self, device: &Device) -> Sequential {
        let layer = |inputs, outputs| ConvLayerConfig {
            padding: Some(1),
            leaky: Some(LEAKY),
            ..ConvLayerConfig::new(inputs, outputs)
        };
        let halving = |inputs, outputs| layer(inputs, outputs).kernel(4).stride(2);
        let mut channels = self.features;
        let first = halving(self.channels, channels).norm(NormType::None);
        let extra: Sequential =
            (0..self.n_extra_layers).map(|_| layer(channels, channels).init(device)).collect();
        let layers = Sequential::new().push(first.init(device)).push(extra);
        let layers = (0..self.doublings()).fold(layers, |layers, _| {
            channels *= 2;
            layers.push(halving(channels / 2, channels).init(device))
        });
        let last = Conv2dConfig::new([channels, 1], 4).bias(false);
        layers.push(last.init(device)).push(AvgFlatten)
    }
}

/// Configures the lesson's [critic](Self::init) of images that a pretrained generator makes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[doc(alias = "gan_critic")]
pub struct GanCritic {
    /// Channels of the images.
    pub channels: usize,
    /// Channels of the first map; each block doubles them.
    pub features: usize,
    /// Blocks, each of which halves the resolution. The first has self-attention.
    pub n_blocks: usize,
    /// The probability of dropping a channel between blocks; half of it behind the first layer.
    pub p: f64,
}

impl Default for GanCritic {
    /// fastai's, for images of three channels.
    fn default() -> Self {
        Self { channels: 3, features: 128, n_blocks: 3, p: 0.15 }
    }
}

impl GanCritic {
    /// Convolutions with spectral norm, from images to a grid of logits: positive for what looks
    /// real. A larger image has a larger grid: 1 logit at 64 pixels, 25 at 128, 169 at 256.
    ///
    /// Shapes: `[batch, channels, height, width]` → `[batch, logits]`; with three blocks, sides of
    /// 64 pixels or more
    pub fn init(&self, device: &Device) -> Sequential {
        let layer = |inputs, outputs| ConvLayerConfig {
            leaky: Some(LEAKY),
            ..ConvLayerConfig::new(inputs, outputs).norm(NormType::Spectral)
        };
        let halving = |inputs, outputs| layer(inputs, outputs).kernel(4).stride(2);
        let mut channels = self.features;
        let block =
            ResBlockConfig { layers: layer(channels, channels), ..ResBlockConfig::new(channels) };
        let layers = Sequential::new()
            .push(halving(self.channels, channels).init(device))
            .push(Dropout2d::new(self.p / 2.0))
            .push(block.dense().init(device));
        channels *= 2;
        let layers = (0..self.n_blocks).fold(layers, |layers, block| {
            let halving =
                ConvLayerConfig { self_attention: block == 0, ..halving(channels, 2 * channels) };
            channels *= 2;
            layers.push(Dropout2d::new(self.p)).push(halving.init(device))
        });
        let last = ConvLayerConfig { padding: Some(0), bias: Some(false), ..layer(channels, 1) };
        layers.push(last.kernel(4).activation(false).init(device)).push(Flatten::default())
    }
}
