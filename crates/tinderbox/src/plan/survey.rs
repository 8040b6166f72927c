//! A look at a folder of images: what the defaults of a run are decided from.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use tinderbox_data::{
    ImageItems, ImageKind, ItemKind, Items,
    image::{ImageInfo, highest_value},
    items::{first_folder, n_left_out, summary},
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
        Self { root, files, sample, deep, kind }
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
        let folders = self.root.parent().into_iter().chain([self.root.as_path()]);
        let mut lists = folders.map(|folder| folder.join("valid.txt"));
        if let Some(listed) = lists.find_map(|file| Split::named_in(&file, self.files()).ok()) {
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

    /// All images, below the root.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(PathBuf::as_path)
    }

    /// How many of the images train.
    pub(crate) fn n_train(&self, split: &Split) -> usize {
        let trains = |file: &&Path| match split {
            Split::Folders { train, .. } => file.starts_with(train),
            Split::InClasses { .. } | Split::Random { .. } | Split::Column(_) => true,
            Split::Names { .. } => !split.is_named(file),
        };
        let n = self.files().filter(trains).count();
        match split {
            Split::Random { share } => n - (share * n as f64) as usize,
            _ => n,
        }
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
    use super::*;

    #[test]
    fn a_folder_has_one_name() {
        let here = std::env::current_dir().unwrap();
        for name in ["photos", "photos/", "./photos", "photos/."] {
            assert_eq!(absolute(Path::new(name)), here.join("photos"));
        }
    }
}
