//! Convolutions.

use burn::{
    backend::Dispatch,
    tensor::{Tensor, module, ops::ConvTransposeOptions},
};

use crate::extension::{ConvSpec, TrainingOps};

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
    check(&x, &weight, options);
    let channels = weight.dims()[0];
    let y = Tensor::from_dispatch(Dispatch::tb_conv2d(
        x.into_dispatch(),
        weight.into_dispatch(),
        options.into(),
    ));
    match bias {
        // The addition of Burn's would copy the map to another memory order; a map without order
        // of its own is added where it lies.
        Some(bias) => {
            let [_, _, _, _] = y.dims();
            let y = y.permute([0, 2, 3, 1]) + bias.reshape([1, 1, 1, channels]);
            y.permute([0, 3, 1, 2])
        }
        None => y,
    }
}

/// # Panics
/// If the sizes do not fit, with them.
pub(crate) fn check(x: &Tensor<4>, weight: &Tensor<4>, options: Conv2dOptions) {
    let ([_, channels, height, width], [_, of_group, kh, kw]) = (x.dims(), weight.dims());
    let expected = of_group * options.groups;
    assert!(
        channels == expected,
        "the convolution's weights are for {expected} channels, the input has {channels}"
    );
    let reach = |kernel: usize, axis: usize| options.dilation[axis] * (kernel - 1) + 1;
    let room = [height + 2 * options.padding[0], width + 2 * options.padding[1]];
    assert!(
        reach(kh, 0) <= room[0] && reach(kw, 1) <= room[1],
        "a kernel that reaches over {}×{} pixels does not fit into {}×{}",
        reach(kh, 0),
        reach(kw, 1),
        room[0],
        room[1]
    );
}

/// The transposed convolution, PyTorch's `conv_transpose2d`.
///
/// # Shapes
/// - `x`: `[batch, in_channels, height, width]`
/// - `weight`: `[in_channels, out_channels, kernel_height, kernel_width]`
/// - returns `[batch, out_channels, (height - 1) stride - 2 padding + kernel, ..]`
///
/// # Panics
/// If the channels do not fit.
pub fn conv_transpose2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    stride: [usize; 2],
    padding: [usize; 2],
) -> Tensor<4> {
    let options = ConvTransposeOptions::new(stride, padding, [0, 0], [1, 1], 1);
    module::conv_transpose2d(x, weight, bias, options)
}
