//! Resizing as an extension of Burn's backends.

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
        tensor::{Device, FloatTensor, IntTensor},
    },
    tensor::{DType, IndexingUpdateOp, Shape, TensorData},
};
use burn_flex::FlexTensor;
use tinderbox_kernels::resize::{Nearest, Shuffle};

use crate::flex::{channels_last, dims, map};

/// On maps, `[batch, channels, height, width]`.
#[backend_extension(Autodiff, Flex, Cube: cfg(any(feature = "wgpu", feature = "cuda")))]
pub(crate) trait ResizeOps: Backend {
    /// `factor²` channels as a square of pixels.
    fn tb_pixel_shuffle(x: FloatTensor<Self>, factor: usize) -> FloatTensor<Self> {
        shuffle::<Self>(x, factor)
    }

    /// The way back, which is also the gradient.
    fn tb_pixel_unshuffle(y: FloatTensor<Self>, factor: usize) -> FloatTensor<Self> {
        unshuffle::<Self>(y, factor)
    }

    /// A map of `size`, of copies of the nearest pixels.
    fn tb_resize_nearest(x: FloatTensor<Self>, size: [usize; 2]) -> FloatTensor<Self> {
        nearest::<Self>(x, size)
    }

    /// The gradient of [`tb_resize_nearest`](Self::tb_resize_nearest)'s input, which was of `size`.
    fn tb_resize_nearest_gradient(dy: FloatTensor<Self>, size: [usize; 2]) -> FloatTensor<Self> {
        nearest_gradient::<Self>(dy, size)
    }
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
impl ResizeOps for Cube {}

fn shuffle<B: Backend>(x: FloatTensor<B>, r: usize) -> FloatTensor<B> {
    let [batch, channels, height, width] = x.shape().dims();
    let channels = channels / (r * r);
    let x = B::float_reshape(x, Shape::new([batch, channels, r, r, height, width]));
    let y = B::float_permute(x, &[0, 1, 4, 2, 5, 3]);
    B::float_reshape(y, Shape::new([batch, channels, height * r, width * r]))
}

fn unshuffle<B: Backend>(y: FloatTensor<B>, r: usize) -> FloatTensor<B> {
    let [batch, channels, height, width] = y.shape().dims();
    let (height, width) = (height / r, width / r);
    let y = B::float_reshape(y, Shape::new([batch, channels, height, r, width, r]));
    let x = B::float_permute(y, &[0, 1, 3, 5, 2, 4]);
    B::float_reshape(x, Shape::new([batch, channels * r * r, height, width]))
}

/// Which of `from` pixels each of `to` is a copy of.
fn sources<B: Backend>(from: usize, to: usize, device: &Device<B>) -> IntTensor<B> {
    let sources: Vec<i32> = (0..to).map(|i| (i * from / to) as i32).collect();
    B::int_from_data(TensorData::new(sources, [to]), device)
}

fn nearest<B: Backend>(x: FloatTensor<B>, size: [usize; 2]) -> FloatTensor<B> {
    let ([_, _, height, width], device) = (x.shape().dims(), x.device());
    let rows = B::float_select(x, 2, sources::<B>(height, size[0], &device));
    B::float_select(rows, 3, sources::<B>(width, size[1], &device))
}

fn nearest_gradient<B: Backend>(dy: FloatTensor<B>, size: [usize; 2]) -> FloatTensor<B> {
    let ([batch, channels, height, width], device) = (dy.shape().dims(), dy.device());
    let add = |dy: FloatTensor<B>, axis: usize, shape: [usize; 4], copies: usize| {
        let zeros = B::float_zeros(Shape::new(shape), &device, dy.dtype().into());
        let sources = sources::<B>(shape[axis], copies, &device);
        B::float_select_assign(zeros, axis, sources, dy, IndexingUpdateOp::Add)
    };
    let dy = add(dy, 3, [batch, channels, height, size[1]], width);
    add(dy, 2, [batch, channels, size[0], size[1]], height)
}

fn fits(x: &FlexTensor) -> bool {
    x.dtype() == DType::F32 && !dims(x).contains(&0)
}

impl ResizeOps for Flex {
    fn tb_pixel_shuffle(x: FlexTensor, factor: usize) -> FlexTensor {
        if !fits(&x) {
            return shuffle::<Self>(x, factor);
        }
        let [batch, channels, height, width] = dims(&x);
        let channels = channels / (factor * factor);
        let values = channels_last(&x);
        let mut y = vec![0.0; values.len()];
        Shuffle { rows: batch * height, width, channels, factor }.shuffle(&values, &mut y);
        map(y, [batch, channels, height * factor, width * factor])
    }

    fn tb_pixel_unshuffle(y: FlexTensor, factor: usize) -> FlexTensor {
        if !fits(&y) {
            return unshuffle::<Self>(y, factor);
        }
        let [batch, channels, height, width] = dims(&y);
        let (height, width) = (height / factor, width / factor);
        let values = channels_last(&y);
        let mut x = vec![0.0; values.len()];
        Shuffle { rows: batch * height, width, channels, factor }.unshuffle(&values, &mut x);
        map(x, [batch, channels * factor * factor, height, width])
    }

    fn tb_resize_nearest(x: FlexTensor, size: [usize; 2]) -> FlexTensor {
        if !fits(&x) {
            return nearest::<Self>(x, size);
        }
        let [batch, channels, height, width] = dims(&x);
        let sizes = Nearest { batch, from: [height, width], to: size, channels };
        let mut y = vec![0.0; sizes.lens()[1]];
        sizes.resize(&channels_last(&x), &mut y);
        map(y, [batch, channels, size[0], size[1]])
    }

    fn tb_resize_nearest_gradient(dy: FlexTensor, size: [usize; 2]) -> FlexTensor {
        if !fits(&dy) {
            return nearest_gradient::<Self>(dy, size);
        }
        let [batch, channels, height, width] = dims(&dy);
        let sizes = Nearest { batch, from: size, to: [height, width], channels };
        let mut dx = vec![0.0; sizes.lens()[0]];
        sizes.gradient(&channels_last(&dy), &mut dx);
        map(dx, [batch, channels, size[0], size[1]])
    }
}

#[derive(Debug)]
struct ShuffleBackward;

impl<B: ResizeOps> Backward<B, 1> for ShuffleBackward {
    type State = usize;

    fn backward(self, ops: Ops<usize, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let dy = gradients.consume::<B>(&ops.node);
        if let [Some(node)] = ops.parents {
            gradients.register::<B>(node.id, B::tb_pixel_unshuffle(dy, ops.state));
        }
    }
}

#[derive(Debug)]
struct NearestBackward;

impl<B: ResizeOps> Backward<B, 1> for NearestBackward {
    /// The input's height and width.
    type State = [usize; 2];

    fn backward(self, ops: Ops<[usize; 2], 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let dy = gradients.consume::<B>(&ops.node);
        if let [Some(node)] = ops.parents {
            gradients.register::<B>(node.id, B::tb_resize_nearest_gradient(dy, ops.state));
        }
    }
}

impl<B: ResizeOps, C: CheckpointStrategy> ResizeOps for Autodiff<B, C> {
    fn tb_pixel_shuffle(x: FloatTensor<Self>, factor: usize) -> FloatTensor<Self> {
        let nodes = [x.node()];
        let y = B::tb_pixel_shuffle(x.into_primitive(), factor);
        match Backward::<B, 1>::prepare::<C>(ShuffleBackward, nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(factor, y),
            OpsKind::UnTracked(prepared) => prepared.finish(y),
        }
    }

    fn tb_resize_nearest(x: FloatTensor<Self>, size: [usize; 2]) -> FloatTensor<Self> {
        let ([_, _, height, width], nodes) = (x.shape().dims(), [x.node()]);
        let y = B::tb_resize_nearest(x.into_primitive(), size);
        match Backward::<B, 1>::prepare::<C>(NearestBackward, nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish([height, width], y),
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
    fn shuffles_agree() {
        for (shape, factor) in [([1, 4, 1, 1], 2), ([2, 12, 3, 5], 2), ([3, 9, 2, 4], 3)] {
            let x = random(shape);
            let y = Flex::tb_pixel_shuffle(x.clone(), factor);
            assert_map(&y);
            assert_close(&y, &shuffle::<Flex>(x.clone(), factor));
            let back = Flex::tb_pixel_unshuffle(y.clone(), factor);
            assert_map(&back);
            assert_close(&back, &unshuffle::<Flex>(y, factor));
            assert_close(&back, &x);
        }
    }

    #[test]
    fn nearest_pixels_agree() {
        for shape in [[1, 1, 1, 1], [2, 3, 5, 7], [1, 8, 4, 6]] {
            for size in [[1, 1], [10, 14], [3, 4], [4, 9]] {
                let x = random(shape);
                let y = Flex::tb_resize_nearest(x.clone(), size);
                assert_map(&y);
                assert_close(&y, &nearest::<Flex>(x, size));
                let (dy, from) = (random(dims(&y)), [shape[2], shape[3]]);
                let dx = Flex::tb_resize_nearest_gradient(dy.clone(), from);
                assert_map(&dx);
                assert_close(&dx, &nearest_gradient::<Flex>(dy, from));
            }
        }
    }
}
