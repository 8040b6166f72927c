//! The fixture `tiramisu`: fully convolutional DenseNets.

use burn::tensor::{Int, Tensor, TensorData};
use serde_json::Value;
use tinderbox_golden::{Fixture, close};
use tinderbox_model::{
    Layer, Mode, Trace,
    arch::TiramisuConfig,
    groups::{Kind, parameters},
    set_mode,
    weights::{Strict, load_state_dict},
};
use tinderbox_ops::cross_entropy_map;

use crate::common::{device, gradients, host, n_params, state};

fn sizes(list: &Value) -> Vec<usize> {
    list.as_array().unwrap().iter().map(size).collect()
}

fn size(value: &Value) -> usize {
    value.as_u64().unwrap() as usize
}

#[test]
fn the_published_sizes_have_the_published_parameters() {
    let fixture = Fixture::open("tiramisu");
    for (name, facts) in fixture.manifest()["published"].as_object().unwrap() {
        for (key, count) in facts.as_object().unwrap() {
            let classes = key.strip_prefix("parameters_").and_then(|key| key.split('_').next());
            let Some(classes) = classes.and_then(|n| n.parse().ok()) else { continue };
            let config = match name.as_str() {
                "FCDenseNet56" => TiramisuConfig::fc56(classes),
                "FCDenseNet67" => TiramisuConfig::fc67(classes),
                "FCDenseNet103" => TiramisuConfig::fc103(classes),
                other => panic!("an unknown network, {other}"),
            };
            assert_eq!(config.down, sizes(&facts["down"]), "{name}");
            assert_eq!(config.up, sizes(&facts["up"]), "{name}");
            assert_eq!(config.bottleneck, size(&facts["bottleneck"]), "{name}");
            assert_eq!(config.growth, size(&facts["k"]), "{name}");
            let model = config.init(&device());
            assert_eq!(n_params(&model), size(count), "{name} for {classes} classes");
            let last = parameters(&model).into_iter().find(|p| p.path == "final.weight").unwrap();
            assert_eq!(last.shape[1], size(&facts["final_conv_in"]), "{name}");
        }
    }
}

#[test]
fn a_tiny_tiramisu_is_the_references() {
    let fixture = Fixture::open("tiramisu");
    let facts = &fixture.manifest()["tiny"];
    let x = fixture.input("input:tiramisu");
    let config = TiramisuConfig {
        down: sizes(&facts["down"]),
        bottleneck: size(&facts["bottleneck"]),
        up: sizes(&facts["up"]),
        growth: size(&facts["k"]),
        first: size(&facts["first"]),
        in_channels: x.shape[1],
        classes: size(&facts["n_classes"]),
        dropout: facts["dropout"].as_f64().unwrap(),
    };
    let weights = state(&fixture.weights("tiny"));
    let (model, _) =
        load_state_dict(Box::new(config.init(&device())), &weights, Strict::Yes).unwrap();
    let x = Tensor::<4>::from_data(TensorData::new(x.f32().to_vec(), x.shape), &device());
    let y = fixture.tensor("y");
    let y = TensorData::new(y.i64().to_vec(), y.shape.clone());
    let y = Tensor::<3, Int>::from_data(y, &device());
    let run = |model: &dyn Layer, x: &Tensor<4>| -> Tensor<4> {
        model.forward_any(x.clone().into(), &mut Trace::off()).expect_for("test")
    };
    let check = |name: &str, found: Tensor<4>| {
        fixture.check(name, &found.dims(), &host(found.into())).unwrap();
    };

    let model = set_mode(model, Mode::Train);
    let x = x.require_grad();
    let out = run(&*model, &x);
    check("train.out", out.clone());
    let loss = cross_entropy_map(out, y, None, None);
    assert!(close(f64::from(loss.clone().into_scalar::<f32>()), &facts["loss"]));
    let found = loss.backward();
    check("dx", Tensor::from_inner(x.grad(&found).unwrap()));
    let of_model = gradients(&*model, &found);
    for name in fixture.manifest()["tensors"].as_object().unwrap().keys() {
        let Some(key) = name.strip_prefix("grad.") else { continue };
        let weight = &of_model[key];
        fixture.check(name, &weight.shape, &weight.values).unwrap();
    }
    let learned = parameters(&*model).into_iter().filter(|p| p.kind != Kind::Buffer);
    assert!(learned.into_iter().all(|p| of_model.contains_key(&p.path)));
    check("eval.out", run(&*set_mode(model, Mode::Eval), &x));
}

#[test]
fn watching_a_tiramisu_changes_nothing() {
    let config = TiramisuConfig { down: vec![2, 3], up: vec![3, 2], ..TiramisuConfig::fc56(4) };
    let model = set_mode(Box::new(config.init(&device())), Mode::Eval);
    let parts = tinderbox_model::groups::parts(&*model);
    let mut strange = Vec::new();
    let mut observe = |step: tinderbox_model::Step<'_>| {
        let path = step.path.join(".");
        if !parts.contains(&path) {
            strange.push(path);
        }
    };
    let x = Tensor::<4>::ones([1, 3, 19, 22], &device());
    let watched = model.forward_any(x.clone().into(), &mut Trace::new(&mut observe));
    assert!(strange.is_empty(), "no parts of the model: {strange:?}");
    let y = model.forward_any(x.into(), &mut Trace::off());
    assert_eq!(y.dims(), [1, 4, 19, 22]);
    for (a, b) in host(watched).iter().zip(host(y)) {
        assert!((a - b).abs() <= 1e-4 * a.abs().max(1.0), "{a} and {b}");
    }
}
