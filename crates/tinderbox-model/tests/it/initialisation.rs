//! Golden: fresh parameters.

use serde_json::Value;
use tinderbox_golden::{Case, Group, Report, close, number};
use tinderbox_model::{
    HeadConfig, Layer, NormType,
    block::PixelShuffleConfig,
    layer::Embedding,
    weights::{StateDict, state_dict},
};

use crate::{build, common::device};

#[test]
fn initialisation() {
    let group = Group::open("initialisation");
    let mut report = Report::new("initialisation");
    for case in group.cases() {
        match case.config()["module"].as_str() {
            Some("PixelShuffle_ICNR") => report.case(case.id(), shuffle(case)),
            Some("embedding") => report.case(case.id(), embedding(case)),
            _ => report.case(case.id(), model(case.config()).and_then(|m| check(case, &*m))),
        }
    }
    report.finish();
}

fn model(config: &Value) -> Result<Box<dyn Layer>, String> {
    if config["module"] != "create_head after apply_init" {
        return build::module(config);
    }
    let size = |key: &str| config[key].as_u64().ok_or(format!("no {key}"));
    // The manifest counts the features after the pooling, which doubles them.
    let head = HeadConfig::new(size("nf_in")? as usize / 2, size("nc")? as usize);
    Ok(Box::new(head.init(&device())))
}

fn check(case: Case<'_>, model: &dyn Layer) -> Result<(), String> {
    let state = state_dict(model);
    constant(case, &state)?;
    case.values()["random"].as_array().ok_or("nothing random")?.iter().try_for_each(|want| {
        let key = want["key"].as_str().ok_or("no key")?;
        random(&state, key, want)
    })
}

fn constant(case: Case<'_>, state: &StateDict) -> Result<(), String> {
    let constants = case.values()["constant"].as_object().ok_or("no constants")?;
    for (key, want) in constants {
        let weight = state.get(key).ok_or(format!("the model has no {key}"))?;
        if !weight.values.iter().all(|value| close(f64::from(*value), want)) {
            return Err(format!("{key} is not {want}"));
        }
    }
    Ok(())
}

/// Each kernel four times, and the different ones random.
fn shuffle(case: Case<'_>) -> Result<(), String> {
    let channels = case.config()["ni"].as_u64().ok_or("no ni")? as usize;
    let norm = NormType::None;
    let config = PixelShuffleConfig { norm, ..PixelShuffleConfig::new(channels, channels) };
    let state = state_dict(&config.init(&device()));
    constant(case, &state)?;
    let weight = state.get("conv.0.weight").ok_or("no weight")?;
    let kernel = weight.values.len() / weight.shape[0];
    let mut different = Vec::new();
    for four in weight.values.chunks(4 * kernel) {
        if four.chunks(kernel).any(|one| *one != four[..kernel]) {
            return Err("four channels in a row are not alike".into());
        }
        different.extend(&four[..kernel]);
    }
    // The manifest gives no tolerance: four standard errors of a sample of this size.
    let std_rtol = 4.0 / (2.0 * different.len() as f64).sqrt();
    let want = serde_json::json!({ "std": case.values()["std"], "std_rtol": std_rtol });
    let mut kernels = StateDict::default();
    kernels.insert("kernels", vec![different.len()], different);
    random(&kernels, "kernels", &want)
}

/// Mean and standard deviation.
fn random(state: &StateDict, key: &str, want: &Value) -> Result<(), String> {
    let weight = state.get(key).ok_or(format!("the model has no {key}"))?;
    let n = weight.values.len() as f64;
    let mean = weight.values.iter().map(|v| f64::from(*v)).sum::<f64>() / n;
    let var = weight.values.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / n;
    let near = |found: f64, want: f64, by: f64| (found - want).abs() <= by;
    let given = |key: &str| number(&want[key]).ok_or(format!("no {key}"));
    let shape = want.get("shape").is_none_or(|shape| *shape == serde_json::json!(weight.shape));
    let mean_fits = match want.get("mean") {
        Some(_) => near(mean, given("mean")?, given("mean_tol")?),
        None => true,
    };
    let std_fits = near(var.sqrt(), given("std")?, given("std")? * given("std_rtol")?);
    match shape && mean_fits && std_fits {
        true => Ok(()),
        false => {
            Err(format!("{key}: {:?}, {mean} ± {}, expected {want}", weight.shape, var.sqrt()))
        }
    }
}

fn embedding(case: Case<'_>) -> Result<(), String> {
    let state = state_dict(&Embedding::new(1000, 50, &device()));
    random(&state, "weight", case.values())?;
    let largest = state
        .get("weight")
        .ok_or("no weight")?
        .values
        .iter()
        .copied()
        .fold(0f32, |max, v| max.max(v.abs()));
    let max = number(&case.values()["max_abs"]).ok_or("no max_abs")?;
    match f64::from(largest) <= max {
        true => Ok(()),
        false => Err(format!("the largest is {largest}, expected at most {max}")),
    }
}
