//! Pooling.

mod backend;
mod fallback;

use burn::{backend::Dispatch, tensor::Tensor};

use crate::pool::backend::{Cut, PoolOps};

/// How a window walks over a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool2dOptions {
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    /// On both sides of each axis; at most half the kernel.
    pub padding: [usize; 2],
    /// Whether windows that reach beyond the end of the map count too.
    pub ceil_mode: bool,
}

impl Pool2dOptions {
    /// A square window that is moved by its own size, without padding.
    pub fn square(kernel: usize) -> Self {
        Self { kernel: [kernel; 2], stride: [kernel; 2], padding: [0, 0], ceil_mode: false }
    }
}

/// The largest value of each window; what lies outside the map does not count.
///
/// The gradient goes to the first of several that are the largest. A value that is not a number
/// counts as the largest.
///
/// # Shapes
/// `[batch, channels, height, width]`
pub fn max_pool2d(x: Tensor<4>, options: Pool2dOptions) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::tb_max_pool(x.into_dispatch(), Cut::Sliding(options)).y)
}

/// The mean of each window; what lies outside the map does not count, nor in the divisor.
///
/// # Shapes
/// `[batch, channels, height, width]`
pub fn avg_pool2d(x: Tensor<4>, options: Pool2dOptions) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::tb_avg_pool(x.into_dispatch(), Cut::Sliding(options)))
}

/// The means of `rows` × `columns` cells, which cover the map: rows
/// `i * height / rows .. ceil((i + 1) * height / rows)`, columns likewise.
///
/// # Shapes
/// `[batch, channels, height, width]` → `[batch, channels, rows, columns]`
pub fn adaptive_avg_pool2d(x: Tensor<4>, size: [usize; 2]) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::tb_avg_pool(x.into_dispatch(), Cut::Cells(size)))
}

/// The largest values of the cells of [`adaptive_avg_pool2d`].
///
/// # Shapes
/// `[batch, channels, height, width]` → `[batch, channels, rows, columns]`
pub fn adaptive_max_pool2d(x: Tensor<4>, size: [usize; 2]) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::tb_max_pool(x.into_dispatch(), Cut::Cells(size)).y)
}
