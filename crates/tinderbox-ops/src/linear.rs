//! The linear layer.

mod backend;

use burn::{backend::Dispatch, tensor::Tensor};

use backend::LinearOps;

/// `x · weightᵀ + bias` over the last axis.
///
/// # Shapes
/// - `x`: `[.., in]`
/// - `weight`: `[out, in]`
/// - `bias`: `[out]`
/// - returns `[.., out]`
///
/// # Panics
/// If the last axis of `x` is not as long as the weights' is.
pub fn linear<const D: usize>(
    x: Tensor<D>,
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
) -> Tensor<D> {
    let ([_, expected], found) = (weight.dims(), x.dims()[D - 1]);
    assert!(
        found == expected,
        "the linear layer's weights are for {expected} numbers, the input has {found}"
    );
    let (x, weight) = (x.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(match bias {
        Some(bias) => Dispatch::tb_linear_bias(x, weight, bias.into_dispatch()),
        None => Dispatch::tb_linear(x, weight),
    })
}
