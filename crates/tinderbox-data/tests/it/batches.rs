//! Golden: how many batches each set has, and of which sizes.

use tinderbox_data::{Array, Batch, BatchOptions, DataBunch};
use tinderbox_golden::{Case, Group, Report};

use crate::common::{Outcome, count, equal};

#[test]
fn batches() {
    let group = Group::open("batches");
    let mut report = Report::new("batches");
    for case in group.cases() {
        report.case(case.id(), check(case));
    }
    report.finish();
}

fn check(case: Case<'_>) -> Outcome {
    let (config, values) = (case.config(), case.values());
    let set =
        |n: usize| (Array::f32([n, 1], vec![0.0; n]), Array::i64([n], (0..n as i64).collect()));
    let options = BatchOptions {
        batch_size: count(config, "bs")?,
        valid_batch_size: count(config, "val_bs").ok(),
        workers: 2,
        ..BatchOptions::default()
    };
    let (train, valid) = (set(count(config, "n_train")?), set(count(config, "n_valid")?));
    let data = DataBunch::from_arrays(train, valid, options).map_err(|error| error.to_string())?;
    let sizes = |batches: tinderbox_data::BatchIter| -> Vec<usize> {
        batches.map(|batch| batch.unwrap()).map(|Batch { items, .. }| items.len()).collect()
    };
    let (train, valid, fix) =
        (sizes(data.train_batches(0, 0)), sizes(data.valid_batches()), sizes(data.fix_batches()));
    equal("train", train.len(), &values["train"])?;
    equal("valid", valid.len(), &values["valid"])?;
    equal("fix", fix.len(), &values["fix"])?;
    equal("n_train_batches", data.n_train_batches(), &values["train"])?;
    equal("n_valid_batches", data.n_valid_batches(), &values["valid"])?;
    equal("n_fix_batches", data.n_fix_batches(), &values["fix"])?;
    equal("last_valid", valid.last().copied(), &values["last_valid"])?;
    equal("last_fix", fix.last().copied(), &values["last_fix"])?;
    let single = data.single_batches().next().map(|batch| batch.unwrap().items.len());
    equal("single_batch_size", single, &values["single_batch_size"])?;
    match train.iter().all(|size| *size == data.batch_size()) {
        true => Ok(()),
        false => Err(format!("training batches of {train:?}")),
    }
}
