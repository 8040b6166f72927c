//! The loss of classification.

use burn::tensor::{Int, Tensor, activation::log_softmax};

/// Mean cross entropy of logits against class numbers, in nats.
///
/// # Shapes
/// - `logits`: `[batch, classes]`
/// - `targets`: `[batch]`, in `0..classes`
/// - `weights`: `[classes]`; the mean is weighted by the targets' then
/// - returns `[1]`
pub fn cross_entropy(
    logits: Tensor<2>,
    targets: Tensor<1, Int>,
    weights: Option<Tensor<1>>,
) -> Tensor<1> {
    let of_target: Tensor<1> =
        log_softmax(logits, 1).gather(1, targets.clone().unsqueeze_dim(1)).squeeze_dim(1);
    match weights {
        None => -of_target.mean(),
        Some(weights) => {
            let weights = weights.select(0, targets);
            -(of_target * weights.clone()).sum() / weights.sum()
        }
    }
}
