//! Golden: how models are divided into parameter groups, and what freezing leaves.

use serde_json::{Value, json};
use tinderbox_golden::{Case, Group, Report};
use tinderbox_model::{
    Layer,
    arch::{ArchSpec, Body, UnetConfig, create_body, create_cnn, create_unet, find},
    groups::{Kind, freeze_to, group_of, parameters, parts, unfreeze, with_parameters},
    summary,
    summary::Row,
};

use crate::common::{device, n_params};

#[test]
fn layer_groups() {
    let group = Group::open("layer_groups");
    let mut report = Report::new(group.name());
    for case in group.cases() {
        report.case(case.id(), check(case));
    }
    report.finish();
}

fn check(case: Case<'_>) -> Result<(), String> {
    let config = case.config();
    let size = |key: &str| config[key].as_u64().map(|n| n as usize).ok_or(format!("no {key}"));
    let body = body(config["arch"].as_str().ok_or("no arch")?)?;
    let (model, starts): (Box<dyn Layer>, Vec<String>) = match config["kind"].as_str() {
        Some("cnn_learner") => {
            let cnn = create_cnn(body, size("nc")?, &device()).map_err(|e| e.to_string())?;
            (Box::new(cnn.model), cnn.groups)
        }
        Some("unet_learner") => {
            let bottle = config["bottle"] == true;
            let config = UnetConfig { bottle, ..UnetConfig::new(size("n_classes")?, [64, 64]) };
            let unet = create_unet(body, &config, &device()).map_err(|e| e.to_string())?;
            (Box::new(unet.model), unet.groups)
        }
        other => return Err(format!("an unknown kind, {other:?}")),
    };
    let first = parameters(&*model).first().map(|p| p.path.clone()).ok_or("no parameters")?;
    let starts: Vec<&str> =
        std::iter::once(first.as_str()).chain(starts.iter().map(String::as_str)).collect();
    let last = starts.len() - 1;
    let frozen = |first, train_bn| freeze_to(model.clone(), &starts, first, train_bn);
    // What is frozen changes neither the layers nor their order.
    let rows = summary(&*model, [1, 3, 64, 64], &device()).rows;
    let groups = |model: Box<dyn Layer>| groups(&*model, &rows, &starts);
    for (key, want) in case.values().as_object().ok_or("no values")? {
        let found = match key.as_str() {
            "total" => json!(n_params(&*model)),
            "unfrozen" => groups(unfreeze(model.clone())),
            "frozen" => groups(frozen(last, true)),
            "frozen_train_bn_false" => groups(frozen(last, false)),
            "freeze_to_minus_2" => groups(frozen(last - 1, true)),
            other => return Err(format!("an unknown value, {other}")),
        };
        if found != *want {
            return Err(format!("{key}: {found}, expected {want}"));
        }
    }
    Ok(())
}

fn body(arch: &str) -> Result<Body, String> {
    let network = ArchSpec::new(arch, 3, 1, [64, 64]).and_then(|spec| spec.build(&device()));
    let body = find(arch).and_then(|arch| create_body(arch, network?));
    body.map_err(|error| error.to_string())
}

/// For each group, its innermost layers, which are `rows`, and its parameters.
fn groups(model: &dyn Layer, rows: &[Row], starts: &[&str]) -> Value {
    let all = parameters(model);
    let begins = with_parameters(model, starts);
    let begins: Vec<&str> = begins.iter().map(String::as_str).collect();
    let of_parameters = group_of(&all, &begins);
    let order = parts(model);
    let place = |path: &str| order.iter().position(|part| part == path).expect("a part");
    let firsts = starts.iter().enumerate();
    let firsts: Vec<usize> =
        firsts.map(|(at, start)| if at == 0 { 0 } else { place(start) }).collect();
    let group = |at: usize| {
        let range = firsts[at]..firsts.get(at + 1).copied().unwrap_or(usize::MAX);
        let leaves: Vec<_> = rows.iter().filter(|row| range.contains(&place(&row.path))).collect();
        let count = |trainable: bool| -> usize {
            let own = all.iter().zip(&of_parameters).filter(|(p, group)| {
                **group == at && p.kind != Kind::Buffer && (p.trainable || !trainable)
            });
            own.map(|(p, _)| p.shape.iter().product::<usize>()).sum()
        };
        json!({
            "leaves": leaves.len(),
            "params": count(false),
            "trainable": count(true),
            "first": leaves.first().map(|row| &row.layer),
            "last": leaves.last().map(|row| &row.layer),
        })
    };
    (0..starts.len()).map(group).collect()
}
