//! The exponential and what is made of it, for sixteen floats at once.
//!
//! They are made of [`Simd`]'s operations alone, so all paths give the same bits, and they are
//! right for infinities and NaN.
//!
//! Cody and Waite, *Software Manual for the Elementary Functions*, 1980; the polynomial is that of
//! Moshier's Cephes library.

use crate::simd::Simd;

/// Adding and subtracting it rounds to whole numbers: 1.5 · 2²³.
const ROUND: f32 = 12_582_912.0;
/// ln 2 in two parts, of which whole multiples of the first are exact.
const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
/// `(exp(r) - 1 - r) / r²` within half of ln 2 around 0, from the highest power down.
const POLYNOMIAL: [f32; 6] =
    [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5];

/// `x` as `n` times ln 2 and a rest: `n`, and `exp(rest) - 1`.
///
/// # Safety
/// As [`Simd`]'s.
#[inline(always)]
unsafe fn reduce<S: Simd>(x: S::V) -> [S::V; 2] {
    // SAFETY: the caller's.
    unsafe {
        let round = S::splat(ROUND);
        let n = S::sub(S::fma(x, S::splat(std::f32::consts::LOG2_E), round), round);
        let r = S::fma(n, S::splat(-LN_2[0]), x);
        let r = S::fma(n, S::splat(-LN_2[1]), r);
        let mut p = S::splat(POLYNOMIAL[0]);
        for coefficient in &POLYNOMIAL[1..] {
            p = S::fma(p, r, S::splat(*coefficient));
        }
        [n, S::fma(S::mul(r, r), p, r)]
    }
}

/// `x` within two bounds; NaN stays NaN.
///
/// # Safety
/// As [`Simd`]'s.
#[inline(always)]
unsafe fn clamp<S: Simd>(x: S::V, low: f32, high: f32) -> S::V {
    // SAFETY: the caller's.
    unsafe { S::max(S::splat(low), S::min(S::splat(high), x)) }
}

/// `exp(x)`, infinite above 88.7 and 0 below -104.
///
/// # Safety
/// As [`Simd`]'s.
#[inline(always)]
pub(crate) unsafe fn exp<S: Simd>(x: S::V) -> S::V {
    // SAFETY: the caller's; the halves of a power of two between -150 and 129 lie in its range.
    unsafe {
        let [n, p] = reduce::<S>(clamp::<S>(x, -104.0, 89.0));
        let round = S::splat(ROUND);
        let half = S::sub(S::fma(n, S::splat(0.5), round), round);
        let y = S::mul(S::add(p, S::splat(1.0)), S::exp2_whole(half));
        S::mul(y, S::exp2_whole(S::sub(n, half)))
    }
}

/// `1 / (1 + exp(-x))`
///
/// # Safety
/// As [`Simd`]'s.
#[inline(always)]
pub(crate) unsafe fn sigmoid<S: Simd>(x: S::V) -> S::V {
    // SAFETY: the caller's.
    unsafe {
        let one = S::splat(1.0);
        S::div(one, S::add(one, exp::<S>(S::sub(S::zero(), x))))
    }
}

/// `(exp(2x) - 1) / (exp(2x) + 1)`, by an `exp - 1` that keeps its digits around 0.
///
/// # Safety
/// As [`Simd`]'s.
#[inline(always)]
pub(crate) unsafe fn tanh<S: Simd>(x: S::V) -> S::V {
    // SAFETY: the caller's; the power of two is between -29 and 29.
    unsafe {
        // It is 1 in all digits from 9.1 on.
        let [n, p] = reduce::<S>(clamp::<S>(S::add(x, x), -20.0, 20.0));
        let power = S::exp2_whole(n);
        let e = S::fma(power, p, S::sub(power, S::splat(1.0)));
        S::div(e, S::add(e, S::splat(2.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{LANES, force_path, multiversion, paths};

    multiversion! {
        fn all(x: &[f32], out: &mut Vec<[f32; LANES]>) = {
            assert_eq!(x.len(), LANES);
            // SAFETY: there are LANES numbers; this is compiled for the path that runs.
            unsafe {
                let x = S::load(x.as_ptr());
                for y in [exp::<S>(x), sigmoid::<S>(x), tanh::<S>(x)] {
                    let mut lanes = [0.0; LANES];
                    S::store(lanes.as_mut_ptr(), y);
                    out.push(lanes);
                }
            }
        }
    }

    fn run(xs: &[f32]) -> Vec<[[f32; LANES]; 3]> {
        let mut out = Vec::new();
        xs.chunks_exact(LANES).for_each(|xs| all(xs, &mut out));
        out.as_chunks().0.to_vec()
    }

    /// From tiny to beyond all bounds, both signs.
    fn numbers() -> Vec<f32> {
        let sizes = (0..4000).map(|i| 1e-9 * (f64::from(i) * 0.0067).exp());
        let all = sizes.flat_map(|x| [x as f32, -x as f32]);
        let near = (-1600..1600).map(|i| i as f32 / 100.0);
        all.chain(near).collect()
    }

    /// The difference in units of the last place of the true value, denormal ones included.
    fn ulps(found: f32, want: f64) -> f64 {
        let near = want as f32;
        if found == near {
            return 0.0;
        }
        let unit = f64::from(f32::from_bits(near.abs().to_bits() + 1)) - f64::from(near.abs());
        (f64::from(found) - want).abs() / unit
    }

    #[test]
    fn they_are_right_to_a_few_units_of_the_last_place() {
        let xs = numbers();
        let mut worst = [0.0_f64; 3];
        for (xs, found) in xs.chunks_exact(LANES).zip(run(&xs)) {
            for (lane, x) in xs.iter().map(|x| f64::from(*x)).enumerate() {
                let want = [x.exp(), 1.0 / (1.0 + (-x).exp()), x.tanh()];
                for (at, want) in want.into_iter().enumerate() {
                    let tiny = want < f64::from(f32::MIN_POSITIVE);
                    // A sigmoid is 0 where its exponential is beyond all numbers.
                    if !(at == 1 && tiny) && want < f64::from(f32::MAX) {
                        worst[at] = worst[at].max(ulps(found[at][lane], want));
                    }
                }
            }
        }
        assert!(worst.iter().all(|worst| *worst < 3.5), "{worst:?}");
    }

    #[test]
    fn what_is_infinite_or_no_number_is_right() {
        let mut xs = [0.0; LANES];
        let special =
            [f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, f32::MAX, f32::MIN, 89.0, -105.0];
        xs[..8].copy_from_slice(&special);
        xs[8] = f32::NAN;
        let inf = f32::INFINITY;
        for path in paths() {
            force_path(path);
            let [exp, sigmoid, tanh] = run(&xs)[0];
            assert_eq!(exp[..8], [inf, 0.0, 1.0, 1.0, inf, 0.0, inf, 0.0]);
            assert_eq!(sigmoid[..7], [1.0, 0.0, 0.5, 0.5, 1.0, 0.0, 1.0]);
            assert_eq!(tanh[..8], [1.0, -1.0, 0.0, 0.0, 1.0, -1.0, 1.0, -1.0]);
            assert!(exp[8].is_nan() && sigmoid[8].is_nan() && tanh[8].is_nan());
        }
        force_path(paths()[0]);
    }

    #[test]
    fn every_path_gives_the_same_bits() {
        let xs = numbers();
        let mut first = None;
        for path in paths() {
            force_path(path);
            let found: Vec<u32> =
                run(&xs).iter().flatten().flatten().map(|y| y.to_bits()).collect();
            assert!(found == *first.get_or_insert_with(|| found.clone()), "{path:?}");
        }
        force_path(paths()[0]);
    }
}
