//! Language models: the next word after each of a text's.
//!
//! Those of the lesson carry their state from batch to batch: each goes on where the last ended,
//! without gradients between them.

use burn::{
    module::{Module, Param},
    tensor::{Device, Int, Tensor, activation::relu},
};
use tinderbox_ops::linear;

use crate::{
    Forward,
    layer::{BatchNorm1d, BatchNorm1dFlat, Carried, Embedding, Gru, Linear, Lstm},
};

/// The lesson's third model: the recurrence is a loop of small layers, and only what goes out is
/// normalized.
///
/// Shapes: `[batch, words]` → `[batch, words, vocab]`
#[derive(Module, Debug)]
pub struct Model3 {
    i_h: Embedding,
    h_h: Linear,
    h_o: Linear,
    bn: BatchNorm1d,
    #[module(skip)]
    h: Carried,
}

impl Model3 {
    /// For words of this vocabulary, with this many numbers between them.
    pub fn new(vocab: usize, hidden: usize, device: &Device) -> Self {
        Self {
            i_h: Embedding::new(vocab, hidden, device),
            h_h: Linear::new(hidden, hidden, device),
            h_o: Linear::new(hidden, vocab, device),
            bn: BatchNorm1d::new(hidden, device),
            h: Carried::default(),
        }
    }
}

impl Forward for Model3 {
    type Input = Tensor<2, Int>;
    type Output = Tensor<3>;

    fn forward(&self, x: Tensor<2, Int>) -> Tensor<3> {
        let words = self.i_h.forward(x); // [batch, words, hidden]
        let [batch, length, hidden] = words.dims();
        let mut h = match self.h.take_for(&words).as_deref() {
            Some([h]) => h.clone(),
            _ => Tensor::zeros([batch, hidden], &words.device()),
        };
        let mut states = Vec::with_capacity(length);
        for at in 0..length {
            let word: Tensor<2> = words.clone().narrow(1, at, 1).squeeze_dim(1);
            h = relu(self.h_h.apply(h + word));
            states.push(self.bn.apply(h.clone()));
        }
        self.h.set(vec![h]);
        self.h_o.apply(Tensor::stack(states, 1))
    }

    fn carried(&self) -> Option<&Carried> {
        Some(&self.h)
    }
}

/// The lesson's fifth model: two layers of gated recurrent units.
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
            i_h: Embedding::new(vocab, hidden, device),
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
        let [batch, length, hidden] = y.dims();
        let y = self.bn.apply(y.reshape([batch * length, hidden]));
        self.h_o.apply(y.reshape([batch, length, hidden]))
    }

    fn carried(&self) -> Option<&Carried> {
        Some(&self.h)
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Layer, Mode, Trace, groups::parameters, set_mode};

    fn models(device: &Device) -> [Box<dyn Layer>; 3] {
        [
            Box::new(Model3::new(38, 64, device)),
            Box::new(Model5::new(38, 64, device)),
            Box::new(LstmLm::new(20, 6, 9, device)),
        ]
    }

    fn answer(model: &dyn Layer) -> Vec<f32> {
        let x = Tensor::<2, Int>::ones([4, 3], &Device::flex());
        let y: Tensor<3> = model.forward_any(x.into(), &mut Trace::off()).try_into().unwrap();
        assert_eq!(y.dims()[..2], [4, 3]);
        y.into_data().try_to_vec().unwrap()
    }

    /// The lesson's counts.
    #[test]
    fn they_have_the_parameters_of_the_lesson() {
        let count = |model: &dyn Layer| -> usize {
            let learned = parameters(model).into_iter().filter(|p| !p.path.contains("running"));
            learned.map(|p| p.shape.iter().product::<usize>()).sum()
        };
        let [model3, model5, _] = models(&Device::flex());
        assert_eq!([count(&*model3), count(&*model5)], [9190, 54950]);
    }

    #[test]
    fn the_state_goes_on_but_not_into_a_clone() {
        for (at, model) in models(&Device::flex()).into_iter().enumerate() {
            let model = set_mode(model, Mode::Eval);
            let first = answer(&*model);
            assert_eq!(answer(&*model.clone()), first);
            // An update maps the model as a change of the mode does.
            let model = set_mode(model, Mode::Eval);
            let carries = at < 2;
            assert_eq!(answer(&*model) != first, carries);
        }
    }
}
