//! Embeddings as an extension of Burn's backends.

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
        tensor::{FloatTensor, IntTensor},
    },
    tensor::{DType, Shape},
};
use burn_flex::FlexTensor;
use tinderbox_kernels::embedding;

use crate::{
    flex::{in_order, tensor},
    ids::whole_numbers,
};

/// Lookups in a table, `[n, size]`, by `[batch, length]`.
#[backend_extension(Autodiff, Flex, Cube: cfg(any(feature = "wgpu", feature = "cuda")))]
pub(crate) trait EmbeddingOps: Backend {
    /// The rows of the table, `[batch, length, size]`.
    fn tb_embedding(weight: FloatTensor<Self>, ids: IntTensor<Self>) -> FloatTensor<Self> {
        Self::embedding(weight, ids)
    }

    /// The gradient of the table, which has `n` rows.
    fn tb_embedding_gradient(
        dy: FloatTensor<Self>,
        ids: IntTensor<Self>,
        n: usize,
    ) -> FloatTensor<Self> {
        gradient::<Self>(dy, ids, n)
    }
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
impl EmbeddingOps for Cube {}

fn gradient<B: Backend>(dy: FloatTensor<B>, ids: IntTensor<B>, n: usize) -> FloatTensor<B> {
    // Only its shape is looked at.
    let shape = Shape::new([n, dy.shape()[2]]);
    let table = B::float_zeros(shape, &dy.device(), dy.dtype().into());
    B::embedding_backward(table, dy, ids)
}

/// The ids, all of which are in `0..n`.
fn checked(ids: &FlexTensor, n: usize) -> Vec<usize> {
    let ids = whole_numbers(ids).into_iter();
    ids.map(|id| match usize::try_from(id) {
        Ok(id) if id < n => id,
        _ => panic!("there is no vector for id {id}: the embedding has {n}"),
    })
    .collect()
}

impl EmbeddingOps for Flex {
    fn tb_embedding(weight: FlexTensor, ids: FlexTensor) -> FlexTensor {
        let shape = weight.layout().shape();
        let (n, size) = (shape[0], shape[1]);
        let rows = checked(&ids, n);
        if weight.dtype() != DType::F32 || size == 0 {
            return <Self as burn::backend::ops::ModuleOps<Self>>::embedding(weight, ids);
        }
        let mut y = vec![0.0; rows.len() * size];
        embedding::embedding(&in_order(&weight), size, &rows, &mut y);
        let shape = ids.layout().shape();
        tensor(y, [shape[0], shape[1], size])
    }

    fn tb_embedding_gradient(dy: FlexTensor, ids: FlexTensor, n: usize) -> FlexTensor {
        let size = dy.layout().shape()[2];
        if dy.dtype() != DType::F32 || size == 0 {
            return gradient::<Self>(dy, ids, n);
        }
        let mut table = vec![0.0; n * size];
        embedding::gradient(&in_order(&dy), size, &checked(&ids, n), &mut table);
        tensor(table, [n, size])
    }
}

#[derive(Debug)]
struct EmbeddingBackward;

impl<B: EmbeddingOps> Backward<B, 1> for EmbeddingBackward {
    /// The ids, and how many rows the table has.
    type State = (IntTensor<B>, usize);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let dy = gradients.consume::<B>(&ops.node);
        let (ids, n) = ops.state;
        if let [Some(node)] = ops.parents {
            gradients.register::<B>(node.id, B::tb_embedding_gradient(dy, ids, n));
        }
    }
}

impl<B: EmbeddingOps, C: CheckpointStrategy> EmbeddingOps for Autodiff<B, C> {
    fn tb_embedding(weight: FloatTensor<Self>, ids: IntTensor<Self>) -> FloatTensor<Self> {
        let (n, nodes) = (weight.shape()[0], [weight.node()]);
        let y = B::tb_embedding(weight.into_primitive(), ids.clone());
        match EmbeddingBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((ids, n), y),
            OpsKind::UnTracked(prepared) => prepared.finish(y),
        }
    }
}

/// The kernels against the composition that every other backend runs.
#[cfg(test)]
mod tests {
    use burn::{
        backend::ops::ModuleOps,
        tensor::{Bytes, TensorData},
    };
    use burn_flex::Layout;

    use super::*;
    use crate::testing::{assert_close, random};

    #[test]
    fn both_ways_agree() {
        for (n, size) in [(1, 1), (5, 7), (40, 64)] {
            let ids: Vec<i64> = (0..15).map(|i| i * i % n as i64).collect();
            let narrow: Vec<i32> = ids.iter().map(|id| *id as i32).collect();
            let narrow = FlexTensor::new(
                Bytes::from_elems(narrow),
                Layout::contiguous(Shape::new([3, 5])),
                DType::I32,
            );
            let ids = FlexTensor::from_data(TensorData::new(ids, [3, 5]));
            let weight = random([n, size]);
            let y = Flex::tb_embedding(weight.clone(), ids.clone());
            assert_close(&y, &Flex::tb_embedding(weight.clone(), narrow));
            assert_close(&y, &Flex::embedding(weight, ids.clone()));
            let dy = random([3, 5, size]);
            assert_close(
                &Flex::tb_embedding_gradient(dy.clone(), ids.clone(), n),
                &gradient::<Flex>(dy, ids, n),
            );
        }
    }
}
