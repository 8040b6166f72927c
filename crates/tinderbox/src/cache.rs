//! Where downloaded files are kept, and whether anything may be downloaded.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use etcetera::BaseStrategy;
use sha2::{Digest, Sha256};
use tinderbox_model::weights::check_is_file;

/// The folder that `TINDERBOX_CACHE` names, if it does.
pub(crate) fn named() -> Option<PathBuf> {
    env::var_os("TINDERBOX_CACHE").map(PathBuf::from)
}

/// The system's folder for caches, if it has one.
pub(crate) fn of_system() -> Option<PathBuf> {
    etcetera::choose_base_strategy().ok().map(|base| base.cache_dir())
}

/// Whether `TINDERBOX_OFFLINE` forbids downloads.
pub(crate) fn is_offline() -> bool {
    env::var_os("TINDERBOX_OFFLINE").is_some_and(|value| !value.is_empty())
}

/// A file's SHA-256, in hexadecimal digits.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn sha256(file: &Path) -> io::Result<String> {
    check_is_file(file)?;
    let mut hasher = Sha256::new();
    io::copy(&mut fs::File::open(file)?, &mut hasher)?;
    Ok(format!("{:x}", hasher.finalize()))
}
