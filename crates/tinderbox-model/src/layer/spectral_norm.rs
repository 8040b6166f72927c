//! Spectral norm.

use burn::{
    module::{Flag, Module, Param},
    tensor::{Device, Distribution, Tensor},
};

use super::{
    Conv2dConfig, ConvKind, Running,
    conv::{conv1d, norm_classes},
};
use crate::random;

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
        weight.clone() / self.largest_singular_value(weight).reshape([1; D])
    }

    /// Differentiated by the weights, with the vectors as constants.
    fn largest_singular_value(&self, weight: Tensor<D>) -> Tensor<1> {
        let by_output = match self.kind {
            ConvKind::ConvTranspose2d => weight.swap_dims(0, 1),
            ConvKind::Conv2d | ConvKind::Conv1d => weight,
        };
        let outputs = by_output.dims()[0];
        let matrix: Tensor<2> = by_output.reshape([outputs as isize, -1]);
        if self.training.val().is_enabled() {
            let fixed = matrix.clone().detach();
            self.weight_v.set(unit(times(fixed.clone().transpose(), self.weight_u.val())));
            self.weight_u.set(unit(times(fixed, self.weight_v.val())));
        }
        (times(matrix, self.weight_v.val()) * self.weight_u.val()).sum()
    }
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
