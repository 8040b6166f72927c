//! A U-Net's layers, by what a body gives.

use burn::tensor::Device;

use super::{
    Blur, UnetConfig,
    model::{DynamicUnet, Part, ToImage},
};
use crate::{
    Error, Merge, ResBlockConfig, Result, Sequential,
    block::{ConvLayerConfig, MergeLayer, UnetBlockConfig, UnetLayers},
    catch_panic,
    init::Init,
    layer::{ReLU, SigmoidRange, batchnorm_2d},
    watch::{in_channels, model_sizes, size_changes},
};

/// What is known of the way down.
struct Probe {
    /// Of the images.
    channels: usize,
    /// The outputs' shapes of the body's children.
    sizes: Vec<Vec<usize>>,
    /// The children before each change of size, the last one first.
    skips: Vec<usize>,
}

impl Probe {
    fn of(encoder: &Sequential, size: [usize; 2], device: &Device) -> Result<Self> {
        let refuses = |reason: String| Error::BodyRefuses { size, reason };
        let channels = in_channels(encoder).ok_or_else(|| refuses("it has no weights".into()))?;
        let sizes = catch_panic(|| model_sizes(encoder, channels, size, device));
        let sizes = sizes.map_err(refuses)?;
        if let Some(flat) = sizes.iter().find(|size| size.len() != 4 || size.contains(&0)) {
            return Err(refuses(format!("a child gives {flat:?}, which is no map")));
        }
        let mut skips = size_changes(&sizes);
        skips.reverse();
        match skips.is_empty() {
            true => Err(Error::NoSkips { size }),
            false => Ok(Self { channels, sizes, skips }),
        }
    }

    fn channels_of(&self, child: usize) -> usize {
        self.sizes[child][1]
    }

    fn size_of(&self, child: usize) -> [usize; 2] {
        [self.sizes[child][2], self.sizes[child][3]]
    }
}

impl UnetConfig {
    /// The U-Net with fresh weights around a body, whose children show where it makes its maps
    /// smaller: one image goes through it first.
    ///
    /// # Errors
    /// [`Error::BodyRefuses`] for a body that does not take images of this size;
    /// [`Error::NoSkips`] for one that makes no map smaller; [`Error::Setting`] for a `residual` one
    /// whose outputs are not as many as the channels of its images.
    pub fn init(&self, encoder: Sequential, device: &Device) -> Result<DynamicUnet> {
        let probe = Probe::of(&encoder, self.size, device)?;
        if self.residual && self.classes != probe.channels {
            return Err(Error::Setting {
                setting: "classes",
                value: self.classes.to_string(),
                wanted: format!(
                    "{}, as many as the images have channels, to be added to them",
                    probe.channels
                ),
            });
        }
        let layers = self.layers();
        let mut channels = probe.channels_of(encoder.len() - 1);
        let middle = Sequential::new()
            .push(layers.conv(channels, 2 * channels).init(device))
            .push(layers.conv(2 * channels, channels).init(device));
        let mut parts = vec![
            Part::Encoder(encoder),
            Part::layer(batchnorm_2d(channels, false, device)),
            Part::layer(ReLU),
            Part::layer(middle),
        ];
        for (at, skip) in probe.skips.iter().enumerate() {
            let last = at + 1 == probe.skips.len();
            let block = UnetBlockConfig {
                in_channels: channels,
                skip_channels: probe.channels_of(*skip),
                last,
                blur: match self.blur {
                    Blur::Always | Blur::Blocks => true,
                    Blur::BlocksButLast => !last,
                    Blur::Never => false,
                },
                self_attention: self.self_attention && at + 3 == probe.skips.len(),
                layers,
            };
            channels = block.out_channels();
            parts.push(Part::Block(Box::new(block.init(device))));
        }
        self.finish(&mut parts, &probe, channels, device);
        Ok(DynamicUnet {
            parts,
            taps: probe.skips,
            detach_skips: self.detach_skips,
            residual: self.residual,
        })
    }

    fn layers(&self) -> UnetLayers {
        UnetLayers { upsampling: self.upsampling, norm: self.norm, leaky: None }
    }

    /// What stands behind the last block.
    fn finish(&self, parts: &mut Vec<Part>, probe: &Probe, channels: usize, device: &Device) {
        let layers = self.layers();
        let mut channels = channels;
        let mut size = probe.size_of(probe.skips[probe.skips.len() - 1]);
        if probe.size_of(0) != self.size {
            let blur = self.blur == Blur::Always;
            parts.push(Part::Layer(layers.up(channels, channels, blur, device)));
            size = size.map(|side| 2 * side);
        }
        if size != self.size {
            parts.push(Part::Resize(ToImage));
        }
        if self.last_cross {
            parts.push(Part::Merge(MergeLayer::new(Merge::Concat)));
            channels += probe.channels;
            let block = ResBlockConfig { bottle: self.bottle, ..ResBlockConfig::new(channels) };
            parts.push(Part::layer(block.norm(self.norm).init(device)));
        }
        let last = layers.conv(channels, self.classes).kernel(1).activation(false);
        let last = match self.residual {
            true => ConvLayerConfig { init: Init::Small, ..last },
            false => last,
        };
        parts.push(Part::layer(last.init(device)));
        if let Some([low, high]) = self.y_range {
            parts.push(Part::layer(SigmoidRange { low, high }));
        }
    }
}
