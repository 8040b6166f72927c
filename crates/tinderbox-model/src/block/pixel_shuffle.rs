//! fastai's `PixelShuffle_ICNR`.

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use tinderbox_ops::{Neighbors, blur, pixel_shuffle};

use super::{ConvLayer, ConvLayerConfig, NormType, conv_bn::conv_relu};
use crate::{
    Forward, Trace,
    init::Init,
    layer::{AvgPool2d, PixelShuffle, Rectifier, ReplicationPad2d, as_convolution},
};

/// Configures a [`PixelShuffleIcnr`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PixelShuffleConfig {
    pub in_channels: usize,
    pub out_channels: usize,
    /// How many times as high and wide the map becomes.
    pub scale: usize,
    /// Averages neighbors at the end, against checkerboards.
    pub blur: bool,
    pub norm: NormType,
    /// The slope of what is negative; a plain ReLU if there is none.
    pub leaky: Option<f64>,
}

impl PixelShuffleConfig {
    /// fastai's defaults: twice the size, weight norm, no blur.
    pub fn new(in_channels: usize, out_channels: usize) -> Self {
        Self {
            in_channels,
            out_channels,
            scale: 2,
            blur: false,
            norm: NormType::Weight,
            leaky: None,
        }
    }

    /// The block with fresh weights.
    pub fn init(&self, device: &Device) -> PixelShuffleIcnr {
        let outputs = self.out_channels * self.scale * self.scale;
        let conv = ConvLayerConfig {
            init: Init::Icnr { scale: self.scale },
            ..ConvLayerConfig::new(self.in_channels, outputs)
                .kernel(1)
                .norm(self.norm)
                .activation(false)
        };
        PixelShuffleIcnr {
            conv: conv.init(device),
            shuf: PixelShuffle { factor: self.scale },
            pad: ReplicationPad2d { left: 1, top: 1, ..ReplicationPad2d::default() },
            blur: AvgPool2d { kernel: 2, stride: 1, padding: 0, ceil_mode: false },
            relu: Rectifier { leaky: self.leaky },
            blurs: self.blur,
        }
    }
}

/// Makes a map larger: a 1×1 convolution and ReLU, whose channels become squares of pixels, and
/// blur if it was asked for. Each square starts as one value.
///
/// Parts are named as in fastai, and in its order.
///
/// Shapes: `[batch, in_channels, height, width]` →
/// `[batch, out_channels, height * scale, width * scale]`
///
/// Shi et al., [Real-Time Single Image and Video Super-Resolution](https://arxiv.org/abs/1609.05158),
/// 2016; Aitken et al., [Checkerboard artifact free sub-pixel
/// convolution](https://arxiv.org/abs/1707.02937), 2017.
#[derive(Module, Debug)]
#[doc(alias = "PixelShuffle_ICNR")]
#[doc(alias = "icnr")]
pub struct PixelShuffleIcnr {
    conv: ConvLayer,
    shuf: PixelShuffle,
    pad: ReplicationPad2d,
    blur: AvgPool2d,
    relu: Rectifier,
    #[module(skip)]
    blurs: bool,
}

impl PixelShuffleIcnr {
    /// The layers in the fewest operations that there are.
    fn at_once(&self, x: Tensor<4>, trace: &mut Trace<'_>) -> Tensor<4> {
        let children = self.conv.children();
        let plain = match children[..] {
            [(name, conv)] if self.relu.leaky.is_none() => {
                as_convolution(conv).map(|conv| (name, conv))
            }
            _ => None,
        };
        let y = match plain {
            Some(conv) => trace.within("conv", |trace| conv_relu(conv, x, trace)),
            None => self.relu.apply(trace.run("conv", &self.conv, x)),
        };
        let y = trace.within("shuf", |_| pixel_shuffle(y, self.shuf.factor));
        if self.blurs { blur(y, Neighbors::Before) } else { y }
    }
}

impl Forward for PixelShuffleIcnr {
    type Input = Tensor<4>;
    type Output = Tensor<4>;

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward_traced(x, &mut Trace::off())
    }

    fn forward_traced(&self, x: Tensor<4>, trace: &mut Trace<'_>) -> Tensor<4> {
        if !trace.is_watched() {
            return self.at_once(x, trace);
        }
        let y: Tensor<4> = trace.run("conv", &self.conv, x);
        let y: Tensor<4> = trace.run("relu", &self.relu, y);
        let y: Tensor<4> = trace.run("shuf", &self.shuf, y);
        if !self.blurs {
            return y;
        }
        let y: Tensor<4> = trace.run("pad", &self.pad, y);
        trace.run("blur", &self.blur, y)
    }

    fn class_name(&self) -> Option<&'static str> {
        Some("PixelShuffle_ICNR")
    }
}
