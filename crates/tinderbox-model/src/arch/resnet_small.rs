//! The default for photographs, from scratch.

use burn::tensor::Device;

use super::ArchSpec;
use crate::{
    Sequential,
    block::{ConvLayerConfig, HeadConfig, res_block},
};

/// Channels after each halving.
const CHANNELS: [usize; 4] = [32, 64, 128, 128];

/// The lesson's recipe, wider: four times a convolution that halves the map and a residual block,
/// then pooling and two linear layers. Children: `0` the body, `1` the head.
///
/// Shapes: `[batch, in_channels, height, width]` → `[batch, classes]`, from 16 pixels on.
pub fn resnet_small(in_channels: usize, classes: usize, device: &Device) -> Sequential {
    let inputs = std::iter::once(in_channels).chain(CHANNELS);
    let body = inputs.zip(CHANNELS).fold(Sequential::new(), |body, (inputs, outputs)| {
        body.push(ConvLayerConfig::new(inputs, outputs).stride(2).init(device))
            .push(res_block(outputs, device))
    });
    let head = HeadConfig { hidden: vec![128], ..HeadConfig::new(CHANNELS[3], classes) };
    Sequential::new().push(body).push(head.init(device))
}

pub(super) fn build(spec: &ArchSpec, device: &Device) -> Sequential {
    resnet_small(spec.in_channels, spec.classes, device)
}
