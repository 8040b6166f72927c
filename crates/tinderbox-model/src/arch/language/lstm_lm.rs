//! The shape of an AWD-LSTM without its dropouts, to measure.

use burn::{
    module::{Module, Param},
    tensor::{Device, Int, Tensor},
};
use tinderbox_ops::linear;

use crate::{
    Forward,
    layer::{Embedding, Lstm},
};

/// Three layers of LSTM whose decoder has the embedding's weights: the shape of an AWD-LSTM,
/// without its dropouts. It starts each batch from zeros.
///
/// Shapes: `[batch, words]` → `[batch, words, vocab]`
///
/// Merity et al., [Regularizing and Optimizing LSTM Language Models](https://arxiv.org/abs/1708.02182),
/// 2017. The shared weights are Press and Wolf's, [Using the Output Embedding](https://arxiv.org/abs/1608.05859),
/// 2017.
#[derive(Module, Debug)]
pub struct LstmLm {
    emb: Embedding,
    rnns: Vec<Lstm>,
    /// The decoder's, `[vocab]`.
    bias: Param<Tensor<1>>,
}

impl LstmLm {
    /// With this many numbers for a word, and between the layers.
    pub fn new(vocab: usize, embedding: usize, hidden: usize, device: &Device) -> Self {
        let sizes = [embedding, hidden, hidden, embedding];
        let layer = |pair: &[usize]| Lstm::new(pair[0], pair[1], 1, device);
        Self {
            emb: Embedding::new(vocab, embedding, device),
            rnns: sizes.windows(2).map(layer).collect(),
            bias: Param::from_tensor(Tensor::zeros([vocab], device)),
        }
    }
}

impl Forward for LstmLm {
    type Input = Tensor<2, Int>;
    type Output = Tensor<3>;

    fn forward(&self, x: Tensor<2, Int>) -> Tensor<3> {
        let y = self.rnns.iter().fold(self.emb.forward(x), |x, rnn| rnn.forward(x));
        linear(y, self.emb.weight.val(), Some(self.bias.val()))
    }
}
