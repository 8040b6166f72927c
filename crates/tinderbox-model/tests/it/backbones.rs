//! Golden: torchvision's and fastai's networks, their names and what they give.

use burn::tensor::Tensor;
use tinderbox_golden::{Case, Group, Report};
use tinderbox_model::{
    AnyTensor, Layer, Mode, Sequential, Trace,
    arch::ArchSpec,
    groups::parameters,
    set_mode,
    weights::{Strict, load_state_dict, state_dict},
};

use crate::common::{device, gradients, host, n_params, state, tensor};

/// For ImageNet's classes.
fn network(case: Case<'_>) -> Result<Sequential, String> {
    let name = case.config()["arch"].as_str().ok_or("no arch")?;
    let spec = ArchSpec::new(name, 3, 1000, [224, 224]);
    spec.and_then(|spec| spec.build(&device())).map_err(|error| error.to_string())
}

#[test]
fn backbone_keys() {
    let group = Group::open("backbone_keys");
    let mut report = Report::new(group.name());
    for case in group.cases() {
        report.case(case.id(), network(case).and_then(|model| keys(case, &model)));
    }
    report.finish();
}

fn keys(case: Case<'_>, model: &Sequential) -> Result<(), String> {
    let found = parameters(model).into_iter().map(|parameter| {
        let sizes: Vec<String> = parameter.shape.iter().map(ToString::to_string).collect();
        format!("{}:{}", parameter.path, sizes.join("x"))
    });
    let found: Vec<String> = found.collect();
    let want = case.values()["keys"].as_array().ok_or("no keys")?;
    if let Some(at) = (0..found.len().max(want.len()))
        .find(|at| found.get(*at).map(String::as_str) != want.get(*at).and_then(|key| key.as_str()))
    {
        return Err(format!("{at}: {:?}, expected {:?}", found.get(at), want.get(at)));
    }
    match case.values()["n_params"].as_u64() {
        Some(want) if want != n_params(model) as u64 => {
            Err(format!("{} parameters, expected {want}", n_params(model)))
        }
        _ => Ok(()),
    }
}

#[test]
fn backbones() {
    let group = Group::open("backbones");
    let mut report = Report::new(group.name());
    for case in group.cases() {
        report.case(case.id(), network(case).and_then(|model| outputs(case, model)));
    }
    report.finish();
}

fn outputs(case: Case<'_>, model: Sequential) -> Result<(), String> {
    let parameters = parameters(&model);
    let keys = parameters.iter().map(|p| (p.path.as_str(), p.shape.as_slice()));
    let start = state(&case.state_of(keys));
    let (model, _) =
        load_state_dict(Box::new(model), &start, Strict::Yes).map_err(|error| error.to_string())?;
    let x = tensor(&case.input("x"));
    match case.config()["mode"].as_str() {
        Some("train") => trained(case, &*set_mode(model, Mode::Train), x),
        _ => evaluated(case, &*set_mode(model, Mode::Eval), x),
    }
}

/// Outputs of children, and of all of it.
fn evaluated(case: Case<'_>, model: &dyn Layer, x: AnyTensor) -> Result<(), String> {
    let model: &Sequential = model.as_any().downcast_ref().ok_or("no list of layers")?;
    let names: Vec<&str> =
        case.expected_names().iter().filter_map(|name| name.strip_prefix("features.")).collect();
    let places: Option<Vec<usize>> = names.iter().map(|name| model.position(name)).collect();
    let places = places.ok_or(format!("not all of {names:?} are children"))?;
    let (logits, features) = model.forward_tapped(x, &places, &mut Trace::off());
    for (name, found) in names.iter().zip(features) {
        case.check(&format!("features.{name}"), &found.dims(), &host(found))?;
    }
    case.check("logits", &logits.dims(), &host(logits))
}

fn trained(case: Case<'_>, model: &dyn Layer, x: AnyTensor) -> Result<(), String> {
    let logits: Tensor<2> = model.forward_any(x, &mut Trace::off()).expect_for("test");
    let cot: Tensor<2> = tensor(&case.input("cot")).expect_for("test");
    let found = (logits.clone() * cot).mean().backward();
    let (gradients, after) = (gradients(model, &found), state_dict(model));
    for name in case.expected_names() {
        let weight = match name.split_once('.') {
            None => {
                case.check(name, &logits.dims(), &host(logits.clone().into()))?;
                continue;
            }
            Some(("grad", key)) => gradients.get(key),
            Some(("after", key)) => after.get(key),
            _ => return Err(format!("an unknown output, {name}")),
        };
        let weight = weight.ok_or(format!("there is no {name}"))?;
        case.check(name, &weight.shape, &weight.values)?;
    }
    Ok(())
}
