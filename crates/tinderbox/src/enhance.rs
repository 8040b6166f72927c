//! Image to image: from bad pictures and good ones to a model that makes good ones of bad.
//!
//! Restoration, super-resolution and colorization are this task with other damage: what a model is to
//! repair is done to good images while it trains, or was done before, in pairs of one's own.

mod decide;
mod loss;
mod metrics;
mod pairs;
mod predict;
mod samples;
mod tiles;

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use schemars::{JsonSchema, json_schema};
use serde::{Deserialize, Serialize};
use tinderbox_data::{
    DataBunch, ImageItems, ImageKind, Inference, Input, Label, LabelKind, Normalize, SavedInput,
    TargetKind,
    damage::Crappifier,
    image::Photo,
    transform::{Augmentation, ResizeMethod, Size, Transforms, crop_pad, dihedral, rand_crop},
};
use tinderbox_learn::{Bundle, Learner};
use tinderbox_model::{
    arch::UnetSpec,
    weights::{LoadReport, StateDict},
};

pub use loss::{EnhanceLoss, FeatureWeights, LossName, PretrainedFeatures};
pub use pairs::ImagePairs;
pub use tiles::TileError;

use crate::{
    About, Answer, Confidence, Decided, Draws, Hinted, ImageSize, InterpretSettings, Interpreted,
    Job, Location, PictureOptions, Plan, Result, RunFolder, Scores, Settings, Sources, Split, Task,
    Word,
    device::device,
    error::paths,
    images::{ImageSettings, of_model},
    items::checked,
    plan::Choices,
    settings::as_text,
};

/// Makes a better image of an image: a U-Net.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enhance {
    /// Where the bad images are from.
    pub bad: Bad,
    pub split: Split,
    pub model: UnetSpec,
    /// What part of an image is trained on.
    pub view: TrainingView,
    pub loss: EnhanceLoss,
    /// How inputs and targets are normalized.
    pub normalize: Normalize,
    /// How images are opened.
    pub kind: ImageKind,
}

/// Where the bad images are from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bad {
    /// A folder of them: each has the name of its target. Predictions are so many times larger than
    /// what they are of.
    Pairs { scale: usize },
    /// Made of the good ones, anew for each item in each epoch.
    Damage(Crappifier),
}

impl Bad {
    /// How many times larger predictions are than what they are of.
    pub fn scale(&self) -> usize {
        match self {
            Self::Pairs { scale } => *scale,
            Self::Damage(damage) => damage.scale(),
        }
    }
}

/// What part of an image is trained on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrainingView {
    /// The image made as small as the training size, then up to twice as large, flips and lighting:
    /// the lesson's. Images that are damaged while a model trains are rotated and warped first, too;
    /// pairs are not, as that would bend their damage.
    Zoomed,
    /// A part at the image's own resolution, flipped and turned by right angles: for
    /// super-resolution, which must see pixels as they are.
    Native,
}

/// Damage to repair, as a setting: steps by their names.
#[derive(Debug, Clone, PartialEq)]
pub struct DamageSetting(pub Crappifier);

impl FromStr for DamageSetting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|error: tinderbox_data::Error| error.to_string())
    }
}

impl fmt::Display for DamageSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Sizes to train at, one after the other, in pixels: height and width.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sizes(pub Vec<ImageSize>);

impl FromStr for Sizes {
    type Err = String;

    /// `128,256`
    fn from_str(text: &str) -> Result<Self, String> {
        text.split(',').map(|size| size.trim().parse()).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes: Vec<String> = self.0.iter().map(ImageSize::to_string).collect();
        f.write_str(&sizes.join(","))
    }
}

as_text! {
    DamageSetting: json_schema!({
        "type": "string",
        "examples": ["restore", "superres", "gray", "old-photo", "noise 5..25, jpeg 30..90"],
    });
    Sizes: json_schema!({ "type": ["string", "integer"] });
}

/// The settings of image-to-image training.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EnhanceSettings {
    #[serde(flatten)]
    pub image: ImageSettings,

    /// Folder with the bad images of pairs; subfolders included
    #[schemars(extend("x-validate" = true, "x-role" = "source", "x-value" = "DIR", "x-group" = "Data",
        "x-instead-of" = "data", "x-usual" = "none; bad images are made of the data by `--damage`"))]
    pub inputs: Option<Location>,

    /// Folder with the good images of pairs, each under the name of its input
    #[schemars(extend("x-validate" = true, "x-role" = "source", "x-value" = "DIR", "x-group" = "Data",
        "x-usual" = "none"))]
    pub targets: Option<Location>,

    /// Damage that the model learns to repair, made anew for each image in each epoch: `restore`,
    /// `superres`, `gray`, `old-photo`, or steps such as `shrink 4, noise 5..25, jpeg 30..90`
    #[schemars(extend("x-value" = "STEPS", "x-group" = "Data", "x-usual" = "restore, without `--inputs`"))]
    pub damage: Option<DamageSetting>,

    /// How many times larger super-resolution makes an image
    #[schemars(range(min = 2, max = 8), extend("x-value" = "N", "x-group" = "Data",
        "x-usual" = "4 for super-resolution"))]
    pub scale: Option<usize>,

    /// Loss: how far a prediction is from its target. `feature` compares features of a pretrained
    /// network, too
    #[schemars(extend("x-value" = "LOSS", "x-group" = "Training", "x-usual" = "depends on the damage"))]
    pub loss: Option<LossName>,

    /// Network whose features `--loss feature` compares: a file with weights of `vgg16_bn`,
    /// `resnet18`, `mobilenet_v2` or `squeezenet1_1`, or one of these names. `auto` takes VGG-16 if
    /// its weights are in the cache or can be downloaded, else a smaller one in the cache
    #[schemars(extend("x-value" = "NAME|FILE", "x-group" = "Training", "x-usual" = "auto"))]
    pub feature_net: Option<String>,

    /// Sizes to train at, one after the other, such as `128,256`; the batches of larger ones are
    /// smaller
    #[schemars(extend("x-value" = "SIZES", "x-group" = "Training", "x-usual" = "one size"))]
    pub sizes: Option<Sizes>,

    /// Share of the steps of a fit in which the learning rate rises
    #[schemars(range(max = 1), extend("exclusiveMinimum" = 0, "x-value" = "SHARE", "x-group" = "Training",
        "x-usual" = "0.8 at first, then 0.3"))]
    pub pct_start: Option<f64>,

    /// Let every position of a map look at every other in one block of the decoder. Large images
    /// then differ a little between tiles
    #[schemars(extend("x-group" = "Model", "default" = false))]
    pub self_attention: Option<bool>,
}

/// What is wrong with data for image-to-image training.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnhanceError {
    #[error(
        "no image in {} has a target in {}: the first input is `{}`, the first target is `{}`",
        inputs.display(), targets.display(), input.display(), target.display()
    )]
    NoPairs {
        inputs: PathBuf,
        targets: PathBuf,
        /// A file of each folder.
        input: PathBuf,
        target: PathBuf,
    },

    #[error("{} has {} targets: {}", input.display(), targets.len(), paths(targets))]
    SeveralTargets { input: PathBuf, targets: Vec<PathBuf> },

    #[error("{}", no_target_text(inputs, *n))]
    NoTarget {
        /// Some of them.
        inputs: Vec<PathBuf>,
        n: usize,
        /// How many inputs have one.
        paired: usize,
    },

    #[error("`--inputs` and `--targets` go together, and only `--{given}` is given")]
    HalfAPair { given: &'static str },

    #[error("the feature loss is not calibrated for `{arch}`")]
    NotCompared { arch: String },

    #[error("no weights of a network that features could be compared by: {tried}")]
    NoFeatureNet { tried: String },
}

fn no_target_text(inputs: &[PathBuf], n: usize) -> String {
    let more = if n > inputs.len() { ", …" } else { "" };
    match n {
        1 => format!("{} has no target", paths(inputs)),
        n => format!("{n} inputs have no target: {}{more}", paths(inputs)),
    }
}

impl Hinted for EnhanceError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoPairs { .. } => {
                "a target has the same name as its input, below its own folder".into()
            }
            Self::SeveralTargets { .. } => "keep one of them in the folder".into(),
            Self::NoTarget { n, paired, .. } if n <= paired => {
                format!("add the targets, or leave the inputs out: `--skip-bad {n}`")
            }
            Self::NoTarget { .. } => "are these the right folders? A target has the same name as its input".into(),
            Self::HalfAPair { given: "inputs" } => "add `--targets DIR`".into(),
            Self::HalfAPair { .. } => {
                "add `--inputs DIR`, or name the good images as data alone and choose `--damage`".into()
            }
            Self::NotCompared { .. } => {
                "choose vgg16_bn or another VGG, resnet18, mobilenet_v2 or squeezenet1_1, or a file with weights of one; in code, `FeatureLoss::new` takes weights for any network".into()
            }
            Self::NoFeatureNet { .. } => {
                "name a file with weights of one: `--feature-net FILE`; `tinderbox weights fetch squeezenet1_1` downloads a small one; or choose another loss: `--loss l1`".into()
            }
        })
    }
}

impl Task for Enhance {
    const ABOUT: About = About {
        name: "enhance",
        noun: "an image-to-image model",
        unit: "images",
        metric: "psnr",
        lower_is_better: false,
        takes_text: false,
        draws: Draws::Image,
        try_next: "predict {run} image.jpg --out enhanced.png",
        words: &[
            Word { name: "restore", settings: &[("damage", "restore")] },
            Word { name: "super-resolve", settings: &[("damage", "superres")] },
            Word { name: "colorize", settings: &[("damage", "gray")] },
        ],
    };

    type Settings = EnhanceSettings;

    /// The pairs, or the good images.
    type Found = Found;

    fn recognizes(ask: &Settings<Self>) -> Confidence {
        let EnhanceSettings { inputs, targets, damage, .. } = &ask.task;
        match inputs.is_some() || targets.is_some() || damage.is_some() {
            true => Confidence::Likely,
            false => Confidence::No,
        }
    }

    fn sources(ask: &Settings<Self>) -> Sources {
        let EnhanceSettings { inputs, targets, .. } = &ask.task;
        Sources::default()
            .with("data", ask.common.data.as_ref().map(Location::path))
            .with("inputs", inputs.as_ref().map(Location::path))
            .with("targets", targets.as_ref().map(Location::path))
    }

    fn decide(
        ask: &Settings<Self>,
        data: &Sources,
        choices: &mut Choices,
        job: &Job,
    ) -> Result<(Decided<Self>, Found)> {
        decide::decide(ask, data, choices, job)
    }

    fn find(plan: &Plan<Self>, _: &RunFolder, _: &Job) -> Result<Found> {
        let found = Found::of(&plan.data)?;
        found.check(&plan.data, plan.host.skip_bad)?;
        Ok(found)
    }

    fn data(plan: &Plan<Self>, found: Found, job: &Job) -> Result<DataBunch> {
        let task = &plan.task;
        let transforms = task.transforms().transform_labels(true);
        let options = plan.batch_options();
        let split = task.split.apply(found.images(&plan.data, task.kind)?, plan.seed)?;
        let data = match &task.bad {
            Bad::Damage(damage) => {
                split.label_by_damage(damage.clone())?.transform(transforms)?.batches(options)?
            }
            Bad::Pairs { scale } => {
                let split = split.label_kind(LabelKind::Image {
                    mode: task.kind.mode,
                    scale: *scale,
                    damage: None,
                });
                let labelled = split.label_from_func(|path| found.target(&plan.data, path))?;
                labelled.transform(transforms)?.batches(options)?
            }
        };
        let data = checked(data, plan.host.skip_bad, job)?;
        Ok(data.normalize_by(task.normalize.clone())?)
    }

    fn learner(
        plan: &Plan<Self>,
        data: DataBunch,
        body: Option<StateDict>,
    ) -> Result<(Learner, LoadReport)> {
        let spec = plan.task.model.clone().into();
        let device = device(plan.host.device)?;
        let (learner, report) = of_model(data, &spec, body, &device)?;
        Ok((Self::metrics(Self::with_loss(plan, learner)?), report))
    }

    fn with_loss(plan: &Plan<Self>, learner: Learner) -> Result<Learner> {
        let Self { loss, normalize, .. } = &plan.task;
        loss.give(learner, normalize)
    }

    fn metrics(learner: Learner) -> Learner {
        metrics::of_training(learner)
    }

    fn watch(learner: Learner, run: &RunFolder, job: &Job) -> Learner {
        let samples = samples::Samples::new(run, learner.data().normalization(), job);
        learner.callback(samples)
    }

    fn knows(model: &Bundle) -> bool {
        let inference = &model.manifest.inference;
        matches!(inference.target(), TargetKind::Image { .. })
            && matches!(inference.saved_input(), SavedInput::Image(_))
    }

    fn examples(model: &Bundle, ask: &Settings<Self>, job: &Job) -> Result<DataBunch> {
        let inference = &model.manifest.inference;
        let (TargetKind::Image { mode, scale, damage }, SavedInput::Image(kind)) =
            (inference.target(), inference.saved_input())
        else {
            return Err(crate::validate::other_model(model, Self::ABOUT.noun));
        };
        let sources = Self::sources(ask);
        let found = Found::of(&sources)?;
        let skip_bad = ask.task.image.skip_bad.unwrap_or(0);
        found.check(&sources, skip_bad)?;
        let split = found.images(&sources, ask.task.image.kind_like(*kind))?.split_all_valid();
        let data = match (&found, damage) {
            (Found::Good(_), Some(damage)) => split
                .label_by_damage(damage.clone())?
                .batches_like(inference, ask.batch_options())?,
            (Found::Good(_), None) => {
                return Err(crate::SettingsError::Missing { setting: "targets" }.into());
            }
            (Found::Pairs(_), _) => split
                // Their inputs are bad already, whatever the model learned from.
                .label_kind(LabelKind::Image { mode: *mode, scale: *scale, damage: None })
                .label_from_func(|path| found.target(&sources, path))?
                .batches_like(inference, ask.batch_options())?,
        };
        checked(data, skip_bad, job)
    }

    fn score(learner: &mut Learner) -> Result<Scores> {
        metrics::score(learner)
    }

    fn interpret(learner: &mut Learner, settings: &InterpretSettings) -> Result<Interpreted> {
        metrics::interpret(learner, settings.without_heat::<Self>()?)
    }

    type Prepared = Photo;

    fn prepare(inference: &Inference, input: Input<'_>) -> Result<Photo> {
        Ok(inference.photo(input)?)
    }

    /// One by one: they have any size.
    fn at_once(_: &Bundle) -> usize {
        1
    }

    fn answers(
        model: &Bundle,
        inputs: Vec<Photo>,
        options: &PictureOptions,
    ) -> Vec<Result<Answer>> {
        inputs.iter().map(|photo| predict::enhanced(model, photo, options)).collect()
    }
}

impl Enhance {
    /// Height and width that are trained on.
    pub fn size(&self) -> [usize; 2] {
        self.model.unet.size
    }

    fn transforms(&self) -> Transforms {
        let [height, width] = self.size();
        let size = match height == width {
            true => Size::Square(height),
            false => Size::Exactly(height, width),
        };
        match self.view {
            TrainingView::Zoomed => {
                // The lesson's.
                let usual = Augmentation { max_zoom: 2.0, ..Augmentation::default() };
                let upright = Augmentation { max_rotate: 0.0, max_warp: 0.0, ..usual };
                let augmentation = match self.bad {
                    // The damage is done afterwards.
                    Bad::Damage(_) => usual,
                    // Blocks, lines and edges of the damage are what a model knows it by.
                    Bad::Pairs { .. } => upright,
                };
                augmentation.transforms().size(size)
            }
            TrainingView::Native => Transforms::new()
                .train(rand_crop())
                .train(dihedral())
                .valid(crop_pad())
                .size(size)
                .resize_method(ResizeMethod::Part),
        }
    }
}

/// What there is to train on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    Pairs(ImagePairs),
    /// The good images, below their folder.
    Good(Vec<PathBuf>),
}

impl Found {
    fn of(data: &Sources) -> Result<Self> {
        match (data.get("inputs"), data.get("targets")) {
            (Some(inputs), Some(targets)) => Ok(Self::Pairs(ImagePairs::find(inputs, targets)?)),
            (Some(_), None) => Err(EnhanceError::HalfAPair { given: "inputs" }.into()),
            (None, Some(_)) => Err(EnhanceError::HalfAPair { given: "targets" }.into()),
            (None, None) => {
                let images = ImageItems::from_folder(data.need("data")?)?;
                Ok(Self::Good(images.relative_paths().map(Path::to_owned).collect()))
            }
        }
    }

    fn check(&self, data: &Sources, skip_bad: usize) -> Result<()> {
        match self {
            Self::Pairs(pairs) => pairs.check(data.need("inputs")?, skip_bad),
            Self::Good(_) => Ok(()),
        }
    }

    /// The images that the items are: inputs, or good ones.
    fn images(&self, data: &Sources, kind: ImageKind) -> Result<ImageItems> {
        Ok(match self {
            Self::Pairs(pairs) => {
                ImageItems::new(data.need("inputs")?, pairs.targets.keys().cloned().collect(), kind)
            }
            Self::Good(files) => ImageItems::new(data.need("data")?, files.clone(), kind),
        })
    }

    /// The label of an input of pairs: its target, absolute.
    fn target(&self, data: &Sources, input: &Path) -> Label {
        match (self, data.get("targets")) {
            (Self::Pairs(pairs), Some(folder)) => Label::File(folder.join(&pairs.targets[input])),
            _ => Label::Empty,
        }
    }
}
