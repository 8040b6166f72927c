//! Pooling.

use burn::tensor::{
    Tensor, module,
    ops::{AvgPoolOptions, MaxPoolOptions},
};

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
/// # Shapes
/// `[batch, channels, height, width]`
pub fn max_pool2d(x: Tensor<4>, options: Pool2dOptions) -> Tensor<4> {
    let Pool2dOptions { kernel, stride, padding, ceil_mode } = options;
    module::max_pool2d(
        x,
        MaxPoolOptions::new(kernel)
            .with_stride(stride)
            .with_padding(padding)
            .with_ceil_mode(ceil_mode),
    )
}

/// The mean of each window; what lies outside the map does not count, nor in the divisor.
///
/// # Shapes
/// `[batch, channels, height, width]`
pub fn avg_pool2d(x: Tensor<4>, options: Pool2dOptions) -> Tensor<4> {
    let Pool2dOptions { kernel, stride, padding, ceil_mode } = options;
    let options = AvgPoolOptions::new(kernel)
        .with_stride(stride)
        .with_padding(padding)
        .with_count_include_pad(false)
        .with_ceil_mode(ceil_mode);
    module::avg_pool2d(x, options)
}

/// The means of `rows` × `columns` cells, which cover the map: rows
/// `i * height / rows .. ceil((i + 1) * height / rows)`, columns likewise.
///
/// # Shapes
/// `[batch, channels, height, width]` → `[batch, channels, rows, columns]`
pub fn adaptive_avg_pool2d(x: Tensor<4>, size: [usize; 2]) -> Tensor<4> {
    match size {
        [1, 1] => x.mean_dim(3).mean_dim(2),
        size => module::adaptive_avg_pool2d(x, size),
    }
}

/// The largest values of the cells of [`adaptive_avg_pool2d`].
///
/// # Shapes
/// `[batch, channels, height, width]` → `[batch, channels, rows, columns]`
#[expect(clippy::needless_pass_by_value, reason = "as all operations take their tensors")]
pub fn adaptive_max_pool2d(x: Tensor<4>, [rows, columns]: [usize; 2]) -> Tensor<4> {
    let [_, _, height, width] = x.dims();
    let cell = |i: usize, cells: usize, n: usize| i * n / cells..((i + 1) * n).div_ceil(cells);
    let row = |i: usize| {
        let range = cell(i, rows, height);
        let band = x.clone().narrow(2, range.start, range.len()).max_dim(2);
        let column = |j: usize| {
            let range = cell(j, columns, width);
            band.clone().narrow(3, range.start, range.len()).max_dim(3)
        };
        Tensor::cat((0..columns).map(column).collect(), 3)
    };
    Tensor::cat((0..rows).map(row).collect(), 2)
}
