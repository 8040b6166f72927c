//! Files that are written where the user says: never over what is the user's.

use std::{
    collections::HashSet,
    ffi::OsString,
    path::{Path, PathBuf},
};

use crate::Hinted;

/// Why a file is not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    #[error("{file} exists already")]
    Exists { file: PathBuf },

    #[error("{file} is an input, which is never overwritten")]
    IsInput { file: PathBuf },

    #[error("{file} is given for two outputs")]
    Twice { file: PathBuf },
}

impl Hinted for OutputError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Exists { .. } => "name another file, or overwrite it with `--force`".into(),
            Self::IsInput { .. } => "name another file".into(),
            Self::Twice { .. } => "name a different file for each".into(),
        })
    }
}

/// Fails unless each file can be written without a loss, before anything is computed for it: it is
/// none of the inputs, nor in a folder of them, no other output, and not there yet, unless files may
/// be overwritten.
///
/// # Errors
/// [`OutputError`], for the first file that cannot.
pub fn check_outputs<'a>(
    outputs: impl IntoIterator<Item = &'a Path>,
    inputs: impl IntoIterator<Item = &'a Path>,
    overwrite: bool,
) -> Result<(), OutputError> {
    let inputs: HashSet<PathBuf> =
        inputs.into_iter().filter_map(|file| file.canonicalize().ok()).collect();
    let mut seen = HashSet::new();
    for file in outputs {
        // An input, or what is in a folder of inputs.
        let is_input = |file: PathBuf| file.ancestors().any(|above| inputs.contains(above));
        if file.canonicalize().is_ok_and(is_input) {
            return Err(OutputError::IsInput { file: file.to_owned() });
        }
        // A link that leads nowhere is there, too.
        if !overwrite && file.symlink_metadata().is_ok() {
            return Err(OutputError::Exists { file: file.to_owned() });
        }
        if !seen.insert(place(file)) {
            return Err(OutputError::Twice { file: file.to_owned() });
        }
    }
    Ok(())
}

/// What two paths to one file have in common, on a file system that does not tell cases apart, too.
fn place(file: &Path) -> (PathBuf, OsString) {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let name = file.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    (folder.canonicalize().unwrap_or_else(|_| folder.to_owned()), name.into())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::error::check;

    use super::*;

    fn refused(outputs: &[&Path], inputs: &[&Path], overwrite: bool) -> Option<OutputError> {
        check_outputs(outputs.iter().copied(), inputs.iter().copied(), overwrite).err()
    }

    #[test]
    fn a_file_that_is_there_is_overwritten_only_if_it_may_be() {
        let folder = tempfile::tempdir().unwrap();
        let (there, new) = (folder.path().join("there.png"), folder.path().join("new.png"));
        fs::write(&there, "").unwrap();
        assert!(refused(&[&new], &[&there], false).is_none());
        assert!(matches!(refused(&[&there], &[], false), Some(OutputError::Exists { .. })));
        assert!(refused(&[&there], &[], true).is_none());
        let inside = refused(&[&there], &[folder.path()], true);
        assert!(matches!(inside, Some(OutputError::IsInput { .. })));
        assert!(refused(&[&new], &[folder.path()], true).is_none());
    }

    #[test]
    fn an_input_is_never_overwritten_whatever_it_is_called() {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("a.png");
        fs::write(&input, "").unwrap();
        let same = folder.path().join(".").join("a.png");
        assert!(matches!(refused(&[&same], &[&input], true), Some(OutputError::IsInput { .. })));
        #[cfg(unix)]
        {
            let link = folder.path().join("link.png");
            std::os::unix::fs::symlink(&input, &link).unwrap();
            let found = refused(&[&link], &[&input], true);
            assert!(matches!(found, Some(OutputError::IsInput { .. })));
            let dead = folder.path().join("dead.png");
            std::os::unix::fs::symlink(folder.path().join("gone"), &dead).unwrap();
            assert!(matches!(refused(&[&dead], &[], false), Some(OutputError::Exists { .. })));
        }
    }

    #[test]
    fn two_outputs_are_two_files_on_any_file_system() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let twice = |a: &str, b: &str| refused(&[&file(a), &file(b)], &[], true).is_some();
        assert!(twice("a.png", "a.png") && twice("a.png", "A.png"));
        assert!(twice("a.png", "./a.png"));
        assert!(!twice("a.png", "b.png"));
    }

    #[test]
    fn errors_about_outputs_say_what_to_do() {
        let file = || "a.png".into();
        check(OutputError::Exists { file: file() }, "a.png exists already", Some("`--force`"));
        let message = "a.png is an input, which is never overwritten";
        check(OutputError::IsInput { file: file() }, message, Some("another file"));
        check(OutputError::Twice { file: file() }, "a.png is given for two outputs", Some("each"));
    }
}
