//! Residual networks for photographs, as torchvision has them: its names, its start.
//!
//! He et al., [Deep Residual Learning for Image Recognition](https://arxiv.org/abs/1512.03385), 2015.

use burn::tensor::Device;

use super::ArchSpec;
use crate::{
    Sequential,
    block::{BasicBlock, Bottleneck},
    init::Init,
    layer::{AdaptiveAvgPool2d, BatchNorm2d, Conv2dConfig, Flatten, Linear, MaxPool2d, ReLU},
};

/// Channels of the four stages, before a [`Bottleneck`]'s expansion.
const CHANNELS: [usize; 4] = [64, 128, 256, 512];

/// What a stage is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResNetBlock {
    /// Two 3×3 convolutions.
    Basic,
    /// 1×1, 3×3 and 1×1, with four times the channels at the end.
    Bottleneck,
}

/// Configures a [`resnet`](Self::init).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResNetConfig {
    pub block: ResNetBlock,
    /// Blocks of each of the four stages.
    pub depths: [usize; 4],
    pub in_channels: usize,
    pub classes: usize,
}

impl ResNetConfig {
    /// The table's depths, for color images and the 1000 classes of ImageNet.
    pub const RESNET18: Self = Self::of(ResNetBlock::Basic, [2, 2, 2, 2]);
    pub const RESNET34: Self = Self::of(ResNetBlock::Basic, [3, 4, 6, 3]);
    pub const RESNET50: Self = Self::of(ResNetBlock::Bottleneck, [3, 4, 6, 3]);
    pub const RESNET101: Self = Self::of(ResNetBlock::Bottleneck, [3, 4, 23, 3]);
    pub const RESNET152: Self = Self::of(ResNetBlock::Bottleneck, [3, 8, 36, 3]);

    const fn of(block: ResNetBlock, depths: [usize; 4]) -> Self {
        Self { block, depths, in_channels: 3, classes: 1000 }
    }

    /// The network with fresh weights. Children: `conv1`, `bn1`, `relu`, `maxpool`, `layer1` to
    /// `layer4`, `avgpool`, `flatten`, `fc`.
    ///
    /// Shapes: `[batch, in_channels, height, width]` → `[batch, classes]`
    pub fn init(&self, device: &Device) -> Sequential {
        let stem = Conv2dConfig::new([self.in_channels, CHANNELS[0]], 7)
            .stride(2)
            .padding(3)
            .bias(false)
            .init_with(Init::KaimingFanOut);
        let layers = Sequential::new()
            .named("conv1", stem.init(device))
            .named("bn1", BatchNorm2d::new(CHANNELS[0], device))
            .named("relu", ReLU)
            .named("maxpool", MaxPool2d { kernel: 3, stride: 2, padding: 1, ceil_mode: false });
        let mut channels = CHANNELS[0];
        let layers = (0..CHANNELS.len()).fold(layers, |layers, at| {
            let stage = self.stage(at, &mut channels, device);
            layers.named(format!("layer{}", at + 1), stage)
        });
        layers
            .named("avgpool", AdaptiveAvgPool2d { size: 1 })
            .named("flatten", Flatten::default())
            .named("fc", Linear::new(channels, self.classes, device))
    }

    /// The blocks of stage `at`, the first of which takes `channels` and halves the map, except in
    /// the first stage. Leaves in `channels` what they give.
    fn stage(&self, at: usize, channels: &mut usize, device: &Device) -> Sequential {
        let blocks = 0..self.depths[at];
        blocks.fold(Sequential::new(), |blocks, block| {
            let stride = if at > 0 && block == 0 { 2 } else { 1 };
            let (inputs, inner) = (*channels, CHANNELS[at]);
            match self.block {
                ResNetBlock::Basic => {
                    *channels = inner;
                    blocks.push(BasicBlock::new(inputs, inner, stride, device))
                }
                ResNetBlock::Bottleneck => {
                    *channels = inner * Bottleneck::EXPANSION;
                    blocks.push(Bottleneck::new(inputs, inner, stride, device))
                }
            }
        })
    }

    fn build(self, spec: &ArchSpec, device: &Device) -> Sequential {
        Self { in_channels: spec.in_channels, classes: spec.classes, ..self }.init(device)
    }
}

pub(super) fn build18(spec: &ArchSpec, device: &Device) -> Sequential {
    ResNetConfig::RESNET18.build(spec, device)
}

pub(super) fn build34(spec: &ArchSpec, device: &Device) -> Sequential {
    ResNetConfig::RESNET34.build(spec, device)
}

pub(super) fn build50(spec: &ArchSpec, device: &Device) -> Sequential {
    ResNetConfig::RESNET50.build(spec, device)
}

pub(super) fn build101(spec: &ArchSpec, device: &Device) -> Sequential {
    ResNetConfig::RESNET101.build(spec, device)
}

pub(super) fn build152(spec: &ArchSpec, device: &Device) -> Sequential {
    ResNetConfig::RESNET152.build(spec, device)
}
