//! MobileNetV2, as torchvision has it: its names, its start.
//!
//! Sandler et al., [MobileNetV2](https://arxiv.org/abs/1801.04381), 2018.

use burn::tensor::Device;

use super::ArchSpec;
use crate::{
    Sequential,
    block::{InvertedResidualConfig, conv_bn_relu6},
    init::Init,
    layer::{AdaptiveAvgPool2d, Dropout, Flatten, Linear},
};

/// Channels of the first and the last convolution.
const STEM: usize = 32;
const LAST: usize = 1280;

/// The paper's table 2: expansion, channels, blocks, and stride of the first of them.
const STAGES: [[usize; 4]; 7] = [
    [1, 16, 1, 1],
    [6, 24, 2, 2],
    [6, 32, 3, 2],
    [6, 64, 4, 2],
    [6, 96, 3, 1],
    [6, 160, 3, 2],
    [6, 320, 1, 1],
];

/// The network at its full width with fresh weights. Children: `features`, `avgpool`, `flatten`,
/// `classifier`.
///
/// Shapes: `[batch, in_channels, height, width]` → `[batch, classes]`
pub fn mobilenet_v2(in_channels: usize, classes: usize, device: &Device) -> Sequential {
    let classifier = Sequential::new().push(Dropout::new(0.2)).push(Linear::with_init(
        LAST,
        classes,
        Init::Small,
        device,
    ));
    Sequential::new()
        .named("features", features(in_channels, device))
        .named("avgpool", AdaptiveAvgPool2d { size: 1 })
        .named("flatten", Flatten::default())
        .named("classifier", classifier)
}

fn features(in_channels: usize, device: &Device) -> Sequential {
    let layers = Sequential::new().push(conv_bn_relu6([in_channels, STEM], 3, 2, 1, device));
    let mut channels = STEM;
    let layers = STAGES.into_iter().fold(layers, |layers, [expansion, outputs, blocks, stride]| {
        (0..blocks).fold(layers, |layers, block| {
            let config = InvertedResidualConfig {
                in_channels: channels,
                out_channels: outputs,
                stride: if block == 0 { stride } else { 1 },
                expansion,
            };
            channels = outputs;
            layers.push(config.init(device))
        })
    });
    layers.push(conv_bn_relu6([channels, LAST], 1, 1, 1, device))
}

pub(super) fn build_v2(spec: &ArchSpec, device: &Device) -> Sequential {
    mobilenet_v2(spec.in_channels, spec.classes, device)
}
