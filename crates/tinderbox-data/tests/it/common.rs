//! From fixtures to this crate's types, and how they are compared.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tinderbox_data::{Array, ImageItems, ImageKind, Items, Values};
use tinderbox_golden::{Case, Data};

/// What a check gives: how it differs, if it does.
pub(crate) type Outcome = Result<(), String>;

/// An array of a fixture as one of ours.
pub(crate) fn array(array: &tinderbox_golden::Array) -> Array {
    match &array.data {
        Data::F32(values) => Array::f32(array.shape.clone(), values.clone()),
        Data::I64(values) => Array::i64(array.shape.clone(), values.clone()),
        Data::Bool(_) => panic!("no input of the data block is boolean"),
    }
}

/// Compares one of our arrays with an expected output.
pub(crate) fn same(case: Case<'_>, name: &str, got: &Array) -> Outcome {
    match &got.values {
        Values::F32(values) => case.check(name, &got.shape, values),
        Values::I64(values) => case.check_ints(name, &got.shape, values),
    }
}

/// Whole numbers, as the fixture stores bytes, of a shape that is not part of our type.
pub(crate) fn same_bytes(case: Case<'_>, name: &str, shape: &[usize], bytes: &[u8]) -> Outcome {
    case.check_ints(name, shape, &bytes.iter().map(|byte| i64::from(*byte)).collect::<Vec<_>>())
}

/// Compares with a value of the manifest.
pub(crate) fn equal(name: &str, got: impl Into<Value>, want: &Value) -> Outcome {
    let got = got.into();
    match got == *want {
        true => Ok(()),
        false => Err(format!("{name}: {got}, expected {want}")),
    }
}

/// A setting of a case, which must be a whole number.
pub(crate) fn count(config: &Value, name: &str) -> Result<usize, String> {
    let number = config[name].as_u64().ok_or_else(|| format!("config has no number `{name}`"))?;
    Ok(number as usize)
}

/// A list of `n` items called by their numbers.
pub(crate) fn numbered(n: usize) -> ImageItems {
    let paths = (0..n).map(|index| PathBuf::from(index.to_string())).collect();
    Items::new("root", paths, ImageKind::default())
}

/// The numbers that the items are called by.
pub(crate) fn numbers(items: &ImageItems) -> Vec<usize> {
    items.relative_paths().map(number).collect()
}

fn number(path: &Path) -> usize {
    path.to_str().unwrap().parse().unwrap()
}
