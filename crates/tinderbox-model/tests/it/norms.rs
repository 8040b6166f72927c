//! Weight and spectral norm of every kind of convolution, against the plain one and by hand.

use std::collections::BTreeMap;

use tinderbox_golden::{Array, Data, fill};
use tinderbox_model::{
    ConvLayer, ConvLayerConfig, Layer, Mode, NormType, Trace,
    layer::ConvKind,
    set_mode,
    weights::{StateDict, Strict, load_state_dict, state_dict},
};

use crate::common::{device, filled, host, tensor};

const KINDS: [(ConvKind, &str); 3] = [
    (ConvKind::Conv2d, "Conv2d"),
    (ConvKind::Conv1d, "Conv1d"),
    (ConvKind::ConvTranspose2d, "ConvTranspose2d"),
];
const IN: usize = 3;
const OUT: usize = 4;

fn layer(kind: ConvKind, norm: NormType) -> ConvLayer {
    let config = ConvLayerConfig::new(IN, OUT).kernel(3).stride(2).norm(norm).activation(false);
    ConvLayerConfig { kind, ..config }.init(&device())
}

fn input(kind: ConvKind) -> Array {
    let shape = match kind {
        ConvKind::Conv1d => vec![2, IN, 7],
        _ => vec![2, IN, 5, 6],
    };
    let values = fill::floats(0, "x", "x", &shape);
    Array { shape, data: Data::F32(values) }
}

/// What the plain convolution gives with this weight and the bias of `state`.
fn plain(kind: ConvKind, state: &StateDict, weight: Vec<f32>) -> Vec<f32> {
    let layer = layer(kind, NormType::None);
    let shape = state_dict(&layer).get("0.weight").unwrap().shape.clone();
    let mut weights = StateDict::default();
    weights.insert("0.bias", vec![OUT], state.get("0.bias").unwrap().values.clone());
    weights.insert("0.weight", shape, weight);
    let (layer, _) = load_state_dict(Box::new(layer), &weights, Strict::Yes).unwrap();
    run(&*layer, kind)
}

fn run(layer: &dyn Layer, kind: ConvKind) -> Vec<f32> {
    host(layer.forward_any(tensor(&input(kind)), &mut Trace::off()))
}

#[track_caller]
fn close(a: &[f32], b: &[f32]) {
    assert_eq!(a.len(), b.len());
    for (at, (a, b)) in a.iter().zip(b).enumerate() {
        assert!((a - b).abs() < 1e-5 * b.abs().max(1.0), "[{at}]: {a} and {b}");
    }
}

#[test]
fn a_norm_goes_by_the_name_of_its_convolution() {
    for (kind, name) in KINDS {
        for norm in [NormType::None, NormType::Batch, NormType::Weight, NormType::Spectral] {
            assert_eq!(layer(kind, norm).children()[0].1.name(), name, "{norm:?}");
        }
    }
}

#[test]
fn weight_norm_starts_as_the_plain_convolution() {
    for (kind, _) in KINDS {
        let layer = layer(kind, NormType::Weight);
        let state = state_dict(&layer);
        let weight = state.get("0.weight_v").unwrap().values.clone();
        close(&run(&layer, kind), &plain(kind, &state, weight));
    }
}

/// The length of each entry of the first axis, whatever the direction's is.
#[test]
fn weight_norm_takes_its_lengths_from_g() {
    for (kind, name) in KINDS {
        let layer = layer(kind, NormType::Weight);
        let mut state = state_dict(&layer);
        let (g, v) = (state.get("0.weight_g").unwrap(), state.get("0.weight_v").unwrap().clone());
        let (g_shape, n) = (g.shape.clone(), v.shape[0]);
        assert_eq!(g_shape[0], n);
        assert!(g_shape[1..].iter().all(|size| *size == 1), "{name}: {g_shape:?}");
        let g: Vec<f32> = (0..n).map(|at| 0.5 + at as f32).collect();
        let rows = v.values.chunks(v.values.len() / n);
        let weight = rows.zip(&g).flat_map(|(row, g)| {
            let norm = row.iter().map(|v| v * v).sum::<f32>().sqrt();
            row.iter().map(move |v| g * v / norm)
        });
        let expected = plain(kind, &state, weight.collect());
        state.insert("0.weight_g", g_shape, g);
        let (layer, _) = load_state_dict(Box::new(layer), &state, Strict::Yes).unwrap();
        close(&run(&*layer, kind), &expected);
    }
}

/// A weight as a matrix of output channels by all the rest.
fn matrix(kind: ConvKind, weight: &[f32]) -> Vec<Vec<f32>> {
    match kind {
        // `[in, out, kernel, kernel]`
        ConvKind::ConvTranspose2d => (0..OUT)
            .map(|out| weight.chunks(9).skip(out).step_by(OUT).flatten().copied().collect())
            .collect(),
        _ => weight.chunks(weight.len() / OUT).map(<[f32]>::to_vec).collect(),
    }
}

fn unit(x: Vec<f32>) -> Vec<f32> {
    let norm = x.iter().map(|x| x * x).sum::<f32>().sqrt();
    x.into_iter().map(|x| x / norm).collect()
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn values(layer: &dyn Layer) -> BTreeMap<String, Vec<f32>> {
    state_dict(layer).iter().map(|(name, w)| (name.to_owned(), w.values.clone())).collect()
}

#[test]
fn spectral_norm_divides_by_what_its_vectors_find() {
    for (kind, _) in KINDS {
        let layer = filled(layer(kind, NormType::Spectral));
        let before = values(&*layer);
        let weight = &before["0.weight_orig"];
        let rows = matrix(kind, weight);
        let divided = |u: &[f32], v: &[f32]| {
            let of_v: Vec<f32> = rows.iter().map(|row| dot(row, v)).collect();
            let sigma = dot(u, &of_v);
            plain(kind, &state_dict(&*layer), weight.iter().map(|w| w / sigma).collect())
        };

        // Evaluation leaves the vectors.
        let eval = set_mode(layer.clone(), Mode::Eval);
        close(&run(&*eval, kind), &divided(&before["0.weight_u"], &before["0.weight_v"]));
        assert_eq!(values(&*eval), before);

        // Training moves them by one step of the power iteration.
        let y = run(&*layer, kind);
        let v: Vec<f32> = (0..rows[0].len())
            .map(|at| rows.iter().zip(&before["0.weight_u"]).map(|(row, u)| row[at] * u).sum())
            .collect();
        let v = unit(v);
        let u = unit(rows.iter().map(|row| dot(row, &v)).collect());
        let after = values(&*layer);
        close(&after["0.weight_v"], &v);
        close(&after["0.weight_u"], &u);
        close(&y, &divided(&u, &v));
    }
}

#[test]
fn zero_init_starts_every_batch_norm_at_zero() {
    for (kind, _) in KINDS {
        let config = ConvLayerConfig { kind, zero_init: true, ..ConvLayerConfig::new(IN, OUT) };
        let state = state_dict(&config.init(&device()));
        assert_eq!(state.get("2.weight").unwrap().values, [0.0; OUT]);
        assert_eq!(state.get("2.bias").unwrap().values, [0.0; OUT]);
        // fastai's own way does not.
        let config = ConvLayerConfig { zero_init: false, norm: NormType::BatchZero, ..config };
        let state = state_dict(&config.init(&device()));
        assert_eq!(state.get("2.weight").unwrap().values, [1.0; OUT]);
    }
}

#[test]
fn a_residual_block_may_start_as_the_identity() {
    use burn::tensor::Tensor;
    use tinderbox_model::{Forward, ResBlockConfig};
    let block = ResBlockConfig { zero_init: true, ..ResBlockConfig::new(IN) }.init(&device());
    let x: Tensor<4> = tensor(&input(ConvKind::Conv2d)).expect_for("test");
    assert_eq!(host(block.forward(x.clone()).into()), host(x.into()));
    // The first layer's norm is not zero: it would not learn.
    assert_eq!(state_dict(&block).get("layers.0.2.weight").unwrap().values, [1.0; IN]);
}

/// fastai's further arguments go to both layers.
#[test]
fn a_residual_block_passes_its_options_on() {
    use tinderbox_model::ResBlockConfig;
    let layers = ConvLayerConfig { leaky: Some(0.1), kernel: 5, ..ConvLayerConfig::new(1, 1) };
    let block = ResBlockConfig { layers, ..ResBlockConfig::new(8).bottle() }.init(&device());
    let mut seen = Vec::new();
    let mut observe = |step: tinderbox_model::Step<'_>| seen.push(step.layer.name());
    let x = Array { shape: vec![1, 8, 6, 6], data: Data::F32(vec![0.5; 288]) };
    block.forward_any(tensor(&x), &mut Trace::new(&mut observe));
    assert_eq!(seen.iter().filter(|name| **name == "LeakyReLU").count(), 2);
    let state = state_dict(&block);
    assert_eq!(state.get("layers.0.0.weight").unwrap().shape, [4, 8, 5, 5]);
    assert_eq!(state.get("layers.1.0.weight").unwrap().shape, [8, 4, 5, 5]);
}
