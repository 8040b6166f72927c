//! Pooling.

use burn::{module::Module, tensor::Tensor};
use tinderbox_ops::{
    Pool2dOptions, adaptive_avg_pool2d, adaptive_max_pool2d, avg_pool2d, concat, max_pool2d,
};

use crate::{Forward, Trace};

/// A square window.
fn window(kernel: usize, stride: usize, padding: usize, ceil_mode: bool) -> Pool2dOptions {
    Pool2dOptions { kernel: [kernel; 2], stride: [stride; 2], padding: [padding; 2], ceil_mode }
}

/// The largest value of each window.
///
/// Shapes: `[batch, channels, height, width]` → `[.., (height + 2 padding - kernel) / stride + 1, ..]`
#[derive(Module, Debug)]
pub struct MaxPool2d {
    pub kernel: usize,
    pub stride: usize,
    pub padding: usize,
    /// Whether windows that reach beyond the end count too.
    pub ceil_mode: bool,
}

impl Forward for MaxPool2d {
    type Input = Tensor<4>;
    type Output = Tensor<4>;

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        max_pool2d(x, window(self.kernel, self.stride, self.padding, self.ceil_mode))
    }
}

/// The mean of each window.
///
/// Shapes: as [`MaxPool2d`].
#[derive(Module, Debug)]
pub struct AvgPool2d {
    pub kernel: usize,
    pub stride: usize,
    pub padding: usize,
    /// Whether windows that reach beyond the end count too.
    pub ceil_mode: bool,
}

impl Forward for AvgPool2d {
    type Input = Tensor<4>;
    type Output = Tensor<4>;

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        avg_pool2d(x, window(self.kernel, self.stride, self.padding, self.ceil_mode))
    }
}

/// The mean of each of `size` × `size` cells.
#[derive(Module, Debug)]
pub struct AdaptiveAvgPool2d {
    pub size: usize,
}

impl Forward for AdaptiveAvgPool2d {
    type Input = Tensor<4>;
    type Output = Tensor<4>;

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        adaptive_avg_pool2d(x, [self.size; 2])
    }
}

/// The largest value of each of `size` × `size` cells.
#[derive(Module, Debug)]
pub struct AdaptiveMaxPool2d {
    pub size: usize,
}

impl Forward for AdaptiveMaxPool2d {
    type Input = Tensor<4>;
    type Output = Tensor<4>;

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        adaptive_max_pool2d(x, [self.size; 2])
    }
}

/// The largest values of `size` × `size` cells, then their means, as twice the channels.
///
/// Its parts are named as in fastai.
#[derive(Module, Debug)]
pub struct AdaptiveConcatPool2d {
    ap: AdaptiveAvgPool2d,
    mp: AdaptiveMaxPool2d,
}

impl AdaptiveConcatPool2d {
    /// With `size` × `size` cells.
    pub fn new(size: usize) -> Self {
        Self { ap: AdaptiveAvgPool2d { size }, mp: AdaptiveMaxPool2d { size } }
    }
}

impl Forward for AdaptiveConcatPool2d {
    type Input = Tensor<4>;
    type Output = Tensor<4>;

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward_traced(x, &mut Trace::off())
    }

    fn forward_traced(&self, x: Tensor<4>, trace: &mut Trace<'_>) -> Tensor<4> {
        let largest: Tensor<4> = trace.run("mp", &self.mp, x.clone());
        let means: Tensor<4> = trace.run("ap", &self.ap, x);
        concat(vec![largest, means])
    }
}

/// The mean of each channel: `[batch, channels, height, width]` → `[batch, channels]`.
#[derive(Module, Debug, Default)]
pub struct PoolFlatten;

impl Forward for PoolFlatten {
    type Input = Tensor<4>;
    type Output = Tensor<2>;

    fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        adaptive_avg_pool2d(x, [1, 1]).flatten(1, 3)
    }
}
