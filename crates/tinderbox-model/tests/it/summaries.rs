//! Golden: tables of layers.

use serde_json::{Value, json};
use tinderbox_golden::{Case, Group, Report};
use tinderbox_model::{
    HeadConfig, Layer, Sequential, groups::freeze_to, summary, summary::Summary,
    watch::num_features,
};

use crate::{build, common::device};

#[test]
fn summaries() {
    let group = Group::open("summaries");
    let mut report = Report::new("summaries");
    for case in group.cases() {
        match case.config()["net"].as_str() {
            Some("unet") => report.not_run(case.id(), "the dynamic U-Net is not there yet"),
            _ => report.case(case.id(), check(case)),
        }
    }
    report.finish();
}

fn check(case: Case<'_>) -> Result<(), String> {
    let input = case.config()["input"].as_array().ok_or("no input")?;
    let input: Vec<usize> = input.iter().filter_map(|n| Some(n.as_u64()? as usize)).collect();
    let want = case.values();
    let model = match case.config()["net"].as_str() {
        Some("cnn_learner") => cnn(case.config())?,
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
    let body = build::body(config["arch"].as_str().ok_or("no arch")?)?;
    let channels = num_features(&body, 3, &device()).ok_or("no features")?;
    let head = HeadConfig::new(channels, classes).init(&device());
    let model = Box::new(Sequential::new().push(body).push(head));
    Ok(match config["frozen"].as_bool() {
        Some(true) => freeze_to(model, &["0", "1"], 1, true),
        _ => model,
    })
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
