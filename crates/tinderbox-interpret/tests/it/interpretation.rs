//! Golden: what is read off predictions.

use std::sync::Arc;

use serde_json::Value;
use tinderbox_data::{ArraySamples, BatchOptions, DataBunch, Samples, TargetKind, Values};
use tinderbox_golden::{Case, Group, Report};
use tinderbox_interpret::{Interpretation, SegmentationInterpretation};
use tinderbox_learn::{Learner, Set};
use tinderbox_model::{AnyTensor, Sequential};

#[test]
fn predictions_are_interpreted_as_by_fastai() {
    let group = Group::open("interpretation");
    let mut report = Report::new("interpretation");
    for case in group.cases() {
        let pixels = case.config()["sizes"].is_array();
        report.case(case.id(), if pixels { segmentation(case) } else { classification(case) });
    }
    report.finish();
}

/// A model that changes nothing, so that it gives the case's logits, and its targets of this kind.
fn learner(case: Case<'_>, target: TargetKind) -> Learner {
    let array = |values, shape: &[usize]| tinderbox_data::Array { shape: shape.into(), values };
    let (logits, targets) = (case.input("logits"), case.input("targ"));
    let set = || -> Arc<dyn Samples> {
        let inputs = array(Values::F32(logits.f32().to_vec()), &logits.shape);
        let targets = array(Values::I64(targets.i64().to_vec()), &targets.shape);
        Arc::new(ArraySamples::new(inputs, targets).unwrap())
    };
    let options = BatchOptions { no_check: true, ..BatchOptions::from(3) };
    let data = DataBunch::from_samples(set(), set(), target, options).unwrap();
    Learner::for_target(data, Box::new(Sequential::new())).unwrap()
}

fn values(tensor: AnyTensor) -> Vec<f32> {
    tensor.into_flat().try_into_vec_as().unwrap()
}

fn classes(case: Case<'_>) -> Vec<String> {
    let classes = case.config()["classes"].as_array().into_iter().flatten();
    classes.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn numbers(value: &Value) -> Vec<f64> {
    let number = |value: &Value| match value.as_str() {
        Some("nan") => f64::NAN,
        _ => value.as_f64().unwrap(),
    };
    value.as_array().into_iter().flatten().map(number).collect()
}

fn close(what: &str, found: &[f64], want: &[f64]) -> Result<(), String> {
    let near =
        |(a, b): (&f64, &f64)| (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-5 + 1e-4 * b.abs();
    match found.len() == want.len() && found.iter().zip(want).all(near) {
        true => Ok(()),
        false => Err(format!("{what}: {found:?}, expected {want:?}")),
    }
}

fn classification(case: Case<'_>) -> Result<(), String> {
    let learner = learner(case, TargetKind::Category { classes: classes(case) });
    let predictions = learner.get_preds(Set::Valid).map_err(|error| error.to_string())?;
    let shape = predictions.outputs.dims();
    case.check("probs", &shape, &values(predictions.outputs.clone()))?;
    case.check("losses", &[predictions.losses.len()], &predictions.losses)?;
    let found = Interpretation::of(&learner, Set::Valid).map_err(|error| error.to_string())?;
    let predicted: Vec<i64> = found.predicted().into_iter().map(|class| class as i64).collect();
    case.check_ints("pred_class", &[predicted.len()], &predicted)?;

    let wanted = case.values();
    let matrix = found.confusion_matrix();
    for (actual, row) in matrix.rows().enumerate() {
        let row: Vec<f64> = row.iter().map(|count| *count as f64).collect();
        close("confusion", &row, &numbers(&wanted["confusion"][actual]))?;
        let sum: f64 = row.iter().sum();
        let shares: Vec<f64> = row.iter().map(|count| count / sum).collect();
        close("normalized", &shares, &numbers(&wanted["normalized"][actual]))?;
    }
    let confused = found.most_confused(wanted["min_val"].as_u64().unwrap());
    let confused = serde_json::to_value(confused).unwrap();
    if confused != wanted["most_confused"] {
        return Err(format!("{confused}, expected {}", wanted["most_confused"]));
    }
    for (largest, losses, items) in
        [(true, "top_losses", "top_idx"), (false, "smallest", "smallest_idx")]
    {
        let want = numbers(&wanted[losses]);
        let top = found.top_losses(want.len(), largest);
        close(losses, &top.iter().map(|top| f64::from(top.loss)).collect::<Vec<_>>(), &want)?;
        let found: Vec<f64> = top.iter().map(|top| top.item as f64).collect();
        close(items, &found, &numbers(&wanted[items]))?;
    }
    Ok(())
}

fn segmentation(case: Case<'_>) -> Result<(), String> {
    let target = TargetKind::mask(classes(case));
    let learner = learner(case, target);
    let found = SegmentationInterpretation::of(&learner, Set::Valid);
    let found = found.map_err(|error| error.to_string())?;

    let wanted = case.values();
    let want = numbers(&wanted["top_losses"]);
    let top = found.top_losses(want.len(), true);
    close("top_losses", &top.iter().map(|top| f64::from(top.1)).collect::<Vec<_>>(), &want)?;
    let items: Vec<f64> = top.iter().map(|top| top.0 as f64).collect();
    close("top_idx", &items, &numbers(&wanted["top_idx"]))?;
    for (actual, row) in found.mean().iter().enumerate() {
        close("mean_cm", row, &numbers(&wanted["mean_cm"][actual]))?;
    }
    for (picture, matrix) in found.of_pictures().iter().enumerate() {
        for (actual, row) in matrix.iter().enumerate() {
            let want = numbers(&wanted["single_img_cm"][picture][actual]);
            close(&format!("picture {picture}"), row, &want)?;
        }
    }
    Ok(())
}
