//! Rectifiers as an extension of Burn's backends.

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
        backend_extension, get_device_settings,
        tensor::FloatTensor,
    },
    tensor::DType,
};
use burn_flex::FlexTensor;
use tinderbox_kernels::activation;

use crate::flex::{channels_last, dims, map};

/// On maps, `[batch, channels, height, width]`.
#[backend_extension(Autodiff, Flex, Cube: cfg(any(feature = "wgpu", feature = "cuda")))]
pub(crate) trait ActivationOps: Backend {
    /// `max(a + b, 0)`
    fn tb_add_relu(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::relu(Self::float_add(a, b))
    }

    /// `x` where it is positive, else `slope * x`, for a slope of 0 or more.
    fn tb_rectify(x: FloatTensor<Self>, slope: f32) -> FloatTensor<Self> {
        rectify::<Self>(x, slope)
    }

    /// The gradient of the input of both, from their output.
    fn tb_rectify_gradient(
        dy: FloatTensor<Self>,
        y: FloatTensor<Self>,
        slope: f32,
    ) -> FloatTensor<Self> {
        rectify_gradient::<Self>(dy, y, slope)
    }

    /// `min(max(x, 0), high)`
    fn tb_bounded_relu(x: FloatTensor<Self>, high: f32) -> FloatTensor<Self> {
        Self::float_clamp(x, 0.0.into(), high.into())
    }

    /// The gradient of its input, from its output.
    fn tb_bounded_gradient(
        dy: FloatTensor<Self>,
        y: FloatTensor<Self>,
        high: f32,
    ) -> FloatTensor<Self> {
        bounded_gradient::<Self>(dy, y, high)
    }
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
impl ActivationOps for Cube {}

fn rectify<B: Backend>(x: FloatTensor<B>, slope: f32) -> FloatTensor<B> {
    match slope == 0.0 {
        true => B::relu(x),
        false => B::leaky_relu(x, slope.into()),
    }
}

fn rectify_gradient<B: Backend>(
    dy: FloatTensor<B>,
    y: FloatTensor<B>,
    slope: f32,
) -> FloatTensor<B> {
    if slope == 0.0 {
        return B::relu_backward(y, dy);
    }
    let bools = get_device_settings::<B>(&y.device()).bool_dtype;
    let off = B::float_lower_equal_elem(y, 0.0.into(), bools);
    B::float_mask_where(dy.clone(), off, B::float_mul_scalar(dy, slope.into()))
}

fn bounded_gradient<B: Backend>(
    dy: FloatTensor<B>,
    y: FloatTensor<B>,
    high: f32,
) -> FloatTensor<B> {
    let bools = get_device_settings::<B>(&y.device()).bool_dtype;
    let above = B::float_greater_equal_elem(y.clone(), high.into(), bools);
    B::float_mask_fill(B::relu_backward(y, dy), above, 0.0.into())
}

/// Whether the kernels take these.
fn fit(a: &FlexTensor, b: &FlexTensor) -> bool {
    a.dtype() == DType::F32 && b.dtype() == DType::F32 && dims(a) == dims(b)
}

impl ActivationOps for Flex {
    fn tb_add_relu(a: FlexTensor, b: FlexTensor) -> FlexTensor {
        if !fit(&a, &b) {
            return <Self as burn::backend::ops::ActivationOps<Self>>::relu(
                <Self as burn::backend::ops::FloatTensorOps<Self>>::float_add(a, b),
            );
        }
        let (x, y) = (channels_last(&a), channels_last(&b));
        let mut out = vec![0.0; x.len()];
        activation::add_relu(&x, &y, &mut out);
        map(out, dims(&a))
    }

    fn tb_rectify(x: FlexTensor, slope: f32) -> FlexTensor {
        if x.dtype() != DType::F32 {
            return rectify::<Self>(x, slope);
        }
        let values = channels_last(&x);
        let mut out = vec![0.0; values.len()];
        activation::leaky_relu(&values, slope, &mut out);
        map(out, dims(&x))
    }

    fn tb_rectify_gradient(dy: FlexTensor, y: FlexTensor, slope: f32) -> FlexTensor {
        if !fit(&dy, &y) {
            return rectify_gradient::<Self>(dy, y, slope);
        }
        let (gradient, values) = (channels_last(&dy), channels_last(&y));
        let mut dx = vec![0.0; values.len()];
        activation::gradient(&gradient, &values, slope, &mut dx);
        map(dx, dims(&y))
    }

    fn tb_bounded_relu(x: FlexTensor, high: f32) -> FlexTensor {
        if x.dtype() != DType::F32 {
            return <Self as burn::backend::ops::FloatTensorOps<Self>>::float_clamp(
                x,
                0.0.into(),
                high.into(),
            );
        }
        let values = channels_last(&x);
        let mut out = vec![0.0; values.len()];
        activation::bounded_relu(&values, high, &mut out);
        map(out, dims(&x))
    }

    fn tb_bounded_gradient(dy: FlexTensor, y: FlexTensor, high: f32) -> FlexTensor {
        if !fit(&dy, &y) {
            return bounded_gradient::<Self>(dy, y, high);
        }
        let (gradient, values) = (channels_last(&dy), channels_last(&y));
        let mut dx = vec![0.0; values.len()];
        activation::bounded_gradient(&gradient, &values, high, &mut dx);
        map(dx, dims(&y))
    }
}

#[derive(Debug)]
struct BoundedBackward;

impl<B: ActivationOps> Backward<B, 1> for BoundedBackward {
    /// The output and the bound.
    type State = (FloatTensor<B>, f32);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let dy = gradients.consume::<B>(&ops.node);
        let (y, high) = ops.state;
        if let [Some(node)] = ops.parents {
            gradients.register::<B>(node.id, B::tb_bounded_gradient(dy, y, high));
        }
    }
}

#[derive(Debug)]
struct RectifyBackward;

impl<B: ActivationOps, const N: usize> Backward<B, N> for RectifyBackward {
    /// The output and the slope.
    type State = (FloatTensor<B>, f32);

    fn backward(self, ops: Ops<Self::State, N>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let dy = gradients.consume::<B>(&ops.node);
        let (y, slope) = ops.state;
        let dx = B::tb_rectify_gradient(dy, y, slope);
        for node in ops.parents.into_iter().flatten() {
            gradients.register::<B>(node.id, dx.clone());
        }
    }
}

impl<B: ActivationOps, C: CheckpointStrategy> ActivationOps for Autodiff<B, C> {
    fn tb_add_relu(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        let nodes = [a.node(), b.node()];
        let add = || B::tb_add_relu(a.into_primitive(), b.into_primitive());
        match Backward::<B, 2>::prepare::<C>(RectifyBackward, nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let y = add();
                prepared.finish((y.clone(), 0.0), y)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(add()),
        }
    }

    fn tb_rectify(x: FloatTensor<Self>, slope: f32) -> FloatTensor<Self> {
        let nodes = [x.node()];
        let rectify = || B::tb_rectify(x.into_primitive(), slope);
        match Backward::<B, 1>::prepare::<C>(RectifyBackward, nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let y = rectify();
                prepared.finish((y.clone(), slope), y)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(rectify()),
        }
    }

    fn tb_bounded_relu(x: FloatTensor<Self>, high: f32) -> FloatTensor<Self> {
        let nodes = [x.node()];
        let bound = || B::tb_bounded_relu(x.into_primitive(), high);
        match Backward::<B, 1>::prepare::<C>(BoundedBackward, nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let y = bound();
                prepared.finish((y.clone(), high), y)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(bound()),
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
    fn bounds_agree_both_ways() {
        for shape in [[1, 1, 1, 1], [2, 3, 5, 7], [1, 16, 4, 4]] {
            let (x, dy) = (random(shape), random(shape));
            let y = Flex::tb_bounded_relu(x.clone(), 0.3);
            assert_map(&y);
            let clamped = Flex::float_clamp(x, 0.0.into(), 0.3f32.into());
            assert_close(&y, &clamped);
            let dx = Flex::tb_bounded_gradient(dy.clone(), y.clone(), 0.3);
            assert_map(&dx);
            assert_close(&dx, &bounded_gradient::<Flex>(dy, y, 0.3));
        }
    }

    #[test]
    fn both_ways_agree() {
        for shape in [[1, 1, 1, 1], [2, 3, 5, 7], [1, 16, 4, 4]] {
            let (x, dy) = (random(shape), random(shape));
            for slope in [0.0, 0.1] {
                let y = Flex::tb_rectify(x.clone(), slope);
                assert_map(&y);
                assert_close(&y, &rectify::<Flex>(x.clone(), slope));
                let dx = Flex::tb_rectify_gradient(dy.clone(), y.clone(), slope);
                assert_map(&dx);
                assert_close(&dx, &rectify_gradient::<Flex>(dy.clone(), y, slope));
            }
        }
    }
}
