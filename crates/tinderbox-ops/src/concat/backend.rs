//! Concatenation as an extension of Burn's backends.

#[cfg(any(feature = "wgpu", feature = "cuda"))]
use burn::backend::Cube;
use burn::{
    backend::{
        Autodiff, Backend, Flex, TensorMetadata,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
            grads::Gradients,
            ops::{Backward, Ops, OpsKind},
        },
        backend_extension,
        tensor::FloatTensor,
    },
    tensor::{DType, Slice},
};
use burn_flex::FlexTensor;
use tinderbox_kernels::concat;

use crate::flex::{channels_last, dims, map};

/// On maps, `[batch, channels, height, width]`.
#[backend_extension(Autodiff, Flex, Cube: cfg(any(feature = "wgpu", feature = "cuda")))]
pub(crate) trait ConcatOps: Backend {
    /// The channels of `a`, then those of `b`.
    fn tb_concat(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::float_cat(vec![a, b], 1)
    }

    /// The channels from `start` on, `n` of them.
    fn tb_take_channels(x: FloatTensor<Self>, start: usize, n: usize) -> FloatTensor<Self> {
        take_channels::<Self>(x, start, n)
    }
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
impl ConcatOps for Cube {}

fn take_channels<B: Backend>(x: FloatTensor<B>, start: usize, n: usize) -> FloatTensor<B> {
    let channels = Slice::new(start as isize, Some((start + n) as isize), 1);
    B::float_slice(x, &[Slice::full(), channels, Slice::full(), Slice::full()])
}

impl ConcatOps for Flex {
    fn tb_concat(a: FlexTensor, b: FlexTensor) -> FlexTensor {
        if a.dtype() != DType::F32 || b.dtype() != DType::F32 {
            return <Self as burn::backend::ops::FloatTensorOps<Self>>::float_cat(vec![a, b], 1);
        }
        let ([batch, of_a, height, width], of_b) = (dims(&a), dims(&b)[1]);
        let (a, b) = (channels_last(&a), channels_last(&b));
        let mut y = vec![0.0; a.len() + b.len()];
        concat::concat(&[(&a, of_a), (&b, of_b)], &mut y);
        map(y, [batch, of_a + of_b, height, width])
    }

    fn tb_take_channels(x: FlexTensor, start: usize, n: usize) -> FlexTensor {
        if x.dtype() != DType::F32 {
            return take_channels::<Self>(x, start, n);
        }
        let [batch, channels, height, width] = dims(&x);
        let mut y = vec![0.0; batch * n * height * width];
        concat::take_channels(&channels_last(&x), channels, start..start + n, &mut y);
        map(y, [batch, n, height, width])
    }
}

#[derive(Debug)]
struct ConcatBackward;

impl<B: ConcatOps> Backward<B, 2> for ConcatBackward {
    /// The channels of both.
    type State = [usize; 2];

    fn backward(self, ops: Ops<[usize; 2], 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let dy = gradients.consume::<B>(&ops.node);
        let ([a, b], [of_a, of_b]) = (ops.parents, ops.state);
        for (node, start, n) in [(a, 0, of_a), (b, of_a, of_b)] {
            if let Some(node) = node {
                gradients.register::<B>(node.id, B::tb_take_channels(dy.clone(), start, n));
            }
        }
    }
}

impl<B: ConcatOps, C: CheckpointStrategy> ConcatOps for Autodiff<B, C> {
    fn tb_concat(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        let (channels, nodes) = ([a.shape()[1], b.shape()[1]], [a.node(), b.node()]);
        let y = B::tb_concat(a.into_primitive(), b.into_primitive());
        match ConcatBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(channels, y),
            OpsKind::UnTracked(prepared) => prepared.finish(y),
        }
    }
}

/// The kernels against the composition that every other backend runs.
#[cfg(test)]
mod tests {
    use burn::backend::ops::FloatTensorOps;

    use super::*;
    use crate::testing::{assert_close, assert_map, random};

    #[test]
    fn both_ways_agree() {
        for (of_a, of_b) in [(1, 1), (3, 8), (16, 5)] {
            let (a, b) = (random([2, of_a, 3, 4]), random([2, of_b, 3, 4]));
            let y = Flex::tb_concat(a.clone(), b.clone());
            assert_map(&y);
            assert_close(&y, &Flex::float_cat(vec![a, b], 1));
            let part = Flex::tb_take_channels(y.clone(), of_a, of_b);
            assert_map(&part);
            assert_close(&part, &take_channels::<Flex>(y, of_a, of_b));
        }
    }
}
