//! Operations on one number at a time.

use crate::{
    pool::{Shared, for_each, for_each_chunk},
    scratch::written,
    simd::multiversion,
};

/// Numbers that one block of work is of.
const BLOCK: usize = 1 << 14;

/// `a + b`
///
/// # Panics
/// If the slices are not of one length.
pub fn add(a: &[f32], b: &[f32]) -> Vec<f32> {
    binary(a, b, add_block)
}

/// `a` where `b` is positive, zero elsewhere: the gradient of a ReLU whose output is `b`.
///
/// # Panics
/// If the slices are not of one length.
pub fn where_positive(a: &[f32], b: &[f32]) -> Vec<f32> {
    binary(a, b, where_positive_block)
}

/// Adds its channel's number to each of rows of channels.
///
/// # Panics
/// If there are not whole rows.
pub fn add_to_rows(rows: &mut [f32], of_channels: &[f32]) {
    let channels = of_channels.len();
    assert!(channels > 0 && rows.len().is_multiple_of(channels), "whole rows of {channels}");
    let size = (BLOCK / channels).max(1) * channels;
    for_each_chunk(rows, size, |_, rows| add_to_rows_block(rows, of_channels));
}

/// `x * gain + shift` by channel, in rows of channels.
///
/// # Panics
/// If there are not whole rows, or as many gains as shifts.
pub fn scale_rows(rows: &mut [f32], gain: &[f32], shift: &[f32]) {
    let channels = gain.len();
    assert!(channels > 0 && rows.len().is_multiple_of(channels), "whole rows of {channels}");
    assert_eq!(channels, shift.len(), "a shift for each gain");
    let size = (BLOCK / channels).max(1) * channels;
    for_each_chunk(rows, size, |_, rows| scale_rows_block(rows, gain, shift));
}

fn binary(a: &[f32], b: &[f32], block: fn(&[f32], &[f32], &mut [f32])) -> Vec<f32> {
    assert_eq!(a.len(), b.len(), "slices of one length");
    let write = |out: Shared| {
        for_each(a.len().div_ceil(BLOCK), |at| {
            let range = at * BLOCK..((at + 1) * BLOCK).min(a.len());
            // SAFETY: blocks are disjoint, and written, not read.
            let out = unsafe { out.slice(range.start, range.len()) };
            block(&a[range.clone()], &b[range], out);
        });
    };
    // SAFETY: the blocks cover everything.
    unsafe { written(a.len(), write) }
}

multiversion! {
    fn add_block(a: &[f32], b: &[f32], out: &mut [f32]) => add_body
}

#[inline(always)]
fn add_body(a: &[f32], b: &[f32], out: &mut [f32]) {
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        *out = a + b;
    }
}

multiversion! {
    fn where_positive_block(a: &[f32], b: &[f32], out: &mut [f32]) => where_positive_body
}

#[inline(always)]
fn where_positive_body(a: &[f32], b: &[f32], out: &mut [f32]) {
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        *out = if *b > 0.0 { *a } else { 0.0 };
    }
}

multiversion! {
    fn add_to_rows_block(rows: &mut [f32], of_channels: &[f32]) => add_to_rows_body
}

#[inline(always)]
fn add_to_rows_body(rows: &mut [f32], of_channels: &[f32]) {
    for row in rows.chunks_exact_mut(of_channels.len()) {
        for (value, of_channel) in row.iter_mut().zip(of_channels) {
            *value += of_channel;
        }
    }
}

multiversion! {
    fn scale_rows_block(rows: &mut [f32], gain: &[f32], shift: &[f32]) => scale_rows_body
}

#[inline(always)]
fn scale_rows_body(rows: &mut [f32], gain: &[f32], shift: &[f32]) {
    for row in rows.chunks_exact_mut(gain.len()) {
        for ((value, gain), shift) in row.iter_mut().zip(gain).zip(shift) {
            *value = value.mul_add(*gain, *shift);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_worked_on() {
        for n in [0, 1, 7, 8, 9, 33, BLOCK, BLOCK + 1] {
            let a: Vec<f32> = (0..n).map(|v| v as f32).collect();
            let b: Vec<f32> = (0..n).map(|v| (v % 3) as f32 - 1.0).collect();
            assert!(add(&a, &a).iter().zip(&a).all(|(out, a)| *out == 2.0 * a));
            let cut = where_positive(&a, &b);
            assert!((0..n).all(|i| cut[i] == if i % 3 == 2 { a[i] } else { 0.0 }));
        }
    }

    #[test]
    fn each_channel_gets_its_number() {
        let mut rows = vec![1.0; 3 * 5000];
        add_to_rows(&mut rows, &[1.0, 2.0, 3.0]);
        assert!(rows.chunks(3).all(|row| row == [2.0, 3.0, 4.0]));
        scale_rows(&mut rows, &[2.0, 0.0, 1.0], &[1.0, 5.0, 0.0]);
        assert!(rows.chunks(3).all(|row| row == [5.0, 5.0, 4.0]));
    }
}
