//! A look at a folder of images: what the defaults of a run are decided from.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use tinderbox_data::{
    ImageItems, ImageKind, ItemKind, Items,
    image::{ImageInfo, highest_value},
    items::{LeftOut, first_folder, n_left_out, summary},
};

use super::{
    ASKED, Split, SplitError,
    split::{FIFTH, percent},
};
use crate::{Result, Valid, plan::Choices, settings::absolute};

/// This many files, spread over the folder, are looked into; the others are taken to be like them.
const SAMPLE: usize = 200;

/// Of those with 16 bits a channel, the values of so many are looked at.
const DEEP: usize = 24;

/// What a folder of images looks like.
#[derive(Debug)]
pub(crate) struct Survey {
    /// Absolute.
    root: PathBuf,
    /// Below the root.
    files: Vec<PathBuf>,
    left_out: Vec<LeftOut>,
    /// What else lies there, in words.
    skipped: Option<String>,
    sample: Vec<ImageInfo>,
    /// The images with 16 bits a channel that were looked into.
    deep: Vec<PathBuf>,
    kind: ImageKind,
}

/// What else lies in the folder that items were listed from, which its owner may have meant.
pub(crate) fn skipped<K: ItemKind>(items: &Items<K>) -> Option<String> {
    let what = summary(items.left_out(), items.kind().unit())?;
    Some(match n_left_out(items.left_out()) {
        1 => format!("skipped one file: {what}"),
        n => format!("skipped {n} files: {what}"),
    })
}

impl Survey {
    pub(crate) fn of(items: &ImageItems) -> Self {
        let root = absolute(items.root());
        let files = items.relative_paths().map(Path::to_owned).collect::<Vec<_>>();
        let every = files.len().div_ceil(SAMPLE).max(1);
        // Broken files are found, and reported by name, before training.
        let (mut sample, mut deep, kind) = (Vec::new(), Vec::new(), *items.kind());
        for file in files.iter().step_by(every).map(|file| root.join(file)) {
            let Ok(info) = ImageInfo::read_within(&file, kind.max_pixels) else { continue };
            sample.push(info);
            if info.deep {
                deep.push(file);
            }
        }
        let (left_out, skipped) = (items.left_out().to_vec(), skipped(items));
        Self { root, files, left_out, skipped, sample, deep, kind }
    }

    /// The folders directly below the root that images lie in, at any depth.
    fn folders(&self) -> BTreeSet<String> {
        let tops = self.files.iter().filter_map(|file| first_folder(file));
        tops.map(|top| top.display().to_string()).collect()
    }

    /// Which images validate: as was asked for; by folders or a list that the data has; else a
    /// random fifth of the `n` images there are, if that is one.
    ///
    /// # Errors
    /// [`SplitError`].
    pub(crate) fn split(
        &self,
        asked: Option<&Valid>,
        n: usize,
        choices: &mut Choices,
    ) -> Result<Split> {
        let (split, because) = match self.asked_split(asked, n)? {
            Some(split) => (split, ASKED.to_owned()),
            None => self.usual_split(n),
        };
        choices.keep("valid", &split.as_setting());
        choices.tell("valid", split.to_string(), because);
        Ok(split)
    }

    fn asked_split(&self, asked: Option<&Valid>, n: usize) -> Result<Option<Split>> {
        Ok(Some(match asked {
            None | Some(Valid::Auto) => return Ok(None),
            Some(Valid::Share(share)) if *share > 0.0 && (share * n as f64) < 1.0 => {
                let share = percent(*share);
                return Err(SplitError::EmptyShare { share, items: n, unit: "images" }.into());
            }
            Some(Valid::Share(share)) => Split::Random { share: *share },
            Some(Valid::Named(folder)) => Split::by_folder(folder, &self.folders())?,
            Some(Valid::List(file)) => Split::named_in(file.path(), self.files())?,
        }))
    }

    /// What the data says, and why.
    fn usual_split(&self, n: usize) -> (Split, String) {
        if let Some(known) = Split::known(&self.folders()) {
            let because = match &known {
                Split::Folders { train, valid } => format!("{train}/ and {valid}/"),
                other => other.to_string(),
            };
            return (known, format!("the data has the folders {because}"));
        }
        let beside = self.root.parent().map(|folder| folder.join("valid.txt"));
        if let Some(listed) = beside.and_then(|file| Split::named_in(&file, self.files()).ok()) {
            return (listed, "the file is next to the data".to_owned());
        }
        match FIFTH * n as f64 >= 1.0 {
            true => (
                Split::Random { share: FIFTH },
                "the data does not define one; choose with `--valid`".to_owned(),
            ),
            false => {
                (Split::Random { share: 0.0 }, format!("{n} images are too few to hold any out"))
            }
        }
    }

    /// How many images train.
    pub(crate) fn n_train(&self, split: &Split) -> usize {
        match split {
            Split::Folders { train, .. } => self.below(train).count(),
            Split::Random { share } => self.n_taken() - (share * self.n_taken() as f64) as usize,
            Split::Names { .. } | Split::Column(_) => {
                self.taken().filter(|file| !split.is_named(file)).count()
            }
        }
    }

    /// How many images lie in class folders directly below the root.
    pub(crate) fn n_taken(&self) -> usize {
        self.taken().count()
    }

    fn taken(&self) -> impl Iterator<Item = &Path> {
        self.files().filter(|file| first_folder(file).is_some())
    }

    /// All images, below the root.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(PathBuf::as_path)
    }

    /// What of the folder is in no set, which its owner may not have meant.
    pub(crate) fn doubts(&self, split: &Split) -> Vec<String> {
        let stray: Vec<_> = self.files.iter().filter(|file| !split.takes(file)).collect();
        let mut doubts: Vec<String> = self.skipped.iter().cloned().collect();
        if let Some(first) = stray.first() {
            let place = match split {
                Split::Folders { train, valid } => format!("class folder of {train}/ or {valid}/"),
                Split::Random { .. } | Split::Names { .. } | Split::Column(_) => {
                    "class folder".to_owned()
                }
            };
            let first = first.display();
            doubts.push(match stray.len() {
                1 => format!("skipped {first}, which is in no {place}"),
                n => format!("skipped {n} images that are in no {place}, such as {first}"),
            });
        }
        let sets = match split {
            Split::Folders { train, valid } => vec![train.as_str(), valid.as_str()],
            Split::Random { .. } | Split::Names { .. } | Split::Column(_) => vec![""],
        };
        let empty = sets.iter().flat_map(|set| self.empty_folders(Path::new(set)));
        doubts.extend(empty.map(|folder| format!("{}/ has no images", folder.display())));
        doubts
    }

    /// The folders directly in `set`, as paths below the root, without an image at any depth.
    fn empty_folders(&self, set: &Path) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.root.join(set)) else { return Vec::new() };
        let folders = entries.flatten().filter(|entry| entry.path().is_dir());
        let is_left_out = |folder: &PathBuf| self.left_out.iter().any(|one| one.path == *folder);
        let mut empty: Vec<PathBuf> = folders
            .map(|entry| set.join(entry.file_name()))
            .filter(|folder| !is_left_out(folder))
            .filter(|folder| !self.files.iter().any(|file| file.starts_with(folder)))
            .collect();
        empty.sort();
        empty
    }

    /// The classes of the training images: the names of the folders that they lie in; and the
    /// folder that these lie in.
    pub(crate) fn classes(&self, split: &Split) -> (PathBuf, BTreeSet<String>) {
        let (files, folder): (Vec<&PathBuf>, _) = match split {
            Split::Folders { train, .. } => (self.below(train).collect(), self.root.join(train)),
            _ => {
                let train = self.files.iter().filter(|file| !split.is_named(file));
                (train.collect(), self.root.clone())
            }
        };
        let taken = files.iter().filter(|file| split.takes(file));
        let name =
            |file: &&PathBuf| Some(file.parent()?.file_name()?.to_string_lossy().into_owned());
        (folder, taken.filter_map(name).collect())
    }

    /// The images of class folders in this folder.
    fn below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a PathBuf> {
        let deep = |file: &&PathBuf| file.components().count() > 2;
        self.files.iter().filter(deep).filter(move |file| file.starts_with(folder))
    }

    /// Height and width, if all images that were looked at have the same.
    pub(crate) fn one_size(&self) -> Option<[usize; 2]> {
        let first = self.sample.first()?.size();
        self.sample.iter().all(|image| image.size() == first).then_some(first)
    }

    /// The shorter side that half of the images that were looked at have, or more.
    pub(crate) fn shorter_side(&self) -> usize {
        let sides = self.sample.iter().filter_map(|image| image.size().into_iter().min());
        let mut sides: Vec<usize> = sides.collect();
        sides.sort_unstable();
        sides.get(sides.len() / 2).copied().unwrap_or(usize::MAX)
    }

    /// The highest value of some of the images with 16 bits a channel, if there are any.
    pub(crate) fn highest(&self) -> Option<u16> {
        let some = self.deep.iter().step_by(self.deep.len().div_ceil(DEEP).max(1));
        some.filter_map(|file| highest_value(file, self.kind.max_pixels).ok().flatten()).max()
    }

    /// Whether all images that were looked at are gray.
    pub(crate) fn is_gray(&self) -> bool {
        !self.sample.is_empty() && self.sample.iter().all(|image| image.gray)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn survey(root: &Path, files: &[&str]) -> Survey {
        let paths = files.iter().map(PathBuf::from).collect();
        Survey::of(&ImageItems::new(root, paths, ImageKind::default()))
    }

    #[test]
    fn images_are_counted_where_they_are_used() {
        let files = ["1.png", "train/a/1.png", "train/b/2.png", "train/3.png", "valid/a/4.png"];
        let survey = survey(Path::new("d"), &files);
        let folders = Split::Folders { train: "train".into(), valid: "valid".into() };
        assert_eq!(survey.n_train(&folders), 2);
        let classes = |split| survey.classes(&split).1.into_iter().collect::<Vec<_>>();
        assert_eq!(classes(folders.clone()), ["a", "b"]);
        assert_eq!(survey.n_train(&Split::Random { share: 0.5 }), 2);
        assert_eq!(classes(Split::Random { share: 0.5 }), ["a", "b", "train"]);
        assert_eq!(
            survey.doubts(&folders),
            ["skipped 2 images that are in no class folder of train/ or valid/, such as 1.png"]
        );
    }

    #[test]
    fn what_is_not_used_is_doubted() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a", "b/x", "empty", ".hidden"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        for name in ["a/1.png", "a/2.heic", "a/3.heic", "b/x/2.png", "3.png", ".hidden/4.png"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let survey = Survey::of(&ImageItems::from_folder(folder.path()).unwrap());
        let doubts = survey.doubts(&Split::Random { share: 0.2 });
        assert!(doubts[0].starts_with("skipped 3 files: 2 .heic (not supported: "), "{doubts:?}");
        assert!(doubts[0].ends_with(", 1 hidden, such as .hidden"), "{doubts:?}");
        assert_eq!(
            doubts[1..],
            ["skipped 3.png, which is in no class folder", "empty/ has no images"]
        );
    }

    #[test]
    fn a_folder_has_one_name() {
        let here = std::env::current_dir().unwrap();
        for name in ["photos", "photos/", "./photos", "photos/."] {
            assert_eq!(absolute(Path::new(name)), here.join("photos"));
        }
    }
}
