//! Recurrent networks of the lesson.

use std::cell::RefCell;

use burn::{
    module::Module,
    tensor::{Device, Int, Tensor, activation::relu},
};
use tinderbox_model::{
    Forward,
    layer::{BatchNorm1d, Embedding, Linear},
};

/// The lesson's third model: the recurrence as a loop of small layers, whose state goes on from
/// batch to batch.
///
/// Shapes: `[batch, words]` → `[batch * words, vocab]`
#[derive(Module, Debug)]
pub(super) struct LoopRnn {
    i_h: Embedding,
    h_h: Linear,
    h_o: Linear,
    bn: BatchNorm1d,
    #[module(skip)]
    h: Carried,
}

impl LoopRnn {
    pub(super) fn new(vocab: usize, hidden: usize, device: &Device) -> Self {
        Self {
            i_h: Embedding::new(vocab, hidden, device),
            h_h: Linear::new(hidden, hidden, device),
            h_o: Linear::new(hidden, vocab, device),
            bn: BatchNorm1d::new(hidden, device),
            h: Carried::default(),
        }
    }

    fn hidden(&self, x: Tensor<2>) -> Tensor<2> {
        relu(self.h_h.forward(x.into()).expect_for("h_h"))
    }

    fn norm(&self, h: Tensor<2>) -> Tensor<2> {
        self.bn.forward(h.into()).expect_for("bn")
    }
}

impl Forward for LoopRnn {
    type Input = Tensor<2, Int>;
    type Output = Tensor<2>;

    fn forward(&self, x: Tensor<2, Int>) -> Tensor<2> {
        let words = self.i_h.forward(x); // [batch, words, hidden]
        let [batch, length, hidden] = words.dims();
        let zeros = || Tensor::zeros([batch, hidden], &words.device());
        let mut h = self.h.0.take().unwrap_or_else(zeros);
        let mut states = Vec::with_capacity(length);
        for at in 0..length {
            let word: Tensor<2> = words.clone().narrow(1, at, 1).squeeze_dim(1);
            h = self.hidden(h + word);
            states.push(self.norm(h.clone()));
        }
        self.h.0.replace(Some(h.detach()));
        let states: Tensor<3> = Tensor::stack(states, 1);
        let states = states.reshape([batch * length, hidden]);
        self.h_o.forward(states.into()).expect_for("h_o")
    }
}

/// A state that goes on from batch to batch. A clone starts without one: a copy of the model sees
/// other batches.
#[derive(Debug, Default)]
struct Carried(RefCell<Option<Tensor<2>>>);

impl Clone for Carried {
    fn clone(&self) -> Self {
        Self::default()
    }
}

#[cfg(test)]
mod tests {
    use tinderbox_model::{Layer, Mode, Trace, set_mode};

    use super::*;

    #[test]
    fn the_state_goes_on_also_through_a_change_of_the_model() {
        let device = Device::flex();
        let x = || Tensor::<2, Int>::ones([4, 3], &device).into();
        let answer = |model: &dyn Layer| -> Vec<f32> {
            model.forward_any(x(), &mut Trace::off()).into_flat().try_into_vec_as().unwrap()
        };
        let model = Box::new(LoopRnn::new(5, 8, &device));
        let model = set_mode(model, Mode::Eval);
        let first = answer(&*model);
        // A clone has not seen that batch.
        assert_eq!(answer(&*model.clone()), first);
        // An update maps the model as a change of the mode does.
        let model = set_mode(model, Mode::Eval);
        assert_ne!(answer(&*model), first);
    }
}
