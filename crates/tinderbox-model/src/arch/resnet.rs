//! Residual networks for photographs, as torchvision has them: its names, its start.
//!
//! He et al., [Deep Residual Learning for Image Recognition](https://arxiv.org/abs/1512.03385), 2015.

use burn::tensor::Device;

use super::{ArchSpec, naming::Naming};
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

/// How others call the weights: fastai by the children's numbers.
pub(super) const NAMES: &[Naming] = &[
    Naming { whose: "fastai", theirs: fastai },
    Naming { whose: "Hugging Face", theirs: hugging_face },
];

fn fastai(name: &str) -> Option<String> {
    let (child, rest) = name.split_once('.')?;
    let at = match child {
        "conv1" => 0,
        "bn1" => 1,
        layer => stage(layer)? + 4,
    };
    Some(format!("{at}.{rest}"))
}

fn hugging_face(name: &str) -> Option<String> {
    let parts: Vec<&str> = name.split('.').collect();
    Some(match parts[..] {
        ["conv1", value] => format!("embedder.embedder.convolution.{value}"),
        ["bn1", value] => format!("embedder.embedder.normalization.{value}"),
        [layer, block, part, value] => {
            let (kind, at) = part.split_at_checked(part.len().checked_sub(1)?)?;
            let at = at.parse::<usize>().ok()?.checked_sub(1)?;
            let kind = if kind == "conv" { "convolution" } else { "normalization" };
            format!("encoder.stages.{}.layers.{block}.layer.{at}.{kind}.{value}", stage(layer)?)
        }
        [layer, block, "downsample", at, value] => {
            let kind = if at == "0" { "convolution" } else { "normalization" };
            format!("encoder.stages.{}.layers.{block}.shortcut.{kind}.{value}", stage(layer)?)
        }
        _ => return None,
    })
}

/// The number of `layer1`, counted from 0.
fn stage(layer: &str) -> Option<usize> {
    layer.strip_prefix("layer")?.parse::<usize>().ok()?.checked_sub(1)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_known_by_the_names_of_others() {
        let check = |ours, of_fastai, of_hugging_face| {
            assert_eq!(fastai(ours).unwrap(), of_fastai);
            assert_eq!(hugging_face(ours).unwrap(), of_hugging_face);
        };
        check("conv1.weight", "0.weight", "embedder.embedder.convolution.weight");
        check("bn1.bias", "1.bias", "embedder.embedder.normalization.bias");
        check(
            "layer1.0.conv2.weight",
            "4.0.conv2.weight",
            "encoder.stages.0.layers.0.layer.1.convolution.weight",
        );
        check(
            "layer4.1.bn3.running_var",
            "7.1.bn3.running_var",
            "encoder.stages.3.layers.1.layer.2.normalization.running_var",
        );
        check(
            "layer2.0.downsample.1.weight",
            "5.0.downsample.1.weight",
            "encoder.stages.1.layers.0.shortcut.normalization.weight",
        );
        assert_eq!((fastai("fc.weight"), hugging_face("fc.weight")), (None, None));
    }
}
