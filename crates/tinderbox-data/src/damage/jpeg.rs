//! What JPEG leaves of an image.

use jpeg_encoder::{ChromaSubsamplingMethod, ColorType, Encoder, SamplingFactor};

use crate::{ConvertMode, Error, Result, image::Pixels};

/// How the colors of a JPEG are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colors {
    /// At half the resolution each way: 4:2:0.
    Halved,
    /// At full resolution: 4:4:4.
    Full,
}

/// The image as a JPEG file of this quality, 1 to 100. The same bytes on every processor.
///
/// # Errors
/// [`Error::Damage`] for more than 65,535 pixels a side, which the format does not have.
pub(super) fn encoded(pixels: &Pixels, quality: u8, colors: Colors) -> Result<Vec<u8>> {
    let Pixels { height, width, channels, ref bytes, .. } = *pixels;
    let failed = |reason: String| Error::Damage { step: "jpeg", reason };
    let side = |side: usize| {
        u16::try_from(side).map_err(|_| {
            failed(format!("a JPEG has at most 65535 pixels a side, the image is {height}×{width}"))
        })
    };
    let color = if channels == 1 { ColorType::Luma } else { ColorType::Rgb };
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, quality);
    encoder.set_sampling_factor(match colors {
        Colors::Halved => SamplingFactor::R_4_2_0,
        Colors::Full => SamplingFactor::R_4_4_4,
    });
    encoder.set_chroma_subsampling_method(ChromaSubsamplingMethod::Average);
    encoder
        .encode(bytes, side(width)?, side(height)?, color)
        .map_err(|error| failed(error.to_string()))?;
    Ok(file)
}

/// The image after it was compressed with this quality, 1 to 100, with half the resolution of colors each
/// way.
///
/// # Errors
/// As [`encoded`].
pub(super) fn compressed(pixels: &Pixels, quality: u8) -> Result<Pixels> {
    let mode = if pixels.channels == 1 { ConvertMode::L } else { ConvertMode::Rgb };
    let file = encoded(pixels, quality, Colors::Halved)?;
    Ok(Pixels { full_size: pixels.full_size, ..Pixels::decode(&file, mode)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A red disk on blue, with a soft shade over both.
    fn disk(channels: usize) -> Pixels {
        let [height, width] = [61, 83];
        let at = |y: usize, x: usize| {
            let inside = (y as f32 - 30.0).hypot(x as f32 - 40.0) < 20.0;
            let shade = (x + y) as u8 / 2;
            if inside { [180 + shade, 40, 30] } else { [20, 60 + shade, 150] }
        };
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (y, x)));
        let bytes = places.flat_map(|(y, x)| at(y, x)[..channels].to_vec()).collect();
        Pixels { height, width, channels, bytes, full_size: [height, width] }
    }

    fn mean_error(a: &Pixels, b: &Pixels) -> f64 {
        let sum: u64 = a.bytes.iter().zip(&b.bytes).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        sum as f64 / a.bytes.len() as f64
    }

    #[test]
    fn a_lower_quality_damages_more() {
        for channels in [1, 3] {
            let image = disk(channels);
            let errors = [95, 60, 10].map(|q| mean_error(&image, &compressed(&image, q).unwrap()));
            assert!(errors.is_sorted() && errors[0] < 4.0 && errors[2] > 3.0, "{errors:?}");
        }
    }

    #[test]
    fn colors_have_half_the_resolution() {
        let header = |colors| {
            let file = encoded(&disk(3), 80, colors).unwrap();
            let at = file.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
            // Marker, length, precision, height, width, 3 components: each an id and its sampling.
            [0, 1, 2].map(|component| file[at + 10 + 3 * component + 1])
        };
        assert_eq!(header(Colors::Halved), [0x22, 0x11, 0x11]);
        assert_eq!(header(Colors::Full), [0x11; 3]);
    }

    #[test]
    fn the_format_has_sides_of_16_bits() {
        let bytes = vec![0; 70_000];
        let long = Pixels { height: 1, width: 70_000, channels: 1, bytes, full_size: [1, 70_000] };
        let error = compressed(&long, 50).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot apply `jpeg`: a JPEG has at most 65535 pixels a side, the image is 1×70000"
        );
    }
}
