//! The list of words that weights were trained with.

use std::path::Path;

use super::{
    BoxedError,
    pickle::{self, Value},
    read_file,
};
use crate::{Error, Result};

/// Reads a list of words by their ids: JSON, or a pickle as fastai's `itos`. Nothing in it is
/// executed.
///
/// # Errors
/// [`Error::WeightsFile`], whose source says why the file cannot be opened, or is
/// [`Error::Words`].
pub fn read_words(path: impl AsRef<Path>) -> Result<Vec<String>> {
    let path = path.as_ref();
    let unread = |source: BoxedError| Error::WeightsFile { path: path.to_owned(), source };
    let bytes = read_file(path).map_err(|error| unread(error.into()))?;
    let words = match bytes.first() {
        Some(0x80) => from_pickle(&bytes),
        _ => serde_json::from_slice(&bytes).map_err(|error| error.to_string()),
    };
    words.map_err(|reason| unread(Error::Words { reason }.into()))
}

fn from_pickle(bytes: &[u8]) -> Result<Vec<String>, String> {
    let (pickle, value, _) = pickle::read(bytes)?;
    let Value::List(at) = value else { return Err("it is a pickle of something else".into()) };
    let word = |value: &Value| match value {
        Value::Text(word) => Ok(word.as_ref().to_owned()),
        _ => Err("not all of it is text".to_owned()),
    };
    pickle.lists[at].iter().map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_from_a_pickle() {
        let bytes = b"\x80\x03]q\x00(X\x02\0\0\0upX\x01\0\0\0ae.";
        assert_eq!(from_pickle(bytes).unwrap(), ["up", "a"]);
        assert_eq!(from_pickle(b"\x80\x03]K\x01a.").unwrap_err(), "not all of it is text");
        assert_eq!(from_pickle(b"\x80\x03K\x01.").unwrap_err(), "it is a pickle of something else");
    }
}
