//! The operations composed of Burn's own: what other backends run, and what the kernels mean.

use burn::{
    backend::{Backend, TensorMetadata, ops::ConvOptions, tensor::FloatTensor},
    tensor::Shape,
};

use crate::extension::{ConvSpec, NormGradients, NormOut, per_channel};

fn options(spec: ConvSpec) -> ConvOptions<2> {
    ConvOptions::new(spec.stride, spec.padding, spec.dilation, spec.groups)
}

pub(crate) fn conv2d<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    spec: ConvSpec,
) -> FloatTensor<B> {
    B::conv2d(x, weight, None, options(spec))
}

pub(crate) fn conv2d_input_gradient<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    dy: FloatTensor<B>,
    spec: ConvSpec,
) -> FloatTensor<B> {
    B::conv2d_x_backward(x, weight, dy, options(spec))
}

pub(crate) fn conv2d_weight_gradient<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    dy: FloatTensor<B>,
    spec: ConvSpec,
) -> FloatTensor<B> {
    B::conv2d_weight_backward(x, weight, dy, options(spec))
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
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    eps: f32,
    relu: bool,
) -> NormOut<B> {
    let channels = x.shape()[1];
    let x = if relu { B::relu(x) } else { x };
    let average = mean::<B>(x.clone());
    let d = B::float_sub(x, average.clone());
    let var = mean::<B>(B::float_mul(d.clone(), d.clone()));
    let gain = B::float_mul(inverse_std::<B>(var.clone(), eps), per_channel::<B>(weight, channels));
    let y = B::float_add(B::float_mul(d, gain), per_channel::<B>(bias, channels));
    let flat = |values| B::float_reshape(values, Shape::new([channels]));
    NormOut { y, mean: flat(average), var: flat(var) }
}

pub(crate) fn batch_norm_gradient<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    mean_of_x: FloatTensor<B>,
    var: FloatTensor<B>,
    dy: FloatTensor<B>,
    eps: f32,
    relu: bool,
) -> NormGradients<B> {
    let channels = x.shape()[1];
    let raw = x.clone();
    let x = if relu { B::relu(x) } else { x };
    let inverse = inverse_std::<B>(per_channel::<B>(var, channels), eps);
    let d = B::float_sub(x, per_channel::<B>(mean_of_x, channels));
    let hat = B::float_mul(d, inverse.clone());
    let of_bias = B::float_sum_dims(dy.clone(), &[0, 2, 3]);
    let of_weight = B::float_sum_dims(B::float_mul(dy.clone(), hat.clone()), &[0, 2, 3]);
    let n = (raw.shape().num_elements() / channels) as f32;
    let share = |sum: FloatTensor<B>| B::float_mul_scalar(sum, (1.0 / n).into());
    let centered = B::float_sub(
        B::float_sub(dy, share(of_bias.clone())),
        B::float_mul(hat, share(of_weight.clone())),
    );
    let dx = B::float_mul(centered, B::float_mul(inverse, per_channel::<B>(weight, channels)));
    let dx = if relu { B::relu_backward(B::relu(raw), dx) } else { dx };
    let flat = |values| B::float_reshape(values, Shape::new([channels]));
    NormGradients { x: dx, weight: flat(of_weight), bias: flat(of_bias) }
}
