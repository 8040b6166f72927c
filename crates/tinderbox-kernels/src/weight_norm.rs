//! Weights as a direction and a length for each row.

use crate::{
    pool::{Shared, for_each, for_each_chunk},
    simd::{LANES, multiversion},
};

/// Numbers that one block of work is of.
const BLOCK: usize = 1 << 15;

/// `out = v * (g / |v|)` for each row of `v`, of which `g` has the length.
///
/// # Panics
/// If the slices do not fit.
pub fn weight_norm(v: &[f32], g: &[f32], out: &mut [f32]) {
    let size = row_len(v, g);
    assert_eq!(out.len(), v.len(), "slices of one length");
    let rows = rows_at_once(size);
    for_each_chunk(out, (rows * size).max(1), |block, out| {
        let first = block * rows;
        scale_rows(&v[first * size..][..out.len()], &g[first..], size, out);
    });
}

/// The gradients of [`weight_norm`]'s direction and length, from that of its output.
///
/// # Panics
/// If the slices do not fit.
pub fn gradient(v: &[f32], g: &[f32], dy: &[f32], dv: &mut [f32], dg: &mut [f32]) {
    let size = row_len(v, g);
    assert_eq!([dy.len(), dv.len(), dg.len()], [v.len(), v.len(), g.len()], "slices that fit");
    let (rows, n) = (rows_at_once(size), g.len());
    let (dv, dg) = (Shared::new(dv.as_mut_ptr()), Shared::new(dg.as_mut_ptr()));
    for_each(n.div_ceil(rows), |block| {
        let (first, end) = (block * rows, n.min((block + 1) * rows));
        let (from, len) = (first * size, (end - first) * size);
        // SAFETY: blocks are disjoint rows of both, which are borrowed for the whole loop.
        let (dv, dg) = unsafe { (dv.slice(from, len), dg.slice(first, end - first)) };
        gradient_rows(&v[from..][..len], &g[first..], &dy[from..][..len], size, dv, dg);
    });
}

/// The length of a row.
fn row_len(v: &[f32], g: &[f32]) -> usize {
    let size = v.len() / g.len().max(1);
    assert_eq!(v.len(), g.len() * size, "rows of one length");
    size
}

fn rows_at_once(size: usize) -> usize {
    (BLOCK / size.max(1)).max(1)
}

multiversion! {
    fn scale_rows(v: &[f32], g: &[f32], size: usize, out: &mut [f32]) => scale_body
}

#[inline(always)]
fn scale_body(v: &[f32], g: &[f32], size: usize, out: &mut [f32]) {
    for ((v, g), out) in v.chunks_exact(size).zip(g).zip(out.chunks_exact_mut(size)) {
        let scale = g / dot(v, v).sqrt();
        out.iter_mut().zip(v).for_each(|(out, v)| *out = v * scale);
    }
}

multiversion! {
    fn gradient_rows(
        v: &[f32],
        g: &[f32],
        dy: &[f32],
        size: usize,
        dv: &mut [f32],
        dg: &mut [f32],
    ) => gradient_body
}

#[inline(always)]
fn gradient_body(v: &[f32], g: &[f32], dy: &[f32], size: usize, dv: &mut [f32], dg: &mut [f32]) {
    let rows = v.chunks_exact(size).zip(dy.chunks_exact(size)).zip(dv.chunks_exact_mut(size));
    for (((v, dy), dv), (g, dg)) in rows.zip(g.iter().zip(dg)) {
        let (squares, along) = (dot(v, v), dot(v, dy));
        let (scale, share) = (g / squares.sqrt(), along / squares);
        *dg = along / squares.sqrt();
        // What points along `v` changes the length alone.
        dv.iter_mut().zip(v).zip(dy).for_each(|((dv, v), dy)| *dv = scale * (dy - v * share));
    }
}

/// The sum of products, in sixteen sums side by side.
#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0f32; LANES];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{noise, on_every_path};

    /// In f64: the output, and the gradients of direction and length.
    fn plain(v: &[f32], g: &[f32], dy: &[f32]) -> [Vec<f64>; 3] {
        let size = v.len() / g.len();
        let mut found: [Vec<f64>; 3] = Default::default();
        for ((v, dy), g) in v.chunks(size).zip(dy.chunks(size)).zip(g) {
            let product = |a: &[f32], b: &[f32]| -> f64 {
                a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
            };
            let (norm, along) = (product(v, v).sqrt(), product(v, dy));
            let scale = f64::from(*g) / norm;
            found[0].extend(v.iter().map(|v| f64::from(*v) * scale));
            let of = |(v, dy): (&f32, &f32)| {
                scale * (f64::from(*dy) - f64::from(*v) * along / (norm * norm))
            };
            found[1].extend(v.iter().zip(dy).map(of));
            found[2].push(along / norm);
        }
        found
    }

    #[test]
    fn every_row_length_is_the_formula() {
        for size in (1..=2 * LANES + 1).chain([147, 4608]) {
            for rows in [1, 3, 40] {
                let (v, g) = (noise(1, rows * size), noise(2, rows));
                let dy = noise(3, rows * size);
                let found = on_every_path(|| {
                    let mut found = [vec![9.0; v.len()], vec![9.0; v.len()], vec![9.0; rows]];
                    weight_norm(&v, &g, &mut found[0]);
                    let [_, dv, dg] = &mut found;
                    gradient(&v, &g, &dy, dv, dg);
                    found
                });
                for (found, wanted) in found.iter().zip(plain(&v, &g, &dy)) {
                    // A row of one number has no direction to change: its gradient is rounding.
                    let largest = wanted.iter().fold(1f64, |a, b| a.max(b.abs()));
                    for (found, wanted) in found.iter().zip(wanted) {
                        let difference = (f64::from(*found) - wanted).abs();
                        assert!(
                            difference < 1e-4 * largest.max(wanted.abs()),
                            "{size}: {found}, {wanted}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn nothing_is_nothing() {
        weight_norm(&[], &[], &mut []);
        gradient(&[], &[], &[], &mut [], &mut []);
    }
}
