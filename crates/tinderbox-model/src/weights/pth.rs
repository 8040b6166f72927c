//! PyTorch's files of weights, of both kinds: archives, and those from before version 1.6.

use std::collections::HashMap;

use super::{
    Contents, Weight, half, is_count,
    pickle::{self, Pickle, Value},
    zip,
};
use crate::{Error, Result};

/// What the older kind begins with: a pickled number.
const MAGIC: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

/// Dictionaries in dictionaries, up to this depth.
const DEPTH: usize = 8;

/// What programs call the dictionary with the weights: averaged ones before those of the last step.
const WRAPPERS: [&str; 19] = [
    "state_dict_ema",
    "model_ema",
    "ema_state_dict",
    "ema_model",
    "params_ema",
    "ema",
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
    "module",
    "net_state_dict",
    "net",
    "network",
    "weights",
    "params",
    "backbone",
    "encoder",
    "student",
];

/// Whether the file is one of PyTorch's.
pub(super) fn is_pth(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(MAGIC)
}

/// The weights in a file: of the dictionary that the table names, where dictionaries lie in another,
/// or of `every` one of them, with its name before theirs.
pub(super) fn read(bytes: &[u8], every: bool) -> Result<Contents> {
    let damaged = |reason: String| Error::Checkpoint { reason };
    let file = File::open(bytes)?;
    let root = if every { file.root.clone() } else { file.unwrapped() };
    let mut found =
        Found { file: &file, contents: Contents::default(), object: None, left: 2 * bytes.len() };
    found.dict(&root, "", DEPTH)?;
    if let Value::Call(class, _) = &root {
        found.object = Some(class.as_ref().to_owned());
    }
    match (found.contents.weights.is_empty(), found.object) {
        (false, _) => Ok(found.contents),
        (true, Some(class)) => Err(Error::WholeModel { class }),
        (true, None) => Err(damaged("there are no weights by name in it".into())),
    }
}

/// A file that has been taken apart.
struct File<'a> {
    pickle: Pickle,
    root: Value,
    /// The numbers of tensors, by their keys.
    storages: HashMap<String, &'a [u8]>,
}

impl<'a> File<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self> {
        match bytes.starts_with(MAGIC) {
            true => Self::old(bytes).map_err(|reason| Error::Checkpoint { reason }),
            false => Self::archive(bytes),
        }
    }

    /// `NAME/data.pkl` and the numbers in `NAME/data/KEY`.
    fn archive(bytes: &'a [u8]) -> Result<Self> {
        let damaged = |reason: String| Error::Checkpoint { reason };
        if !bytes.starts_with(b"PK") {
            let reason = "it begins neither as an archive nor as PyTorch's older files";
            return Err(damaged(reason.into()));
        }
        let files = zip::files(bytes).map_err(damaged)?;
        let main =
            files.iter().find_map(|(name, bytes)| Some((name.strip_suffix("data.pkl")?, *bytes)));
        let Some((folder, main)) = main else { return Err(other_archive(bytes)) };
        if files.iter().any(|(name, bytes)| name.ends_with("byteorder") && *bytes == b"big") {
            return Err(damaged("its numbers are written with the highest byte first".into()));
        }
        let storages = files.iter().filter_map(|(name, bytes)| {
            let key = name.strip_prefix(folder)?.strip_prefix("data/")?;
            Some((key.to_owned(), *bytes))
        });
        let storages = storages.collect();
        let (pickle, root, _) = pickle::read(main).map_err(damaged)?;
        Ok(Self { pickle, root, storages })
    }

    /// Five pickles, of which the fourth is the object and the fifth the keys of the numbers that
    /// follow, each after their count.
    fn old(bytes: &'a [u8]) -> Result<Self, String> {
        let mut rest = &bytes[MAGIC.len()..];
        let mut next = || -> Result<(Pickle, Value), String> {
            let (pickle, value, length) = pickle::read(rest)?;
            rest = &rest[length..];
            Ok((pickle, value))
        };
        let (_version, _system) = (next()?, next()?);
        let ((pickle, root), (keys, list)) = (next()?, next()?);
        let Value::List(list) = list else { return Err("it has no list of its numbers".into()) };
        let types = storage_types(&pickle);
        let mut storages = HashMap::new();
        for key in &keys.lists[list] {
            let Value::Text(key) = key else { continue };
            let size = types.get(&**key).and_then(|kind| Kind::of(kind)).map_or(0, Kind::size);
            if size == 0 {
                return Err(format!("the numbers {key} are of no known type"));
            }
            let (count, after) = rest.split_first_chunk().ok_or("the file ends too early")?;
            let length = usize::try_from(u64::from_le_bytes(*count)).ok();
            let length = length.and_then(|count| count.checked_mul(size));
            let parts = length.and_then(|length| after.split_at_checked(length));
            let (numbers, after) = parts.ok_or("the file ends too early")?;
            storages.insert(key.as_ref().to_owned(), numbers);
            rest = after;
        }
        Ok(Self { pickle, root, storages })
    }

    fn entry(&self, dict: &Value, name: &str) -> Option<&Value> {
        let Value::Dict(at) = dict else { return None };
        let named = |(key, _): &&(Value, Value)| matches!(key, Value::Text(key) if &**key == name);
        self.pickle.dicts[*at].iter().find(named).map(|(_, value)| value)
    }

    /// The dictionary with the weights: the root, or one that lies in it.
    fn unwrapped(&self) -> Value {
        let has_tensors = self.with_tensors();
        let of_weights = |value: &&Value| match value {
            Value::Dict(at) => has_tensors[*at],
            other => is_tensor_call(other),
        };
        let mut dict = self.root.clone();
        for _ in 0..DEPTH {
            let Value::Dict(at) = dict else { break };
            let named = WRAPPERS.iter().filter_map(|name| self.entry(&dict, name));
            let named = named.filter(|value| matches!(value, Value::Dict(_))).find(of_weights);
            let entries = &self.pickle.dicts[at];
            let mut inner = entries.iter().map(|(_, value)| value).filter(of_weights);
            let only = match (inner.next(), inner.next()) {
                (Some(only @ Value::Dict(_)), None) => Some(only),
                _ => None,
            };
            let Some(inner) = named.or(only) else { break };
            dict = inner.clone();
        }
        dict
    }

    /// For each dictionary, whether there are tensors in it, or in one that lies in it.
    fn with_tensors(&self) -> Vec<bool> {
        let dicts = &self.pickle.dicts;
        let mut found = vec![false; dicts.len()];
        for _ in 0..DEPTH {
            let before = found.clone();
            for (found, entries) in found.iter_mut().zip(dicts) {
                *found = entries.iter().any(|(_, value)| match value {
                    Value::Dict(at) => before[*at],
                    other => is_tensor_call(other),
                });
            }
        }
        found
    }

    fn ints(&self, value: Option<&Value>) -> Option<Vec<usize>> {
        let Value::List(at) = value? else { return None };
        self.pickle.lists[*at].iter().map(int).collect()
    }

    /// The type of a storage and its key, of what stands for it: `("storage", type, key, …)`.
    fn storage(&self, value: Option<&Value>) -> Option<(&str, &str)> {
        let Value::Persistent(at) = value? else { return None };
        storage_key(&self.pickle.lists[*at])
    }
}

fn storage_key(list: &[Value]) -> Option<(&str, &str)> {
    match list {
        [Value::Text(_), Value::Global(kind), Value::Text(key), ..] => Some((kind, key)),
        _ => None,
    }
}

/// The types of all storages, by their keys.
fn storage_types(pickle: &Pickle) -> HashMap<&str, &str> {
    let found = pickle.lists.iter().filter_map(|list| storage_key(list));
    found.map(|(kind, key)| (key, kind)).collect()
}

fn int(value: &Value) -> Option<usize> {
    match value {
        Value::Int(value) => usize::try_from(*value).ok(),
        _ => None,
    }
}

/// What numbers are written as.
#[derive(Debug, Clone, Copy)]
enum Kind {
    F32,
    F64,
    F16,
    Bf16,
    /// Of this many bytes: no weights.
    Whole(usize),
}

impl Kind {
    /// Of a class of PyTorch's: `torch.FloatStorage`.
    fn of(class: &str) -> Option<Self> {
        Some(match class.rsplit('.').next()? {
            "FloatStorage" => Self::F32,
            "DoubleStorage" => Self::F64,
            "HalfStorage" => Self::F16,
            "BFloat16Storage" => Self::Bf16,
            "LongStorage" => Self::Whole(8),
            "IntStorage" => Self::Whole(4),
            "ShortStorage" => Self::Whole(2),
            "CharStorage" | "ByteStorage" | "BoolStorage" => Self::Whole(1),
            _ => return None,
        })
    }

    fn size(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::Whole(size) => size,
        }
    }

    /// The number that `bytes` begin with.
    fn number(self, bytes: &[u8]) -> Option<f32> {
        match self {
            Self::F32 => bytes.first_chunk().map(|b| f32::from_le_bytes(*b)),
            Self::F64 => bytes.first_chunk().map(|b| f64::from_le_bytes(*b) as f32),
            Self::F16 => bytes.first_chunk().map(|b| half(u16::from_le_bytes(*b))),
            Self::Bf16 => {
                bytes.first_chunk().map(|b| f32::from_bits(u32::from(u16::from_le_bytes(*b)) << 16))
            }
            Self::Whole(_) => None,
        }
    }
}

/// Whether a function makes a tensor.
fn is_tensor(function: &str) -> bool {
    ["torch._utils._rebuild", "torch._tensor._rebuild"].iter().any(|own| function.starts_with(own))
}

fn is_tensor_call(value: &Value) -> bool {
    matches!(value, Value::Call(function, _) if is_tensor(function))
}

/// An archive of another program's, or one that was packed again.
fn other_archive(bytes: &[u8]) -> Error {
    const KNOWN: [(&[u8], &str); 4] = [
        (b"data.pkl", "a PyTorch file that was packed again, compressed"),
        (b".npy", "a NumPy archive"),
        (b".h5", "a Keras file"),
        (b"mimetype", "a document"),
    ];
    let has = |name: &[u8]| bytes.windows(name.len()).any(|window| window == name);
    let what = KNOWN.iter().find(|(name, _)| has(name));
    Error::Form {
        what: what.map_or("a zip archive without PyTorch's `data.pkl`", |(_, what)| what),
        hint: "weights are read from .pth and .safetensors files: if there is one in it, unpack it",
    }
}

/// The weights that were found so far.
struct Found<'a> {
    file: &'a File<'a>,
    contents: Contents,
    /// The class of an object that is no tensor.
    object: Option<String>,
    /// How many numbers and entries there may still be: many tensors can share the same numbers,
    /// but not without end.
    left: usize,
}

impl Found<'_> {
    /// The weights of a dictionary, and of those in it, whose names are put before theirs.
    fn dict(&mut self, dict: &Value, prefix: &str, depth: usize) -> Result<()> {
        let Value::Dict(at) = dict else { return Ok(()) };
        for (key, value) in &self.file.pickle.dicts[*at] {
            self.spend(1)?;
            let Value::Text(key) = key else { continue };
            let name = format!("{prefix}{key}");
            match value {
                Value::Dict(_) if depth > 0 => self.dict(value, &format!("{name}."), depth - 1)?,
                Value::Call(function, _) if is_tensor(function) => {
                    let weight = match is_count(&name) {
                        true => None,
                        false => self.tensor(&name, value)?,
                    };
                    match weight {
                        Some(weight) => drop(self.contents.weights.weights.insert(name, weight)),
                        None => self.contents.left_out.push(name),
                    }
                }
                Value::Call(class, _) => {
                    self.object.get_or_insert_with(|| class.as_ref().to_owned());
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn spend(&mut self, n: usize) -> Result<()> {
        let reason = || "more comes out of it than it holds".to_owned();
        let left = self.left.checked_sub(n);
        self.left = left.ok_or_else(|| Error::Checkpoint { reason: reason() })?;
        Ok(())
    }

    /// `_rebuild_tensor_v2(storage, offset, size, stride, …)`, `_rebuild_parameter` of one, or
    /// `_rebuild_from_type_v2(function, class, arguments, state)`; nothing for whole numbers.
    fn tensor(&mut self, name: &str, value: &Value) -> Result<Option<Weight>> {
        let lists = &self.file.pickle.lists;
        let damaged = || Error::Checkpoint { reason: format!("`{name}` is damaged") };
        let Value::Call(function, at) = value else { return Err(damaged()) };
        let (mut function, mut at) = (function, at);
        if function.starts_with("torch._utils._rebuild_parameter") {
            let Some(Value::Call(inner, inner_at)) = lists[*at].first() else {
                return Err(damaged());
            };
            (function, at) = (inner, inner_at);
        }
        if function.starts_with("torch._tensor._rebuild_from_type") {
            let [Value::Global(inner), _, Value::List(inner_at), ..] = &lists[*at][..] else {
                return Err(damaged());
            };
            (function, at) = (inner, inner_at);
        }
        if !function.starts_with("torch._utils._rebuild_tensor") {
            let reason = format!("`{name}` is made by calling {function}, which is not done");
            return Err(Error::Checkpoint { reason });
        }
        let arguments = &lists[*at];
        let (class, key) = self.file.storage(arguments.first()).ok_or_else(damaged)?;
        let kind = match Kind::of(class) {
            Some(Kind::Whole(_)) => return Ok(None),
            Some(kind) => kind,
            None => {
                return Err(Error::Dtype { name: name.to_owned(), dtype: class.to_owned() });
            }
        };
        let storage = self.file.storages.get(key).ok_or_else(damaged)?;
        let offset = arguments.get(1).and_then(int).ok_or_else(damaged)?;
        let shape = self.file.ints(arguments.get(2)).ok_or_else(damaged)?;
        let strides = self.file.ints(arguments.get(3)).ok_or_else(damaged)?;
        let count = shape.iter().try_fold(1usize, |n, size| n.checked_mul(*size));
        let count = count.filter(|_| shape.len() == strides.len()).ok_or_else(damaged)?;
        self.spend(count)?;
        let at = |index: usize| -> Option<f32> {
            let mut rest = index;
            let mut at = offset;
            for (size, stride) in shape.iter().zip(&strides).rev() {
                at = at.checked_add((rest % size).checked_mul(*stride)?)?;
                rest /= size;
            }
            kind.number(storage.get(at.checked_mul(kind.size())?..)?)
        };
        let values = (0..count).map(at).collect::<Option<Vec<f32>>>().ok_or_else(damaged)?;
        Ok(Some(Weight { shape, values }))
    }
}

#[cfg(test)]
mod tests;
