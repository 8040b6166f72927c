//! The word after a row's last one: what the lesson's first models learn.

use burn::tensor::{Int, Tensor};
use tinderbox_learn::metric::accuracy;
use tinderbox_model::AnyTensor;
use tinderbox_ops::cross_entropy;

/// Cross entropy of the word after a row's last one: the lesson's loss for its first models.
///
/// # Shapes
/// - `output`: `[batch, vocab]`
/// - `target`: `[batch, words]`
pub fn loss4(output: Tensor<2>, target: Tensor<2, Int>) -> Tensor<1> {
    cross_entropy(output, last_word(target), None)
}

/// The share of rows whose next word is the likeliest: the lesson's metric for its first models.
///
/// # Errors
/// As [`accuracy`].
pub fn acc4(output: AnyTensor, target: AnyTensor) -> tinderbox_learn::Result<f64> {
    let target = match target {
        AnyTensor::Int2(target) => last_word(target).into(),
        other => other,
    };
    accuracy(output, target)
}

fn last_word(target: Tensor<2, Int>) -> Tensor<1, Int> {
    let [batch, words] = target.dims();
    target.narrow(1, words - 1, 1).reshape([batch])
}
