//! What may be unusual about a network for images.

use std::ops::Range;

use tinderbox_model::arch::{CnnSpec, UnetConfig, UnetSpec};

use crate::{DeviceChoice, train::SEED, weights::Pretrained};

/// What [`cnn_learner`](crate::cnn_learner) makes a learner of: an architecture by its name, with
/// whatever is to be otherwise than usual. A [`CnnSpec`] is one that starts fresh.
///
/// # Example
/// ```no_run
/// use tinderbox::prelude::*;
///
/// # fn example(data: DataBunch) -> Result<(), tinderbox::Error> {
/// let fresh = CnnConfig::new("resnet34").pretrained(Pretrained::No).seed(1);
/// let learn = cnn_learner(data, fresh)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct CnnConfig {
    /// As in [`ARCHS`](tinderbox_model::arch::ARCHS).
    pub arch: String,
    /// Which weights the body starts with; the official ones if there are some, unless it is set.
    pub pretrained: Option<Pretrained>,
    /// The first child of the network that is left out; where the table cuts, unless it is set.
    pub until: Option<String>,
    /// The lowest and the highest number that comes out, for regression; any, unless it is set.
    pub y_range: Option<[f64; 2]>,
    /// The head's dropout before its last layer, fastai's `ps`; 0.5, unless it is set.
    pub dropout: Option<f64>,
    /// What fresh weights follow from; 42.
    pub seed: u64,
    /// Where it is trained: on the graphics card if the program was built for one and there is one,
    /// else on the CPU.
    pub device: DeviceChoice,
}

impl CnnConfig {
    /// A network of the table, with all else as usual.
    pub fn new(arch: impl Into<String>) -> Self {
        let arch = arch.into();
        Self {
            arch,
            pretrained: None,
            until: None,
            y_range: None,
            dropout: None,
            seed: SEED,
            device: DeviceChoice::default(),
        }
    }

    /// Starts the body with these weights. [`Pretrained::Auto`] is an error where there are none.
    pub fn pretrained(self, pretrained: Pretrained) -> Self {
        Self { pretrained: Some(pretrained), ..self }
    }

    /// Leaves out this child of the network, and what is behind it: `layer4` of a ResNet.
    pub fn until(self, child: impl Into<String>) -> Self {
        Self { until: Some(child.into()), ..self }
    }

    /// Gives numbers in this range only: fastai's `y_range`.
    pub fn y_range(self, range: Range<f64>) -> Self {
        Self { y_range: Some([range.start, range.end]), ..self }
    }

    /// Drops this share of what the head's last layer sees: fastai's `ps`.
    pub fn dropout(self, dropout: f64) -> Self {
        Self { dropout: Some(dropout), ..self }
    }

    /// Draws fresh weights from this seed.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Trains there.
    pub fn device(self, device: DeviceChoice) -> Self {
        Self { device, ..self }
    }
}

impl From<&str> for CnnConfig {
    fn from(arch: &str) -> Self {
        Self::new(arch)
    }
}

impl From<String> for CnnConfig {
    fn from(arch: String) -> Self {
        Self::new(arch)
    }
}

impl From<CnnSpec> for CnnConfig {
    /// The spec's body, range and dropout, fresh. Classes, channels and size are the data's.
    fn from(spec: CnnSpec) -> Self {
        let CnnSpec { body, y_range, dropout, .. } = spec;
        let until = body.until;
        Self { until, y_range, dropout, ..Self::new(body.arch).pretrained(Pretrained::No) }
    }
}

/// What [`unet_learner`](crate::unet_learner) makes a learner of: a body by its architecture's name,
/// with whatever is to be otherwise than usual. A [`UnetSpec`] is one that starts fresh.
///
/// # Example
/// ```no_run
/// use tinderbox::prelude::*;
///
/// # fn example(data: DataBunch) -> Result<(), tinderbox::Error> {
/// let config = UnetLearnerConfig::new("resnet34")
///     .unet(|unet| UnetConfig { self_attention: true, ..unet });
/// let learn = unet_learner(data, config)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct UnetLearnerConfig {
    /// As in [`ARCHS`](tinderbox_model::arch::ARCHS).
    pub arch: String,
    /// Which weights the body starts with; the official ones if there are some, unless it is set.
    pub pretrained: Option<Pretrained>,
    /// The first child of the network that is left out; where the table cuts, unless it is set.
    pub until: Option<String>,
    /// The way up. Its classes and its size are the data's, whatever they are here.
    pub unet: UnetConfig,
    /// What fresh weights follow from; 42.
    pub seed: u64,
    /// Where it is trained: on the graphics card if the program was built for one and there is one,
    /// else on the CPU.
    pub device: DeviceChoice,
}

impl UnetLearnerConfig {
    /// A body of the table, with all else as usual.
    pub fn new(arch: impl Into<String>) -> Self {
        Self {
            arch: arch.into(),
            pretrained: None,
            until: None,
            unet: UnetConfig::new(0, [0; 2]),
            seed: SEED,
            device: DeviceChoice::default(),
        }
    }

    /// Starts the body with these weights. [`Pretrained::Auto`] is an error where there are none.
    pub fn pretrained(self, pretrained: Pretrained) -> Self {
        Self { pretrained: Some(pretrained), ..self }
    }

    /// Leaves out this child of the network, and what is behind it: `layer4` of a ResNet.
    pub fn until(self, child: impl Into<String>) -> Self {
        Self { until: Some(child.into()), ..self }
    }

    /// Changes the way up.
    pub fn unet(self, change: impl FnOnce(UnetConfig) -> UnetConfig) -> Self {
        Self { unet: change(self.unet), ..self }
    }

    /// Draws fresh weights from this seed.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Trains there.
    pub fn device(self, device: DeviceChoice) -> Self {
        Self { device, ..self }
    }
}

impl From<&str> for UnetLearnerConfig {
    fn from(arch: &str) -> Self {
        Self::new(arch)
    }
}

impl From<String> for UnetLearnerConfig {
    fn from(arch: String) -> Self {
        Self::new(arch)
    }
}

impl From<UnetSpec> for UnetLearnerConfig {
    /// The spec's body and its way up, fresh. Classes, channels and size are the data's.
    fn from(spec: UnetSpec) -> Self {
        let UnetSpec { body, unet } = spec;
        Self { until: body.until, unet, ..Self::new(body.arch).pretrained(Pretrained::No) }
    }
}
