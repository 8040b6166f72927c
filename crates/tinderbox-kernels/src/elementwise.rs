//! Operations on one number at a time.

use crate::{pool::for_each_chunk, simd::multiversion};

/// Numbers that one block of work is of.
const BLOCK: usize = 1 << 15;

/// `out = a + b`
///
/// # Panics
/// If the slices are not of one length.
pub fn add(a: &[f32], b: &[f32], out: &mut [f32]) {
    assert_eq!([a.len(), b.len()], [out.len(); 2], "slices of one length");
    for_each_chunk(out, BLOCK, |block, out| {
        let from = block * BLOCK;
        add_block(&a[from..][..out.len()], &b[from..][..out.len()], out);
    });
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_added() {
        for n in [0, 1, 7, 8, 9, 33, BLOCK, BLOCK + 1] {
            let a: Vec<f32> = (0..n).map(|v| v as f32).collect();
            let mut out = vec![0.0; n];
            add(&a, &a, &mut out);
            assert!(out.iter().zip(&a).all(|(out, a)| *out == 2.0 * a));
        }
    }
}
