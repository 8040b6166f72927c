//! VGG with batch norm, as torchvision has it: its names, its start.
//!
//! Simonyan and Zisserman, [Very Deep Convolutional Networks](https://arxiv.org/abs/1409.1556), 2015.

use burn::tensor::Device;

use super::{
    ArchSpec,
    naming::{Naming, first_child},
};
use crate::{
    Sequential,
    init::Init,
    layer::{
        AdaptiveAvgPool2d, BatchNorm2d, Conv2dConfig, Dropout, Flatten, Linear, MaxPool2d, ReLU,
    },
};

/// Channels of the five stages; each ends in a max-pool.
const CHANNELS: [usize; 5] = [64, 128, 256, 512, 512];
/// Side of the map that the classifier takes.
const SIDE: usize = 7;

/// Configures a [`vgg`](Self::init).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VggConfig {
    /// Convolutions of each of the five stages.
    pub depths: [usize; 5],
    pub in_channels: usize,
    pub classes: usize,
    /// Size of the two inner linear layers: 4096, with three quarters of all parameters before the
    /// first.
    pub hidden: usize,
}

impl VggConfig {
    /// The paper's depths, for color images and the 1000 classes of ImageNet.
    pub const VGG11: Self = Self::of([1, 1, 2, 2, 2]);
    pub const VGG13: Self = Self::of([2, 2, 2, 2, 2]);
    pub const VGG16: Self = Self::of([2, 2, 3, 3, 3]);
    pub const VGG19: Self = Self::of([2, 2, 4, 4, 4]);

    const fn of(depths: [usize; 5]) -> Self {
        Self { depths, in_channels: 3, classes: 1000, hidden: 4096 }
    }

    /// The network with fresh weights. Children: `features`, `avgpool`, `flatten`, `classifier`.
    ///
    /// Shapes: `[batch, in_channels, height, width]` → `[batch, classes]`, from 32 pixels on
    pub fn init(&self, device: &Device) -> Sequential {
        Sequential::new()
            .named("features", self.features(device))
            .named("avgpool", AdaptiveAvgPool2d { size: SIDE })
            .named("flatten", Flatten::default())
            .named("classifier", self.classifier(device))
    }

    /// The convolutions alone, named by position: what a feature loss compares images by.
    ///
    /// Shapes: `[batch, in_channels, height, width]` → `[batch, 512, height / 32, width / 32]`
    pub fn features(&self, device: &Device) -> Sequential {
        let mut channels = self.in_channels;
        let stages = self.depths.into_iter().zip(CHANNELS);
        stages.fold(Sequential::new(), |layers, (depth, outputs)| {
            let layers = (0..depth).fold(layers, |layers, _| {
                let conv = Conv2dConfig::new([channels, outputs], 3)
                    .padding(1)
                    .init_with(Init::KaimingFanOut);
                channels = outputs;
                layers.push(conv.init(device)).push(BatchNorm2d::new(outputs, device)).push(ReLU)
            });
            layers.push(MaxPool2d { kernel: 2, stride: 2, padding: 0, ceil_mode: false })
        })
    }

    fn classifier(&self, device: &Device) -> Sequential {
        let linear = |inputs, outputs| Linear::with_init(inputs, outputs, Init::Small, device);
        Sequential::new()
            .push(linear(CHANNELS[4] * SIDE * SIDE, self.hidden))
            .push(ReLU)
            .push(Dropout::new(0.5))
            .push(linear(self.hidden, self.hidden))
            .push(ReLU)
            .push(Dropout::new(0.5))
            .push(linear(self.hidden, self.classes))
    }

    fn build(self, spec: &ArchSpec, device: &Device) -> Sequential {
        Self { in_channels: spec.in_channels, classes: spec.classes, ..self }.init(device)
    }
}

/// How others call the weights.
pub(super) const NAMES: &[Naming] = &[Naming { whose: "fastai", theirs: first_child }];

pub(super) fn build11(spec: &ArchSpec, device: &Device) -> Sequential {
    VggConfig::VGG11.build(spec, device)
}

pub(super) fn build13(spec: &ArchSpec, device: &Device) -> Sequential {
    VggConfig::VGG13.build(spec, device)
}

pub(super) fn build16(spec: &ArchSpec, device: &Device) -> Sequential {
    VggConfig::VGG16.build(spec, device)
}

pub(super) fn build19(spec: &ArchSpec, device: &Device) -> Sequential {
    VggConfig::VGG19.build(spec, device)
}
