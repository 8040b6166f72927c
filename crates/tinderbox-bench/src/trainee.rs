//! A model that is trained step by step, without a learner around it.

use burn::tensor::Tensor;
use tinderbox_learn::optim::{Decay, Gradients, Optimizer, Rule};
use tinderbox_model::{AnyTensor, Layer, Trace};

/// PyTorch's AdamW but for the learning rate, which has no default there either.
const ADAM_W: Rule = Rule::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8 };

pub(crate) struct Trainee {
    /// Only absent while it changes.
    model: Option<Box<dyn Layer>>,
    optimizer: Optimizer,
}

impl Trainee {
    /// With AdamW at a rate of 1e-3 and PyTorch's decay.
    pub(crate) fn adam_w(model: impl Layer + 'static) -> Self {
        let mut trainee = Self::new(model, ADAM_W, 1e-3);
        trainee.optimizer.weight_decays.fill(0.01);
        trainee
    }

    /// Without weight decay.
    pub(crate) fn new(model: impl Layer + 'static, rule: Rule, lr: f64) -> Self {
        let mut optimizer = Optimizer::new(&model, &[], rule, Decay::default());
        optimizer.set_lrs(&[lr]);
        Self { model: Some(Box::new(model)), optimizer }
    }

    pub(crate) fn model(&self) -> &dyn Layer {
        &**self.model.as_ref().expect("there between two changes")
    }

    pub(crate) fn forward(&self, x: impl Into<AnyTensor>) -> AnyTensor {
        self.model().forward_any(x.into(), &mut Trace::off())
    }

    /// Puts another form of the model in its place.
    pub(crate) fn change(&mut self, change: impl FnOnce(Box<dyn Layer>) -> Box<dyn Layer>) {
        self.model = self.model.take().map(change);
    }

    /// The backward pass and the update.
    pub(crate) fn learn_from(&mut self, loss: &Tensor<1>) {
        let mut gradients = Gradients::of(self.model(), loss.backward());
        self.model = self.model.take().map(|model| self.optimizer.step(model, &mut gradients));
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use tinderbox_model::layer::Linear;

    use super::*;

    #[test]
    fn the_loss_falls() {
        let device = Device::flex().autodiff();
        let mut trainee = Trainee::adam_w(Linear::new(3, 2, &device));
        let mut loss = || {
            let y: Tensor<2> =
                trainee.forward(Tensor::<2>::ones([4, 3], &device)).expect_for("linear");
            let loss = y.square().mean();
            trainee.learn_from(&loss);
            loss.into_scalar::<f32>()
        };
        let first = loss();
        assert!(loss() < first);
    }
}
