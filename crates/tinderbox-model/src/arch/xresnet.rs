//! fastai's residual networks, with the tricks that came after ResNet: its names, its start.
//!
//! He et al., [Bag of Tricks for Image Classification](https://arxiv.org/abs/1812.01187), 2018.

use burn::tensor::Device;

use super::{ArchSpec, ResNetBlock, ResNetConfig};
use crate::{
    Sequential,
    block::{Bottleneck, XResBlock, xres_conv_bn},
    init::Init,
    layer::{AdaptiveAvgPool2d, Flatten, Linear, MaxPool2d, ReLU},
};

/// Channels of the three convolutions at the start.
const STEM: [usize; 3] = [32, 32, 64];
/// Channels of the four stages, before a bottleneck's expansion.
const CHANNELS: [usize; 4] = [64, 128, 256, 512];

/// An XResNet of as many blocks as a ResNet of this kind, with fresh weights. Children: `0` to `2`
/// the start, `3` a max-pool, `4` to `7` the stages, `8` average, `9` flatten, `10` the last layer.
///
/// Shapes: `[batch, in_channels, height, width]` → `[batch, classes]`
pub fn xresnet(like: ResNetConfig, device: &Device) -> Sequential {
    let inputs = std::iter::once(like.in_channels).chain(STEM);
    let layers =
        inputs.zip(STEM).enumerate().fold(Sequential::new(), |layers, (at, (inputs, outputs))| {
            let stride = if at == 0 { 2 } else { 1 };
            layers.push(xres_conv_bn([inputs, outputs], 3, stride, device).push(ReLU))
        });
    let layers = layers.push(MaxPool2d { kernel: 3, stride: 2, padding: 1, ceil_mode: false });
    let mut channels = STEM[2];
    let layers = (0..CHANNELS.len()).fold(layers, |layers, at| {
        let blocks = 0..like.depths[at];
        layers.push(blocks.fold(Sequential::new(), |blocks, block| {
            let stride = if at > 0 && block == 0 { 2 } else { 1 };
            let (inputs, inner) = (channels, CHANNELS[at]);
            match like.block {
                ResNetBlock::Basic => {
                    channels = inner;
                    blocks.push(XResBlock::basic([inputs, inner], stride, device))
                }
                ResNetBlock::Bottleneck => {
                    channels = inner * Bottleneck::EXPANSION;
                    let channels = [inputs, inner, channels];
                    blocks.push(XResBlock::bottleneck(channels, stride, device))
                }
            }
        }))
    });
    layers.push(AdaptiveAvgPool2d { size: 1 }).push(Flatten::default()).push(Linear::with_init(
        channels,
        like.classes,
        Init::KaimingNormal,
        device,
    ))
}

fn build(like: ResNetConfig, spec: &ArchSpec, device: &Device) -> Sequential {
    let like = ResNetConfig { in_channels: spec.in_channels, classes: spec.classes, ..like };
    xresnet(like, device)
}

pub(super) fn build18(spec: &ArchSpec, device: &Device) -> Sequential {
    build(ResNetConfig::RESNET18, spec, device)
}

pub(super) fn build34(spec: &ArchSpec, device: &Device) -> Sequential {
    build(ResNetConfig::RESNET34, spec, device)
}

pub(super) fn build50(spec: &ArchSpec, device: &Device) -> Sequential {
    build(ResNetConfig::RESNET50, spec, device)
}
