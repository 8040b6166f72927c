//! Correlation as products over the segments of padded rows.

use super::{Finish, axis::Axis};
use crate::{
    gemm::{PANEL, PackedRows, Product, Segments, Start, block},
    pool::{Shared, for_each, threads},
    scratch::with_scratch,
    simd::LANES,
};

/// What is correlated.
pub(super) struct Maps {
    pub batch: usize,
    /// Of the input and of the output, all groups together.
    pub channels: [usize; 2],
    pub groups: usize,
}

/// Floats of padded input that a thread works on: they stay in its cache.
const CACHED: usize = 96 * 1024;

/// How many neighboring output pixels are computed as one, so that few channels fill a vector.
pub(super) fn pixels_at_once(
    groups: usize,
    (rows, columns): (&Axis, &Axis),
    outputs: usize,
) -> usize {
    let all = rows.step == 1 && columns.step == 1;
    let dense = groups == 1 && all && columns.even() == Some(1) && rows.even().is_some();
    match outputs {
        // Each input is multiplied for all pixels, so more than a few are a waste.
        1..=4 if dense && columns.out >= 4 => 4,
        5..=8 if dense && columns.out >= 2 => 2,
        _ => 1,
    }
}

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
    let width = columns.span(columns.out);
    let row_len = width * inputs;
    // As many output rows at a time as keep their inputs in the cache and all threads busy.
    let fitting = (CACHED / row_len.max(1)).saturating_sub(rows.reach()) / rows.stride + 1;
    let enough = (maps.batch * rows.out).div_ceil(4 * threads());
    let height = fitting.min(enough.max(2)).clamp(1, rows.out);
    let bands = rows.out.div_ceil(height);
    let tasks = maps.batch * bands;
    // Small maps: several at a time, so that they are worth a thread's while.
    let worth = (1 << 20) / (height * columns.out * outputs * weights[0].size()[0]).max(1);
    let per = worth.min(tasks / (2 * threads())).max(1);
    let pass =
        Pass { maps, rows, columns, weights, finish, out, table: table(maps, rows, columns) };
    for_each(tasks.div_ceil(per), |task| {
        for band in task * per..((task + 1) * per).min(tasks) {
            let (image, first) = (band / bands, band % bands * height);
            let last = (first + height).min(rows.out);
            let top = (first * rows.stride) as isize + rows.low();
            let image_rows = &input[image * rows.input * columns.input * inputs..];
            if rows.inside() && columns.inside() {
                let from = (top as usize * columns.input + columns.low() as usize) * inputs;
                // SAFETY: this band's output rows are written by this task alone.
                unsafe {
                    pass.band(image, first..last, &image_rows[from..], columns.input * inputs);
                };
                continue;
            }
            let padded = rows.span(last - first) * row_len;
            with_scratch(padded, |padded| {
                pad(
                    image_rows,
                    [rows.input, columns.input],
                    inputs,
                    [top, columns.low()],
                    width,
                    padded,
                );
                // SAFETY: as above.
                unsafe { pass.band(image, first..last, padded, row_len) };
            });
        }
    });
}

/// Copies rows of an image from `[top, left]` on, black where there is none.
pub(super) fn pad(
    image: &[f32],
    [height, width]: [usize; 2],
    channels: usize,
    [top, left]: [isize; 2],
    padded_width: usize,
    padded: &mut [f32],
) {
    let before = (-left).max(0) as usize;
    let from = left.max(0) as usize;
    let before = before.min(padded_width);
    let count = width.saturating_sub(from).min(padded_width - before);
    for (y, row) in padded.chunks_exact_mut(padded_width * channels).enumerate() {
        let y = top + y as isize;
        if y < 0 || y >= height as isize {
            row.fill(0.0);
            continue;
        }
        let (black, rest) = row.split_at_mut(before * channels);
        let (middle, after) = rest.split_at_mut(count * channels);
        black.fill(0.0);
        middle
            .copy_from_slice(&image[(y as usize * width + from) * channels..][..count * channels]);
        after.fill(0.0);
    }
}

/// Where the segments of a correlation lie whose taps are not side by side: for each, how many
/// rows and columns from the first, and its place in the weights.
fn table(maps: &Maps, rows: &Axis, columns: &Axis) -> Option<Vec<[usize; 3]>> {
    let dense = maps.groups == 1 && columns.even() == Some(1) && rows.even().is_some();
    if dense {
        return None;
    }
    let inputs = maps.channels[0] / maps.groups;
    let from = |axis: &Axis, tap: isize| (tap - axis.low()) as usize;
    let taps =
        rows.taps.iter().flat_map(|row| columns.taps.iter().map(move |column| (row, column)));
    let place = |(at, (row, column)): (usize, (&super::axis::Tap, &super::axis::Tap))| {
        [from(rows, row.offset), from(columns, column.offset), at * inputs * PANEL]
    };
    Some(taps.enumerate().map(place).collect())
}

/// A correlation under way.
struct Pass<'a> {
    maps: &'a Maps,
    rows: &'a Axis,
    columns: &'a Axis,
    weights: &'a [PackedRows<'a>],
    finish: Finish<'a>,
    out: Shared,
    table: Option<Vec<[usize; 3]>>,
}

impl Pass<'_> {
    /// Computes output rows of an image from the input rows that they see.
    ///
    /// # Safety
    /// No other thread writes these rows of the output.
    unsafe fn band(
        &self,
        image: usize,
        range: std::ops::Range<usize>,
        input: &[f32],
        row_len: usize,
    ) {
        let (rows, columns) = (self.rows, self.columns);
        let [inputs, outputs] = self.maps.channels;
        let [of_group, out_of_group] = self.maps.channels.map(|n| n / self.maps.groups);
        let needed = (rows.span(range.len()) - 1) * row_len + columns.span(columns.out) * inputs;
        assert!(input.len() >= needed, "the rows that the outputs see");
        let segments: Option<Vec<[usize; 2]>> = self.table.as_ref().map(|table| {
            table.iter().map(|[y, x, weight]| [y * row_len + x * inputs, *weight]).collect()
        });
        let wide = pixels_at_once(self.maps.groups, (rows, columns), out_of_group);
        for (group, weights) in self.weights.iter().enumerate() {
            for column in (0..wide * out_of_group).step_by(PANEL) {
                for y in range.clone() {
                    let at = rows.first + y * rows.step;
                    let at = (image * rows.total + at) * columns.total + columns.first;
                    let channel = group * out_of_group + column;
                    let bias = self.finish.bias.map_or(std::ptr::null(), |b| b[channel..].as_ptr());
                    let from = (y - range.start) * rows.stride * row_len + group * of_group;
                    let product = Product {
                        segments: match &segments {
                            Some(table) => Segments::Table(table.as_ptr(), table.len()),
                            None => Segments::Even {
                                count: rows.taps.len(),
                                a: rows.even().unwrap_or(1) * row_len,
                                b: columns.span(wide) * inputs * PANEL,
                            },
                        },
                        length: match &segments {
                            Some(_) => of_group,
                            None => columns.span(wide) * inputs,
                        },
                        a: input[from..].as_ptr(),
                        a_row: wide * columns.stride * inputs,
                        a_step: 1,
                        b: weights.panel(column),
                        b_step: PANEL,
                        c: self.out.at(at * outputs + channel),
                        c_row: wide * columns.step * outputs,
                        start: Start { output: self.finish.add.is_some(), bias },
                        relu: self.finish.relu,
                    };
                    if wide == 1 {
                        let lanes = PANEL.min(out_of_group - column);
                        // SAFETY: the input was checked above, the output is the caller's.
                        unsafe { block(&product, columns.out, lanes) };
                        continue;
                    }
                    let bias: [f32; LANES] = std::array::from_fn(|lane| {
                        self.finish.bias.map_or(0.0, |bias| bias[lane % outputs])
                    });
                    let product = match self.finish.bias {
                        Some(_) => Product {
                            start: Start { bias: bias.as_ptr(), ..product.start },
                            ..product
                        },
                        None => product,
                    };
                    let (whole, rest) = (columns.out / wide, columns.out % wide);
                    // SAFETY: as above.
                    unsafe { block(&product, whole, wide * outputs) };
                    if rest > 0 {
                        let last = Product {
                            length: columns.span(rest) * inputs,
                            a: product.a.wrapping_add(whole * product.a_row),
                            c: product.c.wrapping_add(whole * product.c_row),
                            ..product
                        };
                        // SAFETY: as above; the segments end with what the last pixels see.
                        unsafe { block(&last, 1, rest * outputs) };
                    }
                }
            }
        }
    }
}
