//! The part of a model that turns features into an answer.

use burn::tensor::Device;

use crate::{
    Sequential,
    init::Init,
    layer::{AdaptiveAvgPool2d, AdaptiveConcatPool2d, BatchNorm1d, Dropout, Flatten, Linear, ReLU},
};

/// Configures fastai's `create_head`: pooling, then linear layers with batch norm and dropout.
///
/// The linear layers start by Kaiming's normal numbers, as `cnn_learner` has them.
#[derive(Debug, Clone, PartialEq)]
#[doc(alias = "create_head")]
pub struct HeadConfig {
    /// Channels of the map that comes in.
    pub channels: usize,
    pub classes: usize,
    /// Sizes between the linear layers, fastai's `lin_ftrs`; one of 512 unless it is set.
    pub hidden: Vec<usize>,
    /// The probabilities of being dropped before each linear layer. A single one is the last
    /// layer's, and half of it is the others', fastai's `ps`. A layer for 0 is left out.
    pub dropout: Vec<f64>,
    /// Pools by maximum and mean, which doubles the channels; else by mean alone.
    pub concat_pool: bool,
    /// A batch norm at the very end, fastai's `bn_final`.
    pub final_norm: bool,
    /// How the last linear layer starts.
    pub last_init: Init,
}

impl HeadConfig {
    /// fastai's defaults.
    pub fn new(channels: usize, classes: usize) -> Self {
        Self {
            channels,
            classes,
            hidden: vec![512],
            dropout: vec![0.5],
            concat_pool: true,
            final_norm: false,
            last_init: Init::KaimingNormal,
        }
    }

    /// The layers, named by position as fastai's are.
    ///
    /// # Panics
    /// If there are several dropouts, but not one for each linear layer.
    pub fn init(&self, device: &Device) -> Sequential {
        let features = if self.concat_pool { 2 * self.channels } else { self.channels };
        let mut sizes = vec![features];
        sizes.extend(&self.hidden);
        sizes.push(self.classes);
        let head = match self.concat_pool {
            true => Sequential::new().push(AdaptiveConcatPool2d::new(1)),
            false => Sequential::new().push(AdaptiveAvgPool2d { size: 1 }),
        };
        let head = head.push(Flatten::default());
        let dropouts = self.dropouts();
        let steps = sizes.windows(2).zip(&dropouts).enumerate();
        let head = steps.fold(head, |head, (at, (sizes, &dropout))| {
            let is_last = at + 1 == dropouts.len();
            let layers = BnDropLinConfig {
                dropout,
                activation: !is_last,
                init: if is_last { self.last_init } else { Init::KaimingNormal },
                ..BnDropLinConfig::new(sizes[0], sizes[1])
            };
            layers.add_to(head, device)
        });
        match self.final_norm {
            true => head.push(BatchNorm1d::new(self.classes, device).with_momentum(0.01)),
            false => head,
        }
    }

    /// One for each linear layer.
    fn dropouts(&self) -> Vec<f64> {
        let linears = self.hidden.len() + 1;
        if let [last] = self.dropout[..] {
            let mut dropouts = vec![last / 2.0; linears];
            dropouts[linears - 1] = last;
            return dropouts;
        }
        let found = self.dropout.len();
        assert!(found == linears, "a dropout for each of {linears} linear layers, not {found}");
        self.dropout.clone()
    }
}

/// Configures fastai's `bn_drop_lin`: batch norm, dropout, a linear layer, ReLU, as far as they are
/// asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
#[doc(alias = "bn_drop_lin")]
pub struct BnDropLinConfig {
    pub inputs: usize,
    pub outputs: usize,
    pub norm: bool,
    /// The probability of being dropped; the layer for 0 is left out.
    pub dropout: f64,
    /// Whether a ReLU follows.
    pub activation: bool,
    pub init: Init,
}

impl BnDropLinConfig {
    /// Batch norm and the linear layer, by PyTorch's start.
    pub fn new(inputs: usize, outputs: usize) -> Self {
        Self { inputs, outputs, norm: true, dropout: 0.0, activation: false, init: Init::Default }
    }

    /// The layers, as far as they are asked for.
    pub fn init(&self, device: &Device) -> Sequential {
        self.add_to(Sequential::new(), device)
    }

    pub(crate) fn add_to(&self, layers: Sequential, device: &Device) -> Sequential {
        let layers = match self.norm {
            true => layers.push(BatchNorm1d::new(self.inputs, device)),
            false => layers,
        };
        let layers = match self.dropout {
            0.0 => layers,
            p => layers.push(Dropout::new(p)),
        };
        let layers = layers.push(Linear::with_init(self.inputs, self.outputs, self.init, device));
        if self.activation { layers.push(ReLU) } else { layers }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(config: &HeadConfig) -> Vec<String> {
        let head = config.init(&Device::flex());
        head.children().map(|(_, layer)| layer.name().to_owned()).collect()
    }

    fn dropouts(config: &HeadConfig) -> Vec<f64> {
        let head = config.init(&Device::flex());
        let found = head.children().filter_map(|(_, layer)| layer.as_any().downcast_ref());
        found.map(|dropout: &Dropout| dropout.p).collect()
    }

    #[test]
    fn one_dropout_is_the_last_layers() {
        let head = HeadConfig { hidden: vec![8, 6], ..HeadConfig::new(4, 3) };
        assert_eq!(dropouts(&head), [0.25, 0.25, 0.5]);
        assert_eq!(dropouts(&HeadConfig { hidden: vec![], ..head.clone() }), [0.5]);
        assert_eq!(dropouts(&HeadConfig { dropout: vec![0.1, 0.2, 0.3], ..head }), [0.1, 0.2, 0.3]);
    }

    #[test]
    fn a_dropout_of_zero_is_left_out() {
        let head = HeadConfig { dropout: vec![0.0, 0.5], ..HeadConfig::new(4, 3) };
        let mut expected = vec!["AdaptiveConcatPool2d", "Flatten", "BatchNorm1d", "Linear", "ReLU"];
        expected.extend(["BatchNorm1d", "Dropout", "Linear"]);
        assert_eq!(layers(&head), expected);
        let head = HeadConfig { concat_pool: false, final_norm: true, ..head };
        expected[0] = "AdaptiveAvgPool2d";
        expected.push("BatchNorm1d");
        assert_eq!(layers(&head), expected);
    }

    #[test]
    #[should_panic(expected = "a dropout for each of 2 linear layers, not 3")]
    fn dropouts_are_counted() {
        let _head = layers(&HeadConfig { dropout: vec![0.1; 3], ..HeadConfig::new(4, 3) });
    }
}
