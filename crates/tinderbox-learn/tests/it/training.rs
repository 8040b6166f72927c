//! Golden: whole training runs.

use serde_json::Value;
use tinderbox_data::{Array, BatchOptions, DataBunch, Values};
use tinderbox_golden::{Case, Data, Group, Report, close_list};
use tinderbox_learn::{
    Fit, Learner, Policy, Recorder, Set, Strict,
    callback::{BnFreeze, GradientClipping},
    loss::CrossEntropyFlat,
    metric::{PixelAccuracy, accuracy, error_rate},
    optim::Rule,
    schedule::{LearningRate, LrFind, OneCycle},
};

use crate::nets;

#[test]
fn training() {
    let group = Group::open("training");
    let mut report = Report::new("training");
    for case in group.cases() {
        report.case(case.id(), check(case));
    }
    report.finish();
}

#[test]
fn unet_training() {
    let group = Group::open("unet_training");
    let mut report = Report::new("unet_training");
    for case in group.cases() {
        report.case(case.id(), check(case));
    }
    report.finish();
}

fn check(case: Case<'_>) -> Result<(), String> {
    let config = case.config();
    let mut learner = learner(case)?;
    let mut recorder = None;
    if config["what"] == "lr_find" {
        recorder = Some(lr_find(case, &mut learner)?);
    } else {
        for fit in fits(config)? {
            learner.fit_with(fit, Vec::new()).map_err(|e| e.to_string())?;
        }
    }
    let recorder = recorder.unwrap_or_else(|| learner.recorder().clone());
    trajectory(case, &recorder)?;
    predictions(case, &mut learner)?;
    let weights = learner.state_dict();
    for name in case.expected_names() {
        if let Some(key) = name.strip_prefix("final.") {
            let weight = weights.get(key).ok_or_else(|| format!("the model has no {key}"))?;
            case.check(name, &weight.shape, &weight.values)?;
        }
    }
    Ok(())
}

fn learner(case: Case<'_>) -> Result<Learner, String> {
    let config = case.config();
    let flag = |key: &str, default: bool| config[key].as_bool().unwrap_or(default);
    let options = BatchOptions {
        batch_size: config["bs"].as_u64().ok_or("no batch size")? as usize,
        shuffle: flag("shuffle", true),
        ..BatchOptions::default()
    };
    let set = |x: &str, y: &str| (array(case, x), array(case, y));
    let data =
        DataBunch::from_arrays(set("x_train", "y_train"), set("x_valid", "y_valid"), options)
            .map_err(|error| error.to_string())?;
    let mut learner = match (config["net"].as_str().ok_or("no net")?, config["void_code"].as_i64())
    {
        ("DynamicUnet", void) => {
            let loss = CrossEntropyFlat { axis: 1, ..CrossEntropyFlat::default() };
            Learner::new(data, nets::unet(config)?, loss).metrics(PixelAccuracy::new(void))
        }
        (net, _) => Learner::new(data, nets::build(net)?, CrossEntropyFlat::default())
            .metrics((accuracy, error_rate)),
    };
    learner
        .load_state_dict(&nets::state(&case.state()), Strict::Yes)
        .map_err(|error| error.to_string())?;
    learner.network_mut().train_bn = flag("train_bn", true);
    learner.network_mut().decay.true_wd = flag("true_wd", true);
    learner.network_mut().decay.bn_wd = flag("bn_wd", true);
    learner.network_mut().rule = match config["opt"].as_str() {
        None => Rule::ADAM,
        Some("sgd momentum") => Rule::SGD,
        Some(other) => return Err(format!("an unknown optimizer, {other}")),
    };
    if let Some(max_norm) = config["clip"].as_f64() {
        learner = learner.callback(GradientClipping { max_norm });
    }
    match config["callback"].as_str() {
        None => {}
        Some("BnFreeze") => learner = learner.callback(BnFreeze),
        Some(other) => return Err(format!("an unknown callback, {other}")),
    }
    if let Some(groups) = config["groups"].as_array() {
        let starts = groups.iter().map(first_layer).collect::<Result<Vec<_>, _>>()?;
        learner.split(starts).map_err(|error| error.to_string())?;
    }
    if flag("freeze", false) {
        learner.freeze().map_err(|error| error.to_string())?;
    }
    Ok(learner)
}

/// `layers 2-3` begins with `2`, a U-Net's `encoder children 5-6` with `layers.0.5`.
fn first_layer(group: &Value) -> Result<String, String> {
    let text = group.as_str().unwrap_or_default();
    if text == "decoder" {
        return Ok("layers.1".into());
    }
    if let Some(children) = text.strip_prefix("encoder ") {
        return Ok(format!("layers.0.{}", first_layer(&children.into())?));
    }
    let digits: String =
        text.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    match digits.is_empty() {
        true => Err(format!("{text} names no layer")),
        false => Ok(digits),
    }
}

fn array(case: Case<'_>, name: &str) -> Array {
    let array = case.input(name);
    let values = match array.data {
        Data::F32(values) => Values::F32(values),
        Data::I64(values) => Values::I64(values),
        Data::Bool(_) => panic!("{name} is of booleans"),
    };
    Array { shape: array.shape, values }
}

/// One fit for each rate that is given.
fn fits(config: &Value) -> Result<Vec<Fit>, String> {
    let epochs = config["epochs"].as_u64().ok_or("no epochs")? as usize;
    let fit = |policy| Fit { weight_decay: config["wd"].as_f64(), ..Fit::new(epochs, policy) };
    let what = config["what"].as_str().ok_or("no `what`")?;
    if what.starts_with("fit_one_cycle") {
        let lr_max = match (&config["max_lr"], &config["slice"]) {
            (Value::Number(lr), _) => LearningRate::One(lr.as_f64().ok_or("no rate")?),
            (_, Value::Array(slice)) => match (slice[0].as_f64(), slice[1].as_f64()) {
                (None, Some(hi)) => LearningRate::Slice(hi),
                (Some(lo), Some(hi)) => LearningRate::Range(lo, hi),
                _ => return Err(format!("not a slice: {slice:?}")),
            },
            _ => return Err("no rate".into()),
        };
        let mut policy = OneCycle::from(lr_max);
        policy.pct_start = config["pct_start"].as_f64().unwrap_or(policy.pct_start);
        return Ok(vec![fit(Policy::OneCycle(policy))]);
    }
    let lrs = match &config["lr"] {
        Value::Array(lrs) => lrs.clone(),
        lr => vec![lr.clone()],
    };
    let constant = |lr: &Value| Some(fit(Policy::Constant(lr.as_f64()?.into())));
    lrs.iter().map(|lr| constant(lr).ok_or_else(|| format!("{lr} is no rate"))).collect()
}

fn lr_find(case: Case<'_>, learner: &mut Learner) -> Result<Recorder, String> {
    let config = case.config();
    let mut options = LrFind::default();
    options.start_lr = config["start_lr"].as_f64().unwrap_or(options.start_lr);
    options.end_lr = config["end_lr"].as_f64().unwrap_or(options.end_lr);
    options.num_it = config["num_it"].as_u64().ok_or("no num_it")? as usize;
    let curve = learner.lr_find(&options).map_err(|error| error.to_string())?;
    if case.values()["n_run"] != curve.losses.len() {
        return Err(format!("{} batches, expected {}", curve.losses.len(), case.values()["n_run"]));
    }
    let (lrs, losses, raw_losses) = (curve.lrs, curve.losses, curve.raw_losses);
    Ok(Recorder { lrs, losses, raw_losses, ..Recorder::default() })
}

fn trajectory(case: Case<'_>, found: &Recorder) -> Result<(), String> {
    let (want, tolerance) = (case.values(), &case.raw()["trajectory_tolerance"]);
    let number = |key: &str| tolerance[key].as_f64().ok_or(format!("no {key}"));
    let rates = number("lrs_rtol")?;
    let (atol, rtol) = (number("losses_atol")?, number("losses_rtol")?);
    let compare = |what: &str, found: &[f64], atol: f64, rtol: f64| {
        close_list(found, &want[what], atol, rtol).map_err(|error| format!("{what}: {error}"))
    };
    compare("lrs", &found.lrs, 0.0, rates)?;
    compare("raw_losses", &found.raw_losses, atol, rtol)?;
    compare("smooth_losses", &found.losses, atol, rtol)?;
    if case.config()["what"] == "lr_find" {
        // The finder has no validation, and keeps no momenta.
        return Ok(());
    }
    compare("moms", &found.moms, 0.0, rates)?;
    let valid: Vec<f64> = found.valid_losses.iter().copied().flatten().collect();
    compare("val_losses", &valid, atol, rtol)?;
    let batches: Vec<f64> = found.n_batches.iter().map(|n| *n as f64).collect();
    compare("nb_batches", &batches, 0.0, 0.0)?;
    let rows = want["table"].as_array().ok_or("no table")?;
    for (index, row) in rows.iter().enumerate() {
        let mut cells = vec![index as f64];
        cells.extend(found.epoch(index).into_iter().map(|cell| cell.unwrap_or(f64::NAN)));
        close_list(&cells, row, atol, rtol).map_err(|error| format!("row {index}: {error}"))?;
        close_list(&cells[3..], &want["metrics"][index], atol, rtol)?;
    }
    Ok(())
}

fn predictions(case: Case<'_>, learner: &mut Learner) -> Result<(), String> {
    if !case.expected_names().contains(&"preds") {
        return Ok(());
    }
    let preds = learner.get_preds(Set::Valid).map_err(|error| error.to_string())?;
    let host = |tensor: tinderbox_model::AnyTensor| -> Vec<f32> {
        tensor.into_flat().try_into_vec_as().unwrap()
    };
    case.check("preds", &preds.outputs.dims(), &host(preds.outputs))?;
    let targets: Vec<i64> = host(preds.targets.clone()).iter().map(|y| *y as i64).collect();
    case.check_ints("targets", &preds.targets.dims(), &targets)?;
    case.check("pred_losses", &[preds.losses.len()], &preds.losses)?;
    let validated = learner.validate().map_err(|error| error.to_string())?;
    let mut found = vec![validated.loss];
    found.extend(validated.metrics.iter().map(|(_, value)| *value));
    close_list(&found, &case.values()["validate"], 1e-4, 1e-3)
}
