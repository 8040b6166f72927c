//! What tasks on images have in common.

mod learner;
pub(crate) mod recipe;
pub(crate) mod table;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tinderbox_data::{ImageKind, SavedInput};
use tinderbox_learn::Bundle;
use tinderbox_model::arch::ARCHS;

pub(crate) use learner::of_model;
pub use learner::{CnnConfig, UnetLearnerConfig, cnn_learner, unet_learner};
pub use recipe::{Augment, ImageInput};
pub use table::{LabelSource, LabelTable, Meaning, TableError, TableSettings};

use crate::{
    ImageSize, Job, Location, Result,
    plan::{ASKED, Choices, survey::Survey},
    settings::unused,
    weights::{self, Found, Pretrained, WeightsFile},
};

/// The settings of training on images.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ImageSettings {
    /// Architecture, such as resnet-small, resnet34, vgg16_bn, densenet121, squeezenet1_1,
    /// mobilenet_v2 or xresnet18; `tinderbox weights list` lists all
    #[schemars(extend("x-value" = "NAME", "x-group" = "Model", "x-usual" = "depends on the images",
        "examples" = ARCHS.each_ref().map(|arch| arch.name)))]
    pub arch: Option<String>,

    /// Pretrained weights to start from, with new layers on top: `auto` for the official ones, from
    /// the cache or downloaded; a .pth or .safetensors file; or `none`
    #[schemars(extend("x-value" = "WEIGHTS", "x-group" = "Model",
        "x-usual" = "auto for photographs, if they are in the cache or can be downloaded"))]
    pub pretrained: Option<Pretrained>,

    /// Finished run or model file to fine-tune: training starts with its architecture and its
    /// weights. If its classes are others, the last layer is new. A text classifier takes the
    /// encoder of a language model (ULMFiT)
    #[schemars(extend("x-value" = "RUN", "x-group" = "Model", "x-usual" = "none"))]
    pub from: Option<Location>,

    /// Cut the architecture before this part, such as `layer4` of a ResNet, and leave out all
    /// layers behind it
    #[schemars(extend("x-value" = "PART", "x-group" = "Model",
        "x-usual" = "the architecture's own head"))]
    pub until: Option<String>,

    /// Size that images are resized to, in pixels: height and width, such as `180x240`, or the side
    /// of a square
    #[schemars(extend("x-value" = "PIXELS", "x-group" = "Data", "x-usual" = "depends on the images"))]
    pub size: Option<ImageSize>,

    /// Epochs that fine-tune the whole pretrained network, after `--epochs` of the new layers
    /// alone; 0 for none
    #[schemars(extend("x-value" = "N", "x-group" = "Training",
        "x-usual" = "depends on the number of images"))]
    pub unfreeze_epochs: Option<usize>,

    /// Compute convolutions by their definition, without Winograd's algorithms, which need fewer
    /// multiplications but round differently. Slower
    #[schemars(extend("x-group" = "Model", "default" = false))]
    pub exact_conv: Option<bool>,

    /// Most pixels that an image may have. A JPEG of more is decoded at 1/4 or 1/8 of its size; any
    /// other image is an error
    #[schemars(range(min = 1), extend("x-validate" = true, "x-value" = "N", "x-group" = "Data",
        "x-usual" = "89478485"))]
    pub max_pixels: Option<u64>,

    /// Bits that the values of 16-bit images use: 12 if 4095 is white, as from microscopes and X-ray
    /// cameras
    #[schemars(range(min = 1, max = 16), extend("x-value" = "N", "x-group" = "Data",
        "x-usual" = "by the highest value of the images"))]
    pub bits: Option<u8>,

    /// Skip up to this many unreadable files; more than that is an error before training
    #[schemars(extend("x-validate" = true, "x-role" = "host", "x-value" = "N", "x-group" = "Data", "default" = 0))]
    pub skip_bad: Option<usize>,

    /// Memory for decoded images that are kept between epochs, in MB
    #[schemars(extend("x-role" = "host", "x-value" = "MB", "x-group" = "Run", "default" = 1024))]
    pub cache: Option<usize>,
}

impl ImageSettings {
    /// How images are opened, as far as it is given.
    pub(crate) fn kind(&self) -> ImageKind {
        let usual = ImageKind::default();
        ImageKind {
            max_pixels: self.max_pixels.unwrap_or(usual.max_pixels),
            bits: self.bits,
            ..usual
        }
    }

    /// How images are opened for a model: as it was trained, but under the limit that is given.
    pub(crate) fn kind_like(&self, trained: ImageKind) -> ImageKind {
        ImageKind { max_pixels: self.max_pixels.unwrap_or(trained.max_pixels), ..trained }
    }

    /// The bits of 16-bit images: as given, as in the run to start from, or as the highest value of the
    /// images says.
    pub(crate) fn bits(
        &self,
        survey: &Survey,
        from: Option<&Bundle>,
        choices: &mut Choices,
    ) -> Option<u8> {
        let of_run = from.and_then(|from| match from.manifest.inference.saved_input() {
            SavedInput::Image(kind) => Some(kind.bits),
            _ => None,
        });
        let (bits, because) = match (self.bits, of_run) {
            (Some(bits), _) => (Some(bits), ASKED.to_owned()),
            (None, Some(bits)) => (bits, "as in the run to start from".to_owned()),
            (None, None) => match survey.highest() {
                Some(highest) => (
                    used_bits(highest),
                    format!(
                        "{highest} is the highest value of the 16-bit images; `--bits 16` keeps all of them dark"
                    ),
                ),
                None => (None, String::new()),
            },
        };
        choices.keep("bits", &bits);
        if let Some(bits) = bits {
            choices.tell("bits", format!("{bits} of 16"), because);
        }
        bits
    }

    /// The architecture, and the pretrained weights of its body if there are some: as asked for; else
    /// those of one that is looked for, the first of which is downloaded if none is in the cache; else
    /// `fresh`, with its reason. The architecture is told as `show` says.
    ///
    /// # Errors
    /// [`WeightsError`](crate::weights::WeightsError);
    /// [`SettingsError::Unused`](crate::SettingsError::Unused) for what needs pretrained weights.
    pub(crate) fn arch_and_weights(
        &self,
        look_for: &[&str],
        fresh: (&str, &str),
        show: impl FnOnce(&String) -> String,
        choices: &mut Choices,
        job: &Job,
    ) -> Result<(String, Option<WeightsFile>)> {
        let found = weights::look(self.pretrained.as_ref(), self.arch.as_deref(), look_for, job)?;
        let (name, because) = match &found {
            Found::File { arch, because, .. } => (arch.name, *because),
            Found::None { .. } => fresh,
        };
        let usual = || (name.to_owned(), because.to_owned());
        let arch = choices.pick_shown("arch", self.arch.clone(), usual, show);
        Ok(match found {
            Found::File { file, .. } => {
                let asked = self.pretrained.clone();
                let because = match asked {
                    Some(_) => ASKED,
                    None => "needs few images of your own; `--pretrained none` trains from scratch",
                };
                choices.keep("pretrained", &asked.unwrap_or(Pretrained::Auto));
                choices.tell("pretrained", file.path.display().to_string(), because);
                (arch, Some(file))
            }
            Found::None { because } => {
                self.check_fresh()?;
                choices.keep("pretrained", &Pretrained::No);
                if let Some(because) = because {
                    choices.tell("pretrained", "none", because);
                }
                (arch, None)
            }
        })
    }

    /// Fails for what a run to start from decides.
    ///
    /// # Errors
    /// [`SettingsError::Unused`](crate::SettingsError::Unused).
    pub(crate) fn check_from(&self) -> Result<()> {
        const REASON: &str = "the run in `--from` decides it";
        unused("arch", self.arch.as_ref(), REASON)?;
        unused("until", self.until.as_ref(), REASON)?;
        unused("pretrained", self.pretrained.as_ref(), REASON)
    }

    /// Fails for what means nothing without a pretrained body.
    ///
    /// # Errors
    /// [`SettingsError::Unused`](crate::SettingsError::Unused).
    fn check_fresh(&self) -> Result<()> {
        const REASON: &str = "it only applies to pretrained networks";
        unused("until", self.until.as_ref(), REASON)?;
        unused("unfreeze_epochs", self.unfreeze_epochs.filter(|n| *n > 0).as_ref(), REASON)
    }
}

/// The fewest bits, as cameras have them, that values up to this take; nothing if they take all 16.
fn used_bits(highest: u16) -> Option<u8> {
    [8, 10, 12, 14].into_iter().find(|bits| u32::from(highest) < 1 << bits)
}

/// fastai's `get_transforms`, in words.
pub(crate) const AUGMENTED: &str = "flips, warps, rotations, zooms, lighting";

/// Height and width in words.
pub(crate) fn pixels([height, width]: [usize; 2]) -> String {
    format!("{height}×{width} px")
}

/// A U-Net in words, by its body and the first child that this is without.
pub(crate) fn unet_on(arch: &str, until: Option<&str>) -> String {
    match until {
        None => format!("U-Net on {arch}"),
        Some(child) => format!("U-Net on {arch} until {child}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cameras_have_an_even_number_of_bits() {
        for (highest, bits) in
            [(255, Some(8)), (256, Some(10)), (4095, Some(12)), (4096, Some(14)), (16384, None)]
        {
            assert_eq!(used_bits(highest), bits, "{highest}");
        }
    }
}
