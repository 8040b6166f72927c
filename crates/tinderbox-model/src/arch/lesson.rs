//! The lesson's networks for MNIST.
//!
//! Each halves the map five times, 28 → 14 → 7 → 4 → 2 → 1, down to one number a class. Images
//! that leave a larger map are averaged over it.

use burn::tensor::Device;

use super::ArchSpec;
use crate::{
    Sequential,
    block::{ConvLayer, ConvLayerConfig, ResBlockConfig, res_block},
    layer::{BatchNorm2d, Conv2dConfig, Flatten, PoolFlatten, ReLU},
};

/// Channels after each halving, but the last, which has the classes.
const CHANNELS: [usize; 4] = [8, 16, 32, 16];

/// The lesson's first network: convolution with bias, batch norm, ReLU. 12,126 parameters for one
/// channel and ten classes.
pub fn basic(in_channels: usize, classes: usize, device: &Device) -> Sequential {
    let spec = ArchSpec { name: "basic".into(), in_channels, classes, size: [28, 28] };
    build_basic(&spec, device)
}

/// The same with `conv_layer`: no bias, ReLU before batch norm, and one after the last too. 12,044
/// parameters.
pub fn refactored(in_channels: usize, classes: usize, device: &Device) -> Sequential {
    let spec = ArchSpec { name: "refactor".into(), in_channels, classes, size: [28, 28] };
    build_refactored(&spec, device)
}

/// A [`res_block`] after each halving: the lesson's network that reaches 99.5 %. 41,132
/// parameters.
pub fn resnetish(in_channels: usize, classes: usize, device: &Device) -> Sequential {
    let spec = ArchSpec { name: "resnetish".into(), in_channels, classes, size: [28, 28] };
    build_resnetish(&spec, device)
}

/// [`resnetish`] with dense blocks: what comes out of each is beside what went in, not added to it.
/// The lesson's `dense=True`. 52,940 parameters.
pub fn densenetish(in_channels: usize, classes: usize, device: &Device) -> Sequential {
    let spec = ArchSpec { name: "densenetish".into(), in_channels, classes, size: [28, 28] };
    build_densenetish(&spec, device)
}

/// Input and output channels of each halving.
fn steps(spec: &ArchSpec) -> impl Iterator<Item = [usize; 2]> {
    let inputs = std::iter::once(spec.in_channels).chain(CHANNELS);
    let outputs = CHANNELS.into_iter().chain([spec.classes]);
    inputs.zip(outputs).map(|(i, o)| [i, o])
}

/// `[batch, classes, ..]` → `[batch, classes]`
fn end(layers: Sequential, spec: &ArchSpec) -> Sequential {
    let halved = |side: usize| (0..=CHANNELS.len()).fold(side, |side, _| side.div_ceil(2));
    match spec.size.map(halved) {
        [1, 1] => layers.push(Flatten::default()),
        _ => layers.push(PoolFlatten),
    }
}

pub(super) fn build_basic(spec: &ArchSpec, device: &Device) -> Sequential {
    let conv = |channels| Conv2dConfig::new(channels, 3).stride(2).padding(1).init(device);
    let layers = steps(spec).fold(Sequential::new(), |layers, channels| {
        let layers = match layers.is_empty() {
            true => layers,
            false => layers.push(ReLU),
        };
        layers.push(conv(channels)).push(BatchNorm2d::new(channels[1], device))
    });
    end(layers, spec)
}

fn conv2([inputs, outputs]: [usize; 2], device: &Device) -> ConvLayer {
    ConvLayerConfig::new(inputs, outputs).stride(2).init(device)
}

pub(super) fn build_refactored(spec: &ArchSpec, device: &Device) -> Sequential {
    let layers = steps(spec)
        .fold(Sequential::new(), |layers, channels| layers.push(conv2(channels, device)));
    end(layers, spec)
}

pub(super) fn build_resnetish(spec: &ArchSpec, device: &Device) -> Sequential {
    let conv_and_res = |channels: [usize; 2]| {
        Sequential::new().push(conv2(channels, device)).push(res_block(channels[1], device))
    };
    let layers = steps(spec)
        .take(CHANNELS.len())
        .fold(Sequential::new(), |layers, channels| layers.push(conv_and_res(channels)));
    let last = [CHANNELS[CHANNELS.len() - 1], spec.classes];
    end(layers.push(conv2(last, device)), spec)
}

pub(super) fn build_densenetish(spec: &ArchSpec, device: &Device) -> Sequential {
    // A dense block gives twice the channels that it takes.
    let inputs = std::iter::once(spec.in_channels).chain(CHANNELS.map(|channels| 2 * channels));
    let layers = inputs.zip(CHANNELS).fold(Sequential::new(), |layers, (inputs, outputs)| {
        let block = ResBlockConfig::new(outputs).dense().init(device);
        layers.push(Sequential::new().push(conv2([inputs, outputs], device)).push(block))
    });
    let last = [2 * CHANNELS[CHANNELS.len() - 1], spec.classes];
    end(layers.push(conv2(last, device)), spec)
}
