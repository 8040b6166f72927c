//! Golden: tables of layers.

use serde_json::{Value, json};
use tinderbox_golden::{Case, Group, Report};
use tinderbox_model::{
    Layer,
    arch::{ArchSpec, Blur, Body, UnetConfig, create_body, create_cnn, create_unet, find},
    groups::{freeze_to, parameters},
    summary,
    summary::Summary,
};

use crate::{build, common::device};

#[test]
fn summaries() {
    let group = Group::open("summaries");
    let mut report = Report::new("summaries");
    for case in group.cases() {
        report.case(case.id(), check(case));
    }
    report.finish();
}

fn check(case: Case<'_>) -> Result<(), String> {
    let input = case.config()["input"].as_array().ok_or("no input")?;
    let input: Vec<usize> = input.iter().filter_map(|n| Some(n.as_u64()? as usize)).collect();
    let want = case.values();
    let model = match case.config()["net"].as_str() {
        Some("cnn_learner") => cnn(case.config())?,
        Some("unet") => unet(case.config(), &input)?,
        _ => Box::new(build::net(case.config(), &input, classes(want).ok_or("no last row")?)?),
    };
    let input = input.try_into().map_err(|input| format!("{input:?} are no images"))?;
    let summary = summary(&*model, input, &device());
    for (at, (found, want)) in
        rows(&summary).iter().zip(want["rows"].as_array().ok_or("no rows")?).enumerate()
    {
        if found != want {
            return Err(format!("row {at} is {found}, expected {want}"));
        }
    }
    let found = json!([summary.rows.len(), summary.total, summary.trainable, summary.to_string()]);
    let n_rows = want["rows"].as_array().map(Vec::len);
    let want = json!([n_rows, want["total"], want["trainable"], want["text"]]);
    match found == want {
        true => Ok(()),
        false => Err(format!("{found}, expected {want}")),
    }
}

/// A torchvision body and fastai's head, the body frozen but for its batch norms.
fn cnn(config: &Value) -> Result<Box<dyn Layer>, String> {
    let classes = config["nc"].as_u64().ok_or("no nc")? as usize;
    let cnn = create_cnn(body(config)?, classes, &device()).map_err(|error| error.to_string())?;
    Ok(frozen(config, Box::new(cnn.model), &cnn.groups))
}

/// A U-Net on a torchvision body, frozen likewise.
fn unet(config: &Value, input: &[usize]) -> Result<Box<dyn Layer>, String> {
    let classes = config["n_classes"].as_u64().ok_or("no n_classes")? as usize;
    let settings = UnetConfig {
        bottle: config["bottle"] == true,
        blur: if config["lesson_blur"] == true { Blur::Always } else { Blur::Never },
        ..UnetConfig::new(classes, [input[2], input[3]])
    };
    let unet = create_unet(body(config)?, &settings, &device());
    let unet = unet.map_err(|error| error.to_string())?;
    Ok(frozen(config, Box::new(unet.model), &unet.groups))
}

fn body(config: &Value) -> Result<Body, String> {
    let name = config["arch"].as_str().ok_or("no arch")?;
    let network = ArchSpec::new(name, 3, 1, [64, 64]).and_then(|spec| spec.build(&device()));
    let body = find(name).and_then(|arch| create_body(arch, network?));
    body.map_err(|error| error.to_string())
}

/// Only the last group learns, and batch norms.
fn frozen(config: &Value, model: Box<dyn Layer>, groups: &[String]) -> Box<dyn Layer> {
    match (config["frozen"].as_bool(), groups.last()) {
        (Some(true), Some(last)) => {
            let first = parameters(&*model)[0].path.clone();
            freeze_to(model, &[&first, last], 1, true)
        }
        _ => model,
    }
}

/// What the last layer gives: the manifest does not say for how many classes the network is.
fn classes(want: &Value) -> Option<usize> {
    let last = want["rows"].as_array()?.last()?;
    Some(last[1].as_array()?.last()?.as_u64()? as usize)
}

fn rows(summary: &Summary) -> Vec<Value> {
    let rows = summary.rows.iter();
    rows.map(|row| json!([row.layer, row.output, row.params, row.trainable])).collect()
}
