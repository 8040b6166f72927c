//! Golden: statistics of a batch, normalization and its inverse.

use serde_json::Value;
use tinderbox_data::{Array, BatchOptions, DataBunch, Normalize, batch::Set};
use tinderbox_golden::{Case, Group, Report};

use crate::common::{Outcome, array, same};

#[test]
fn normalization() {
    let group = Group::open("normalization");
    let mut report = Report::new("normalization");
    for case in group.cases() {
        match case.config()["what"].as_str() {
            Some("batch_stats") => report.case(case.id(), batch_stats(case)),
            Some("normalize") => report.case(case.id(), normalize(case)),
            what => report.not_run(case.id(), &format!("nothing is known of {what:?}")),
        }
    }
    report.finish();
}

fn batch_stats(case: Case<'_>) -> Outcome {
    let mut x = array(&case.input("x"));
    let normalize = Normalize::of_batch(&x).map_err(|error| error.to_string())?;
    let vector = |values: &[f32]| Array::f32([values.len()], values.to_vec());
    same(case, "mean", &vector(&normalize.mean))?;
    same(case, "std", &vector(&normalize.std))?;
    normalize.apply(&mut x);
    same(case, "normalized", &x)?;
    normalize.invert(&mut x);
    same(case, "back", &x)
}

/// Through the batches of a set.
fn normalize(case: Case<'_>) -> Outcome {
    let config = case.config();
    let numbers = |name: &str| -> Result<Vec<f32>, String> {
        serde_json::from_value(config[name].clone()).map_err(|error| error.to_string())
    };
    let normalize = Normalize {
        mean: numbers("mean")?,
        std: numbers("std")?,
        inputs: config["do_x"] == Value::Bool(true),
        targets: config["do_y"] == Value::Bool(true),
    };
    let set = (array(&case.input("x")), array(&case.input("y")));
    let options = BatchOptions { batch_size: set.0.rows(), ..BatchOptions::default() };
    let batch = DataBunch::from_arrays(set.clone(), set, options)
        .and_then(|data| data.normalize_by(normalize))
        .and_then(|data| data.one_batch(Set::Fix))
        .map_err(|error| error.to_string())?;
    same(case, "x", &batch.inputs)?;
    same(case, "y", &batch.targets)
}
