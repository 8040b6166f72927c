//! Larger maps.

use burn::{module::Module, tensor::Tensor};
use tinderbox_ops::{double_bilinear, pixel_shuffle, resize_nearest};

use crate::Forward;

/// Turns `factor`² channels into a square of pixels.
///
/// Shapes: `[batch, channels * factor², height, width]` →
/// `[batch, channels, height * factor, width * factor]`
#[derive(Module, Debug)]
pub struct PixelShuffle {
    pub factor: usize,
}

impl Forward for PixelShuffle {
    type Input = Tensor<4>;
    type Output = Tensor<4>;

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        pixel_shuffle(x, self.factor)
    }
}

/// Repeats the edge of a map beyond it.
#[derive(Module, Debug, Default)]
pub struct ReplicationPad2d {
    pub left: usize,
    pub right: usize,
    pub top: usize,
    pub bottom: usize,
}

impl Forward for ReplicationPad2d {
    type Input = Tensor<4>;
    type Output = Tensor<4>;

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [_, _, height, width] = x.dims();
        let padded = |x: Tensor<4>, axis: usize, n: usize, [before, after]: [usize; 2]| {
            let edge = |at: usize, times: usize| vec![x.clone().narrow(axis, at, 1); times];
            let mut parts = edge(0, before);
            parts.push(x.clone());
            parts.extend(edge(n - 1, after));
            Tensor::cat(parts, axis)
        };
        padded(padded(x, 2, height, [self.top, self.bottom]), 3, width, [self.left, self.right])
    }
}

/// How a map is doubled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interpolation {
    /// Copies of the nearest pixel.
    Nearest,
    /// Linear between pixels.
    Bilinear,
}

/// Doubles height and width.
#[derive(Module, Debug)]
pub struct Upsample {
    #[module(skip)]
    pub interpolation: Interpolation,
}

impl Forward for Upsample {
    type Input = Tensor<4>;
    type Output = Tensor<4>;

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [_, _, height, width] = x.dims();
        match self.interpolation {
            Interpolation::Nearest => resize_nearest(x, [2 * height, 2 * width]),
            Interpolation::Bilinear => double_bilinear(x),
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn the_edge_goes_on() {
        let x = Tensor::<1>::from_floats([1.0, 2.0, 3.0, 4.0], &Device::flex());
        let x: Tensor<4> = x.reshape([1, 1, 2, 2]);
        let pad = ReplicationPad2d { left: 1, bottom: 2, ..ReplicationPad2d::default() };
        let y: Vec<f32> = pad.forward(x).into_data().try_to_vec().unwrap();
        assert_eq!(y, [1., 1., 2., 3., 3., 4., 3., 3., 4., 3., 3., 4.]);
    }
}
