//! JPEGs: whether one is there to its end, as its decoder makes the rest gray without a word; and large
//! ones at a fraction of their size.

use std::io::Cursor;

use image::{DynamicImage, GrayImage, RgbImage};
use jpeg_decoder::{Decoder, PixelFormat};

/// The coefficients of a progressive JPEG, all of which are kept until the last is read, may take this
/// many bytes.
const MAX_COEFFICIENTS: u64 = 1 << 30;

/// The image at a half, a quarter or an eighth of its width and height, as `fraction` is 2, 4 or 8. It is
/// not turned upright. Only so much is computed and kept: of each block of 8×8 pixels, 4×4, 2×2 or one.
///
/// # Errors
/// What is wrong with the file, in words.
pub(super) fn decode_at(
    bytes: &[u8],
    [width, height]: [u32; 2],
    fraction: u32,
) -> Result<DynamicImage, String> {
    let said = |error: jpeg_decoder::Error| error.to_string();
    let coefficients =
        progressive_values_per_pixel(bytes) * 2.0 * f64::from(width) * f64::from(height);
    if coefficients as u64 > MAX_COEFFICIENTS {
        return Err(format!(
            "it is a progressive JPEG of {width}×{height} pixels, too large to decode: save it as a baseline JPEG"
        ));
    }
    let mut decoder = Decoder::new(Cursor::new(bytes));
    let side = |side: u32| side.div_ceil(fraction) as u16;
    let (width, height) = decoder.scale(side(width), side(height)).map_err(said)?;
    let pixels = decoder.decode().map_err(said)?;
    let (width, height) = (u32::from(width), u32::from(height));
    let image = match decoder.info().map(|info| info.pixel_format) {
        Some(PixelFormat::L8) => GrayImage::from_raw(width, height, pixels).map(Into::into),
        Some(PixelFormat::RGB24) => RgbImage::from_raw(width, height, pixels).map(Into::into),
        Some(PixelFormat::CMYK32) => {
            RgbImage::from_raw(width, height, rgb_of_cmyk(&pixels)).map(Into::into)
        }
        _ => None,
    };
    image.ok_or_else(|| "its pixels are of a kind that is not supported".to_owned())
}

/// Light that the inks leave.
fn rgb_of_cmyk(pixels: &[u8]) -> Vec<u8> {
    let light = |ink: u8, black: u8| (u16::from(255 - ink) * u16::from(255 - black) / 255) as u8;
    let (pixels, _) = pixels.as_chunks::<4>();
    pixels.iter().flat_map(|&[c, m, y, k]| [light(c, k), light(m, k), light(y, k)]).collect()
}

/// How many coefficients a progressive JPEG has for each pixel: 3 in full color, 1.5 where color has half
/// the resolution each way. 0 for one that is not progressive.
fn progressive_values_per_pixel(bytes: &[u8]) -> f64 {
    const PROGRESSIVE: u8 = 0xc2;
    let mut at = 2;
    while let Some((marker, after)) = next_marker(bytes, at) {
        let Some(&[high, low]) = bytes.get(after..after + 2) else { break };
        at = after + usize::from(u16::from_be_bytes([high, low]));
        match marker {
            PROGRESSIVE => {
                // Length, precision, height, width and number, then each component's id, sampling, table.
                let components = bytes.get(after + 8..at).unwrap_or_default().chunks_exact(3);
                let samples =
                    |component: &[u8]| u32::from(component[1] >> 4) * u32::from(component[1] & 15);
                let most = components.clone().map(samples).max().unwrap_or(1).max(1);
                return f64::from(components.map(samples).sum::<u32>()) / f64::from(most);
            }
            START_OF_SCAN => break,
            _ => {}
        }
    }
    0.0
}

const START_OF_SCAN: u8 = 0xda;

/// Whether the markers of a JPEG lead to the one that ends it.
pub(super) fn is_whole(bytes: &[u8]) -> bool {
    const END_OF_IMAGE: u8 = 0xd9;
    let mut at = 2; // behind the marker that begins it
    loop {
        let Some((marker, after)) = next_marker(bytes, at) else { return false };
        at = match marker {
            END_OF_IMAGE => return true,
            // These have no length: markers between the parts of a scan, and a rare one.
            0xd0..=0xd8 | 0x01 => after,
            _ => {
                let Some(&[high, low]) = bytes.get(after..after + 2) else { return false };
                after + usize::from(u16::from_be_bytes([high, low]))
            }
        };
        if marker == START_OF_SCAN {
            let Some(end) = end_of_scan(bytes, at) else { return false };
            at = end;
        }
    }
}

/// The marker at `at`, and where what follows it begins. It may be filled up with `ff`.
fn next_marker(bytes: &[u8], at: usize) -> Option<(u8, usize)> {
    let rest = bytes.get(at..)?.strip_prefix(&[0xff])?;
    let fill = rest.iter().position(|byte| *byte != 0xff)?;
    Some((rest[fill], at + 1 + fill + 1))
}

/// Where the coded pixels end: at a marker. An `ff` of theirs is followed by 0, and what divides
/// them is not their end.
fn end_of_scan(bytes: &[u8], from: usize) -> Option<usize> {
    let pairs = bytes.get(from..)?.windows(2);
    let ends = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 0xd0..=0xd7 | 0xff);
    pairs.into_iter().position(ends).map(|offset| from + offset)
}

#[cfg(test)]
mod tests {
    use image::ImageFormat;

    use super::*;

    #[test]
    fn a_part_of_a_picture_is_not_whole() {
        let noise = |x: u32, y: u32| image::Rgb([(x * 37) as u8, (y * 91) as u8, (x * y) as u8]);
        let mut bytes = Cursor::new(Vec::new());
        RgbImage::from_fn(64, 48, noise).write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
        let mut bytes = bytes.into_inner();
        assert!((2..bytes.len()).all(|end| !is_whole(&bytes[..end])));
        assert!(is_whole(&bytes));
        bytes.extend([7; 99]);
        assert!(is_whole(&bytes), "what follows the end is not looked at");
    }

    #[test]
    fn a_fraction_of_a_picture_shows_the_same() {
        let half = |x: u32, _| image::Rgb(if x < 80 { [200, 30, 90] } else { [10, 180, 60] });
        let mut bytes = Cursor::new(Vec::new());
        RgbImage::from_fn(161, 90, half).write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
        for (fraction, size) in [(2, (81, 45)), (4, (41, 23)), (8, (21, 12))] {
            let image = decode_at(bytes.get_ref(), [161, 90], fraction).unwrap().into_rgb8();
            assert_eq!(image.dimensions(), size);
            let near = |x: u32, color: [u8; 3]| {
                let found = image.get_pixel(x, size.1 / 2).0;
                let off = found.iter().zip(color).map(|(a, b)| a.abs_diff(b)).max();
                assert!(off < Some(8), "1/{fraction}: {found:?}, expected {color:?}");
            };
            near(size.0 / 4, [200, 30, 90]);
            near(size.0 * 3 / 4, [10, 180, 60]);
        }
        assert_eq!(progressive_values_per_pixel(bytes.get_ref()), 0.0);
        assert!(decode_at(&bytes.get_ref()[..99], [161, 90], 8).is_err());
    }

    #[test]
    fn inks_become_light() {
        assert_eq!(
            rgb_of_cmyk(&[0, 0, 0, 0, 255, 0, 0, 0, 9, 9, 9, 255]),
            [255, 255, 255, 0, 255, 255, 0, 0, 0]
        );
    }

    #[test]
    fn coefficients_of_progressive_files_are_counted() {
        let header = |marker: u8, sampling: [u8; 3]| {
            let mut bytes = vec![0xff, 0xd8, 0xff, marker, 0, 17, 8, 0, 9, 0, 9, 3];
            bytes.extend(sampling.into_iter().flat_map(|sampling| [1, sampling, 0]));
            progressive_values_per_pixel(&bytes)
        };
        assert_eq!(header(0xc2, [0x11; 3]), 3.0);
        assert_eq!(header(0xc2, [0x22, 0x11, 0x11]), 1.5);
        assert_eq!(header(0xc0, [0x11; 3]), 0.0);
    }

    #[test]
    fn nonsense_is_not_whole() {
        for bytes in [&[][..], &[0xff], &[0xff, 0xd8, 0xff, 0xe0, 0, 0], &[0xff; 9]] {
            assert!(!is_whole(bytes), "{bytes:?}");
        }
    }
}
