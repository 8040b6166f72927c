//! Architectures by name: what the command line and saved models build.

mod awd_lstm;
mod body;
mod check;
mod densenet;
mod gan;
mod language;
mod lesson;
mod mobilenet;
mod model_spec;
mod naming;
mod official;
mod parts;
mod resnet;
mod resnet_small;
mod simple_cnn;
mod squeezenet;
mod table;
mod tagger;
mod text_classifier;
mod text_spec;
mod tiramisu;
mod unet;
mod vgg;
mod xresnet;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

pub(crate) use awd_lstm::Penalty;
pub use awd_lstm::{
    AwdDropouts, AwdLstm, AwdLstmConfig, Encoded, LanguageModel, LanguageModelConfig, Masks, Order,
};
pub use body::{
    Body, BodySpec, CnnSpec, Grouped, create_body, create_body_until, create_cnn, create_cnn_with,
};
pub use densenet::DenseNetConfig;
pub use gan::{BasicGan, GanCritic};
pub use language::{LstmLm, Model0, Model1, Model2, Model3, Model4, Model5, RnnLm, RnnLmConfig};
pub use lesson::{basic, densenetish, refactored, resnetish};
pub use mobilenet::mobilenet_v2;
pub use model_spec::ModelSpec;
pub use naming::{Naming, recognize};
pub use official::{IMAGENET, InputStats, OfficialWeights};
pub use resnet::{ResNetBlock, ResNetConfig};
pub use resnet_small::resnet_small;
pub use simple_cnn::{SimpleCnnConfig, simple_cnn};
pub use squeezenet::SqueezeNetConfig;
pub use table::ARCHS;
pub use tagger::{SequenceTagger, TaggerConfig};
pub use text_classifier::{TextClassifier, TextClassifierConfig, masked_concat_pool};
pub use text_spec::{LessonSpec, TextSpec};
pub use tiramisu::{Tiramisu, TiramisuConfig};
pub use unet::{Blur, DynamicUnet, UnetConfig, UnetSpec, create_unet};
pub use vgg::VggConfig;
pub use xresnet::xresnet;

use crate::{Error, Result, Sequential};

/// What is known about an architecture.
#[derive(Debug)]
pub struct Arch {
    pub name: &'static str,
    /// One line for people.
    pub about: &'static str,
    pub build: fn(&ArchSpec, &Device) -> Sequential,
    /// The paths at which the second, third, … parameter group begins; the last one is the head's.
    pub groups: &'static [&'static str],
    /// The first child behind the body, which other heads can be put on, if there is one.
    pub cut: Option<&'static str>,
    /// The name and the shape of its deepest weight, which tells its weights from others'. Of
    /// several of a family whose weights are all there, the last of the table is meant.
    pub known_by: Option<(&'static str, &'static [usize])>,
    /// Other programs' names of the body's weights.
    pub names: &'static [Naming],
    /// Weights that somebody else trained.
    pub weights: Option<OfficialWeights>,
    /// A learning rate that it trains well with by one-cycle, from scratch.
    pub lr: f64,
    /// The smallest height and width that it takes, in pixels.
    pub min_size: usize,
}

/// The architecture called `name`.
///
/// # Errors
/// [`Error::UnknownArch`] with the names that there are.
pub fn find(name: &str) -> Result<&'static Arch> {
    ARCHS.iter().find(|arch| arch.name == name).ok_or_else(|| Error::UnknownArch {
        name: name.to_owned(),
        known: ARCHS.iter().map(|arch| arch.name).collect(),
    })
}

/// An architecture and what it is built for: enough to build it again. Saved with models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchSpec {
    /// As in [`ARCHS`].
    pub name: String,
    pub in_channels: usize,
    pub classes: usize,
    /// Height and width of the images, in pixels.
    pub size: [usize; 2],
}

impl ArchSpec {
    /// An architecture of the table for images of this size.
    ///
    /// # Errors
    /// [`Error::UnknownArch`]; [`Error::TooSmall`] for images that it does not take.
    pub fn new(name: &str, in_channels: usize, classes: usize, size: [usize; 2]) -> Result<Self> {
        let spec = Self { name: name.to_owned(), in_channels, classes, size };
        spec.arch()?;
        Ok(spec)
    }

    /// The table's entry.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn arch(&self) -> Result<&'static Arch> {
        let arch = find(&self.name)?;
        match self.size.iter().min() {
            Some(&side) if side < arch.min_size => {
                Err(Error::TooSmall { arch: arch.name, size: self.size, min: arch.min_size })
            }
            _ => Ok(arch),
        }
    }

    /// Builds it with fresh weights from the device's generator.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn build(&self, device: &Device) -> Result<Sequential> {
        Ok((self.arch()?.build)(self, device))
    }
}
