//! A U-Net's way up.

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use serde::{Deserialize, Serialize};
use tinderbox_ops::{concat, resize_nearest};

use super::{ConvLayer, ConvLayerConfig, NormType, PixelShuffleConfig, conv_bn::bn_relu};
use crate::{
    Layer, Sequential, Trace,
    layer::{BatchNorm2d, ConvKind, Interpolation, Rectifier, Upsample, batchnorm_2d},
};

/// How a U-Net makes its maps larger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Upsampling {
    /// Channels become pixels: fastai's.
    #[default]
    PixelShuffle,
    /// A transposed convolution: each pixel paints a square of 2 × 2.
    Transposed,
    /// Copies of the nearest pixel, then a 3×3 convolution.
    Nearest,
    /// Linear between pixels, then a 3×3 convolution.
    Bilinear,
}

/// What the layers of a U-Net's way up have in common.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UnetLayers {
    pub upsampling: Upsampling,
    pub norm: NormType,
    /// The slope of what is negative; a plain ReLU if there is none.
    pub leaky: Option<f64>,
}

impl UnetLayers {
    /// A `conv_layer`.
    pub(crate) fn conv(self, inputs: usize, outputs: usize) -> ConvLayerConfig {
        let Self { norm, leaky, .. } = self;
        ConvLayerConfig { norm, leaky, ..ConvLayerConfig::new(inputs, outputs) }
    }

    /// What doubles a map. Only a shuffle is blurred, whose checkerboard that is against.
    pub(crate) fn up(
        self,
        inputs: usize,
        outputs: usize,
        blur: bool,
        device: &Device,
    ) -> Box<dyn Layer> {
        let Self { upsampling, norm, leaky } = self;
        let interpolated = |interpolation| {
            let conv = self.conv(inputs, outputs).init(device);
            Box::new(Sequential::new().push(Upsample { interpolation }).push(conv))
        };
        match upsampling {
            Upsampling::PixelShuffle => {
                let usual = PixelShuffleConfig::new(inputs, outputs);
                Box::new(PixelShuffleConfig { blur, norm, leaky, ..usual }.init(device))
            }
            Upsampling::Transposed => {
                let conv = self.conv(inputs, outputs).kernel(2).stride(2);
                let kind = ConvKind::ConvTranspose2d;
                Box::new(ConvLayerConfig { kind, ..conv }.init(device))
            }
            Upsampling::Nearest => interpolated(Interpolation::Nearest),
            Upsampling::Bilinear => interpolated(Interpolation::Bilinear),
        }
    }
}

/// Configures a [`UnetBlock`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UnetBlockConfig {
    /// Of the map that is made larger.
    pub in_channels: usize,
    /// Of the map from the way down.
    pub skip_channels: usize,
    /// Half as many channels at the end: the last block.
    pub last: bool,
    /// Averages neighbors in the larger map.
    pub blur: bool,
    /// Lets every position look at every other at the end.
    pub self_attention: bool,
    pub layers: UnetLayers,
}

impl UnetBlockConfig {
    /// The channels that come out.
    pub fn out_channels(&self) -> usize {
        let all = self.in_channels / 2 + self.skip_channels;
        if self.last { all / 2 } else { all }
    }

    /// The block with fresh weights.
    pub fn init(&self, device: &Device) -> UnetBlock {
        let (up, outputs) = (self.in_channels / 2, self.out_channels());
        let layers = self.layers;
        let conv2 = ConvLayerConfig {
            self_attention: self.self_attention,
            ..layers.conv(outputs, outputs)
        };
        UnetBlock {
            shuf: layers.up(self.in_channels, up, self.blur, device),
            bn: batchnorm_2d(self.skip_channels, false, device),
            conv1: layers.conv(up + self.skip_channels, outputs).init(device),
            conv2: conv2.init(device),
            relu: Rectifier { leaky: layers.leaky },
            up_is_rectified: layers.upsampling == Upsampling::PixelShuffle,
        }
    }
}

/// A map made larger, beside the one of its size from the way down, and two convolutions of both.
///
/// Parts are named as in fastai, and in its order; `shuf` is what makes the map larger, whatever
/// that is.
///
/// Ronneberger et al., [U-Net](https://arxiv.org/abs/1505.04597), 2015.
#[derive(Module, Debug)]
pub struct UnetBlock {
    shuf: Box<dyn Layer>,
    bn: BatchNorm2d,
    conv1: ConvLayer,
    conv2: ConvLayer,
    relu: Rectifier,
    /// Whether the larger map went through a ReLU already.
    #[module(skip)]
    up_is_rectified: bool,
}

impl UnetBlock {
    /// # Shapes
    /// - `x`: `[batch, in_channels, height, width]`
    /// - `skip`: `[batch, skip_channels, ..]`, of about twice the height and width
    /// - returns `[batch, out_channels, ..]`, of the skip's height and width
    pub fn forward(&self, x: Tensor<4>, skip: Tensor<4>) -> Tensor<4> {
        self.forward_traced(x, skip, &mut Trace::off())
    }

    /// [`forward`](Self::forward) that can be watched.
    pub fn forward_traced(
        &self,
        x: Tensor<4>,
        skip: Tensor<4>,
        trace: &mut Trace<'_>,
    ) -> Tensor<4> {
        let up: Tensor<4> = trace.run("shuf", &*self.shuf, x);
        let [_, _, height, width] = skip.dims();
        let up = match up.dims()[2..] == [height, width] {
            true => up,
            false => resize_nearest(up, [height, width]),
        };
        let plain = self.up_is_rectified && self.relu.leaky.is_none();
        let both = match plain && !trace.is_watched() {
            // What comes out of a ReLU is what it would make of it, blurred or not.
            true => concat(vec![up, bn_relu(("bn", &self.bn), skip, trace)]),
            false => {
                let skip: Tensor<4> = trace.run("bn", &self.bn, skip);
                trace.run("relu", &self.relu, concat(vec![up, skip]))
            }
        };
        let y: Tensor<4> = trace.run("conv1", &self.conv1, both);
        trace.run("conv2", &self.conv2, y)
    }
}
