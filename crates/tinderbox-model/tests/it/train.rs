//! Plain training steps, to compare with the reference's.

use std::collections::BTreeMap;

use burn::{
    module::{ModuleMapper, Param},
    tensor::{Gradients, Int, Tensor},
};
use tinderbox_model::{AnyTensor, Layer};
use tinderbox_ops::{
    cross_entropy,
    optim::{AdamStep, Decay, adam},
};

/// AdamW on every parameter that has a gradient.
#[derive(Default)]
pub(crate) struct AdamW {
    means: BTreeMap<String, [Tensor<1>; 2]>,
    count: u64,
}

/// The numbers of a step.
pub(crate) struct StepOf {
    pub(crate) lr: f64,
    pub(crate) betas: [f64; 2],
    pub(crate) decay: f64,
    /// What the gradients are multiplied by.
    pub(crate) scale: f64,
}

impl AdamW {
    pub(crate) fn step(
        &mut self,
        model: Box<dyn Layer>,
        gradients: &Gradients,
        step: &StepOf,
    ) -> Box<dyn Layer> {
        use burn::module::Module;

        self.count += 1;
        model.map(&mut Update { optimizer: self, gradients, step, path: Vec::new() })
    }
}

struct Update<'a> {
    optimizer: &'a mut AdamW,
    gradients: &'a Gradients,
    step: &'a StepOf,
    path: Vec<String>,
}

impl ModuleMapper for Update<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(gradient) = param.val().grad(self.gradients) else { return param };
        let StepOf { lr, betas: [beta1, beta2], decay, scale } = *self.step;
        let count = self.optimizer.count;
        let decay = Decay::Decoupled(decay);
        let step = AdamStep { lr, beta1, beta2, eps: 1e-8, count, decay };
        let key = self.path.join(".");
        let dims = param.dims();
        param.map(|value| {
            let value = value.without_autodiff().reshape([-1]);
            let gradient = gradient.reshape([-1]) * scale;
            let (value, means) = adam(value, gradient, self.optimizer.means.remove(&key), &step);
            self.optimizer.means.insert(key, means);
            value.reshape(dims).autodiff().require_grad()
        })
    }
}

/// Cross entropy, and the share of right answers: of all words, or of the last one if the model
/// gives but one a text.
pub(crate) fn loss(output: AnyTensor, y: Tensor<2, Int>) -> (Tensor<1>, f64) {
    let [batch, length] = y.dims();
    let (logits, y) = match output {
        AnyTensor::Float2(logits) => (logits, y.narrow(1, length - 1, 1).reshape([batch])),
        AnyTensor::Float3(logits) => {
            let vocab = logits.dims()[2];
            (logits.reshape([batch * length, vocab]), y.reshape([batch * length]))
        }
        other => panic!("logits, not a {} tensor", other.kind()),
    };
    let n = y.dims()[0];
    let right = logits.clone().argmax(1).reshape([n]).equal(y.clone()).int().sum();
    let right: i64 = right.into_data().convert::<i64>().try_to_vec().unwrap()[0];
    (cross_entropy(logits, y, None), right as f64 / n as f64)
}

/// The value of a tensor of one number.
pub(crate) fn number(tensor: Tensor<1>) -> f64 {
    f64::from(tensor.into_scalar::<f32>())
}
