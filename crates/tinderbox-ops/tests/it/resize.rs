//! Larger and smaller maps.

use burn::tensor::Tensor;
use tinderbox_ops::{pixel_shuffle, resize_nearest};

use crate::common::{close, close_numbers, device, host, orders, tensor};

/// PyTorch's example for `PixelShuffle(2)`: four channels of one pixel are a square.
#[test]
fn channels_become_squares() {
    let x = Tensor::<1>::from_floats([1.0, 2.0, 3.0, 4.0], &device()).reshape([1, 4, 1, 1]);
    let y = pixel_shuffle(x, 2);
    assert_eq!(y.dims(), [1, 1, 2, 2]);
    assert_eq!(host(y), [1.0, 2.0, 3.0, 4.0]);
}

#[test]
fn a_shuffle_is_by_its_formula_and_so_is_its_gradient() {
    let (factor, [batch, channels, height, width]) = (3, [2, 2, 4, 5]);
    let by_burn = |x: Tensor<4>| {
        x.reshape([batch, channels, factor, factor, height, width])
            .permute([0, 1, 4, 2, 5, 3])
            .reshape([batch, channels, height * factor, width * factor])
    };
    for x in orders(&tensor(1, [batch, channels * factor * factor, height, width])) {
        let run = |f: &dyn Fn(Tensor<4>) -> Tensor<4>| {
            let x = x.clone().detach().require_grad();
            let y = f(x.clone());
            let gradients = (y.clone() * tensor(2, y.dims())).sum().backward();
            (y, x.grad(&gradients).unwrap())
        };
        let (found, expected) = (run(&|x| pixel_shuffle(x, factor)), run(&by_burn));
        close(found.0, expected.0);
        close(found.1, expected.1);
    }
}

#[test]
fn rows_and_columns_are_the_nearest_ones() {
    let [batch, channels, height, width] = [2, 3, 4, 5];
    for size in [[8, 10], [4, 5], [3, 2], [7, 11]] {
        let x = tensor(1, [batch, channels, height, width]);
        let numbers = host(x.clone());
        let mut expected = Vec::new();
        for map in numbers.chunks(height * width) {
            for (i, j) in (0..size[0]).flat_map(|i| (0..size[1]).map(move |j| (i, j))) {
                expected.push(map[i * height / size[0] * width + j * width / size[1]]);
            }
        }
        for x in orders(&x) {
            let x = x.detach().require_grad();
            let y = resize_nearest(x.clone(), size);
            close_numbers(&host(y.clone()), &expected);
            // As many as there are copies.
            let gradients = y.clone().sum().backward();
            let copies: f32 = host(x.grad(&gradients).unwrap()).iter().sum();
            close_numbers(&[copies], &[host(y).len() as f32]);
        }
    }
}

#[test]
#[should_panic(expected = "6 channels are not a multiple of 2²: they cannot become pixels")]
fn channels_that_make_no_square_are_refused() {
    let _y = pixel_shuffle(tensor(1, [1, 6, 2, 2]), 2);
}
