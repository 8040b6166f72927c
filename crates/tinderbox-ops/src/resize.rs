//! Larger and smaller maps.

mod backend;

use burn::{backend::Dispatch, tensor::Tensor};

use crate::resize::backend::ResizeOps;

/// Turns channels into pixels: channel `c * factor² + i * factor + j` becomes channel `c` of row
/// `i` and column `j` in a square of `factor` × `factor`. The order is PyTorch's.
///
/// # Shapes
/// `[batch, channels * factor², height, width]` →
/// `[batch, channels, height * factor, width * factor]`
///
/// # Panics
/// If the channels are not a multiple of `factor²`.
///
/// # Reference
/// Shi et al., [Real-Time Single Image and Video Super-Resolution](https://arxiv.org/abs/1609.05158),
/// 2016.
pub fn pixel_shuffle(x: Tensor<4>, factor: usize) -> Tensor<4> {
    let channels = x.dims()[1];
    assert!(
        factor > 0 && channels.is_multiple_of(factor * factor),
        "{channels} channels are not a multiple of {factor}²: they cannot become pixels"
    );
    Tensor::from_dispatch(Dispatch::tb_pixel_shuffle(x.into_dispatch(), factor))
}

/// A map of another size, each pixel a copy: row `i` is row `floor(i * height / rows)`, columns
/// likewise. That is PyTorch's `interpolate(mode="nearest")`, without its rounding.
///
/// # Shapes
/// `[batch, channels, height, width]` → `[batch, channels, rows, columns]`
///
/// # Panics
/// If a size is zero.
pub fn resize_nearest(x: Tensor<4>, size: [usize; 2]) -> Tensor<4> {
    let [_, _, height, width] = x.dims();
    assert!(
        ![height, width, size[0], size[1]].contains(&0),
        "a map of {height} × {width} cannot become one of {} × {}",
        size[0],
        size[1]
    );
    Tensor::from_dispatch(Dispatch::tb_resize_nearest(x.into_dispatch(), size))
}
