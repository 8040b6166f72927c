//! Larger and smaller maps, without arithmetic but sums: pixels that are repeated, and channels
//! that become pixels.

use std::ops::Range;

use crate::{
    pool::for_each_chunk,
    pooling::{Pooling, Windows},
    simd::multiversion,
};

/// Numbers that one block of work is of.
const BLOCK: usize = 1 << 14;

/// The sizes of a pixel shuffle: `factor²` channels become a square of pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shuffle {
    /// Rows of all images together, before.
    pub rows: usize,
    /// Before.
    pub width: usize,
    /// Afterwards.
    pub channels: usize,
    pub factor: usize,
}

impl Shuffle {
    /// Numbers in a row before, which become as many in `factor` rows.
    fn row(&self) -> usize {
        self.width * self.channels * self.factor * self.factor
    }

    /// Channel `c * factor² + i * factor + j` becomes channel `c` of row `i` and column `j` of the
    /// square: PyTorch's order.
    ///
    /// # Panics
    /// If the slices do not fit.
    pub fn shuffle(&self, x: &[f32], y: &mut [f32]) {
        self.each_row(x, y, |x, y| shuffle_row(self, x, y));
    }

    /// The way back, which is also the gradient.
    ///
    /// # Panics
    /// If the slices do not fit.
    pub fn unshuffle(&self, y: &[f32], x: &mut [f32]) {
        self.each_row(y, x, |y, x| unshuffle_row(self, y, x));
    }

    fn each_row(&self, from: &[f32], to: &mut [f32], body: impl Fn(&[f32], &mut [f32]) + Sync) {
        let row = self.row();
        assert_eq!([from.len(), to.len()], [self.rows * row; 2], "slices as the sizes say");
        let rows = (BLOCK / row.max(1)).max(1);
        for_each_chunk(to, (rows * row).max(1), |block, to| {
            for (at, to) in to.chunks_exact_mut(row).enumerate() {
                body(&from[(block * rows + at) * row..][..row], to);
            }
        });
    }
}

multiversion! {
    fn shuffle_row(sizes: &Shuffle, x: &[f32], y: &mut [f32]) => shuffle_body
}

#[inline(always)]
fn shuffle_body(sizes: &Shuffle, x: &[f32], y: &mut [f32]) {
    // A factor that the compiler knows makes a loop of its own.
    match sizes.factor {
        2 => each_pixel(sizes, 2, |in_x, in_y| y[in_y] = x[in_x]),
        factor => each_pixel(sizes, factor, |in_x, in_y| y[in_y] = x[in_x]),
    }
}

multiversion! {
    fn unshuffle_row(sizes: &Shuffle, y: &[f32], x: &mut [f32]) => unshuffle_body
}

#[inline(always)]
fn unshuffle_body(sizes: &Shuffle, y: &[f32], x: &mut [f32]) {
    match sizes.factor {
        2 => each_pixel(sizes, 2, |in_x, in_y| x[in_x] = y[in_y]),
        factor => each_pixel(sizes, factor, |in_x, in_y| x[in_x] = y[in_y]),
    }
}

/// Calls `copy` with the place of each number before and afterwards.
#[inline(always)]
fn each_pixel(sizes: &Shuffle, factor: usize, mut copy: impl FnMut(usize, usize)) {
    let Shuffle { width, channels, .. } = *sizes;
    let square = factor * factor;
    for i in 0..factor {
        for pixel in 0..width {
            for j in 0..factor {
                let x = pixel * channels * square + i * factor + j;
                let y = ((i * width + pixel) * factor + j) * channels;
                for c in 0..channels {
                    copy(x + c * square, y + c);
                }
            }
        }
    }
}

/// The sizes of a resize by the nearest pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nearest {
    pub batch: usize,
    /// Height and width, before.
    pub from: [usize; 2],
    /// Height and width, afterwards.
    pub to: [usize; 2],
    pub channels: usize,
}

impl Nearest {
    /// How many numbers the input and the output are.
    pub fn lens(&self) -> [usize; 2] {
        [self.from, self.to].map(|[height, width]| self.batch * height * width * self.channels)
    }

    /// Row `i` is row `floor(i * height / new_height)` of before, columns likewise.
    ///
    /// # Panics
    /// If the slices do not fit.
    pub fn resize(&self, x: &[f32], y: &mut [f32]) {
        assert_eq!([x.len(), y.len()], self.lens(), "slices as the sizes say");
        let Self { from, to, channels, .. } = *self;
        let (row_in, row_out) = (from[1] * channels, to[1] * channels);
        let columns: Vec<usize> =
            (0..to[1]).map(|i| i * from[1] / to[1].max(1) * channels).collect();
        let rows = (BLOCK / row_out.max(1)).max(1);
        for_each_chunk(y, (rows * row_out).max(1), |block, y| {
            for (at, y) in y.chunks_exact_mut(row_out).enumerate() {
                let (image, row) = ((block * rows + at) / to[0], (block * rows + at) % to[0]);
                let x = &x[(image * from[0] + row * from[0] / to[0]) * row_in..][..row_in];
                for (y, column) in y.chunks_exact_mut(channels).zip(&columns) {
                    y.copy_from_slice(&x[*column..][..channels]);
                }
            }
        });
    }

    /// The gradient of [`resize`](Self::resize)'s input: the sum over a pixel's copies.
    ///
    /// # Panics
    /// If the slices do not fit.
    pub fn gradient(&self, dy: &[f32], dx: &mut [f32]) {
        let Self { batch, from, to, channels } = *self;
        let copies = |axis: usize| -> Vec<Range<usize>> {
            let first = |i: usize| (i * to[axis]).div_ceil(from[axis].max(1));
            (0..from[axis]).map(|i| first(i)..first(i + 1)).collect()
        };
        let windows = Windows { rows: copies(0), columns: copies(1) };
        let [height, width] = to;
        Pooling { batch, height, width, channels, windows }.sum(dy, dx);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{noise, on_every_path};

    #[test]
    fn channels_become_pixels_and_come_back() {
        for (rows, width, factor) in [(1, 1, 2), (3, 5, 2), (2, 3, 3), (5, 4, 1)] {
            for channels in 1..=18 {
                let sizes = Shuffle { rows, width, channels, factor };
                let x = noise(1, rows * sizes.row());
                let y = on_every_path(|| {
                    let mut y = vec![0.0; x.len()];
                    sizes.shuffle(&x, &mut y);
                    y
                });
                let back = on_every_path(|| {
                    let mut back = vec![0.0; x.len()];
                    sizes.unshuffle(&y, &mut back);
                    back
                });
                assert_eq!(back, x);
                for (at, found) in y.iter().enumerate() {
                    let (c, pixel) = (at % channels, at / channels);
                    let (column, row) = (pixel % (width * factor), pixel / (width * factor));
                    let channel = (c * factor + row % factor) * factor + column % factor;
                    let pixel = row / factor * width + column / factor;
                    assert_eq!(*found, x[pixel * channels * factor * factor + channel]);
                }
            }
        }
    }

    #[test]
    fn the_nearest_pixel_is_repeated_and_gets_the_sum_of_the_gradients() {
        let sizes = [[1, 1], [3, 4], [5, 2], [6, 8], [7, 7]];
        for (from, to) in sizes.iter().flat_map(|from| sizes.map(|to| (*from, to))) {
            for (batch, channels) in [(1, 1), (2, 7), (1, 8), (3, 9), (1, 17)] {
                let nearest = Nearest { batch, from, to, channels };
                let [n_in, n_out] = nearest.lens();
                let (x, dy) = (noise(1, n_in), noise(2, n_out));
                let (y, dx) = on_every_path(|| {
                    let (mut y, mut dx) = (vec![0.0; n_out], vec![0.0; n_in]);
                    nearest.resize(&x, &mut y);
                    nearest.gradient(&dy, &mut dx);
                    (y, dx)
                });
                let mut wanted = vec![0.0; n_in];
                for (at, found) in y.iter().enumerate() {
                    let (c, pixel) = (at % channels, at / channels);
                    let (column, row) = (pixel % to[1], pixel / to[1] % to[0]);
                    let image = pixel / to[1] / to[0];
                    let row = image * from[0] + row * from[0] / to[0];
                    let source = (row * from[1] + column * from[1] / to[1]) * channels + c;
                    assert_eq!(*found, x[source]);
                    wanted[source] += dy[at];
                }
                for (found, wanted) in dx.iter().zip(&wanted) {
                    assert!((found - wanted).abs() < 1e-5, "{found} {wanted}");
                }
            }
        }
    }
}
