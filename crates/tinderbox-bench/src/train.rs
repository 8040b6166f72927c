//! Training steps of models that tell classes apart.

use burn::tensor::{Device, Distribution, Int, Tensor};
use tinderbox_learn::loss::{CrossEntropyFlat, Loss};
use tinderbox_model::{AnyTensor, Layer};

use crate::{Step, trainee::Trainee, training};

/// Of a model for images: `[batch, channels, height, width]` → `[batch, classes]`.
pub(crate) fn classes(model: impl Layer + 'static, input: [usize; 4], classes: usize) -> Step {
    let device = training();
    let x = Tensor::<4>::random(input, Distribution::Normal(0.0, 1.0), &device);
    step(model, x.into(), numbers([input[0]], classes, &device).into(), |logits| logits)
}

/// Of a language model: `[batch, words]` → `[batch, words, vocab]`.
pub(crate) fn words(model: impl Layer + 'static, input: [usize; 2], vocab: usize) -> Step {
    let device = training();
    let target = numbers([input[0] * input[1]], vocab, &device);
    let by_word = |logits: AnyTensor| {
        let logits: Tensor<3> = logits.expect_for("the loss");
        let [batch, words, vocab] = logits.dims();
        logits.reshape([batch * words, vocab]).into()
    };
    step(model, numbers(input, vocab, &device).into(), target.into(), by_word)
}

/// `logits` makes of the model's output what the loss takes.
fn step(
    model: impl Layer + 'static,
    x: AnyTensor,
    target: AnyTensor,
    logits: fn(AnyTensor) -> AnyTensor,
) -> Step {
    let mut trainee = Trainee::adam_w(model);
    let loss = CrossEntropyFlat::default();
    Box::new(move || {
        let output = logits(trainee.forward(x.clone()));
        trainee.learn_from(&loss.forward(output, target.clone()));
    })
}

/// Random whole numbers below `n`.
pub(crate) fn numbers<const D: usize>(
    shape: [usize; D],
    n: usize,
    device: &Device,
) -> Tensor<D, Int> {
    let last = n as f64 - 1.0;
    Tensor::<D>::random(shape, Distribution::Uniform(0.0, n as f64), device).clamp(0.0, last).int()
}
