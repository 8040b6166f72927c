//! Tensors and facts in one file that holds no code.
//!
//! The form is safetensors: every reader of it finds the tensors by their names. The facts are
//! JSON under the key `tinderbox` of its metadata, with what kind of file it is and a checksum.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use burn::tensor::{Device, Tensor, TensorData};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use tinderbox_model::weights::{StateDict, check_form, read_file};

use crate::{
    Error, Result,
    file::{make_folder_of, write_atomically},
};

/// A kind of file, as its metadata says it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// Changes when an older reader would misread the file.
    pub(crate) format: u32,
}

/// What the metadata says.
#[derive(Serialize, Deserialize)]
struct Envelope {
    kind: String,
    format: u32,
    /// The version that wrote the file.
    version: String,
    /// Over the facts and all tensors.
    checksum: String,
    facts: Value,
}

/// Tensors on their way into a file.
#[derive(Debug, Default)]
pub(crate) struct Tensors(Vec<(String, Dtype, Vec<usize>, Vec<u8>)>);

impl Tensors {
    pub(crate) fn floats(&mut self, name: String, tensor: Tensor<1>) {
        let values: Vec<f32> = tensor.try_into_vec_as().expect("floats are readable as f32");
        self.f32(name, vec![values.len()], &values);
    }

    pub(crate) fn f32(&mut self, name: String, shape: Vec<usize>, values: &[f32]) {
        let bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.0.push((name, Dtype::F32, shape, bytes));
    }

    pub(crate) fn f64(&mut self, name: &str, values: &[f64]) {
        let bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.0.push((name.to_owned(), Dtype::F64, vec![values.len()], bytes));
    }

    pub(crate) fn weights(&mut self, prefix: &str, weights: &StateDict) {
        for (name, weight) in weights.iter() {
            self.f32(format!("{prefix}{name}"), weight.shape.clone(), &weight.values);
        }
    }

    /// Writes the file at once, with the folder it is in.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub(crate) fn write(self, path: &Path, kind: Kind, facts: &impl Serialize) -> Result<()> {
        let facts = serde_json::to_value(facts).expect("facts are plain data");
        let mut tensors = self.0;
        tensors.sort_by(|a, b| a.0.cmp(&b.0));
        let bytes = tensors.iter().map(|(name, _, _, bytes)| (name.as_str(), bytes.as_slice()));
        let envelope = Envelope {
            kind: kind.name.into(),
            format: kind.format,
            version: env!("CARGO_PKG_VERSION").into(),
            checksum: checksum(&facts, bytes),
            facts,
        };
        let envelope = serde_json::to_string(&envelope).expect("an envelope is plain data");
        let metadata = HashMap::from([("tinderbox".to_owned(), envelope)]);
        let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
            let view = TensorView::new(*dtype, shape.clone(), bytes);
            (name, view.expect("as many bytes as the shape says"))
        });
        let bytes = safetensors::serialize(views, Some(metadata)).expect("names are unique");
        make_folder_of(path)?;
        write_atomically(path, &bytes)
    }
}

/// A file that was read.
#[derive(Debug)]
pub(crate) struct Store {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Store {
    /// Reads a file of `kind`: its facts, and the tensors for later.
    ///
    /// # Errors
    /// [`Error::Read`], and [`Error::NotOurs`] saying what is wrong with the file.
    pub(crate) fn read<F: DeserializeOwned>(path: &Path, kind: Kind) -> Result<(Self, F)> {
        let bytes = read(path)?;
        let facts = envelope(&bytes, kind);
        let facts =
            facts.and_then(|facts| F::deserialize(facts).map_err(|error| error.to_string()));
        match facts {
            Ok(facts) => Ok((Self { path: path.to_owned(), bytes }, facts)),
            Err(what) => Err(Error::NotOurs { path: path.to_owned(), what }),
        }
    }

    fn tensors(&self) -> SafeTensors<'_> {
        SafeTensors::deserialize(&self.bytes).expect("checked when it was read")
    }

    /// The error for something that is wrong with this file.
    pub(crate) fn error(&self, what: String) -> Error {
        Error::NotOurs { path: self.path.clone(), what }
    }

    /// A flat tensor of 32-bit floats.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(crate) fn tensor(&self, name: &str, device: &Device) -> Result<Tensor<1>, String> {
        let (_, values) = self.f32(name)?;
        let shape = [values.len()];
        Ok(Tensor::from_data(TensorData::new(values, shape), device))
    }

    fn f32(&self, name: &str) -> Result<(Vec<usize>, Vec<f32>), String> {
        let tensors = self.tensors();
        let view = view(&tensors, name, Dtype::F32)?;
        let values = view.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
        Ok((view.shape().to_vec(), values.collect()))
    }

    /// A list of 64-bit floats.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(crate) fn f64(&self, name: &str) -> Result<Vec<f64>, String> {
        let tensors = self.tensors();
        let view = view(&tensors, name, Dtype::F64)?;
        Ok(view.data().as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect())
    }

    /// The tensors' names, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.tensors().names().iter().map(ToString::to_string).collect();
        names.sort();
        names
    }

    /// The weights whose names do not begin with `prefix`.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(crate) fn weights_but(&self, prefix: &str) -> Result<StateDict, String> {
        let mut weights = StateDict::default();
        for name in self.names().into_iter().filter(|name| !name.starts_with(prefix)) {
            let (shape, values) = self.f32(&name)?;
            weights.insert(name, shape, values);
        }
        Ok(weights)
    }

    /// The weights whose names begin with `prefix`, without it.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(crate) fn weights(&self, prefix: &str) -> Result<StateDict, String> {
        let mut weights = StateDict::default();
        for name in self.names() {
            if let Some(plain) = name.strip_prefix(prefix) {
                let (shape, values) = self.f32(&name)?;
                weights.insert(plain, shape, values);
            }
        }
        Ok(weights)
    }
}

/// A file's bytes.
///
/// # Errors
/// [`Error::NoFile`] or [`Error::Read`].
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    read_file(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => Error::NoFile { path: path.to_owned() },
        _ => Error::Read { path: path.to_owned(), source },
    })
}

/// Whether these bytes are a file with facts, of whatever kind.
pub(crate) fn has_facts(bytes: &[u8]) -> bool {
    let metadata = SafeTensors::read_metadata(bytes);
    metadata.is_ok_and(|(_, metadata)| {
        metadata.metadata().as_ref().is_some_and(|facts| facts.contains_key("tinderbox"))
    })
}

fn view<'a>(tensors: &SafeTensors<'a>, name: &str, dtype: Dtype) -> Result<TensorView<'a>, String> {
    let view = tensors.tensor(name).map_err(|_| format!("it lacks the tensor `{name}`"))?;
    match view.dtype() == dtype {
        true => Ok(view),
        false => Err(format!("`{name}` is of type {:?}, expected {dtype:?}", view.dtype())),
    }
}

/// The facts of a whole and unharmed file of `kind`.
fn envelope(bytes: &[u8], kind: Kind) -> Result<Value, String> {
    check_form(bytes).map_err(|error| error.to_string())?;
    let tensors = SafeTensors::deserialize(bytes)
        .map_err(|error| format!("it is truncated or not a safetensors file: {error}"))?;
    let (_, metadata) =
        SafeTensors::read_metadata(bytes).map_err(|error| format!("no metadata: {error}"))?;
    let text = metadata.metadata().as_ref().and_then(|metadata| metadata.get("tinderbox"));
    let Some(text) = text else {
        return Err(format!("it is a safetensors file, but no {}", kind.name));
    };
    let envelope: Envelope =
        serde_json::from_str(text).map_err(|error| format!("its facts are unreadable: {error}"))?;
    if envelope.kind != kind.name {
        return Err(format!("it is a {}, expected a {}", envelope.kind, kind.name));
    }
    if envelope.format != kind.format {
        return Err(format!(
            "its format is {}, written by version {}; this version reads format {}",
            envelope.format, envelope.version, kind.format
        ));
    }
    let mut views = tensors.tensors();
    views.sort_by(|a, b| a.0.cmp(&b.0));
    let found =
        checksum(&envelope.facts, views.iter().map(|(name, view)| (name.as_str(), view.data())));
    match found == envelope.checksum {
        true => Ok(envelope.facts),
        false => Err("its checksum is wrong: it was changed or damaged".into()),
    }
}

/// A fingerprint against damage, not against malice.
fn checksum<'a>(facts: &Value, tensors: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
    let mut hash = Hash(0xcbf2_9ce4_8422_2325);
    hash.bytes(facts.to_string().as_bytes());
    for (name, bytes) in tensors {
        hash.bytes(name.as_bytes());
        hash.bytes(bytes);
    }
    format!("{:016x}", hash.0)
}

/// FNV-1a over words of eight bytes, with a shift so that high bits reach the low ones.
struct Hash(u64);

impl Hash {
    fn bytes(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.word(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.word(u64::from_le_bytes(last));
        self.word(bytes.len() as u64);
    }

    fn word(&mut self, word: u64) {
        let hash = (self.0 ^ word).wrapping_mul(0x0100_0000_01b3);
        self.0 = hash ^ (hash >> 32);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const KIND: Kind = Kind { name: "test file", format: 2 };

    fn written(folder: &Path) -> PathBuf {
        let path = folder.join("deep").join("file");
        let mut tensors = Tensors::default();
        tensors.f64("list", &[0.1, f64::NAN]);
        tensors.f32("weights.a".into(), vec![1, 2], &[1.5, -0.0]);
        tensors.write(&path, KIND, &vec![u64::MAX, 1]).unwrap();
        path
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path());
        let (store, facts): (Store, Vec<u64>) = Store::read(&path, KIND).unwrap();
        assert_eq!(facts, [u64::MAX, 1]);
        let list = store.f64("list").unwrap();
        assert_eq!(list[0], 0.1);
        assert!(list[1].is_nan());
        let weights = store.weights("weights.").unwrap();
        let (name, weight) = weights.iter().next().unwrap();
        assert_eq!((name, &weight.shape[..]), ("a", &[1, 2][..]));
        assert_eq!(weight.values[1].to_bits(), (-0.0f32).to_bits());
        assert_eq!(store.f64("weights.a").unwrap_err(), "`weights.a` is of type F32, expected F64");
        assert_eq!(store.f64("other").unwrap_err(), "it lacks the tensor `other`");
    }

    #[track_caller]
    fn check_refused(path: &Path, kind: Kind, what: &str) {
        let error = Store::read::<Value>(path, kind).unwrap_err();
        let want = format!("{}: {what}", path.display());
        assert!(error.to_string().starts_with(&want), "{error}\n{want}");
    }

    #[test]
    fn truncated_damaged_and_foreign_files_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path());
        let whole = fs::read(&path).unwrap();

        for length in [0, 4, 8, 100, whole.len() - 1] {
            fs::write(&path, &whole[..length]).unwrap();
            let what = match length {
                0 => "it is empty",
                4 | 8 => "it is truncated or not a safetensors file: ",
                _ => "it is truncated: its length is not what its header says",
            };
            check_refused(&path, KIND, what);
        }
        let mut damaged = whole.clone();
        *damaged.last_mut().unwrap() ^= 1;
        fs::write(&path, damaged).unwrap();
        check_refused(&path, KIND, "its checksum is wrong: it was changed or damaged");

        fs::write(&path, &whole).unwrap();
        check_refused(&path, Kind { name: "other", ..KIND }, "it is a test file, expected a other");
        check_refused(
            &path,
            Kind { format: 3, ..KIND },
            "its format is 2, written by version 0.1.0; this version reads format 3",
        );
        let plain = safetensors::serialize::<&str, TensorView<'_>, _>([], None).unwrap();
        fs::write(&path, plain).unwrap();
        check_refused(&path, KIND, "it is a safetensors file, but no test file");

        let gone = folder.path().join("gone");
        let error = Store::read::<Value>(&gone, KIND).unwrap_err();
        assert_eq!(error.to_string(), format!("there is no file {}", gone.display()));
    }

    #[test]
    fn the_same_content_gives_the_same_bytes() {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let bytes = |folder: &Path| fs::read(written(folder)).unwrap();
        assert_eq!(bytes(a.path()), bytes(b.path()));
    }
}
