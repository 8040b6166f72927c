//! Vectors for words and categories.

mod backend;

use burn::{
    backend::Dispatch,
    tensor::{Int, Tensor},
};

use crate::embedding::backend::EmbeddingOps;

/// Looks up a vector for each id.
///
/// # Shapes
/// - `weight`: `[n, size]`
/// - `ids`: `[batch, length]`, in `0..n`
/// - returns `[batch, length, size]`
///
/// # Panics
/// If an id is not in `0..n`, on the CPU.
pub fn embedding(weight: Tensor<2>, ids: Tensor<2, Int>) -> Tensor<3> {
    Tensor::from_dispatch(Dispatch::tb_embedding(weight.into_dispatch(), ids.into_dispatch()))
}
