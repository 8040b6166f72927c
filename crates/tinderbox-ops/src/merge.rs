//! Joining two maps.

use burn::{backend::Dispatch, tensor::Tensor};

use crate::extension::TrainingOps;

/// `a + b`, in the memory order of the kernels, which Burn's own addition would leave.
///
/// # Shapes
/// `[batch, channels, height, width]`, twice the same.
///
/// # Panics
/// If the shapes differ.
pub fn add(a: Tensor<4>, b: Tensor<4>) -> Tensor<4> {
    assert!(
        a.dims() == b.dims(),
        "maps of shapes {:?} and {:?} cannot be added",
        a.dims(),
        b.dims()
    );
    Tensor::from_dispatch(Dispatch::tb_add(a.into_dispatch(), b.into_dispatch()))
}
