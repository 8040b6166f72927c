//! Rectifiers, and the sum that comes before one.
//!
//! What is not a number stays so, as in PyTorch.

use crate::{pool::for_each_chunk, simd::multiversion};

/// Numbers that one block of work is of.
const BLOCK: usize = 1 << 15;

/// `out = max(a + b, 0)`
///
/// # Panics
/// If the slices are not of one length.
pub fn add_relu(a: &[f32], b: &[f32], out: &mut [f32]) {
    assert_eq!([a.len(), b.len()], [out.len(); 2], "slices of one length");
    for_each_chunk(out, BLOCK, |block, out| {
        let from = block * BLOCK;
        add_relu_block(&a[from..][..out.len()], &b[from..][..out.len()], out);
    });
}

multiversion! {
    fn add_relu_block(a: &[f32], b: &[f32], out: &mut [f32]) => add_relu_body
}

#[inline(always)]
fn add_relu_body(a: &[f32], b: &[f32], out: &mut [f32]) {
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        let sum = a + b;
        *out = if sum < 0.0 { 0.0 } else { sum };
    }
}

/// `out = x` where it is positive, else `slope * x`: a slope of 0 is ReLU.
///
/// # Panics
/// If the slices are not of one length.
pub fn leaky_relu(x: &[f32], slope: f32, out: &mut [f32]) {
    assert_eq!(x.len(), out.len(), "slices of one length");
    for_each_chunk(out, BLOCK, |block, out| {
        let x = &x[block * BLOCK..][..out.len()];
        match slope == 0.0 {
            true => relu_block(x, out),
            false => leaky_relu_block(x, slope, out),
        }
    });
}

multiversion! {
    fn relu_block(x: &[f32], out: &mut [f32]) => relu_body
}

#[inline(always)]
fn relu_body(x: &[f32], out: &mut [f32]) {
    for (out, x) in out.iter_mut().zip(x) {
        *out = if *x < 0.0 { 0.0 } else { *x };
    }
}

multiversion! {
    fn leaky_relu_block(x: &[f32], slope: f32, out: &mut [f32]) => leaky_relu_body
}

#[inline(always)]
fn leaky_relu_body(x: &[f32], slope: f32, out: &mut [f32]) {
    for (out, x) in out.iter_mut().zip(x) {
        *out = if *x < 0.0 { slope * x } else { *x };
    }
}

/// The gradient of a rectifier's input, from its output `y`, which has its input's sign:
/// `dx = dy` where `y` is positive, else `slope * dy`.
///
/// # Panics
/// If the slices are not of one length.
pub fn gradient(dy: &[f32], y: &[f32], slope: f32, dx: &mut [f32]) {
    assert_eq!([dy.len(), y.len()], [dx.len(); 2], "slices of one length");
    for_each_chunk(dx, BLOCK, |block, dx| {
        let from = block * BLOCK;
        gradient_block(&dy[from..][..dx.len()], &y[from..][..dx.len()], slope, dx);
    });
}

multiversion! {
    fn gradient_block(dy: &[f32], y: &[f32], slope: f32, dx: &mut [f32]) => gradient_body
}

#[inline(always)]
fn gradient_body(dy: &[f32], y: &[f32], slope: f32, dx: &mut [f32]) {
    for ((dx, dy), y) in dx.iter_mut().zip(dy).zip(y) {
        let scaled = slope * dy;
        *dx = if *y <= 0.0 { scaled } else { *dy };
    }
}

/// `out = min(max(x, 0), high)`
///
/// # Panics
/// If the slices are not of one length.
pub fn bounded_relu(x: &[f32], high: f32, out: &mut [f32]) {
    assert_eq!(x.len(), out.len(), "slices of one length");
    for_each_chunk(out, BLOCK, |block, out| {
        bounded_block(&x[block * BLOCK..][..out.len()], high, out);
    });
}

multiversion! {
    fn bounded_block(x: &[f32], high: f32, out: &mut [f32]) => bounded_body
}

#[inline(always)]
fn bounded_body(x: &[f32], high: f32, out: &mut [f32]) {
    for (out, x) in out.iter_mut().zip(x) {
        let x = if *x < 0.0 { 0.0 } else { *x };
        *out = if x > high { high } else { x };
    }
}

/// The gradient of what is rectified and bounded, from its output `y`: `dx = dy` where `y` is neither
/// 0 nor `high`.
///
/// # Panics
/// If the slices are not of one length.
pub fn bounded_gradient(dy: &[f32], y: &[f32], high: f32, dx: &mut [f32]) {
    assert_eq!([dy.len(), y.len()], [dx.len(); 2], "slices of one length");
    for_each_chunk(dx, BLOCK, |block, dx| {
        let from = block * BLOCK;
        bounded_gradient_block(&dy[from..][..dx.len()], &y[from..][..dx.len()], high, dx);
    });
}

multiversion! {
    fn bounded_gradient_block(dy: &[f32], y: &[f32], high: f32, dx: &mut [f32]) => bounded_gradient_body
}

#[inline(always)]
fn bounded_gradient_body(dy: &[f32], y: &[f32], high: f32, dx: &mut [f32]) {
    for ((dx, dy), y) in dx.iter_mut().zip(dy).zip(y) {
        let passed = if *y >= high { 0.0 } else { *dy };
        *dx = if *y <= 0.0 { 0.0 } else { passed };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{noise, on_every_path};

    #[test]
    fn every_length_is_bounded() {
        for n in (0..40).chain([BLOCK, BLOCK + 1]) {
            let (x, dy) = (noise(1, n), noise(2, n));
            let (y, dx) = on_every_path(|| {
                let [mut y, mut dx] = [0; 2].map(|_| vec![9.0; n]);
                bounded_relu(&x, 0.5, &mut y);
                bounded_gradient(&dy, &y, 0.5, &mut dx);
                (y, dx)
            });
            for i in 0..n {
                assert_eq!(y[i], x[i].clamp(0.0, 0.5));
                let passes = x[i] > 0.0 && x[i] < 0.5;
                assert_eq!(dx[i], if passes { dy[i] } else { 0.0 });
            }
        }
    }

    #[test]
    fn every_length_is_rectified() {
        for n in (0..40).chain([BLOCK, BLOCK + 1]) {
            let (a, b) = (noise(1, n), noise(2, n));
            for slope in [0.0, 0.25] {
                let (sum, y, dx) = on_every_path(|| {
                    let [mut sum, mut y, mut dx] = [0; 3].map(|_| vec![9.0; n]);
                    add_relu(&a, &b, &mut sum);
                    leaky_relu(&a, slope, &mut y);
                    gradient(&b, &y, slope, &mut dx);
                    (sum, y, dx)
                });
                for i in 0..n {
                    assert_eq!(sum[i], (a[i] + b[i]).max(0.0));
                    assert_eq!(y[i], if a[i] > 0.0 { a[i] } else { slope * a[i] });
                    assert_eq!(dx[i], if a[i] > 0.0 { b[i] } else { slope * b[i] });
                }
            }
        }
    }

    #[test]
    fn what_is_not_a_number_stays_so() {
        let (mut sum, mut y) = ([0.0], [0.0]);
        add_relu(&[f32::NAN], &[1.0], &mut sum);
        leaky_relu(&[f32::NAN], 0.0, &mut y);
        assert!(sum[0].is_nan() && y[0].is_nan());
    }
}
