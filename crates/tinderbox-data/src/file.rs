//! Files that can be read to their end, and where paths lead.

use std::{
    fs,
    path::{Component, Path, PathBuf, absolute},
};

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

/// A path without links and dots, as far as it exists; the rest is new.
pub fn real_path(path: impl AsRef<Path>) -> PathBuf {
    let path = path.as_ref();
    let mut plain = PathBuf::new();
    // Only no path at all is not absolute, and one in a folder that is gone.
    for part in absolute(path).unwrap_or_else(|_| path.to_owned()).components() {
        match part {
            Component::ParentDir => _ = plain.pop(),
            part => plain.push(part),
        }
    }
    let found = plain.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
    match found {
        Some((above, real)) => match plain.strip_prefix(above) {
            Ok(rest) if rest != Path::new("") => real.join(rest),
            _ => real,
        },
        None => plain,
    }
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
    fn a_path_that_is_new_in_part_leads_somewhere() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap();
        assert_eq!(real_path(folder.path().join("a/../b/./c")), real.join("b/c"));
        assert_eq!(real_path(folder.path().join("")), real);
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(folder.path(), folder.path().join("link")).unwrap();
            assert_eq!(real_path(folder.path().join("link/new")), real.join("new"));
        }
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
