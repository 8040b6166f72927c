//! The fixtures of text: rules, tokens, vocabularies, batches.

mod classify;
mod human_numbers;
mod lm;
mod tokens;
mod vocab;

use std::fs;

use serde_json::Value;
use tinderbox_data::{Array, Values};
use tinderbox_golden::dir;

use crate::common::Outcome;

/// A manifest without tensors.
pub(crate) fn manifest(name: &str) -> Value {
    let path = dir().join("text_gan").join(format!("{name}.json"));
    let text = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap()
}

/// A list of the manifest.
#[track_caller]
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or_else(|| panic!("{value} is no list"), Vec::as_slice)
}

#[track_caller]
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

#[track_caller]
pub(crate) fn texts(value: &Value) -> Vec<String> {
    list(value).iter().map(|value| text(value).to_owned()).collect()
}

#[track_caller]
pub(crate) fn count(value: &Value) -> usize {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no count")) as usize
}

#[track_caller]
pub(crate) fn flag(value: &Value) -> bool {
    value.as_bool().unwrap_or_else(|| panic!("{value} is neither true nor false"))
}

#[track_caller]
pub(crate) fn ids(value: &Value) -> Vec<u32> {
    list(value).iter().map(|value| count(value) as u32).collect()
}

/// Whole numbers of a batch, in order.
pub(crate) fn numbers(array: &Array) -> &[i64] {
    match &array.values {
        Values::I64(values) => values,
        Values::F32(_) => panic!("tokens are whole numbers"),
    }
}

/// Fails with all cases that differ, and for a list without cases.
#[track_caller]
pub(crate) fn all(cases: impl IntoIterator<Item = Outcome>) {
    let outcomes: Vec<Outcome> = cases.into_iter().collect();
    assert!(!outcomes.is_empty(), "the fixture has no cases");
    let wrong: Vec<String> = outcomes.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{} cases differ:\n{}", wrong.len(), wrong.join("\n"));
}
