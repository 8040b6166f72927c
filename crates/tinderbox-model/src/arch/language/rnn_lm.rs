//! A plain recurrent language model of any size.

use burn::{
    module::Module,
    tensor::{Device, Int, Tensor},
};
use serde::{Deserialize, Serialize};

use crate::{
    Forward,
    layer::{BatchNorm1dFlat, Carried, Dropout, Embedding, Linear, Recurrent},
};

/// The sizes of an [`RnnLm`]. Unless they are set, they are the lesson's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RnnLmConfig {
    /// How many words there are.
    pub vocab: usize,
    /// Numbers for a word.
    pub embedding: usize,
    /// Numbers a step between the layers, and out of them.
    pub hidden: usize,
    pub layers: usize,
    /// The probability of being dropped between layers, in `0.0..1.0`.
    pub dropout: f64,
    /// A batch norm before the decoder, as the lesson has it.
    pub norm: bool,
}

impl RnnLmConfig {
    /// The lesson's sizes, without dropout.
    pub fn new(vocab: usize) -> Self {
        Self { vocab, embedding: 64, hidden: 64, layers: 2, dropout: 0.0, norm: true }
    }
}

/// Recurrent layers between an embedding and a decoder: the lesson's last model for any kind of
/// layer, of any size. It goes on from where the last batch ended.
///
/// Shapes: `[batch, words]` → `[batch, words, vocab]`
#[derive(Module, Debug)]
pub struct RnnLm<R: Recurrent> {
    encoder: Embedding,
    rnn: R,
    between: Dropout,
    bn: Option<BatchNorm1dFlat>,
    decoder: Linear,
    #[module(skip)]
    state: Carried,
}

impl<R: Recurrent> RnnLm<R> {
    /// # Panics
    /// If the dropout is outside `0.0..1.0`.
    pub fn new(config: &RnnLmConfig, device: &Device) -> Self {
        let RnnLmConfig { vocab, embedding, hidden, layers, dropout, norm } = *config;
        Self {
            encoder: Embedding::normal(vocab, embedding, device),
            rnn: R::stack([embedding, hidden], layers, device),
            between: Dropout::new(dropout),
            bn: norm.then(|| BatchNorm1dFlat::new(hidden, device)),
            decoder: Linear::new(hidden, vocab, device),
            state: Carried::default(),
        }
    }
}

impl<R: Recurrent> Forward for RnnLm<R> {
    type Input = Tensor<2, Int>;
    type Output = Tensor<3>;

    fn forward(&self, x: Tensor<2, Int>) -> Tensor<3> {
        let words = self.encoder.forward(x);
        let states = self.state.take_for(&words);
        let (y, states) = self.rnn.run(words, states, &|x| self.between.apply(x));
        self.state.set(states);
        let y = match &self.bn {
            Some(bn) => bn.flat(y),
            None => y,
        };
        self.decoder.apply(y)
    }

    fn carried(&self) -> Option<&Carried> {
        Some(&self.state)
    }
}
