//! Spectral norm.

use burn::{
    module::{Flag, Module, Param},
    tensor::{Device, Distribution, Tensor},
};

use super::{
    Conv2dConfig, ConvKind, Linear, Running,
    conv::{conv1d, norm_classes},
    forward_any_rank,
};
use crate::{init::Init, random};

/// Keeps a norm from being divided by when it is zero: PyTorch's.
const EPS: f64 = 1e-12;

/// A convolution whose weights are divided by their largest singular value, as a matrix of output
/// channels by all the rest.
///
/// Two vectors follow that value: one step of the power iteration in each training pass, none in
/// evaluation. `D` is 4 over pixels and 3 along one axis.
///
/// Miyato et al., [Spectral Normalization](https://arxiv.org/abs/1802.05957), 2018.
#[derive(Module, Debug)]
pub struct SpectralNormConv<const D: usize> {
    pub bias: Option<Param<Tensor<1>>>,
    /// Shaped as the plain convolution's weight.
    pub weight_orig: Param<Tensor<D>>,
    /// `[out_channels]`
    pub weight_u: Running<1>,
    /// `[in_channels * kernel..]`
    pub weight_v: Running<1>,
    training: Param<Flag>,
    pub stride: usize,
    pub padding: usize,
    #[module(skip)]
    kind: ConvKind,
}

impl<const D: usize> SpectralNormConv<D> {
    fn with_weight(
        (weight, bias): (Tensor<D>, Option<Tensor<1>>),
        config: Conv2dConfig,
        kind: ConvKind,
    ) -> Self {
        let device = weight.device();
        let rest = weight.dims().iter().product::<usize>() / config.out_channels;
        Self {
            bias: bias.map(Param::from_tensor),
            weight_orig: Param::from_tensor(weight),
            weight_u: unit_noise(config.out_channels, &device),
            weight_v: unit_noise(rest, &device),
            training: Param::from_bool(true),
            stride: config.stride,
            padding: config.padding,
            kind,
        }
    }

    fn weight(&self) -> Tensor<D> {
        let weight = self.weight_orig.val();
        let by_output = match self.kind {
            ConvKind::ConvTranspose2d => weight.clone().swap_dims(0, 1),
            ConvKind::Conv2d | ConvKind::Conv1d => weight.clone(),
        };
        let outputs = by_output.dims()[0];
        let matrix: Tensor<2> = by_output.reshape([outputs as isize, -1]);
        let vectors = [&self.weight_u, &self.weight_v];
        let is_training = self.training.val().is_enabled();
        weight / largest_singular_value(matrix, vectors, is_training).reshape([1; D])
    }
}

/// Of a matrix of outputs by inputs, by its two vectors, which follow it in training. It is
/// differentiated by the matrix, with the vectors as constants.
fn largest_singular_value(
    matrix: Tensor<2>,
    [u, v]: [&Running<1>; 2],
    is_training: bool,
) -> Tensor<1> {
    if is_training {
        let fixed = matrix.clone().detach();
        v.set(unit(times(fixed.clone().transpose(), u.val())));
        u.set(unit(times(fixed, v.val())));
    }
    (times(matrix, v.val()) * u.val()).sum()
}

impl SpectralNormConv<4> {
    /// Over pixels, starting with the weights of the plain convolution.
    pub fn conv2d(config: Conv2dConfig, device: &Device) -> Self {
        Self::with_weight(config.maps(ConvKind::Conv2d, device), config, ConvKind::Conv2d)
    }

    /// Transposed, starting with the weights of the plain convolution.
    pub fn conv_transpose2d(config: Conv2dConfig, device: &Device) -> Self {
        let kind = ConvKind::ConvTranspose2d;
        Self::with_weight(config.maps(kind, device), config, kind)
    }
}

impl SpectralNormConv<3> {
    /// Along one axis, starting with the weights of the plain convolution.
    pub fn conv1d(config: Conv2dConfig, device: &Device) -> Self {
        Self::with_weight(config.line(device), config, ConvKind::Conv1d)
    }
}

/// A [`Linear`] layer whose weights are divided by their largest singular value, as those of a
/// [`SpectralNormConv`].
#[derive(Module, Debug)]
pub struct SpectralNormLinear {
    pub bias: Option<Param<Tensor<1>>>,
    /// `[out, in]`
    pub weight_orig: Param<Tensor<2>>,
    /// `[out]`
    pub weight_u: Running<1>,
    /// `[in]`
    pub weight_v: Running<1>,
    training: Param<Flag>,
}

impl SpectralNormLinear {
    /// From `inputs` to `outputs` numbers, starting with the weights of the plain layer.
    pub fn new(inputs: usize, outputs: usize, device: &Device) -> Self {
        let Linear { weight, bias } = Linear::with_init(inputs, outputs, Init::Default, device);
        Self {
            bias,
            weight_orig: weight,
            weight_u: unit_noise(outputs, device),
            weight_v: unit_noise(inputs, device),
            training: Param::from_bool(true),
        }
    }

    /// The pass on a tensor whose rank is known.
    pub fn apply<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let weight = self.weight_orig.val();
        let vectors = [&self.weight_u, &self.weight_v];
        let is_training = self.training.val().is_enabled();
        let value = largest_singular_value(weight.clone(), vectors, is_training);
        let bias = self.bias.as_ref().map(Param::val);
        tinderbox_ops::linear(x, weight / value.reshape([1, 1]), bias)
    }
}

forward_any_rank!(SpectralNormLinear, layer, x => layer.apply(x));

fn times(matrix: Tensor<2>, x: Tensor<1>) -> Tensor<1> {
    matrix.matmul(x.unsqueeze_dim(1)).squeeze_dim(1)
}

fn unit(x: Tensor<1>) -> Tensor<1> {
    x.clone() / x.square().sum().sqrt().clamp_min(EPS)
}

/// The vectors' start: normal noise of length 1.
fn unit_noise(len: usize, device: &Device) -> Running<1> {
    Running::new(unit(random::tensor([len], Distribution::Normal(0.0, 1.0), device)))
}

norm_classes!(SpectralNormConv);
