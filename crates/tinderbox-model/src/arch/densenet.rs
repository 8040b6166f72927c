//! Dense networks for photographs, as torchvision has them: its names, its start.
//!
//! Huang et al., [Densely Connected Convolutional Networks](https://arxiv.org/abs/1608.06993), 2017.

use burn::tensor::Device;

use super::{
    ArchSpec,
    naming::{Naming, first_child},
};
use crate::{
    Sequential,
    block::DenseLayer,
    init::Init,
    layer::{
        AdaptiveAvgPool2d, AvgPool2d, BatchNorm2d, Conv2dConfig, Flatten, Linear, MaxPool2d, ReLU,
    },
};

/// Configures a [`densenet`](Self::init).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DenseNetConfig {
    /// Dense layers of each of the four blocks.
    pub depths: [usize; 4],
    /// New channels of each dense layer.
    pub growth: usize,
    /// Channels before the first block.
    pub stem: usize,
    pub in_channels: usize,
    pub classes: usize,
}

impl DenseNetConfig {
    /// The table's depths, for color images and the 1000 classes of ImageNet.
    pub const DENSENET121: Self = Self::of([6, 12, 24, 16], 32);
    pub const DENSENET161: Self = Self::of([6, 12, 36, 24], 48);
    pub const DENSENET169: Self = Self::of([6, 12, 32, 32], 32);
    pub const DENSENET201: Self = Self::of([6, 12, 48, 32], 32);

    const fn of(depths: [usize; 4], growth: usize) -> Self {
        Self { depths, growth, stem: 2 * growth, in_channels: 3, classes: 1000 }
    }

    /// The network with fresh weights. Children: `features`, `relu`, `avgpool`, `flatten`,
    /// `classifier`.
    ///
    /// Shapes: `[batch, in_channels, height, width]` → `[batch, classes]`, from 29 pixels on
    pub fn init(&self, device: &Device) -> Sequential {
        let mut channels = self.stem;
        let features = self.blocks(&mut channels, device);
        Sequential::new()
            .named("features", features)
            .named("relu", ReLU)
            .named("avgpool", AdaptiveAvgPool2d { size: 1 })
            .named("flatten", Flatten::default())
            .named("classifier", Linear::new(channels, self.classes, device))
    }

    /// The convolutions alone, without the last ReLU. Children: `conv0`, `norm0`, `relu0`, `pool0`,
    /// `denseblock1`, `transition1`, …, `denseblock4`, `norm5`.
    ///
    /// Shapes: `[batch, in_channels, height, width]` → `[batch, channels, height / 32, width / 32]`
    pub fn features(&self, device: &Device) -> Sequential {
        self.blocks(&mut self.stem.clone(), device)
    }

    /// Leaves in `channels`, which go into the first block, what the last one gives.
    fn blocks(&self, channels: &mut usize, device: &Device) -> Sequential {
        let stem = Conv2dConfig::new([self.in_channels, self.stem], 7)
            .stride(2)
            .padding(3)
            .bias(false)
            .init_with(Init::KaimingNormal);
        let layers = Sequential::new()
            .named("conv0", stem.init(device))
            .named("norm0", BatchNorm2d::new(self.stem, device))
            .named("relu0", ReLU)
            .named("pool0", MaxPool2d { kernel: 3, stride: 2, padding: 1, ceil_mode: false });
        let layers = (1..).zip(self.depths).fold(layers, |layers, (at, depth)| {
            let block = (1..=depth).fold(Sequential::new(), |block, layer| {
                let dense = DenseLayer::new(*channels, self.growth, device);
                *channels += self.growth;
                block.named(format!("denselayer{layer}"), dense)
            });
            let layers = layers.named(format!("denseblock{at}"), block);
            if at == self.depths.len() {
                return layers;
            }
            let inputs = *channels;
            *channels /= 2;
            let transition = transition([inputs, *channels], device);
            layers.named(format!("transition{at}"), transition)
        });
        layers.named("norm5", BatchNorm2d::new(*channels, device))
    }

    fn build(self, spec: &ArchSpec, device: &Device) -> Sequential {
        Self { in_channels: spec.in_channels, classes: spec.classes, ..self }.init(device)
    }
}

/// Between two blocks: half the channels, and half the map.
fn transition([inputs, outputs]: [usize; 2], device: &Device) -> Sequential {
    let conv = Conv2dConfig::new([inputs, outputs], 1).bias(false).init_with(Init::KaimingNormal);
    Sequential::new()
        .named("norm", BatchNorm2d::new(inputs, device))
        .named("relu", ReLU)
        .named("conv", conv.init(device))
        .named("pool", AvgPool2d { kernel: 2, stride: 2, padding: 0, ceil_mode: false })
}

/// How others call the weights.
pub(super) const NAMES: &[Naming] = &[
    Naming { whose: "fastai", theirs: first_child },
    Naming { whose: "torchvision's older files", theirs: older },
    Naming { whose: "fastai, of torchvision's older files", theirs: fastai_older },
];

/// `norm1` of a dense layer was `norm.1`.
fn older(name: &str) -> Option<String> {
    let parts = ["norm1", "norm2", "conv1", "conv2"];
    let (layer, part) = name.rsplit_once('.')?;
    let (layer, part, value) = layer.rsplit_once('.').map(|(layer, own)| (layer, own, part))?;
    let is_renamed = layer.contains("denselayer") && parts.contains(&part);
    let (kind, at) = part.split_at_checked(4)?;
    Some(if is_renamed { format!("{layer}.{kind}.{at}.{value}") } else { name.to_owned() })
}

fn fastai_older(name: &str) -> Option<String> {
    first_child(&older(name)?)
}

pub(super) fn build121(spec: &ArchSpec, device: &Device) -> Sequential {
    DenseNetConfig::DENSENET121.build(spec, device)
}

pub(super) fn build161(spec: &ArchSpec, device: &Device) -> Sequential {
    DenseNetConfig::DENSENET161.build(spec, device)
}

pub(super) fn build169(spec: &ArchSpec, device: &Device) -> Sequential {
    DenseNetConfig::DENSENET169.build(spec, device)
}

pub(super) fn build201(spec: &ArchSpec, device: &Device) -> Sequential {
    DenseNetConfig::DENSENET201.build(spec, device)
}

#[cfg(test)]
mod tests {
    use super::older;

    #[test]
    fn names_of_old_files_are_known() {
        assert_eq!(
            older("features.denseblock1.denselayer12.norm1.weight").unwrap(),
            "features.denseblock1.denselayer12.norm.1.weight"
        );
        for name in ["features.transition1.norm.weight", "features.norm0.weight"] {
            assert_eq!(older(name).unwrap(), name);
        }
    }
}
