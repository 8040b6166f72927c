//! Weight norm.

mod backend;

use std::sync::{Mutex, PoisonError};

use burn::{backend::Dispatch, tensor::Tensor};

use self::backend::WeightNormOps;
use crate::prepared::{Memory, memory};

/// Weights as a direction and a length for each entry of their first axis: `v * (g / |v|)`, PyTorch's
/// `weight_norm` at its default.
///
/// # Shapes
/// - `v`: of any rank from 2 on
/// - `g`: `[n, 1, ..]` of the same rank
/// - returns the shape of `v`
///
/// # Panics
/// If there is not one length for each entry of the first axis.
///
/// # Reference
/// Salimans and Kingma, [Weight Normalization](https://arxiv.org/abs/1602.07868), 2016.
pub fn weight_norm<const D: usize>(v: Tensor<D>, g: Tensor<D>) -> Tensor<D> {
    let (dims, lengths) = (v.dims(), g.dims());
    let n = dims[0];
    assert!(
        lengths.iter().product::<usize>() == n && lengths[0] == n,
        "lengths of shape {lengths:?} for directions of shape {dims:?}"
    );
    let rows: Tensor<2> = v.reshape([n, dims[1..].iter().product()]);
    let g: Tensor<2> = g.reshape([n, 1]);
    let weight = Tensor::<2>::from_dispatch(Dispatch::tb_weight_norm(
        rows.into_dispatch(),
        g.into_dispatch(),
    ));
    weight.reshape(dims)
}

/// What [`weight_norm`] made of two tensors, as long as they are the same. A clone starts empty.
///
/// A layer keeps one beside its parameters, for when it does not train.
#[derive(Debug)]
pub struct KeptWeight<const D: usize>(Mutex<Option<Entry<D>>>);

#[derive(Debug)]
struct Entry<const D: usize> {
    /// The memory of the tensors. It is held so that no other tensor can come to lie there.
    of: [Memory; 2],
    weight: Tensor<D>,
}

impl<const D: usize> Default for KeptWeight<D> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<const D: usize> Clone for KeptWeight<D> {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl<const D: usize> KeptWeight<D> {
    /// [`weight_norm`] of these, from the last time if they are the same and have no autodiff. Only on
    /// the CPU can one tell.
    ///
    /// # Panics
    /// As [`weight_norm`].
    pub fn of(&self, v: Tensor<D>, g: Tensor<D>) -> Tensor<D> {
        let key = match v.is_autodiff() || g.is_autodiff() {
            true => None,
            false => memory(&v).zip(memory(&g)),
        };
        let Some((direction, length)) = key else { return weight_norm(v, g) };
        // Whoever panicked left a whole entry behind, or none.
        let mut entry = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Entry { of: [a, b], weight }) = &*entry
            && a.is(&direction)
            && b.is(&length)
        {
            return weight.clone();
        }
        let weight = weight_norm(v, g);
        *entry = Some(Entry { of: [direction, length], weight: weight.clone() });
        weight
    }
}
