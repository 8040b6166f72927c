//! The table of architectures.

use super::{
    Arch, OfficialWeights, densenet, lesson, mobilenet, resnet, resnet_small, squeezenet, vgg,
    xresnet,
};

/// fastai's default learning rate.
const FASTAI_LR: f64 = 3e-3;

/// What most have in common.
const PLAIN: Arch = Arch {
    name: "",
    about: "",
    build: lesson::build_basic,
    groups: &[],
    cut: None,
    weights: None,
    known_by: None,
    names: &[],
    lr: FASTAI_LR,
    min_size: 1,
};

/// torchvision's residual networks.
const RESNET: Arch =
    Arch { groups: &["layer3", "fc"], cut: Some("avgpool"), names: resnet::NAMES, ..PLAIN };
/// Its VGGs, whose body ends in a map of fixed size.
const VGG: Arch = Arch {
    groups: &["features.22", "classifier"],
    cut: Some("flatten"),
    names: vgg::NAMES,
    min_size: 32,
    ..PLAIN
};
/// Its DenseNets, whose body is without the last ReLU.
const DENSENET: Arch = Arch {
    groups: &["features.transition2", "classifier"],
    cut: Some("relu"),
    names: densenet::NAMES,
    min_size: 29,
    ..PLAIN
};
/// Its SqueezeNets.
const SQUEEZENET: Arch = Arch {
    groups: &["features.5", "features.8", "classifier"],
    cut: Some("classifier"),
    names: squeezenet::NAMES,
    ..PLAIN
};
/// fastai's XResNets.
const XRESNET: Arch = Arch { groups: &["10"], cut: Some("8"), ..PLAIN };

/// Weights of torchvision's: the file, and its size as torchvision's documentation gives it.
const fn official(file: &'static str, megabytes: f64) -> OfficialWeights {
    OfficialWeights::torchvision(file, megabytes)
}

/// All architectures.
pub const ARCHS: [Arch; 24] = [
    Arch {
        name: "basic",
        about: "the lesson's first network: five convolutions",
        build: lesson::build_basic,
        lr: 0.1,
        ..PLAIN
    },
    Arch {
        name: "refactor",
        about: "the lesson's first network, built of conv_layers",
        build: lesson::build_refactored,
        lr: 0.1,
        ..PLAIN
    },
    Arch {
        name: "resnetish",
        about: "the lesson's residual network, for 28×28 pixels",
        build: lesson::build_resnetish,
        lr: 0.05,
        ..PLAIN
    },
    Arch {
        name: "densenetish",
        about: "the lesson's dense network, for 28×28 pixels",
        build: lesson::build_densenetish,
        lr: 0.05,
        ..PLAIN
    },
    Arch {
        name: "resnet-small",
        about: "for photographs, trained from scratch on a CPU",
        build: resnet_small::build,
        groups: &["1"],
        cut: Some("1"),
        lr: 0.01,
        min_size: 16,
        ..PLAIN
    },
    Arch {
        name: "resnet18",
        about: "torchvision's: 11.2 million parameters",
        known_by: Some(("layer4.1.conv2.weight", &[512, 512, 3, 3])),
        build: resnet::build18,
        weights: Some(official("resnet18-f37072fd.pth", 44.7)),
        ..RESNET
    },
    Arch {
        name: "resnet34",
        about: "torchvision's: 21.3 million parameters",
        known_by: Some(("layer4.2.conv2.weight", &[512, 512, 3, 3])),
        build: resnet::build34,
        weights: Some(official("resnet34-b627a593.pth", 83.3)),
        ..RESNET
    },
    Arch {
        name: "resnet50",
        about: "torchvision's, with bottlenecks: 23.5 million",
        known_by: Some(("layer3.5.conv3.weight", &[1024, 256, 1, 1])),
        build: resnet::build50,
        weights: Some(official("resnet50-0676ba61.pth", 97.8)),
        ..RESNET
    },
    Arch {
        name: "resnet101",
        about: "torchvision's, with bottlenecks: 42.5 million",
        known_by: Some(("layer3.22.conv3.weight", &[1024, 256, 1, 1])),
        build: resnet::build101,
        weights: Some(official("resnet101-63fe2227.pth", 170.5)),
        ..RESNET
    },
    Arch {
        name: "resnet152",
        about: "torchvision's, with bottlenecks: 58.1 million",
        known_by: Some(("layer3.35.conv3.weight", &[1024, 256, 1, 1])),
        build: resnet::build152,
        weights: Some(official("resnet152-394f9c45.pth", 230.4)),
        ..RESNET
    },
    Arch {
        name: "xresnet18",
        about: "fastai's newer ResNet-18: 11.2 million",
        build: xresnet::build18,
        ..XRESNET
    },
    Arch {
        name: "xresnet34",
        about: "fastai's newer ResNet-34: 21.3 million",
        build: xresnet::build34,
        ..XRESNET
    },
    Arch {
        name: "xresnet50",
        about: "fastai's newer ResNet-50: 23.5 million",
        build: xresnet::build50,
        ..XRESNET
    },
    Arch {
        name: "vgg11_bn",
        about: "torchvision's, with batch norm: 128.8 million",
        known_by: Some(("features.25.weight", &[512, 512, 3, 3])),
        build: vgg::build11,
        groups: &["classifier"],
        weights: Some(official("vgg11_bn-6002323d.pth", 506.9)),
        ..VGG
    },
    Arch {
        name: "vgg13_bn",
        about: "torchvision's, with batch norm: 129 million",
        known_by: Some(("features.31.weight", &[512, 512, 3, 3])),
        build: vgg::build13,
        groups: &["classifier"],
        weights: Some(official("vgg13_bn-abd245e5.pth", 507.6)),
        ..VGG
    },
    Arch {
        name: "vgg16_bn",
        about: "torchvision's, with batch norm: 134.3 million",
        known_by: Some(("features.40.weight", &[512, 512, 3, 3])),
        build: vgg::build16,
        weights: Some(official("vgg16_bn-6c64b313.pth", 527.8)),
        ..VGG
    },
    Arch {
        name: "vgg19_bn",
        about: "torchvision's, with batch norm: 139.6 million",
        known_by: Some(("features.49.weight", &[512, 512, 3, 3])),
        build: vgg::build19,
        weights: Some(official("vgg19_bn-c79401a0.pth", 548.1)),
        ..VGG
    },
    Arch {
        name: "densenet121",
        about: "torchvision's: 7 million parameters",
        known_by: Some(("features.denseblock4.denselayer16.conv2.weight", &[32, 128, 3, 3])),
        build: densenet::build121,
        weights: Some(official("densenet121-a639ec97.pth", 30.8)),
        ..DENSENET
    },
    Arch {
        name: "densenet161",
        about: "torchvision's, wider: 26.5 million parameters",
        known_by: Some(("features.denseblock4.denselayer24.conv2.weight", &[48, 192, 3, 3])),
        build: densenet::build161,
        weights: Some(official("densenet161-8d451a50.pth", 110.4)),
        ..DENSENET
    },
    Arch {
        name: "densenet169",
        about: "torchvision's: 12.5 million parameters",
        known_by: Some(("features.denseblock4.denselayer32.conv2.weight", &[32, 128, 3, 3])),
        build: densenet::build169,
        weights: Some(official("densenet169-b2777c0a.pth", 54.7)),
        ..DENSENET
    },
    Arch {
        name: "densenet201",
        about: "torchvision's: 18.1 million parameters",
        known_by: Some(("features.denseblock3.denselayer48.conv2.weight", &[32, 128, 3, 3])),
        build: densenet::build201,
        weights: Some(official("densenet201-c1103571.pth", 77.4)),
        ..DENSENET
    },
    Arch {
        name: "squeezenet1_0",
        about: "torchvision's: 0.7 million parameters",
        known_by: Some(("features.5.squeeze.weight", &[32, 128, 1, 1])),
        build: squeezenet::build1_0,
        min_size: 21,
        weights: Some(official("squeezenet1_0-b66bff10.pth", 4.8)),
        ..SQUEEZENET
    },
    Arch {
        name: "squeezenet1_1",
        about: "torchvision's, for less than half the computation",
        known_by: Some(("features.6.squeeze.weight", &[32, 128, 1, 1])),
        build: squeezenet::build1_1,
        min_size: 17,
        weights: Some(official("squeezenet1_1-b8a52dc0.pth", 4.7)),
        ..SQUEEZENET
    },
    Arch {
        name: "mobilenet_v2",
        about: "torchvision's, for mobile devices: 2.2 million",
        known_by: Some(("features.18.0.weight", &[1280, 320, 1, 1])),
        build: mobilenet::build_v2,
        groups: &["classifier"],
        cut: Some("avgpool"),
        names: mobilenet::NAMES,
        weights: Some(official("mobilenet_v2-b0353104.pth", 13.6)),
        ..PLAIN
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_one_of_its_kind() {
        for (at, arch) in ARCHS.iter().enumerate() {
            assert!(!arch.name.is_empty() && !arch.about.is_empty());
            // A table of them fits 80 columns.
            assert!(arch.name.len() <= 13 && arch.about.chars().count() <= 50, "{}", arch.name);
            assert!(ARCHS[..at].iter().all(|other| other.name != arch.name), "{}", arch.name);
        }
    }

    #[test]
    fn official_weights_are_named_after_their_architecture() {
        for arch in &ARCHS {
            let Some(weights) = &arch.weights else { continue };
            let name = weights.file.split('-').next();
            assert_eq!(name, Some(arch.name));
            let prefix = weights.sha256_prefix();
            assert!(prefix.len() == 8 && u32::from_str_radix(prefix, 16).is_ok(), "{prefix}");
        }
        let resnet = super::super::find("resnet34").unwrap().weights.unwrap();
        assert_eq!(resnet.url(), "https://download.pytorch.org/models/resnet34-b627a593.pth");
        assert_eq!(resnet.sha256_prefix(), "b627a593");
    }
}
