//! Files that are written once the work is done, which must not fail then.

use std::path::PathBuf;

/// The path of an image to be drawn.
pub(super) fn drawable(text: &str, extensions: &[&str]) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    if !extensions.iter().any(|known| known.eq_ignore_ascii_case(extension)) {
        return Err(format!("the file name must end in .{}", extensions.join(" or .")));
    }
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
            Err(format!("there is no folder {}", folder.display()))
        }
        _ => Ok(path),
    }
}
