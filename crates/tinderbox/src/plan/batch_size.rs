//! How many items a batch has.

use crate::{Hinted, Result};

/// A batch size that training cannot have.
#[derive(Debug, thiserror::Error)]
#[error("{}", text(*batch_size, *n_train, of))]
pub struct BatchSizeError {
    /// As it was given.
    pub batch_size: Option<usize>,
    pub n_train: usize,
    /// What there are so many of: `image`.
    pub of: &'static str,
}

impl Hinted for BatchSizeError {
    fn hint(&self) -> Option<String> {
        Some(match self.n_train {
            0 | 1 => "add some, or hold out fewer for validation: `--valid`".into(),
            n_train => format!(
                "choose a `--batch-size` from 2, the least for batch norm, to {n_train}, as partial training batches are dropped"
            ),
        })
    }
}

fn text(batch_size: Option<usize>, n_train: usize, of: &str) -> String {
    let items = if n_train == 1 { of.to_owned() } else { format!("{of}s") };
    match batch_size {
        Some(size) => {
            format!("a batch size of {size} does not work with {n_train} training {items}")
        }
        None => format!("there are too few training {of}s: {n_train}"),
    }
}

/// Fails for a batch size that `n_train` items cannot be trained with: batch norm needs two, and a
/// training batch is never partial.
///
/// # Errors
/// [`BatchSizeError`].
pub(crate) fn check(asked: Option<usize>, n_train: usize, of: &'static str) -> Result<()> {
    match n_train < 2 || asked.is_some_and(|size| !(2..=n_train).contains(&size)) {
        true => Err(BatchSizeError { batch_size: asked, n_train, of }.into()),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use crate::error;

    use super::*;

    #[test]
    fn the_sizes_that_can_be_are_said() {
        assert!(check(Some(2), 2, "image").is_ok() && check(None, 2, "image").is_ok());
        error::check(
            check(Some(64), 29, "image").unwrap_err(),
            "a batch size of 64 does not work with 29 training images",
            Some("from 2, the least for batch norm, to 29"),
        );
        error::check(
            check(None, 1, "image").unwrap_err(),
            "there are too few training images: 1",
            Some("add some"),
        );
        assert!(check(Some(1), 5, "text").is_err());
    }
}
