//! Batch norm, alone and behind a convolution.

use burn::{backend::Dispatch, tensor::Tensor};
pub use tinderbox_kernels::norm::Relu as NormRelu;

use crate::{
    Conv2dOptions, Folded, add,
    conv::{check, conv2d, conv2d_relu, tracked},
    extension::{Maybe, NormOut, NormSpec, TrainingOps},
    prepared::FoldedParts,
};

/// A batch norm's parameters and running statistics.
#[derive(Debug, Clone)]
pub struct BatchNorm {
    /// `[channels]`
    pub weight: Tensor<1>,
    /// `[channels]`
    pub bias: Tensor<1>,
    /// `[channels]`
    pub running_mean: Tensor<1>,
    /// `[channels]`, of the unbiased variance.
    pub running_var: Tensor<1>,
    /// The share of a batch in the running statistics.
    pub momentum: f64,
    /// Added to a variance before it is divided by.
    pub eps: f64,
}

impl BatchNorm {
    /// Makes sure that a batch has a variance.
    ///
    /// # Panics
    /// If `dims`, `[batch, channels, ..]`, hold one value a channel.
    pub fn check_batch(dims: &[usize]) {
        let count = dims.iter().product::<usize>() / dims[1].max(1);
        assert!(
            count > 1,
            "batch norm needs more than one value a channel in training, got {dims:?}"
        );
    }

    fn spec(&self, relu: NormRelu) -> NormSpec {
        NormSpec { eps: self.eps as f32, momentum: self.momentum as f32, relu }
    }

    /// What evaluation multiplies with and adds.
    pub(crate) fn gain_and_shift(&self) -> (Tensor<1>, Tensor<1>) {
        let gain = self.weight.clone() * (self.running_var.clone() + self.eps).sqrt().recip();
        let shift = self.bias.clone() - self.running_mean.clone() * gain.clone();
        (gain, shift)
    }
}

/// A normalized map, and the running statistics with its batch in them, which are not
/// differentiated.
#[derive(Debug, Clone)]
pub struct Normalized<const D: usize> {
    pub y: Tensor<D>,
    /// `[channels]`
    pub running_mean: Tensor<1>,
    /// `[channels]`
    pub running_var: Tensor<1>,
}

/// Batch norm by the statistics of the batch: each channel to mean 0 and variance 1, then
/// `weight * x + bias`.
///
/// The running statistics move by `momentum` towards the batch's, the variance towards the
/// unbiased one, as in PyTorch.
///
/// # Shapes
/// - `x`: `[batch, channels, ..]`, rank 2 to 4
///
/// # Panics
/// If there is one value a channel: that has no variance.
///
/// # Reference
/// Ioffe and Szegedy, [Batch Normalization](https://arxiv.org/abs/1502.03167), 2015, algorithm 1.
pub fn batch_norm_train<const D: usize>(
    x: Tensor<D>,
    norm: BatchNorm,
    relu: NormRelu,
) -> Normalized<D> {
    let dims = x.dims();
    BatchNorm::check_batch(&dims);
    let map: Tensor<4> = match D {
        // A reshape would copy a map out of the kernels' memory order.
        4 => Tensor::from_dispatch(x.into_dispatch()),
        _ => x.reshape([dims[0], dims[1], 1, dims[2..].iter().product()]),
    };
    let spec = norm.spec(relu);
    let out = Dispatch::tb_batch_norm(
        map.into_dispatch(),
        norm.weight.into_dispatch(),
        norm.bias.into_dispatch(),
        norm.running_mean.into_dispatch(),
        norm.running_var.into_dispatch(),
        spec,
    );
    let y = match D {
        4 => Tensor::from_dispatch(out.y),
        _ => Tensor::<4>::from_dispatch(out.y).reshape(dims),
    };
    Normalized {
        y,
        running_mean: Tensor::from_dispatch(out.running_mean),
        running_var: Tensor::from_dispatch(out.running_var),
    }
}

/// Batch norm by the running statistics, as in evaluation; differentiable in all but those.
///
/// # Shapes
/// - `x`: `[batch, channels, ..]`
pub fn batch_norm_eval<const D: usize>(x: Tensor<D>, norm: &BatchNorm) -> Tensor<D> {
    let (gain, shift) = norm.gain_and_shift();
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

/// A convolution and batch norm by the batch's statistics as one operation, with a ReLU in one of
/// its places: between the two in fastai's order, behind them in torchvision's.
///
/// The same numbers as [`conv2d`] and [`batch_norm_train`], up to rounding.
///
/// # Shapes
/// - `x`: `[batch, in_channels, height, width]`
/// - `weight`: `[out_channels, in_channels / groups, kernel, kernel]`
/// - `bias`: `[out_channels]`
///
/// # Panics
/// As [`conv2d`] and [`batch_norm_train`].
pub fn conv_norm(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    options: Conv2dOptions,
    norm: BatchNorm,
    relu: NormRelu,
) -> Normalized<4> {
    check(&x, &weight, options);
    BatchNorm::check_batch(&options.out_dims(x.dims(), weight.dims()));
    let (tracked, spec) = (tracked(&x, &weight), norm.spec(relu));
    let NormOut { y, running_mean, running_var, .. } = Dispatch::tb_conv_norm(
        x.into_dispatch(),
        weight.into_dispatch(),
        Maybe::new(bias.map(Tensor::into_dispatch)),
        norm.weight.into_dispatch(),
        norm.bias.into_dispatch(),
        norm.running_mean.into_dispatch(),
        norm.running_var.into_dispatch(),
        options.into(),
        spec,
        tracked,
    );
    Normalized {
        y: Tensor::from_dispatch(y),
        running_mean: Tensor::from_dispatch(running_mean),
        running_var: Tensor::from_dispatch(running_var),
    }
}

/// What evaluation makes of [`conv_norm`]: a convolution and batch norm by the running statistics,
/// with a ReLU in one of its places, and another map added before one at the end:
/// `relu(norm(conv(x)) + added)`.
///
/// As far as nothing of it trains, the batch norm is folded into the weights. That is done once
/// as long as the tensors are the same ones, see [`Folded`].
///
/// # Shapes
/// As [`conv_norm`]; `added` is of the output's shape.
///
/// # Panics
/// As [`conv2d`]; if `added` is not of the output's shape.
#[expect(clippy::too_many_arguments, reason = "the parameters of two layers and a shortcut")]
pub fn conv_norm_eval(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    options: Conv2dOptions,
    norm: &BatchNorm,
    relu: NormRelu,
    added: Option<Tensor<4>>,
    folded: &Folded,
) -> Tensor<4> {
    check(&x, &weight, options);
    let parameters = [Some(&norm.weight), Some(&norm.bias), bias.as_ref()];
    let trains = weight.is_tracked() || parameters.into_iter().flatten().any(Tensor::is_tracked);
    if trains {
        let y = match relu {
            NormRelu::Before => conv2d_relu(x, weight, bias, options),
            _ => conv2d(x, weight, bias, options),
        };
        return finish(batch_norm_eval(y, norm), relu, added);
    }
    let parts = folded.of(&weight, norm, bias.as_ref(), relu);
    if x.is_tracked() || added.as_ref().is_some_and(Tensor::is_tracked) {
        let FoldedParts { weight, bias, .. } = parts;
        return match (relu, added) {
            (NormRelu::Before, added) => {
                let y = conv2d_relu(x, weight, Some(bias), options);
                finish(batch_norm_eval(y, norm), relu, added)
            }
            (NormRelu::After, None) => conv2d_relu(x, weight, Some(bias), options),
            (_, added) => finish(conv2d(x, weight, Some(bias), options), relu, added),
        };
    }
    let FoldedParts { weight, bias, scale, prepared } = parts;
    let (gain, shift) = scale.unzip();
    // What is added to a scaled output cannot be added before it.
    let (within, behind) = if gain.is_some() { (None, added) } else { (added, None) };
    let y = Tensor::from_dispatch(Dispatch::tb_conv2d_prepared(
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        Maybe::new(within.map(Tensor::into_dispatch)),
        Maybe::new(gain.map(Tensor::into_dispatch)),
        Maybe::new(shift.map(Tensor::into_dispatch)),
        options.into(),
        relu != NormRelu::None,
        prepared,
    ));
    match behind {
        Some(added) => add(y, added),
        None => y,
    }
}

/// What follows a batch norm.
fn finish(y: Tensor<4>, relu: NormRelu, added: Option<Tensor<4>>) -> Tensor<4> {
    let y = match added {
        Some(added) => add(y, added),
        None => y,
    };
    match relu {
        NormRelu::After => burn::tensor::activation::relu(y),
        _ => y,
    }
}
