//! What a pass in training drops.

use burn::tensor::{Device, Distribution, Tensor};

use super::AwdLstmConfig;
use crate::random;

/// The numbers that a pass is multiplied by: 0 for what is dropped, and 1 / (1 - p) for what is
/// kept. Nothing is dropped where there is none.
#[derive(Debug, Clone, Default)]
pub struct Masks {
    /// Of words, `[vocab, 1]`.
    pub embedding: Option<Tensor<2>>,
    /// `[batch, 1, embedding]`
    pub input: Option<Tensor<3>>,
    /// Of each layer's hidden-to-hidden weights, `[4 * out, out]`; none at all or one a layer.
    pub weights: Vec<Tensor<2>>,
    /// Of the outputs of each layer but the last, `[batch, 1, hidden]`; likewise.
    pub hidden: Vec<Tensor<3>>,
    /// Of what goes into the decoder, `[batch, 1, embedding]`.
    pub output: Option<Tensor<3>>,
}

impl Masks {
    /// Draws those of a batch from the device's generator.
    pub fn draw(config: &AwdLstmConfig, batch: usize, device: &Device) -> Self {
        let AwdLstmConfig { vocab, embedding, hidden, layers, dropouts, .. } = *config;
        let outputs = (1..=layers).map(|at| if at == layers { embedding } else { hidden });
        let weight = |out| mask([4 * out, out], dropouts.weight, device);
        Self {
            embedding: mask([vocab, 1], dropouts.embedding, device),
            input: mask([batch, 1, embedding], dropouts.input, device),
            weights: outputs.filter_map(weight).collect(),
            hidden: (1..layers)
                .filter_map(|_| mask([batch, 1, hidden], dropouts.hidden, device))
                .collect(),
            output: mask([batch, 1, embedding], dropouts.output, device),
        }
    }
}

fn mask<const D: usize>(shape: [usize; D], p: f64, device: &Device) -> Option<Tensor<D>> {
    let keep = 1.0 - p;
    (p > 0.0).then(|| random::tensor(shape, Distribution::Bernoulli(keep), device) / keep)
}

/// What is left of `x`; a mask of length 1 along an axis is the same all along it.
pub(super) fn masked<const D: usize>(x: Tensor<D>, mask: Option<&Tensor<D>>) -> Tensor<D> {
    match mask {
        Some(mask) => x * mask.clone(),
        None => x,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_mask_for_each_layer_of_its_size() {
        let config = AwdLstmConfig { embedding: 3, hidden: 5, ..AwdLstmConfig::classifier(7) };
        let masks = Masks::draw(&config, 2, &Device::flex());
        assert_eq!(masks.embedding.unwrap().dims(), [7, 1]);
        assert_eq!(masks.input.unwrap().dims(), [2, 1, 3]);
        let weights: Vec<_> = masks.weights.iter().map(Tensor::dims).collect();
        assert_eq!(weights, [[20, 5], [20, 5], [12, 3]]);
        let hidden: Vec<_> = masks.hidden.iter().map(Tensor::dims).collect();
        assert_eq!(hidden, [[2, 1, 5], [2, 1, 5]]);
        // The classifier drops half of the weights, and doubles the others.
        let values: Vec<f32> = masks.weights[0].clone().into_data().try_to_vec().unwrap();
        assert!(values.iter().all(|v| [0.0, 2.0].contains(v)));
        let dropped = values.iter().filter(|v| **v == 0.0).count();
        assert!((20..80).contains(&dropped), "{dropped} of 100");
    }

    #[test]
    fn a_probability_of_zero_has_no_mask() {
        let config = AwdLstmConfig::language_model(7).with_drop_mult(0.0);
        let masks = Masks::draw(&config, 2, &Device::flex());
        assert!(masks.embedding.is_none() && masks.input.is_none() && masks.output.is_none());
        assert!(masks.weights.is_empty() && masks.hidden.is_empty());
    }
}
