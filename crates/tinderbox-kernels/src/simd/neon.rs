//! Sixteen floats on 64-bit ARM.

use std::arch::aarch64::{
    float32x4_t, vaddq_f32, vaddq_s32, vbslq_f32, vcgtq_f32, vcltq_f32, vcvtnq_s32_f32, vdivq_f32,
    vdupq_n_f32, vdupq_n_s32, vfmaq_f32, vld1q_f32, vmulq_f32, vreinterpretq_f32_s32, vshlq_n_s32,
    vst1q_f32, vsubq_f32,
};

use super::{LANES, Simd};

/// Floats in a register.
const QUARTER: usize = LANES / 4;

#[derive(Clone, Copy)]
pub(crate) struct Neon;

/// The functions of one instruction for each quarter.
macro_rules! quarters {
    ($($name:ident($($arg:ident),*) => $instruction:expr;)*) => {
        $(
            #[inline(always)]
            unsafe fn $name($($arg: Self::V),*) -> Self::V {
                // SAFETY: the caller's.
                std::array::from_fn(|quarter| unsafe { $instruction($($arg[quarter]),*) })
            }
        )*
    };
}

impl Simd for Neon {
    type V = [float32x4_t; 4];
    const TILE: [usize; 2] = [6, 1];

    quarters! {
        add(a, b) => vaddq_f32;
        sub(a, b) => vsubq_f32;
        mul(a, b) => vmulq_f32;
        div(a, b) => vdivq_f32;
        max(a, b) => |a, b| vbslq_f32(vcgtq_f32(a, b), a, b);
        min(a, b) => |a, b| vbslq_f32(vcltq_f32(a, b), a, b);
        fma(a, b, c) => |a, b, c| vfmaq_f32(c, a, b);
        where_positive(x, value) => |x, value| {
            vbslq_f32(vcgtq_f32(x, vdupq_n_f32(0.0)), value, vdupq_n_f32(0.0))
        };
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self::V {
        // SAFETY: the caller's.
        unsafe { [vdupq_n_f32(value); 4] }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::V {
        // SAFETY: the caller's.
        std::array::from_fn(|quarter| unsafe { vld1q_f32(from.add(quarter * QUARTER)) })
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize) -> Self::V {
        let mut values = [0.0; LANES];
        // SAFETY: the caller's.
        unsafe {
            std::ptr::copy_nonoverlapping(from, values.as_mut_ptr(), count.min(LANES));
            Self::load(values.as_ptr())
        }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, value: Self::V) {
        for (quarter, value) in value.into_iter().enumerate() {
            // SAFETY: the caller's.
            unsafe { vst1q_f32(to.add(quarter * QUARTER), value) }
        }
    }

    #[inline(always)]
    unsafe fn store_first(to: *mut f32, value: Self::V, count: usize) {
        let mut values = [0.0; LANES];
        // SAFETY: the caller's.
        unsafe {
            Self::store(values.as_mut_ptr(), value);
            std::ptr::copy_nonoverlapping(values.as_ptr(), to, count.min(LANES));
        }
    }

    #[inline(always)]
    unsafe fn exp2_whole(n: Self::V) -> Self::V {
        n.map(|n| {
            // SAFETY: the caller's.
            unsafe {
                let exponent = vaddq_s32(vcvtnq_s32_f32(n), vdupq_n_s32(127));
                vreinterpretq_f32_s32(vshlq_n_s32::<23>(exponent))
            }
        })
    }

    #[inline(always)]
    unsafe fn transpose(rows: &mut [Self::V; LANES]) {
        let mut numbers = [[0.0; LANES]; LANES];
        for (r, row) in rows.iter().enumerate() {
            // SAFETY: the caller's.
            unsafe { Self::store(numbers[r].as_mut_ptr(), *row) };
        }
        for (c, row) in rows.iter_mut().enumerate() {
            let column: [f32; LANES] = std::array::from_fn(|r| numbers[r][c]);
            // SAFETY: the caller's.
            *row = unsafe { Self::load(column.as_ptr()) };
        }
    }
}
