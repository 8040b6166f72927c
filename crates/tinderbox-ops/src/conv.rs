//! Convolutions.

use burn::{backend::Dispatch, tensor::Tensor};

use crate::extension::{ConvSpec, Maybe, Tracked, TrainingOps};

/// Runs `run`, in which the CPU's convolutions form their sums as the definition says, or do not, as
/// elsewhere. Backward passes that `run` asks for are included.
///
/// It holds on this thread. What held before holds again afterwards, also after a panic.
///
/// Where it pays, 3×3 convolutions run Winograd's algorithms, which multiply less and whose rounding
/// errors are up to about ten times those of the definition. With `true` none does, which is slower.
/// The bits of a result depend on it, so a training is either in it from its first step on, or not
/// at all.
///
/// # Example
/// ```
/// use tinderbox_ops::{exact_conv, with_exact_conv};
///
/// assert!(with_exact_conv(true, exact_conv));
/// assert!(!exact_conv());
/// ```
pub fn with_exact_conv<T>(exact: bool, run: impl FnOnce() -> T) -> T {
    tinderbox_kernels::conv::with_exact(exact, run)
}

/// What [`with_exact_conv`] says on this thread.
pub fn exact_conv() -> bool {
    tinderbox_kernels::conv::exact()
}

/// How a kernel walks over a map; the default is every pixel, without padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv2dOptions {
    /// Pixels from one output to the next, down and right.
    pub stride: [usize; 2],
    /// Black pixels around the map, on both sides of each axis.
    pub padding: [usize; 2],
    /// Pixels from one weight to the next.
    pub dilation: [usize; 2],
    /// Parts that the channels are divided into; each sees its own alone.
    pub groups: usize,
}

impl Default for Conv2dOptions {
    fn default() -> Self {
        Self { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 }
    }
}

impl Conv2dOptions {
    /// The shape of an output, from those of the input and the weights; 0 pixels where the kernel
    /// does not fit.
    pub fn out_dims(&self, x: [usize; 4], weight: [usize; 4]) -> [usize; 4] {
        let size = |axis: usize| {
            let reach = self.dilation[axis] * (weight[2 + axis] - 1) + 1;
            let room = x[2 + axis] + 2 * self.padding[axis] + self.stride[axis];
            room.saturating_sub(reach) / self.stride[axis]
        };
        [x[0], weight[0], size(0), size(1)]
    }
}

impl From<Conv2dOptions> for ConvSpec {
    fn from(options: Conv2dOptions) -> Self {
        let Conv2dOptions { stride, padding, dilation, groups } = options;
        Self { stride, padding, dilation, groups }
    }
}

/// Cross-correlation with black beyond the edge, PyTorch's `conv2d`.
///
/// # Shapes
/// - `x`: `[batch, in_channels, height, width]`
/// - `weight`: `[out_channels, in_channels / groups, kernel_height, kernel_width]`
/// - `bias`: `[out_channels]`
/// - returns `[batch, out_channels, (height + 2 padding - dilation (kernel - 1) - 1) / stride + 1, ..]`
///
/// # Panics
/// If the channels do not fit, or the kernel is larger than the padded map.
pub fn conv2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    options: Conv2dOptions,
) -> Tensor<4> {
    run(x, weight, bias, options, false)
}

/// [`conv2d`] with a ReLU behind it.
///
/// # Panics
/// As [`conv2d`].
pub fn conv2d_relu(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    options: Conv2dOptions,
) -> Tensor<4> {
    run(x, weight, bias, options, true)
}

fn run(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    options: Conv2dOptions,
    relu: bool,
) -> Tensor<4> {
    check(&x, &weight, options);
    let tracked = tracked(&x, &weight);
    Tensor::from_dispatch(Dispatch::tb_conv2d(
        x.into_dispatch(),
        weight.into_dispatch(),
        Maybe::new(bias.map(Tensor::into_dispatch)),
        options.into(),
        relu,
        tracked,
    ))
}

pub(crate) fn tracked(x: &Tensor<4>, weight: &Tensor<4>) -> Tracked {
    Tracked { x: x.is_tracked(), weight: weight.is_tracked() }
}

/// # Panics
/// If the sizes do not fit, with them.
pub(crate) fn check(x: &Tensor<4>, weight: &Tensor<4>, options: Conv2dOptions) {
    let ([_, channels, height, width], [out, of_group, kh, kw]) = (x.dims(), weight.dims());
    let Conv2dOptions { padding, dilation, groups, .. } = options;
    let expected = of_group * groups;
    assert!(
        channels == expected,
        "the convolution's weights are for {expected} channels, the input has {channels}"
    );
    assert!(out.is_multiple_of(groups), "{out} output channels are not {groups} equal groups");
    let reach = |kernel: usize, axis: usize| dilation[axis] * (kernel - 1) + 1;
    let room = [height + 2 * padding[0], width + 2 * padding[1]];
    assert!(
        reach(kh, 0) <= room[0] && reach(kw, 1) <= room[1],
        "a kernel that reaches over {}×{} pixels does not fit into {}×{}",
        reach(kh, 0),
        reach(kw, 1),
        room[0],
        room[1]
    );
}

/// The transposed convolution, PyTorch's `conv_transpose2d`: the input gradient of a [`conv2d`].
///
/// # Shapes
/// - `x`: `[batch, in_channels, height, width]`
/// - `weight`: `[in_channels, out_channels, kernel_height, kernel_width]`
/// - `bias`: `[out_channels]`
/// - returns `[batch, out_channels, (height - 1) stride - 2 padding + kernel, ..]`
///
/// # Panics
/// If the channels do not fit, or the padding leaves nothing.
pub fn conv_transpose2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    stride: [usize; 2],
    padding: [usize; 2],
) -> Tensor<4> {
    let ([batch, channels, height, width], [expected, out, kh, kw]) = (x.dims(), weight.dims());
    assert!(
        channels == expected,
        "the convolution's weights are for {expected} channels, the input has {channels}"
    );
    let size = |n: usize, kernel: usize, axis: usize| {
        let full = (n - 1) * stride[axis] + kernel;
        assert!(
            full > 2 * padding[axis],
            "a padding of {} leaves nothing of {full} pixels",
            padding[axis]
        );
        full - 2 * padding[axis]
    };
    let shape = [batch, out, size(height, kh, 0), size(width, kw, 1)];
    let spec = ConvSpec { stride, padding, dilation: [1, 1], groups: 1 };
    let tracked = tracked(&x, &weight);
    Tensor::from_dispatch(Dispatch::tb_conv_transpose2d(
        x.into_dispatch(),
        weight.into_dispatch(),
        Maybe::new(bias.map(Tensor::into_dispatch)),
        shape,
        spec,
        tracked,
    ))
}
