//! Golden group `losses`.

use burn::tensor::{Device, Int, Tensor};
use serde_json::Value;
use tinderbox_golden::{Array, Case, Group, Report, number};
use tinderbox_learn::loss::{
    BCEFlat, BCEWithLogitsFlat, CrossEntropyFlat, L1LossFlat, LabelSmoothingCrossEntropy, Loss,
    MSELossFlat, MixUpLoss, NoopLoss, Reduction, mix_up,
};
use tinderbox_model::AnyTensor;

use crate::tensors::{any, floats, values};

#[test]
fn losses() {
    let group = Group::open("losses");
    let mut report = Report::new("losses");
    for case in group.cases() {
        if case.config()["what"].is_string() {
            report.case(case.id(), mixed_batch(case));
            continue;
        }
        match loss(&group, case) {
            Some(loss) => report.case(case.id(), value_and_gradient(case, &*loss)),
            None => report.not_run(case.id(), &format!("no loss {}", case.config()["loss"])),
        }
    }
    report.finish();
}

fn loss(group: &Group, case: Case<'_>) -> Option<Box<dyn Loss>> {
    let config = case.config();
    Some(match config["loss"].as_str()? {
        "CrossEntropyFlat" => {
            let weights = config["weight"].as_str().and_then(|name| group.tensor(name));
            Box::new(CrossEntropyFlat {
                axis: config["axis"].as_i64().map_or(-1, |axis| axis as isize),
                weight: weights.map(|weights| weights.f32().to_vec()),
                ignore: config["ignore_index"].as_i64(),
                reduction: reduction(&config["reduction"]),
            })
        }
        "BCEWithLogitsFlat" => Box::new(BCEWithLogitsFlat),
        "BCEFlat" => Box::new(BCEFlat),
        "MSELossFlat" => Box::new(MSELossFlat),
        "L1" => Box::new(L1LossFlat),
        "NoopLoss" => Box::new(NoopLoss),
        "LabelSmoothingCrossEntropy" => Box::new(LabelSmoothingCrossEntropy {
            eps: number(&config["eps"]).unwrap_or(0.1),
            reduction: reduction(&config["reduction"]),
        }),
        "MixUpLoss(CrossEntropyFlat)" => {
            Box::new(MixUpLoss::new(Box::new(CrossEntropyFlat::default())))
        }
        _ => return None,
    })
}

fn reduction(value: &Value) -> Reduction {
    match value.as_str() {
        None | Some("mean") => Reduction::Mean,
        Some("sum") => Reduction::Sum,
        Some("none") => Reduction::None,
        Some(other) => panic!("no reduction called {other}"),
    }
}

fn value_and_gradient(case: Case<'_>, loss: &dyn Loss) -> Result<(), String> {
    let device = Device::flex().autodiff();
    let input = case.input("input");
    // The gradient of a flat leaf is that of the input, whatever its rank.
    let leaf = floats(input.f32().to_vec(), &[input.f32().len()], &device);
    let leaf: Tensor<1> = leaf.expect_for::<Tensor<1>>("leaf").require_grad();
    let value = loss.forward(shaped(leaf.clone(), &input.shape), target(case, &device));

    case.check("loss", &value.dims(), &values(value.clone().into()))?;
    let gradient = leaf.grad(&value.sum().backward()).ok_or("the loss has no gradient")?;
    case.check("grad_in.input", &input.shape, &values(gradient.into()))
}

fn shaped(flat: Tensor<1>, shape: &[usize]) -> AnyTensor {
    match *shape {
        [_] => flat.into(),
        [a, b] => flat.reshape([a, b]).into(),
        [a, b, c] => flat.reshape([a, b, c]).into(),
        [a, b, c, d] => flat.reshape([a, b, c, d]).into(),
        _ => panic!("no loss takes the shape {shape:?}"),
    }
}

/// The target, or the three columns of a mixed one.
fn target(case: Case<'_>, device: &Device) -> AnyTensor {
    if case.input_names().contains(&"target") {
        return any(&case.input("target"), device);
    }
    let column = |name: &str| any(&case.input(name), device).into_flat();
    Tensor::<1>::stack::<2>(vec![column("y1"), column("y2"), column("lambda")], 1).into()
}

fn mixed_batch(case: Case<'_>) -> Result<(), String> {
    let device = Device::flex();
    let tensor = |name: &str| any(&case.input(name), &device);
    let (x, y): (Tensor<4>, Tensor<1, Int>) =
        (tensor("x").expect_for("x"), tensor("y").expect_for("y"));
    let (shares, partners): (Array, Array) = (case.input("lambda"), case.input("perm"));
    let partners: Vec<usize> = partners.i64().iter().map(|at| *at as usize).collect();

    let (x, y) = mix_up(x, y, shares.f32(), &partners);
    case.check("x", &x.dims(), &values(x.clone().into()))?;
    case.check("y", &y.dims(), &values(y.clone().into()))
}
