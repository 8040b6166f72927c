//! What the CPU backend has kernels for, as an extension of Burn's backends.

#[cfg(any(feature = "wgpu", feature = "cuda"))]
use burn::backend::Cube;
use burn::{
    backend::{Backend, ExtensionType, backend_extension, tensor::FloatTensor},
    tensor::Shape,
};
use tinderbox_kernels::norm::Relu;

use crate::{fallback, merge::Join, prepared::PreparedWeights};

/// A convolution's sizes that are not in its tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ConvSpec {
    pub stride: [usize; 2],
    pub padding: [usize; 2],
    pub dilation: [usize; 2],
    pub groups: usize,
}

/// A tensor that need not be there.
#[derive(ExtensionType)]
pub(crate) enum Maybe<B: Backend> {
    Given(FloatTensor<B>),
    None,
}

impl<B: Backend> Maybe<B> {
    pub(crate) fn new(tensor: Option<FloatTensor<B>>) -> Self {
        tensor.map_or(Self::None, Self::Given)
    }

    pub(crate) fn into_option(self) -> Option<FloatTensor<B>> {
        match self {
            Self::Given(tensor) => Some(tensor),
            Self::None => None,
        }
    }
}

/// What of an operation somebody asks the gradient of, so that only what that takes is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tracked {
    pub x: bool,
    pub weight: bool,
}

/// A batch norm's numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct NormSpec {
    pub eps: f32,
    /// The share of the batch in the running statistics.
    pub momentum: f32,
    pub relu: Relu,
}

/// A batch norm's tensors, `[channels]` each.
pub(crate) struct NormTensors<B: Backend> {
    pub weight: FloatTensor<B>,
    pub bias: FloatTensor<B>,
    pub running_mean: FloatTensor<B>,
    pub running_var: FloatTensor<B>,
}

/// A batch norm's output, and what it knows of the batch.
#[derive(ExtensionType)]
pub(crate) struct NormOut<B: Backend> {
    pub y: FloatTensor<B>,
    /// What was normalized: a convolution's output, or a ReLU's.
    pub x: FloatTensor<B>,
    /// `[channels]`
    pub mean: FloatTensor<B>,
    /// `[channels]`, biased
    pub var: FloatTensor<B>,
    /// The running mean with this batch in it.
    pub running_mean: FloatTensor<B>,
    /// The running variance with this batch's unbiased one in it.
    pub running_var: FloatTensor<B>,
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
    /// `[batch, out, height, width]`, with a bias and a ReLU behind it if there are to be any.
    fn tb_conv2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        #[extension_type] bias: Maybe<Self>,
        spec: ConvSpec,
        relu: bool,
        tracked: Tracked,
    ) -> FloatTensor<Self> {
        let _ = tracked;
        fallback::conv2d::<Self>(x, weight, bias.into_option(), spec, relu)
    }

    /// The gradient of [`tb_conv2d`](Self::tb_conv2d)'s input, of this shape, without the ReLU.
    fn tb_conv2d_input_gradient(
        weight: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        shape: [usize; 4],
        spec: ConvSpec,
    ) -> FloatTensor<Self> {
        fallback::conv2d_input_gradient::<Self>(weight, dy, shape, spec)
    }

    /// The gradient of [`tb_conv2d`](Self::tb_conv2d)'s weights, of this shape.
    fn tb_conv2d_weight_gradient(
        x: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        shape: [usize; 4],
        spec: ConvSpec,
    ) -> FloatTensor<Self> {
        fallback::conv2d_weight_gradient::<Self>(x, dy, shape, spec)
    }

    /// The transposed convolution, of weights `[in, out, kernel, kernel]`, to a map of this shape.
    fn tb_conv_transpose2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        #[extension_type] bias: Maybe<Self>,
        shape: [usize; 4],
        spec: ConvSpec,
        tracked: Tracked,
    ) -> FloatTensor<Self> {
        let _ = tracked;
        let y = Self::tb_conv2d_input_gradient(weight, x, shape, spec);
        fallback::with_bias::<Self>(y, bias.into_option())
    }

    /// A convolution of a network that does not train, with what is done to its output:
    /// `relu(conv + bias + add) * gain + shift`.
    #[allow(clippy::too_many_arguments)] // the tensors of two layers
    fn tb_conv2d_prepared(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        #[extension_type] add: Maybe<Self>,
        #[extension_type] gain: Maybe<Self>,
        #[extension_type] shift: Maybe<Self>,
        spec: ConvSpec,
        relu: bool,
        prepared: PreparedWeights,
    ) -> FloatTensor<Self> {
        let _ = prepared;
        let (add, scale) = (add.into_option(), gain.into_option().zip(shift.into_option()));
        fallback::conv2d_finished::<Self>(x, weight, bias, add, scale, spec, relu)
    }

    /// Batch norm by the batch's statistics, of `[batch, channels, height, width]`.
    fn tb_batch_norm(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        running_mean: FloatTensor<Self>,
        running_var: FloatTensor<Self>,
        norm: NormSpec,
    ) -> NormOut<Self> {
        let norm_tensors = NormTensors { weight, bias, running_mean, running_var };
        fallback::batch_norm::<Self>(x, norm_tensors, norm)
    }

    /// Gradients of [`tb_batch_norm`](Self::tb_batch_norm), from what was normalized and its
    /// statistics.
    fn tb_batch_norm_gradient(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        var: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        norm: NormSpec,
    ) -> NormGradients<Self> {
        fallback::batch_norm_gradient::<Self>(x, [weight, bias, mean, var], dy, norm)
    }

    /// A convolution and a batch norm in one: its output is kept once, in the form in which it is
    /// normalized.
    #[allow(clippy::too_many_arguments)] // the tensors of two layers
    fn tb_conv_norm(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        #[extension_type] bias: Maybe<Self>,
        norm_weight: FloatTensor<Self>,
        norm_bias: FloatTensor<Self>,
        running_mean: FloatTensor<Self>,
        running_var: FloatTensor<Self>,
        spec: ConvSpec,
        norm: NormSpec,
        tracked: Tracked,
    ) -> NormOut<Self> {
        let x = Self::tb_conv2d(x, weight, bias, spec, norm.relu == Relu::Before, tracked);
        // What comes out of a ReLU already is what it would give.
        Self::tb_batch_norm(x, norm_weight, norm_bias, running_mean, running_var, norm)
    }

    /// The sum of two maps, in the memory layout of the kernels.
    fn tb_add(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::float_add(a, b)
    }

    /// `gradient` where `y` is positive, 0 elsewhere: through a ReLU that gave `y`.
    fn tb_relu_gradient(y: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::relu_backward(y, gradient)
    }

    /// The sum of each channel, `[channels]`: the gradient of a bias.
    fn tb_channel_sums(x: FloatTensor<Self>) -> FloatTensor<Self> {
        fallback::channel_sums::<Self>(x)
    }

    /// A map for two users, whose gradients are added in the memory layout of the kernels. `join`
    /// is the same for both.
    fn tb_fork(x: FloatTensor<Self>, join: Join) -> FloatTensor<Self> {
        let _ = join;
        x
    }
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
impl TrainingOps for Cube {}

/// `[channels]` as `[1, channels, 1, 1]`.
pub(crate) fn per_channel<B: Backend>(values: FloatTensor<B>) -> FloatTensor<B> {
    use burn::backend::TensorMetadata;
    let channels = values.shape().num_elements();
    B::float_reshape(values, Shape::new([1, channels, 1, 1]))
}
