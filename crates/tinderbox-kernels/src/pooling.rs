//! Pooling: one number a channel for each window of a channels-last map.
//!
//! A window is some rows and some columns, so the windows of a map are two lists of ranges. That
//! covers windows that slide as well as the cells of adaptive pooling.

use std::ops::Range;

use crate::{parts::for_each_part, pool::for_each_chunk, simd::multiversion};

/// Numbers that one block of work reads: enough to be worth a thread.
const BLOCK: usize = 1 << 14;

/// Which rows and columns of a map are in the windows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Windows {
    pub rows: Vec<Range<usize>>,
    pub columns: Vec<Range<usize>>,
}

impl Windows {
    /// A kernel that is moved by `stride` over a map of `size`, with `padding` on both sides. What
    /// lies on the padding is left out.
    ///
    /// With `ceil`, windows that reach beyond the padded map count too, unless they begin there:
    /// PyTorch's rule.
    pub fn sliding(
        size: [usize; 2],
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: [usize; 2],
        ceil: bool,
    ) -> Self {
        let [rows, columns] = [0, 1].map(|axis| {
            let (n, kernel, stride, padding) =
                (size[axis], kernel[axis], stride[axis], padding[axis]);
            let room = (n + 2 * padding).saturating_sub(kernel);
            let count = if ceil { room.div_ceil(stride) } else { room / stride } + 1;
            let count = if (count - 1) * stride >= n + padding { count - 1 } else { count };
            let window = |at: usize| {
                let end = (at * stride + kernel).saturating_sub(padding).min(n);
                (at * stride).saturating_sub(padding).min(end)..end
            };
            (0..count).map(window).collect()
        });
        Self { rows, columns }
    }

    /// Cells that cover a map of `size`: rows `i * height / rows .. ceil((i + 1) * height / rows)`,
    /// columns likewise.
    pub fn cells(size: [usize; 2], cells: [usize; 2]) -> Self {
        let [rows, columns] = [0, 1].map(|axis| {
            let (n, cells) = (size[axis], cells[axis]);
            (0..cells).map(|i| i * n / cells..((i + 1) * n).div_ceil(cells)).collect()
        });
        Self { rows, columns }
    }

    /// Rows and columns of each window, in the order of the output.
    pub fn each(&self) -> impl Iterator<Item = (&Range<usize>, &Range<usize>)> {
        self.rows.iter().flat_map(|rows| self.columns.iter().map(move |columns| (rows, columns)))
    }

    /// Height and width of the largest window.
    pub fn largest(&self) -> [usize; 2] {
        [&self.rows, &self.columns].map(|ranges| ranges.iter().map(Range::len).max().unwrap_or(0))
    }

    /// Whether a window has no pixels.
    pub fn has_empty(&self) -> bool {
        self.rows.iter().chain(&self.columns).any(Range::is_empty)
    }
}

/// The sizes of a pooling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pooling {
    pub batch: usize,
    /// Of the input.
    pub height: usize,
    /// Of the input.
    pub width: usize,
    pub channels: usize,
    pub windows: Windows,
}

impl Pooling {
    /// How many numbers the input and the output are.
    pub fn lens(&self) -> [usize; 2] {
        let maps = self.batch * self.channels;
        let windows = self.windows.rows.len() * self.windows.columns.len();
        [maps * self.height * self.width, maps * windows]
    }

    /// Numbers in an image of the input.
    fn image(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Numbers in a row of the output.
    fn out_row(&self) -> usize {
        self.windows.columns.len() * self.channels
    }

    /// Rows of the output that one block of work is of.
    fn rows_per_block(&self) -> usize {
        let [tall, wide] = self.windows.largest();
        (BLOCK / (self.out_row() * tall * wide).max(1)).max(1)
    }

    /// The image that a row of the output belongs to, and its number there.
    fn place<'a>(&self, x: &'a [f32], row: usize) -> (&'a [f32], usize) {
        let rows = self.windows.rows.len();
        (&x[row / rows * self.image()..][..self.image()], row % rows)
    }

    /// The largest number of each window, and where it is: how many rows below the window's first
    /// times the width of the [largest](Windows::largest) window, plus how many columns to the
    /// right. It is the first of several; one that is not a number counts as the largest.
    ///
    /// # Panics
    /// If the slices do not fit, or the largest window has more than 256 pixels.
    pub fn max(&self, x: &[f32], y: &mut [f32], at: &mut [u8]) {
        assert_eq!([x.len(), y.len()], self.lens(), "slices as the sizes say");
        assert_eq!(y.len(), at.len(), "a place for each number");
        let [tall, wide] = self.windows.largest();
        assert!(tall * wide <= 256, "places in a window of {tall} × {wide} do not fit in a byte");
        let (row, rows) = (self.out_row().max(1), self.rows_per_block());
        let parts = y.chunks_mut(rows * row).zip(at.chunks_mut(rows * row));
        for_each_part(parts, |block, (y, at)| {
            let out = y.chunks_exact_mut(row).zip(at.chunks_exact_mut(row));
            for (number, (y, at)) in out.enumerate() {
                let (image, row) = self.place(x, block * rows + number);
                max_row(self, image, row, wide, y, at);
            }
        });
    }

    /// The gradient of [`max`](Self::max)'s input, from where the largest numbers were.
    ///
    /// # Panics
    /// If the slices do not fit.
    pub fn max_gradient(&self, dy: &[f32], at: &[u8], dx: &mut [f32]) {
        assert_eq!([dx.len(), dy.len()], self.lens(), "slices as the sizes say");
        assert_eq!(dy.len(), at.len(), "a place for each number");
        let [tall, wide] = self.windows.largest();
        let steps: Vec<usize> = (0..tall * wide)
            .map(|at| (at / wide * self.width + at % wide) * self.channels)
            .collect();
        let out_image = self.windows.rows.len() * self.out_row();
        for_each_chunk(dx, self.image().max(1), |image, dx| {
            dx.fill(0.0);
            let range = image * out_image..(image + 1) * out_image;
            let pixels = dy[range.clone()].chunks_exact(self.channels);
            let pixels = pixels.zip(at[range].chunks_exact(self.channels));
            for ((rows, columns), (dy, at)) in self.windows.each().zip(pixels) {
                let corner = (rows.start * self.width + columns.start) * self.channels;
                let dx = &mut dx[corner..];
                for (channel, (dy, at)) in dy.iter().zip(at).enumerate() {
                    dx[steps[usize::from(*at)] + channel] += dy;
                }
            }
        });
    }

    /// The sum of each window.
    ///
    /// # Panics
    /// If the slices do not fit.
    pub fn sum(&self, x: &[f32], y: &mut [f32]) {
        self.sums(x, y, false);
    }

    /// The mean of each window.
    ///
    /// # Panics
    /// If the slices do not fit.
    pub fn mean(&self, x: &[f32], y: &mut [f32]) {
        self.sums(x, y, true);
    }

    fn sums(&self, x: &[f32], y: &mut [f32], mean: bool) {
        assert_eq!([x.len(), y.len()], self.lens(), "slices as the sizes say");
        let (row, rows) = (self.out_row().max(1), self.rows_per_block());
        for_each_chunk(y, rows * row, |block, y| {
            for (number, y) in y.chunks_exact_mut(row).enumerate() {
                let (image, row) = self.place(x, block * rows + number);
                sum_row(self, image, row, mean, y);
            }
        });
    }

    /// The gradient of [`mean`](Self::mean)'s input.
    ///
    /// # Panics
    /// If the slices do not fit.
    pub fn mean_gradient(&self, dy: &[f32], dx: &mut [f32]) {
        assert_eq!([dx.len(), dy.len()], self.lens(), "slices as the sizes say");
        let out_image = self.windows.rows.len() * self.out_row();
        for_each_chunk(dx, self.image().max(1), |image, dx| {
            mean_gradient_image(self, &dy[image * out_image..][..out_image], dx);
        });
    }
}

multiversion! {
    /// A row of the output, from the image it is of.
    fn max_row(pooling: &Pooling, image: &[f32], row: usize, wide: usize, y: &mut [f32], at: &mut [u8]) => max_body
}

#[inline(always)]
fn max_body(
    pooling: &Pooling,
    image: &[f32],
    row: usize,
    wide: usize,
    y: &mut [f32],
    at: &mut [u8],
) {
    let channels = pooling.channels;
    let rows = &pooling.windows.rows[row];
    let pixels = y.chunks_exact_mut(channels).zip(at.chunks_exact_mut(channels));
    for (columns, (y, at)) in pooling.windows.columns.iter().zip(pixels) {
        let window = Window { image, rows, columns, wide, width: pooling.width, channels };
        let mut c = 0;
        while c < channels {
            c += match channels - c {
                16.. => max_tile::<16>(&window, c, y, at),
                8.. => max_tile::<8>(&window, c, y, at),
                4.. => max_tile::<4>(&window, c, y, at),
                _ => max_tile::<1>(&window, c, y, at),
            };
        }
    }
}

struct Window<'a> {
    image: &'a [f32],
    rows: &'a Range<usize>,
    columns: &'a Range<usize>,
    /// Of the largest window.
    wide: usize,
    /// Of the image.
    width: usize,
    channels: usize,
}

/// `L` channels of a window, from `c` on. Returns `L`.
#[inline(always)]
fn max_tile<const L: usize>(window: &Window<'_>, c: usize, y: &mut [f32], at: &mut [u8]) -> usize {
    let mut best = [f32::NEG_INFINITY; L];
    let mut place = [0u32; L];
    for (down, row) in window.rows.clone().enumerate() {
        for (right, column) in window.columns.clone().enumerate() {
            let values = &window.image[(row * window.width + column) * window.channels + c..][..L];
            let here = (down * window.wide + right) as u32;
            for l in 0..L {
                let take = values[l] > best[l] || values[l].is_nan();
                best[l] = if take { values[l] } else { best[l] };
                place[l] = if take { here } else { place[l] };
            }
        }
    }
    y[c..c + L].copy_from_slice(&best);
    at[c..c + L].copy_from_slice(&place.map(|place| place as u8));
    L
}

multiversion! {
    /// A row of the output, from the image it is of.
    fn sum_row(pooling: &Pooling, image: &[f32], row: usize, mean: bool, y: &mut [f32]) => sum_body
}

#[inline(always)]
fn sum_body(pooling: &Pooling, image: &[f32], row: usize, mean: bool, y: &mut [f32]) {
    let Pooling { width, channels, .. } = *pooling;
    let rows = &pooling.windows.rows[row];
    for (columns, y) in pooling.windows.columns.iter().zip(y.chunks_exact_mut(channels)) {
        y.fill(0.0);
        for row in rows.clone() {
            let pixels = &image[(row * width + columns.start) * channels..];
            for x in pixels[..columns.len() * channels].chunks_exact(channels) {
                for (y, x) in y.iter_mut().zip(x) {
                    *y += x;
                }
            }
        }
        if mean {
            let n = (rows.len() * columns.len()) as f32;
            for y in y {
                *y /= n;
            }
        }
    }
}

multiversion! {
    /// An image of the input's gradient.
    fn mean_gradient_image(pooling: &Pooling, dy: &[f32], dx: &mut [f32]) => mean_gradient_body
}

#[inline(always)]
fn mean_gradient_body(pooling: &Pooling, dy: &[f32], dx: &mut [f32]) {
    let Pooling { width, channels, .. } = *pooling;
    dx.fill(0.0);
    let mut share = vec![0.0; channels];
    for ((rows, columns), dy) in pooling.windows.each().zip(dy.chunks_exact(channels)) {
        let n = (rows.len() * columns.len()) as f32;
        share.iter_mut().zip(dy).for_each(|(share, dy)| *share = dy / n);
        for row in rows.clone() {
            let pixels = &mut dx[(row * width + columns.start) * channels..];
            for dx in pixels[..columns.len() * channels].chunks_exact_mut(channels) {
                for (dx, share) in dx.iter_mut().zip(&share) {
                    *dx += share;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{fuzz, noise, on_every_path};

    /// Every kind of windows over maps of odd sizes, with every count of channels around the lanes.
    fn grid() -> Vec<Pooling> {
        let mut all = Vec::new();
        for size in [[1, 1], [5, 7], [8, 6]] {
            let mut windows = vec![
                Windows::cells(size, [1, 1]),
                Windows::cells(size, [3, 2]),
                Windows::cells(size, size),
            ];
            for (kernel, stride, padding) in
                [([2, 2], [2, 2], [0, 0]), ([3, 3], [2, 2], [1, 1]), ([3, 2], [1, 3], [1, 0])]
            {
                let fits = (0..2).all(|axis| size[axis] + 2 * padding[axis] >= kernel[axis]);
                for ceil in [false, true].into_iter().filter(|_| fits) {
                    windows.push(Windows::sliding(size, kernel, stride, padding, ceil));
                }
            }
            for (at, windows) in windows.into_iter().enumerate() {
                for channels in (1..=18).chain([31, 33]) {
                    let batch = [1, 3][at % 2];
                    let windows = windows.clone();
                    let [height, width] = size;
                    all.push(Pooling { batch, height, width, channels, windows });
                }
            }
        }
        all
    }

    /// All pixels of each window of the output, for each of its numbers.
    fn by_hand(p: &Pooling, each: &mut dyn FnMut(usize, &[usize])) {
        let mut out = 0;
        for image in 0..p.batch {
            for (rows, columns) in p.windows.each() {
                for c in 0..p.channels {
                    let pixels = rows.clone().flat_map(|y| columns.clone().map(move |x| (y, x)));
                    let at = |(y, x)| ((image * p.height + y) * p.width + x) * p.channels + c;
                    each(out, &pixels.map(at).collect::<Vec<_>>());
                    out += 1;
                }
            }
        }
    }

    fn close(found: &[f32], wanted: &[f32]) {
        for (found, wanted) in found.iter().zip(wanted) {
            assert!((found - wanted).abs() < 1e-5, "{found} {wanted}");
        }
    }

    /// The largest numbers and their gradient against the definition.
    fn check_maxima(p: &Pooling) {
        let [n_in, n_out] = p.lens();
        // Few different numbers, so that there are several largest.
        let x: Vec<f32> = noise(1, n_in).iter().map(|v| (v * 4.0).round()).collect();
        let dy = noise(2, n_out);
        let (y, dx) = on_every_path(|| {
            let (mut y, mut at, mut dx) = (vec![0.0; n_out], vec![0; n_out], vec![9.0; n_in]);
            p.max(&x, &mut y, &mut at);
            p.max_gradient(&dy, &at, &mut dx);
            (y, dx)
        });
        let mut gradient = vec![0.0; n_in];
        by_hand(p, &mut |out, pixels| {
            let mut first = pixels[0];
            for at in pixels {
                first = if x[*at] > x[first] { *at } else { first };
            }
            assert_eq!(y[out], x[first]);
            gradient[first] += dy[out];
        });
        close(&dx, &gradient);
    }

    #[test]
    fn maxima_and_their_gradients_are_the_definitions() {
        grid().iter().for_each(check_maxima);
    }

    /// Sums, means and their gradient against the definition.
    fn check_means(p: &Pooling) {
        let [n_in, n_out] = p.lens();
        let (x, dy) = (noise(1, n_in), noise(2, n_out));
        let (sum, mean, dx) = on_every_path(|| {
            let (mut sum, mut mean, mut dx) = (vec![0.0; n_out], vec![0.0; n_out], vec![9.0; n_in]);
            p.sum(&x, &mut sum);
            p.mean(&x, &mut mean);
            p.mean_gradient(&dy, &mut dx);
            (sum, mean, dx)
        });
        let mut gradient = vec![0.0; n_in];
        by_hand(p, &mut |out, pixels| {
            let total: f32 = pixels.iter().map(|at| x[*at]).sum();
            let n = pixels.len() as f32;
            close(&[sum[out], mean[out]], &[total, total / n]);
            for at in pixels {
                gradient[*at] += dy[out] / n;
            }
        });
        close(&dx, &gradient);
    }

    #[test]
    fn means_and_their_gradients_are_the_definitions() {
        grid().iter().for_each(check_means);
    }

    proptest! {
        #![proptest_config(fuzz())]

        #[test]
        fn any_windows_are_the_definitions(
            [batch, channels] in [1..4usize, 1..70],
            size in [1..20usize, 1..20],
            kernel in [1..5usize, 1..5],
            stride in [1..5usize, 1..5],
            half in [0..5usize, 0..5],
            ceil in any::<bool>(),
        ) {
            // Every window covers a pixel of the map.
            let padding = [0, 1].map(|axis| half[axis].min(kernel[axis] / 2));
            let kernel = [0, 1].map(|axis| kernel[axis].min(size[axis] + 2 * padding[axis]));
            let windows = Windows::sliding(size, kernel, stride, padding, ceil);
            let [height, width] = size;
            let pooling = Pooling { batch, height, width, channels, windows };
            check_means(&pooling);
            check_maxima(&pooling);
        }
    }

    #[test]
    fn what_is_not_a_number_is_the_largest() {
        let windows = Windows::cells([2, 2], [1, 1]);
        let p = Pooling { batch: 1, height: 2, width: 2, channels: 1, windows };
        let (mut y, mut at) = ([0.0], [0]);
        p.max(&[1.0, f32::NAN, 3.0, 2.0], &mut y, &mut at);
        assert!(y[0].is_nan());
        assert_eq!(at, [1]);
        p.max(&[f32::NEG_INFINITY; 4], &mut y, &mut at);
        assert_eq!((y, at), ([f32::NEG_INFINITY], [0]));
    }

    #[test]
    fn the_last_window_begins_on_the_map() {
        let rows = |n, ceil| Windows::sliding([n, 1], [2, 1], [2, 1], [1, 0], ceil).rows;
        assert_eq!(rows(4, false), [0..1, 1..3, 3..4]);
        assert_eq!(rows(5, true), [0..1, 1..3, 3..5]);
        assert_eq!(rows(5, false), [0..1, 1..3, 3..5]);
    }
}
