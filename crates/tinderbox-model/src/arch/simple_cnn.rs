//! fastai's `simple_cnn`.

use burn::tensor::Device;

use crate::{
    Sequential,
    block::{ConvLayerConfig, NormType},
    layer::PoolFlatten,
};

/// Configures a [`simple_cnn`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimpleCnnConfig {
    /// Channels in, between the convolutions, and out.
    pub channels: Vec<usize>,
    /// One for each convolution; 3 unless they are set.
    pub kernels: Option<Vec<usize>>,
    /// One for each convolution; 2 unless they are set.
    pub strides: Option<Vec<usize>>,
    /// Batch norm after each convolution but the last.
    pub batch_norm: bool,
}

impl SimpleCnnConfig {
    /// 3×3 convolutions of stride 2 without batch norm, fastai's defaults.
    pub fn new(channels: impl Into<Vec<usize>>) -> Self {
        Self { channels: channels.into(), kernels: None, strides: None, batch_norm: false }
    }

    /// The network with fresh weights: a `conv_layer` for each step, then [`PoolFlatten`].
    ///
    /// Shapes: `[batch, channels[0], height, width]` → `[batch, channels[last]]`
    ///
    /// # Panics
    /// If there are not as many kernels and strides as convolutions.
    pub fn init(&self, device: &Device) -> Sequential {
        let steps = self.channels.len() - 1;
        let sizes = |given: &Option<Vec<usize>>, usual: usize| {
            given.clone().unwrap_or_else(|| vec![usual; steps])
        };
        let (kernels, strides) = (sizes(&self.kernels, 3), sizes(&self.strides, 2));
        assert!(
            kernels.len() == steps && strides.len() == steps,
            "a kernel and a stride for each of {steps} convolutions"
        );
        let layers = (0..steps).fold(Sequential::new(), |layers, at| {
            let norm = match self.batch_norm && at + 1 < steps {
                true => NormType::Batch,
                false => NormType::None,
            };
            let config = ConvLayerConfig::new(self.channels[at], self.channels[at + 1]);
            layers.push(config.kernel(kernels[at]).stride(strides[at]).norm(norm).init(device))
        });
        layers.push(PoolFlatten)
    }
}

/// Convolutions of stride 2 between these channels, then the mean of each.
pub fn simple_cnn(channels: &[usize], device: &Device) -> Sequential {
    SimpleCnnConfig::new(channels).init(device)
}
