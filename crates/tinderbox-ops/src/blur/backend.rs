//! Blurring as an extension of Burn's backends.

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
use tinderbox_kernels::pooling::{Pooling, Windows};

use crate::{
    blur::Neighbors,
    flex::{channels_last, dims, map},
};

/// On maps, `[batch, channels, height, width]`.
#[backend_extension(Autodiff, Flex, Cube: cfg(any(feature = "wgpu", feature = "cuda")))]
pub(crate) trait BlurOps: Backend {
    /// The mean of each pixel and its neighbors.
    fn tb_blur(x: FloatTensor<Self>, neighbors: Neighbors) -> FloatTensor<Self> {
        [2, 3].into_iter().fold(x, |x, axis| halves::<Self>(x, axis, neighbors))
    }

    /// The gradient of [`tb_blur`](Self::tb_blur)'s input.
    fn tb_blur_gradient(dy: FloatTensor<Self>, neighbors: Neighbors) -> FloatTensor<Self> {
        [2, 3].into_iter().fold(dy, |dy, axis| halves_gradient::<Self>(dy, axis, neighbors))
    }
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
impl BlurOps for Cube {}

/// The entries from `start` to `end` along an axis.
fn part<B: Backend>(x: FloatTensor<B>, axis: usize, start: usize, end: usize) -> FloatTensor<B> {
    let mut slices = [Slice::full(); 4];
    slices[axis] = Slice::new(start as isize, Some(end as isize), 1);
    B::float_slice(x, &slices)
}

fn join<B: Backend>(
    parts: [FloatTensor<B>; 2],
    axis: usize,
    neighbors: Neighbors,
) -> FloatTensor<B> {
    let [edge, rest] = parts;
    B::float_cat(
        match neighbors {
            Neighbors::Before => vec![edge, rest],
            Neighbors::After => vec![rest, edge],
        },
        axis,
    )
}

/// Where the entry without a neighbor is, and all but the last one on the other side.
fn edge_and_rest(n: usize, neighbors: Neighbors) -> [[usize; 2]; 2] {
    match neighbors {
        Neighbors::Before => [[0, 1], [0, n - 1]],
        Neighbors::After => [[n - 1, n], [1, n]],
    }
}

/// The mean of each entry and its neighbor along one axis.
fn halves<B: Backend>(x: FloatTensor<B>, axis: usize, neighbors: Neighbors) -> FloatTensor<B> {
    let n = x.shape()[axis];
    if n < 2 {
        return x;
    }
    let parts = edge_and_rest(n, neighbors).map(|[a, b]| part::<B>(x.clone(), axis, a, b));
    let moved = join::<B>(parts, axis, neighbors);
    B::float_mul_scalar(B::float_add(x, moved), 0.5.into())
}

/// What goes back: half to the entry itself, half to its neighbor, which at the edge it is itself.
fn halves_gradient<B: Backend>(
    dy: FloatTensor<B>,
    axis: usize,
    neighbors: Neighbors,
) -> FloatTensor<B> {
    let n = dy.shape()[axis];
    if n < 2 {
        return dy;
    }
    let other = match neighbors {
        Neighbors::Before => Neighbors::After,
        Neighbors::After => Neighbors::Before,
    };
    let of = |[start, end]: [usize; 2]| part::<B>(dy.clone(), axis, start, end);
    let nothing = |part| B::float_mul_scalar(part, 0.0.into());
    // What each gets of the one that it is a neighbor of; nobody's is the far edge.
    let [far, shifted] = edge_and_rest(n, other).map(of);
    let of_others = join::<B>([nothing(far), shifted.clone()], axis, other);
    // What the near edge gets as its own neighbor, and nobody else.
    let edge = of(edge_and_rest(n, neighbors)[0]);
    let of_itself = join::<B>([edge, nothing(shifted)], axis, neighbors);
    let sum = B::float_add(B::float_add(dy.clone(), of_others), of_itself);
    B::float_mul_scalar(sum, 0.5.into())
}

/// What is beyond the edge is left out of a window: the mean of a pixel twice is that of it once.
fn pooling(x: &FlexTensor, neighbors: Neighbors) -> Option<Pooling> {
    let shape = dims(x);
    let fits = x.dtype() == DType::F32 && !shape.contains(&0);
    let [batch, channels, height, width] = shape;
    let [rows, columns] = [height, width].map(|n| {
        let window = |at: usize| match neighbors {
            Neighbors::Before => at.saturating_sub(1)..at + 1,
            Neighbors::After => at..n.min(at + 2),
        };
        (0..n).map(window).collect()
    });
    let windows = Windows { rows, columns };
    fits.then_some(Pooling { batch, height, width, channels, windows })
}

impl BlurOps for Flex {
    fn tb_blur(x: FlexTensor, neighbors: Neighbors) -> FlexTensor {
        let Some(pooling) = pooling(&x, neighbors) else {
            return [2, 3].into_iter().fold(x, |x, axis| halves::<Self>(x, axis, neighbors));
        };
        let mut y = vec![0.0; pooling.lens()[1]];
        pooling.mean(&channels_last(&x), &mut y);
        map(y, dims(&x))
    }

    fn tb_blur_gradient(dy: FlexTensor, neighbors: Neighbors) -> FlexTensor {
        let Some(pooling) = pooling(&dy, neighbors) else {
            let axes = [2, 3].into_iter();
            return axes.fold(dy, |dy, axis| halves_gradient::<Self>(dy, axis, neighbors));
        };
        let mut dx = vec![0.0; pooling.lens()[0]];
        pooling.mean_gradient(&channels_last(&dy), &mut dx);
        map(dx, dims(&dy))
    }
}

#[derive(Debug)]
struct BlurBackward;

impl<B: BlurOps> Backward<B, 1> for BlurBackward {
    type State = Neighbors;

    fn backward(self, ops: Ops<Neighbors, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let dy = gradients.consume::<B>(&ops.node);
        if let [Some(node)] = ops.parents {
            gradients.register::<B>(node.id, B::tb_blur_gradient(dy, ops.state));
        }
    }
}

impl<B: BlurOps, C: CheckpointStrategy> BlurOps for Autodiff<B, C> {
    fn tb_blur(x: FloatTensor<Self>, neighbors: Neighbors) -> FloatTensor<Self> {
        let nodes = [x.node()];
        let y = B::tb_blur(x.into_primitive(), neighbors);
        match BlurBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(neighbors, y),
            OpsKind::UnTracked(prepared) => prepared.finish(y),
        }
    }
}

/// The kernels against the composition that every other backend runs.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, assert_map, random};

    #[test]
    fn both_ways_agree() {
        for neighbors in [Neighbors::Before, Neighbors::After] {
            for shape in [[1, 1, 1, 1], [2, 3, 4, 5], [1, 17, 1, 6], [3, 8, 2, 2]] {
                let (x, dy) = (random(shape), random(shape));
                let composed = |x: &FlexTensor, step: fn(_, _, _) -> FlexTensor| {
                    [2, 3].into_iter().fold(x.clone(), |x, axis| step(x, axis, neighbors))
                };
                let y = Flex::tb_blur(x.clone(), neighbors);
                assert_map(&y);
                assert_close(&y, &composed(&x, halves::<Flex>));
                let dx = Flex::tb_blur_gradient(dy.clone(), neighbors);
                assert_map(&dx);
                assert_close(&dx, &composed(&dy, halves_gradient::<Flex>));
            }
        }
    }
}
