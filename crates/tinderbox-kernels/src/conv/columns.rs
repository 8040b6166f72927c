//! Correlation of narrow maps: what each output pixel sees is gathered into a row, and the rows of
//! all images make one matrix product.

use super::{Finish, axis::Axis, direct::Maps};
use crate::{
    gemm::{PackedRows, matmul_relu_into},
    pool::{Shared, for_each, for_each_chunk},
    scratch::with_scratch,
};

/// Floats that are gathered at a time.
const GATHERED: usize = 1 << 21;

/// # Panics
/// Never for slices of the lengths that the sizes say; the callers check them.
pub(super) fn correlate(
    maps: &Maps,
    rows: &Axis,
    columns: &Axis,
    input: &[f32],
    weights: &[PackedRows<'_>],
    finish: Finish<'_>,
    out: Shared,
) {
    let [inputs, outputs] = maps.channels;
    let [of_group, out_of_group] = maps.channels.map(|n| n / maps.groups);
    let depth = rows.taps.len() * columns.taps.len() * of_group;
    let placed = rows.step != 1 || columns.step != 1;
    // A 1×1 convolution of every pixel reads its rows where they lie.
    let as_it_lies = depth == inputs
        && rows.inside()
        && columns.inside()
        && rows.stride == 1
        && columns.stride == 1;
    let out_rows = rows.out * columns.out;
    let at_a_time = match as_it_lies && !placed {
        true => maps.batch,
        false => (GATHERED / (out_rows * (depth + outputs)).max(1)).clamp(1, maps.batch.max(1)),
    };
    for first in (0..maps.batch).step_by(at_a_time) {
        let images = at_a_time.min(maps.batch - first);
        let pixels = images * out_rows;
        for (group, &weights) in weights.iter().enumerate() {
            let channel = group * out_of_group;
            let bias = finish.bias.map(|bias| &bias[channel..][..out_of_group]);
            let product = |a: *const f32, a_row: usize| {
                let run = |c: Shared, c_row: usize, add: bool| {
                    // SAFETY: as many rows are gathered, and the output has as many pixels.
                    unsafe {
                        matmul_relu_into(
                            a,
                            a_row,
                            pixels,
                            weights,
                            bias,
                            c,
                            c_row,
                            add,
                            finish.relu,
                        );
                    }
                };
                if !placed {
                    let c = Shared::new(out.at(first * out_rows * outputs + channel));
                    return run(c, outputs, finish.add.is_some());
                }
                with_scratch(pixels * out_of_group, |values| {
                    run(Shared::new(values.as_mut_ptr()), out_of_group, false);
                    place(maps, rows, columns, first, group, values, out);
                });
            };
            if as_it_lies {
                let from = (first * rows.input * columns.input) * inputs;
                product(input[from..].as_ptr(), inputs);
                continue;
            }
            with_scratch(pixels * depth, |gathered| {
                let chunk = columns.out * depth;
                for_each_chunk(gathered, chunk, |at, gathered| {
                    let (image, y) = (first + at / rows.out, at % rows.out);
                    gather(maps, rows, columns, [image, y, group], input, gathered);
                });
                product(gathered.as_ptr(), depth);
            });
        }
    }
}

/// What the pixels of an output row see.
fn gather(
    maps: &Maps,
    rows: &Axis,
    columns: &Axis,
    [image, y, group]: [usize; 3],
    input: &[f32],
    gathered: &mut [f32],
) {
    let inputs = maps.channels[0];
    let of_group = inputs / maps.groups;
    // Taps side by side are one run of numbers where there is one group.
    let run = match maps.groups == 1 && columns.even() == Some(1) {
        true => columns.taps.len(),
        false => 1,
    };
    let mut to = gathered.chunks_exact_mut(run * of_group);
    for x in 0..columns.out {
        for row in &rows.taps {
            let iy = (y * rows.stride) as isize + row.offset;
            let inside = (0..rows.input as isize).contains(&iy);
            for column in columns.taps.iter().step_by(run) {
                let Some(to) = to.next() else { return };
                let ix = (x * columns.stride) as isize + column.offset;
                let before = (-ix).clamp(0, run as isize) as usize;
                let after = (ix + run as isize - columns.input as isize).clamp(0, run as isize);
                let within = run - after as usize;
                if !inside || before >= within {
                    to.fill(0.0);
                    continue;
                }
                let pixel = (image * rows.input + iy as usize) * columns.input;
                let from = (pixel + (ix + before as isize) as usize) * inputs + group * of_group;
                to[..before * of_group].fill(0.0);
                let middle = &mut to[before * of_group..within * of_group];
                middle.copy_from_slice(&input[from..from + middle.len()]);
                to[within * of_group..].fill(0.0);
            }
        }
    }
}

/// Writes pixels to the places of theirs among the strides.
fn place(
    maps: &Maps,
    rows: &Axis,
    columns: &Axis,
    first: usize,
    group: usize,
    values: &[f32],
    out: Shared,
) {
    let outputs = maps.channels[1];
    let of_group = outputs / maps.groups;
    for_each(values.len() / (columns.out * of_group), |at| {
        let (image, y) = (first + at / rows.out, at % rows.out);
        let row = (image * rows.total + rows.first + y * rows.step) * columns.total;
        let values = values[at * columns.out * of_group..].chunks_exact(of_group);
        for (x, value) in values.take(columns.out).enumerate() {
            let to = (row + columns.first + x * columns.step) * outputs + group * of_group;
            // SAFETY: a pixel of the output, which this part alone writes.
            unsafe { out.slice_uninit(to, of_group) }.write_copy_of_slice(value);
        }
    });
}
