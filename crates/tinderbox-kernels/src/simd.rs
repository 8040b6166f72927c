//! One source, compiled for several machines.
//!
//! The unit of all kernels is sixteen floats: one register of AVX-512, two of AVX2, four of NEON,
//! an array anywhere else. A number's sum is formed in the same order whatever the registers are,
//! so all paths give the same bits.

#[cfg(target_arch = "aarch64")]
mod neon;
mod plain;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::sync::atomic::{AtomicU8, Ordering};

#[cfg(target_arch = "aarch64")]
pub(crate) use neon::Neon;
pub(crate) use plain::Plain;
#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Avx2, Avx512};

/// Floats in a [`Simd::V`].
pub(crate) const LANES: usize = 16;

/// Which compilation of the kernels runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// What every machine has: this defines the meaning.
    Plain = 1,
    /// 8 floats at a time, multiply and add in one: x86 since 2013.
    Avx2 = 2,
    /// 16 floats at a time: x86 servers since 2017, AMD's since 2022.
    Avx512 = 3,
    /// 4 floats at a time: 64-bit ARM.
    Neon = 4,
}

/// 0 until it is known.
static PATH: AtomicU8 = AtomicU8::new(0);

/// The best that this machine has, unless [`force_path`] said otherwise.
pub fn path() -> Path {
    match PATH.load(Ordering::Relaxed) {
        1 => Path::Plain,
        2 => Path::Avx2,
        3 => Path::Avx512,
        4 => Path::Neon,
        _ => {
            let best = paths()[0];
            PATH.store(best as u8, Ordering::Relaxed);
            best
        }
    }
}

/// All that this machine has, from the best to [`Path::Plain`].
pub fn paths() -> Vec<Path> {
    let mut paths = Vec::new();
    // The kernels' operations need the first two; the others come with every machine that has
    // them, and let the compiler do more with sixteen floats.
    #[cfg(target_arch = "x86_64")]
    {
        let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        let avx512 = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq");
        if avx2 && avx512 && !cfg!(miri) {
            paths.push(Path::Avx512);
        }
        if avx2 && !cfg!(miri) {
            paths.push(Path::Avx2);
        }
    }
    #[cfg(target_arch = "aarch64")]
    if !cfg!(miri) {
        paths.push(Path::Neon);
    }
    paths.push(Path::Plain);
    paths
}

/// Makes all kernels take this path from here on, for tests and benches.
///
/// # Panics
/// If the machine does not have it.
pub fn force_path(path: Path) {
    assert!(paths().contains(&path), "this machine has no {path:?}");
    PATH.store(path as u8, Ordering::Relaxed);
}

/// What a path does with sixteen floats at once.
///
/// # Safety
/// Of all functions: the machine has the path's instructions, and a pointer is good for as many
/// floats as are read or written. They are always inlined, so that a caller compiled for the path
/// uses its registers.
pub(crate) trait Simd: Copy + 'static {
    type V: Copy;
    /// Rows of a tile of a matrix product, and vectors side by side, that fit into the registers.
    const TILE: [usize; 2];

    unsafe fn splat(value: f32) -> Self::V;
    unsafe fn load(from: *const f32) -> Self::V;
    /// The first `count` of them, zeros behind.
    unsafe fn load_first(from: *const f32, count: usize) -> Self::V;
    unsafe fn store(to: *mut f32, value: Self::V);
    /// The first `count` of them.
    unsafe fn store_first(to: *mut f32, value: Self::V, count: usize);
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c`, rounded once.
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `b` where `a < b` or either is NaN, else `a`.
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V;
    /// `b` where `a > b` or either is NaN, else `a`.
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V;
    /// Two to the power of whole numbers in `-126.0..=127.0`.
    unsafe fn exp2_whole(n: Self::V) -> Self::V;

    #[inline(always)]
    unsafe fn zero() -> Self::V {
        // SAFETY: as this function.
        unsafe { Self::splat(0.0) }
    }

    /// Turns a square of numbers: row `r`'s lane `c` becomes row `c`'s lane `r`.
    unsafe fn transpose(rows: &mut [Self::V; LANES]);
    /// `value` where `x > 0`, zero elsewhere.
    unsafe fn where_positive(x: Self::V, value: Self::V) -> Self::V;

    /// Zero where it is negative; NaN stays NaN.
    #[inline(always)]
    unsafe fn relu(x: Self::V) -> Self::V {
        // SAFETY: as this function.
        unsafe { Self::max(Self::zero(), x) }
    }

    /// All sixteen, or the first few of them.
    #[inline(always)]
    unsafe fn load_up_to(from: *const f32, count: usize) -> Self::V {
        // SAFETY: as this function.
        unsafe {
            match count >= LANES {
                true => Self::load(from),
                false => Self::load_first(from, count),
            }
        }
    }

    /// All sixteen, or the first few of them.
    #[inline(always)]
    unsafe fn store_up_to(to: *mut f32, value: Self::V, count: usize) {
        // SAFETY: as this function.
        unsafe {
            match count >= LANES {
                true => Self::store(to, value),
                false => Self::store_first(to, value, count),
            }
        }
    }
}

/// Defines a function that runs its body compiled for the best path.
///
/// The body is an `#[inline(always)]` function, so that its loops are compiled with the vector
/// instructions of the caller. Given as `=> body`, it is plain Rust; given as `= body::<S>(..)`,
/// it is written for sixteen floats with `S` the path's [`Simd`].
macro_rules! multiversion {
    ($(#[$doc:meta])* $vis:vis fn $name:ident($($arg:ident: $type:ty),* $(,)?) => $body:path) => {
        $crate::simd::multiversion! {
            $(#[$doc])*
            $vis fn $name($($arg: $type),*) = { let _: Option<S> = None; $body($($arg),*) }
        }
    };
    ($(#[$doc:meta])* $vis:vis fn $name:ident($($arg:ident: $type:ty),* $(,)?) = $body:expr) => {
        $(#[$doc])*
        #[allow(clippy::too_many_arguments, clippy::items_after_statements)]
        $vis fn $name($($arg: $type),*) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma,avx512f,avx512vl,avx512bw,avx512dq")]
                #[allow(clippy::too_many_arguments, clippy::items_after_statements)]
                fn avx512($($arg: $type),*) {
                    type S = $crate::simd::Avx512;
                    $body
                }
                #[target_feature(enable = "avx2,fma")]
                #[allow(clippy::too_many_arguments, clippy::items_after_statements)]
                fn avx2($($arg: $type),*) {
                    type S = $crate::simd::Avx2;
                    $body
                }
                match $crate::simd::path() {
                    // SAFETY: `path` gives what was found on this machine.
                    $crate::simd::Path::Avx512 => return unsafe { avx512($($arg),*) },
                    // SAFETY: as above.
                    $crate::simd::Path::Avx2 => return unsafe { avx2($($arg),*) },
                    _ => {}
                }
            }
            #[cfg(target_arch = "aarch64")]
            if $crate::simd::path() == $crate::simd::Path::Neon {
                type S = $crate::simd::Neon;
                return $body;
            }
            type S = $crate::simd::Plain;
            $body
        }
    };
}

pub(crate) use multiversion;

#[cfg(test)]
mod tests;
