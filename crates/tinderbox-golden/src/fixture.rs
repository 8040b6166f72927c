//! A fixture of the common form: one manifest, one file of tensors, no list of cases.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{Array, Data, dir, fill, group};

/// A manifest with its tensors, from the folder `text_gan`; `golden/README.md` says what is in it.
#[derive(Debug)]
pub struct Fixture {
    name: String,
    manifest: Value,
    tensors: Vec<u8>,
}

impl Fixture {
    /// # Panics
    /// If its files are missing or unreadable, naming them.
    #[track_caller]
    pub fn open(name: &str) -> Self {
        let folder = dir().join("text_gan");
        let read = |path: &Path| {
            fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        let path = folder.join(format!("{name}.json"));
        let manifest = serde_json::from_slice(&read(&path))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let tensors = read(&folder.join(format!("{name}.safetensors")));
        Self { name: name.to_owned(), manifest, tensors }
    }

    pub fn manifest(&self) -> &Value {
        &self.manifest
    }

    /// Whether there is a stored tensor of this name.
    pub fn has(&self, name: &str) -> bool {
        !self.manifest["tensors"][name].is_null()
    }

    /// A stored tensor.
    ///
    /// # Panics
    /// If the file does not have it.
    #[track_caller]
    pub fn tensor(&self, name: &str) -> Array {
        group::read(&self.tensors, &self.name, name)
            .unwrap_or_else(|| panic!("{}: no tensor {name}", self.name))
    }

    /// An input of this key, by the recipe.
    ///
    /// # Panics
    /// If the manifest does not list it.
    #[track_caller]
    pub fn input(&self, key: &str) -> Array {
        self.filled(key, &self.manifest["inputs"][key])
    }

    /// A model's weights, by their names in it, by the recipe.
    ///
    /// # Panics
    /// If the manifest does not list the model.
    #[track_caller]
    pub fn weights(&self, model: &str) -> Vec<(String, Array)> {
        let keyed = self.keyed_weights(model).into_iter();
        keyed
            .map(|(key, array)| match key.split_once('.') {
                Some((_, name)) => (name.to_owned(), array),
                None => (key, array),
            })
            .collect()
    }

    /// [`weights`](Self::weights) by the whole keys, which begin with the model's tag.
    ///
    /// # Panics
    /// As there.
    #[track_caller]
    pub fn keyed_weights(&self, model: &str) -> Vec<(String, Array)> {
        let keys = self.manifest["keys"][model].as_array();
        let keys = keys.unwrap_or_else(|| panic!("{}: no weights of {model}", self.name));
        keys.iter()
            .map(|entry| {
                let key = entry[0].as_str().expect("keys are text");
                (key.to_owned(), self.filled(key, &entry[1]))
            })
            .collect()
    }

    #[track_caller]
    fn filled(&self, key: &str, shape: &Value) -> Array {
        let seed = self.manifest["seed"].as_u64().unwrap_or(0);
        let shape = group::shape(shape);
        Array { data: Data::F32(fill::recipe(seed, key, &shape)), shape }
    }

    /// Compares computed numbers with a stored tensor, by the manifest's tolerance.
    ///
    /// # Errors
    /// Says the worst difference and where it is.
    pub fn check(&self, name: &str, shape: &[usize], got: &[f32]) -> Result<(), String> {
        let want = self.tensor(name);
        if want.shape != shape {
            return Err(format!("{name}: shape {shape:?}, expected {:?}", want.shape));
        }
        let tolerance = |name: &str, usual: f64| {
            crate::number(&self.manifest["tolerance"][name]).unwrap_or(usual)
        };
        let pairs =
            got.iter().zip(want.f32()).map(|(got, want)| (f64::from(*got), f64::from(*want)));
        group::compare(
            name,
            pairs.enumerate(),
            tolerance("atol", 1e-5),
            tolerance("rtol", 1e-4),
            0.0,
        )
    }
}
