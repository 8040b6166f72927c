//! The lesson's last two language models: whole recurrent layers in place of the loop.

use burn::{
    module::Module,
    tensor::{Device, Int, Tensor},
};

use crate::{
    Forward,
    layer::{BatchNorm1dFlat, Carried, Embedding, Gru, Linear, Rnn},
};

/// The lesson's model with a recurrent layer. All steps are normalized at once.
///
/// Shapes: `[batch, words]` → `[batch, words, vocab]`
#[derive(Module, Debug)]
pub struct Model4 {
    i_h: Embedding,
    rnn: Rnn,
    h_o: Linear,
    bn: BatchNorm1dFlat,
    #[module(skip)]
    h: Carried,
}

impl Model4 {
    /// For words of this vocabulary, with this many numbers between them.
    pub fn new(vocab: usize, hidden: usize, device: &Device) -> Self {
        Self {
            i_h: Embedding::normal(vocab, hidden, device),
            rnn: Rnn::new(hidden, hidden, 1, device),
            h_o: Linear::new(hidden, vocab, device),
            bn: BatchNorm1dFlat::new(hidden, device),
            h: Carried::default(),
        }
    }
}

impl Forward for Model4 {
    type Input = Tensor<2, Int>;
    type Output = Tensor<3>;

    fn forward(&self, x: Tensor<2, Int>) -> Tensor<3> {
        let words = self.i_h.forward(x);
        let h = self.h.take_for(&words);
        let (y, h) = self.rnn.forward_from(words, h);
        self.h.set(h);
        self.h_o.apply(self.bn.flat(y))
    }

    fn carried(&self) -> Option<&Carried> {
        Some(&self.h)
    }
}

/// The lesson's best model: two layers of gated recurrent units.
///
/// Shapes: `[batch, words]` → `[batch, words, vocab]`
#[derive(Module, Debug)]
pub struct Model5 {
    i_h: Embedding,
    rnn: Gru,
    h_o: Linear,
    bn: BatchNorm1dFlat,
    #[module(skip)]
    h: Carried,
}

impl Model5 {
    /// For words of this vocabulary, with this many numbers between them.
    pub fn new(vocab: usize, hidden: usize, device: &Device) -> Self {
        Self {
            i_h: Embedding::normal(vocab, hidden, device),
            rnn: Gru::new(hidden, hidden, 2, device),
            h_o: Linear::new(hidden, vocab, device),
            bn: BatchNorm1dFlat::new(hidden, device),
            h: Carried::default(),
        }
    }
}

impl Forward for Model5 {
    type Input = Tensor<2, Int>;
    type Output = Tensor<3>;

    fn forward(&self, x: Tensor<2, Int>) -> Tensor<3> {
        let words = self.i_h.forward(x);
        let h = self.h.take_for(&words);
        let (y, h) = self.rnn.forward_from(words, h);
        self.h.set(h);
        self.h_o.apply(self.bn.flat(y))
    }

    fn carried(&self) -> Option<&Carried> {
        Some(&self.h)
    }
}
