//! Golden: fastai's heads.

use serde_json::{Value, json};
use tinderbox_golden::{Group, Report, number};
use tinderbox_model::{
    HeadConfig, Layer, Sequential,
    layer::{BatchNorm1d, Dropout, Linear},
};

use crate::{
    common::{device, n_params},
    layers,
};

#[test]
fn cnn_heads() {
    let group = Group::open("cnn_heads");
    let mut report = Report::new(group.name());
    for case in group.cases() {
        let result = head(case.config()).and_then(|head| {
            layout(case.values(), &head)?;
            match case.config()["layout_only"] == true {
                true => Ok(()),
                false => layers::check(case, Box::new(head)),
            }
        });
        report.case(case.id(), result);
    }
    report.finish();
}

fn head(config: &Value) -> Result<Sequential, String> {
    let known = ["layout_only", "nf_in", "nc", "lin_ftrs", "ps", "concat_pool", "bn_final"];
    let keys = config.as_object().ok_or("a config is an object")?.keys();
    if let Some(key) = keys.map(String::as_str).find(|key| !known.contains(key)) {
        return Err(format!("an unknown setting, {key}"));
    }
    let size = |value: &Value| value.as_u64().map(|size| size as usize).ok_or("no size");
    let concat_pool = config["concat_pool"] != false;
    // The manifest counts the features after the pooling, which may double them.
    let channels = size(&config["nf_in"])? / if concat_pool { 2 } else { 1 };
    let usual = HeadConfig::new(channels, size(&config["nc"])?);
    let head = HeadConfig {
        hidden: match config["lin_ftrs"].as_array() {
            Some(sizes) => sizes.iter().map(size).collect::<Result<_, _>>()?,
            None => usual.hidden,
        },
        dropout: match &config["ps"] {
            Value::Null => usual.dropout,
            Value::Array(all) => all.iter().filter_map(number).collect(),
            one => vec![number(one).ok_or("ps is no number")?],
        },
        concat_pool,
        final_norm: config["bn_final"] == true,
        ..usual
    };
    Ok(head.init(&device()))
}

/// The list of layers, by their names or with what they are made by.
fn layout(values: &Value, head: &Sequential) -> Result<(), String> {
    let wanted = values["layers"].as_array().ok_or("no layers")?;
    let found: Vec<Value> = head
        .children()
        .zip(wanted.iter().map(Some).chain(std::iter::repeat(None)))
        .map(|((_, layer), want)| match want {
            Some(Value::Object(_)) => described(layer),
            _ => json!(layer.name()),
        })
        .collect();
    if found != *wanted {
        return Err(format!("layers {found:?}, expected {wanted:?}"));
    }
    match values["n_params"].as_u64() {
        Some(want) if want != n_params(head) as u64 => {
            Err(format!("{} parameters, expected {want}", n_params(head)))
        }
        _ => Ok(()),
    }
}

fn described(layer: &dyn Layer) -> Value {
    let kind = layer.name();
    let any = layer.as_any();
    if let Some(norm) = any.downcast_ref::<BatchNorm1d>() {
        let channels = norm.weight.dims()[0];
        return json!({ "kind": kind, "nf": channels, "momentum": norm.momentum });
    }
    if let Some(dropout) = any.downcast_ref::<Dropout>() {
        return json!({ "kind": kind, "p": dropout.p });
    }
    if let Some(linear) = any.downcast_ref::<Linear>() {
        let [outputs, inputs] = linear.weight.dims();
        return json!({ "kind": kind, "in": inputs, "out": outputs });
    }
    json!({ "kind": kind })
}
