//! Settings that come from people and files.

use crate::{Error, Result};

/// A size, which is 1 or more.
pub(super) fn size(setting: &'static str, value: usize) -> Result<()> {
    match value {
        0 => Err(Error::Setting { setting, value: "0".into(), wanted: "1 or more".into() }),
        _ => Ok(()),
    }
}

/// A probability of being dropped.
pub(super) fn share(setting: &'static str, value: f64) -> Result<()> {
    match (0.0..1.0).contains(&value) {
        true => Ok(()),
        false => {
            let (value, wanted) = (value.to_string(), "at least 0 and below 1".into());
            Err(Error::Setting { setting, value, wanted })
        }
    }
}

/// The id of a word.
pub(super) fn word(setting: &'static str, value: usize, vocab: usize) -> Result<()> {
    match value < vocab {
        true => Ok(()),
        false => {
            let wanted = format!("in 0..{vocab}, the vocabulary");
            Err(Error::Setting { setting, value: value.to_string(), wanted })
        }
    }
}
