//! The part of a model that turns features into an answer.

use burn::tensor::Device;

use crate::{
    Sequential,
    init::Init,
    layer::{AdaptiveAvgPool2d, AdaptiveConcatPool2d, BatchNorm1d, Dropout, Flatten, Linear, ReLU},
};

/// Configures fastai's `create_head`: pooling, then linear layers with batch norm and dropout.
#[derive(Debug, Clone, PartialEq)]
pub struct HeadConfig {
    /// Channels of the map that comes in.
    pub channels: usize,
    pub classes: usize,
    /// Sizes between the linear layers; one of 512 unless it is set.
    pub hidden: Vec<usize>,
    /// Dropped before the last linear layer; half of it before the others.
    pub dropout: f64,
    /// Pools by maximum and mean, which doubles the channels; else by mean alone.
    pub concat_pool: bool,
    /// A batch norm at the very end.
    pub final_norm: bool,
}

impl HeadConfig {
    pub fn new(channels: usize, classes: usize) -> Self {
        Self {
            channels,
            classes,
            hidden: vec![512],
            dropout: 0.5,
            concat_pool: true,
            final_norm: false,
        }
    }

    pub fn init(&self, device: &Device) -> Sequential {
        let features = if self.concat_pool { 2 * self.channels } else { self.channels };
        let mut sizes = vec![features];
        sizes.extend(&self.hidden);
        sizes.push(self.classes);
        let head = match self.concat_pool {
            true => Sequential::new().push(AdaptiveConcatPool2d { size: 1 }),
            false => Sequential::new().push(AdaptiveAvgPool2d { size: 1 }),
        };
        let head = head.push(Flatten::default());
        let linears = sizes.len() - 1;
        let head = sizes.windows(2).enumerate().fold(head, |head, (at, sizes)| {
            let last = at + 1 == linears;
            let p = if last { self.dropout } else { self.dropout / 2.0 };
            add_bn_drop_lin(head, [sizes[0], sizes[1]], true, p, !last, Init::KaimingNormal, device)
        });
        match self.final_norm {
            true => head.push(BatchNorm1d::new(self.classes, device).with_momentum(0.01)),
            false => head,
        }
    }
}

/// fastai's `bn_drop_lin`: batch norm if it is asked for, dropout if `p` is not 0, a linear layer,
/// a ReLU if it is asked for.
pub fn bn_drop_lin(
    sizes: [usize; 2],
    norm: bool,
    p: f64,
    relu: bool,
    device: &Device,
) -> Sequential {
    add_bn_drop_lin(Sequential::new(), sizes, norm, p, relu, Init::Default, device)
}

fn add_bn_drop_lin(
    layers: Sequential,
    [inputs, outputs]: [usize; 2],
    norm: bool,
    p: f64,
    relu: bool,
    init: Init,
    device: &Device,
) -> Sequential {
    let layers = if norm { layers.push(BatchNorm1d::new(inputs, device)) } else { layers };
    let layers = if p == 0.0 { layers } else { layers.push(Dropout::new(p)) };
    let layers = layers.push(Linear::with_init(inputs, outputs, init, device));
    if relu { layers.push(ReLU) } else { layers }
}
