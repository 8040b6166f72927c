//! Pooling composed of Burn's own operations.

use std::ops::Range;

use burn::{
    backend::{
        Backend, TensorMetadata, get_device_settings,
        tensor::{FloatTensor, IntTensor},
    },
    tensor::{IndexingUpdateOp, Shape, Slice},
};

use crate::pool::{
    Pool2dOptions,
    backend::{Cut, MaxPooled},
};

pub(crate) fn max_pool<B: Backend>(x: FloatTensor<B>, cut: Cut) -> MaxPooled<B> {
    let ints = get_device_settings::<B>(&x.device()).int_dtype;
    match cut {
        Cut::Cells(cells) => max_cells::<B>(&x, cells),
        Cut::Sliding(Pool2dOptions { kernel, stride, padding, ceil_mode }) => {
            let out =
                B::max_pool2d_with_indices(x, kernel, stride, padding, [1, 1], ceil_mode, ints);
            MaxPooled { y: out.output, at: out.indices }
        }
    }
}

pub(crate) fn max_pool_gradient<B: Backend>(
    dy: FloatTensor<B>,
    at: IntTensor<B>,
    shape: [usize; 4],
    cut: Cut,
) -> FloatTensor<B> {
    // Only its shape is looked at.
    let x = B::float_zeros(Shape::new(shape), &dy.device(), dy.dtype().into());
    match cut {
        Cut::Cells(cells) => max_cells_gradient::<B>(x, &dy, &at, cells),
        Cut::Sliding(Pool2dOptions { kernel, stride, padding, ceil_mode }) => {
            B::max_pool2d_with_indices_backward(
                x,
                kernel,
                stride,
                padding,
                [1, 1],
                ceil_mode,
                dy,
                at,
            )
            .x_grad
        }
    }
}

pub(crate) fn avg_pool<B: Backend>(x: FloatTensor<B>, cut: Cut) -> FloatTensor<B> {
    match cut {
        Cut::Cells(cells) => B::adaptive_avg_pool2d(x, cells),
        Cut::Sliding(Pool2dOptions { kernel, stride, padding, ceil_mode }) => {
            B::avg_pool2d(x, kernel, stride, padding, false, ceil_mode)
        }
    }
}

pub(crate) fn avg_pool_gradient<B: Backend>(
    dy: FloatTensor<B>,
    shape: [usize; 4],
    cut: Cut,
) -> FloatTensor<B> {
    // Only its shape is looked at.
    let x = B::float_zeros(Shape::new(shape), &dy.device(), dy.dtype().into());
    match cut {
        Cut::Cells(_) => B::adaptive_avg_pool2d_backward(x, dy),
        Cut::Sliding(Pool2dOptions { kernel, stride, padding, ceil_mode }) => {
            B::avg_pool2d_backward(x, dy, kernel, stride, padding, false, ceil_mode)
        }
    }
}

/// The part of a `[batch, channels, height, width]` tensor that some rows and columns cut out.
fn region(rows: &Range<usize>, columns: &Range<usize>) -> [Slice; 4] {
    let slice =
        |range: &Range<usize>| Slice::new(range.start as isize, Some(range.end as isize), 1);
    [Slice::full(), Slice::full(), slice(rows), slice(columns)]
}

/// Cell by cell, with the place in the cell.
fn max_cells<B: Backend>(x: &FloatTensor<B>, [rows, columns]: [usize; 2]) -> MaxPooled<B> {
    let ints = get_device_settings::<B>(&x.device()).int_dtype;
    let [batch, channels, height, width] = x.shape().dims();
    let windows = Cut::Cells([rows, columns]).windows([height, width]);
    let (mut y, mut at) = (Vec::new(), Vec::new());
    for (rows, columns) in windows.each() {
        let cell = B::float_slice(x.clone(), &region(rows, columns));
        let cell =
            B::float_reshape(cell, Shape::new([batch, channels, rows.len() * columns.len()]));
        let (largest, place) = B::float_max_dim_with_indices(cell, 2, ints);
        y.push(largest);
        at.push(place);
    }
    let shape = Shape::new([batch, channels, rows, columns]);
    MaxPooled {
        y: B::float_reshape(B::float_cat(y, 2), shape.clone()),
        at: B::int_reshape(B::int_cat(at, 2), shape),
    }
}

fn max_cells_gradient<B: Backend>(
    zeros: FloatTensor<B>,
    dy: &FloatTensor<B>,
    at: &IntTensor<B>,
    [rows, columns]: [usize; 2],
) -> FloatTensor<B> {
    let [batch, channels, height, width] = zeros.shape().dims();
    let windows = Cut::Cells([rows, columns]).windows([height, width]);
    let one = Shape::new([batch, channels, 1]);
    windows.each().enumerate().fold(zeros, |dx, (cell, (cell_rows, cell_columns))| {
        let (row, column) = (cell / columns, cell % columns);
        let of_cell = region(&(row..row + 1), &(column..column + 1));
        let dy = B::float_reshape(B::float_slice(dy.clone(), &of_cell), one.clone());
        let at = B::int_reshape(B::int_slice(at.clone(), &of_cell), one.clone());
        let here = region(cell_rows, cell_columns);
        let before = B::float_slice(dx.clone(), &here);
        let shape = before.shape();
        let flat = Shape::new([batch, channels, cell_rows.len() * cell_columns.len()]);
        let after =
            B::float_scatter(2, B::float_reshape(before, flat), at, dy, IndexingUpdateOp::Add);
        B::float_slice_assign(dx, &here, B::float_reshape(after, shape))
    })
}
