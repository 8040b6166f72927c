//! The lesson's three networks on MNIST, with the notebook's settings.

use std::path::{Path, PathBuf};

use tinderbox_learn::{optim::Rule, schedule::OneCycle};
use tinderbox_model::arch::ArchSpec;

use super::{
    Augment, Plan, Split,
    fit::train_plan,
    plan::{CACHE_BYTES, CHECKPOINT_EVERY, WEIGHT_DECAY, default_workers, exact_conv},
};
use crate::{Choice, Error, Published, Result, RunFolder, Trained, Watch, run::absolute};

/// What the notebook printed.
#[expect(clippy::unreadable_literal, reason = "digits as they were printed")]
pub const PUBLISHED: [Published; 3] = [
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
pub struct Lesson {
    /// The folder with `training/` and `testing/` in it, or the one with `mnist_png/`.
    pub data: PathBuf,
    pub out: PathBuf,
    /// `basic`, `refactor` or `resnetish`.
    pub model: String,
    pub seed: u64,
    /// The notebook's, if it is not given.
    pub epochs: Option<usize>,
    /// As in [`TrainSettings`](super::TrainSettings).
    pub exact_conv: bool,
}

/// A run of the lesson beside the notebook's.
#[derive(Debug)]
pub struct LessonRun {
    pub trained: Trained,
    pub published: &'static Published,
}

/// Trains one of the lesson's networks on MNIST, with the notebook's settings: batches of 128,
/// padding by 3 and a random crop, normalized by one batch, one-cycle, the whole test set for
/// validation.
///
/// # Errors
/// [`Error::NoMnist`] if the folder is not MNIST as PNG files; [`Error::RunExists`]; as
/// [`train`](super::train).
pub fn lesson_mnist(lesson: &Lesson, watch: &Watch) -> Result<LessonRun> {
    let spec = |name: &str| ArchSpec::new(name, 1, 10, [28, 28]);
    let Some(published) = PUBLISHED.iter().find(|run| run.model == lesson.model) else {
        let known = PUBLISHED.iter().map(|run| run.model).collect();
        return Err(Error::NotOfTheLesson { model: lesson.model.clone(), known });
    };
    let notebook = Choice {
        setting: "all settings".into(),
        value: published.heading.into(),
        because: "the lesson's notebook".into(),
    };
    let plan = Plan {
        data: root(&lesson.data)?,
        split: Split::Folders { train: "training".into(), valid: "testing".into() },
        channels: 1,
        size: [28, 28],
        augment: Augment::Pad { pixels: 3 },
        arch: spec(published.model)?,
        transfer: None,
        epochs: lesson.epochs.unwrap_or(published.epochs.len()),
        lr: published.lr,
        schedule: OneCycle::from(published.lr),
        optimizer: Rule::default(),
        weight_decay: WEIGHT_DECAY,
        batch_size: 128,
        accumulate: 1,
        oversample: false,
        seed: lesson.seed,
        workers: default_workers(),
        skip_bad: 0,
        checkpoint_every: CHECKPOINT_EVERY,
        cache_bytes: CACHE_BYTES,
        exact_conv: lesson.exact_conv,
        choices: std::iter::once(notebook).chain(lesson.exact_conv.then(exact_conv)).collect(),
        doubts: Vec::new(),
    };
    plan.tell(watch);
    let trained = train_plan(&plan, RunFolder::new(&lesson.out), watch)?;
    Ok(LessonRun { trained, published })
}

fn root(data: &Path) -> Result<PathBuf> {
    let holds_both =
        |folder: &Path| folder.join("training").is_dir() && folder.join("testing").is_dir();
    let found =
        [data.to_owned(), data.join("mnist_png")].into_iter().find(|folder| holds_both(folder));
    let found = found.ok_or_else(|| Error::NoMnist { folder: data.to_owned() })?;
    absolute(&found)
}
