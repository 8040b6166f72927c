//! A tag for each word of a text.

mod reverse;

use burn::{
    module::Module,
    tensor::{Device, Int, Tensor},
};
use serde::{Deserialize, Serialize};

use self::reverse::Reversal;
use crate::{
    Forward,
    layer::{Dropout, Embedding, Linear, Recurrent},
};

/// The sizes of a [`SequenceTagger`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaggerConfig {
    /// How many words there are.
    pub vocab: usize,
    pub tags: usize,
    /// Numbers for a word.
    pub embedding: usize,
    /// Numbers a step out of each direction of a layer.
    pub hidden: usize,
    pub layers: usize,
    /// The probability of being dropped before each layer and before the tags, in `0.0..1.0`.
    pub dropout: f64,
    /// The id of what fills up short texts, at their end.
    pub padding: usize,
}

impl TaggerConfig {
    /// One layer of 128 numbers each way, on words of 100: enough for some thousand sentences.
    pub fn new(vocab: usize, tags: usize) -> Self {
        Self { vocab, tags, embedding: 100, hidden: 128, layers: 1, dropout: 0.5, padding: 1 }
    }
}

/// Recurrent layers that read a text both ways, and a linear layer on each word: names in a
/// sentence, parts of speech.
///
/// Short texts are filled up at their end, unlike a classifier's: backwards, a text is read from
/// its last word, so padding changes nothing either way. What comes out for it means nothing, and
/// the loss should leave it out. Every batch starts anew.
///
/// Shapes: `[batch, words]` → `[batch, words, tags]`
///
/// Huang et al., [Bidirectional LSTM-CRF Models for Sequence Tagging](https://arxiv.org/abs/1508.01991),
/// 2015, without the CRF.
#[derive(Module, Debug)]
pub struct SequenceTagger<R: Recurrent> {
    encoder: Embedding,
    rnns: Vec<BothWays<R>>,
    dropout: Dropout,
    decoder: Linear,
    padding: usize,
}

/// A layer for each direction.
#[derive(Module, Debug)]
struct BothWays<R: Recurrent> {
    forwards: R,
    backwards: R,
}

impl<R: Recurrent> SequenceTagger<R> {
    /// With fresh weights.
    ///
    /// # Panics
    /// If the dropout is outside `0.0..1.0`.
    pub fn new(config: &TaggerConfig, device: &Device) -> Self {
        let TaggerConfig { vocab, tags, embedding, hidden, layers, dropout, padding } = *config;
        let layer = |at| {
            let sizes = [if at == 0 { embedding } else { 2 * hidden }, hidden];
            let one_way = || R::stack(sizes, 1, device);
            BothWays { forwards: one_way(), backwards: one_way() }
        };
        let features = if layers == 0 { embedding } else { 2 * hidden };
        Self {
            encoder: Embedding::normal(vocab, embedding, device),
            rnns: (0..layers).map(layer).collect(),
            dropout: Dropout::new(dropout),
            decoder: Linear::new(features, tags, device),
            padding,
        }
    }
}

impl<R: Recurrent> Forward for SequenceTagger<R> {
    type Input = Tensor<2, Int>;
    type Output = Tensor<3>;

    fn forward(&self, x: Tensor<2, Int>) -> Tensor<3> {
        let reversal = Reversal::of(&x, self.padding);
        let same = |x| x;
        let mut y = self.encoder.forward(x);
        for BothWays { forwards, backwards } in &self.rnns {
            let x = self.dropout.apply(y);
            let (there, _) = forwards.run(x.clone(), None, &same);
            let (back, _) = backwards.run(reversal.apply(x), None, &same);
            y = Tensor::cat(vec![there, reversal.apply(back)], 2);
        }
        self.decoder.apply(self.dropout.apply(y))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Layer, Mode, Trace, layer::Lstm, set_mode};

    fn small() -> TaggerConfig {
        let config = TaggerConfig::new(9, 3);
        TaggerConfig { embedding: 4, hidden: 5, layers: 2, ..config }
    }

    fn run(model: &dyn Layer, x: &[i64]) -> Vec<f32> {
        let x = Tensor::<1, Int>::from_data(x, &Device::flex()).reshape([1, x.len()]);
        let y = model.forward_any(x.into(), &mut Trace::off());
        y.into_flat().into_data().try_to_vec().unwrap()
    }

    fn model() -> Box<dyn Layer> {
        let model: Box<dyn Layer> =
            Box::new(SequenceTagger::<Lstm>::new(&small(), &Device::flex()));
        set_mode(model, Mode::Eval)
    }

    #[test]
    fn padding_changes_nothing() {
        let model = model();
        let y = run(&*model, &[4, 5, 6]);
        assert_eq!(y.len(), 9);
        let padded = run(&*model, &[4, 5, 6, 1, 1]);
        let pairs = y.iter().zip(&padded);
        pairs.for_each(|(y, padded)| assert!((y - padded).abs() < 1e-6, "{y} and {padded}"));
    }

    #[test]
    fn a_word_is_tagged_by_those_on_both_sides() {
        let model = model();
        let y = run(&*model, &[4, 5, 6]);
        for changed in [[7, 5, 6], [4, 5, 7]] {
            assert_ne!(run(&*model, &changed)[3..6], y[3..6]);
        }
    }
}
