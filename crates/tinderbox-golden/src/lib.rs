//! Golden fixtures: what the reference implementation computed, read for tests.
//!
//! A group is a manifest (`GROUP.json`) and its tensors (`GROUP.safetensors`); `golden/README.md`
//! and `golden/vision/README.md` define both. A [`Fixture`] is the plainer form of the folder
//! `text_gan`. Tests take every shape, seed, setting and case from
//! the manifest, so another folder of the same form runs through the same tests: name it in
//! `TINDERBOX_GOLDEN`.
//!
//! Everything here panics with the file and the case on trouble: it is only ever called by tests.

pub mod fill;
mod fixture;
mod group;
mod report;
mod schema;

use std::path::{Path, PathBuf};

pub use fixture::Fixture;
pub use group::{Case, Group};
pub use report::Report;
pub use schema::schema_errors;
use serde_json::Value;

/// A tensor of a fixture, in PyTorch's layout, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    pub shape: Vec<usize>,
    pub data: Data,
}

/// The elements of an [`Array`].
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    F32(Vec<f32>),
    I64(Vec<i64>),
    Bool(Vec<bool>),
}

impl Array {
    /// The elements, which must be floats.
    #[track_caller]
    pub fn f32(&self) -> &[f32] {
        match &self.data {
            Data::F32(values) => values,
            other => panic!("expected floats, the fixture has {other:?}"),
        }
    }

    /// The elements, which must be integers.
    #[track_caller]
    pub fn i64(&self) -> &[i64] {
        match &self.data {
            Data::I64(values) => values,
            other => panic!("expected integers, the fixture has {other:?}"),
        }
    }

    /// The elements, which must be booleans.
    #[track_caller]
    pub fn bools(&self) -> &[bool] {
        match &self.data {
            Data::Bool(values) => values,
            other => panic!("expected booleans, the fixture has {other:?}"),
        }
    }
}

/// The fixtures' folder: the one that `TINDERBOX_GOLDEN` names, else the repository's `golden/`.
pub fn dir() -> PathBuf {
    match std::env::var_os("TINDERBOX_GOLDEN") {
        Some(dir) => {
            let dir = PathBuf::from(dir);
            // Tests run in their crate's folder; a relative path is meant from the workspace's.
            match dir.is_relative() {
                true => workspace().join(dir),
                false => dir,
            }
        }
        None => workspace().join("golden"),
    }
}

fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Whether a computed number is the manifest's, at the format's default tolerance of
/// `1e-5 + 1e-4 * |want|`. `"nan"`, `"inf"` and `"-inf"` are written as strings.
pub fn close(got: f64, want: &Value) -> bool {
    close_tol(got, want, 1e-5, 1e-4)
}

/// [`close`] with tolerances of the caller's.
pub fn close_tol(got: f64, want: &Value, atol: f64, rtol: f64) -> bool {
    match number(want) {
        Some(want) if want.is_nan() => got.is_nan(),
        Some(want) if want.is_infinite() => got == want,
        Some(want) => (got - want).abs() <= atol + rtol * want.abs(),
        None => false,
    }
}

/// A number of a manifest, also one that JSON has no literal for.
pub fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.as_str() {
            "nan" => Some(f64::NAN),
            "inf" => Some(f64::INFINITY),
            "-inf" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

/// Compares a list of numbers with the manifest's.
///
/// # Errors
/// Says where the first difference is.
pub fn close_list(got: &[f64], want: &Value, atol: f64, rtol: f64) -> Result<(), String> {
    let want = want.as_array().ok_or_else(|| format!("{want} is not a list"))?;
    if got.len() != want.len() {
        return Err(format!("{} numbers, expected {}", got.len(), want.len()));
    }
    match got.iter().zip(want).position(|(got, want)| !close_tol(*got, want, atol, rtol)) {
        Some(at) => Err(format!("[{at}] is {}, expected {}", got[at], want[at])),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_that_json_lacks_are_strings() {
        assert!(close(f64::NAN, &json!("nan")));
        assert!(close(f64::INFINITY, &json!("inf")));
        assert!(!close(1.0, &json!("nan")));
        assert!(!close(f64::NAN, &json!(1.0)));
        assert!(close(1.00005, &json!(1.0)));
        assert!(!close(1.0003, &json!(1.0)));
    }

    #[test]
    fn a_list_is_compared_to_its_end() {
        assert!(close_list(&[1.0, 2.0], &json!([1.0, 2.0]), 0.0, 0.0).is_ok());
        assert_eq!(
            close_list(&[1.0, 2.5], &json!([1.0, 2.0]), 0.0, 0.0),
            Err("[1] is 2.5, expected 2.0".to_owned())
        );
        assert!(close_list(&[1.0], &json!([1.0, 2.0]), 0.0, 0.0).is_err());
    }
}
