//! What a run will do: the user's settings, completed by a look at the data.

use serde::{Deserialize, Serialize};
use tinderbox_data::ImageItems;
use tinderbox_model::arch::ArchSpec;

use super::{Split, TrainSettings, Valid, survey::Survey};
use crate::Result;

/// Folder pairs that are read as a training and a validation set, in the order they are looked for.
const KNOWN_SPLITS: [(&str, &str); 5] = [
    ("train", "valid"),
    ("train", "val"),
    ("training", "testing"),
    ("train", "test"),
    ("training", "validation"),
];

/// Images of one size up to this side are used as they are: digits, icons, sprites.
const SMALL_SIDE: usize = 64;

/// The side that photographs are resized to: what a CPU trains in minutes.
const PHOTO_SIDE: usize = 128;

/// A run, complete: nothing in it is left to be decided. It is saved with the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The data's folder, absolute.
    pub data: std::path::PathBuf,
    pub split: Split,
    /// 1 for gray images, 3 for colour.
    pub channels: usize,
    /// Height and width that the model sees, in pixels.
    pub size: [usize; 2],
    pub augment: Augment,
    pub arch: ArchSpec,
    pub epochs: usize,
    pub lr: f64,
    pub batch_size: usize,
    pub seed: u64,
    pub workers: usize,
    pub skip_bad: usize,
    pub checkpoint_every: usize,
    pub cache_bytes: usize,
    /// How each of these came about, for people.
    pub choices: Vec<Choice>,
}

/// The random transforms of training images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Augment {
    /// Padded by so many pixels, then cropped at a random place: the lesson's, for digits.
    Pad { pixels: usize },
    /// Cropped at a random place, mirrored half of the time: for photographs.
    CropAndFlip,
}

/// One setting and how it was chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    pub setting: String,
    pub value: String,
    pub because: String,
}

impl Plan {
    /// Completes `settings` by a look at the folder.
    ///
    /// # Errors
    /// Those of [`ImageItems::from_folder`]; [`NoClassFolders`](crate::Error::NoClassFolders) and [`OneClass`](crate::Error::OneClass) for
    /// folders that hold nothing to tell apart; an unknown architecture.
    pub fn new(settings: &TrainSettings) -> Result<Self> {
        let items = ImageItems::from_folder(&settings.data)?;
        let survey = Survey::of(&items)?;
        let mut choices = Choices(Vec::new());

        let split = choices.note("validation", split(&settings.valid, &survey)?);
        let classes = survey.classes(&split)?;
        let channels = choices.note("channels", channels(&survey));
        let size = choices.note("size", size(settings.size, &survey));
        let small = size[0].max(size[1]) <= SMALL_SIDE && survey.one_size() == Some(size);
        let augment = choices.note("augmentation", augment(small, &survey, size));
        let arch = choices.note(
            "architecture",
            arch(settings.arch.as_deref(), small, channels, classes.len(), size)?,
        );

        let n_train = survey.n_train(&split);
        let batch_size =
            choices.note("batch size", batch_size(settings.batch_size, small, n_train));
        let steps = (n_train / batch_size).max(1);
        let epochs = choices.note("epochs", epochs(settings.epochs, steps));
        let lr = choices.note("learning rate", lr(settings.lr, &arch)?);

        Ok(Self {
            data: survey.root,
            split,
            channels,
            size,
            augment,
            arch,
            epochs,
            lr,
            batch_size,
            seed: settings.seed,
            workers: settings.workers.unwrap_or_else(default_workers),
            skip_bad: settings.skip_bad,
            checkpoint_every: settings.checkpoint_every,
            cache_bytes: settings.cache_bytes,
            choices: choices.0,
        })
    }
}

/// As many as there are cores, up to four: preparing is quick beside training.
pub(super) fn default_workers() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().min(4))
}

/// About so many steps of training are planned for, if the number of epochs is not given.
const STEPS: usize = 1200;

/// Collects what was chosen while passing the choice on.
struct Choices(Vec<Choice>);

/// A value, how it is shown, and why it was chosen.
struct Chosen<T> {
    value: T,
    shown: String,
    because: String,
}

fn chosen<T>(value: T, shown: impl Into<String>, because: impl Into<String>) -> Chosen<T> {
    Chosen { value, shown: shown.into(), because: because.into() }
}

impl Choices {
    fn note<T>(&mut self, setting: &str, chosen: Chosen<T>) -> T {
        let Chosen { value, shown, because } = chosen;
        self.0.push(Choice { setting: setting.to_owned(), value: shown, because });
        value
    }
}

const ASKED: &str = "as asked";

fn split(asked: &Valid, survey: &Survey) -> Result<Chosen<Split>> {
    let split = match asked {
        Valid::Share(share) => return Ok(of_split(Split::Random { share: *share }, ASKED)),
        Valid::Folder(valid) => {
            let train = survey.other_folder(valid)?;
            return Ok(of_split(Split::Folders { train, valid: valid.clone() }, ASKED));
        }
        Valid::Auto => KNOWN_SPLITS
            .iter()
            .find(|(train, valid)| survey.has_folder(train) && survey.has_folder(valid)),
    };
    Ok(match split {
        Some((train, valid)) => of_split(
            Split::Folders { train: (*train).into(), valid: (*valid).into() },
            format!("the data has the folders {train}/ and {valid}/"),
        ),
        None => of_split(
            Split::Random { share: 0.2 },
            "the data has no folders of its own for it; choose with `--valid`",
        ),
    })
}

fn of_split(split: Split, because: impl Into<String>) -> Chosen<Split> {
    let shown = split.to_string();
    chosen(split, shown, because)
}

fn channels(survey: &Survey) -> Chosen<usize> {
    match survey.is_gray() {
        true => chosen(1, "1 (gray)", "all images looked at are gray"),
        false => chosen(3, "3 (colour)", "not all images are gray"),
    }
}

fn size(asked: Option<usize>, survey: &Survey) -> Chosen<[usize; 2]> {
    let shown = |[height, width]: [usize; 2]| format!("{height}×{width} px");
    if let Some(side) = asked {
        let size = [side, side];
        return chosen(size, shown(size), ASKED);
    }
    match survey.one_size() {
        Some(size) if size[0].max(size[1]) <= SMALL_SIDE => {
            chosen(size, shown(size), "all images have this size, and it is small")
        }
        _ => {
            let size = [PHOTO_SIDE.min(survey.shorter_side()).max(1); 2];
            chosen(
                size,
                shown(size),
                "shorter sides resized to it, then a square crop: trains in minutes on a CPU; `--size` for more detail",
            )
        }
    }
}

fn augment(small: bool, survey: &Survey, size: [usize; 2]) -> Chosen<Augment> {
    match small && survey.is_gray() {
        true => {
            let pixels = (size[0].min(size[1]) / 9).max(1);
            chosen(
                Augment::Pad { pixels },
                format!("pad {pixels} px, random crop"),
                "small gray images may be letters or digits, which must not be mirrored",
            )
        }
        false => chosen(
            Augment::CropAndFlip,
            "random crop, mirrored half of the time",
            "photographs mean the same when mirrored",
        ),
    }
}

fn arch(
    asked: Option<&str>,
    small: bool,
    channels: usize,
    classes: usize,
    size: [usize; 2],
) -> Result<Chosen<ArchSpec>> {
    let (name, because) = match asked {
        Some(name) => (name, ASKED),
        None if small => ("resnetish", "the lesson's residual network, made for small images"),
        None => ("resnet-small", "a residual network for photographs that trains from scratch"),
    };
    let spec = ArchSpec::new(name, channels, classes, size)?;
    Ok(chosen(spec, name, because))
}

fn batch_size(asked: Option<usize>, small: bool, n_train: usize) -> Chosen<usize> {
    if let Some(size) = asked {
        return chosen(size, size.to_string(), ASKED);
    }
    let usual: usize = if small { 128 } else { 32 };
    // A few dozen steps an epoch are what one-cycle and batch norm are comfortable with.
    let size = (n_train / 24).next_power_of_two().clamp(4, usual).min(n_train.max(1));
    let because = match size == usual {
        true => "usual for images of this size".to_owned(),
        false => {
            format!("{n_train} training images give at least two dozen steps an epoch with it")
        }
    };
    chosen(size, size.to_string(), because)
}

fn epochs(asked: Option<usize>, steps: usize) -> Chosen<usize> {
    if let Some(epochs) = asked {
        return chosen(epochs, epochs.to_string(), ASKED);
    }
    let epochs = STEPS.div_ceil(steps).clamp(3, 40);
    chosen(
        epochs,
        epochs.to_string(),
        format!("about {STEPS} steps of training at {steps} an epoch"),
    )
}

fn lr(asked: Option<f64>, arch: &ArchSpec) -> Result<Chosen<f64>> {
    let arch = arch.arch()?;
    let usual = format!("usual for {}; `tinderbox lr-find` looks for one on your data", arch.name);
    let because = if asked.is_some() { ASKED.to_owned() } else { usual };
    let lr = asked.unwrap_or(arch.lr);
    Ok(chosen(lr, lr.to_string(), because))
}
