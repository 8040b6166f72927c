//! A group's manifest and tensors, case by case.

use std::{fs, path::PathBuf};

use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

use crate::{Array, Data, dir, fill, number};

/// A manifest with its tensors.
#[derive(Debug)]
pub struct Group {
    name: String,
    manifest: Value,
    tensors: Option<Vec<u8>>,
}

impl Group {
    /// Reads the group called `name` of the vision fixtures.
    ///
    /// # Panics
    /// If its files are missing or unreadable, naming them.
    #[track_caller]
    pub fn open(name: &str) -> Self {
        let folder = vision();
        let path = folder.join(format!("{name}.json"));
        let text =
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let manifest: Value = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let tensors = manifest["tensors"].as_str().map(|file| {
            let path = folder.join(file);
            fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        });
        Self { name: name.to_owned(), manifest, tensors }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn manifest(&self) -> &Value {
        &self.manifest
    }

    /// The fill's seed for everything in this group.
    pub fn fill_seed(&self) -> u64 {
        self.manifest["fill_seed"].as_u64().unwrap_or(0)
    }

    pub fn cases(&self) -> impl Iterator<Item = Case<'_>> {
        let cases = self.manifest["cases"].as_array();
        let cases = cases.unwrap_or_else(|| panic!("{}: no cases", self.name));
        cases.iter().map(|raw| Case { group: self, raw })
    }

    /// # Panics
    /// If there is no such case.
    #[track_caller]
    pub fn case(&self, id: &str) -> Case<'_> {
        self.cases()
            .find(|case| case.id() == id)
            .unwrap_or_else(|| panic!("{}: no case {id}", self.name))
    }

    /// A tensor by its full name in the file, such as `CASE/in.x`.
    pub fn tensor(&self, key: &str) -> Option<Array> {
        read(self.tensors.as_ref()?, &self.name, key)
    }
}

/// A tensor of a file, if it is there; `name` is the file's, for messages.
pub(crate) fn read(bytes: &[u8], name: &str, key: &str) -> Option<Array> {
    let file = SafeTensors::deserialize(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
    let view = file.tensor(key).ok()?;
    let bytes = view.data();
    let data = match view.dtype() {
        Dtype::F32 => {
            Data::F32(bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect())
        }
        Dtype::I64 => {
            Data::I64(bytes.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b)).collect())
        }
        Dtype::I32 => {
            let number = |b: &[u8; 4]| i64::from(i32::from_le_bytes(*b));
            Data::I64(bytes.as_chunks().0.iter().map(number).collect())
        }
        Dtype::U8 => Data::I64(bytes.iter().map(|byte| i64::from(*byte)).collect()),
        Dtype::BOOL => Data::Bool(bytes.iter().map(|b| *b != 0).collect()),
        other => panic!("{name}: {key} is of type {other:?}"),
    };
    Some(Array { shape: view.shape().to_vec(), data })
}

fn vision() -> PathBuf {
    let dir = dir();
    match dir.join("vision") {
        vision if vision.is_dir() => vision,
        _ => dir,
    }
}

/// One case of a group.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    group: &'a Group,
    raw: &'a Value,
}

impl<'a> Case<'a> {
    pub fn id(&self) -> &'a str {
        self.raw["id"]
            .as_str()
            .unwrap_or_else(|| panic!("{}: a case without an id", self.group.name))
    }

    pub fn config(&self) -> &'a Value {
        &self.raw["config"]
    }

    pub fn values(&self) -> &'a Value {
        &self.raw["values"]
    }

    pub fn raw(&self) -> &'a Value {
        self.raw
    }

    pub fn input_names(&self) -> Vec<&'a str> {
        names(&self.raw["inputs"])
    }

    /// An input: regenerated from its fill where it has one, else read.
    ///
    /// # Panics
    /// If there is no such input.
    #[track_caller]
    pub fn input(&self, name: &str) -> Array {
        let spec = &self.raw["inputs"][name];
        match (spec["fill"].as_str(), spec["role"].as_str()) {
            (Some(key), Some(role)) => self.filled(key, role, &shape(&spec["shape"])),
            _ => self.tensor(&format!("in.{name}")),
        }
    }

    /// The model's state, by key: filled, or stored where the manifest says so.
    pub fn state(&self) -> Vec<(String, Array)> {
        let state = &self.raw["state"];
        let prefix = state["fill_prefix"].as_str().unwrap_or("");
        let explicit = state["explicit"].as_array().map_or(&[][..], Vec::as_slice);
        let Some(keys) = state["keys"].as_object() else { return Vec::new() };
        keys.iter()
            .map(|(key, spec)| {
                let array = match explicit.iter().any(|explicit| explicit == key) {
                    true => self.tensor(&format!("state.{key}")),
                    false if key.ends_with("num_batches_tracked") => {
                        Array { shape: vec![], data: Data::I64(vec![0]) }
                    }
                    false => {
                        let shape = shape(spec);
                        self.filled(
                            &format!("{prefix}{key}"),
                            fill::state_role(key, &shape),
                            &shape,
                        )
                    }
                };
                (key.clone(), array)
            })
            .collect()
    }

    /// The state of a model whose keys the manifest does not list: all of it by the fill.
    pub fn state_of<'k>(
        &self,
        keys: impl IntoIterator<Item = (&'k str, &'k [usize])>,
    ) -> Vec<(String, Array)> {
        let prefix = self.raw["state"]["fill_prefix"].as_str().unwrap_or("");
        let fill = |(key, shape): (&str, &[usize])| {
            let array = self.filled(&format!("{prefix}{key}"), fill::state_role(key, shape), shape);
            (key.to_owned(), array)
        };
        keys.into_iter().map(fill).collect()
    }

    fn filled(&self, key: &str, role: &str, shape: &[usize]) -> Array {
        let seed = self.group.fill_seed();
        let data = match role.strip_prefix("int").and_then(|k| k.parse().ok()) {
            Some(k) => Data::I64(fill::integers(seed, key, k, shape)),
            None => Data::F32(fill::floats(seed, key, role, shape)),
        };
        Array { shape: shape.to_vec(), data }
    }

    /// A tensor of this case by its name in the file: `in.x`, `out.y`, `state.0.weight`.
    ///
    /// # Panics
    /// If the file does not have it.
    #[track_caller]
    pub fn tensor(&self, name: &str) -> Array {
        let key = format!("{}/{name}", self.id());
        self.group.tensor(&key).unwrap_or_else(|| panic!("{}: no tensor {key}", self.group.name))
    }

    pub fn expected_names(&self) -> Vec<&'a str> {
        names(&self.raw["expected"])
    }

    /// What the manifest says about an output: shape, tolerances, digest.
    pub fn expected_spec(&self, name: &str) -> &'a Value {
        &self.raw["expected"][name]
    }

    /// Compares a computed output with the expected one, as the manifest says for it.
    ///
    /// # Errors
    /// Says the worst difference and where it is.
    pub fn check(&self, name: &str, got_shape: &[usize], got: &[f32]) -> Result<(), String> {
        let spec = self.expected_spec(name);
        if spec.is_null() {
            return Err(format!("{name}: not an output of this case"));
        }
        let want_shape = shape(&spec["shape"]);
        if want_shape != got_shape || got.len() != want_shape.iter().product::<usize>() {
            return Err(format!(
                "{name}: shape {got_shape:?} of {} elements, expected {want_shape:?}",
                got.len()
            ));
        }
        let share = number(&spec["max_mismatch_fraction"]).unwrap_or(0.0);
        let (atol, rtol) = match spec["exact"] == true {
            true => (0.0, 0.0),
            false => (number(&spec["atol"]).unwrap_or(1e-5), number(&spec["rtol"]).unwrap_or(1e-4)),
        };
        if spec["digest"].is_object() {
            return digest(name, &spec["digest"], got, atol, rtol, share);
        }
        let want = match self.tensor(&format!("out.{name}")).data {
            Data::F32(values) => values,
            Data::I64(values) => values.into_iter().map(|v| v as f32).collect(),
            Data::Bool(values) => values.into_iter().map(|v| f32::from(u8::from(v))).collect(),
        };
        let ignored = spec["ignore_where"].as_str().map(|mask| self.tensor(&format!("out.{mask}")));
        let pairs = got
            .iter()
            .zip(&want)
            .map(|(got, want)| (f64::from(*got), f64::from(*want)))
            .enumerate()
            .filter(|(at, _)| !ignored.as_ref().is_some_and(|mask| mask.bools()[*at]));
        compare(name, pairs, atol, rtol, share)
    }

    /// [`check`](Self::check) for integers, which must be equal.
    ///
    /// # Errors
    /// Says where the first difference is.
    pub fn check_ints(&self, name: &str, got_shape: &[usize], got: &[i64]) -> Result<(), String> {
        let want = self.tensor(&format!("out.{name}"));
        if want.shape != got_shape {
            return Err(format!("{name}: shape {got_shape:?}, expected {:?}", want.shape));
        }
        match got.iter().zip(want.i64()).position(|(got, want)| got != want) {
            Some(at) => Err(format!("{name}: [{at}] is {}, expected {}", got[at], want.i64()[at])),
            None => Ok(()),
        }
    }
}

fn names(value: &Value) -> Vec<&str> {
    value.as_object().map(|object| object.keys().map(String::as_str).collect()).unwrap_or_default()
}

pub(crate) fn shape(value: &Value) -> Vec<usize> {
    let sizes = value.as_array().unwrap_or_else(|| panic!("{value} is not a shape"));
    sizes.iter().map(|size| size.as_u64().expect("sizes are whole numbers") as usize).collect()
}

fn digest(
    name: &str,
    digest: &Value,
    got: &[f32],
    atol: f64,
    rtol: f64,
    share: f64,
) -> Result<(), String> {
    let step = digest["step"].as_u64().expect("a digest has a step") as usize;
    let at = digest["at"].as_array().expect("a digest has values");
    let pairs = at.iter().enumerate().map(|(i, want)| {
        let want = number(want).expect("a digest's values are numbers");
        (i * step, (f64::from(got[i * step]), want))
    });
    // A share of 64 values may round to none, but one is always allowed where a share is.
    let share = if share > 0.0 { share.max(1.0 / at.len() as f64) } else { 0.0 };
    compare(name, pairs, atol, rtol, share)?;
    let l2 = got.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
    let want = number(&digest["l2"]).expect("a digest has a norm");
    match (l2 - want).abs() <= 1e-3 * want.abs() {
        true => Ok(()),
        false => Err(format!("{name}: norm {l2}, expected {want}")),
    }
}

pub(crate) fn compare(
    name: &str,
    pairs: impl Iterator<Item = (usize, (f64, f64))>,
    atol: f64,
    rtol: f64,
    share: f64,
) -> Result<(), String> {
    let (mut wrong, mut total) = (0usize, 0usize);
    let mut worst = (0.0, String::new());
    for (at, (got, want)) in pairs {
        total += 1;
        let allowed = atol + rtol * want.abs();
        let difference = (got - want).abs();
        if difference <= allowed || (got.is_nan() && want.is_nan()) || got == want {
            continue;
        }
        wrong += 1;
        let excess = if difference.is_nan() {
            f64::INFINITY
        } else {
            difference / allowed.max(f64::MIN_POSITIVE)
        };
        if excess > worst.0 {
            worst = (excess, format!("[{at}] is {got}, expected {want} within {allowed:e}"));
        }
    }
    match wrong as f64 <= share * total as f64 {
        true => Ok(()),
        false => Err(format!("{name}: {wrong} of {total} differ, worst {}", worst.1)),
    }
}
