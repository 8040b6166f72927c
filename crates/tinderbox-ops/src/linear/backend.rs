//! Linear layers as an extension of Burn's backends: by the kernels on the CPU, by Burn's own
//! operations elsewhere, and the backward pass once for all of them.

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
    tensor::{Bytes, DType, Shape},
};
use burn_flex::{FlexTensor, Layout};
use tinderbox_kernels::{Linear, linear::bias_gradient};

use crate::flex::{in_order, tensor};

/// A linear layer on the last of any number of axes. The default bodies serve every backend that
/// has no kernels.
#[backend_extension(Autodiff, Flex, Cube: cfg(any(feature = "wgpu", feature = "cuda")))]
pub(crate) trait LinearOps: Backend {
    fn tb_linear(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        fallback::<Self>(x, weight, None)
    }

    fn tb_linear_bias(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        fallback::<Self>(x, weight, Some(bias))
    }

    fn tb_linear_input_gradient(
        weight: FloatTensor<Self>,
        dy: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        input_gradient_fallback::<Self>(weight, dy)
    }

    fn tb_linear_weight_gradient(x: FloatTensor<Self>, dy: FloatTensor<Self>) -> FloatTensor<Self> {
        weight_gradient_fallback::<Self>(x, dy)
    }

    fn tb_linear_bias_gradient(dy: FloatTensor<Self>) -> FloatTensor<Self> {
        bias_gradient_fallback::<Self>(dy)
    }
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
impl LinearOps for Cube {}

/// The same shape with another last axis.
fn with_last(mut shape: Shape, last: usize) -> Shape {
    let axis = shape.num_dims() - 1;
    shape[axis] = last;
    shape
}

fn last(shape: &Shape) -> usize {
    shape[shape.num_dims() - 1]
}

/// All but the last axis as one.
fn rows<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let shape = x.shape();
    let columns = last(&shape);
    let rows = shape[..shape.num_dims() - 1].iter().product();
    B::float_reshape(x, Shape::new([rows, columns]))
}

fn fallback<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: Option<FloatTensor<B>>,
) -> FloatTensor<B> {
    let outputs = weight.shape()[0];
    let shape = with_last(x.shape(), outputs);
    let y = B::float_matmul(rows::<B>(x), B::float_transpose(weight));
    let y = match bias {
        Some(bias) => B::float_add(y, B::float_reshape(bias, Shape::new([1, outputs]))),
        None => y,
    };
    B::float_reshape(y, shape)
}

fn input_gradient_fallback<B: Backend>(
    weight: FloatTensor<B>,
    dy: FloatTensor<B>,
) -> FloatTensor<B> {
    let shape = with_last(dy.shape(), weight.shape()[1]);
    B::float_reshape(B::float_matmul(rows::<B>(dy), weight), shape)
}

fn weight_gradient_fallback<B: Backend>(x: FloatTensor<B>, dy: FloatTensor<B>) -> FloatTensor<B> {
    B::float_matmul(B::float_transpose(rows::<B>(dy)), rows::<B>(x))
}

fn bias_gradient_fallback<B: Backend>(dy: FloatTensor<B>) -> FloatTensor<B> {
    let columns = last(&dy.shape());
    B::float_reshape(B::float_sum_dim(rows::<B>(dy), 0), Shape::new([columns]))
}

/// Numbers of any rank.
fn of_shape(values: Vec<f32>, shape: Shape) -> FlexTensor {
    FlexTensor::new(Bytes::from_elems(values), Layout::contiguous(shape), DType::F32)
}

fn by_kernel(x: FlexTensor, weight: FlexTensor, bias: Option<FlexTensor>) -> FlexTensor {
    let [outputs, inputs] = [0, 1].map(|axis| weight.shape()[axis]);
    if x.dtype() != DType::F32 || inputs == 0 {
        return fallback::<Flex>(x, weight, bias);
    }
    let shape = with_last(x.shape(), outputs);
    let bias = bias.as_ref().map(in_order);
    let layer = Linear { inputs, outputs };
    of_shape(layer.forward(&in_order(&x), &in_order(&weight), bias.as_deref()), shape)
}

impl LinearOps for Flex {
    fn tb_linear(x: FlexTensor, weight: FlexTensor) -> FlexTensor {
        by_kernel(x, weight, None)
    }

    fn tb_linear_bias(x: FlexTensor, weight: FlexTensor, bias: FlexTensor) -> FlexTensor {
        by_kernel(x, weight, Some(bias))
    }

    fn tb_linear_input_gradient(weight: FlexTensor, dy: FlexTensor) -> FlexTensor {
        let [outputs, inputs] = [0, 1].map(|axis| weight.shape()[axis]);
        if dy.dtype() != DType::F32 || outputs == 0 {
            return input_gradient_fallback::<Self>(weight, dy);
        }
        let shape = with_last(dy.shape(), inputs);
        let dx = Linear { inputs, outputs }.input_gradient(&in_order(&dy), &in_order(&weight));
        of_shape(dx, shape)
    }

    fn tb_linear_weight_gradient(x: FlexTensor, dy: FlexTensor) -> FlexTensor {
        let [outputs, inputs] = [&dy, &x].map(|tensor| last(&tensor.shape()));
        if x.dtype() != DType::F32 || outputs == 0 {
            return weight_gradient_fallback::<Self>(x, dy);
        }
        let dw = Linear { inputs, outputs }.weight_gradient(&in_order(&x), &in_order(&dy));
        tensor(dw, [outputs, inputs])
    }

    fn tb_linear_bias_gradient(dy: FlexTensor) -> FlexTensor {
        if dy.dtype() != DType::F32 {
            return bias_gradient_fallback::<Self>(dy);
        }
        let outputs = last(&dy.shape());
        tensor(bias_gradient(&in_order(&dy), outputs), [outputs])
    }
}

#[derive(Debug)]
struct LinearBackward;

/// The parents are input and weight, and the bias if there is one.
impl<B: LinearOps, const N: usize> Backward<B, N> for LinearBackward {
    type State = [FloatTensor<B>; 2];

    fn backward(self, ops: Ops<Self::State, N>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let dy = gradients.consume::<B>(&ops.node);
        let [x, weight] = ops.state;
        for (parent, node) in ops.parents.into_iter().enumerate() {
            let Some(node) = node else { continue };
            let gradient = match parent {
                0 => B::tb_linear_input_gradient(weight.clone(), dy.clone()),
                1 => B::tb_linear_weight_gradient(x.clone(), dy.clone()),
                _ => B::tb_linear_bias_gradient(dy.clone()),
            };
            gradients.register::<B>(node.id, gradient);
        }
    }
}

impl<B: LinearOps, C: CheckpointStrategy> LinearOps for Autodiff<B, C> {
    fn tb_linear(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        let nodes = [x.node(), weight.node()];
        let (x, weight) = (x.into_primitive(), weight.into_primitive());
        match Backward::<B, 2>::prepare::<C>(LinearBackward, nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let y = B::tb_linear(x.clone(), weight.clone());
                prepared.finish([x, weight], y)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(B::tb_linear(x, weight)),
        }
    }

    fn tb_linear_bias(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), weight.node(), bias.node()];
        let (x, weight, bias) =
            (x.into_primitive(), weight.into_primitive(), bias.into_primitive());
        match Backward::<B, 3>::prepare::<C>(LinearBackward, nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let y = B::tb_linear_bias(x.clone(), weight.clone(), bias);
                prepared.finish([x, weight], y)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(B::tb_linear_bias(x, weight, bias)),
        }
    }
}

/// The kernels against the composition that every other backend runs.
#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Distribution, Tensor};

    use super::*;

    fn random<const D: usize>(shape: [usize; D]) -> FlexTensor {
        let tensor = Tensor::<D>::random(shape, Distribution::Uniform(-1.0, 1.0), &Device::flex());
        tensor.try_into_primitive::<Flex>().expect("made on this backend")
    }

    #[track_caller]
    fn assert_close(kernel: &FlexTensor, composed: &FlexTensor) {
        assert_eq!(kernel.layout().shape(), composed.layout().shape());
        let (kernel, composed) = (in_order(kernel), in_order(composed));
        for (at, (kernel, composed)) in kernel.iter().zip(composed.iter()).enumerate() {
            let allowed = 1e-4 * composed.abs().max(1.0);
            assert!((kernel - composed).abs() < allowed, "[{at}]: {kernel}, composed {composed}");
        }
    }

    #[test]
    fn linear_layers_agree() {
        let (weight, bias) = (random([7, 5]), random([7]));
        for [x, dy] in [
            [random([5]), random([7])],
            [random([3, 5]), random([3, 7])],
            [random([2, 3, 4, 5]), random([2, 3, 4, 7])],
        ] {
            for bias in [Some(bias.clone()), None] {
                let y = by_kernel(x.clone(), weight.clone(), bias.clone());
                assert_close(&y, &fallback::<Flex>(x.clone(), weight.clone(), bias));
            }
            let of_input =
                |f: fn(FlexTensor, FlexTensor) -> FlexTensor| f(weight.clone(), dy.clone());
            assert_close(
                &of_input(Flex::tb_linear_input_gradient),
                &of_input(input_gradient_fallback::<Flex>),
            );
            let of_weight = |f: fn(FlexTensor, FlexTensor) -> FlexTensor| f(x.clone(), dy.clone());
            assert_close(
                &of_weight(Flex::tb_linear_weight_gradient),
                &of_weight(weight_gradient_fallback::<Flex>),
            );
            assert_close(
                &Flex::tb_linear_bias_gradient(dy.clone()),
                &bias_gradient_fallback::<Flex>(dy),
            );
        }
    }
}
