//! Dust on a print or a scanner's glass.

use std::f32::consts::FRAC_PI_4;

use rand::{Rng, RngCore};

use super::stroke::{Mark, Stroke};
use crate::image::Pixels;

/// Draws `n` specks at random places; every eighth is a hair. Their size follows the image's shorter side.
pub(super) fn draw(pixels: &mut Pixels, n: usize, rng: &mut dyn RngCore) {
    for _ in 0..n {
        match rng.random_ratio(1, 8) {
            true => hair(pixels, rng),
            false => speck(pixels, rng),
        }
    }
}

fn shorter_side(pixels: &Pixels) -> f32 {
    pixels.height.min(pixels.width) as f32
}

fn place(pixels: &Pixels, rng: &mut dyn RngCore) -> [f32; 2] {
    [pixels.height, pixels.width].map(|side| rng.random_range(0.0..side as f32))
}

/// A disk, wider than high or the other way round.
fn speck(pixels: &mut Pixels, rng: &mut dyn RngCore) {
    let [y, x] = place(pixels, rng);
    let radius = (shorter_side(pixels) * rng.random_range(0.001..0.008)).max(0.6);
    let wider = rng.random_range(0.7..1.4);
    let mark = Mark::draw(rng);
    let reach = (radius * 1.4).ceil() as i64 + 1;
    for (dy, dx) in (-reach..=reach).flat_map(|dy| (-reach..=reach).map(move |dx| (dy, dx))) {
        let [row, column] = [y.floor() as i64 + dy, x.floor() as i64 + dx];
        let off = ((row as f32 - y) * wider).hypot((column as f32 - x) / wider);
        mark.over(pixels, [row, column], radius + 0.5 - off);
    }
}

/// A short bent line.
fn hair(pixels: &mut Pixels, rng: &mut dyn RngCore) {
    let [y, x] = place(pixels, rng);
    let side = shorter_side(pixels);
    let length = side * rng.random_range(0.03..0.12);
    let sideways = rng.random_bool(0.5);
    let (from, across) = if sideways { (x, y) } else { (y, x) };
    let stroke = Stroke {
        sideways,
        from,
        to: from + length,
        across,
        slope: rng.random_range(-FRAC_PI_4..FRAC_PI_4).tan(),
        bend: length * rng.random_range(-0.2..0.2),
        width: (side * 0.002).max(0.7),
        mark: Mark::draw(rng),
    };
    stroke.over(pixels);
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn more_specks_cover_more_but_not_all() {
        let covered = |n: usize| {
            let bytes = vec![128; 100 * 150 * 3];
            let mut pixels =
                Pixels { height: 100, width: 150, channels: 3, bytes, full_size: [100, 150] };
            draw(&mut pixels, n, &mut ChaCha8Rng::seed_from_u64(5));
            let changed = pixels.bytes.iter().filter(|byte| **byte != 128).count();
            changed as f64 / pixels.bytes.len() as f64
        };
        assert_eq!(covered(0), 0.0);
        assert!((0.001..0.02).contains(&covered(10)), "{}", covered(10));
        assert!((0.005..0.1).contains(&covered(60)), "{}", covered(60));
    }

    #[test]
    fn images_of_a_pixel_have_room_for_it() {
        let mut pixels =
            Pixels { height: 1, width: 1, channels: 1, bytes: vec![9], full_size: [1, 1] };
        draw(&mut pixels, 50, &mut ChaCha8Rng::seed_from_u64(5));
    }
}
