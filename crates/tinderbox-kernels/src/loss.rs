//! Cross entropy, from the logits of a row to the sum over all rows, and back.
//!
//! A row is an item's logits, or those of a pixel of a channels-last map.

use crate::{parts::for_each_part, pool::for_each_chunk, simd::multiversion};

/// Numbers that one block of work is of.
const BLOCK: usize = 1 << 13;

/// Sums that are formed side by side: a vector of AVX2.
const LANES: usize = 8;

/// The mean cross entropy of rows, and what its gradient needs.
#[derive(Debug, Clone, PartialEq)]
pub struct CrossEntropy {
    /// In nats; not a number if no row counts.
    pub mean: f32,
    /// What it was divided by: the weights of all targets.
    pub divisor: f32,
    /// The logarithm of the sum of the exponentials, for each row.
    pub log_sums: Vec<f32>,
}

fn check(logits: &[f32], targets: &[Option<usize>], weights: &[f32]) {
    assert_eq!(logits.len(), targets.len() * weights.len(), "a target for each row");
}

/// The mean of `log(Σ exp(x)) - x[target]`, weighted by the target's class. Rows without a target
/// do not count.
///
/// # Panics
/// If the slices do not fit, or a target is not a class.
pub fn cross_entropy(logits: &[f32], targets: &[Option<usize>], weights: &[f32]) -> CrossEntropy {
    check(logits, targets, weights);
    let classes = weights.len();
    let rows = (BLOCK / classes.max(1)).max(1);
    let mut log_sums = vec![0.0; targets.len()];
    let mut sums = vec![[0.0; 2]; targets.len().div_ceil(rows)];
    let parts = log_sums.chunks_mut(rows).zip(&mut sums);
    for_each_part(parts, |block, (log_sums, [sum, divisor])| {
        let from = block * rows;
        log_sums_block(&logits[from * classes..][..log_sums.len() * classes], classes, log_sums);
        for (at, log_sum) in log_sums.iter().enumerate() {
            if let Some(target) = targets[from + at] {
                let loss = log_sum - logits[(from + at) * classes + target];
                *sum += f64::from(loss * weights[target]);
                *divisor += f64::from(weights[target]);
            }
        }
    });
    let [sum, divisor] = sums.iter().fold([0.0; 2], |[a, b], [sum, of]| [a + sum, b + of]);
    CrossEntropy { mean: (sum / divisor) as f32, divisor: divisor as f32, log_sums }
}

/// The gradient of the logits, from the `log_sums` of [`cross_entropy`]; `scale` is the gradient of
/// the mean by the divisor.
///
/// # Panics
/// If the slices do not fit, or a target is not a class.
pub fn gradient(
    logits: &[f32],
    targets: &[Option<usize>],
    weights: &[f32],
    log_sums: &[f32],
    scale: f32,
    out: &mut [f32],
) {
    check(logits, targets, weights);
    assert_eq!(logits.len(), out.len(), "a gradient for each logit");
    let classes = weights.len();
    let rows = (BLOCK / classes.max(1)).max(1);
    for_each_chunk(out, (rows * classes).max(1), |block, out| {
        let (from, n) = (block * rows, out.len() / classes);
        let logits = &logits[from * classes..][..out.len()];
        let gains: Vec<f32> = targets[from..from + n]
            .iter()
            .map(|target| target.map_or(0.0, |target| weights[target] * scale))
            .collect();
        softmax_block(logits, &log_sums[from..from + n], &gains, out);
        for (at, gain) in gains.iter().enumerate() {
            match targets[from + at] {
                Some(target) => out[at * classes + target] -= gain,
                // Also where a logit is infinite.
                None => out[at * classes..][..classes].fill(0.0),
            }
        }
    });
}

multiversion! {
    fn log_sums_block(logits: &[f32], classes: usize, log_sums: &mut [f32]) => log_sums_body
}

#[inline(always)]
fn log_sums_body(logits: &[f32], classes: usize, log_sums: &mut [f32]) {
    for (row, log_sum) in logits.chunks_exact(classes).zip(log_sums) {
        let (lanes, rest) = row.as_chunks::<LANES>();
        let mut largest = [f32::NEG_INFINITY; LANES];
        for lane in lanes {
            for (largest, x) in largest.iter_mut().zip(lane) {
                *largest = if *x > *largest { *x } else { *largest };
            }
        }
        let largest = largest.iter().chain(rest).fold(f32::NEG_INFINITY, |a, b| a.max(*b));
        // If all are infinite, they stay so.
        let shift = if largest.is_finite() { largest } else { 0.0 };
        let mut sums = [0.0; LANES];
        for lane in lanes {
            for (sum, x) in sums.iter_mut().zip(lane) {
                *sum += exp(x - shift);
            }
        }
        for (sum, x) in sums.iter_mut().zip(rest) {
            *sum += exp(x - shift);
        }
        *log_sum = shift + sums.iter().sum::<f32>().ln();
    }
}

multiversion! {
    /// `out = exp(logits - log_sum) * gain`, row by row.
    fn softmax_block(logits: &[f32], log_sums: &[f32], gains: &[f32], out: &mut [f32]) => softmax_body
}

#[inline(always)]
fn softmax_body(logits: &[f32], log_sums: &[f32], gains: &[f32], out: &mut [f32]) {
    let classes = logits.len() / log_sums.len();
    let rows = logits.chunks_exact(classes).zip(out.chunks_exact_mut(classes));
    for ((row, out), (log_sum, gain)) in rows.zip(log_sums.iter().zip(gains)) {
        for (out, x) in out.iter_mut().zip(row) {
            *out = exp(x - log_sum) * gain;
        }
    }
}

/// The exponential, to two units in the last place, in a form that vectorizes: `2^n · e^r` with `n`
/// whole and `r` small. Below -87, where the result would be less than 1e-38, it is zero.
#[inline(always)]
fn exp(x: f32) -> f32 {
    // ln 2 in two parts, so that `n` times the first is exact.
    const LN2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    // Adding and taking off 1.5 · 2^23 rounds to a whole number.
    const ROUND: f32 = 12_582_912.0;
    let clamped = if x > 88.0 { 88.0 } else { x };
    let clamped = if clamped < -87.0 { -87.0 } else { clamped };
    let shifted = clamped.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = n.mul_add(-LN2[1], n.mul_add(-LN2[0], clamped));
    let mut e = 1.0 / 5040.0;
    for term in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        e = r.mul_add(e, term);
    }
    // 2^n by its exponent: `n` is the end of `shifted`'s mantissa.
    let two_n = f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23));
    let y = e * two_n;
    let y = if x < -87.0 { 0.0 } else { y };
    if x > 88.0 { f32::INFINITY } else { y }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{noise, on_every_path};

    #[test]
    fn the_exponential_is_to_the_last_places() {
        for i in -8700..8800 {
            let x = i as f32 / 100.0;
            let (found, wanted) = (f64::from(exp(x)), f64::from(x).exp());
            assert!((found / wanted - 1.0).abs() < 2.5e-7, "exp({x}) = {found}, not {wanted}");
        }
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert_eq!(exp(f32::INFINITY), f32::INFINITY);
        assert!(exp(f32::NAN).is_nan());
    }

    fn mean(logits: &[f64], targets: &[Option<usize>], weights: &[f32]) -> f64 {
        let rows = logits.chunks(weights.len()).zip(targets);
        let [sum, divisor] = rows.fold([0.0; 2], |[sum, divisor], (row, target)| {
            let Some(target) = *target else { return [sum, divisor] };
            let weight = f64::from(weights[target]);
            let log_sum = row.iter().map(|x| x.exp()).sum::<f64>().ln();
            [sum + weight * (log_sum - row[target]), divisor + weight]
        });
        sum / divisor
    }

    #[test]
    fn the_mean_is_the_definition_and_the_gradient_finite_differences() {
        for classes in (1..=18).chain([33]) {
            for rows in [1, 5] {
                let logits: Vec<f32> = noise(1, rows * classes).iter().map(|x| x * 5.0).collect();
                let weights: Vec<f32> = noise(2, classes).iter().map(|x| x + 1.5).collect();
                let target = |row: usize| (row != 2).then_some(row * 7 % classes);
                let targets: Vec<Option<usize>> = (0..rows).map(target).collect();
                let (found, dx) = on_every_path(|| {
                    let found = cross_entropy(&logits, &targets, &weights);
                    let mut dx = vec![9.0; logits.len()];
                    gradient(
                        &logits,
                        &targets,
                        &weights,
                        &found.log_sums,
                        2.0 / found.divisor,
                        &mut dx,
                    );
                    (found, dx)
                });
                let wide: Vec<f64> = logits.iter().map(|x| f64::from(*x)).collect();
                let wanted = mean(&wide, &targets, &weights);
                assert!((f64::from(found.mean) - wanted).abs() < 1e-5, "{} {wanted}", found.mean);
                for at in 0..wide.len() {
                    let moved = |by: f64| {
                        let mut wide = wide.clone();
                        wide[at] += by;
                        mean(&wide, &targets, &weights)
                    };
                    let wanted = 2.0 * (moved(1e-5) - moved(-1e-5)) / 2e-5;
                    assert!((f64::from(dx[at]) - wanted).abs() < 1e-5, "{} {wanted}", dx[at]);
                }
            }
        }
    }

    #[test]
    fn far_logits_do_not_overflow() {
        let found = cross_entropy(&[1000.0, 0.0, -1000.0], &[Some(0)], &[1.0; 3]);
        assert_eq!(found.mean, 0.0);
        assert_eq!(cross_entropy(&[1000.0, 0.0], &[Some(1)], &[1.0; 2]).mean, 1000.0);
    }

    #[test]
    fn many_blocks_are_one_mean() {
        let rows = 3 * BLOCK / 10;
        let found = cross_entropy(&vec![0.5; rows * 10], &vec![Some(3); rows], &[1.0; 10]);
        assert!((found.mean - 10f32.ln()).abs() < 1e-6);
        assert_eq!(found.divisor, rows as f32);
    }
}
