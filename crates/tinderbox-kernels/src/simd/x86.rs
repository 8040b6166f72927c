//! Sixteen floats on x86.

use std::arch::x86_64::{
    __m256, __m256i, __m512, __mmask16, _CMP_GT_OQ, _mm256_add_epi32, _mm256_add_ps, _mm256_and_ps,
    _mm256_castsi256_ps, _mm256_cmp_ps, _mm256_cmpgt_epi32, _mm256_cvtps_epi32, _mm256_div_ps,
    _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_maskload_ps, _mm256_maskstore_ps, _mm256_max_ps,
    _mm256_min_ps, _mm256_mul_ps, _mm256_permute2f128_ps, _mm256_set1_epi32, _mm256_set1_ps,
    _mm256_setr_epi32, _mm256_setzero_ps, _mm256_shuffle_ps, _mm256_slli_epi32, _mm256_storeu_ps,
    _mm256_sub_ps, _mm256_unpackhi_ps, _mm256_unpacklo_ps, _mm512_add_epi32, _mm512_add_ps,
    _mm512_castpd_ps, _mm512_castps_pd, _mm512_castsi512_ps, _mm512_cmp_ps_mask,
    _mm512_cvtps_epi32, _mm512_div_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_mask_storeu_ps,
    _mm512_maskz_loadu_ps, _mm512_maskz_mov_ps, _mm512_max_ps, _mm512_min_ps, _mm512_mul_ps,
    _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps, _mm512_shuffle_f32x4, _mm512_slli_epi32,
    _mm512_storeu_ps, _mm512_sub_ps, _mm512_unpackhi_pd, _mm512_unpackhi_ps, _mm512_unpacklo_pd,
    _mm512_unpacklo_ps,
};

use super::{LANES, Simd};

/// Floats in a register of AVX2.
const HALF: usize = LANES / 2;

#[derive(Clone, Copy)]
pub(crate) struct Avx512;

/// A bit for each of the first `count` lanes.
#[inline(always)]
fn mask(count: usize) -> __mmask16 {
    match count {
        LANES.. => __mmask16::MAX,
        count => (1 << count) - 1,
    }
}

/// The functions of one instruction each.
macro_rules! instructions {
    ($($name:ident($($arg:ident),*) => $instruction:ident;)*) => {
        $(
            #[inline(always)]
            unsafe fn $name($($arg: Self::V),*) -> Self::V {
                // SAFETY: the caller's.
                unsafe { $instruction($($arg),*) }
            }
        )*
    };
}

impl Simd for Avx512 {
    type V = __m512;
    const TILE: [usize; 2] = [14, 2];

    instructions! {
        add(a, b) => _mm512_add_ps;
        sub(a, b) => _mm512_sub_ps;
        mul(a, b) => _mm512_mul_ps;
        div(a, b) => _mm512_div_ps;
        max(a, b) => _mm512_max_ps;
        min(a, b) => _mm512_min_ps;
        fma(a, b, c) => _mm512_fmadd_ps;
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self::V {
        // SAFETY: the caller's.
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::V {
        // SAFETY: the caller's.
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize) -> Self::V {
        // SAFETY: the caller's; lanes behind `count` are not read.
        unsafe { _mm512_maskz_loadu_ps(mask(count), from) }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, value: Self::V) {
        // SAFETY: the caller's.
        unsafe { _mm512_storeu_ps(to, value) }
    }

    #[inline(always)]
    unsafe fn store_first(to: *mut f32, value: Self::V, count: usize) {
        // SAFETY: the caller's; lanes behind `count` are not written.
        unsafe { _mm512_mask_storeu_ps(to, mask(count), value) }
    }

    #[inline(always)]
    unsafe fn exp2_whole(n: Self::V) -> Self::V {
        // SAFETY: the caller's.
        unsafe {
            let exponent = _mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127));
            _mm512_castsi512_ps(_mm512_slli_epi32::<23>(exponent))
        }
    }

    #[inline(always)]
    unsafe fn transpose(rows: &mut [Self::V; LANES]) {
        // SAFETY: the caller's.
        unsafe {
            // Squares of 2, then of 4, inside each quarter of the registers.
            for pair in rows.as_chunks_mut::<2>().0 {
                let [a, b] = *pair;
                *pair = [_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b)];
            }
            for four in rows.as_chunks_mut::<4>().0 {
                let [a, b, c, d] = [
                    _mm512_castps_pd(four[0]),
                    _mm512_castps_pd(four[1]),
                    _mm512_castps_pd(four[2]),
                    _mm512_castps_pd(four[3]),
                ];
                *four = [
                    _mm512_castpd_ps(_mm512_unpacklo_pd(a, c)),
                    _mm512_castpd_ps(_mm512_unpackhi_pd(a, c)),
                    _mm512_castpd_ps(_mm512_unpacklo_pd(b, d)),
                    _mm512_castpd_ps(_mm512_unpackhi_pd(b, d)),
                ];
            }
            // Then the quarters themselves.
            for column in 0..4 {
                let [a, b, c, d] =
                    [rows[column], rows[4 + column], rows[8 + column], rows[12 + column]];
                let (ab_low, ab_high) =
                    (_mm512_shuffle_f32x4::<0x88>(a, b), _mm512_shuffle_f32x4::<0xDD>(a, b));
                let (cd_low, cd_high) =
                    (_mm512_shuffle_f32x4::<0x88>(c, d), _mm512_shuffle_f32x4::<0xDD>(c, d));
                rows[column] = _mm512_shuffle_f32x4::<0x88>(ab_low, cd_low);
                rows[4 + column] = _mm512_shuffle_f32x4::<0x88>(ab_high, cd_high);
                rows[8 + column] = _mm512_shuffle_f32x4::<0xDD>(ab_low, cd_low);
                rows[12 + column] = _mm512_shuffle_f32x4::<0xDD>(ab_high, cd_high);
            }
        }
    }

    #[inline(always)]
    unsafe fn where_positive(x: Self::V, value: Self::V) -> Self::V {
        // SAFETY: the caller's.
        unsafe {
            let positive = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(x, _mm512_setzero_ps());
            _mm512_maskz_mov_ps(positive, value)
        }
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Avx2;

/// All bits set in the first `count` lanes of eight.
#[inline(always)]
unsafe fn half_mask(count: usize) -> __m256i {
    // SAFETY: the caller's.
    unsafe {
        let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        _mm256_cmpgt_epi32(_mm256_set1_epi32(count.min(HALF) as i32), lanes)
    }
}

/// [`Simd::exp2_whole`] of eight floats.
#[inline(always)]
unsafe fn exp2_whole_half(n: __m256) -> __m256 {
    // SAFETY: the caller's.
    unsafe {
        let exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
        _mm256_castsi256_ps(_mm256_slli_epi32::<23>(exponent))
    }
}

/// Turns a square of eight rows.
#[inline(always)]
unsafe fn transpose_half(rows: &mut [__m256; HALF]) {
    // SAFETY: the caller's.
    unsafe {
        for pair in rows.as_chunks_mut::<2>().0 {
            let [a, b] = *pair;
            *pair = [_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b)];
        }
        for four in rows.as_chunks_mut::<4>().0 {
            let [a, b, c, d] = *four;
            *four = [
                _mm256_shuffle_ps::<0x44>(a, c),
                _mm256_shuffle_ps::<0xEE>(a, c),
                _mm256_shuffle_ps::<0x44>(b, d),
                _mm256_shuffle_ps::<0xEE>(b, d),
            ];
        }
        for column in 0..4 {
            let (a, b) = (rows[column], rows[4 + column]);
            rows[column] = _mm256_permute2f128_ps::<0x20>(a, b);
            rows[4 + column] = _mm256_permute2f128_ps::<0x31>(a, b);
        }
    }
}

/// The functions of one instruction for each half.
macro_rules! halves {
    ($($name:ident($($arg:ident),*) => $instruction:ident;)*) => {
        $(
            #[inline(always)]
            unsafe fn $name($($arg: Self::V),*) -> Self::V {
                // SAFETY: the caller's.
                unsafe { [$instruction($($arg[0]),*), $instruction($($arg[1]),*)] }
            }
        )*
    };
}

impl Simd for Avx2 {
    type V = [__m256; 2];
    const TILE: [usize; 2] = [6, 1];

    halves! {
        add(a, b) => _mm256_add_ps;
        sub(a, b) => _mm256_sub_ps;
        mul(a, b) => _mm256_mul_ps;
        div(a, b) => _mm256_div_ps;
        max(a, b) => _mm256_max_ps;
        min(a, b) => _mm256_min_ps;
        fma(a, b, c) => _mm256_fmadd_ps;
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self::V {
        // SAFETY: the caller's.
        unsafe { [_mm256_set1_ps(value); 2] }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::V {
        // SAFETY: the caller's.
        unsafe { [_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(HALF))] }
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize) -> Self::V {
        // SAFETY: the caller's; lanes behind `count` are not read.
        unsafe {
            let rest = count.saturating_sub(HALF);
            let second = from.wrapping_add(HALF);
            [
                _mm256_maskload_ps(from, half_mask(count)),
                _mm256_maskload_ps(second, half_mask(rest)),
            ]
        }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, value: Self::V) {
        // SAFETY: the caller's.
        unsafe {
            _mm256_storeu_ps(to, value[0]);
            _mm256_storeu_ps(to.add(HALF), value[1]);
        }
    }

    #[inline(always)]
    unsafe fn store_first(to: *mut f32, value: Self::V, count: usize) {
        // SAFETY: the caller's; lanes behind `count` are not written.
        unsafe {
            let rest = count.saturating_sub(HALF);
            _mm256_maskstore_ps(to, half_mask(count), value[0]);
            _mm256_maskstore_ps(to.wrapping_add(HALF), half_mask(rest), value[1]);
        }
    }

    #[inline(always)]
    unsafe fn exp2_whole(n: Self::V) -> Self::V {
        // SAFETY: the caller's.
        unsafe { [exp2_whole_half(n[0]), exp2_whole_half(n[1])] }
    }

    #[inline(always)]
    unsafe fn transpose(rows: &mut [Self::V; LANES]) {
        // SAFETY: the caller's.
        unsafe {
            for half in 0..2 {
                for first in [0, HALF] {
                    let mut square = [_mm256_setzero_ps(); HALF];
                    for r in 0..HALF {
                        square[r] = rows[first + r][half];
                    }
                    transpose_half(&mut square);
                    for r in 0..HALF {
                        rows[first + r][half] = square[r];
                    }
                }
            }
            // The two squares off the diagonal change places.
            for r in 0..HALF {
                let other = rows[r][1];
                rows[r][1] = rows[HALF + r][0];
                rows[HALF + r][0] = other;
            }
        }
    }

    #[inline(always)]
    unsafe fn where_positive(x: Self::V, value: Self::V) -> Self::V {
        // SAFETY: the caller's.
        unsafe {
            let zero = _mm256_setzero_ps();
            [
                _mm256_and_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(x[0], zero), value[0]),
                _mm256_and_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(x[1], zero), value[1]),
            ]
        }
    }
}
