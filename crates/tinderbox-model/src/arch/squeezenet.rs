//! SqueezeNets, as torchvision has them: its names, its start.
//!
//! Iandola et al., [SqueezeNet](https://arxiv.org/abs/1602.07360), 2016.

use burn::tensor::Device;

use super::{
    ArchSpec,
    naming::{Naming, first_child},
};
use crate::{
    Sequential,
    block::Fire,
    init::Init,
    layer::{AdaptiveAvgPool2d, Conv2dConfig, Dropout, Flatten, MaxPool2d, ReLU},
};

/// Channels of the eight fire modules, squeezed; four times as many come out of each expansion.
const SQUEEZED: [usize; 8] = [16, 16, 32, 32, 48, 48, 64, 64];

/// Configures a [`squeezenet`](Self::init).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqueezeNetConfig {
    /// Channels and kernel of the first convolution.
    pub stem: [usize; 2],
    /// The fire modules, counted from 0, that a max-pool stands before.
    pub pooled: [usize; 3],
    pub in_channels: usize,
    pub classes: usize,
}

impl SqueezeNetConfig {
    /// The paper's, for color images and the 1000 classes of ImageNet.
    pub const SQUEEZENET1_0: Self =
        Self { stem: [96, 7], pooled: [0, 3, 7], in_channels: 3, classes: 1000 };
    /// Its authors' second version, for 2.4 times less work.
    pub const SQUEEZENET1_1: Self =
        Self { stem: [64, 3], pooled: [0, 2, 4], in_channels: 3, classes: 1000 };

    /// The network with fresh weights. Children: `features`, `classifier`, `flatten`.
    ///
    /// Shapes: `[batch, in_channels, height, width]` → `[batch, classes]`, from 17 pixels on, 21 for
    /// the first version
    pub fn init(&self, device: &Device) -> Sequential {
        let channels = 2 * 4 * SQUEEZED[SQUEEZED.len() - 1];
        let last = Conv2dConfig::new([channels, self.classes], 1).init_with(Init::Small);
        let classifier = Sequential::new()
            .push(Dropout::new(0.5))
            .push(last.init(device))
            .push(ReLU)
            .push(AdaptiveAvgPool2d { size: 1 });
        Sequential::new()
            .named("features", self.features(device))
            .named("classifier", classifier)
            .named("flatten", Flatten::default())
    }

    fn features(&self, device: &Device) -> Sequential {
        let [mut channels, kernel] = self.stem;
        let stem = Conv2dConfig::new([self.in_channels, channels], kernel)
            .stride(2)
            .init_with(Init::KaimingUniform);
        let layers = Sequential::new().push(stem.init(device)).push(ReLU);
        SQUEEZED.into_iter().enumerate().fold(layers, |layers, (at, squeeze)| {
            let layers = match self.pooled.contains(&at) {
                true => {
                    layers.push(MaxPool2d { kernel: 3, stride: 2, padding: 0, ceil_mode: true })
                }
                false => layers,
            };
            let fire = Fire::new(channels, squeeze, 4 * squeeze, device);
            channels = 2 * 4 * squeeze;
            layers.push(fire)
        })
    }

    fn build(self, spec: &ArchSpec, device: &Device) -> Sequential {
        Self { in_channels: spec.in_channels, classes: spec.classes, ..self }.init(device)
    }
}

/// How others call the weights.
pub(super) const NAMES: &[Naming] = &[Naming { whose: "fastai", theirs: first_child }];

pub(super) fn build1_0(spec: &ArchSpec, device: &Device) -> Sequential {
    SqueezeNetConfig::SQUEEZENET1_0.build(spec, device)
}

pub(super) fn build1_1(spec: &ArchSpec, device: &Device) -> Sequential {
    SqueezeNetConfig::SQUEEZENET1_1.build(spec, device)
}
