//! What the CPU backend has kernels for, as an extension of Burn's backends.

#[cfg(any(feature = "wgpu", feature = "cuda"))]
use burn::backend::Cube;
use burn::{
    backend::{Backend, ExtensionType, backend_extension, tensor::FloatTensor},
    tensor::Shape,
};

use crate::fallback;

/// A convolution's sizes that are not in its tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ConvSpec {
    pub stride: [usize; 2],
    pub padding: [usize; 2],
    pub dilation: [usize; 2],
    pub groups: usize,
}

/// A batch norm's output, and what it knows of the batch.
#[derive(ExtensionType)]
pub(crate) struct NormOut<B: Backend> {
    pub y: FloatTensor<B>,
    /// `[channels]`
    pub mean: FloatTensor<B>,
    /// `[channels]`, biased
    pub var: FloatTensor<B>,
}

/// Gradients of a batch norm.
#[derive(ExtensionType)]
pub(crate) struct NormGradients<B: Backend> {
    pub x: FloatTensor<B>,
    pub weight: FloatTensor<B>,
    pub bias: FloatTensor<B>,
}

/// The operations that the CPU backend has kernels for. Their default bodies are composed of
/// standard operations and serve every other backend.
#[backend_extension(Autodiff, Flex, Cube: cfg(any(feature = "wgpu", feature = "cuda")))]
pub(crate) trait TrainingOps: Backend {
    /// `[batch, in, height, width]` and `[out, in / groups, kernel, kernel]` to
    /// `[batch, out, height, width]`.
    fn tb_conv2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        spec: ConvSpec,
    ) -> FloatTensor<Self> {
        fallback::conv2d::<Self>(x, weight, spec)
    }

    /// The gradient of [`tb_conv2d`](Self::tb_conv2d)'s input.
    fn tb_conv2d_input_gradient(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        spec: ConvSpec,
    ) -> FloatTensor<Self> {
        fallback::conv2d_input_gradient::<Self>(x, weight, dy, spec)
    }

    /// The gradient of [`tb_conv2d`](Self::tb_conv2d)'s weights.
    fn tb_conv2d_weight_gradient(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        spec: ConvSpec,
    ) -> FloatTensor<Self> {
        fallback::conv2d_weight_gradient::<Self>(x, weight, dy, spec)
    }

    /// Batch norm by the batch's statistics, of `[batch, channels, height, width]`, after a ReLU
    /// if there is to be one.
    fn tb_batch_norm(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        eps: f32,
        relu: bool,
    ) -> NormOut<Self> {
        fallback::batch_norm::<Self>(x, weight, bias, eps, relu)
    }

    /// Gradients of [`tb_batch_norm`](Self::tb_batch_norm), from its input and its statistics.
    fn tb_batch_norm_gradient(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        var: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        eps: f32,
        relu: bool,
    ) -> NormGradients<Self> {
        fallback::batch_norm_gradient::<Self>(x, weight, mean, var, dy, eps, relu)
    }

    /// The sum of two maps, in the memory layout of the kernels.
    fn tb_add(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::float_add(a, b)
    }
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
impl TrainingOps for Cube {}

/// `[channels]` as `[1, channels, 1, 1]`.
pub(crate) fn per_channel<B: Backend>(values: FloatTensor<B>, channels: usize) -> FloatTensor<B> {
    B::float_reshape(values, Shape::new([1, channels, 1, 1]))
}
