//! Pooling.

use std::ops::Range;

use burn::tensor::{Device, Tensor};
use tinderbox_ops::{
    Pool2dOptions, adaptive_avg_pool2d, adaptive_max_pool2d, avg_pool2d, max_pool2d,
};

use crate::common::{close_numbers, host, orders, tensor};

const SHAPE: [usize; 4] = [2, 3, 7, 8];

/// The largest and the mean of the cells that these rows and columns cut out.
fn by_hand(x: &[f32], rows: &[Range<usize>], columns: &[Range<usize>]) -> [Vec<f32>; 2] {
    let [_, _, height, width] = SHAPE;
    let mut out = [Vec::new(), Vec::new()];
    for map in x.chunks(height * width) {
        for (rows, columns) in rows.iter().flat_map(|r| columns.iter().map(move |c| (r, c))) {
            let cell: Vec<f32> = rows
                .clone()
                .flat_map(|row| columns.clone().map(move |column| map[row * width + column]))
                .collect();
            out[0].push(cell.iter().copied().fold(f32::NEG_INFINITY, f32::max));
            out[1].push(cell.iter().sum::<f32>() / cell.len() as f32);
        }
    }
    out
}

/// The parts of the windows that lie on the map, by PyTorch's rule for how many there are.
fn windows(
    n: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
    ceil: bool,
) -> Vec<Range<usize>> {
    let room = n + 2 * padding - kernel;
    let count = if ceil { room.div_ceil(stride) } else { room / stride } + 1;
    // The last may not begin beyond the map and its padding on the left.
    let count = if (count - 1) * stride >= n + padding { count - 1 } else { count };
    let window = |at: usize| {
        let start = (at * stride).saturating_sub(padding);
        start..(at * stride + kernel - padding).min(n)
    };
    (0..count).map(window).collect()
}

#[test]
fn windows_are_pytorchs() {
    for (kernel, stride, padding) in
        [([2, 2], [2, 2], [0, 0]), ([3, 3], [2, 2], [1, 1]), ([3, 2], [3, 1], [1, 0])]
    {
        for ceil_mode in [false, true] {
            let options = Pool2dOptions { kernel, stride, padding, ceil_mode };
            let cut =
                |n, axis: usize| windows(n, kernel[axis], stride[axis], padding[axis], ceil_mode);
            let x = tensor(1, SHAPE);
            let expected = by_hand(&host(x.clone()), &cut(SHAPE[2], 0), &cut(SHAPE[3], 1));
            for x in orders(&x) {
                close_numbers(&host(max_pool2d(x.clone(), options)), &expected[0]);
                close_numbers(&host(avg_pool2d(x, options)), &expected[1]);
            }
        }
    }
}

#[test]
fn adaptive_cells_cover_the_map() {
    let cells = |n: usize, of: usize| -> Vec<Range<usize>> {
        (0..of).map(|i| i * n / of..((i + 1) * n).div_ceil(of)).collect()
    };
    for size in [[1, 1], [2, 2], [3, 5], [7, 8]] {
        let x = tensor(1, SHAPE);
        let cut = (cells(SHAPE[2], size[0]), cells(SHAPE[3], size[1]));
        let expected = by_hand(&host(x.clone()), &cut.0, &cut.1);
        for x in orders(&x) {
            close_numbers(&host(adaptive_max_pool2d(x.clone(), size)), &expected[0]);
            close_numbers(&host(adaptive_avg_pool2d(x, size)), &expected[1]);
        }
    }
}

/// A maximum's gradient goes to where it was, a mean's in equal parts to all.
#[test]
fn gradients_go_where_the_values_came_from() {
    let gradient = |pool: &dyn Fn(Tensor<4>) -> Tensor<4>| {
        let x = Tensor::<1>::from_floats([1.0, 5.0, 2.0, 3.0], &crate::common::device());
        let x = x.reshape([1, 1, 2, 2]).require_grad();
        let found = pool(x.clone()).sum().backward();
        host(x.grad(&found).unwrap())
    };
    assert_eq!(gradient(&|x| max_pool2d(x, Pool2dOptions::square(2))), [0.0, 1.0, 0.0, 0.0]);
    assert_eq!(gradient(&|x| adaptive_max_pool2d(x, [1, 1])), [0.0, 1.0, 0.0, 0.0]);
    assert_eq!(gradient(&|x| avg_pool2d(x, Pool2dOptions::square(2))), [0.25; 4]);
    assert_eq!(gradient(&|x| adaptive_avg_pool2d(x, [1, 1])), [0.25; 4]);
    assert_eq!(gradient(&|x| adaptive_avg_pool2d(x, [2, 1])), [0.5; 4]);
}

/// PyTorch's rules, on the CPU: other backends have rules of their own.
#[test]
fn the_first_of_several_is_the_largest_unless_one_is_not_a_number() {
    let gradient = |numbers: [f32; 4]| {
        let x = Tensor::<1>::from_floats(numbers, &Device::flex().autodiff());
        let x = x.reshape([1, 1, 2, 2]).require_grad();
        let found = max_pool2d(x.clone(), Pool2dOptions::square(2)).sum().backward();
        host(x.grad(&found).unwrap())
    };
    assert_eq!(gradient([2.0, 3.0, 3.0, 3.0]), [0.0, 1.0, 0.0, 0.0]);
    assert_eq!(gradient([2.0, f32::NAN, 3.0, 3.0]), [0.0, 1.0, 0.0, 0.0]);
}

/// Each window's gradient is added where windows share their largest value.
#[test]
fn windows_that_overlap_add_their_gradients() {
    let x = Tensor::<1>::from_floats([1.0, 2.0, 9.0, 3.0, 4.0], &crate::common::device());
    let x = x.reshape([1, 1, 1, 5]).require_grad();
    let options =
        Pool2dOptions { kernel: [1, 3], stride: [1, 1], padding: [0, 1], ceil_mode: false };
    let found = max_pool2d(x.clone(), options).sum().backward();
    assert_eq!(host(x.grad(&found).unwrap()), [0.0, 1.0, 3.0, 0.0, 1.0]);
}
