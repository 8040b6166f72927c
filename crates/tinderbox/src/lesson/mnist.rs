//! The lesson's three networks on MNIST, with the notebook's settings.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use tinderbox_data::idx::{Idx, write_class_folders};

use super::{LessonError, Published};
use crate::{
    Classify, Error, ImageSize, Job, Result, Settings, Trained, Valid, cache::sha256,
    data::DataCache, train,
};

/// What the notebook printed.
#[expect(clippy::unreadable_literal, reason = "digits as they were printed")]
pub const MNIST: [Published; 3] = [
    Published {
        model: "basic",
        heading: "Basic CNN with batch norm",
        lr: 0.1,
        parameters: 12_126,
        epochs: &[
            [0.223167, 0.217859, 0.9305],
            [0.136179, 0.078651, 0.9764],
            [0.072080, 0.038664, 0.9886],
        ],
    },
    Published {
        model: "refactor",
        heading: "Refactor",
        lr: 0.1,
        parameters: 12_044,
        epochs: &[
            [0.228332, 0.206325, 0.9375],
            [0.189966, 0.192558, 0.9408],
            [0.156765, 0.092810, 0.9691],
            [0.135871, 0.083914, 0.9733],
            [0.108844, 0.071582, 0.9780],
            [0.105887, 0.128586, 0.9602],
            [0.080699, 0.052754, 0.9832],
            [0.066007, 0.037588, 0.9886],
            [0.047513, 0.030255, 0.9902],
            [0.044705, 0.028373, 0.9916],
        ],
    },
    Published {
        model: "resnetish",
        heading: "Resnet-ish",
        lr: 0.05,
        parameters: 41_132,
        epochs: &[
            [0.248807, 0.121582, 0.9728],
            [0.120927, 0.360583, 0.8903],
            [0.104013, 0.074916, 0.9778],
            [0.081181, 0.065717, 0.9800],
            [0.068514, 0.096448, 0.9672],
            [0.061274, 0.087955, 0.9718],
            [0.051673, 0.033911, 0.9894],
            [0.048090, 0.033234, 0.9888],
            [0.039095, 0.024638, 0.9924],
            [0.023670, 0.021215, 0.9934],
            [0.019128, 0.016159, 0.9945],
            [0.021365, 0.016120, 0.9952],
        ],
    },
];

/// Settings of [`lesson_mnist`].
#[derive(Debug, Clone, PartialEq)]
pub struct Mnist {
    /// The folder with `training/` and `testing/` in it, or the one with `mnist_png/`; or with the four
    /// original files, `train-images-idx3-ubyte` and so on, also compressed by gzip: their images are
    /// written as PNG files into the folder of data sets, once.
    pub data: PathBuf,
    pub out: PathBuf,
    /// `basic`, `refactor` or `resnetish`.
    pub model: String,
    pub seed: u64,
    /// The notebook's, if it is not given.
    pub epochs: Option<usize>,
    /// Whether convolutions form their sums as the definition says.
    pub exact_conv: bool,
}

impl Mnist {
    /// The notebook's settings, and what it printed: batches of 128, padding by 3 and a random crop,
    /// normalized by one batch, one-cycle, the whole test set for validation.
    ///
    /// # Errors
    /// [`LessonError::NotOfTheLesson`]; [`LessonError::NoMnist`] if the folder is not MNIST; what is
    /// wrong with the original files.
    pub fn settings(&self) -> Result<(Settings<Classify>, &'static Published)> {
        let Some(published) = MNIST.iter().find(|run| run.model == self.model) else {
            let known = MNIST.iter().map(|run| run.model).collect();
            return Err(LessonError::NotOfTheLesson { model: self.model.clone(), known }.into());
        };
        let mut settings = Settings::<Classify>::new(root(&self.data)?, &self.out);
        let common = &mut settings.common;
        common.valid = Some(Valid::Named("testing".into()));
        common.epochs = Some(self.epochs.unwrap_or(published.epochs.len()));
        common.lr = Some(published.lr);
        common.batch_size = Some(128);
        common.seed = Some(self.seed);
        let image = &mut settings.task.image;
        image.arch = Some(published.model.into());
        image.size = Some(ImageSize([28, 28]));
        image.exact_conv = Some(self.exact_conv);
        Ok((settings, published))
    }
}

/// Trains one of the lesson's networks on MNIST, with the notebook's settings.
///
/// # Errors
/// As [`Mnist::settings`] and [`train`].
pub fn lesson_mnist(lesson: &Mnist, job: &Job) -> Result<(Trained, &'static Published)> {
    let (settings, published) = lesson.settings()?;
    Ok((train(&settings, job)?, published))
}

/// The folder with `training/` and `testing/`.
fn root(data: &Path) -> Result<PathBuf> {
    let holds_both =
        |folder: &Path| folder.join("training").is_dir() && folder.join("testing").is_dir();
    let folders = [data.to_owned(), data.join("mnist_png")];
    if let Some(found) = folders.into_iter().find(|folder| holds_both(folder)) {
        return Ok(found);
    }
    // torchvision puts them deeper.
    let folders = [data.to_owned(), data.join("MNIST/raw")];
    let mut found = folders.iter().map(|folder| ORIGINAL.map(|name| original(folder, name)));
    let found = found.find(|found| found.iter().any(Option::is_some)).unwrap_or_default();
    match found {
        [Some(a), Some(b), Some(c), Some(d)] => from_original(&[a, b, c, d]),
        found => {
            let missing = ORIGINAL.iter().zip(&found).filter(|(_, file)| file.is_none());
            let missing: Vec<_> = missing.map(|(name, _)| *name).collect();
            let missing = if missing.len() == ORIGINAL.len() { Vec::new() } else { missing };
            Err(LessonError::NoMnist { folder: data.to_owned(), missing }.into())
        }
    }
}

/// The files of MNIST as they were published: images and labels of each set.
const ORIGINAL: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];

/// One of them, also with a dot in its name, as some programs unpack it, or compressed.
fn original(folder: &Path, name: &str) -> Option<PathBuf> {
    let names = [name.to_owned(), name.replace("-idx", ".idx")];
    let files = names.iter().flat_map(|name| [name.clone(), format!("{name}.gz")]);
    files.map(|name| folder.join(name)).find(|file| file.is_file())
}

/// The images as PNG files in class folders. They are written once for the same files, into a folder that
/// gets its name when it is whole.
fn from_original(files: &[PathBuf; 4]) -> Result<PathBuf> {
    let mut sums = String::new();
    for file in files {
        let read = |source| Error::Read { path: file.clone(), source };
        sums += &sha256(file).map_err(read)?[..4];
    }
    let cache = DataCache::open()?;
    let folder = cache.folder().join(format!("mnist_png-{sums}"));
    if folder.is_dir() {
        return Ok(folder);
    }
    let written = |path: &Path, result: io::Result<()>| {
        result.map_err(|source| Error::Write { path: path.into(), source })
    };
    let part = cache.folder().join(format!(".mnist_png-{sums}-{}.part", std::process::id()));
    let [train_images, train_labels, test_images, test_labels] = files;
    for (set, images, labels) in
        [("training", train_images, train_labels), ("testing", test_images, test_labels)]
    {
        let (images, labels) = (Idx::read(images, 3)?, Idx::read(labels, 1)?);
        let made = write_class_folders(&images, &labels, &part.join(set));
        if let Err(error) = made {
            // What is there is of no use; what is wrong is told.
            let _ = fs::remove_dir_all(&part);
            return Err(error.into());
        }
    }
    match fs::rename(&part, &folder) {
        // Another process has made it meanwhile.
        Err(_) if folder.is_dir() => written(&part, fs::remove_dir_all(&part))?,
        renamed => written(&folder, renamed)?,
    }
    Ok(folder)
}
