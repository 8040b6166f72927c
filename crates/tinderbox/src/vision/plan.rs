//! What a run will do: the user's settings, completed by a look at the data.

use serde::{Deserialize, Serialize};
use tinderbox_data::ImageItems;
use tinderbox_learn::{
    optim::Rule,
    schedule::{LearningRate, OneCycle},
};
use tinderbox_model::arch::{Arch, ArchSpec, BodySpec, CnnSpec};

use super::{Split, TrainSettings, Valid, settings::percent, survey::Survey};
use crate::{
    Choice, Error, Event, Phase, Planned, Result, RunPlan, Task, Watch,
    choices::{ASKED, Choices, Chosen, chosen},
    quiet,
    run::absolute,
    weights::{Pretrained, WeightsFile},
};

/// Folder pairs that are read as a training and a validation set, in the order they are looked for.
pub(super) const KNOWN_SPLITS: [(&str, &str); 5] = [
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

/// The same for networks that saw pictures of 224 pixels when they learned.
const TRANSFER_SIDE: usize = 192;

/// The side that tiny images of different sizes are resized to: networks for photographs take no
/// smaller ones.
const LEAST_SIDE: usize = 16;

/// A run, complete: nothing in it is left to be decided. It is saved with the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The data's folder, absolute.
    pub data: std::path::PathBuf,
    pub split: Split,
    /// 1 for gray images, 3 for color.
    pub channels: usize,
    /// Height and width that the model sees, in pixels.
    pub size: [usize; 2],
    pub augment: Augment,
    pub arch: ArchSpec,
    /// What it knows already, if it does.
    #[serde(default)]
    pub transfer: Option<Transfer>,
    pub epochs: usize,
    /// Learning rate at the peak of the schedule.
    pub lr: f64,
    /// The shape of the schedule; its rates are those of `lr`.
    pub schedule: OneCycle,
    pub optimizer: Rule,
    pub weight_decay: f64,
    pub batch_size: usize,
    /// Batches whose gradients make a step together.
    #[serde(default = "one")]
    pub accumulate: usize,
    /// Whether all classes are drawn as often.
    #[serde(default)]
    pub oversample: bool,
    pub seed: u64,
    pub workers: usize,
    pub skip_bad: usize,
    pub checkpoint_every: usize,
    pub cache_bytes: usize,
    /// Whether convolutions form their sums as the definition says.
    #[serde(default)]
    pub exact_conv: bool,
    /// How each of these came about, for people.
    pub choices: Vec<Choice>,
    /// What of the folder is not used, which its owner may not have meant.
    pub doubts: Vec<String>,
}

/// A pretrained body under a new head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    pub weights: WeightsFile,
    /// The first child that is left out, if not the table's.
    pub until: Option<String>,
    /// Epochs of everything, after those of the new head alone.
    pub unfreeze_epochs: usize,
}

/// The random transforms of training images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Augment {
    /// Padded by so many pixels, then cropped at a random place: the lesson's, for digits.
    Pad { pixels: usize },
    /// Cropped at a random place, mirrored half of the time: for photographs.
    CropAndFlip,
    /// fastai's `get_transforms`, for photographs that there are few of.
    All,
}

impl RunPlan for Plan {
    const TASK: Task = Task::Images;
}

impl Plan {
    /// Tells what will be done.
    pub(super) fn tell(&self, watch: &Watch) {
        let plan = serde_json::to_value(self).expect("a plan is plain data");
        let Self { data, choices, .. } = self;
        watch(&Event::Planned(Planned { data, choices, plan }));
    }

    /// The fits that the run consists of.
    pub(super) fn phases(&self) -> Vec<Phase> {
        let Some(transfer) = &self.transfer else {
            return vec![Phase::whole(self.epochs, self.schedule.clone())];
        };
        let head = Phase {
            name: "the new head".into(),
            freeze_to: -1,
            epochs: self.epochs,
            schedule: LearningRate::Slice(self.lr).into(),
        };
        let rates = LearningRate::Range(self.lr / 300.0, self.lr / 10.0);
        let all = Phase::whole(transfer.unfreeze_epochs, rates.into());
        [head, all].into_iter().filter(|phase| phase.epochs > 0).collect()
    }

    /// The network that a pretrained body makes with a new head.
    pub(super) fn cnn(&self, transfer: &Transfer) -> CnnSpec {
        let ArchSpec { name, in_channels, classes, size } = self.arch.clone();
        let body = BodySpec { arch: name, in_channels, until: transfer.until.clone() };
        CnnSpec { body, classes, size }
    }

    /// Completes `settings` by a look at the folder.
    ///
    /// # Errors
    /// Those of [`ImageItems::from_folder`]; [`Error::NoClassFolders`] and [`Error::OneClass`] for
    /// folders that hold nothing to tell apart; [`Error::OutIsData`]; [`Error::EmptyShare`] and
    /// [`Error::BatchSize`] for too few images; an unknown architecture.
    pub fn new(settings: &TrainSettings) -> Result<Self> {
        Self::fetching(settings, &quiet())
    }

    /// [`new`](Self::new), which tells of downloads.
    ///
    /// # Errors
    /// As there; those of official weights.
    pub(super) fn fetching(settings: &TrainSettings, watch: &Watch) -> Result<Self> {
        let items = ImageItems::from_folder(&settings.data)?;
        let survey = Survey::of(&items)?;
        if !settings.out.as_os_str().is_empty() && absolute(&settings.out)? == survey.root {
            return Err(Error::OutIsData { folder: settings.data.clone() });
        }
        let mut choices = Choices::default();

        let split = choices.note("validation", split(&settings.valid, &survey)?);
        let classes = survey.classes(&split)?;
        let pretrained = settings.pretrained.clone().unwrap_or(Pretrained::No);
        let transfers = pretrained != Pretrained::No;
        let channels = choices.note("channels", channels(&survey, transfers));
        let size = choices.note("size", size(settings.size, &survey, transfers));
        let small = size[0].max(size[1]) <= SMALL_SIDE && survey.one_size() == Some(size);
        let augment = choices.note("augmentation", augment(small, &survey, size, transfers));
        let arch = match transfers {
            true => pretrained_arch(
                settings.arch.as_deref(),
                &pretrained,
                channels,
                classes.len(),
                size,
            )?,
            false => arch(settings.arch.as_deref(), small, channels, classes.len(), size)?,
        };
        let arch = choices.note("architecture", arch);
        let weights = pretrained.file(arch.arch()?, watch)?;
        if let Some(text) = weights_text(weights.as_ref(), arch.arch()?) {
            choices.note("weights", text);
        }

        let n_train = survey.n_train(&split);
        let batch_size =
            choices.note("batch size", batch_size(settings.batch_size, small, n_train, transfers)?);
        let accumulate = accumulate(settings.accumulate, &mut choices);
        if settings.oversample {
            choices.note("drawn", chosen((), "all classes as often as the largest", ASKED));
        }
        let steps = n_train / batch_size;
        let (epochs, unfreeze_epochs) = match transfers {
            true => choices.note("epochs", transfer_epochs(settings, steps)),
            false => (choices.note("epochs", epochs(settings.epochs, steps)), 0),
        };
        let lr = match transfers {
            true => choices.note("learning rate", transfer_lr(settings.lr)),
            false => choices.note("learning rate", lr(settings.lr, &arch)?),
        };
        let transfer = weights.map(|weights| Transfer {
            weights,
            until: settings.until.clone(),
            unfreeze_epochs,
        });
        if settings.exact_conv {
            choices.0.push(exact_conv());
        }

        Ok(Self {
            doubts: survey.doubts(&split),
            data: survey.root,
            split,
            channels,
            size,
            augment,
            arch,
            transfer,
            epochs,
            lr,
            schedule: OneCycle::from(lr),
            optimizer: Rule::default(),
            weight_decay: WEIGHT_DECAY,
            batch_size,
            accumulate,
            oversample: settings.oversample,
            seed: settings.seed.unwrap_or(SEED),
            workers: settings.workers.unwrap_or_else(default_workers),
            skip_bad: settings.skip_bad.unwrap_or(0),
            checkpoint_every: settings.checkpoint_every.unwrap_or(CHECKPOINT_EVERY),
            cache_bytes: settings.cache_bytes.unwrap_or(CACHE_BYTES),
            exact_conv: settings.exact_conv,
            choices: choices.0,
        })
    }
}

pub(super) const SEED: u64 = 42;
pub(super) const CHECKPOINT_EVERY: usize = 100;
pub(super) const CACHE_BYTES: usize = 1 << 30;

/// fastai's.
pub(super) const WEIGHT_DECAY: f64 = 0.01;

/// For plans of versions that did not accumulate.
pub(super) fn one() -> usize {
    1
}

/// Batches that make a step together, which is told if it is more than one.
pub(super) fn accumulate(asked: Option<usize>, choices: &mut Choices) -> usize {
    let batches = asked.unwrap_or(1).max(1);
    if batches > 1 {
        choices.note("a step", chosen((), format!("{batches} batches"), ASKED));
    }
    batches
}

/// Takes out what is nobody's business where nothing is trained.
pub(super) fn leave_training_out(choices: &mut Vec<Choice>) {
    choices.retain(|choice| !["epochs", "learning rate"].contains(&choice.setting.as_str()));
}

/// As many as there are cores, up to four: preparing is quick beside training.
pub(super) fn default_workers() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().min(4))
}

/// About so many steps of training are planned for, if the number of epochs is not given.
const STEPS: usize = 1200;

fn split(asked: &Valid, survey: &Survey) -> Result<Chosen<Split>> {
    let split = match asked {
        Valid::Share(share) => {
            if *share > 0.0 && survey.n_share(*share) == 0 {
                let (share, images) = (percent(*share), survey.n_taken());
                return Err(Error::EmptyShare { share, images });
            }
            return Ok(of_split(Split::Random { share: *share }, ASKED));
        }
        Valid::Folder(valid) => {
            let train = survey.other_folder(valid)?;
            return Ok(of_split(Split::Folders { train, valid: valid.clone() }, ASKED));
        }
        Valid::List(file) => {
            return Ok(of_split(Split::named_in(file, survey.files())?, ASKED));
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
        None if survey.n_share(FIFTH) == 0 => of_split(
            Split::Random { share: 0.0 },
            format!("there are {} images only: none can be spared", survey.n_taken()),
        ),
        None => of_split(
            Split::Random { share: FIFTH },
            "the data has no folders of its own for it; choose with `--valid`",
        ),
    })
}

/// The share that is held out if nothing else is said; fastai's.
pub(super) const FIFTH: f64 = 0.2;

pub(super) fn of_split(split: Split, because: impl Into<String>) -> Chosen<Split> {
    let shown = split.to_string();
    chosen(split, shown, because)
}

fn channels(survey: &Survey, transfers: bool) -> Chosen<usize> {
    match survey.is_gray() {
        _ if transfers => chosen(3, "3 (color)", "what the weights were learned with"),
        true => chosen(1, "1 (gray)", "all images looked at are gray"),
        false => chosen(3, "3 (color)", "not all images are gray"),
    }
}

fn size(asked: Option<usize>, survey: &Survey, transfers: bool) -> Chosen<[usize; 2]> {
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
            let usual = if transfers { TRANSFER_SIDE } else { PHOTO_SIDE };
            let size = [usual.min(survey.shorter_side()).max(LEAST_SIDE); 2];
            chosen(
                size,
                shown(size),
                "resized, then cropped: trains in minutes on a CPU; `--size` for more detail",
            )
        }
    }
}

fn augment(small: bool, survey: &Survey, size: [usize; 2], transfers: bool) -> Chosen<Augment> {
    match small && survey.is_gray() {
        false if transfers => chosen(
            Augment::All,
            "mirrored, warped, turned, zoomed, lit",
            "a pretrained network learns its few pictures by heart else",
        ),
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

/// The network whose weights are there, or the lesson's.
fn pretrained_arch(
    asked: Option<&str>,
    pretrained: &Pretrained,
    channels: usize,
    classes: usize,
    size: [usize; 2],
) -> Result<Chosen<ArchSpec>> {
    let (name, because) = match (asked, pretrained.arch()) {
        (Some(name), _) => (name, ASKED),
        (None, Some(name)) => (name, "the file is called so"),
        (None, None) => ("resnet34", "the lesson's"),
    };
    let spec = ArchSpec::new(name, channels, classes, size)?;
    BodySpec::new(name)?;
    Ok(chosen(spec, name, because))
}

fn weights_text(weights: Option<&WeightsFile>, arch: &Arch) -> Option<Chosen<()>> {
    match (weights, arch.weights) {
        (Some(file), _) => Some(chosen((), file.path.display().to_string(), ASKED)),
        (None, Some(_)) => {
            Some(chosen((), "fresh", "`--pretrained auto` learns more from few pictures"))
        }
        (None, None) => None,
    }
}

/// Batch norm needs two images, and a training batch is never partial.
fn batch_size(
    asked: Option<usize>,
    small: bool,
    n_train: usize,
    transfers: bool,
) -> Result<Chosen<usize>> {
    if n_train < 2 || asked.is_some_and(|size| !(2..=n_train).contains(&size)) {
        return Err(Error::BatchSize { batch_size: asked, n_train, of: "image" });
    }
    if let Some(size) = asked {
        return Ok(chosen(size, size.to_string(), ASKED));
    }
    let usual: usize = match small {
        true => 128,
        // A pretrained network learns in few epochs: smaller batches give it more steps.
        false if transfers => 16,
        false => 32,
    };
    // A few dozen steps an epoch are what one-cycle and batch norm are comfortable with.
    let size = (n_train / 24).next_power_of_two().clamp(4, usual).min(n_train);
    let because = match size == usual {
        true => "usual for images of this size".to_owned(),
        false => {
            format!("{n_train} training images give {} an epoch with it", steps(n_train / size))
        }
    };
    Ok(chosen(size, size.to_string(), because))
}

fn steps(n: usize) -> String {
    if n == 1 { "1 step".into() } else { format!("{n} steps") }
}

fn epochs(asked: Option<usize>, per_epoch: usize) -> Chosen<usize> {
    if let Some(epochs) = asked {
        return chosen(epochs, epochs.to_string(), ASKED);
    }
    let epochs = STEPS.div_ceil(per_epoch).clamp(3, 40);
    chosen(
        epochs,
        epochs.to_string(),
        format!("{} of training, {per_epoch} an epoch", steps(epochs * per_epoch)),
    )
}

/// About so many steps train the new head, and so many everything: of some hundred pictures, more
/// learn by heart.
const TRANSFER_STEPS: [usize; 2] = [60, 60];

fn transfer_epochs(settings: &TrainSettings, per_epoch: usize) -> Chosen<(usize, usize)> {
    let usual = TRANSFER_STEPS.map(|steps| steps.div_ceil(per_epoch).clamp(2, 12));
    let epochs = settings.epochs.unwrap_or(usual[0]);
    let unfrozen = settings.unfreeze_epochs.unwrap_or(usual[1]);
    let shown = match unfrozen {
        0 => format!("{epochs} of the new head"),
        _ => format!("{epochs} of the new head, then {unfrozen} of everything"),
    };
    let because = match settings.epochs.is_some() || settings.unfreeze_epochs.is_some() {
        true => ASKED.to_owned(),
        false => format!("{} each", steps(per_epoch)),
    };
    chosen((epochs, unfrozen), shown, because)
}

/// Ten times fastai's, for fewer epochs.
const TRANSFER_LR: f64 = 2e-2;

fn transfer_lr(asked: Option<f64>) -> Chosen<f64> {
    let because = if asked.is_some() { ASKED } else { "of the head; a tenth for everything" };
    let lr = asked.unwrap_or(TRANSFER_LR);
    chosen(lr, lr.to_string(), because)
}

fn lr(asked: Option<f64>, arch: &ArchSpec) -> Result<Chosen<f64>> {
    let arch = arch.arch()?;
    let usual = format!("usual for {}; `tinderbox lr-find` looks for one on your data", arch.name);
    let because = if asked.is_some() { ASKED.to_owned() } else { usual };
    let lr = asked.unwrap_or(arch.lr);
    Ok(chosen(lr, lr.to_string(), because))
}

/// For people, where it was asked for.
pub(super) fn exact_conv() -> Choice {
    Choice { setting: "convolutions".into(), value: "exact".into(), because: ASKED.into() }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use tempfile::TempDir;
    use tinderbox_data::{
        digits::{DigitsConfig, write_digits},
        picture::Picture,
    };

    use super::*;
    use crate::RunFolder;

    /// A folder with colored pictures of this width and height.
    fn pictures(files: &[(&str, usize, usize)]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (file, width, height) in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            Picture::filled(*width, *height, [200, 30, 30]).save(&path).unwrap();
        }
        folder
    }

    fn settings(folder: &Path) -> TrainSettings {
        TrainSettings::new(folder, "run")
    }

    fn because<'a>(plan: &'a Plan, setting: &str) -> &'a str {
        &plan.choices.iter().find(|choice| choice.setting == setting).unwrap().because
    }

    #[test]
    fn gray_digits_are_padded_and_never_mirrored() {
        let folder = tempfile::tempdir().unwrap();
        let config = DigitsConfig { train_per_class: 12, test_per_class: 2, seed: 1 };
        write_digits(folder.path(), &config).unwrap();
        let plan = Plan::new(&settings(folder.path())).unwrap();
        assert_eq!(plan.augment, Augment::Pad { pixels: 3 });
        assert_eq!((plan.channels, plan.size), (1, [28, 28]));
        assert_eq!((plan.arch.name.as_str(), plan.arch.classes), ("resnetish", 10));
        assert_eq!(
            plan.split,
            Split::Folders { train: "training".into(), valid: "testing".into() }
        );
        assert!(because(&plan, "batch size").contains("120 training images give 15 steps"));
    }

    #[test]
    fn photographs_are_cropped_and_mirrored() {
        let files: Vec<(String, usize, usize)> = (0..10)
            .flat_map(|n| [(format!("cat/{n}.png"), 100, 90), (format!("dog/{n}.png"), 80, 200)])
            .collect();
        let files: Vec<_> = files.iter().map(|(file, w, h)| (file.as_str(), *w, *h)).collect();
        let folder = pictures(&files);
        let plan = Plan::new(&settings(folder.path())).unwrap();
        assert_eq!(plan.augment, Augment::CropAndFlip);
        assert_eq!((plan.channels, plan.size), (3, [90, 90]));
        assert_eq!((plan.arch.name.as_str(), plan.arch.classes), ("resnet-small", 2));
        assert_eq!(plan.split, Split::Random { share: 0.2 });
        assert_eq!(plan.batch_size, 4);
    }

    #[test]
    fn what_is_pretrained_takes_few_epochs_of_many_steps() {
        let of = |n_train, transfers| {
            Choices::default().note("", batch_size(None, false, n_train, transfers).unwrap())
        };
        assert_eq!([of(480, false), of(480, true), of(60, true)], [32, 16, 4]);
        let plain = settings(Path::new(""));
        let epochs =
            |settings, steps| Choices::default().note("", transfer_epochs(settings, steps));
        assert_eq!([500, 30, 15, 2].map(|steps| epochs(&plain, steps).0), [2, 2, 4, 12]);
        let head = TrainSettings { unfreeze_epochs: Some(0), ..plain.clone() };
        assert_eq!(epochs(&head, 30), (2, 0));
    }

    #[test]
    fn one_tiny_picture_does_not_decide_the_size() {
        let folder = pictures(&[("a/1.png", 1, 1), ("a/2.png", 70, 80), ("b/3.png", 90, 80)]);
        assert_eq!(Plan::new(&settings(folder.path())).unwrap().size, [70, 70]);
    }

    #[test]
    fn what_is_asked_for_is_done() {
        let files = ["a/1.png", "a/2.png", "a/3.png", "b/1.png", "b/2.png", "b/3.png"];
        let folder = pictures(&files.map(|file| (file, 20, 30)));
        let asked = TrainSettings {
            arch: Some("basic".into()),
            pretrained: Some(Pretrained::No),
            until: None,
            epochs: Some(7),
            unfreeze_epochs: None,
            lr: Some(0.5),
            size: Some(24),
            batch_size: Some(2),
            valid: Valid::Share(0.0),
            seed: Some(9),
            workers: Some(0),
            skip_bad: Some(1),
            checkpoint_every: Some(0),
            cache_bytes: Some(0),
            accumulate: Some(3),
            oversample: true,
            exact_conv: true,
            ..settings(folder.path())
        };
        let plan = Plan::new(&asked).unwrap();
        assert_eq!((plan.arch.name.as_str(), plan.epochs, plan.lr), ("basic", 7, 0.5));
        assert_eq!((plan.size, plan.batch_size, plan.seed), ([24, 24], 2, 9));
        assert_eq!((plan.workers, plan.skip_bad), (0, 1));
        assert_eq!((plan.checkpoint_every, plan.cache_bytes, plan.exact_conv), (0, 0, true));
        assert_eq!((plan.accumulate, plan.oversample), (3, true));
        assert_eq!(plan.split, Split::Random { share: 0.0 });
        for setting in
            ["validation", "size", "architecture", "batch size", "a step", "drawn", "epochs"]
        {
            assert_eq!(because(&plan, setting), ASKED);
        }

        let run = RunFolder::new(folder.path().join("run"));
        fs::create_dir(run.root()).unwrap();
        run.create(&plan, "").unwrap();
        assert_eq!(run.plan::<Plan>().unwrap(), plan, "all of it is in run.json");
    }

    #[test]
    fn plans_of_older_versions_are_read() {
        let folder = pictures(&[("a/1.png", 20, 20), ("b/1.png", 20, 20)]);
        let plan = Plan::new(&settings(folder.path())).unwrap();
        let mut older = serde_json::to_value(&plan).unwrap();
        for later in ["exact_conv", "accumulate", "oversample"] {
            older.as_object_mut().unwrap().remove(later).unwrap();
        }
        assert_eq!(serde_json::from_value::<Plan>(older).unwrap(), plan);
    }

    #[track_caller]
    fn check_split(folders: &[&str], valid: &Valid, split: Option<(&str, &str)>) {
        let files: Vec<String> = folders
            .iter()
            .flat_map(|set| ["a/1.png", "b/2.png"].map(|file| format!("{set}/{file}")))
            .collect();
        let folder =
            pictures(&files.iter().map(|file| (file.as_str(), 20, 20)).collect::<Vec<_>>());
        let plan = Plan::new(&TrainSettings { valid: valid.clone(), ..settings(folder.path()) });
        let expected = split.map(|(train, valid)| Split::Folders {
            train: train.to_owned(),
            valid: valid.to_owned(),
        });
        match (plan, expected) {
            (Ok(plan), Some(split)) => assert_eq!(plan.split, split),
            (Err(Error::NoSuchSet { .. }), None) => {}
            (plan, expected) => panic!("{plan:?}, not {expected:?}"),
        }
    }

    #[test]
    fn known_pairs_of_folders_are_the_two_sets() {
        for (train, valid) in KNOWN_SPLITS {
            check_split(&[train, valid], &Valid::Auto, Some((train, valid)));
        }
        check_split(&["train", "test", "val"], &Valid::Auto, Some(("train", "val")));
        let named = |name: &str| Valid::Folder(name.to_owned());
        check_split(&["old", "new"], &named("new"), Some(("old", "new")));
        check_split(&["test", "train", "valid"], &named("test"), Some(("train", "test")));
        check_split(&["x", "y", "z"], &named("x"), None);
        check_split(&["train", "valid"], &named("nowhere"), None);
    }

    #[track_caller]
    fn check_refused(files: &[&str], more: TrainSettings, message: &str) {
        let folder = pictures(&files.iter().map(|file| (*file, 20, 20)).collect::<Vec<_>>());
        let data = folder.path().to_owned();
        let error = Plan::new(&TrainSettings { data, ..more }).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }

    #[test]
    fn too_little_to_train_on_is_refused() {
        let plain = || settings(Path::new(""));
        check_refused(&["1.png"], plain(), "holds no images of class folders");
        check_refused(&["a/1.png", "a/2.png"], plain(), "one class only, `a`");
        check_refused(&["train/a/1.png", "valid/b/1.png"], plain(), "train has one class only");
        let two = &["a/1.png", "b/1.png"];
        let valid = |share| TrainSettings { valid: Valid::Share(share), ..plain() };
        check_refused(two, valid(0.5), "1 training image cannot be trained on");
        check_refused(two, valid(0.2), "a validation share of 20 % of 2 images is not one image");
        let batches = |batch_size| TrainSettings { batch_size, ..plain() };
        check_refused(two, batches(Some(1)), "batches of 1 cannot be made of 2 training images");
        check_refused(two, batches(Some(3)), "batches of 3 cannot be made of 2 training images");
    }

    #[test]
    fn two_images_train_and_none_validates() {
        let folder = pictures(&[("a/1.png", 20, 20), ("b/1.png", 20, 20)]);
        let plan = Plan::new(&settings(folder.path())).unwrap();
        assert_eq!((plan.split, plan.batch_size), (Split::Random { share: 0.0 }, 2));
    }

    #[test]
    fn a_run_folder_is_not_the_data() {
        let folder = pictures(&[("a/1.png", 20, 20), ("b/1.png", 20, 20)]);
        let out = folder.path().join(".");
        let error = Plan::new(&TrainSettings { out, ..settings(folder.path()) }).unwrap_err();
        assert!(matches!(error, Error::OutIsData { .. }), "{error}");
    }
}
