//! What tasks on images have in common.

mod learner;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tinderbox_model::arch::{ARCHS, Arch};

pub(crate) use learner::of_model;
pub use learner::{cnn_learner, pretrained_cnn_learner, pretrained_unet_learner, unet_learner};

use crate::{
    ImageSize, Job, Result,
    plan::{Choices, Start},
    settings::unused,
    weights::Pretrained,
};

/// What a user may say about training on images.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ImageSettings {
    /// Architecture, such as resnet-small, resnet34, vgg16_bn, densenet121, squeezenet1_1,
    /// mobilenet_v2 or xresnet18; `tinderbox weights list` names all
    #[schemars(extend("x-value" = "NAME", "x-group" = "Model", "x-usual" = "by the images",
        "examples" = ARCHS.each_ref().map(|arch| arch.name)))]
    pub arch: Option<String>,

    /// Weights to start with, under new layers: `auto` for the official ones, which are downloaded,
    /// a .pth or .safetensors file, or `none`
    #[schemars(extend("x-value" = "WEIGHTS", "x-group" = "Model", "default" = "none"))]
    pub pretrained: Option<Pretrained>,

    /// Part of the architecture to leave out, and all behind it: `layer4` of a resnet
    #[schemars(extend("x-value" = "PART", "x-group" = "Model",
        "x-usual" = "what is behind the body"))]
    pub until: Option<String>,

    /// Height and width that images are resized to, in pixels: `180x240`, or the side of a square
    #[schemars(extend("x-value" = "PIXELS", "x-group" = "Data", "x-usual" = "by the images"))]
    pub size: Option<ImageSize>,

    /// Epochs of everything, after those of the new layers alone; 0 for none
    #[schemars(extend("x-value" = "N", "x-group" = "Training",
        "x-usual" = "by the number of images"))]
    pub unfreeze_epochs: Option<usize>,

    /// Compute convolutions as the definition says, without Winograd's algorithms, which multiply
    /// less and round differently: slower
    #[schemars(extend("x-group" = "Model", "default" = false))]
    pub exact_conv: Option<bool>,

    /// Skip up to this many unreadable files; one more is an error before training
    #[schemars(extend("x-validate" = true, "x-role" = "host", "x-value" = "N", "x-group" = "Data", "default" = 0))]
    pub skip_bad: Option<usize>,

    /// Memory for decoded images between epochs, in MB
    #[schemars(extend("x-role" = "host", "x-value" = "MB", "x-group" = "Run", "default" = 1024))]
    pub cache: Option<usize>,
}

impl ImageSettings {
    /// Whether the body's weights are pretrained.
    pub(crate) fn is_pretrained(&self) -> bool {
        self.pretrained.as_ref().is_some_and(|weights| *weights != Pretrained::No)
    }

    /// The weights of the body, downloaded if need be, which are told.
    ///
    /// # Errors
    /// [`WeightsError`](crate::weights::WeightsError).
    pub(crate) fn weights(
        &self,
        arch: &'static Arch,
        choices: &mut Choices,
        job: &Job,
    ) -> Result<Start> {
        let asked = self.pretrained.clone().unwrap_or(Pretrained::No);
        choices.keep("pretrained", &asked);
        Ok(match asked.file(arch, job)? {
            Some(file) => {
                choices.tell("pretrained", file.path.display().to_string(), crate::plan::ASKED);
                Start::Pretrained(file)
            }
            None => {
                if arch.weights.is_some() {
                    let because = "with little data, `--pretrained auto` learns more";
                    choices.tell("pretrained", "none", because);
                }
                Start::Fresh
            }
        })
    }

    /// Fails for what means nothing without a pretrained body.
    ///
    /// # Errors
    /// [`SettingsError::Unused`](crate::SettingsError::Unused).
    pub(crate) fn check_fresh(&self) -> Result<()> {
        const REASON: &str = "it is for networks that are `--pretrained`";
        unused("until", self.until.as_ref(), REASON)?;
        unused("unfreeze_epochs", self.unfreeze_epochs.as_ref(), REASON)
    }
}

/// fastai's `get_transforms`, in words.
pub(crate) const AUGMENTED: &str = "flips, warps, rotations, zooms, lighting";

/// Height and width in words.
pub(crate) fn pixels([height, width]: [usize; 2]) -> String {
    format!("{height}×{width} px")
}
