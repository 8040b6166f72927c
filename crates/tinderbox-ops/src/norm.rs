//! Batch norm, alone and behind a convolution.

use burn::{backend::Dispatch, tensor::Tensor};

use crate::{Conv2dOptions, conv::conv2d, extension::TrainingOps};

/// A normalized map and the statistics that it was normalized by; these are not differentiated.
#[derive(Debug, Clone)]
pub struct Normalized<const D: usize> {
    pub y: Tensor<D>,
    /// `[channels]`
    pub mean: Tensor<1>,
    /// `[channels]`, biased: divided by the number of values.
    pub var: Tensor<1>,
}

/// Batch norm by the statistics of the batch: each channel to mean 0 and variance 1, then
/// `weight * x + bias`.
///
/// # Shapes
/// - `x`: `[batch, channels, ..]`, rank 2 to 4
/// - `weight`, `bias`: `[channels]`
///
/// # Reference
/// Ioffe and Szegedy, [Batch Normalization](https://arxiv.org/abs/1502.03167), 2015, algorithm 1.
pub fn batch_norm_train<const D: usize>(
    x: Tensor<D>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    eps: f64,
) -> Normalized<D> {
    relu_batch_norm(x, weight, bias, eps, false)
}

/// [`batch_norm_train`], after a ReLU if there is to be one.
fn relu_batch_norm<const D: usize>(
    x: Tensor<D>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    eps: f64,
    relu: bool,
) -> Normalized<D> {
    let dims = x.dims();
    let map: Tensor<4> = match D {
        // A reshape would copy a map out of the kernels' memory order.
        4 => Tensor::from_dispatch(x.into_dispatch()),
        _ => x.reshape([dims[0], dims[1], 1, dims[2..].iter().product()]),
    };
    let out = Dispatch::tb_batch_norm(
        map.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        eps as f32,
        relu,
    );
    let y = match D {
        4 => Tensor::from_dispatch(out.y),
        _ => Tensor::<4>::from_dispatch(out.y).reshape(dims),
    };
    Normalized { y, mean: Tensor::from_dispatch(out.mean), var: Tensor::from_dispatch(out.var) }
}

/// Batch norm by given statistics, as in evaluation; differentiable in all but those.
///
/// # Shapes
/// - `x`: `[batch, channels, ..]`
/// - all others: `[channels]`
pub fn batch_norm_eval<const D: usize>(
    x: Tensor<D>,
    mean: Tensor<1>,
    var: Tensor<1>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    eps: f64,
) -> Tensor<D> {
    let gain = weight * (var + eps).sqrt().recip();
    let shift = bias - mean * gain.clone();
    // With the channels last, Burn's operations keep the memory order of the kernels.
    let channels = gain.dims()[0];
    let mut order: [isize; D] = std::array::from_fn(|axis| axis as isize);
    order[1..].rotate_left(1);
    let mut shape = [1; D];
    shape[D - 1] = channels;
    let y = x.permute(order) * gain.reshape(shape) + shift.reshape(shape);
    order[1..].copy_from_slice(&std::array::from_fn::<isize, D, _>(|axis| axis as isize)[1..]);
    order[1..].rotate_right(1);
    y.permute(order)
}

/// What comes out of [`conv_relu_bn`].
pub type ConvNorm = Normalized<4>;

/// A convolution, a ReLU if there is to be one, and batch norm by the batch's statistics: fastai's
/// order, in which the ReLU comes first.
///
/// # Shapes
/// - `x`: `[batch, in_channels, height, width]`
/// - `weight`: `[out_channels, in_channels / groups, kernel, kernel]`
/// - `bias`, `norm_weight`, `norm_bias`: `[out_channels]`
///
/// # Panics
/// As [`conv2d`].
#[expect(clippy::too_many_arguments, reason = "the parameters of two layers")]
pub fn conv_relu_bn(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    options: Conv2dOptions,
    relu: bool,
    norm_weight: Tensor<1>,
    norm_bias: Tensor<1>,
    eps: f64,
) -> ConvNorm {
    relu_batch_norm(conv2d(x, weight, bias, options), norm_weight, norm_bias, eps, relu)
}
