//! Golden: what layers give, seen from outside.

use serde_json::json;
use tinderbox_golden::{Case, Group, Report, close};
use tinderbox_model::{
    AnyTensor, ConvLayerConfig, HeadConfig, Layer, Mode, Sequential, set_mode,
    watch::{activation_stats, grad_cam, in_channels, model_sizes, num_features, size_changes},
    weights::{StateDict, Strict, load_state_dict},
};

use crate::{
    build,
    common::{device, host, state, tensor},
};

#[test]
fn hooks() {
    let group = Group::open("hooks");
    let mut report = Report::new("hooks");
    for case in group.cases() {
        match case.config()["kind"].as_str() {
            Some("model_sizes") => report.case(case.id(), sizes(case)),
            Some("activation_stats") => report.case(case.id(), stats(case)),
            Some("grad_cam") => report.case(case.id(), cam(case)),
            other => report.case(case.id(), Err(format!("an unknown kind, {other:?}"))),
        }
    }
    report.finish();
}

fn sizes(case: Case<'_>) -> Result<(), String> {
    let body = build::body(case.config()["arch"].as_str().ok_or("no arch")?)?;
    let size: [usize; 2] =
        serde_json::from_value(case.config()["size"].clone()).map_err(|error| error.to_string())?;
    let sizes = model_sizes(&body, 3, size, &device());
    let mut found = json!({ "sizes": sizes, "sfs_idxs": size_changes(&sizes) });
    if !case.values()["num_features"].is_null() {
        found["num_features"] = num_features(&body, 3, &device()).into();
    }
    match found == *case.values() {
        true => Ok(()),
        false => Err(format!("{found}, expected {}", case.values())),
    }
}

fn load(model: Sequential, state: &StateDict, mode: Mode) -> Result<Box<dyn Layer>, String> {
    let loaded = load_state_dict(Box::new(model), state, Strict::Yes);
    Ok(set_mode(loaded.map_err(|error| error.to_string())?.0, mode))
}

fn stats(case: Case<'_>) -> Result<(), String> {
    let x = case.input("x");
    let model = load(build::net(case.config(), &x.shape, 0)?, &state(&case.state()), Mode::Train)?;
    let found = activation_stats(&*model, tensor(&x));
    let (names, stats) = (&case.values()["names"], &case.values()["stats"]);
    if names.as_array().map(Vec::len) != Some(found.len()) {
        return Err(format!("{} layers, expected {names}", found.len()));
    }
    for (at, found) in found.iter().enumerate() {
        let numbers = close(f64::from(found.mean), &stats[at][0])
            && close(f64::from(found.std), &stats[at][1]);
        if names[at] != found.layer || !numbers {
            return Err(format!("{found:?}, expected {} {}", names[at], stats[at]));
        }
    }
    Ok(())
}

/// A body of `conv_layer`s of stride 2 by the shapes of their weights, and fastai's head without
/// dropout.
fn cam(case: Case<'_>) -> Result<(), String> {
    let state = state(&case.state());
    let convs = (0..).map_while(|at| state.get(&format!("0.{at}.0.weight")));
    let body: Sequential = convs
        .map(|weight| {
            ConvLayerConfig::new(weight.shape[1], weight.shape[0]).stride(2).init(&device())
        })
        .collect();
    let channels = num_features(&body, in_channels(&body).ok_or("no weight")?, &device());
    let classes = case.config()["nc"].as_u64().ok_or("no nc")? as usize;
    let head = HeadConfig {
        dropout: vec![0.0],
        ..HeadConfig::new(channels.ok_or("no features")?, classes)
    };
    let model = Sequential::new().push(body).push(head.init(&device()));
    let model = load(model, &state, Mode::Eval)?;
    let model: &Sequential = model.as_any().downcast_ref().ok_or("no list of layers")?;

    let x = tensor(&case.input("x"));
    let logits = tinderbox_model::Forward::forward(model, x.clone());
    case.check("logits", &logits.dims(), &host(logits))?;
    let (body, head) = model.clone().cut("1").ok_or("no head")?;
    let AnyTensor::Float4(x) = x else { return Err("no images".into()) };
    let class = case.values()["class_index"].as_u64().ok_or("no class")? as usize;
    let map = grad_cam(&body, &head, x, class).ok_or("too few cells")?;
    case.check("cam", &map.dims(), &host(map.into()))
}

#[test]
fn sizes_are_those_of_the_children() {
    let model = Sequential::new()
        .push(ConvLayerConfig::new(3, 8).stride(2).init(&device()))
        .push(ConvLayerConfig::new(8, 4).init(&device()));
    assert_eq!(in_channels(&model), Some(3));
    let sizes = model_sizes(&model, 3, [64, 48], &device());
    assert_eq!(sizes, [[1, 8, 32, 24], [1, 4, 32, 24]]);
    assert_eq!(num_features(&model, 3, &device()), Some(4));
}

/// The map of a body that gives 3 × 5 pixels would show nothing.
#[test]
fn a_map_of_few_cells_is_left_out() {
    let body: Sequential = [ConvLayerConfig::new(3, 8).init(&device())].into_iter().collect();
    let head = HeadConfig { hidden: vec![], ..HeadConfig::new(8, 2) }.init(&device());
    let image = |width| burn::tensor::Tensor::zeros([1, 3, 3, width], &device());
    let [body, head] = [body, head].map(|part| set_mode(Box::new(part), Mode::Eval));
    assert!(grad_cam(&*body, &*head, image(5), 0).is_none());
    assert_eq!(grad_cam(&*body, &*head, image(6), 1).unwrap().dims(), [3, 6]);
}
