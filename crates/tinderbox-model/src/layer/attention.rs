//! Self-attention over the pixels of a map.

use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor, activation::softmax},
};
use tinderbox_ops::{Pool2dOptions, max_pool2d};

use super::{Conv2dConfig, SpectralNormConv};
use crate::{AnyTensor, Forward, Trace, init::Init};

/// Every pixel looks at every other: fastai's layer, after Zhang et al.,
/// [SAGAN](https://arxiv.org/abs/1805.08318), 2018.
///
/// The softmax runs over the pixels that are looked from, the first of the two axes.
///
/// Shapes: `[batch, channels, height, width]` or `[batch, channels, length]` in and out; at least 8
/// channels.
#[derive(Module, Debug)]
pub struct SelfAttention {
    query: SpectralNormConv<3>,
    key: SpectralNormConv<3>,
    value: SpectralNormConv<3>,
    /// How much of it is added, `[1]`; starts at 0.
    gamma: Param<Tensor<1>>,
}

impl SelfAttention {
    /// # Panics
    /// If there are fewer than 8 channels.
    pub fn new(channels: usize, device: &Device) -> Self {
        check(channels);
        let conv = |outputs| SpectralNormConv::conv1d(by_pixel(channels, outputs), device);
        Self {
            query: conv(channels / 8),
            key: conv(channels / 8),
            value: conv(channels),
            gamma: Param::from_tensor(Tensor::zeros([1], device)),
        }
    }
}

impl Forward for SelfAttention {
    type Input = AnyTensor;
    type Output = AnyTensor;

    fn forward(&self, x: AnyTensor) -> AnyTensor {
        self.forward_traced(x, &mut Trace::off())
    }

    fn forward_traced(&self, x: AnyTensor, trace: &mut Trace<'_>) -> AnyTensor {
        match x {
            AnyTensor::Float3(x) => self.attend(x, trace).into(),
            AnyTensor::Float4(x) => {
                let dims = x.dims();
                let [batch, channels, height, width] = dims;
                let flat = x.reshape([batch, channels, height * width]);
                self.attend(flat, trace).reshape(dims).into()
            }
            other => panic!("SelfAttention: not for a {} tensor", other.kind()),
        }
    }
}

impl SelfAttention {
    /// `[batch, channels, positions]` in and out.
    fn attend(&self, x: Tensor<3>, trace: &mut Trace<'_>) -> Tensor<3> {
        let query: Tensor<3> = trace.run("query", &self.query, x.clone());
        let key: Tensor<3> = trace.run("key", &self.key, x.clone());
        let value: Tensor<3> = trace.run("value", &self.value, x.clone());
        let beta = softmax(query.swap_dims(1, 2).matmul(key), 1);
        value.matmul(beta) * self.gamma.val().reshape([1, 1, 1]) + x
    }
}

/// Queries and keys have an eighth of the channels.
fn check(channels: usize) {
    assert!(channels >= 8, "self-attention is for 8 channels or more, not {channels}");
}

/// A convolution of single pixels without bias.
fn by_pixel(inputs: usize, outputs: usize) -> Conv2dConfig {
    Conv2dConfig::new([inputs, outputs], 1).bias(false).init_with(Init::KaimingNormal)
}

/// Self-attention in which pixels look at a map of half the size.
///
/// Shapes: `[batch, channels, height, width]` in and out; even height and width, at least 8
/// channels.
#[derive(Module, Debug)]
pub struct PooledSelfAttention2d {
    theta: SpectralNormConv<4>,
    phi: SpectralNormConv<4>,
    g: SpectralNormConv<4>,
    o: SpectralNormConv<4>,
    /// How much of it is added, `[1]`; starts at 0.
    gamma: Param<Tensor<1>>,
}

impl PooledSelfAttention2d {
    /// # Panics
    /// If there are fewer than 8 channels.
    pub fn new(channels: usize, device: &Device) -> Self {
        check(channels);
        let conv = |inputs, outputs| SpectralNormConv::conv2d(by_pixel(inputs, outputs), device);
        Self {
            theta: conv(channels, channels / 8),
            phi: conv(channels, channels / 8),
            g: conv(channels, channels / 2),
            o: conv(channels / 2, channels),
            gamma: Param::from_tensor(Tensor::zeros([1], device)),
        }
    }
}

impl Forward for PooledSelfAttention2d {
    type Input = Tensor<4>;
    type Output = Tensor<4>;

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward_traced(x, &mut Trace::off())
    }

    fn forward_traced(&self, x: Tensor<4>, trace: &mut Trace<'_>) -> Tensor<4> {
        let [batch, channels, height, width] = x.dims();
        let halved = |x: Tensor<4>| max_pool2d(x, Pool2dOptions::square(2));
        let theta: Tensor<4> = trace.run("theta", &self.theta, x.clone());
        let phi: Tensor<4> = trace.run("phi", &self.phi, x.clone());
        let g: Tensor<4> = trace.run("g", &self.g, x.clone());
        let theta: Tensor<3> = theta.reshape([batch, channels / 8, height * width]);
        let phi: Tensor<3> = halved(phi).reshape([batch, channels / 8, height * width / 4]);
        let g: Tensor<3> = halved(g).reshape([batch, channels / 2, height * width / 4]);
        let beta = softmax(theta.swap_dims(1, 2).matmul(phi), 2);
        let seen = g.matmul(beta.swap_dims(1, 2)).reshape([batch, channels / 2, height, width]);
        let seen: Tensor<4> = trace.run("o", &self.o, seen);
        seen * self.gamma.val().reshape([1, 1, 1, 1]) + x
    }
}
