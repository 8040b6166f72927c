//! The loss of classification.

mod backend;

use burn::{
    backend::Dispatch,
    tensor::{Int, Tensor},
};

use crate::loss::backend::LossOps;

/// Mean cross entropy of logits against class numbers, in nats.
///
/// # Shapes
/// - `logits`: `[batch, classes]`
/// - `targets`: `[batch]`, in `0..classes`
/// - `weights`: `[classes]`; the mean is weighted by the targets' then. They are not differentiated
/// - returns `[1]`
///
/// # Panics
/// If the shapes do not fit; on the CPU also if a target is not in `0..classes`.
pub fn cross_entropy(
    logits: Tensor<2>,
    targets: Tensor<1, Int>,
    weights: Option<Tensor<1>>,
) -> Tensor<1> {
    let ([batch, classes], [n]) = (logits.dims(), targets.dims());
    cross_entropy_map(
        logits.reshape([batch, classes, 1, 1]),
        targets.reshape([n, 1, 1]),
        weights,
        None,
    )
}

/// [`cross_entropy`] of each pixel. Pixels whose target is `ignored` do not count: PyTorch's
/// `ignore_index`.
///
/// # Shapes
/// - `logits`: `[batch, classes, height, width]`
/// - `targets`: `[batch, height, width]`, in `0..classes` or `ignored`
/// - `weights`: `[classes]`
/// - returns `[1]`; not a number if no pixel counts
///
/// # Panics
/// As [`cross_entropy`].
pub fn cross_entropy_map(
    logits: Tensor<4>,
    targets: Tensor<3, Int>,
    weights: Option<Tensor<1>>,
    ignored: Option<i64>,
) -> Tensor<1> {
    let [batch, classes, height, width] = logits.dims();
    assert!(
        targets.dims() == [batch, height, width],
        "logits of shape {:?} and targets of shape {:?} do not fit",
        logits.dims(),
        targets.dims()
    );
    let weights = weights.unwrap_or_else(|| Tensor::ones([classes], &logits.device()));
    let [n] = weights.dims();
    assert!(n == classes, "{n} weights for {classes} classes");
    let out = Dispatch::tb_cross_entropy(
        logits.into_dispatch(),
        targets.into_dispatch(),
        weights.into_dispatch(),
        ignored,
    );
    Tensor::from_dispatch(out.mean)
}
