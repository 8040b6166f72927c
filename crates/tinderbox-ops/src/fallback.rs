//! The operations composed of Burn's own: what other backends run, and what the kernels mean.

use burn::{
    backend::{Backend, TensorMetadata, ops::ConvOptions, tensor::FloatTensor},
    tensor::Shape,
};
use tinderbox_kernels::norm::Relu;

use crate::extension::{ConvSpec, NormGradients, NormOut, NormSpec, NormTensors, per_channel};

fn options(spec: ConvSpec) -> ConvOptions<2> {
    ConvOptions::new(spec.stride, spec.padding, spec.dilation, spec.groups)
}

pub(crate) fn conv2d<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: Option<FloatTensor<B>>,
    spec: ConvSpec,
    relu: bool,
) -> FloatTensor<B> {
    let y = B::conv2d(x, weight, bias, options(spec));
    if relu { B::relu(y) } else { y }
}

pub(crate) fn conv2d_finished<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    add: Option<FloatTensor<B>>,
    scale: Option<(FloatTensor<B>, FloatTensor<B>)>,
    spec: ConvSpec,
    relu: bool,
) -> FloatTensor<B> {
    let y = conv2d::<B>(x, weight, Some(bias), spec, false);
    let y = match add {
        Some(add) => B::float_add(y, add),
        None => y,
    };
    let y = if relu { B::relu(y) } else { y };
    match scale {
        Some((gain, shift)) => {
            let y = B::float_mul(y, per_channel::<B>(gain));
            B::float_add(y, per_channel::<B>(shift))
        }
        None => y,
    }
}

pub(crate) fn with_bias<B: Backend>(
    y: FloatTensor<B>,
    bias: Option<FloatTensor<B>>,
) -> FloatTensor<B> {
    match bias {
        Some(bias) => B::float_add(y, per_channel::<B>(bias)),
        None => y,
    }
}

pub(crate) fn conv2d_input_gradient<B: Backend>(
    weight: FloatTensor<B>,
    dy: FloatTensor<B>,
    shape: [usize; 4],
    spec: ConvSpec,
) -> FloatTensor<B> {
    // Only its shape is looked at.
    let x = B::float_empty(Shape::new(shape), &dy.device(), dy.dtype().into());
    B::conv2d_x_backward(x, weight, dy, options(spec))
}

pub(crate) fn conv2d_weight_gradient<B: Backend>(
    x: FloatTensor<B>,
    dy: FloatTensor<B>,
    shape: [usize; 4],
    spec: ConvSpec,
) -> FloatTensor<B> {
    // Only its shape is looked at.
    let weight = B::float_empty(Shape::new(shape), &dy.device(), dy.dtype().into());
    B::conv2d_weight_backward(x, weight, dy, options(spec))
}

pub(crate) fn channel_sums<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let channels = x.shape()[1];
    B::float_reshape(B::float_sum_dims(x, &[0, 2, 3]), Shape::new([channels]))
}

/// Mean over all axes but the channels', `[1, channels, 1, 1]`.
fn mean<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let shape = x.shape();
    let n = (shape.num_elements() / shape[1]) as f32;
    B::float_mul_scalar(B::float_sum_dims(x, &[0, 2, 3]), (1.0 / n).into())
}

/// `1 / sqrt(var + eps)`
fn inverse_std<B: Backend>(var: FloatTensor<B>, eps: f32) -> FloatTensor<B> {
    B::float_recip(B::float_sqrt(B::float_add_scalar(var, eps.into())))
}

pub(crate) fn batch_norm<B: Backend>(
    x: FloatTensor<B>,
    tensors: NormTensors<B>,
    norm: NormSpec,
) -> NormOut<B> {
    let channels = x.shape()[1];
    let n = (x.shape().num_elements() / channels) as f32;
    let x = if norm.relu == Relu::Before { B::relu(x) } else { x };
    let average = mean::<B>(x.clone());
    let d = B::float_sub(x.clone(), average.clone());
    let var = mean::<B>(B::float_mul(d.clone(), d.clone()));
    let inverse = inverse_std::<B>(var.clone(), norm.eps);
    let gain = B::float_mul(inverse, per_channel::<B>(tensors.weight));
    let y = B::float_add(B::float_mul(d, gain), per_channel::<B>(tensors.bias));
    let y = if norm.relu == Relu::After { B::relu(y) } else { y };
    let flat = |values| B::float_reshape(values, Shape::new([channels]));
    let (mean, var) = (flat(average), flat(var));
    let moved = |running, batch: FloatTensor<B>, factor: f32| {
        let kept = B::float_mul_scalar(running, (1.0 - norm.momentum).into());
        B::float_add(kept, B::float_mul_scalar(batch, (norm.momentum * factor).into()))
    };
    NormOut {
        y,
        x,
        running_mean: moved(tensors.running_mean, mean.clone(), 1.0),
        running_var: moved(tensors.running_var, var.clone(), n / (n - 1.0)),
        mean,
        var,
    }
}

/// From what was normalized, so that a ReLU before it is seen by its zeros.
pub(crate) fn batch_norm_gradient<B: Backend>(
    x: FloatTensor<B>,
    [weight, bias, mean_of_x, var]: [FloatTensor<B>; 4],
    dy: FloatTensor<B>,
    norm: NormSpec,
) -> NormGradients<B> {
    let channels = x.shape()[1];
    let weight = per_channel::<B>(weight);
    let inverse = inverse_std::<B>(per_channel::<B>(var), norm.eps);
    let d = B::float_sub(x.clone(), per_channel::<B>(mean_of_x));
    let hat = B::float_mul(d, inverse.clone());
    let dy = match norm.relu {
        Relu::After => {
            let y = B::float_mul(hat.clone(), weight.clone());
            B::relu_backward(B::relu(B::float_add(y, per_channel::<B>(bias))), dy)
        }
        _ => dy,
    };
    let of_bias = B::float_sum_dims(dy.clone(), &[0, 2, 3]);
    let of_weight = B::float_sum_dims(B::float_mul(dy.clone(), hat.clone()), &[0, 2, 3]);
    let n = (x.shape().num_elements() / channels) as f32;
    let share = |sum: FloatTensor<B>| B::float_mul_scalar(sum, (1.0 / n).into());
    let centered = B::float_sub(
        B::float_sub(dy, share(of_bias.clone())),
        B::float_mul(hat, share(of_weight.clone())),
    );
    let dx = B::float_mul(centered, B::float_mul(inverse, weight));
    let dx = if norm.relu == Relu::Before { B::relu_backward(x, dx) } else { dx };
    let flat = |values| B::float_reshape(values, Shape::new([channels]));
    NormGradients { x: dx, weight: flat(of_weight), bias: flat(of_bias) }
}
