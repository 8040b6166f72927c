//! Batch norm in training, on rows of channels, with the ReLU that may come before it.
//!
//! A row is a pixel of a channels-last map, or an item of a flat batch. Sums over rows are formed
//! over blocks of fixed size and added in order in f64, so they are the same whatever the threads
//! do, and a variance is taken around its mean, so that it loses no digits.
//!
//! Ioffe and Szegedy, [Batch Normalization](https://arxiv.org/abs/1502.03167), 2015.

use crate::{pool::for_each_chunk, simd::multiversion};

/// Rows of one block: enough work to be worth a thread.
fn rows_per_block(channels: usize) -> usize {
    (16384 / channels.max(1)).max(1)
}

/// What a training pass knows of the batch: one number a channel each.
#[derive(Debug, Clone, PartialEq)]
pub struct Statistics {
    pub mean: Vec<f32>,
    /// Biased: divided by the number of rows.
    pub var: Vec<f32>,
}

/// Cuts off what is negative.
pub fn relu(values: &mut [f32]) {
    const BLOCK: usize = 1 << 15;
    for_each_chunk(values, BLOCK, |_, values| relu_block(values));
}

multiversion! {
    fn relu_block(values: &mut [f32]) => relu_body
}

#[inline(always)]
fn relu_body(values: &mut [f32]) {
    for value in values {
        *value = if *value > 0.0 { *value } else { 0.0 };
    }
}

/// Mean and biased variance of each channel.
///
/// # Panics
/// If `x` is not whole rows, or none.
pub fn statistics(x: &[f32], channels: usize) -> Statistics {
    let rows = rows(x, channels);
    assert!(rows > 0, "statistics of no rows");
    let zero = vec![0.0; channels];
    let mean: Vec<f32> = sums(x, channels, |x, sum| sum_block(x, &zero, sum))
        .iter()
        .map(|sum| (sum / rows as f64) as f32)
        .collect();
    let var = sums(x, channels, |x, sum| sum_squares_block(x, &mean, sum));
    let var = var.iter().map(|sum| (sum / rows as f64) as f32).collect();
    Statistics { mean, var }
}

fn rows(x: &[f32], channels: usize) -> usize {
    assert!(channels > 0 && x.len().is_multiple_of(channels), "whole rows of {channels} channels");
    x.len() / channels
}

/// Sums over all rows, by blocks.
fn sums(x: &[f32], channels: usize, block: impl Fn(&[f32], &mut [f32]) + Sync) -> Vec<f64> {
    let size = rows_per_block(channels) * channels;
    let mut partial = vec![0.0; x.len().div_ceil(size) * channels];
    for_each_chunk(&mut partial, channels, |at, sum| {
        block(&x[at * size..][..size.min(x.len() - at * size)], sum);
    });
    add_up(&partial, channels)
}

/// Adds blocks of sums in order.
fn add_up(partial: &[f32], channels: usize) -> Vec<f64> {
    let mut total = vec![0.0; channels];
    for sums in partial.chunks_exact(channels) {
        total.iter_mut().zip(sums).for_each(|(total, sum)| *total += f64::from(*sum));
    }
    total
}

multiversion! {
    fn sum_block(x: &[f32], shift: &[f32], sum: &mut [f32]) => sum_body
}

#[inline(always)]
fn sum_body(x: &[f32], shift: &[f32], sum: &mut [f32]) {
    for row in x.chunks_exact(sum.len()) {
        for ((sum, x), shift) in sum.iter_mut().zip(row).zip(shift) {
            *sum += x - shift;
        }
    }
}

multiversion! {
    fn sum_squares_block(x: &[f32], mean: &[f32], sum: &mut [f32]) => sum_squares_body
}

#[inline(always)]
fn sum_squares_body(x: &[f32], mean: &[f32], sum: &mut [f32]) {
    for row in x.chunks_exact(sum.len()) {
        for ((sum, x), mean) in sum.iter_mut().zip(row).zip(mean) {
            let d = x - mean;
            *sum = d.mul_add(d, *sum);
        }
    }
}

/// `1 / sqrt(var + eps)`, the factor that brings a channel to variance 1.
pub fn inverse_std(var: &[f32], eps: f32) -> Vec<f32> {
    var.iter().map(|var| 1.0 / (var + eps).sqrt()).collect()
}

/// `out = (x - mean) * inverse_std * weight + bias`, channel by channel.
///
/// # Panics
/// If `out` is not as long as `x`, or a channel's number is missing.
pub fn normalize(
    x: &[f32],
    mean: &[f32],
    inverse_std: &[f32],
    weight: &[f32],
    bias: &[f32],
    out: &mut [f32],
) {
    let channels = mean.len();
    rows(x, channels);
    assert_eq!(x.len(), out.len(), "one number out for each number in");
    let gain: Vec<f32> =
        weight.iter().zip(inverse_std).map(|(weight, inverse)| weight * inverse).collect();
    let size = rows_per_block(channels) * channels;
    for_each_chunk(out, size, |at, out| {
        normalize_block(&x[at * size..][..out.len()], mean, &gain, bias, out);
    });
}

multiversion! {
    fn normalize_block(x: &[f32], mean: &[f32], gain: &[f32], bias: &[f32], out: &mut [f32]) => normalize_body
}

#[inline(always)]
fn normalize_body(x: &[f32], mean: &[f32], gain: &[f32], bias: &[f32], out: &mut [f32]) {
    let channels = mean.len();
    let (gain, bias) = (&gain[..channels], &bias[..channels]);
    for (out, x) in out.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
        for c in 0..channels {
            out[c] = (x[c] - mean[c]).mul_add(gain[c], bias[c]);
        }
    }
}

/// Gradients of a [`normalize`] whose statistics were the batch's.
#[derive(Debug, Clone, PartialEq)]
pub struct Gradients {
    pub x: Vec<f32>,
    pub weight: Vec<f32>,
    pub bias: Vec<f32>,
}

/// The backward pass. With `relu`, `x` is what a ReLU gave, and the gradient is that of its input.
///
/// # Panics
/// If the slices do not fit.
pub fn backward(
    out_gradient: &[f32],
    x: &[f32],
    mean: &[f32],
    inverse_std: &[f32],
    weight: &[f32],
    relu: bool,
) -> Gradients {
    let channels = mean.len();
    let n = rows(x, channels) as f32;
    assert_eq!(x.len(), out_gradient.len(), "a gradient for each number");
    let size = rows_per_block(channels) * channels;
    let mut partial = vec![0.0; x.len().div_ceil(size) * 2 * channels];
    for_each_chunk(&mut partial, 2 * channels, |at, sums| {
        let range = at * size..(at * size + size).min(x.len());
        let (bias, weight) = sums.split_at_mut(channels);
        gradient_sums_block(&out_gradient[range.clone()], &x[range], mean, bias, weight);
    });
    let sums = add_up(&partial, 2 * channels);
    let (sum, centered) = sums.split_at(channels);
    let bias: Vec<f32> = sum.iter().map(|sum| *sum as f32).collect();
    let weight_gradient: Vec<f32> = centered
        .iter()
        .zip(inverse_std)
        .map(|(sum, inverse)| (*sum * f64::from(*inverse)) as f32)
        .collect();

    // dx = gain * (dy - sum(dy)/n - x̂ * sum(dy x̂)/n), as gain*dy + slope*(x - mean) + shift.
    let gain: Vec<f32> =
        weight.iter().zip(inverse_std).map(|(weight, inverse)| weight * inverse).collect();
    let slope: Vec<f32> =
        (0..channels).map(|c| -gain[c] * weight_gradient[c] * inverse_std[c] / n).collect();
    let shift: Vec<f32> = (0..channels).map(|c| -gain[c] * bias[c] / n).collect();
    let mut dx = vec![0.0; x.len()];
    for_each_chunk(&mut dx, size, |at, dx| {
        let range = at * size..at * size + dx.len();
        match relu {
            true => relu_gradient_block(
                &out_gradient[range.clone()],
                &x[range],
                mean,
                &gain,
                &slope,
                &shift,
                dx,
            ),
            false => gradient_block(
                &out_gradient[range.clone()],
                &x[range],
                mean,
                &gain,
                &slope,
                &shift,
                dx,
            ),
        }
    });
    Gradients { x: dx, weight: weight_gradient, bias }
}

multiversion! {
    fn gradient_sums_block(dy: &[f32], x: &[f32], mean: &[f32], sum: &mut [f32], centered: &mut [f32]) => gradient_sums_body
}

#[inline(always)]
fn gradient_sums_body(dy: &[f32], x: &[f32], mean: &[f32], sum: &mut [f32], centered: &mut [f32]) {
    let channels = mean.len();
    let (sum, centered) = (&mut sum[..channels], &mut centered[..channels]);
    for (dy, x) in dy.chunks_exact(channels).zip(x.chunks_exact(channels)) {
        for c in 0..channels {
            sum[c] += dy[c];
            centered[c] = dy[c].mul_add(x[c] - mean[c], centered[c]);
        }
    }
}

multiversion! {
    fn gradient_block(dy: &[f32], x: &[f32], mean: &[f32], gain: &[f32], slope: &[f32], shift: &[f32], dx: &mut [f32]) => gradient_body::<false>
}

multiversion! {
    fn relu_gradient_block(dy: &[f32], x: &[f32], mean: &[f32], gain: &[f32], slope: &[f32], shift: &[f32], dx: &mut [f32]) => gradient_body::<true>
}

#[inline(always)]
fn gradient_body<const RELU: bool>(
    dy: &[f32],
    x: &[f32],
    mean: &[f32],
    gain: &[f32],
    slope: &[f32],
    shift: &[f32],
    dx: &mut [f32],
) {
    let channels = mean.len();
    let (gain, slope, shift) = (&gain[..channels], &slope[..channels], &shift[..channels]);
    for ((dx, dy), x) in
        dx.chunks_exact_mut(channels).zip(dy.chunks_exact(channels)).zip(x.chunks_exact(channels))
    {
        for c in 0..channels {
            let value = gain[c].mul_add(dy[c], slope[c].mul_add(x[c] - mean[c], shift[c]));
            dx[c] = if RELU && x[c] <= 0.0 { 0.0 } else { value };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANNELS: usize = 3;

    fn x() -> Vec<f32> {
        (0..7 * CHANNELS).map(|v| ((v * 37 % 19) as f32 - 9.0) / 5.0).collect()
    }

    /// The loss `sum(y * cot)` of a batch norm, by the definition, in f64.
    fn loss(x: &[f64], weight: &[f64], bias: &[f64], cot: &[f64], relu: bool) -> f64 {
        let x: Vec<f64> = x.iter().map(|v| if relu { v.max(0.0) } else { *v }).collect();
        let rows = x.len() / CHANNELS;
        let mut total = 0.0;
        for c in 0..CHANNELS {
            let column = || x.iter().skip(c).step_by(CHANNELS);
            let mean = column().sum::<f64>() / rows as f64;
            let var = column().map(|v| (v - mean).powi(2)).sum::<f64>() / rows as f64;
            for (v, cot) in column().zip(cot.iter().skip(c).step_by(CHANNELS)) {
                total += ((v - mean) / (var + 1e-5).sqrt() * weight[c] + bias[c]) * cot;
            }
        }
        total
    }

    #[test]
    fn the_mean_is_zero_and_the_variance_one_afterwards() {
        let x = x();
        let s = statistics(&x, CHANNELS);
        let mut y = vec![0.0; x.len()];
        normalize(
            &x,
            &s.mean,
            &inverse_std(&s.var, 0.0),
            &[1.0; CHANNELS],
            &[0.0; CHANNELS],
            &mut y,
        );
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
        for relu_before in [false, true] {
            let mut a = x();
            let (weight, bias) = ([0.5, -1.5, 2.0], [0.1, 0.2, 0.3]);
            let cot: Vec<f32> = (0..a.len()).map(|v| ((v * 13 % 7) as f32 - 3.0) / 3.0).collect();
            let wide = |values: &[f32]| values.iter().map(|v| f64::from(*v)).collect::<Vec<_>>();
            let raw = wide(&a);
            if relu_before {
                relu(&mut a);
            }
            let s = statistics(&a, CHANNELS);
            let inverse = inverse_std(&s.var, 1e-5);
            let g = backward(&cot, &a, &s.mean, &inverse, &weight, relu_before);
            let value = |x: &[f64], w: &[f64], b: &[f64]| loss(x, w, b, &wide(&cot), relu_before);
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
}
