//! What every architecture keeps to.

use std::collections::BTreeSet;

use burn::tensor::Tensor;
use tinderbox_golden::{Array, Data, fill};
use tinderbox_model::{
    AnyTensor, Forward, Layer, Mode, Sequential, Step, Trace,
    arch::{
        ARCHS, Arch, ArchSpec, DenseNetConfig, ResNetConfig, SqueezeNetConfig, VggConfig, basic,
        densenetish, mobilenet_v2, refactored, resnetish, xresnet,
    },
    groups::{is_under, parameters, parts},
    set_mode,
    weights::{StateDict, Strict, load_state_dict, state_dict},
};

use crate::common::{device, filled, host, n_params, tensor};

const SIZE: usize = 32;

/// Architectures that are another one with more or larger layers: tests would take minutes.
const LARGE: [&str; 13] = [
    "resnet34",
    "resnet101",
    "resnet152",
    "xresnet34",
    "xresnet50",
    "vgg11_bn",
    "vgg13_bn",
    "vgg16_bn",
    "vgg19_bn",
    "densenet161",
    "densenet169",
    "densenet201",
    "squeezenet1_0",
];

fn archs() -> impl Iterator<Item = &'static Arch> {
    ARCHS.iter().filter(|arch| !LARGE.contains(&arch.name))
}

/// A VGG whose linear layers are small.
fn small_vgg() -> Sequential {
    VggConfig { classes: 5, hidden: 8, ..VggConfig::VGG11 }.init(&device())
}

const SMALL_VGG: &str = "a small VGG";

/// Each architecture, for images of three channels and five classes.
fn models() -> impl Iterator<Item = (&'static str, Sequential)> {
    let names = archs().map(|arch| arch.name).chain([SMALL_VGG]);
    names.map(|name| (name, model(name)))
}

/// One of them, with weights of its own.
fn model(name: &str) -> Sequential {
    match name {
        SMALL_VGG => small_vgg(),
        name => ArchSpec::new(name, 3, 5, [SIZE, SIZE]).unwrap().build(&device()).unwrap(),
    }
}

fn images() -> AnyTensor {
    let shape = vec![3, 3, SIZE, SIZE];
    let values = fill::floats(0, "x", "x", &shape);
    tensor(&Array { shape, data: Data::F32(values) })
}

fn paths(model: &dyn Layer) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    let mut observe = |step: Step<'_>| {
        paths.insert(step.path.join("."));
    };
    model.forward_any(images(), &mut Trace::new(&mut observe));
    paths
}

#[test]
fn the_lessons_networks_have_the_lessons_parameter_counts() {
    let counts = [basic, refactored, resnetish].map(|build| n_params(&build(1, 10, &device())));
    assert_eq!(counts, [12_126, 12_044, 41_132]);
    assert_eq!(n_params(&densenetish(1, 10, &device())), 52_940);
}

#[test]
fn traced_paths_are_parameter_paths() {
    for (name, model) in models() {
        let (traced, parts) = (paths(&model), parts(&model));
        let strange: Vec<_> = traced.iter().filter(|path| !parts.contains(path)).collect();
        assert!(strange.is_empty(), "{name}: no parts of the model: {strange:?}");
        for parameter in parameters(&model) {
            let seen = traced.iter().any(|path| is_under(&parameter.path, path));
            assert!(seen, "{name}: {} was not seen", parameter.path);
        }
    }
}

#[test]
fn weights_out_and_in_again_give_the_same_outputs() {
    for (name, first) in models() {
        // A training pass, so that the running statistics are not the first ones.
        let _y = first.forward(images());
        let bytes = state_dict(&first).to_safetensors();
        let state = StateDict::from_safetensors(&bytes).unwrap();
        let (other, _) = load_state_dict(Box::new(model(name)), &state, Strict::Yes).unwrap();
        assert_eq!(state_dict(&*other), state);
        let answer = |model: Box<dyn Layer>| {
            host(set_mode(model, Mode::Eval).forward_any(images(), &mut Trace::off()))
        };
        assert_eq!(answer(Box::new(first)), answer(other), "{name}");
    }
}

/// Without an observer, convolution, ReLU and batch norm are one operation.
#[test]
fn watching_changes_nothing() {
    // Of those without dropout.
    let resnet = |config| ResNetConfig { classes: 5, ..config }.init(&device());
    let mut models: Vec<Sequential> =
        [basic, refactored, resnetish].map(|build| build(3, 5, &device())).into();
    models.extend([ResNetConfig::RESNET18, ResNetConfig::RESNET50].map(resnet));
    models.push(VggConfig::VGG11.features(&device()));
    models.push(xresnet(ResNetConfig { classes: 5, ..ResNetConfig::RESNET18 }, &device()));
    models.push(DenseNetConfig { classes: 5, ..DenseNetConfig::DENSENET121 }.init(&device()));
    for model in [
        SqueezeNetConfig { classes: 5, ..SqueezeNetConfig::SQUEEZENET1_1 }.init(&device()),
        mobilenet_v2(3, 5, &device()),
    ] {
        models.push(model.cut("classifier").expect("it has one").0);
    }
    for model in models {
        let model = filled(model);
        let watched = model.clone();
        let y = host(model.forward_any(images(), &mut Trace::off()));
        let mut observe = |_: Step<'_>| {};
        let of_watched = host(watched.forward_any(images(), &mut Trace::new(&mut observe)));
        close("output", &y, &of_watched);
        let (state, of_watched) = (state_dict(&*model), state_dict(&*watched));
        for ((path, weight), (_, of_watched)) in state.iter().zip(of_watched.iter()) {
            close(path, &weight.values, &of_watched.values);
        }
    }
}

/// The two differ in rounding only.
#[track_caller]
fn close(what: &str, a: &[f32], b: &[f32]) {
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() <= 1e-4 * a.abs().max(1.0), "{what}: {a} and {b}");
    }
}

#[test]
fn a_cut_model_gives_what_the_whole_does() {
    for (name, model) in models() {
        let model = set_mode(Box::new(model), Mode::Eval);
        let model: &Sequential = model.as_any().downcast_ref().unwrap();
        let whole = host(model.forward(images()));
        let (second, _) = model.children().nth(1).unwrap();
        let (body, head) = model.clone().cut(second).unwrap();
        assert_eq!(host(head.forward(body.forward(images()))), whole, "{name}");
        let keys = |model: &dyn Layer| parameters(model).into_iter().map(|p| p.path);
        assert!(keys(&body).chain(keys(&head)).eq(keys(model)), "{name}");
    }
}

#[test]
fn taps_are_the_outputs_of_the_children() {
    let model = set_mode(Box::new(resnetish(3, 5, &device())), Mode::Eval);
    let model: &Sequential = model.as_any().downcast_ref().unwrap();
    let (y, taps) = model.forward_tapped(images(), &[2, 0], &mut Trace::off());
    assert_eq!(taps[0].dims(), [3, 32, 4, 4]);
    assert_eq!(taps[1].dims(), [3, 8, 16, 16]);
    assert_eq!(host(y), host(model.forward(images())));
}

/// What runs as one ends at a tap: all taps are what the layers give one by one.
#[test]
fn taps_between_neighbors_are_seen() {
    let model = set_mode(Box::new(VggConfig::VGG11.features(&device())), Mode::Eval);
    let model: &Sequential = model.as_any().downcast_ref().unwrap();
    let mut one_by_one = Vec::new();
    let mut observe = |step: Step<'_>| one_by_one.push(host(step.output.clone()));
    model.forward_traced(images(), &mut Trace::new(&mut observe));
    // A convolution, a batch norm, a ReLU, and all of them.
    for taps in [vec![4], vec![5], vec![6], (0..model.len()).collect()] {
        let (y, tapped) = model.forward_tapped(images(), &taps, &mut Trace::off());
        close("output", &host(y), &one_by_one[model.len() - 1]);
        for (tap, found) in taps.into_iter().zip(tapped) {
            close(&format!("tap {tap}"), &host(found), &one_by_one[tap]);
        }
    }
}

#[test]
fn images_of_other_sizes_are_averaged_at_the_end() {
    for (name, min) in archs().map(|arch| (arch.name, arch.min_size.max(2))) {
        for size in [[min, min], [40, 33]] {
            let model = ArchSpec::new(name, 1, 5, size).unwrap().build(&device()).unwrap();
            let x = Tensor::<4>::zeros([2, 1, size[0], size[1]], &device());
            let y = set_mode(Box::new(model), Mode::Eval).forward_any(x.into(), &mut Trace::off());
            assert_eq!(y.dims(), [2, 5], "{name} on {size:?}");
        }
    }
}
