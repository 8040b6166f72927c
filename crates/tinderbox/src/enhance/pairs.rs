//! Which target is which input's: the image of the same name in the other folder.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use tinderbox_data::ImageItems;

use super::EnhanceError;
use crate::{Result, error::paths};

/// Inputs and their targets, by names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImagePairs {
    /// The target of each input, both below their folders.
    pub targets: BTreeMap<PathBuf, PathBuf>,
    /// Inputs that have no target.
    pub without_target: Vec<PathBuf>,
    /// Targets that have no input.
    pub without_input: Vec<PathBuf>,
}

impl ImagePairs {
    /// The images of two folders, subfolders included. A target has the path of its input below the
    /// folder, with the same extension or another one.
    ///
    /// # Errors
    /// [`EnhanceError::NoPairs`], [`EnhanceError::SeveralTargets`]; a folder without images.
    pub fn find(inputs: &Path, targets: &Path) -> Result<Self> {
        let files = |folder: &Path| -> Result<Vec<PathBuf>> {
            let images = ImageItems::from_folder(folder)?;
            Ok(images.relative_paths().map(Path::to_owned).collect())
        };
        let (of_inputs, of_targets) = (files(inputs)?, files(targets)?);
        let mut named: BTreeMap<PathBuf, Vec<&PathBuf>> = BTreeMap::new();
        for target in &of_targets {
            named.entry(target.with_extension("")).or_default().push(target);
        }
        let mut found = Self {
            targets: BTreeMap::new(),
            without_target: Vec::new(),
            without_input: of_targets.clone(),
        };
        for input in &of_inputs {
            let target = match named.get(&input.with_extension("")).map(Vec::as_slice) {
                None => None,
                Some([one]) => Some(*one),
                Some(several) => match several.iter().find(|target| **target == input) {
                    Some(same) => Some(*same),
                    None => {
                        let targets = several.iter().map(|target| targets.join(target)).collect();
                        let input = inputs.join(input);
                        return Err(EnhanceError::SeveralTargets { input, targets }.into());
                    }
                },
            };
            match target {
                Some(target) => {
                    found.targets.insert(input.clone(), target.clone());
                }
                None => found.without_target.push(input.clone()),
            }
        }
        if found.targets.is_empty() {
            return Err(EnhanceError::NoPairs {
                inputs: inputs.to_owned(),
                targets: targets.to_owned(),
                input: of_inputs[0].clone(),
                target: of_targets[0].clone(),
            }
            .into());
        }
        found.without_input.retain(|target| !found.targets.values().any(|used| used == target));
        Ok(found)
    }

    /// Fails if more inputs than are allowed have no target.
    ///
    /// # Errors
    /// [`EnhanceError::NoTarget`].
    pub(super) fn check(&self, inputs: &Path, skip_bad: usize) -> Result<()> {
        match self.without_target.len() {
            n if n <= skip_bad => Ok(()),
            n => {
                let some = self.without_target.iter().take(SHOWN);
                let inputs = some.map(|input| inputs.join(input)).collect();
                Err(EnhanceError::NoTarget { inputs, n, paired: self.targets.len() }.into())
            }
        }
    }

    /// What its owner may not have meant.
    pub(super) fn doubts(&self) -> Vec<String> {
        let some = |files: &[PathBuf]| {
            let more = if files.len() > SHOWN { ", …" } else { "" };
            format!("{}{more}", paths(&files[..files.len().min(SHOWN)]))
        };
        let doubt = |files: &[PathBuf], what: &str, other: &str| match files.len() {
            0 => None,
            1 => Some(format!("skipped one {what} without {other}: {}", some(files))),
            n => Some(format!("skipped {n} {what}s without {other}: {}", some(files))),
        };
        let inputs = doubt(&self.without_target, "input", "a target");
        let targets = doubt(&self.without_input, "target", "an input");
        inputs.into_iter().chain(targets).collect()
    }
}

/// So many files are named.
const SHOWN: usize = 5;

#[cfg(test)]
mod tests {
    use tinderbox_data::picture::Picture;

    use super::*;

    fn folders(inputs: &[&str], targets: &[&str]) -> (tempfile::TempDir, [PathBuf; 2]) {
        let root = tempfile::tempdir().unwrap();
        let folders = ["in", "out"].map(|name| root.path().join(name));
        for (folder, files) in folders.iter().zip([inputs, targets]) {
            for file in files {
                let file = folder.join(file);
                std::fs::create_dir_all(file.parent().unwrap()).unwrap();
                Picture::filled(2, 2, [9; 3]).save(&file).unwrap();
            }
        }
        (root, folders)
    }

    #[test]
    fn a_target_has_its_inputs_name_whatever_its_extension() {
        let (_root, [inputs, targets]) =
            folders(&["a.png", "x/b.png", "c.png"], &["a.png", "x/b.jpg", "d.png", "b.png"]);
        let pairs = ImagePairs::find(&inputs, &targets).unwrap();
        let found: Vec<_> = pairs.targets.iter().map(|(a, b)| (a.as_path(), b.as_path())).collect();
        let path = Path::new;
        assert_eq!(found, [(path("a.png"), path("a.png")), (path("x/b.png"), path("x/b.jpg"))]);
        assert_eq!(pairs.without_target, [path("c.png")]);
        assert_eq!(pairs.without_input, [path("b.png"), path("d.png")]);
        assert_eq!(
            pairs.doubts(),
            [
                "skipped one input without a target: c.png",
                "skipped 2 targets without an input: b.png, d.png"
            ]
        );
        assert!(pairs.check(&inputs, 1).is_ok());
        let error = pairs.check(&inputs, 0).unwrap_err();
        assert!(error.to_string().ends_with("c.png has no target"), "{error}");
    }

    #[test]
    fn of_two_targets_the_one_with_the_same_extension_counts() {
        let (_root, [inputs, targets]) = folders(&["a.png"], &["a.jpg", "a.png"]);
        let pairs = ImagePairs::find(&inputs, &targets).unwrap();
        assert_eq!(pairs.targets[Path::new("a.png")], Path::new("a.png"));
        let (_root, [inputs, targets]) = folders(&["a.bmp"], &["a.jpg", "a.png"]);
        let error = ImagePairs::find(&inputs, &targets).unwrap_err();
        assert!(error.to_string().contains("a.bmp has 2 targets: "), "{error}");
    }

    #[test]
    fn folders_without_pairs_are_named_with_a_file_of_each() {
        let (_root, [inputs, targets]) = folders(&["a.png"], &["b.png"]);
        let error = ImagePairs::find(&inputs, &targets).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("no image in ") && text.contains("`a.png`"), "{text}");
        assert!(error.hint().unwrap().contains("same name"), "{error}");
    }
}
