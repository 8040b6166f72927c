//! Names, shapes and starts of torchvision's networks.

use tinderbox_model::{
    Sequential,
    arch::{ArchSpec, ResNetConfig, VggConfig},
    weights::{StateDict, state_dict},
};

use crate::common::{device, n_params};

type Keys = Vec<(String, Vec<usize>)>;

fn conv(keys: &mut Keys, name: &str, shape: [usize; 4]) {
    keys.push((format!("{name}.weight"), shape.into()));
}

fn norm(keys: &mut Keys, name: &str, channels: usize) {
    for number in ["weight", "bias", "running_mean", "running_var"] {
        keys.push((format!("{name}.{number}"), vec![channels]));
    }
}

fn linear(keys: &mut Keys, name: &str, [inputs, outputs]: [usize; 2]) {
    keys.push((format!("{name}.weight"), vec![outputs, inputs]));
    keys.push((format!("{name}.bias"), vec![outputs]));
}

/// The rule by which torchvision names a ResNet's weights. `sides` are a block's kernels; with
/// three of them the last gives four times the channels.
fn resnet_keys(sides: &[usize], depths: [usize; 4]) -> Keys {
    let mut keys = Keys::new();
    conv(&mut keys, "conv1", [64, 3, 7, 7]);
    norm(&mut keys, "bn1", 64);
    let expansion = if sides.len() == 3 { 4 } else { 1 };
    let mut inputs = 64;
    for (stage, depth) in depths.into_iter().enumerate() {
        let inner = 64 << stage;
        for block in 0..depth {
            let name = format!("layer{}.{block}", stage + 1);
            let outputs = inner * expansion;
            let mut channels = inputs;
            for (at, side) in sides.iter().enumerate() {
                let out = if at + 1 == sides.len() { outputs } else { inner };
                conv(&mut keys, &format!("{name}.conv{}", at + 1), [out, channels, *side, *side]);
                norm(&mut keys, &format!("{name}.bn{}", at + 1), out);
                channels = out;
            }
            if block == 0 && (stage > 0 || inputs != outputs) {
                conv(&mut keys, &format!("{name}.downsample.0"), [outputs, inputs, 1, 1]);
                norm(&mut keys, &format!("{name}.downsample.1"), outputs);
            }
            inputs = outputs;
        }
    }
    linear(&mut keys, "fc", [inputs, 1000]);
    keys
}

/// The rule for a VGG with batch norm: 0 is a max-pool, other numbers are channels.
fn vgg_keys(layers: &[usize], hidden: usize) -> Keys {
    let mut keys = Keys::new();
    let (mut at, mut inputs) = (0, 3);
    for &outputs in layers {
        if outputs == 0 {
            at += 1;
            continue;
        }
        conv(&mut keys, &format!("features.{at}"), [outputs, inputs, 3, 3]);
        keys.push((format!("features.{at}.bias"), vec![outputs]));
        norm(&mut keys, &format!("features.{}", at + 1), outputs);
        (at, inputs) = (at + 3, outputs);
    }
    linear(&mut keys, "classifier.0", [512 * 7 * 7, hidden]);
    linear(&mut keys, "classifier.3", [hidden, hidden]);
    linear(&mut keys, "classifier.6", [hidden, 1000]);
    keys
}

#[track_caller]
fn check(model: &Sequential, mut expected: Keys, n_keys: usize, parameters: usize) {
    let state: StateDict = state_dict(model);
    let mut found: Keys =
        state.iter().map(|(path, weight)| (path.to_owned(), weight.shape.clone())).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!((found.len(), n_params(model)), (n_keys, parameters));
}

/// The counts of keys are PyTorch's without `num_batches_tracked`.
#[test]
fn resnets_have_torchvisions_keys() {
    let basic = |depths| resnet_keys(&[3, 3], depths);
    let bottleneck = |depths| resnet_keys(&[1, 3, 1], depths);
    let device = &device();
    let depths = [[2, 2, 2, 2], [3, 4, 6, 3]];
    check(&ResNetConfig::RESNET18.init(device), basic(depths[0]), 102, 11_689_512);
    check(&ResNetConfig::RESNET34.init(device), basic(depths[1]), 182, 21_797_672);
    check(&ResNetConfig::RESNET50.init(device), bottleneck(depths[1]), 267, 25_557_032);
}

/// With small linear layers; the golden keys are of the large ones.
#[test]
fn a_vgg_has_torchvisions_keys() {
    let layers = [64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0];
    let small = VggConfig { hidden: 16, ..VggConfig::VGG16 };
    check(&small.init(&device()), vgg_keys(&layers, 16), 84, 15_141_832);
}

/// The counts that torchvision states.
#[test]
fn networks_have_torchvisions_parameter_counts() {
    for (name, count) in [
        ("densenet121", 7_978_856),
        ("densenet161", 28_681_000),
        ("densenet169", 14_149_480),
        ("densenet201", 20_013_928),
        ("squeezenet1_0", 1_248_424),
        ("squeezenet1_1", 1_235_496),
        ("mobilenet_v2", 3_504_872),
    ] {
        let spec = ArchSpec::new(name, 3, 1000, [224, 224]).unwrap();
        assert_eq!(n_params(&spec.build(&device()).unwrap()), count, "{name}");
    }
}

/// The rule by which torchvision names MobileNetV2's weights: expansion, channels and blocks of
/// each stage.
#[test]
fn a_mobilenet_has_torchvisions_keys() {
    let mut keys = Keys::new();
    conv(&mut keys, "features.0.0", [32, 3, 3, 3]);
    norm(&mut keys, "features.0.1", 32);
    let stages =
        [[1, 16, 1], [6, 24, 2], [6, 32, 3], [6, 64, 4], [6, 96, 3], [6, 160, 3], [6, 320, 1]];
    let blocks = stages.iter().flat_map(|[t, c, n]| std::iter::repeat_n([*t, *c], *n));
    let mut inputs = 32;
    for (at, [expansion, outputs]) in (1..).zip(blocks) {
        let inner = inputs * expansion;
        let name = |part: usize| format!("features.{at}.conv.{part}");
        let mut part = 0;
        if expansion > 1 {
            conv(&mut keys, &format!("{}.0", name(part)), [inner, inputs, 1, 1]);
            norm(&mut keys, &format!("{}.1", name(part)), inner);
            part += 1;
        }
        conv(&mut keys, &format!("{}.0", name(part)), [inner, 1, 3, 3]);
        norm(&mut keys, &format!("{}.1", name(part)), inner);
        conv(&mut keys, &name(part + 1), [outputs, inner, 1, 1]);
        norm(&mut keys, &name(part + 2), outputs);
        inputs = outputs;
    }
    conv(&mut keys, "features.18.0", [1280, 320, 1, 1]);
    norm(&mut keys, "features.18.1", 1280);
    linear(&mut keys, "classifier.1", [1280, 1000]);
    check(&tinderbox_model::arch::mobilenet_v2(3, 1000, &device()), keys, 262, 3_504_872);
}
