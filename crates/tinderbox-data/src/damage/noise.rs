//! Noise of a sensor, grain of a film.

use rand::{Rng, RngCore};
use rand_distr::StandardNormal;

use crate::image::Pixels;

/// Whether channels have noise of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Channels {
    Apart,
    Together,
}

/// Adds Gaussian noise of a standard deviation of `strength`, of 255.
pub(super) fn add(pixels: &mut Pixels, strength: f32, channels: Channels, rng: &mut dyn RngCore) {
    let n = match channels {
        Channels::Apart => 1,
        Channels::Together => pixels.channels,
    };
    for bytes in pixels.bytes.chunks_exact_mut(n) {
        let noise = strength * rng.sample::<f32, _>(StandardNormal);
        for byte in bytes {
            // A cast stays within 0..=255.
            *byte = (f32::from(*byte) + noise).round() as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn noisy(strength: f32, channels: Channels) -> Vec<u8> {
        let bytes = vec![128; 60 * 50 * 3];
        let mut pixels = Pixels { height: 60, width: 50, channels: 3, bytes, full_size: [60, 50] };
        add(&mut pixels, strength, channels, &mut ChaCha8Rng::seed_from_u64(1));
        pixels.bytes
    }

    #[test]
    fn noise_is_as_strong_as_was_said() {
        for channels in [Channels::Apart, Channels::Together] {
            for strength in [5.0, 25.0] {
                let bytes = noisy(strength, channels);
                let off = bytes.iter().map(|byte| f64::from(*byte) - 128.0);
                let n = bytes.len() as f64;
                let (mean, square) =
                    off.fold((0.0, 0.0), |(sum, square), off| (sum + off, square + off * off));
                let deviation = (square / n).sqrt();
                assert!((mean / n).abs() < f64::from(strength) / 20.0, "{mean}");
                assert!((deviation / f64::from(strength) - 1.0).abs() < 0.05, "{deviation}");
            }
        }
    }

    #[test]
    fn grain_is_gray() {
        let gray = |bytes: &[u8]| {
            bytes.as_chunks::<3>().0.iter().filter(|[r, g, b]| r == g && g == b).count()
        };
        assert_eq!(gray(&noisy(20.0, Channels::Together)), 3000);
        assert!(gray(&noisy(20.0, Channels::Apart)) < 30);
    }
}
