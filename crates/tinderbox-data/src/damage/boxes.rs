//! Parts that are gone.

use rand::{Rng, RngCore};

use crate::image::Pixels;

/// Draws `n` black boxes at random places. Each side has between 1/16 and 1/4 of the pixels of the image's
/// shorter one.
pub(super) fn draw(pixels: &mut Pixels, n: usize, rng: &mut dyn RngCore) {
    let Pixels { height, width, channels, .. } = *pixels;
    let side = height.min(width);
    let sides = side.div_ceil(16)..=side.div_ceil(4);
    for _ in 0..n {
        let [rows, columns] = [0, 1].map(|_| rng.random_range(sides.clone()));
        let top = rng.random_range(0..=height - rows);
        let left = rng.random_range(0..=width - columns);
        for row in top..top + rows {
            pixels.bytes[(row * width + left) * channels..][..columns * channels].fill(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn boxes_are_black_and_of_some_size() {
        for [height, width] in [[64, 48], [1, 1], [3, 90]] {
            let white = Pixels {
                height,
                width,
                channels: 3,
                bytes: vec![255; height * width * 3],
                full_size: [height, width],
            };
            for seed in 0..20 {
                let mut found = white.clone();
                draw(&mut found, 1, &mut ChaCha8Rng::seed_from_u64(seed));
                let black = found.bytes.chunks(3).filter(|pixel| **pixel == [0; 3]).count();
                let side = height.min(width);
                let [least, most] = [side.div_ceil(16).pow(2), side.div_ceil(4).pow(2)];
                assert!((least..=most).contains(&black), "{height}×{width}: {black}");
                assert!(found.bytes.iter().all(|byte| [0, 255].contains(byte)));
            }
        }
    }
}
