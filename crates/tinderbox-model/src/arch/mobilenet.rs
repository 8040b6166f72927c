//! MobileNetV2, as torchvision has it: its names, its start.
//!
//! Sandler et al., [MobileNetV2](https://arxiv.org/abs/1801.04381), 2018.

use burn::tensor::Device;

use super::{
    ArchSpec,
    naming::{Naming, first_child},
};
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

/// How others call the weights.
pub(super) const NAMES: &[Naming] = &[
    Naming { whose: "fastai", theirs: first_child },
    Naming { whose: "timm", theirs: timm },
    Naming { whose: "Hugging Face", theirs: hugging_face },
];

/// A layer of a block: its convolution or its norm, and which of the block's three it is.
#[derive(Clone, Copy)]
enum Part {
    Conv(usize),
    Norm(usize),
}

impl Part {
    /// Of the names behind `features.N.conv`; the first block does not expand, so its parts are
    /// counted from the second.
    fn of(names: &[&str], expands: bool) -> Option<Self> {
        let skipped = usize::from(!expands);
        Some(match names {
            [at, "0"] => Self::Conv(at.parse::<usize>().ok()? + skipped),
            [at, "1"] => Self::Norm(at.parse::<usize>().ok()? + skipped),
            ["1"] if !expands => Self::Conv(2),
            ["2"] if expands => Self::Conv(2),
            ["2"] if !expands => Self::Norm(2),
            ["3"] => Self::Norm(2),
            _ => return None,
        })
    }
}

/// A weight: of the first or last convolution, or of a block.
enum Place<'a> {
    Stem(Part, &'a str),
    Last(Part, &'a str),
    /// Its number among all, from 0.
    Block(usize, Part, &'a str),
}

fn place(name: &str) -> Option<Place<'_>> {
    let parts: Vec<&str> = name.split('.').collect();
    let ["features", at, rest @ .., value] = &parts[..] else { return None };
    let at: usize = at.parse().ok()?;
    let blocks: usize = STAGES.iter().map(|[_, _, blocks, _]| blocks).sum();
    let ends = |own: &[&str]| match own {
        ["0"] => Some(Part::Conv(0)),
        ["1"] => Some(Part::Norm(0)),
        _ => None,
    };
    Some(match (at, rest) {
        (0, own) => Place::Stem(ends(own)?, value),
        (at, own) if at == blocks + 1 => Place::Last(ends(own)?, value),
        (at, ["conv", own @ ..]) => Place::Block(at - 1, Part::of(own, at > 1)?, value),
        _ => return None,
    })
}

fn timm(name: &str) -> Option<String> {
    Some(match place(name)? {
        Place::Stem(Part::Conv(_), value) => format!("conv_stem.{value}"),
        Place::Stem(Part::Norm(_), value) => format!("bn1.{value}"),
        Place::Last(Part::Conv(_), value) => format!("conv_head.{value}"),
        Place::Last(Part::Norm(_), value) => format!("bn2.{value}"),
        Place::Block(block, part, value) => {
            let (mut stage, mut at) = (0, block);
            while at >= STAGES.get(stage)?[2] {
                at -= STAGES[stage][2];
                stage += 1;
            }
            let part = match (part, block) {
                (Part::Conv(1), _) => "conv_dw",
                (Part::Conv(_), 0) | (Part::Conv(0), _) => "conv_pw",
                (Part::Norm(1), 0) | (Part::Norm(0), _) => "bn1",
                (Part::Norm(_), 0) | (Part::Norm(1), _) => "bn2",
                (Part::Conv(_), _) => "conv_pwl",
                (Part::Norm(_), _) => "bn3",
            };
            format!("blocks.{stage}.{at}.{part}.{value}")
        }
    })
}

fn hugging_face(name: &str) -> Option<String> {
    let layer = |part| match part {
        Part::Conv(_) => "convolution",
        Part::Norm(_) => "normalization",
    };
    Some(match place(name)? {
        Place::Stem(part, value) => format!("conv_stem.first_conv.{}.{value}", layer(part)),
        Place::Last(part, value) => format!("conv_1x1.{}.{value}", layer(part)),
        Place::Block(block, part, value) => {
            let (Part::Conv(at) | Part::Norm(at)) = part;
            let conv = ["expand_1x1", "conv_3x3", "reduce_1x1"].get(at)?;
            let block = match block {
                0 => "conv_stem".to_owned(),
                block => format!("layer.{}", block - 1),
            };
            format!("{block}.{conv}.{}.{value}", layer(part))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_known_by_the_names_of_others() {
        let check = |ours, of_timm, of_hugging_face| {
            assert_eq!(timm(ours).unwrap(), of_timm);
            assert_eq!(hugging_face(ours).unwrap(), of_hugging_face);
        };
        check("features.0.0.weight", "conv_stem.weight", "conv_stem.first_conv.convolution.weight");
        check("features.0.1.bias", "bn1.bias", "conv_stem.first_conv.normalization.bias");
        check(
            "features.1.conv.0.0.weight",
            "blocks.0.0.conv_dw.weight",
            "conv_stem.conv_3x3.convolution.weight",
        );
        check(
            "features.1.conv.0.1.weight",
            "blocks.0.0.bn1.weight",
            "conv_stem.conv_3x3.normalization.weight",
        );
        check(
            "features.1.conv.1.weight",
            "blocks.0.0.conv_pw.weight",
            "conv_stem.reduce_1x1.convolution.weight",
        );
        check(
            "features.1.conv.2.weight",
            "blocks.0.0.bn2.weight",
            "conv_stem.reduce_1x1.normalization.weight",
        );
        check(
            "features.3.conv.1.0.weight",
            "blocks.1.1.conv_dw.weight",
            "layer.1.conv_3x3.convolution.weight",
        );
        check(
            "features.17.conv.3.running_mean",
            "blocks.6.0.bn3.running_mean",
            "layer.15.reduce_1x1.normalization.running_mean",
        );
        check("features.18.1.weight", "bn2.weight", "conv_1x1.normalization.weight");
        assert_eq!(
            (timm("classifier.1.weight"), hugging_face("classifier.1.weight")),
            (None, None)
        );
    }
}
