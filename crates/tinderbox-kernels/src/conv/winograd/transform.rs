//! The transforms of tiles, along one axis.

use crate::simd::Simd;

/// Numbers along an axis of the largest transformed tile.
pub(super) const MOST: usize = 6;

/// The transforms of an algorithm `F(OUT, 3)`; two passes, one along each axis, transform a tile.
///
/// # Safety
/// Of all functions: the machine has the path of `S`.
pub(super) trait Transform {
    /// Output pixels of a tile.
    const OUT: usize;
    /// Numbers of a transformed tile.
    const TILE: usize;

    /// `Bᵀ`: [`TILE`](Self::TILE) inputs to as many.
    unsafe fn input<S: Simd>(d: [S::V; MOST]) -> [S::V; MOST];
    /// `Aᵀ`: to the first [`OUT`](Self::OUT).
    unsafe fn output<S: Simd>(m: [S::V; MOST]) -> [S::V; MOST];
    /// `A`: the first [`OUT`](Self::OUT) to [`TILE`](Self::TILE).
    unsafe fn gradient<S: Simd>(y: [S::V; MOST]) -> [S::V; MOST];
    /// `G`
    unsafe fn weights<S: Simd>(w: [S::V; 3]) -> [S::V; MOST];
    /// `Gᵀ`
    unsafe fn sums<S: Simd>(u: [S::V; MOST]) -> [S::V; 3];
}

/// `F(2, 3)`
pub(super) struct F2;

impl Transform for F2 {
    const OUT: usize = 2;
    const TILE: usize = 4;

    #[inline(always)]
    unsafe fn input<S: Simd>([d0, d1, d2, d3, _, _]: [S::V; MOST]) -> [S::V; MOST] {
        // SAFETY: the caller's.
        unsafe {
            let z = S::zero();
            [S::sub(d0, d2), S::add(d1, d2), S::sub(d2, d1), S::sub(d1, d3), z, z]
        }
    }

    #[inline(always)]
    unsafe fn output<S: Simd>([m0, m1, m2, m3, _, _]: [S::V; MOST]) -> [S::V; MOST] {
        // SAFETY: the caller's.
        unsafe {
            let z = S::zero();
            [S::add(m0, S::add(m1, m2)), S::sub(S::sub(m1, m2), m3), z, z, z, z]
        }
    }

    #[inline(always)]
    unsafe fn gradient<S: Simd>([y0, y1, ..]: [S::V; MOST]) -> [S::V; MOST] {
        // SAFETY: the caller's.
        unsafe {
            let z = S::zero();
            [y0, S::add(y0, y1), S::sub(y0, y1), S::sub(z, y1), z, z]
        }
    }

    #[inline(always)]
    unsafe fn weights<S: Simd>([w0, w1, w2]: [S::V; 3]) -> [S::V; MOST] {
        // SAFETY: the caller's.
        unsafe {
            let (z, half) = (S::zero(), S::splat(0.5));
            let sum = S::add(w0, w2);
            [w0, S::mul(half, S::add(sum, w1)), S::mul(half, S::sub(sum, w1)), w2, z, z]
        }
    }

    #[inline(always)]
    unsafe fn sums<S: Simd>([u0, u1, u2, u3, _, _]: [S::V; MOST]) -> [S::V; 3] {
        // SAFETY: the caller's.
        unsafe {
            let half = S::splat(0.5);
            let sum = S::mul(half, S::add(u1, u2));
            [S::add(u0, sum), S::mul(half, S::sub(u1, u2)), S::add(sum, u3)]
        }
    }
}

/// `F(4, 3)`, at the points 0, ±1 and ±2.
pub(super) struct F4;

impl Transform for F4 {
    const OUT: usize = 4;
    const TILE: usize = 6;

    #[inline(always)]
    unsafe fn input<S: Simd>([d0, d1, d2, d3, d4, d5]: [S::V; MOST]) -> [S::V; MOST] {
        // SAFETY: the caller's.
        unsafe {
            let (two, four, minus_four, minus_five) =
                (S::splat(2.0), S::splat(4.0), S::splat(-4.0), S::splat(-5.0));
            let (even, odd) = (S::fma(minus_four, d2, d4), S::fma(minus_four, d1, d3));
            let (even_2, odd_2) = (S::sub(d4, d2), S::mul(two, S::sub(d3, d1)));
            [
                S::fma(four, d0, S::fma(minus_five, d2, d4)),
                S::add(even, odd),
                S::sub(even, odd),
                S::add(even_2, odd_2),
                S::sub(even_2, odd_2),
                S::fma(four, d1, S::fma(minus_five, d3, d5)),
            ]
        }
    }

    #[inline(always)]
    unsafe fn output<S: Simd>([m0, m1, m2, m3, m4, m5]: [S::V; MOST]) -> [S::V; MOST] {
        // SAFETY: the caller's.
        unsafe {
            let z = S::zero();
            let (two, four, eight) = (S::splat(2.0), S::splat(4.0), S::splat(8.0));
            let (sum, difference) = (S::add(m1, m2), S::sub(m1, m2));
            let (sum_2, difference_2) = (S::add(m3, m4), S::sub(m3, m4));
            [
                S::add(m0, S::add(sum, sum_2)),
                S::fma(two, difference_2, difference),
                S::fma(four, sum_2, sum),
                S::add(S::fma(eight, difference_2, difference), m5),
                z,
                z,
            ]
        }
    }

    #[inline(always)]
    unsafe fn gradient<S: Simd>([y0, y1, y2, y3, _, _]: [S::V; MOST]) -> [S::V; MOST] {
        // SAFETY: the caller's.
        unsafe {
            let (two, four) = (S::splat(2.0), S::splat(4.0));
            let (even, odd) = (S::add(y0, y2), S::add(y1, y3));
            let even_2 = S::fma(four, y2, y0);
            let odd_2 = S::mul(two, S::fma(four, y3, y1));
            [
                y0,
                S::add(even, odd),
                S::sub(even, odd),
                S::add(even_2, odd_2),
                S::sub(even_2, odd_2),
                y3,
            ]
        }
    }

    #[inline(always)]
    unsafe fn weights<S: Simd>([w0, w1, w2]: [S::V; 3]) -> [S::V; MOST] {
        // SAFETY: the caller's.
        unsafe {
            let (quarter, sixth) = (S::splat(0.25), S::splat(-1.0 / 6.0));
            let (of_24, of_12) = (S::splat(1.0 / 24.0), S::splat(1.0 / 12.0));
            let sum = S::add(w0, w2);
            let even = S::fma(of_24, w0, S::mul(S::splat(1.0 / 6.0), w2));
            let odd = S::mul(of_12, w1);
            [
                S::mul(quarter, w0),
                S::mul(sixth, S::add(sum, w1)),
                S::mul(sixth, S::sub(sum, w1)),
                S::add(even, odd),
                S::sub(even, odd),
                w2,
            ]
        }
    }

    #[inline(always)]
    unsafe fn sums<S: Simd>([u0, u1, u2, u3, u4, u5]: [S::V; MOST]) -> [S::V; 3] {
        // SAFETY: the caller's.
        unsafe {
            let (quarter, sixth) = (S::splat(0.25), S::splat(1.0 / 6.0));
            let (of_24, of_12) = (S::splat(1.0 / 24.0), S::splat(1.0 / 12.0));
            let first = S::mul(sixth, S::add(u1, u2));
            let second = S::add(u3, u4);
            let odd = S::mul(of_12, S::sub(u3, u4));
            [
                S::add(S::sub(S::mul(quarter, u0), first), S::mul(of_24, second)),
                S::sub(odd, S::mul(sixth, S::sub(u1, u2))),
                S::add(S::sub(S::mul(sixth, second), first), u5),
            ]
        }
    }
}
