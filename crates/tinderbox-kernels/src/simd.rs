//! One source, compiled for several machines.

use std::sync::atomic::{AtomicU8, Ordering};

/// Which compilation of the kernels runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// What every machine has: this defines the meaning.
    Plain = 1,
    /// 8 floats at a time, multiply and add in one: x86 since 2013.
    Avx2 = 2,
}

/// 0 until it is known.
static PATH: AtomicU8 = AtomicU8::new(0);

/// The best that this machine has, unless [`force_path`] said otherwise.
pub(crate) fn path() -> Path {
    match PATH.load(Ordering::Relaxed) {
        1 => Path::Plain,
        2 => Path::Avx2,
        _ => {
            let best = best();
            PATH.store(best as u8, Ordering::Relaxed);
            best
        }
    }
}

fn best() -> Path {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        return Path::Avx2;
    }
    Path::Plain
}

/// Makes all kernels take this path from here on, for tests and benches.
///
/// # Panics
/// If the machine does not have it.
pub fn force_path(path: Path) {
    assert!(path == Path::Plain || path == best(), "this machine has no {path:?}");
    PATH.store(path as u8, Ordering::Relaxed);
}

/// Defines a function that runs its body compiled for the best path.
///
/// The body is an `#[inline(always)]` function, so that its loops are compiled with the vector
/// instructions of the caller.
macro_rules! multiversion {
    ($(#[$doc:meta])* $vis:vis fn $name:ident($($arg:ident: $type:ty),* $(,)?) => $body:path) => {
        $(#[$doc])*
        #[allow(clippy::too_many_arguments)]
        $vis fn $name($($arg: $type),*) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma")]
                #[allow(clippy::too_many_arguments)]
                fn avx2($($arg: $type),*) {
                    $body($($arg),*);
                }
                if $crate::simd::path() == $crate::simd::Path::Avx2 {
                    // SAFETY: `path` gives Avx2 only where avx2 and fma were found.
                    return unsafe { avx2($($arg),*) };
                }
            }
            $body($($arg),*);
        }
    };
}

pub(crate) use multiversion;
