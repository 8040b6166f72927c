//! Files that are there whole, or not at all.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

use crate::{Error, Result};

/// Writes `bytes` to `path` so that at every moment the old content or the new one is there: to a
/// temporary file in the same folder, to the disk, then under its name.
///
/// # Errors
/// [`Error::Write`].
pub fn write_atomically(path: impl AsRef<Path>, bytes: &[u8]) -> Result<()> {
    let path = path.as_ref();
    replace(path, bytes).map_err(|source| Error::Write { path: path.to_owned(), source })
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file's name"));
    };
    // The same name each time: what a killed process leaves is written over by the next.
    let mut temporary = OsString::from(".");
    temporary.push(name);
    temporary.push(".writing");
    let temporary = folder.join(temporary);

    if let Err(error) = write(&temporary, bytes).and_then(|()| fs::rename(&temporary, path)) {
        // A half of it would keep a full disk full. The error that counts is the first.
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    // The new name is on the disk once the folder is. Windows does not open folders.
    match cfg!(unix) {
        true => File::open(folder)?.sync_all(),
        false => Ok(()),
    }
}

/// A new file, on the disk.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// The folder of `path`, made if it is not there.
///
/// # Errors
/// [`Error::Write`].
pub(crate) fn make_folder_of(path: &Path) -> Result<()> {
    match path.parent() {
        Some(folder) => fs::create_dir_all(folder)
            .map_err(|source| Error::Write { path: path.to_owned(), source }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write_atomically(&path, b"one").unwrap();
        write_atomically(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failure_leaves_the_old_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("folder");
        fs::create_dir_all(path.join("inside")).unwrap();
        let error = write_atomically(&path, b"one").unwrap_err();
        assert_eq!(error.to_string(), format!("cannot write {}", path.display()));
        assert!(path.join("inside").is_dir());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_leaves_the_old_content_and_no_half_of_the_new() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write_atomically(&path, b"one").unwrap();
        std::os::unix::fs::symlink("/dev/full", folder.path().join(".a.writing")).unwrap();
        let Error::Write { source, .. } = write_atomically(&path, b"two").unwrap_err() else {
            panic!("another error")
        };
        assert_eq!(source.kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
