//! Which compilation of the kernels is timed.

use tinderbox_kernels::{Path, force_path, paths};

use crate::{Error, Result};

/// What users call the paths.
pub const PATHS: [&str; 4] = ["plain", "avx2", "avx512", "neon"];

/// Makes all kernels take this one of [`PATHS`] from here on, in the whole process.
///
/// # Errors
/// [`Error::NoPath`] if the machine does not have it, or nobody does.
pub fn set_path(wanted: &str) -> Result<()> {
    let found = paths();
    match found.iter().find(|path| name(**path) == wanted) {
        Some(path) => {
            force_path(*path);
            Ok(())
        }
        None => {
            let found = found.into_iter().map(name).collect();
            Err(Error::NoPath { path: wanted.to_owned(), found })
        }
    }
}

pub(crate) fn name(path: Path) -> &'static str {
    match path {
        Path::Plain => "plain",
        Path::Avx2 => "avx2",
        Path::Avx512 => "avx512",
        Path::Neon => "neon",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_of_the_machine_has_a_name() {
        assert!(paths().into_iter().all(|path| PATHS.contains(&name(path))));
    }

    #[test]
    fn a_path_that_is_missing_is_said_beside_those_there_are() {
        let error = set_path("sse9").unwrap_err().to_string();
        assert!(error.starts_with("this machine does not support `sse9`; it supports "), "{error}");
        assert!(error.ends_with("plain"), "{error}");
    }
}
