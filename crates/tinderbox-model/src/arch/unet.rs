//! fastai's U-Net, which goes up whatever body it is given.
//!
//! Ronneberger et al., [U-Net](https://arxiv.org/abs/1505.04597), 2015.

mod build;
mod model;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

pub use model::DynamicUnet;

use super::{Body, BodySpec, Grouped};
use crate::{
    Result,
    block::{NormType, Upsampling},
    weights::{LoadReport, StateDict},
};

/// Where neighbors are averaged after a map was made larger, against checkerboards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blur {
    /// Everywhere, after the last block too: what the lesson's table shows, whose release did so
    /// whatever it was told.
    #[default]
    Always,
    /// Nowhere: the default of fastai's later releases.
    Never,
    /// In every block: `blur=True`.
    Blocks,
    /// In every block but the last: `blur=True, blur_final=False`.
    BlocksButLast,
}

/// Configures a [`DynamicUnet`].
///
/// # Example
/// The lesson's, on a smaller body:
///
/// ```
/// use burn::tensor::Device;
/// use tinderbox_model::arch::{ArchSpec, UnetConfig, create_body, create_unet, find};
///
/// # fn main() -> Result<(), tinderbox_model::Error> {
/// let device = Device::flex();
/// let network = ArchSpec::new("resnet18", 3, 1000, [224, 224])?.build(&device)?;
/// let body = create_body(find("resnet18")?, network)?;
/// let config = UnetConfig { bottle: true, ..UnetConfig::new(12, [45, 60]) };
/// let unet = create_unet(body, &config, &device)?;
/// assert_eq!(unet.groups, ["layers.0.6", "layers.1"]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "fastai's settings, each by itself")]
pub struct UnetConfig {
    pub classes: usize,
    /// Height and width of the images, in pixels.
    pub size: [usize; 2],
    pub blur: Blur,
    /// Lets every position look at every other in one of the blocks.
    pub self_attention: bool,
    /// What the numbers that come out lie between; any number unless it is set.
    pub y_range: Option<[f64; 2]>,
    /// Adds the image to what comes out, which then is what has to change about it; the last layer
    /// begins near zero, so that training begins with the image itself. Needs as many outputs as the
    /// image has channels. fastai has it not; super-resolution networks do.
    ///
    /// Kim et al., [Accurate Image Super-Resolution Using Very Deep
    /// Networks](https://arxiv.org/abs/1511.04587), 2016.
    #[serde(default)]
    pub residual: bool,
    /// Puts the image beside the last map, and a residual block behind.
    pub last_cross: bool,
    /// Half as many channels inside that block.
    pub bottle: bool,
    /// What normalizes the way up.
    pub norm: NormType,
    pub upsampling: Upsampling,
    /// Keeps gradients from flowing back through the skips, as in the lesson's release.
    pub detach_skips: bool,
}

impl UnetConfig {
    /// The lesson's but for `bottle`: blur everywhere, the image at the end, no norms on the way
    /// up. Gradients flow through the skips, which they did not there.
    pub fn new(classes: usize, size: [usize; 2]) -> Self {
        Self {
            classes,
            size,
            blur: Blur::Always,
            self_attention: false,
            y_range: None,
            residual: false,
            last_cross: true,
            bottle: false,
            norm: NormType::None,
            upsampling: Upsampling::PixelShuffle,
            detach_skips: false,
        }
    }
}

/// fastai's `create_unet_model`: a way up for a body, with fresh weights, in groups: those of the
/// body, and all the rest. A body whose convolutions are all in one child is
/// [opened](Body::opened).
///
/// # Errors
/// As [`UnetConfig::init`].
#[doc(alias = "create_unet_model")]
pub fn create_unet(
    body: Body,
    config: &UnetConfig,
    device: &Device,
) -> Result<Grouped<DynamicUnet>> {
    let body = body.opened();
    let mut groups = body.groups_in("layers.0");
    groups.push("layers.1".to_owned());
    Ok(Grouped { model: config.init(body.layers, device)?, groups })
}

/// A U-Net on a body of the table: enough to build it again. Saved with models.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnetSpec {
    pub body: BodySpec,
    pub unet: UnetConfig,
}

impl UnetSpec {
    /// The U-Net with fresh weights, and its groups.
    ///
    /// # Errors
    /// As [`BodySpec::build`] and [`create_unet`].
    pub fn build(&self, device: &Device) -> Result<Grouped<DynamicUnet>> {
        create_unet(self.body.build(device)?, &self.unet, device)
    }

    /// The same on what there is of a pretrained network, with a report of it.
    ///
    /// # Errors
    /// As [`BodySpec::build_with`] and [`create_unet`].
    pub fn build_with(
        &self,
        weights: StateDict,
        device: &Device,
    ) -> Result<(Grouped<DynamicUnet>, LoadReport)> {
        let (body, report) = self.body.build_with(weights, device)?;
        Ok((create_unet(body, &self.unet, device)?, report))
    }
}
