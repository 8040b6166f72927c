//! Batch norm in training, on rows of channels, with the ReLU that may stand before or behind it.
//!
//! A row is a pixel of a channels-last map, or an item of a flat batch. Sums over rows are formed
//! over blocks of fixed size and added in order in f64, so they are the same whatever the threads
//! do, and a variance is taken around a value of its channel, so that it loses no digits.
//!
//! Ioffe and Szegedy, [Batch Normalization](https://arxiv.org/abs/1502.03167), 2015.

use crate::{
    pool::{Shared, for_each, for_each_chunk},
    scratch::written,
    simd::{LANES, Simd, multiversion},
};

/// Where the ReLU stands that is computed with a batch norm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relu {
    None,
    /// fastai's order: its output is what is normalized.
    Before,
    /// torchvision's order.
    After,
}

/// Numbers of one block: enough work to be worth a thread.
const BLOCK: usize = 1 << 14;
/// Lanes that a loop runs over at once.
const WIDE: usize = 4 * LANES;

/// Rows as the loops see them: several pixels side by side where channels are few, so that a
/// number for each channel becomes one for each lane of a wide row.
#[derive(Clone, Copy)]
struct Rows {
    channels: usize,
    /// Pixels of a wide row.
    pixels: usize,
    /// Numbers of a block, whole wide rows.
    block: usize,
}

impl Rows {
    /// # Panics
    /// If `x` is not whole rows.
    fn of(x: &[f32], channels: usize) -> Self {
        assert!(
            channels > 0 && x.len().is_multiple_of(channels),
            "whole rows of {channels} channels"
        );
        let pixels = (WIDE / channels).max(1);
        let width = pixels * channels;
        Self { channels, pixels, block: (BLOCK / width).max(1) * width }
    }

    fn width(self) -> usize {
        self.pixels * self.channels
    }

    /// A number for each lane.
    fn wide(self, of_channels: &[f32]) -> Vec<f32> {
        assert_eq!(of_channels.len(), self.channels, "a number for each channel");
        of_channels.repeat(self.pixels)
    }

    /// Sums over all rows: for each block `sum` adds up `N` numbers a lane; they are added in order.
    fn sums<const N: usize>(
        self,
        len: usize,
        sum: impl Fn(std::ops::Range<usize>, &mut [f32]) + Sync,
    ) -> [Vec<f64>; N] {
        let width = self.width();
        let mut partial = vec![0.0; len.div_ceil(self.block) * N * width];
        for_each_chunk(&mut partial, N * width, |at, sums| {
            sum(at * self.block..((at + 1) * self.block).min(len), sums);
        });
        let mut total = [const { Vec::new() }; N];
        for (n, total) in total.iter_mut().enumerate() {
            *total = vec![0.0; self.channels];
            for sums in partial.chunks_exact(N * width) {
                for pixel in sums[n * width..][..width].chunks_exact(self.channels) {
                    total.iter_mut().zip(pixel).for_each(|(total, sum)| *total += f64::from(*sum));
                }
            }
        }
        total
    }

    /// A vector of `len` numbers whose blocks `write` fills, given where they are.
    ///
    /// # Safety
    /// `write` writes all of its block and reads none of it.
    unsafe fn written(
        self,
        len: usize,
        write: impl Fn(std::ops::Range<usize>, &mut [f32]) + Sync,
    ) -> Vec<f32> {
        let blocks = |out: Shared| {
            for_each(len.div_ceil(self.block), |at| {
                let range = at * self.block..((at + 1) * self.block).min(len);
                // SAFETY: blocks are disjoint, and by the caller's promise never read.
                write(range.clone(), unsafe { out.slice(range.start, range.len()) });
            });
        };
        // SAFETY: the blocks cover everything.
        unsafe { written(len, blocks) }
    }
}

/// What a training pass knows of the batch: one number a channel each.
#[derive(Debug, Clone, PartialEq)]
pub struct Statistics {
    pub mean: Vec<f32>,
    /// Biased: divided by the number of rows.
    pub var: Vec<f32>,
}

impl Statistics {
    /// `1 / sqrt(var + eps)`, the factor that brings a channel to variance 1.
    fn inverse_std(&self, eps: f32) -> Vec<f32> {
        self.var.iter().map(|var| 1.0 / (var + eps).sqrt()).collect()
    }
}

/// Mean and biased variance of each channel.
///
/// # Panics
/// If `x` is not whole rows, or none.
pub fn statistics(x: &[f32], channels: usize) -> Statistics {
    let rows = Rows::of(x, channels);
    let n = (x.len() / channels) as f64;
    assert!(n > 0.0, "statistics of no rows");
    let around = &x[..channels];
    let wide = rows.wide(around);
    let [sum, squares] = rows.sums::<2>(x.len(), |range, sums| {
        let (sum, squares) = sums.split_at_mut(rows.width());
        moments(&x[range], &wide, sum, squares);
    });
    let mean = |c: usize| sum[c] / n;
    Statistics {
        mean: (0..channels).map(|c| (f64::from(around[c]) + mean(c)) as f32).collect(),
        var: (0..channels).map(|c| (squares[c] / n - mean(c).powi(2)).max(0.0) as f32).collect(),
    }
}

multiversion! {
    /// Adds `x - around` up over the rows, and its squares.
    fn moments(x: &[f32], around: &[f32], sum: &mut [f32], squares: &mut [f32]) =
        moments_body::<S>(x, around, sum, squares)
}

#[inline(always)]
fn moments_body<S: Simd>(x: &[f32], around: &[f32], sum: &mut [f32], squares: &mut [f32]) {
    sum_columns::<S, _, 2>(x.len(), around.len(), [sum, squares], Moments { x, around });
}

/// Numbers that are added up for each lane.
///
/// A trait rather than a closure, which the compiler would not always compile into its caller, and
/// so not for its instructions.
trait Terms<const N: usize> {
    /// Of lanes from `at` on, the first `lanes` of them, in this column.
    ///
    /// # Safety
    /// These lanes exist, and the machine has the path of `S`.
    unsafe fn at<S: Simd>(&self, at: usize, lanes: usize, column: usize) -> [S::V; N];
}

struct Moments<'a> {
    x: &'a [f32],
    around: &'a [f32],
}

impl Terms<2> for Moments<'_> {
    #[inline(always)]
    unsafe fn at<S: Simd>(&self, at: usize, lanes: usize, column: usize) -> [S::V; 2] {
        // SAFETY: the caller's.
        unsafe {
            let around = S::load_up_to(self.around.as_ptr().add(column), lanes);
            let d = S::sub(S::load_up_to(self.x.as_ptr().add(at), lanes), around);
            [d, S::mul(d, d)]
        }
    }
}

/// Adds up over rows of `width`, the last of which may be short: `N` numbers for each lane.
#[inline(always)]
#[allow(clippy::needless_pass_by_value)] // made for the call
fn sum_columns<S: Simd, T: Terms<N>, const N: usize>(
    len: usize,
    width: usize,
    sums: [&mut [f32]; N],
    terms: T,
) {
    for column in (0..width).step_by(LANES) {
        let lanes = (width - column).min(LANES);
        // SAFETY: the terms are inside `len`; each store is inside the sums, whose lengths are
        // checked; this is compiled for the path that runs.
        unsafe {
            let mut total = [S::zero(); N];
            let mut row = 0;
            while row + width <= len {
                let values = terms.at::<S>(row + column, lanes, column);
                for n in 0..N {
                    total[n] = S::add(total[n], values[n]);
                }
                row += width;
            }
            let lanes_left = len.saturating_sub(row + column).min(lanes);
            if lanes_left > 0 {
                let values = terms.at::<S>(row + column, lanes_left, column);
                for n in 0..N {
                    // Lanes behind the last number hold what it is not: they are cut off.
                    let mut few = [0.0; LANES];
                    S::store_first(few.as_mut_ptr(), values[n], lanes_left);
                    total[n] = S::add(total[n], S::load(few.as_ptr()));
                }
            }
            for n in 0..N {
                S::store_up_to(sums[n][column..][..lanes].as_mut_ptr(), total[n], lanes);
            }
        }
    }
}

/// The sum of each channel over all rows: the gradient of a bias.
///
/// # Panics
/// If `x` is not whole rows.
pub fn channel_sums(x: &[f32], channels: usize) -> Vec<f32> {
    let rows = Rows::of(x, channels);
    let zero = vec![0.0; rows.width()];
    let [sum, _] = rows.sums::<2>(x.len(), |range, sums| {
        let (sum, squares) = sums.split_at_mut(rows.width());
        moments(&x[range], &zero, sum, squares);
    });
    sum.iter().map(|sum| *sum as f32).collect()
}

/// `(x - mean) * inverse_std * weight + bias`, channel by channel; with a ReLU behind it if so.
///
/// # Panics
/// If `x` is not whole rows, or a channel's number is missing.
pub fn normalize(
    x: &[f32],
    statistics: &Statistics,
    weight: &[f32],
    bias: &[f32],
    eps: f32,
    relu: Relu,
) -> Vec<f32> {
    let rows = Rows::of(x, statistics.mean.len());
    let mean = rows.wide(&statistics.mean);
    let gain = rows.wide(&product(weight, &statistics.inverse_std(eps)));
    let bias = rows.wide(bias);
    let block = match relu {
        Relu::After => normalize_relu_block,
        _ => normalize_block,
    };
    // SAFETY: a block's rows are as many numbers in `x` as in the output, and all are written.
    unsafe { rows.written(x.len(), |range, out| block(&x[range], &mean, &gain, &bias, out)) }
}

fn product(a: &[f32], b: &[f32]) -> Vec<f32> {
    assert_eq!(a.len(), b.len(), "a number for each channel");
    a.iter().zip(b).map(|(a, b)| a * b).collect()
}

multiversion! {
    fn normalize_block(x: &[f32], mean: &[f32], gain: &[f32], bias: &[f32], out: &mut [f32]) => normalize_body::<false>
}
multiversion! {
    fn normalize_relu_block(x: &[f32], mean: &[f32], gain: &[f32], bias: &[f32], out: &mut [f32]) => normalize_body::<true>
}

#[inline(always)]
fn normalize_body<const RELU: bool>(
    x: &[f32],
    mean: &[f32],
    gain: &[f32],
    bias: &[f32],
    out: &mut [f32],
) {
    let width = mean.len();
    for (out, x) in out.chunks_mut(width).zip(x.chunks(width)) {
        let n = out.len();
        let (x, mean, gain, bias) = (&x[..n], &mean[..n], &gain[..n], &bias[..n]);
        for c in 0..n {
            let y = (x[c] - mean[c]).mul_add(gain[c], bias[c]);
            out[c] = if RELU && y < 0.0 { 0.0 } else { y };
        }
    }
}

/// Gradients of a [`normalize`] whose statistics were the batch's.
#[derive(Debug, Clone, PartialEq)]
pub struct Gradients {
    /// Of what was normalized, or of what went into the ReLU before.
    pub x: Vec<f32>,
    pub weight: Vec<f32>,
    pub bias: Vec<f32>,
}

/// The backward pass, from what was normalized: with [`Relu::Before`] what the ReLU gave.
///
/// # Panics
/// If the slices do not fit.
pub fn backward(
    out_gradient: &[f32],
    x: &[f32],
    statistics: &Statistics,
    weight: &[f32],
    bias: &[f32],
    eps: f32,
    relu: Relu,
) -> Gradients {
    let rows = Rows::of(x, statistics.mean.len());
    assert_eq!(x.len(), out_gradient.len(), "a gradient for each number");
    let n = (x.len() / rows.channels) as f64;
    let inverse = statistics.inverse_std(eps);
    let gain = product(weight, &inverse);
    let (mean, wide_gain, wide_bias) =
        (rows.wide(&statistics.mean), rows.wide(&gain), rows.wide(bias));
    let parts = Parts { mean: &mean, gain: &wide_gain, bias: &wide_bias };
    let sums_block = match relu {
        Relu::After => relu_gradient_sums,
        _ => gradient_sums,
    };
    let [sum, centered] = rows.sums::<2>(x.len(), |range, sums| {
        let (sum, centered) = sums.split_at_mut(rows.width());
        sums_block(&out_gradient[range.clone()], &x[range], parts, sum, centered);
    });
    let of_weight = |c: usize| centered[c] * f64::from(inverse[c]);

    // dx = gain * (dy - sum(dy)/n - x̂ * sum(dy x̂)/n), as gain*dy + slope*(x - mean) + shift.
    let slope = |c: usize| -f64::from(gain[c]) * of_weight(c) * f64::from(inverse[c]) / n;
    let shift = |c: usize| -f64::from(gain[c]) * sum[c] / n;
    let of_channels = |value: &dyn Fn(usize) -> f64| -> Vec<f32> {
        (0..rows.channels).map(|c| value(c) as f32).collect()
    };
    let (slope, shift) = (rows.wide(&of_channels(&slope)), rows.wide(&of_channels(&shift)));
    let block = match relu {
        Relu::None => gradient_block,
        Relu::Before => relu_before_gradient_block,
        Relu::After => relu_after_gradient_block,
    };
    let write = |range: std::ops::Range<usize>, dx: &mut [f32]| {
        block(&out_gradient[range.clone()], &x[range], parts, &slope, &shift, dx);
    };
    // SAFETY: a block's rows are as many numbers in `x` as in the gradient, and all are written.
    let dx = unsafe { rows.written(x.len(), write) };
    let bias = sum.iter().map(|sum| *sum as f32).collect();
    Gradients { x: dx, weight: of_channels(&of_weight), bias }
}

/// What says where a ReLU behind the norm cut off, for each lane.
#[derive(Clone, Copy)]
struct Parts<'a> {
    mean: &'a [f32],
    gain: &'a [f32],
    bias: &'a [f32],
}

multiversion! {
    fn gradient_sums(dy: &[f32], x: &[f32], parts: Parts<'_>, sum: &mut [f32], centered: &mut [f32]) =
        gradient_sums_body::<S, false>(dy, x, parts, sum, centered)
}
multiversion! {
    fn relu_gradient_sums(dy: &[f32], x: &[f32], parts: Parts<'_>, sum: &mut [f32], centered: &mut [f32]) =
        gradient_sums_body::<S, true>(dy, x, parts, sum, centered)
}

/// Adds up the gradients that came through, and their products with `x - mean`.
#[inline(always)]
fn gradient_sums_body<S: Simd, const RELU: bool>(
    dy: &[f32],
    x: &[f32],
    parts: Parts<'_>,
    sum: &mut [f32],
    centered: &mut [f32],
) {
    let width = parts.mean.len();
    assert!(dy.len() == x.len() && [parts.gain.len(), parts.bias.len()] == [width; 2]);
    let terms = GradientTerms::<RELU> { dy, x, parts };
    sum_columns::<S, _, 2>(x.len(), width, [sum, centered], terms);
}

struct GradientTerms<'a, const RELU: bool> {
    dy: &'a [f32],
    x: &'a [f32],
    parts: Parts<'a>,
}

impl<const RELU: bool> Terms<2> for GradientTerms<'_, RELU> {
    #[inline(always)]
    unsafe fn at<S: Simd>(&self, at: usize, lanes: usize, column: usize) -> [S::V; 2] {
        let Parts { mean, gain, bias } = self.parts;
        // SAFETY: the caller's.
        unsafe {
            let mean = S::load_up_to(mean.as_ptr().add(column), lanes);
            let d = S::sub(S::load_up_to(self.x.as_ptr().add(at), lanes), mean);
            let dy = S::load_up_to(self.dy.as_ptr().add(at), lanes);
            let dy = match RELU {
                true => {
                    let gain = S::load_up_to(gain.as_ptr().add(column), lanes);
                    let bias = S::load_up_to(bias.as_ptr().add(column), lanes);
                    S::where_positive(S::fma(d, gain, bias), dy)
                }
                false => dy,
            };
            [dy, S::mul(dy, d)]
        }
    }
}

multiversion! {
    fn gradient_block(dy: &[f32], x: &[f32], parts: Parts<'_>, slope: &[f32], shift: &[f32], dx: &mut [f32]) => gradient_body::<false, false>
}
multiversion! {
    fn relu_before_gradient_block(dy: &[f32], x: &[f32], parts: Parts<'_>, slope: &[f32], shift: &[f32], dx: &mut [f32]) => gradient_body::<true, false>
}
multiversion! {
    fn relu_after_gradient_block(dy: &[f32], x: &[f32], parts: Parts<'_>, slope: &[f32], shift: &[f32], dx: &mut [f32]) => gradient_body::<false, true>
}

#[inline(always)]
fn gradient_body<const BEFORE: bool, const AFTER: bool>(
    dy: &[f32],
    x: &[f32],
    Parts { mean, gain, bias }: Parts<'_>,
    slope: &[f32],
    shift: &[f32],
    dx: &mut [f32],
) {
    let width = mean.len();
    for ((dx, dy), x) in dx.chunks_mut(width).zip(dy.chunks(width)).zip(x.chunks(width)) {
        let n = dx.len();
        let (dy, x, mean, gain) = (&dy[..n], &x[..n], &mean[..n], &gain[..n]);
        let (bias, slope, shift) = (&bias[..n], &slope[..n], &shift[..n]);
        for c in 0..n {
            let d = x[c] - mean[c];
            let cut = AFTER && d.mul_add(gain[c], bias[c]) <= 0.0;
            let dy = if cut { 0.0 } else { dy[c] };
            let value = gain[c].mul_add(dy, slope[c].mul_add(d, shift[c]));
            dx[c] = if BEFORE && x[c] <= 0.0 { 0.0 } else { value };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{force_path, paths};

    const CHANNELS: usize = 3;

    fn x() -> Vec<f32> {
        (0..7 * CHANNELS).map(|v| ((v * 37 % 19) as f32 - 9.0) / 5.0).collect()
    }

    /// The loss `sum(y * cot)` of a batch norm, by the definition, in f64.
    fn loss(x: &[f64], weight: &[f64], bias: &[f64], cot: &[f64], relu: Relu) -> f64 {
        let cut = |v: f64, place: Relu| if relu == place { v.max(0.0) } else { v };
        let x: Vec<f64> = x.iter().map(|v| cut(*v, Relu::Before)).collect();
        let rows = x.len() / CHANNELS;
        let mut total = 0.0;
        for c in 0..CHANNELS {
            let column = || x.iter().skip(c).step_by(CHANNELS);
            let mean = column().sum::<f64>() / rows as f64;
            let var = column().map(|v| (v - mean).powi(2)).sum::<f64>() / rows as f64;
            for (v, cot) in column().zip(cot.iter().skip(c).step_by(CHANNELS)) {
                let y = (v - mean) / (var + 1e-5).sqrt() * weight[c] + bias[c];
                total += cut(y, Relu::After) * cot;
            }
        }
        total
    }

    #[test]
    fn the_mean_is_zero_and_the_variance_one_afterwards() {
        let x = x();
        let s = statistics(&x, CHANNELS);
        let y = normalize(&x, &s, &[1.0; CHANNELS], &[0.0; CHANNELS], 0.0, Relu::None);
        let again = statistics(&y, CHANNELS);
        assert!(again.mean.iter().all(|mean| mean.abs() < 1e-6));
        assert!(again.var.iter().all(|var| (var - 1.0).abs() < 1e-5));
    }

    #[test]
    fn a_variance_far_from_zero_keeps_its_digits() {
        let x: Vec<f32> = (0..1000).map(|v| 1000.0 + (v % 2) as f32).collect();
        let s = statistics(&x, 1);
        assert!((s.var[0] - 0.25).abs() < 1e-5, "{}", s.var[0]);
    }

    #[test]
    fn gradients_are_finite_differences() {
        for place in [Relu::None, Relu::Before, Relu::After] {
            let mut a = x();
            let (weight, bias) = ([0.5, -1.5, 2.0], [0.1, 0.2, 0.3]);
            let cot: Vec<f32> = (0..a.len()).map(|v| ((v * 13 % 7) as f32 - 3.0) / 3.0).collect();
            let wide = |values: &[f32]| values.iter().map(|v| f64::from(*v)).collect::<Vec<_>>();
            let raw = wide(&a);
            if place == Relu::Before {
                for v in &mut a {
                    *v = v.max(0.0);
                }
            }
            let s = statistics(&a, CHANNELS);
            let g = backward(&cot, &a, &s, &weight, &bias, 1e-5, place);
            let value = |x: &[f64], w: &[f64], b: &[f64]| loss(x, w, b, &wide(&cot), place);
            let step = 1e-6;
            let slope = |values: &[f64], at: usize, f: &dyn Fn(&[f64]) -> f64| {
                let moved = |by: f64| {
                    let mut values = values.to_vec();
                    values[at] += by;
                    f(&values)
                };
                (moved(step) - moved(-step)) / (2.0 * step)
            };
            for at in (0..raw.len()).filter(|at| raw[*at].abs() > 1e-3) {
                let want = slope(&raw, at, &|x| value(x, &wide(&weight), &wide(&bias)));
                assert!((f64::from(g.x[at]) - want).abs() < 1e-4, "x[{at}]: {} {want}", g.x[at]);
            }
            for c in 0..CHANNELS {
                let want = slope(&wide(&weight), c, &|w| value(&raw, w, &wide(&bias)));
                assert!((f64::from(g.weight[c]) - want).abs() < 1e-4);
                let want = slope(&wide(&bias), c, &|b| value(&raw, &wide(&weight), b));
                assert!((f64::from(g.bias[c]) - want).abs() < 1e-4);
            }
        }
    }

    #[test]
    fn every_path_and_every_number_of_channels_gives_the_same() {
        for channels in [1, 2, 3, 7, 8, 10, 16, 17, 31, 33, 64, 65, 130] {
            for rows in [1, 2, 3, 20, 700] {
                let n = channels * rows;
                let x: Vec<f32> = (0..n).map(|v| ((v * 37 % 101) as f32 - 40.0) / 9.0).collect();
                let dy: Vec<f32> = (0..n).map(|v| ((v * 13 % 29) as f32 - 14.0) / 7.0).collect();
                let weight: Vec<f32> = (0..channels).map(|c| 1.0 - c as f32 / 40.0).collect();
                let bias: Vec<f32> = (0..channels).map(|c| c as f32 / 50.0 - 0.3).collect();
                let found = paths().into_iter().map(|path| {
                    force_path(path);
                    let s = statistics(&x, channels);
                    let y = normalize(&x, &s, &weight, &bias, 1e-5, Relu::After);
                    let g = backward(&dy, &x, &s, &weight, &bias, 1e-5, Relu::After);
                    (s, y, g, channel_sums(&dy, channels))
                });
                let found: Vec<_> = found.collect();
                force_path(paths()[0]);
                assert!(found.iter().all(|other| *other == found[0]), "{channels} {rows}");
                for c in 0..channels {
                    let column = |x: &[f32]| -> Vec<f64> {
                        x.iter().skip(c).step_by(channels).map(|v| f64::from(*v)).collect()
                    };
                    let mean = column(&x).iter().sum::<f64>() / rows as f64;
                    let var = column(&x).iter().map(|v| (v - mean).powi(2)).sum::<f64>();
                    let (s, y, _, sums) = &found[0];
                    assert!((f64::from(s.mean[c]) - mean).abs() < 1e-5);
                    assert!((f64::from(s.var[c]) - var / rows as f64).abs() < 1e-4);
                    assert!((f64::from(sums[c]) - column(&dy).iter().sum::<f64>()).abs() < 1e-3);
                    let std = (f64::from(s.var[c]) + 1e-5).sqrt();
                    let last = column(&x)[rows - 1];
                    let want = (last - mean) / std * f64::from(weight[c]) + f64::from(bias[c]);
                    let got = f64::from(y[(rows - 1) * channels + c]);
                    assert!((got - want.max(0.0)).abs() < 1e-3, "{got} {want}");
                }
            }
        }
    }
}
