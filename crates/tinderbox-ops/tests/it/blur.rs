//! The mean of neighboring pixels.

use burn::tensor::{
    Tensor,
    module::interpolate,
    ops::{InterpolateMode, InterpolateOptions},
};
use tinderbox_ops::{Neighbors, blur, double_bilinear};

use crate::common::{close, orders, tensor};

/// Values and gradients of `found` and of `expected` are the same.
#[track_caller]
fn check(
    x: &Tensor<4>,
    found: impl Fn(Tensor<4>) -> Tensor<4>,
    expected: impl Fn(Tensor<4>) -> Tensor<4>,
) {
    let run = |f: &dyn Fn(Tensor<4>) -> Tensor<4>| {
        let x = x.clone().detach().require_grad();
        let y = f(x.clone());
        let gradients = (y.clone() * tensor(4, y.dims())).sum().backward();
        (y, x.grad(&gradients).unwrap())
    };
    let (found, expected) = (run(&found), run(&expected));
    close(found.0, expected.0);
    close(found.1, expected.1);
}

/// The edge repeated, then the mean of squares.
fn by_definition(x: Tensor<4>, neighbors: Neighbors) -> Tensor<4> {
    let [_, _, height, width] = x.dims();
    let padded = |x: Tensor<4>, axis: usize, n: usize| match neighbors {
        Neighbors::Before => Tensor::cat(vec![x.clone().narrow(axis, 0, 1), x], axis),
        Neighbors::After => Tensor::cat(vec![x.clone(), x.narrow(axis, n - 1, 1)], axis),
    };
    let x = padded(padded(x, 2, height), 3, width);
    let corner = |row, column| x.clone().narrow(2, row, height).narrow(3, column, width);
    (corner(0, 0) + corner(0, 1) + corner(1, 0) + corner(1, 1)) / 4.0
}

#[test]
fn a_pixel_is_averaged_with_its_neighbors() {
    for x in orders(&tensor(1, [2, 3, 4, 5])) {
        for neighbors in [Neighbors::Before, Neighbors::After] {
            check(&x, |x| blur(x, neighbors), |x| by_definition(x, neighbors));
        }
    }
    let pixel = tensor(1, [1, 2, 1, 1]);
    close(blur(pixel.clone(), Neighbors::Before), pixel);
}

#[test]
fn twice_the_size_is_linear_between_pixels() {
    let options = || {
        InterpolateOptions::new(InterpolateMode::Bilinear)
            .with_align_corners(false)
            .with_output_size([8, 10])
    };
    for x in orders(&tensor(1, [2, 3, 4, 5])) {
        close(double_bilinear(x.clone()), interpolate(x, options()));
    }
}
