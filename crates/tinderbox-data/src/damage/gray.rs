//! Colors that are gone.

use crate::image::Pixels;

/// Makes the image gray. Three channels stay three, with one value.
pub(super) fn make_gray(pixels: &mut Pixels) {
    if pixels.channels == 3 {
        *pixels = pixels.to_luma().to_rgb();
    }
}

/// Makes an image of three channels gray and tones it brown: not at all at a strength of 0, as an old
/// print at 1. One channel has no tone.
pub(super) fn tone(pixels: &mut Pixels, strength: f32) {
    /// What an old print makes of white, as shares of it.
    const PAPER: [f32; 3] = [1.0, 0.87, 0.68];
    make_gray(pixels);
    let factors = PAPER.map(|share| 1.0 - strength * (1.0 - share));
    if pixels.channels == 3 {
        for pixel in pixels.bytes.as_chunks_mut::<3>().0 {
            for (byte, factor) in pixel.iter_mut().zip(factors) {
                *byte = (f32::from(*byte) * factor + 0.5) as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn color() -> Pixels {
        Pixels {
            height: 1,
            width: 2,
            channels: 3,
            bytes: vec![200, 30, 90, 255, 255, 255],
            full_size: [1, 2],
        }
    }

    #[test]
    fn gray_is_three_times_the_luma() {
        let mut gray = color();
        make_gray(&mut gray);
        // (19595·200 + 38470·30 + 7471·90 + 32768) >> 16
        assert_eq!(gray.bytes, [88, 88, 88, 255, 255, 255]);
    }

    #[test]
    fn an_old_print_is_brown() {
        let mut gray = color();
        make_gray(&mut gray);
        let mut untoned = color();
        tone(&mut untoned, 0.0);
        assert_eq!(untoned, gray);
        let mut brown = color();
        tone(&mut brown, 1.0);
        assert_eq!(brown.bytes, [88, 77, 60, 255, 222, 173]);
        let mut one = color().to_luma();
        tone(&mut one, 1.0);
        assert_eq!(one, color().to_luma());
    }
}
