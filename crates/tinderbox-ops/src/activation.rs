//! Rectifiers.

mod backend;

use burn::{
    backend::Dispatch,
    tensor::{Tensor, activation},
};

use crate::activation::backend::ActivationOps;

/// `max(a + b, 0)`: how a residual block ends.
///
/// # Shapes
/// `[batch, channels, height, width]`, twice the same.
///
/// # Panics
/// If the shapes differ.
pub fn add_relu(a: Tensor<4>, b: Tensor<4>) -> Tensor<4> {
    assert!(
        a.dims() == b.dims(),
        "maps of shapes {:?} and {:?} cannot be added",
        a.dims(),
        b.dims()
    );
    Tensor::from_dispatch(Dispatch::tb_add_relu(a.into_dispatch(), b.into_dispatch()))
}

/// `max(x, 0)`. Maps stay in the memory order of the kernels, in the backward pass too, which
/// Burn's own would leave.
pub fn relu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    match D {
        4 => rectify(x, 0.0),
        _ => activation::relu(x),
    }
}

/// `min(max(x, 0), 6)`, in the memory order of the kernels.
///
/// # Reference
/// Sandler et al., [MobileNetV2](https://arxiv.org/abs/1801.04381), 2018.
pub fn relu6<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    match D {
        4 => Tensor::from_dispatch(Dispatch::tb_bounded_relu(x.into_dispatch(), 6.0)),
        _ => x.clamp(0.0, 6.0),
    }
}

/// `x` where it is positive, else `slope * x`; as [`relu`] otherwise.
///
/// # Reference
/// Maas et al., [Rectifier Nonlinearities](https://ai.stanford.edu/~amaas/papers/relu_hybrid_icml2013_final.pdf),
/// 2013.
pub fn leaky_relu<const D: usize>(x: Tensor<D>, slope: f64) -> Tensor<D> {
    match D {
        // The kernel's gradient looks at the output's sign, which must be the input's.
        4 if slope >= 0.0 => rectify(x, slope),
        _ => activation::leaky_relu(x, slope),
    }
}

fn rectify<const D: usize>(x: Tensor<D>, slope: f64) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::tb_rectify(x.into_dispatch(), slope as f32))
}
