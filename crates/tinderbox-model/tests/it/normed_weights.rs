//! The fixture `spectral_weight_norm`: layers whose weights are normalized.

use std::collections::BTreeSet;

use burn::{
    module::Module,
    tensor::{Tensor, TensorData},
};
use tinderbox_golden::{Array, Fixture};
use tinderbox_model::{
    AnyTensor, Forward, Layer, Mode, NormType, Sequential, Step, Trace,
    arch::{DynamicUnet, UnetConfig, resnet_small},
    block::PixelShuffleConfig,
    groups::{Kind, freeze_to, parameters},
    layer::{
        Conv2dConfig, SelfAttention, SpectralNormConv, SpectralNormLinear, WeightNormConv,
        WeightNormLinear,
    },
    set_mode,
    summary::summary_of,
    weights::{Strict, load_state_dict, state_dict},
};

use crate::common::{device, differentiated, gradient, gradients, host, state, tensor};

/// A model of the manifest, and the tensors of the fixture that it was held to.
struct Checks<'a> {
    fixture: &'a Fixture,
    name: &'a str,
    done: BTreeSet<String>,
}

impl Checks<'_> {
    fn check(&mut self, part: &str, shape: &[usize], values: &[f32]) {
        let name = format!("{}.{part}", self.name);
        self.fixture.check(&name, shape, values).unwrap();
        self.done.insert(name);
    }

    /// A pass in training: its output, its gradients, and what it left in the buffers. `call` is what
    /// the fixture adds to names.
    fn train(&mut self, model: &dyn Layer, call: &str) {
        let input =
            |what: &str| tensor(&self.fixture.input(&format!("input:{}{call}{what}", self.name)));
        let (x, probe) = (differentiated(input("")), input(".probe"));
        let y = model.forward_any(x.clone(), &mut Trace::off());
        self.check(&format!("out{call}"), &y.dims(), &host(y.clone()));
        let found = (y.into_flat() * probe.into_flat()).sum().backward();
        let of_x = gradient(&x, &found).unwrap();
        self.check(&format!("dx{call}"), &of_x.shape, &of_x.values);
        for (path, weight) in gradients(model, &found) {
            self.check(&format!("grad{call}.{path}"), &weight.shape, &weight.values);
        }
        for (path, weight) in state_dict(model).iter() {
            let part = format!("after{call}.{path}");
            if self.fixture.has(&format!("{}.{part}", self.name)) {
                self.check(&part, &weight.shape, &weight.values);
            }
        }
    }
}

/// The layer that the manifest's name and shapes stand for.
fn layer(name: &str, weights: &[(String, Array)], x: &Array, y: &Array) -> Box<dyn Layer> {
    let of =
        |part: &str| weights.iter().find(|(name, _)| name == part).map(|(_, array)| &array.shape);
    if of("gamma").is_some() {
        return Box::new(SelfAttention::new(x.shape[1], &device()));
    }
    let spectral = name.starts_with("sn_");
    let weight = of(if spectral { "weight_orig" } else { "weight_v" }).unwrap();
    if let [outputs, inputs] = weight[..] {
        return match spectral {
            true => Box::new(SpectralNormLinear::new(inputs, outputs, &device())),
            false => Box::new(WeightNormLinear::new(inputs, outputs, &device())),
        };
    }
    let config = Conv2dConfig::new([weight[1], weight[0]], weight[2])
        .padding((y.shape[2] + weight[2] - 1 - x.shape[2]) / 2)
        .bias(of("bias").is_some());
    match (spectral, weight.len()) {
        (true, 3) => Box::new(SpectralNormConv::conv1d(config, &device())),
        (true, 4) => Box::new(SpectralNormConv::conv2d(config, &device())),
        (false, 3) => Box::new(WeightNormConv::conv1d(config, &device())),
        (false, 4) => Box::new(WeightNormConv::conv2d(config, &device())),
        (_, rank) => panic!("{name}: weights of rank {rank}"),
    }
}

#[test]
fn normed_weights_are_the_references() {
    let fixture = Fixture::open("spectral_weight_norm");
    let mut done = BTreeSet::new();
    for name in fixture.manifest()["keys"].as_object().unwrap().keys() {
        let weights = fixture.weights(name);
        let has_input =
            |call: &str| !fixture.manifest()["inputs"][format!("input:{name}{call}")].is_null();
        let numbers = (1..=9).map(|call| call.to_string());
        let calls: Vec<String> =
            std::iter::once(String::new()).chain(numbers).filter(|call| has_input(call)).collect();
        let first = &calls[0];
        let x = fixture.input(&format!("input:{name}{first}"));
        let fresh = layer(name, &weights, &x, &fixture.tensor(&format!("{name}.out{first}")));
        let (model, _) = load_state_dict(fresh, &state(&weights), Strict::Yes).unwrap();
        let model = set_mode(model, Mode::Train);
        let mut checks = Checks { fixture: &fixture, name, done: BTreeSet::new() };
        for call in &calls {
            checks.train(&*model, call);
        }
        if fixture.has(&format!("{name}.out_eval")) {
            let x = tensor(&x);
            let eval = set_mode(model.valid(), Mode::Eval);
            // The second pass takes the weights of the first.
            for _ in 0..2 {
                let y = eval.forward_any(x.clone().without_autodiff(), &mut Trace::off());
                checks.check("out_eval", &y.dims(), &host(y));
            }
        }
        done.append(&mut checks.done);
    }
    let all: BTreeSet<String> =
        fixture.manifest()["tensors"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(done, all, "every tensor of the fixture is held to");
}

/// The weights of a model that is evaluated are kept, but not for another model.
#[test]
fn an_evaluated_copy_follows_the_model_that_trains() {
    let config = Conv2dConfig::new([3, 4], 3);
    let x = || Tensor::<4>::from_data(TensorData::ones::<f32, _>([1, 3, 5, 5]), &device().inner());
    let y = |conv: &WeightNormConv<4>| host(conv.forward(x()).into());
    let conv = WeightNormConv::conv2d(config, &device());
    let eval = conv.valid();
    let before = y(&eval);
    assert_eq!(y(&eval), before);
    let other = WeightNormConv::conv2d(config, &device()).valid();
    assert_ne!(y(&other), before);
    // A copy whose weights are replaced does not keep those of the first.
    let state = state_dict(&other);
    let (loaded, _) = load_state_dict(Box::new(eval), &state, Strict::Yes).unwrap();
    let loaded = loaded.forward_any(x().into(), &mut Trace::off());
    assert_eq!(host(loaded), y(&other));
}

/// A pixel shuffle with weight norm starts without a checkerboard.
#[test]
fn icnr_survives_weight_norm() {
    let config = PixelShuffleConfig { norm: NormType::Weight, ..PixelShuffleConfig::new(8, 6) };
    let block = config.init(&device());
    let state = state_dict(&block);
    let [v, g] = ["conv.0.weight_v", "conv.0.weight_g"].map(|name| state.get(name).unwrap());
    let kernel = v.values.len() / v.shape[0];
    for (four, lengths) in v.values.chunks(4 * kernel).zip(g.values.chunks(4)) {
        assert!(four.chunks(kernel).all(|one| one == &four[..kernel]));
        let norm = four[..kernel].iter().map(|x| x * x).sum::<f32>().sqrt();
        assert!(lengths.iter().all(|length| (length - norm).abs() < 1e-6 * norm));
    }
    let x =
        Tensor::<4>::random([1, 8, 3, 5], burn::tensor::Distribution::Default, &device().inner());
    let y = Forward::forward(&block, x);
    let [_, _, height, width] = y.dims();
    let values = host(y.into());
    for (at, value) in values.iter().enumerate() {
        let (row, column) = (at / width % height, at % width);
        let first = at - row % 2 * width - column % 2;
        assert_eq!(*value, values[first], "row {row}, column {column}");
    }
}

fn unet(norm: NormType) -> DynamicUnet {
    let (body, _) = resnet_small(3, 2, &device()).cut("1").unwrap();
    let body = body.children().next().unwrap().1.as_any().downcast_ref::<Sequential>().cloned();
    UnetConfig { norm, ..UnetConfig::new(3, [32, 32]) }.init(body.unwrap(), &device()).unwrap()
}

#[test]
fn a_unet_with_weight_norm_is_saved_and_frozen_like_any() {
    let (model, other) = (unet(NormType::Weight), unet(NormType::Weight));
    let state = state_dict(&model);
    let named = |end: &str| state.iter().filter(|(name, _)| name.ends_with(end)).count();
    assert!(named(".weight_g") > 4 && named(".weight_g") == named(".weight_v"));
    let x = || AnyTensor::from(Tensor::<4>::ones([1, 3, 32, 32], &device().inner()));
    let run = |model: Box<dyn Layer>| {
        host(set_mode(model.valid(), Mode::Eval).forward_any(x(), &mut Trace::off()))
    };
    let wanted = run(Box::new(model.clone()));
    let (loaded, _) = load_state_dict(Box::new(other), &state, Strict::Yes).unwrap();
    assert_eq!(run(loaded), wanted);

    let frozen = freeze_to(Box::new(model), &["layers.0", "layers.1"], 1, false);
    for parameter in parameters(&*frozen).iter().filter(|p| p.kind != Kind::Buffer) {
        assert_eq!(
            parameter.trainable,
            !parameter.path.starts_with("layers.0."),
            "{}",
            parameter.path
        );
    }
    let rows = summary_of(&*frozen, x()).to_string();
    assert!(rows.contains("Conv2d"), "{rows}");
}

/// A convolution and its ReLU run as one if nobody looks.
#[test]
fn watching_a_unet_with_weight_norm_changes_nothing() {
    let model = set_mode(Box::new(unet(NormType::Weight)), Mode::Eval);
    let x = || AnyTensor::from(Tensor::<4>::ones([1, 3, 37, 41], &device().inner()));
    let mut n = 0;
    let mut observe = |_: Step<'_>| n += 1;
    let watched = host(model.forward_any(x(), &mut Trace::new(&mut observe)));
    let plain = host(model.forward_any(x(), &mut Trace::off()));
    assert!(n > 10);
    for (a, b) in watched.iter().zip(plain) {
        assert!((a - b).abs() <= 1e-4 * a.abs().max(1.0), "{a} and {b}");
    }
}
