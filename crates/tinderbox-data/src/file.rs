//! Files that can be read to their end.

use std::{fs, path::Path};

use crate::{Encoding, Error, Result};

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

/// A file's text, without a byte-order mark, in UTF-8 or UTF-16.
///
/// # Errors
/// As [`read_text_in`].
pub fn read_text(path: impl AsRef<Path>) -> Result<String> {
    read_text_in(path, None)
}

/// A file's text, without a byte-order mark. If no encoding is named, it is UTF-8 or UTF-16, which are
/// told apart.
///
/// # Errors
/// [`Error::Read`]; [`Error::NotAFile`] for what does not end, as a pipe; [`Error::NotText`] for a
/// compressed file and the like; [`Error::NotUtf8`] or [`Error::Undecodable`] with the first byte that
/// starts no character.
pub fn read_text_in(path: impl AsRef<Path>, encoding: Option<Encoding>) -> Result<String> {
    let path = path.as_ref();
    Encoding::decode(path, read(path)?, encoding)
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

    #[test]
    fn what_is_no_utf8_is_told_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        fs::write(&path, b"\xef\xbb\xbfna\xc3\xafve").unwrap();
        assert_eq!(read_text(&path).unwrap(), "naïve");
        fs::write(&path, b"na\xefve").unwrap();
        let error = read_text(&path).unwrap_err().to_string();
        assert!(error.ends_with("a.txt is not UTF-8: byte 2 starts no character"), "{error}");
    }
}
