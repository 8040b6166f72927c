//! The numbers in a PNG file as they are, before they become colors or shades.

use std::{io::Cursor, path::Path};

use png::{BitDepth, ColorType, Decoder, Limits, Transformations};

use super::{MAX_PIXELS, decode::bad};
use crate::{Array, Error, Result, picture::Palette};

/// The codes of a mask whose pixels are entries of a palette, or shades of less than a byte; nothing
/// for files of another kind.
///
/// # Errors
/// [`Error::Decode`] for one that is broken, [`Error::TooLarge`].
pub(super) fn small_codes(path: &Path, bytes: &[u8]) -> Result<Option<Array>> {
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: 1 << 30 });
    decoder.set_transformations(Transformations::IDENTITY);
    let Ok(mut reader) = decoder.read_info() else { return Ok(None) };
    let (color, depth) = (reader.info().color_type, reader.info().bit_depth);
    let bits = match (color, depth) {
        (ColorType::Indexed, BitDepth::Eight) => 8,
        (ColorType::Indexed | ColorType::Grayscale, BitDepth::One) => 1,
        (ColorType::Indexed | ColorType::Grayscale, BitDepth::Two) => 2,
        (ColorType::Indexed | ColorType::Grayscale, BitDepth::Four) => 4,
        _ => return Ok(None),
    };
    let [height, width] = [reader.info().height, reader.info().width];
    let pixels = u64::from(height) * u64::from(width);
    if pixels > MAX_PIXELS {
        let limit = MAX_PIXELS;
        return Err(Error::TooLarge { path: path.into(), width, height, limit });
    }
    let broken = |error: png::DecodingError| bad(path, error.to_string());
    let mut packed = vec![0; reader.output_buffer_size().unwrap_or_default()];
    let frame = reader.next_frame(&mut packed).map_err(broken)?;
    let mut codes = Vec::with_capacity(pixels as usize);
    let mask = u8::MAX >> (8 - bits);
    for row in packed.chunks_exact(frame.line_size.max(1)).take(height as usize) {
        let code = |x: usize| {
            let bit = x * bits;
            row[bit / 8] >> (8 - bits - bit % 8) & mask
        };
        codes.extend((0..width as usize).map(|x| i64::from(code(x))));
    }
    Ok(Some(Array::i64([1, height as usize, width as usize], codes)))
}

/// Writes class codes, row by row, as a PNG file whose pixels are entries of a palette: people see
/// colors, programs read codes.
///
/// # Errors
/// [`Error::Write`] with the path.
///
/// # Panics
/// If there are more or fewer codes than pixels.
pub fn save_mask(
    path: impl AsRef<Path>,
    codes: &[u8],
    size: [usize; 2],
    palette: &Palette,
) -> Result<()> {
    let path = path.as_ref();
    let [height, width] = size;
    assert_eq!(codes.len(), height * width, "a code for each pixel");
    let failed = |error: png::EncodingError| Error::Write {
        path: path.into(),
        source: std::io::Error::other(error),
    };
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Eight);
    let entries = (0..=u8::MAX).flat_map(|code| palette.color(code.into()));
    encoder.set_palette(entries.collect::<Vec<u8>>());
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(codes).map_err(failed)?;
    writer.finish().map_err(failed)?;
    std::fs::write(path, bytes).map_err(|source| Error::Write { path: path.into(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::open_mask;

    /// A file of 3×2 pixels, one row a byte or more.
    fn file(color: ColorType, depth: BitDepth, rows: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 3, 2);
        encoder.set_color(color);
        encoder.set_depth(depth);
        if color == ColorType::Indexed {
            encoder.set_palette([[9, 9, 9]; 4].concat());
        }
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(rows).unwrap();
        writer.finish().unwrap();
        bytes
    }

    #[test]
    fn entries_of_a_palette_are_codes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.png");
        let want = |codes: [i64; 6]| Array::i64([1, 2, 3], codes.to_vec());
        for (color, depth, rows, codes) in [
            (ColorType::Indexed, BitDepth::Eight, &[0, 1, 2, 3, 2, 1][..], [0, 1, 2, 3, 2, 1]),
            (ColorType::Indexed, BitDepth::Two, &[0b0001_1000, 0b1110_0100], [0, 1, 2, 3, 2, 1]),
            (ColorType::Grayscale, BitDepth::One, &[0b1010_0000, 0b0110_0000], [1, 0, 1, 0, 1, 1]),
            (ColorType::Grayscale, BitDepth::Four, &[0x0f, 0x30, 0x12, 0x40], [0, 15, 3, 1, 2, 4]),
            (ColorType::Grayscale, BitDepth::Eight, &[0, 9, 200, 3, 2, 1], [0, 9, 200, 3, 2, 1]),
        ] {
            std::fs::write(&path, file(color, depth, rows)).unwrap();
            assert_eq!(open_mask(&path).unwrap(), want(codes), "{color:?} {depth:?}");
        }
    }

    #[test]
    fn a_mask_that_was_saved_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.png");
        let palette = Palette::of(&["Sky".into(), "Road".into()]);
        save_mask(&path, &[0, 1, 1, 255, 0, 1], [2, 3], &palette).unwrap();
        let want = Array::i64([1, 2, 3], vec![0, 1, 1, 255, 0, 1]);
        assert_eq!(open_mask(&path).unwrap(), want);
        let error = save_mask(folder.path(), &[0], [1, 1], &palette).unwrap_err();
        assert!(matches!(error, Error::Write { .. }), "{error}");
    }

    #[test]
    fn a_broken_palette_file_is_named() {
        let bytes = file(ColorType::Indexed, BitDepth::Eight, &[0, 1, 2, 3, 2, 1]);
        let error = small_codes(Path::new("m.png"), &bytes[..bytes.len() - 20]).unwrap_err();
        assert!(error.to_string().starts_with("cannot read m.png as an image"), "{error}");
    }
}
