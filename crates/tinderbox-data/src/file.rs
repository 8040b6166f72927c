//! Files that can be read to their end.

use std::{fs, path::Path};

use crate::{Error, Result};

/// Asks whether a path leads to a file that ends: no folder, pipe or device.
///
/// It is asked before opening: to open a pipe is to wait for somebody to write.
pub(crate) fn regular(path: &Path) -> Result<fs::Metadata> {
    let metadata =
        fs::metadata(path).map_err(|source| Error::Read { path: path.into(), source })?;
    let what = match metadata.file_type() {
        kind if kind.is_file() => return Ok(metadata),
        kind if kind.is_dir() => "a folder",
        _ => "a pipe or a device",
    };
    Err(Error::NotAFile { path: path.into(), what })
}

/// A file's bytes.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    regular(path)?;
    fs::read(path).map_err(|source| Error::Read { path: path.into(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_end_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let what = |path: &Path| match read(path) {
            Err(Error::NotAFile { what, .. }) => what,
            other => panic!("{other:?}"),
        };
        assert_eq!(what(folder.path()), "a folder");
        #[cfg(unix)]
        assert_eq!(what(Path::new("/dev/zero")), "a pipe or a device");
        assert!(matches!(read(&folder.path().join("none")), Err(Error::Read { .. })));
    }
}
