//! Architectures by name: what the command line and saved models build.

mod awd_lstm;
mod check;
mod gan;
mod language;
mod lesson;
mod model_spec;
mod parts;
mod resnet;
mod resnet_small;
mod simple_cnn;
mod tagger;
mod text_classifier;
mod text_spec;
mod vgg;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

pub(crate) use awd_lstm::Penalty;
pub use awd_lstm::{
    AwdDropouts, AwdLstm, AwdLstmConfig, Encoded, LanguageModel, LanguageModelConfig, Masks, Order,
};
pub use gan::BasicGan;
pub use language::{LstmLm, Model0, Model1, Model2, Model3, Model4, Model5, RnnLm, RnnLmConfig};
pub use lesson::{basic, refactored, resnetish};
pub use model_spec::ModelSpec;
pub use resnet::{ResNetBlock, ResNetConfig};
pub use resnet_small::resnet_small;
pub use simple_cnn::{SimpleCnnConfig, simple_cnn};
pub use tagger::{SequenceTagger, TaggerConfig};
pub use text_classifier::{TextClassifier, TextClassifierConfig, masked_concat_pool};
pub use text_spec::{LessonSpec, TextSpec};
pub use vgg::VggConfig;

use crate::{Error, Result, Sequential};

/// What is known about an architecture.
#[derive(Debug)]
pub struct Arch {
    pub name: &'static str,
    /// One line for people.
    pub about: &'static str,
    pub build: fn(&ArchSpec, &Device) -> Sequential,
    /// The paths at which the second, third, … parameter group begins.
    pub groups: &'static [&'static str],
    /// A learning rate that it trains well with by one-cycle, from scratch.
    pub lr: f64,
    /// The smallest height and width that it takes, in pixels.
    pub min_size: usize,
}

/// fastai's default learning rate.
const FASTAI_LR: f64 = 3e-3;

/// All architectures.
pub const ARCHS: [Arch; 13] = [
    Arch {
        name: "basic",
        about: "the lesson's first network: five convolutions, batch norm before ReLU",
        build: lesson::build_basic,
        groups: &[],
        lr: 0.1,
        min_size: 1,
    },
    Arch {
        name: "refactor",
        about: "the same five layers as conv_layers",
        build: lesson::build_refactored,
        groups: &[],
        lr: 0.1,
        min_size: 1,
    },
    Arch {
        name: "resnetish",
        about: "the lesson's residual network, for images of about 28 pixels",
        build: lesson::build_resnetish,
        groups: &[],
        lr: 0.05,
        min_size: 1,
    },
    Arch {
        name: "resnet-small",
        about: "a residual network for photographs that trains from scratch on a CPU",
        build: resnet_small::build,
        groups: &["1"],
        lr: 0.01,
        min_size: 16,
    },
    Arch {
        name: "resnet18",
        about: "torchvision's residual network of 18 layers: 11.2 million parameters before the last",
        build: resnet::build18,
        groups: &["layer3", "fc"],
        lr: FASTAI_LR,
        min_size: 1,
    },
    Arch {
        name: "resnet34",
        about: "the same with 34 layers: 21.3 million",
        build: resnet::build34,
        groups: &["layer3", "fc"],
        lr: FASTAI_LR,
        min_size: 1,
    },
    Arch {
        name: "resnet50",
        about: "the same with 50 layers, in bottlenecks: 23.5 million",
        build: resnet::build50,
        groups: &["layer3", "fc"],
        lr: FASTAI_LR,
        min_size: 1,
    },
    Arch {
        name: "resnet101",
        about: "the same with 101 layers: 42.5 million",
        build: resnet::build101,
        groups: &["layer3", "fc"],
        lr: FASTAI_LR,
        min_size: 1,
    },
    Arch {
        name: "resnet152",
        about: "the same with 152 layers: 58.1 million",
        build: resnet::build152,
        groups: &["layer3", "fc"],
        lr: FASTAI_LR,
        min_size: 1,
    },
    Arch {
        name: "vgg11_bn",
        about: "torchvision's VGG of 11 layers with batch norm: 128.8 million parameters",
        build: vgg::build11,
        groups: &["classifier"],
        lr: FASTAI_LR,
        min_size: 32,
    },
    Arch {
        name: "vgg13_bn",
        about: "the same with 13 layers: 129 million",
        build: vgg::build13,
        groups: &["classifier"],
        lr: FASTAI_LR,
        min_size: 32,
    },
    Arch {
        name: "vgg16_bn",
        about: "the same with 16 layers: 134.3 million",
        build: vgg::build16,
        groups: &["features.22", "classifier"],
        lr: FASTAI_LR,
        min_size: 32,
    },
    Arch {
        name: "vgg19_bn",
        about: "the same with 19 layers: 139.6 million",
        build: vgg::build19,
        groups: &["features.22", "classifier"],
        lr: FASTAI_LR,
        min_size: 32,
    },
];

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
