//! Scratches of a print or a film.

use rand::{Rng, RngCore};

use super::stroke::{Mark, Stroke};
use crate::image::Pixels;

/// Draws `n` scratches at random places. Three of four run downwards, as on film that was wound; they have
/// a third of the image's height or width, up to all of it.
pub(super) fn draw(pixels: &mut Pixels, n: usize, rng: &mut dyn RngCore) {
    for _ in 0..n {
        let sideways = rng.random_bool(0.25);
        let [height, width] = [pixels.height as f32, pixels.width as f32];
        let (along, across) = if sideways { (width, height) } else { (height, width) };
        let length = along * rng.random_range(0.33..1.0);
        let from = rng.random_range(0.0..=along - length);
        let stroke = Stroke {
            sideways,
            from,
            to: from + length,
            across: rng.random_range(0.0..across),
            slope: rng.random_range(-0.15..0.15),
            bend: across * rng.random_range(-0.02..0.02),
            width: (height.min(width) * rng.random_range(0.001..0.006)).max(0.7),
            mark: Mark::draw(rng),
        };
        stroke.over(pixels);
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn a_scratch_is_long_and_thin() {
        for seed in 0..20 {
            let bytes = vec![128; 90 * 120];
            let mut pixels =
                Pixels { height: 90, width: 120, channels: 1, bytes, full_size: [90, 120] };
            draw(&mut pixels, 1, &mut ChaCha8Rng::seed_from_u64(seed));
            let changed = |at: usize| pixels.bytes[at] != 128;
            let rows = (0..90).filter(|y| (0..120).any(|x| changed(y * 120 + x))).count();
            let columns = (0..120).filter(|x| (0..90).any(|y| changed(y * 120 + x))).count();
            let n = (0..90 * 120).filter(|at| changed(*at)).count();
            assert!(rows.max(columns) >= 25, "seed {seed}: {rows} rows, {columns} columns");
            assert!(n <= 4 * rows.max(columns), "seed {seed}: {n} pixels");
        }
    }
}
