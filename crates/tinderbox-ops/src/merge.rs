//! Joining two maps, and parting one.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

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

/// A map for two users: a block's layers, and the shortcut around them.
///
/// Burn adds the gradients of a tensor that is used twice in a memory order that the kernels then
/// have to turn back; those of these two are added in theirs.
///
/// # Shapes
/// `[batch, channels, height, width]`
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use tinderbox_ops::{add, fork};
///
/// let x = Tensor::<4>::ones([1, 2, 3, 3], &Device::flex().autodiff()).require_grad();
/// let [branch, shortcut] = fork(x.clone());
/// let y = add(branch * 2.0, shortcut);
/// let gradient = x.grad(&y.sum().backward()).unwrap();
/// assert_eq!(gradient.max().into_scalar::<f32>(), 3.0);
/// ```
pub fn fork(x: Tensor<4>) -> [Tensor<4>; 2] {
    // A gradient that is kept for somebody cannot be replaced by the sum.
    if !x.is_tracked() || x.is_require_grad() {
        return [x.clone(), x];
    }
    let join = Join::default();
    let part =
        |x: Tensor<4>, join| Tensor::from_dispatch(Dispatch::tb_fork(x.into_dispatch(), join));
    [part(x.clone(), join.clone()), part(x, join)]
}

/// Whether the gradient of one part of a [`fork`] is there already.
#[derive(Debug, Clone, Default)]
pub(crate) struct Join(Arc<AtomicBool>);

impl Join {
    /// Says that a gradient came; whether it is the second one.
    pub(crate) fn is_second(&self) -> bool {
        self.0.swap(true, Ordering::Relaxed)
    }
}
