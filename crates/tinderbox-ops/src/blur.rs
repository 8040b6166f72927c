//! The mean of neighboring pixels.

mod backend;

use burn::{backend::Dispatch, tensor::Tensor};

use crate::{blur::backend::BlurOps, resize_nearest};

/// Which neighbors a pixel is averaged with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Neighbors {
    /// Those above and to the left.
    Before,
    /// Those below and to the right.
    After,
}

/// Each pixel averaged with the neighbors of a square of 2 × 2. The edge is repeated beyond it, so
/// the size stays.
///
/// With [`Neighbors::Before`] it is PyTorch's `AvgPool2d(2, stride=1)` behind
/// `ReplicationPad2d((1, 0, 1, 0))`, which takes the checkerboard out of a
/// [`pixel_shuffle`](crate::pixel_shuffle).
///
/// # Shapes
/// `[batch, channels, height, width]` in and out.
///
/// # Reference
/// Sugawara et al., [Super-Resolution using Convolutional Neural Networks without Any Checkerboard
/// Artifacts](https://arxiv.org/abs/1806.02658), 2018.
pub fn blur(x: Tensor<4>, neighbors: Neighbors) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::tb_blur(x.into_dispatch(), neighbors))
}

/// A map of twice the size, linear between pixels: PyTorch's `interpolate(scale_factor=2,
/// mode="bilinear")`.
///
/// # Shapes
/// `[batch, channels, height, width]` → `[batch, channels, 2 height, 2 width]`
///
/// # Panics
/// If a size is zero.
pub fn double_bilinear(x: Tensor<4>) -> Tensor<4> {
    let [_, _, height, width] = x.dims();
    // Copies, averaged to both sides: 1/4, 2/4 and 1/4 of three of them is a step on the line.
    let copies = resize_nearest(x, [2 * height, 2 * width]);
    blur(blur(copies, Neighbors::Before), Neighbors::After)
}
