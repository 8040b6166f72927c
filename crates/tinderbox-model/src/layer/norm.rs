//! Batch norm, with PyTorch's names and its unbiased running variance.
//!
//! Burn's keeps the biased one and follows the device; ours follows [`Mode`](crate::Mode).

use burn::{
    module::{Flag, Module, Param},
    tensor::{Device, Tensor},
};
use tinderbox_ops::{Folded, NormRelu, Normalized, batch_norm_eval, batch_norm_train};

use super::Running;
use crate::{AnyTensor, Forward};

/// Added to a variance before it is divided by: PyTorch's.
const EPS: f64 = 1e-5;
/// The share of a new batch in the running statistics: PyTorch's.
const MOMENTUM: f64 = 0.1;

/// Both kinds of batch norm: they differ in the ranks that they take.
macro_rules! batch_norm {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Module, Debug)]
        pub struct $name {
            /// `[channels]`
            pub weight: Param<Tensor<1>>,
            /// `[channels]`
            pub bias: Param<Tensor<1>>,
            /// `[channels]`
            pub running_mean: Running<1>,
            /// `[channels]`, unbiased
            pub running_var: Running<1>,
            pub(crate) training: Param<Flag>,
            pub momentum: f64,
            pub eps: f64,
            /// What evaluation made of it and the convolution in front of it.
            #[module(skip)]
            pub(crate) folded: Folded,
        }

        impl $name {
            /// Weight 1, bias 0, running mean 0 and variance 1.
            pub fn new(channels: usize, device: &Device) -> Self {
                let ones = || Tensor::ones([channels], device);
                let zeros = || Tensor::zeros([channels], device);
                Self {
                    weight: Param::from_tensor(ones()),
                    bias: Param::from_tensor(zeros()),
                    running_mean: Running::new(zeros()),
                    running_var: Running::new(ones()),
                    training: Param::from_bool(true),
                    momentum: MOMENTUM,
                    eps: EPS,
                    folded: Folded::default(),
                }
            }

            /// Another share of a new batch in the running statistics.
            pub fn with_momentum(self, momentum: f64) -> Self {
                Self { momentum, ..self }
            }

            /// Starts at 0, so that a residual block that ends in it starts as the identity.
            pub fn with_zero_weight(self) -> Self {
                let weight = self.weight.val().zeros_like().detach();
                Self { weight: Param::from_tensor(weight), ..self }
            }

            pub(crate) fn is_training(&self) -> bool {
                self.training.val().is_enabled()
            }

            /// What the operations take of it.
            pub(crate) fn parts(&self) -> tinderbox_ops::BatchNorm {
                tinderbox_ops::BatchNorm {
                    weight: self.weight.val(),
                    bias: self.bias.val(),
                    running_mean: self.running_mean.val(),
                    running_var: self.running_var.val(),
                    momentum: self.momentum,
                    eps: self.eps,
                }
            }

            /// Takes over the running statistics that came out of a training pass, and gives its
            /// output.
            pub(crate) fn follow<const D: usize>(&self, normalized: Normalized<D>) -> Tensor<D> {
                self.running_mean.set(normalized.running_mean);
                self.running_var.set(normalized.running_var);
                normalized.y
            }

            /// The pass on a tensor whose rank is known: what a model of one's own calls.
            pub fn apply<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
                match self.is_training() {
                    true => self.follow(batch_norm_train(x, self.parts(), NormRelu::None)),
                    false => batch_norm_eval(x, &self.parts()),
                }
            }
        }
    };
}

batch_norm! {
    /// Batch norm of maps, `[batch, channels, height, width]`.
    ///
    /// Ioffe and Szegedy, [Batch Normalization](https://arxiv.org/abs/1502.03167), 2015.
    BatchNorm2d
}

batch_norm! {
    /// Batch norm of `[batch, channels]` or `[batch, channels, length]`.
    BatchNorm1d
}

impl Forward for BatchNorm2d {
    type Input = Tensor<4>;
    type Output = Tensor<4>;

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.apply(x)
    }
}

impl Forward for BatchNorm1d {
    type Input = AnyTensor;
    type Output = AnyTensor;

    fn forward(&self, x: AnyTensor) -> AnyTensor {
        match x {
            AnyTensor::Float2(x) => self.apply(x).into(),
            AnyTensor::Float3(x) => self.apply(x).into(),
            other => panic!("BatchNorm1d: not for a {} tensor", other.kind()),
        }
    }
}

batch_norm! {
    /// Batch norm over the last axis, with all others as the batch: `[.., channels]`.
    BatchNorm1dFlat
}

impl BatchNorm1dFlat {
    /// All steps of all texts at once: `[batch, steps, size]` in and out.
    pub fn flat(&self, x: Tensor<3>) -> Tensor<3> {
        let dims = x.dims();
        self.apply(x.reshape([dims[0] * dims[1], dims[2]])).reshape(dims)
    }
}

impl Forward for BatchNorm1dFlat {
    type Input = AnyTensor;
    type Output = AnyTensor;

    fn forward(&self, x: AnyTensor) -> AnyTensor {
        match x {
            AnyTensor::Float2(x) => self.apply(x).into(),
            AnyTensor::Float3(x) => self.flat(x).into(),
            other => panic!("BatchNorm1dFlat: not for a {} tensor", other.kind()),
        }
    }
}

/// fastai's `batchnorm_2d`: the bias starts at 0.001, and with `zero` the weight at 0, so that a
/// residual block starts as the identity.
#[doc(alias = "NormType.BatchZero")]
pub fn batchnorm_2d(channels: usize, zero: bool, device: &Device) -> BatchNorm2d {
    let norm = BatchNorm2d::new(channels, device);
    let norm = if zero { norm.with_zero_weight() } else { norm };
    BatchNorm2d { bias: Param::from_tensor(Tensor::full([channels], 1e-3, device)), ..norm }
}
