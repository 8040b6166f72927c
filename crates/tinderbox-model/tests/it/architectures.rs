//! What every architecture keeps to.

use std::collections::BTreeSet;

use burn::tensor::Tensor;
use tinderbox_golden::{Array, Data, fill};
use tinderbox_model::{
    AnyTensor, Forward, Layer, Mode, Sequential, Step, Trace,
    arch::{ARCHS, ArchSpec, basic, refactored, resnetish},
    groups::{is_under, parameters, parts},
    set_mode,
    weights::{StateDict, Strict, load_state_dict, state_dict},
};

use crate::common::{device, filled, host, n_params, tensor};

const SIZE: usize = 28;

/// Each architecture, for images of three channels and five classes.
fn models() -> impl Iterator<Item = (&'static str, Sequential)> {
    ARCHS.iter().map(|arch| {
        let spec = ArchSpec::new(arch.name, 3, 5, [SIZE, SIZE]).unwrap();
        (arch.name, spec.build(&device()).unwrap())
    })
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
    for (name, model) in models() {
        // A training pass, so that the running statistics are not the first ones.
        let _y = model.forward(images());
        let bytes = state_dict(&model).to_safetensors();
        let (_, other) = models().find(|(other, _)| *other == name).unwrap();
        let state = StateDict::from_safetensors(&bytes).unwrap();
        let (other, _) = load_state_dict(Box::new(other), &state, Strict::Yes).unwrap();
        assert_eq!(state_dict(&*other), state);
        let answer = |model: Box<dyn Layer>| {
            host(set_mode(model, Mode::Eval).forward_any(images(), &mut Trace::off()))
        };
        assert_eq!(answer(Box::new(model)), answer(other), "{name}");
    }
}

/// Without an observer, convolution, ReLU and batch norm are one operation.
#[test]
fn watching_changes_nothing() {
    // Of those without dropout.
    for build in [basic, refactored, resnetish] {
        let model = filled(build(3, 5, &device()));
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
        let (body, head) = model.clone().cut("1").unwrap();
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
    assert_eq!(taps[1].dims(), [3, 8, 14, 14]);
    assert_eq!(host(y), host(model.forward(images())));
}

#[test]
fn images_of_other_sizes_are_averaged_at_the_end() {
    for (name, min) in ARCHS.iter().map(|arch| (arch.name, arch.min_size.max(2))) {
        for size in [[min, min], [40, 33]] {
            let model = ArchSpec::new(name, 1, 5, size).unwrap().build(&device()).unwrap();
            let x = Tensor::<4>::zeros([2, 1, size[0], size[1]], &device());
            let y = set_mode(Box::new(model), Mode::Eval).forward_any(x.into(), &mut Trace::off());
            assert_eq!(y.dims(), [2, 5], "{name} on {size:?}");
        }
    }
}
