//! Weights in and out, by PyTorch's names and in PyTorch's layouts.

mod form;
mod pickle;
mod pth;
mod transfer;
mod words;
mod zip;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use burn::{
    module::{Module, ModuleMapper, ModuleVisitor, Param},
    tensor::{Tensor, TensorData},
};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

pub use form::{check_form, check_is_file, read_file};
pub use transfer::{load_encoder, load_fastai, save_encoder, transfer_vocab};
pub use words::read_words;

use crate::{Error, Layer, Result, error::ShapeMismatch};

type BoxedError = Box<dyn std::error::Error + Send + Sync>;

/// A weight on the host.
#[derive(Debug, Clone, PartialEq)]
pub struct Weight {
    pub shape: Vec<usize>,
    /// Row-major.
    pub values: Vec<f32>,
}

/// All parameters and running statistics of a model, by name.
#[derive(Debug, Clone, Default, PartialEq)]
#[doc(alias = "state_dict")]
pub struct StateDict {
    weights: BTreeMap<String, Weight>,
}

/// What a file of weights has in it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Contents {
    pub weights: StateDict,
    /// The names of tensors of whole numbers, which are no weights: PyTorch's batch norms count
    /// batches in them, its transformers positions.
    pub left_out: Vec<String>,
}

impl Contents {
    /// Reads a file of weights: safetensors, or one of PyTorch's, which its first bytes tell. Of
    /// several dictionaries in one of PyTorch's, that of the weights is taken.
    ///
    /// # Errors
    /// As [`StateDict::read`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        Self::of_file(path.as_ref(), false)
    }

    fn of_file(path: &Path, every: bool) -> Result<Self> {
        let unread = |source: BoxedError| Error::WeightsFile { path: path.to_owned(), source };
        let bytes = read_file(path).map_err(|error| unread(error.into()))?;
        let read = || {
            if pth::is_pth(&bytes) {
                return pth::read(&bytes, every);
            }
            check_form(&bytes)?;
            Self::of_safetensors(&bytes)
        };
        read().map_err(|error| unread(error.into()))
    }

    fn of_safetensors(bytes: &[u8]) -> Result<Self> {
        let file = SafeTensors::deserialize(bytes)
            .map_err(|error| Error::Safetensors { reason: error.to_string() })?;
        let mut contents = Self::default();
        for (name, view) in file.tensors() {
            let values = floats(&view).filter(|_| !is_count(&name));
            match (values, is_count(&name) || is_whole(view.dtype())) {
                (Some(values), _) => {
                    let weight = Weight { shape: view.shape().to_vec(), values };
                    contents.weights.weights.insert(name, weight);
                }
                (None, true) => contents.left_out.push(name),
                (None, false) => {
                    return Err(Error::Dtype { name, dtype: format!("{:?}", view.dtype()) });
                }
            }
        }
        contents.left_out.sort();
        Ok(contents)
    }
}

/// Whether a model and its weights must have the same names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strict {
    #[default]
    Yes,
    /// What is missing keeps its value, what is unexpected is left out. Shapes must fit all the
    /// same.
    No,
}

/// What was not there to be loaded, and what there was no place for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadReport {
    pub missing: Vec<String>,
    pub unexpected: Vec<String>,
}

impl LoadReport {
    /// What was missing, in words; nothing if all was there.
    pub fn missing_text(&self) -> Option<String> {
        Some(match &self.missing[..] {
            [] => return None,
            [name] => format!("the weights have no {name}, which starts fresh"),
            [first, .., last] => {
                let n = self.missing.len();
                format!(
                    "{n} of the body's weights are not in the file and start fresh: {first} … {last}"
                )
            }
        })
    }
}

impl StateDict {
    /// The weights, by their names in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Weight)> {
        self.weights.iter().map(|(name, weight)| (name.as_str(), weight))
    }

    /// The weight called `name`.
    pub fn get(&self, name: &str) -> Option<&Weight> {
        self.weights.get(name)
    }

    /// Adds a weight, or replaces the one of this name.
    ///
    /// # Panics
    /// If the shape does not hold as many numbers as there are.
    pub fn insert(&mut self, name: impl Into<String>, shape: Vec<usize>, values: Vec<f32>) {
        assert_eq!(
            shape.iter().product::<usize>(),
            values.len(),
            "as many numbers as {shape:?} holds"
        );
        self.weights.insert(name.into(), Weight { shape, values });
    }

    /// The same weights, called what `rename` makes of their names.
    pub fn renamed(self, rename: impl Fn(&str) -> String) -> Self {
        let weights = self.weights.into_iter().map(|(name, weight)| (rename(&name), weight));
        Self { weights: weights.collect() }
    }

    /// How many weights there are.
    pub fn len(&self) -> usize {
        self.weights.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.weights.is_empty()
    }

    /// A safetensors file.
    pub fn to_safetensors(&self) -> Vec<u8> {
        let bytes: Vec<(&str, &[usize], Vec<u8>)> = self
            .iter()
            .map(|(name, weight)| {
                (
                    name,
                    &weight.shape[..],
                    weight.values.iter().flat_map(|v| v.to_le_bytes()).collect(),
                )
            })
            .collect();
        let views = bytes.iter().map(|(name, shape, bytes)| {
            let view = TensorView::new(Dtype::F32, shape.to_vec(), bytes);
            (*name, view.expect("as many bytes as the shape holds"))
        });
        safetensors::serialize(views, None).expect("names are unique")
    }

    /// Reads a file of weights: safetensors, or one of PyTorch's, which its first bytes tell. Of
    /// several dictionaries in one of PyTorch's, that of the weights is taken.
    ///
    /// # Errors
    /// [`Error::WeightsFile`], whose source is as in [`from_safetensors`](Self::from_safetensors)
    /// and [`from_pth`](Self::from_pth), is [`Error::Form`] for another kind of file, or says why
    /// the file cannot be opened.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        Ok(Contents::of_file(path.as_ref(), false)?.weights)
    }

    /// [`read`](Self::read) every dictionary of tensors in the file, with the names of those that lie
    /// in others before their weights': `state_dict.conv1.weight`.
    ///
    /// # Errors
    /// As there.
    pub fn read_every(path: impl AsRef<Path>) -> Result<Self> {
        Ok(Contents::of_file(path.as_ref(), true)?.weights)
    }

    /// Reads a file of PyTorch's, `.pth` or `.pt`: a dictionary of tensors by name, alone or in
    /// another under one of the usual names, such as `model` or `state_dict`. Nothing in it is
    /// executed, and no more is made of it than twice as many numbers as it has bytes.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] for a file that is none or is damaged, [`Error::WholeModel`] for one
    /// that holds an object, [`Error::Dtype`] for a tensor that is neither of floats nor of whole
    /// numbers, which are left out.
    pub fn from_pth(bytes: &[u8]) -> Result<Self> {
        Ok(pth::read(bytes, false)?.weights)
    }

    /// Reads a safetensors file: nothing in it is executed, and no more is allocated than it is
    /// long. Numbers of 16 and 64 bits become 32.
    ///
    /// # Errors
    /// [`Error::Safetensors`] for a file that is none, or is damaged; [`Error::Dtype`] for a
    /// tensor that is neither of floats nor of whole numbers, which are left out.
    pub fn from_safetensors(bytes: &[u8]) -> Result<Self> {
        Ok(Contents::of_safetensors(bytes)?.weights)
    }
}

/// Whether it is what PyTorch's batch norms count batches in.
fn is_count(name: &str) -> bool {
    name.ends_with("num_batches_tracked")
}

fn is_whole(dtype: Dtype) -> bool {
    use Dtype::{BOOL, I8, I16, I32, I64, U8, U16, U32, U64};
    matches!(dtype, BOOL | I8 | I16 | I32 | I64 | U8 | U16 | U32 | U64)
}

fn floats(view: &TensorView<'_>) -> Option<Vec<f32>> {
    let bytes = view.data();
    Some(match view.dtype() {
        Dtype::F32 => bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
        Dtype::F64 => bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b) as f32).collect(),
        Dtype::BF16 => bytes
            .as_chunks()
            .0
            .iter()
            .map(|b| f32::from_bits(u32::from(u16::from_le_bytes(*b)) << 16))
            .collect(),
        Dtype::F16 => bytes.as_chunks().0.iter().map(|b| half(u16::from_le_bytes(*b))).collect(),
        _ => return None,
    })
}

/// A half-precision number, IEEE 754 binary16.
fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023));
    sign * match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        exponent => (1.0 + fraction / 1024.0) * 2f32.powi(exponent - 15),
    }
}

/// The model's weights and running statistics.
pub fn state_dict(model: &dyn Layer) -> StateDict {
    let mut collect = Collect::default();
    model.visit_erased(&mut collect);
    collect.state
}

#[derive(Default)]
struct Collect {
    path: Vec<String>,
    state: StateDict,
}

impl ModuleVisitor for Collect {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let value = param.val();
        let shape = value.dims().to_vec();
        let values = value.into_data().convert::<f32>().try_to_vec().expect("just converted");
        self.state.insert(self.path.join("."), shape, values);
    }
}

/// Gives the model these weights; what is trainable stays so.
///
/// # Errors
/// [`Error::Weights`] with everything that does not fit; the model is lost then, so keep a copy.
pub fn load_state_dict(
    model: Box<dyn Layer>,
    weights: &StateDict,
    strict: Strict,
) -> Result<(Box<dyn Layer>, LoadReport)> {
    let mut load = Load {
        weights,
        path: Vec::new(),
        missing: Vec::new(),
        shapes: Vec::new(),
        seen: BTreeSet::new(),
    };
    let model = model.map(&mut load);
    let Load { seen, missing, shapes, .. } = load;
    let unexpected: Vec<String> = weights
        .iter()
        .map(|(name, _)| name.to_owned())
        .filter(|name| !seen.contains(name))
        .collect();
    let names_fit = strict == Strict::No || (missing.is_empty() && unexpected.is_empty());
    match names_fit && shapes.is_empty() {
        true => Ok((model, LoadReport { missing, unexpected })),
        false => Err(Error::Weights { missing, unexpected, shapes }),
    }
}

struct Load<'a> {
    weights: &'a StateDict,
    path: Vec<String>,
    seen: BTreeSet<String>,
    missing: Vec<String>,
    shapes: Vec<ShapeMismatch>,
}

impl ModuleMapper for Load<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.path.join(".");
        let Some(weight) = self.weights.get(&name) else {
            self.missing.push(name);
            return param;
        };
        self.seen.insert(name.clone());
        let expected = param.dims();
        if weight.shape != expected {
            self.shapes.push(ShapeMismatch {
                name,
                found: weight.shape.clone(),
                expected: expected.to_vec(),
            });
            return param;
        }
        let trainable = param.is_require_grad();
        let (id, old, mapper) = param.consume();
        let data = TensorData::new(weight.values.clone(), weight.shape.clone());
        let value = Tensor::from_data(data, &old.device()).set_require_grad(trainable);
        Param::from_mapped_value(id, value, mapper)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_counted() {
        let text = |missing: &[&str]| {
            let missing = missing.iter().map(|name| (*name).to_owned()).collect();
            LoadReport { missing, unexpected: Vec::new() }.missing_text()
        };
        assert_eq!(text(&[]), None);
        assert_eq!(text(&["a"]).unwrap(), "the weights have no a, which starts fresh");
        let text = text(&["a", "b", "c"]).unwrap();
        assert!(text.starts_with("3 of the body's weights") && text.ends_with("a … c"), "{text}");
    }

    #[test]
    fn a_file_gives_back_what_was_written() {
        let mut state = StateDict::default();
        state.insert("a.weight", vec![2, 1], vec![1.5, -0.0]);
        state.insert("scalar", vec![], vec![7.0]);
        assert_eq!(StateDict::from_safetensors(&state.to_safetensors()).unwrap(), state);
    }

    #[test]
    fn shorter_and_longer_numbers_become_floats() {
        assert_eq!(half(0x3c00), 1.0);
        assert_eq!(half(0xc000), -2.0);
        assert_eq!(half(0x0001), 2f32.powi(-24));
        assert_eq!(half(0x7c00), f32::INFINITY);
        assert!(half(0x7e00).is_nan());
    }

    #[test]
    fn what_is_no_file_is_refused() {
        for bytes in [&b""[..], b"12345678", &[255; 64], b"\x10\0\0\0\0\0\0\0{\"a\": 1}"] {
            assert!(matches!(StateDict::from_safetensors(bytes), Err(Error::Safetensors { .. })));
        }
    }
}
