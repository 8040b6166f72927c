//! Pooling as an extension of Burn's backends.

#[cfg(any(feature = "wgpu", feature = "cuda"))]
use burn::backend::Cube;
use burn::{
    backend::{
        Autodiff, Backend, ExtensionType, Flex, TensorMetadata,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
            grads::Gradients,
            ops::{Backward, Ops, OpsKind},
        },
        backend_extension,
        tensor::{FloatTensor, IntTensor},
    },
    tensor::{Bytes, DType, Shape},
};
use burn_flex::{FlexTensor, Layout};
use tinderbox_kernels::pooling::{Pooling, Windows};

use crate::{
    flex::{channels_last, dims, map},
    pool::{Pool2dOptions, fallback},
};

/// How a map is cut into windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    Sliding(Pool2dOptions),
    /// Rows and columns of cells that cover the map.
    Cells([usize; 2]),
}

impl Cut {
    /// The windows on a map of `size`.
    pub(crate) fn windows(self, size: [usize; 2]) -> Windows {
        match self {
            Self::Cells(cells) => Windows::cells(size, cells),
            Self::Sliding(Pool2dOptions { kernel, stride, padding, ceil_mode }) => {
                Windows::sliding(size, kernel, stride, padding, ceil_mode)
            }
        }
    }
}

/// The largest values, and where they were: in terms that only the gradient's function knows.
#[derive(ExtensionType)]
pub(crate) struct MaxPooled<B: Backend> {
    pub y: FloatTensor<B>,
    pub at: IntTensor<B>,
}

/// Maps are `[batch, channels, height, width]`; `shape` is the input's.
#[backend_extension(Autodiff, Flex, Cube: cfg(any(feature = "wgpu", feature = "cuda")))]
pub(crate) trait PoolOps: Backend {
    /// The largest value of each window.
    fn tb_max_pool(x: FloatTensor<Self>, cut: Cut) -> MaxPooled<Self> {
        fallback::max_pool::<Self>(x, cut)
    }

    /// The gradient of [`tb_max_pool`](Self::tb_max_pool)'s input.
    fn tb_max_pool_gradient(
        dy: FloatTensor<Self>,
        at: IntTensor<Self>,
        shape: [usize; 4],
        cut: Cut,
    ) -> FloatTensor<Self> {
        fallback::max_pool_gradient::<Self>(dy, at, shape, cut)
    }

    /// The mean of each window.
    fn tb_avg_pool(x: FloatTensor<Self>, cut: Cut) -> FloatTensor<Self> {
        fallback::avg_pool::<Self>(x, cut)
    }

    /// The gradient of [`tb_avg_pool`](Self::tb_avg_pool)'s input.
    fn tb_avg_pool_gradient(
        dy: FloatTensor<Self>,
        shape: [usize; 4],
        cut: Cut,
    ) -> FloatTensor<Self> {
        fallback::avg_pool_gradient::<Self>(dy, shape, cut)
    }
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
impl PoolOps for Cube {}

/// The sizes for the kernels, if they take this: 32 bits, and pixels in each window.
fn pooling(dtype: DType, shape: [usize; 4], cut: Cut) -> Option<Pooling> {
    let [batch, channels, height, width] = shape;
    let windows = cut.windows([height, width]);
    let empty = shape.contains(&0) || windows.has_empty();
    (dtype == DType::F32 && !empty).then_some(Pooling { batch, height, width, channels, windows })
}

fn out_shape(pooling: &Pooling) -> [usize; 4] {
    let Windows { rows, columns } = &pooling.windows;
    [pooling.batch, pooling.channels, rows.len(), columns.len()]
}

impl PoolOps for Flex {
    fn tb_max_pool(x: FlexTensor, cut: Cut) -> MaxPooled<Self> {
        let pooling = pooling(x.dtype(), dims(&x), cut)
            // Places in a window are remembered as bytes.
            .filter(|pooling| pooling.windows.largest().iter().product::<usize>() <= 256);
        let Some(pooling) = pooling else { return fallback::max_pool::<Self>(x, cut) };
        let [_, n] = pooling.lens();
        let (mut y, mut at) = (vec![0.0; n], vec![0u8; n]);
        pooling.max(&channels_last(&x), &mut y, &mut at);
        let at =
            FlexTensor::new(Bytes::from_elems(at), Layout::contiguous(Shape::new([n])), DType::U8);
        MaxPooled { y: map(y, out_shape(&pooling)), at }
    }

    fn tb_max_pool_gradient(
        dy: FlexTensor,
        at: FlexTensor,
        shape: [usize; 4],
        cut: Cut,
    ) -> FlexTensor {
        let pooling = pooling(dy.dtype(), shape, cut).filter(|_| at.dtype() == DType::U8);
        let Some(pooling) = pooling else {
            return fallback::max_pool_gradient::<Self>(dy, at, shape, cut);
        };
        let mut dx = vec![0.0; pooling.lens()[0]];
        pooling.max_gradient(&channels_last(&dy), at.storage::<u8>(), &mut dx);
        map(dx, shape)
    }

    fn tb_avg_pool(x: FlexTensor, cut: Cut) -> FlexTensor {
        let Some(pooling) = pooling(x.dtype(), dims(&x), cut) else {
            return fallback::avg_pool::<Self>(x, cut);
        };
        let mut y = vec![0.0; pooling.lens()[1]];
        pooling.mean(&channels_last(&x), &mut y);
        map(y, out_shape(&pooling))
    }

    fn tb_avg_pool_gradient(dy: FlexTensor, shape: [usize; 4], cut: Cut) -> FlexTensor {
        let Some(pooling) = pooling(dy.dtype(), shape, cut) else {
            return fallback::avg_pool_gradient::<Self>(dy, shape, cut);
        };
        let mut dx = vec![0.0; pooling.lens()[0]];
        pooling.mean_gradient(&channels_last(&dy), &mut dx);
        map(dx, shape)
    }
}

#[derive(Debug)]
struct MaxBackward;

impl<B: PoolOps> Backward<B, 1> for MaxBackward {
    type State = (IntTensor<B>, [usize; 4], Cut);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let dy = gradients.consume::<B>(&ops.node);
        let (at, shape, cut) = ops.state;
        if let [Some(node)] = ops.parents {
            gradients.register::<B>(node.id, B::tb_max_pool_gradient(dy, at, shape, cut));
        }
    }
}

#[derive(Debug)]
struct AvgBackward;

impl<B: PoolOps> Backward<B, 1> for AvgBackward {
    type State = ([usize; 4], Cut);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let dy = gradients.consume::<B>(&ops.node);
        let (shape, cut) = ops.state;
        if let [Some(node)] = ops.parents {
            gradients.register::<B>(node.id, B::tb_avg_pool_gradient(dy, shape, cut));
        }
    }
}

impl<B: PoolOps, C: CheckpointStrategy> PoolOps for Autodiff<B, C> {
    fn tb_max_pool(x: FloatTensor<Self>, cut: Cut) -> MaxPooled<Self> {
        let shape = x.shape().dims();
        match MaxBackward.prepare::<C>([x.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let out = B::tb_max_pool(x.into_primitive(), cut);
                let y = prepared.finish((out.at.clone(), shape, cut), out.y);
                MaxPooled { y, at: out.at }
            }
            OpsKind::UnTracked(prepared) => {
                let out = B::tb_max_pool(x.into_primitive(), cut);
                MaxPooled { y: prepared.finish(out.y), at: out.at }
            }
        }
    }

    fn tb_avg_pool(x: FloatTensor<Self>, cut: Cut) -> FloatTensor<Self> {
        let shape = x.shape().dims();
        match AvgBackward.prepare::<C>([x.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                prepared.finish((shape, cut), B::tb_avg_pool(x.into_primitive(), cut))
            }
            OpsKind::UnTracked(prepared) => {
                prepared.finish(B::tb_avg_pool(x.into_primitive(), cut))
            }
        }
    }
}

/// The kernels against the composition that every other backend runs.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, assert_map, random};

    fn cuts() -> Vec<Cut> {
        let mut cuts: Vec<Cut> = [[1, 1], [2, 3], [6, 7]].map(Cut::Cells).to_vec();
        for (kernel, stride, padding) in
            [([2, 2], [2, 2], [0, 0]), ([3, 3], [2, 2], [1, 1]), ([3, 2], [1, 2], [0, 1])]
        {
            cuts.extend([false, true].map(|ceil_mode| {
                Cut::Sliding(Pool2dOptions { kernel, stride, padding, ceil_mode })
            }));
        }
        cuts
    }

    #[test]
    fn both_ways_agree() {
        for cut in cuts() {
            for shape in [[1, 1, 6, 7], [3, 5, 9, 8], [2, 16, 6, 7]] {
                let x = random(shape);
                let (found, wanted) =
                    (Flex::tb_max_pool(x.clone(), cut), fallback::max_pool::<Flex>(x.clone(), cut));
                assert_map(&found.y);
                assert_close(&found.y, &wanted.y);
                let dy = random(dims(&found.y));
                let dx = Flex::tb_max_pool_gradient(dy.clone(), found.at, shape, cut);
                assert_map(&dx);
                assert_close(
                    &dx,
                    &fallback::max_pool_gradient::<Flex>(dy.clone(), wanted.at, shape, cut),
                );

                let y = Flex::tb_avg_pool(x.clone(), cut);
                assert_map(&y);
                assert_close(&y, &fallback::avg_pool::<Flex>(x, cut));
                let dx = Flex::tb_avg_pool_gradient(dy.clone(), shape, cut);
                assert_map(&dx);
                assert_close(&dx, &fallback::avg_pool_gradient::<Flex>(dy, shape, cut));
            }
        }
    }

    /// Places in it do not fit in a byte.
    #[test]
    fn a_window_that_is_too_large_for_the_kernel_is_pooled_too() {
        let (shape, cut) = ([1, 2, 17, 16], Cut::Cells([1, 1]));
        let x = random(shape);
        let out = Flex::tb_max_pool(x.clone(), cut);
        let dx = Flex::tb_max_pool_gradient(random([1, 2, 1, 1]), out.at, shape, cut);
        assert_eq!(channels_last(&dx).iter().filter(|dx| **dx != 0.0).count(), 2);
    }
}
