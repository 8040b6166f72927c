//! Spectral norm.

use burn::{
    module::{Flag, Module, Param, RunningState},
    tensor::{Device, Distribution, Tensor},
};
use tinderbox_ops::conv2d;

use super::conv::{conv1d, options};
use crate::{Forward, layer::Conv2dConfig};

/// Keeps a norm from being divided by when it is zero: PyTorch's.
const EPS: f64 = 1e-12;

/// Two vectors that follow the largest singular value of a weight matrix.
///
/// One step of the power iteration in each training pass, none in evaluation.
fn normalized(
    matrix: Tensor<2>,
    u: &RunningState<Tensor<1>>,
    v: &RunningState<Tensor<1>>,
    training: bool,
) -> Tensor<1> {
    let unit = |x: Tensor<1>| x.clone() / x.square().sum().sqrt().clamp_min(EPS);
    let times = |m: Tensor<2>, x: Tensor<1>| m.matmul(x.unsqueeze_dim(1)).squeeze_dim::<1>(1);
    if training {
        let fixed = matrix.clone().detach();
        let new_v = unit(times(fixed.clone().transpose(), u.value_sync()));
        let new_u = unit(times(fixed, new_v.clone()));
        for (state, value) in [(v, new_v), (u, new_u)] {
            state.update(value);
            // An update is applied when the state is next asked for.
            state.value_sync();
        }
    }
    (times(matrix, v.value_sync()) * u.value_sync()).sum()
}

/// The vectors' start: normal noise of length 1.
fn unit_noise(len: usize, device: &Device) -> RunningState<Tensor<1>> {
    let noise: Tensor<1> = Tensor::random([len], Distribution::Normal(0.0, 1.0), device);
    RunningState::new(noise.clone() / noise.square().sum().sqrt())
}

/// A convolution whose weights are divided by their largest singular value.
///
/// Miyato et al., [Spectral Normalization](https://arxiv.org/abs/1802.05957), 2018.
#[derive(Module, Debug)]
pub struct SpectralNormConv2d {
    pub bias: Option<Param<Tensor<1>>>,
    /// `[out_channels, in_channels, kernel, kernel]`
    pub weight_orig: Param<Tensor<4>>,
    /// `[out_channels]`
    pub weight_u: RunningState<Tensor<1>>,
    /// `[in_channels * kernel * kernel]`
    pub weight_v: RunningState<Tensor<1>>,
    training: Param<Flag>,
    pub stride: usize,
    pub padding: usize,
}

impl SpectralNormConv2d {
    pub fn new(config: Conv2dConfig, device: &Device) -> Self {
        let plain = config.init(device);
        let [out, inputs, kh, kw] = plain.weight.dims();
        Self {
            bias: plain.bias,
            weight_orig: plain.weight,
            weight_u: unit_noise(out, device),
            weight_v: unit_noise(inputs * kh * kw, device),
            training: Param::from_bool(true),
            stride: config.stride,
            padding: config.padding,
        }
    }
}

impl Forward for SpectralNormConv2d {
    type Input = Tensor<4>;
    type Output = Tensor<4>;

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let weight = self.weight_orig.val();
        let [out, inputs, kh, kw] = weight.dims();
        let matrix = weight.clone().reshape([out, inputs * kh * kw]);
        let sigma =
            normalized(matrix, &self.weight_u, &self.weight_v, self.training.val().is_enabled());
        let weight = weight / sigma.reshape([1, 1, 1, 1]);
        conv2d(x, weight, self.bias.as_ref().map(Param::val), options(self.stride, self.padding))
    }

    fn class_name() -> Option<&'static str> {
        Some("Conv2d")
    }
}

/// [`SpectralNormConv2d`] along one axis, without bias, as self-attention uses it.
#[derive(Module, Debug)]
pub struct SpectralNormConv1d {
    /// `[out_channels, in_channels, kernel]`
    pub weight_orig: Param<Tensor<3>>,
    /// `[out_channels]`
    pub weight_u: RunningState<Tensor<1>>,
    /// `[in_channels * kernel]`
    pub weight_v: RunningState<Tensor<1>>,
    training: Param<Flag>,
}

impl SpectralNormConv1d {
    /// A kernel of one.
    pub fn new([inputs, outputs]: [usize; 2], device: &Device) -> Self {
        Self {
            weight_orig: Param::from_tensor(crate::init::kaiming_normal(
                [outputs, inputs, 1],
                device,
            )),
            weight_u: unit_noise(outputs, device),
            weight_v: unit_noise(inputs, device),
            training: Param::from_bool(true),
        }
    }
}

impl Forward for SpectralNormConv1d {
    type Input = Tensor<3>;
    type Output = Tensor<3>;

    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let weight = self.weight_orig.val();
        let [out, inputs, kernel] = weight.dims();
        let matrix = weight.clone().reshape([out, inputs * kernel]);
        let sigma =
            normalized(matrix, &self.weight_u, &self.weight_v, self.training.val().is_enabled());
        conv1d(x, weight / sigma.reshape([1, 1, 1]), None, 1, 0)
    }

    fn class_name() -> Option<&'static str> {
        Some("Conv1d")
    }
}
