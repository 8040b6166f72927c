//! The numbers in a file as they are, before they become colors or shades: entries of palettes, and
//! shades of less than a byte.

use std::{io::Cursor, num::NonZeroU64, path::Path};

use gif::{ColorOutput, DecodeOptions, MemoryLimit};
use image::{DynamicImage, ImageDecoder, codecs::bmp::BmpDecoder};
use png::{BitDepth, ColorType, Decoder, Limits, Transformations};

use super::{
    decode::{Decoded, bad, decoded},
    mask::{MaskFile, MaskPixels},
};
use crate::{Error, Result, picture::Palette};

/// The mask in a file whose pixels are entries of a palette, or shades of less than a byte; nothing
/// for files of another kind.
///
/// # Errors
/// [`Error::Decode`] for one that is broken, [`Error::TooLarge`].
pub(super) fn entries(path: &Path, bytes: &[u8], max_pixels: u64) -> Result<Option<MaskFile>> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => of_png(path, bytes, max_pixels),
        [b'G', b'I', b'F', ..] => of_gif(path, bytes, max_pixels).map(Some),
        [b'B', b'M', ..] => of_bmp(path, bytes, max_pixels),
        [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => of_tiff(path, bytes, max_pixels),
        _ => Ok(None),
    }
}

fn of_png(path: &Path, bytes: &[u8], max_pixels: u64) -> Result<Option<MaskFile>> {
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
    check_pixels(path, [height, width], max_pixels)?;
    let palette = reader.info().palette.as_deref().map(colors);
    let broken = |error: png::DecodingError| bad(path, error.to_string());
    let mut packed = vec![0; reader.output_buffer_size().unwrap_or_default()];
    let frame = reader.next_frame(&mut packed).map_err(broken)?;
    let [height, width] = [height as usize, width as usize];
    let mut entries = Vec::with_capacity(height * width);
    let mask = u8::MAX >> (8 - bits);
    for row in packed.chunks_exact(frame.line_size.max(1)).take(height) {
        let entry = |x: usize| {
            let bit = x * bits;
            row[bit / 8] >> (8 - bits - bit % 8) & mask
        };
        entries.extend((0..width).map(entry));
    }
    let pixels = match (color, palette) {
        (ColorType::Indexed, Some(colors)) => MaskPixels::Palette { entries, colors },
        _ => MaskPixels::Gray(entries.into_iter().map(u16::from).collect()),
    };
    Ok(Some(MaskFile { height, width, pixels }))
}

/// The first frame. What it leaves out of the picture is of the background's color.
fn of_gif(path: &Path, bytes: &[u8], max_pixels: u64) -> Result<MaskFile> {
    let broken = |error: gif::DecodingError| bad(path, error.to_string());
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    let limit = NonZeroU64::new(max_pixels).unwrap_or(NonZeroU64::MIN);
    options.set_memory_limit(MemoryLimit::Bytes(limit));
    let mut decoder = options.read_info(bytes).map_err(broken)?;
    let [height, width] = [decoder.height(), decoder.width()];
    check_pixels(path, [height, width].map(u32::from), max_pixels)?;
    let background = decoder.bg_color().unwrap_or_default() as u8;
    let frame = decoder.read_next_frame().map_err(broken)?;
    let frame = frame.ok_or_else(|| bad(path, "it has no frame"))?.clone();
    let colors = colors(decoder.palette().map_err(broken)?);
    let [height, width] = [height, width].map(usize::from);
    let mut entries = vec![background; height * width];
    let [top, left] = [frame.top, frame.left].map(usize::from);
    let rows = entries.chunks_exact_mut(width.max(1)).skip(top);
    for (row, of_frame) in rows.zip(frame.buffer.chunks_exact(usize::from(frame.width).max(1))) {
        row.iter_mut().skip(left).zip(of_frame).for_each(|(entry, of_frame)| *entry = *of_frame);
    }
    Ok(MaskFile { height, width, pixels: MaskPixels::Palette { entries, colors } })
}

fn of_bmp(path: &Path, bytes: &[u8], max_pixels: u64) -> Result<Option<MaskFile>> {
    let Ok(mut decoder) = BmpDecoder::new(Cursor::new(bytes)) else { return Ok(None) };
    let Some(colors) = decoder.get_palette().map(<[_]>::to_vec) else { return Ok(None) };
    decoder.set_indexed_color(true);
    let (width, height) = decoder.dimensions();
    check_pixels(path, [height, width], max_pixels)?;
    let [height, width] = [height as usize, width as usize];
    let mut entries = vec![0; height * width];
    if decoder.total_bytes() != entries.len() as u64 {
        return Ok(None);
    }
    decoder.read_image(&mut entries).map_err(|error| bad(path, error.to_string()))?;
    Ok(Some(MaskFile { height, width, pixels: MaskPixels::Palette { entries, colors } }))
}

/// A TIFF of a palette, which `image` does not open: what says so is changed to gray, whose values
/// are the entries.
fn of_tiff(path: &Path, bytes: &[u8], max_pixels: u64) -> Result<Option<MaskFile>> {
    let Some((photometric, colors)) = tiff_palette(bytes) else { return Ok(None) };
    let mut gray = bytes.to_vec();
    gray[photometric..photometric + 2].copy_from_slice(match bytes[0] {
        b'I' => &[1, 0],
        _ => &[0, 1],
    });
    let Decoded { image, .. } = decoded(path, &gray, max_pixels)?;
    let DynamicImage::ImageLuma8(image) = image else { return Ok(None) };
    let (height, width) = (image.height() as usize, image.width() as usize);
    let pixels = MaskPixels::Palette { entries: image.into_raw(), colors };
    Ok(Some(MaskFile { height, width, pixels }))
}

/// Where the first picture of a TIFF says that its values are entries of a palette, and the palette.
fn tiff_palette(bytes: &[u8]) -> Option<(usize, Vec<[u8; 3]>)> {
    const PHOTOMETRIC: u16 = 262;
    const COLOR_MAP: u16 = 320;
    const OF_PALETTE: u16 = 3;
    let is_little = bytes.first() == Some(&b'I');
    let short = |at: usize| {
        let pair = bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if is_little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) })
    };
    let long = |at: usize| {
        let four = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if is_little { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) } as usize)
    };
    let directory = long(4)?;
    let fields = (0..usize::from(short(directory)?)).map(|field| directory + 2 + 12 * field);
    let field = |tag: u16| fields.clone().find(|at| short(*at) == Some(tag)).map(|at| at + 8);
    let photometric = field(PHOTOMETRIC).filter(|at| short(*at) == Some(OF_PALETTE))?;
    // All reds, all greens, all blues, of 16 bits each.
    let colors = field(COLOR_MAP).and_then(|at| {
        let (n, map) = (long(at.checked_sub(4)?)? / 3, long(at)?);
        let channel = |of: usize, entry: usize| {
            Some((short(map.checked_add(2 * (of * n + entry))?)? >> 8) as u8)
        };
        let color = |entry| Some([channel(0, entry)?, channel(1, entry)?, channel(2, entry)?]);
        (0..n.min(256)).map(color).collect::<Option<Vec<[u8; 3]>>>()
    });
    Some((photometric, colors.unwrap_or_default()))
}

/// Three bytes a color.
fn colors(bytes: &[u8]) -> Vec<[u8; 3]> {
    bytes.as_chunks::<3>().0.to_vec()
}

fn check_pixels(path: &Path, [height, width]: [u32; 2], max_pixels: u64) -> Result<()> {
    match u64::from(height) * u64::from(width) {
        pixels if pixels > max_pixels => {
            Err(Error::TooLarge { path: path.into(), width, height, limit: max_pixels })
        }
        _ => Ok(()),
    }
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
    use crate::{Array, image::open_mask};

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
    fn the_entries_of_a_tiff_are_codes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.tiff");
        let gray = image::GrayImage::from_vec(3, 2, vec![0, 1, 2, 1, 9, 0]).unwrap();
        gray.save(&path).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        // From gray to a palette.
        let directory = u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize;
        let fields = bytes[directory + 2..].chunks_exact(12);
        let field = fields.clone().position(|field| field[..2] == 262u16.to_le_bytes()).unwrap();
        bytes[directory + 2 + 12 * field + 8] = 3;
        std::fs::write(&path, bytes).unwrap();
        let want = Array::i64([1, 2, 3], vec![0, 1, 2, 1, 9, 0]);
        assert_eq!(open_mask(&path).unwrap(), want);
    }

    #[test]
    fn a_broken_palette_file_is_named() {
        let bytes = file(ColorType::Indexed, BitDepth::Eight, &[0, 1, 2, 3, 2, 1]);
        let error = entries(Path::new("m.png"), &bytes[..bytes.len() - 20], 6).unwrap_err();
        assert!(error.to_string().starts_with("cannot read m.png as an image"), "{error}");
    }
}
