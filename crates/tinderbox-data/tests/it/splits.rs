//! Golden: which items train and which validate.

use serde_json::{Value, json};
use tinderbox_data::{
    ImageKind, Split,
    split::{Mt19937, permutation},
};
use tinderbox_golden::{Case, Group, Report};

use crate::common::{Outcome, count, equal, numbered, numbers};

#[test]
fn splits() {
    let group = Group::open("splits");
    let mut report = Report::new("splits");
    for case in group.cases() {
        let kind = case.config()["kind"].as_str().unwrap_or_default();
        let check: fn(Case<'_>) -> Outcome = match kind {
            "rand_pct" => rand_pct,
            "by_idx" => by_idx,
            "subsets" => subsets,
            "mt19937" => mt19937,
            "use_partial_data" => partial,
            _ => {
                report.not_run(case.id(), &format!("no split is called `{kind}`"));
                continue;
            }
        };
        report.case(case.id(), check(case));
    }
    report.finish();
}

fn seed(config: &Value) -> Result<u32, String> {
    count(config, "seed").map(|seed| seed as u32)
}

fn share(config: &Value, name: &str) -> Result<f64, String> {
    config[name].as_f64().ok_or_else(|| format!("config has no share `{name}`"))
}

fn sets(split: &Split<ImageKind>, values: &Value) -> Outcome {
    equal("valid", numbers(&split.valid), &values["valid"])?;
    if !values["train"].is_null() {
        equal("train", numbers(&split.train), &values["train"])?;
    }
    match values["n_train"].is_null() {
        true => Ok(()),
        false => equal("n_train", split.train.len(), &values["n_train"]),
    }
}

fn rand_pct(case: Case<'_>) -> Outcome {
    let (config, values) = (case.config(), case.values());
    let (n, seed) = (count(config, "n")?, seed(config)?);
    let split = numbered(n)
        .split_by_rand_pct(share(config, "valid_pct")?, seed)
        .map_err(|error| error.to_string())?;
    sets(&split, values)?;
    match values["permutation"].as_array() {
        None => Ok(()),
        // A long one is stored in part.
        Some(want) => {
            let order = permutation(n, seed);
            equal("permutation", order[..want.len()].to_vec(), &values["permutation"])
        }
    }
}

fn by_idx(case: Case<'_>) -> Outcome {
    let config = case.config();
    let valid: Vec<usize> =
        serde_json::from_value(config["valid_idx"].clone()).map_err(|error| error.to_string())?;
    let split =
        numbered(count(config, "n")?).split_by_idx(&valid).map_err(|error| error.to_string())?;
    sets(&split, case.values())
}

fn subsets(case: Case<'_>) -> Outcome {
    let config = case.config();
    let (train, valid) = (share(config, "train_size")?, share(config, "valid_size")?);
    let items = numbered(count(config, "n")?);
    sets(
        &items.split_subsets(train, valid, seed(config)?).map_err(|error| error.to_string())?,
        case.values(),
    )
}

fn mt19937(case: Case<'_>) -> Outcome {
    let want = &case.values()["u32"];
    let mut rng = Mt19937::new(seed(case.config())?);
    let got: Vec<u32> = (0..want.as_array().map_or(0, Vec::len)).map(|_| rng.next_u32()).collect();
    equal("u32", json!(got), want)
}

fn partial(case: Case<'_>) -> Outcome {
    let config = case.config();
    let items = numbered(count(config, "n")?);
    let part = items
        .use_partial_data(share(config, "sample_pct")?, seed(config)?)
        .map_err(|error| error.to_string())?;
    equal("items", numbers(&part), &case.values()["items"])
}
