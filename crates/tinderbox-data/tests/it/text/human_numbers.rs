//! The fixture `human_numbers`: the lesson's text, its numbers, its batches.

use std::fmt::Write;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tinderbox_data::{
    Array, DataBunch, ItemKind,
    batch::Set,
    text::{LmOptions, TextInput, TextItems, Tokenizing, VocabOptions, human_numbers},
};
use tinderbox_golden::{Data, Fixture};

use super::{all, numbers, vocab::profile};
use crate::common::{Outcome, equal};

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// Of little-endian numbers of four bytes.
fn sha256_of(ids: impl IntoIterator<Item = i64>) -> String {
    let bytes: Vec<u8> =
        ids.into_iter().flat_map(|id| i32::try_from(id).unwrap().to_le_bytes()).collect();
    sha256(&bytes)
}

fn only_text(items: &TextItems) -> String {
    assert_eq!(items.len(), 1);
    items.kind().open(&items.path(0)).unwrap()
}

fn vocab(name: &str) -> VocabOptions {
    VocabOptions { profile: profile(&json!(name)), ..VocabOptions::default() }
}

fn data(bptt: usize, batch_size: usize) -> DataBunch {
    let texts = human_numbers().label_for_lm_by(&Tokenizing::default(), &vocab("lesson")).unwrap();
    texts.batches(LmOptions { batch_size, bptt, ..LmOptions::default() }).unwrap()
}

#[test]
fn the_texts_are_the_published_ones() {
    let fixture = Fixture::open("human_numbers");
    let facts = &fixture.manifest()["text"];
    let split = human_numbers();
    let (train, valid) = (only_text(&split.train), only_text(&split.valid));
    let starts = super::text(&facts["train_start"]);
    let ends = super::text(&facts["valid_end"]);
    assert!(train.starts_with(starts) && valid.ends_with(ends));
    all([
        equal("train", train.chars().count(), &facts["train_chars"]),
        equal("valid", valid.chars().count(), &facts["valid_chars"]),
        equal("train", sha256(train.as_bytes()), &facts["train_sha256"]),
        equal("valid", sha256(valid.as_bytes()), &facts["valid_sha256"]),
    ]);
}

fn vocabulary(name: &str, facts: &Value) -> Outcome {
    let texts = human_numbers().label_for_lm_by(&Tokenizing::default(), &vocab(name)).unwrap();
    let [train, valid] = texts.n_tokens();
    let TextInput { vocab, .. } = &texts.input;
    equal("tokens", json!(vocab.tokens()), &facts["itos"])?;
    equal("vocabulary", vocab.len(), &facts["vocab"])?;
    equal("train", train, &facts["train_tokens"])?;
    equal("valid", valid, &facts["valid_tokens"])?;
    let split = human_numbers();
    for (set, items) in [("train", &split.train), ("valid", &split.valid)] {
        let ids = texts.input.ids(&only_text(items)).unwrap();
        let first = super::list(&facts[format!("{set}_first_ids")]).len();
        equal(set, json!(ids[..first]), &facts[format!("{set}_first_ids")])?;
        let hash = sha256_of(ids.into_iter().map(i64::from));
        equal(set, hash, &facts[format!("{set}_ids_sha256_i32le")])?;
    }
    Ok(())
}

#[test]
fn vocabularies_and_numbers_are_those_of_both_profiles() {
    let fixture = Fixture::open("human_numbers");
    all(["lesson", "v1"].map(|name| vocabulary(name, &fixture.manifest()[name])));
}

/// The sizes in a name like `bs64_bptt70_train`, and the set.
fn sizes(name: &str) -> (usize, usize, Set) {
    let mut parts = name.split('_');
    let mut number = |prefix| parts.next().unwrap().strip_prefix(prefix).unwrap().parse().unwrap();
    let (batch_size, bptt) = (number("bs"), number("bptt"));
    let set = if name.ends_with("train") { Set::Train } else { Set::Valid };
    (batch_size, bptt, set)
}

fn same(fixture: &Fixture, name: &str, got: &Array) -> Outcome {
    let want = fixture.tensor(name);
    let values: Vec<i64> = match &want.data {
        Data::I64(values) => values.clone(),
        Data::F32(values) => values.iter().map(|value| *value as i64).collect(),
        Data::Bool(_) => return Err(format!("{name} is no list of numbers")),
    };
    match got.shape == want.shape && numbers(got) == values {
        true => Ok(()),
        false => Err(format!("{name} differs")),
    }
}

fn batches(fixture: &Fixture, name: &str, facts: &Value) -> Outcome {
    let (batch_size, bptt, set) = sizes(name);
    let data = data(bptt, batch_size);
    let counted = match set {
        Set::Train => data.n_train_batches(),
        _ => data.n_valid_batches(),
    };
    let read = || data.batches(set).map(Result::unwrap);
    let all: Vec<_> = read().collect();
    equal("batches", counted, &facts["n_batches"])?;
    equal("batches", all.len(), &facts["n_batches"])?;
    let (inputs, targets): (Vec<&Array>, Vec<&Array>) =
        all.iter().map(|batch| (&batch.inputs, &batch.targets)).unzip();
    let stream = |arrays: &[&Array]| {
        arrays.iter().flat_map(|array| numbers(array).to_vec()).collect::<Vec<_>>()
    };
    equal("elements", stream(&inputs).len(), &facts["elements"])?;
    let sums: Vec<i64> = inputs.iter().map(|array| numbers(array).iter().sum()).collect();
    equal("sums", json!(sums), &facts["sum_x_per_batch"])?;
    equal("x", sha256_of(stream(&inputs)), &facts["x_sha256"])?;
    equal("y", sha256_of(stream(&targets)), &facts["y_sha256"])?;
    let last = all.len() - 1;
    for (which, at) in [("first", 0), ("last", last)] {
        same(fixture, &format!("{name}.x_{which}"), inputs[at])?;
        same(fixture, &format!("{name}.y_{which}"), targets[at])?;
    }
    let again = read().eq(all.iter().cloned());
    equal("the second epoch", again, &facts["second_epoch_identical"])
}

#[test]
fn batches_are_those_of_the_lesson() {
    let fixture = Fixture::open("human_numbers");
    let cases = fixture.manifest()["batches"].as_object().unwrap();
    all(cases.iter().map(|(name, facts)| {
        batches(&fixture, name, facts).map_err(|why| format!("{name}: {why}"))
    }));
}

/// Where the fixture's texts of rows are: `x1[0]` is the first row of the first batch's inputs,
/// `x_last[-1]` the last row of the last one's.
fn row(batches: &[tinderbox_data::Batch], name: &str) -> Vec<u32> {
    let (which, row) = name.trim_end_matches(']').split_once('[').unwrap();
    let (side, batch) = which.split_at(1);
    let batch = match batch.trim_start_matches('_') {
        "last" => batches.last().unwrap(),
        number => &batches[number.parse::<usize>().unwrap() - 1],
    };
    let array = if side == "x" { &batch.inputs } else { &batch.targets };
    let row: i64 = row.parse().unwrap();
    let row = row.rem_euclid(array.rows() as i64) as usize;
    numbers(&array.row(row)).iter().map(|id| u32::try_from(*id).unwrap()).collect()
}

#[test]
fn rows_read_as_published() {
    let fixture = Fixture::open("human_numbers");
    let manifest = fixture.manifest();
    let columns = ["x1[:,0]", "y1[:,0]"];
    // They are of the longest rows.
    let cases = manifest["batches"].as_object().unwrap().keys().map(|name| sizes(name));
    let of_valid = cases.filter(|(.., set)| *set == Set::Valid);
    let (rows, bptt, _) = of_valid.max_by_key(|(_, bptt, _)| *bptt).unwrap();
    let data = data(bptt, rows);
    let valid: Vec<_> = data.valid_batches().map(Result::unwrap).collect();
    let inference = data.inference();
    let vocab = &inference.text_input().unwrap().vocab;
    all(manifest["textify"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, want)| equal(name, vocab.textify(&row(&valid, name), " ").unwrap(), want)));
    all(columns.map(|name| {
        let array = if name.starts_with('x') { &valid[0].inputs } else { &valid[0].targets };
        let first: Vec<i64> = (0..rows).map(|row| numbers(&array.row(row))[0]).collect();
        equal(name, json!(first), &manifest[name])
    }));
}
