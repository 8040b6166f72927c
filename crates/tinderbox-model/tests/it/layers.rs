//! Golden: layers, blocks and small networks, forward and backward.

use tinderbox_golden::{Case, Group, Report};
use tinderbox_model::{
    AnyTensor, ConvLayer, Layer, Mode, set_mode, try_forward,
    weights::{Strict, load_state_dict, state_dict},
};

use crate::{
    build,
    common::{differentiated, gradient, gradients, host, n_params, state, tensor},
};

#[test]
fn conv_layer_cases() {
    run("conv_layer_cases", |case| Ok(Box::new(build::conv_layer(case.config())?)));
}

#[test]
fn norm_and_attention() {
    run("norm_and_attention", |case| build::module(case.config()));
}

#[test]
fn small_layers() {
    run("small_layers", |case| build::module(case.config()));
}

#[test]
fn blocks() {
    run("blocks", |case| build::module(case.config()));
}

#[test]
fn small_nets() {
    run("small_nets", |case| {
        let (x, y) = (case.input("x").shape, case.input("cot").shape);
        Ok(Box::new(build::net(case.config(), &x, y[1])?))
    });
}

fn run(group: &str, build: impl Fn(Case<'_>) -> Result<Box<dyn Layer>, String>) {
    let group = Group::open(group);
    let mut report = Report::new(group.name());
    for case in group.cases() {
        let check = |model: Box<dyn Layer>| match case.config()["init_only"] == true {
            true => check_start(case, &*model),
            false => check(case, model),
        };
        report.case(case.id(), build(case).and_then(check));
    }
    report.finish();
}

/// Fresh parameters.
fn check_start(case: Case<'_>, model: &dyn Layer) -> Result<(), String> {
    let state = state_dict(model);
    for name in case.expected_names() {
        let key = name.strip_prefix("init.").ok_or(format!("an unknown output, {name}"))?;
        let weight = state.get(key).ok_or(format!("the model has no {key}"))?;
        case.check(name, &weight.shape, &weight.values)?;
    }
    Ok(())
}

/// In evaluation, then from the same start in training, backward too.
pub(crate) fn check(case: Case<'_>, model: Box<dyn Layer>) -> Result<(), String> {
    facts(case, &*model)?;
    let start = state(&case.state());
    let (model, _) =
        load_state_dict(model, &start, Strict::Yes).map_err(|error| error.to_string())?;
    let x = tensor(&case.input("x"));

    let model = set_mode(model, Mode::Eval);
    compare(case, "eval_y", run_model(&*model, x.clone())?)?;
    if state_dict(&*model) != start {
        return Err("evaluation changed the model".into());
    }

    let model = set_mode(model, Mode::Train);
    let x = differentiated(x);
    let y = run_model(&*model, x.clone())?;
    compare(case, "train_y", y.clone())?;
    let loss = (y.into_flat() * tensor(&case.input("cot")).into_flat()).sum();
    let found = loss.backward();
    let (of_model, after) = (gradients(&*model, &found), state_dict(&*model));
    for name in case.expected_names() {
        let weight = match name.split_once('.') {
            None if name == "eval_y" || name == "train_y" => continue,
            Some(("grad_in", "x")) => gradient(&x, &found),
            Some(("grad", key)) => of_model.get(key).cloned(),
            Some(("after", key)) => after.get(key).cloned(),
            _ => return Err(format!("an unknown output, {name}")),
        };
        let weight = weight.ok_or(format!("there is no {name}"))?;
        case.check(name, &weight.shape, &weight.values)?;
    }
    Ok(())
}

fn run_model(model: &dyn Layer, x: AnyTensor) -> Result<AnyTensor, String> {
    try_forward(model, x).map_err(|error| error.to_string())
}

fn compare(case: Case<'_>, name: &str, y: AnyTensor) -> Result<(), String> {
    case.check(name, &y.dims(), &host(y))
}

/// What a manifest says about a module besides tensors.
fn facts(case: Case<'_>, model: &dyn Layer) -> Result<(), String> {
    let values = case.values();
    if let Some(want) = values["n_params"].as_u64()
        && n_params(model) as u64 != want
    {
        return Err(format!("{} parameters, expected {want}", n_params(model)));
    }
    let Some(want) = values["children"].as_array() else { return Ok(()) };
    let layer: &ConvLayer = model.as_any().downcast_ref().ok_or("it has no children")?;
    let children: Vec<&str> = layer.children().into_iter().map(|(_, child)| child.name()).collect();
    match want.iter().eq(children.iter()) {
        true => Ok(()),
        false => Err(format!("children {children:?}, expected {want:?}")),
    }
}
