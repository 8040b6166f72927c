//! What the kernels' tests share.

use std::sync::{Mutex, PoisonError};

use proptest::test_runner::{Config, RngSeed};

use crate::{Path, force_path, paths};

/// The same hundred cases each time; others if `PROPTEST_RNG_SEED` is set.
pub(crate) fn fuzz() -> Config {
    let config = Config { cases: 100, ..Config::default() };
    let rng_seed = match config.rng_seed {
        RngSeed::Random => RngSeed::Fixed(42),
        fixed @ RngSeed::Fixed(_) => fixed,
    };
    Config { rng_seed, ..config }
}

/// Numbers in `-1.0..1.0` that look random and are always the same.
pub(crate) fn noise(seed: usize, n: usize) -> Vec<f32> {
    let number = |i: usize| {
        let z = ((seed << 32) + i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        ((z >> 40) as f64 / f64::from(1 << 23) - 1.0) as f32
    };
    (0..n).map(number).collect()
}

/// What `run` gives on the plain path; all others that this machine has must give the same.
pub(crate) fn on_every_path<T: PartialEq + std::fmt::Debug>(run: impl Fn() -> T) -> T {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    force_path(Path::Plain);
    let plain = run();
    for path in paths() {
        force_path(path);
        assert_eq!(run(), plain, "{path:?}");
    }
    force_path(paths()[0]);
    plain
}
