//! From a file to upright bytes.

use std::{
    fs,
    io::{BufReader, Cursor, Read, Seek},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use image::{
    ColorType, DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits,
    codecs::tiff::TiffDecoder, metadata::Orientation,
};

use super::{Format, MAX_PIXELS, Pixels, jpeg};
use crate::{ConvertMode, Error, ImageKind, Result, file::regular};

/// No image file is longer than this many bytes.
const MAX_FILE: u64 = 1 << 30;

/// What an image's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageInfo {
    /// Upright.
    pub height: usize,
    /// Upright.
    pub width: usize,
    /// Without colors.
    pub gray: bool,
    /// Whether values have more than 8 bits.
    pub deep: bool,
    pub turn: Turn,
}

/// What an image's EXIF orientation does with it. Other programs may show it as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// There is none, or it is upright.
    Not,
    /// It is mirrored or upside down: its height and width stay.
    SameSides,
    /// Height and width change places.
    OtherSides,
}

impl ImageInfo {
    /// Reads an image's header, not its pixels.
    ///
    /// # Errors
    /// As [`Pixels::open`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        Self::read_within(path, MAX_PIXELS)
    }

    /// [`read`](Self::read) under another limit than [`MAX_PIXELS`].
    ///
    /// # Errors
    /// As there.
    pub fn read_within(path: impl AsRef<Path>, max_pixels: u64) -> Result<Self> {
        let path = path.as_ref();
        let (file, len) = file(path)?;
        guarded(path, || {
            let (format, mut decoder) = decoder(path, BufReader::new(file))?;
            let (width, height) = decoder.dimensions();
            fraction(path, format, [width, height], len, max_pixels)?;
            let color = decoder.color_type();
            let (gray, deep) = (!color.has_color(), bits_per_channel(color) > 8);
            let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
            let turn = match orientation {
                Orientation::NoTransforms => Turn::Not,
                orientation if turns(orientation) => Turn::OtherSides,
                _ => Turn::SameSides,
            };
            let (width, height) = match turn {
                Turn::OtherSides => (height, width),
                Turn::Not | Turn::SameSides => (width, height),
            };
            let [height, width] = [height as usize, width as usize];
            Ok(Self { height, width, gray, deep, turn })
        })
    }

    /// Height and width.
    pub fn size(&self) -> [usize; 2] {
        [self.height, self.width]
    }
}

/// The highest value of an image whose values are whole numbers of 16 bits; nothing for any other. Alpha
/// does not count.
///
/// # Errors
/// As [`Pixels::open`].
pub fn highest_value(path: impl AsRef<Path>, max_pixels: u64) -> Result<Option<u16>> {
    let path = path.as_ref();
    let Decoded { image, .. } = decoded(path, &bytes(path)?, max_pixels)?;
    Ok(match image {
        DynamicImage::ImageLuma16(image) => image.iter().copied().max(),
        DynamicImage::ImageLumaA16(image) => image.pixels().map(|p| p.0[0]).max(),
        DynamicImage::ImageRgb16(image) => image.iter().copied().max(),
        DynamicImage::ImageRgba16(image) => image.pixels().flat_map(|p| p.0[..3].to_vec()).max(),
        _ => None,
    })
}

fn bits_per_channel(color: ColorType) -> u16 {
    color.bits_per_pixel() / u16::from(color.channel_count())
}

/// Whether height and width change places.
fn turns(orientation: Orientation) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(orientation, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH)
}

pub(super) fn open(path: &Path, kind: ImageKind) -> Result<Pixels> {
    pixels(path, &bytes(path)?, kind)
}

pub(super) fn decode(bytes: &[u8], kind: ImageKind) -> Result<Pixels> {
    // What has no file is called so in messages.
    let name = Path::new("the image");
    check_len(name, bytes.len() as u64)?;
    pixels(name, bytes, kind)
}

fn pixels(path: &Path, bytes: &[u8], kind: ImageKind) -> Result<Pixels> {
    pixels_and_format(path, bytes, kind).map(|(pixels, _)| pixels)
}

/// An image, and the format that its file is in.
pub(super) fn open_with_format(path: &Path, kind: ImageKind) -> Result<(Pixels, ImageFormat)> {
    pixels_and_format(path, &bytes(path)?, kind)
}

fn pixels_and_format(path: &Path, bytes: &[u8], kind: ImageKind) -> Result<(Pixels, ImageFormat)> {
    let Decoded { format, image, full_size } = decoded(path, bytes, kind.max_pixels)?;
    let pixels = convert(spread(image, kind.bits), kind.mode);
    Ok((Pixels { full_size, ..pixels }, format))
}

pub(super) fn bytes(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut file, _) = file(path)?;
    file.read_to_end(&mut bytes).map_err(|source| Error::Read { path: path.into(), source })?;
    Ok(bytes)
}

/// A file's image, upright.
pub(super) struct Decoded {
    pub(super) format: ImageFormat,
    pub(super) image: DynamicImage,
    /// Of the image in the file, upright.
    pub(super) full_size: [usize; 2],
}

/// Decodes a file; a JPEG of more pixels than are allowed at a fraction of its size.
pub(super) fn decoded(path: &Path, bytes: &[u8], max_pixels: u64) -> Result<Decoded> {
    guarded(path, || {
        let (format, mut decoder) = decoder(path, Cursor::new(bytes))?;
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let size = decoder.dimensions().into();
        if format == ImageFormat::Jpeg && !jpeg::is_whole(bytes) {
            return Err(bad(path, "it is truncated: the end marker is missing"));
        }
        let mut image = match fraction(path, format, size, bytes.len() as u64, max_pixels)? {
            1 => {
                let mut limits = Limits::default();
                limits.max_alloc = Some(max_pixels.max(MAX_PIXELS) * 8);
                decoder.set_limits(limits).map_err(|error| undecodable(path, &error))?;
                DynamicImage::from_decoder(decoder).map_err(|error| undecodable(path, &error))?
            }
            fraction => {
                jpeg::decode_at(bytes, size, fraction).map_err(|reason| bad(path, reason))?
            }
        };
        image.apply_orientation(orientation);
        let [width, height] = size.map(|side| side as usize);
        let full_size = if turns(orientation) { [width, height] } else { [height, width] };
        Ok(Decoded { format, image, full_size })
    })
}

/// What a file carries besides its pixels, as it is there.
#[derive(Debug, Default)]
pub(super) struct Carried {
    pub(super) profile: Option<Vec<u8>>,
    pub(super) exif: Option<Vec<u8>>,
}

/// What a file carries; nothing of what cannot be read.
pub(super) fn carried(path: &Path, bytes: &[u8]) -> Carried {
    guarded(path, || {
        let (format, mut decoder) = decoder(path, Cursor::new(bytes))?;
        let profile = match format {
            // Under the limits of a reader, `image` 0.25 reads no profile that is large beside the image.
            ImageFormat::Tiff => {
                TiffDecoder::new(Cursor::new(bytes)).and_then(|mut decoder| decoder.icc_profile())
            }
            _ => decoder.icc_profile(),
        };
        let profile = profile.ok().flatten();
        Ok(Carried { profile, exif: decoder.exif_metadata().ok().flatten() })
    })
    .unwrap_or_default()
}

/// At which fraction of its width and height an image is decoded: 1 for all of it, where that is within
/// the limit; else 4 for a quarter, or 8. It is the largest that has a quarter of the limit's pixels, so
/// that it takes less memory than an image that just fits: larger ones are resized anyway.
///
/// # Errors
/// [`Error::TooLarge`], as only the blocks of a JPEG can be decoded so, and one whose file is too short to
/// have that many is meant to use up memory; [`Error::Decode`] if there are no pixels.
fn fraction(
    path: &Path,
    format: ImageFormat,
    [width, height]: [u32; 2],
    len: u64,
    max_pixels: u64,
) -> Result<u32> {
    /// A block of 64 pixels takes a bit, at least.
    const PIXELS_PER_BYTE: u64 = 8 * 64;
    let pixels =
        |fraction: u32| u64::from(width.div_ceil(fraction)) * u64::from(height.div_ceil(fraction));
    match pixels(1) {
        0 => return Err(bad(path, format!("it is {width}×{height} pixels"))),
        pixels if pixels <= max_pixels => return Ok(1),
        _ => {}
    }
    let can_be = format == ImageFormat::Jpeg && pixels(1) <= len * PIXELS_PER_BYTE;
    let fraction = [4, 8].into_iter().find(|fraction| pixels(*fraction) <= max_pixels / 4);
    fraction.filter(|_| can_be).ok_or_else(|| Error::TooLarge {
        path: path.into(),
        width,
        height,
        limit: max_pixels,
    })
}

/// Runs a decoder. Files are not to be trusted, and decoders are large: one that panics has met a
/// bad file.
pub(super) fn guarded<T>(path: &Path, decode: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(decode))
        .unwrap_or_else(|_| Err(bad(path, "its decoder panicked")))
}

/// Opens an image's file, if it is one that ends soon, and its length in bytes.
fn file(path: &Path) -> Result<(fs::File, u64)> {
    let len = regular(path)?.len();
    check_len(path, len)?;
    let file = fs::File::open(path).map_err(|source| Error::Read { path: path.into(), source })?;
    Ok((file, len))
}

/// Whether there are as many bytes as an image may have.
pub(super) fn check_len(path: &Path, bytes: u64) -> Result<()> {
    match bytes {
        0 => Err(bad(path, "it is empty")),
        bytes if bytes > MAX_FILE => Err(bad(path, "it is larger than 1 GiB")),
        _ => Ok(()),
    }
}

/// A decoder that has read the header.
fn decoder<'a>(
    path: &Path,
    mut content: impl std::io::BufRead + Seek + 'a,
) -> Result<(ImageFormat, impl ImageDecoder + 'a)> {
    let unreadable = |source| Error::Read { path: path.into(), source };
    let start = start(&mut content).map_err(unreadable)?;
    let reader = ImageReader::new(content).with_guessed_format().map_err(unreadable)?;
    if let Some(other) = other_format(path, &start) {
        return Err(bad(path, other));
    }
    let Some(format) = reader.format() else {
        return Err(bad(path, "it is not in a supported image format"));
    };
    let decoder = reader.into_decoder().map_err(|error| undecodable(path, &error))?;
    Ok((format, decoder))
}

/// How a file begins.
fn start(content: &mut (impl Read + Seek)) -> std::io::Result<Vec<u8>> {
    let mut start = Vec::new();
    content.by_ref().take(1024).read_to_end(&mut start)?;
    content.rewind()?;
    Ok(start)
}

/// What a file is that is not opened, by its content, and what to do. A camera's raw file begins as a
/// TIFF, whose image would be the preview: its name says what it is.
fn other_format(path: &Path, start: &[u8]) -> Option<String> {
    let is_tiff = start.starts_with(b"II") || start.starts_with(b"MM");
    let named = || Format::of_name(path).filter(|format| is_tiff && !format.is_supported());
    let format = Format::of_content(start).or_else(named)?;
    Some(format!("it is {}, which is not supported: {}", format.name, format.way_on?))
}

pub(super) fn bad(path: &Path, reason: impl Into<String>) -> Error {
    Error::Decode { path: path.into(), reason: reason.into() }
}

fn undecodable(path: &Path, error: &ImageError) -> Error {
    let ends = |error: &std::io::Error| error.kind() == std::io::ErrorKind::UnexpectedEof;
    match error {
        ImageError::IoError(error) if ends(error) => bad(path, "it is truncated"),
        // Some decoders end their words with a line break.
        _ => bad(path, error.to_string().trim()),
    }
}

/// The image with values of so many bits spread over all 16, where a value has 16.
fn spread(mut image: DynamicImage, bits: Option<u8>) -> DynamicImage {
    let Some(bits) = bits.filter(|bits| (1..16).contains(bits)) else { return image };
    let most = (1u32 << bits) - 1;
    let spread = |value: &mut u16| *value = (u32::from(*value).min(most) * 65535 / most) as u16;
    match &mut image {
        DynamicImage::ImageLuma16(image) => image.iter_mut().for_each(spread),
        DynamicImage::ImageLumaA16(image) => image.pixels_mut().for_each(|p| spread(&mut p.0[0])),
        DynamicImage::ImageRgb16(image) => image.iter_mut().for_each(spread),
        DynamicImage::ImageRgba16(image) => {
            image.pixels_mut().for_each(|p| p.0[..3].iter_mut().for_each(spread));
        }
        _ => {}
    }
    image
}

fn convert(image: DynamicImage, mode: ConvertMode) -> Pixels {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let gray = !image.color().has_color();
    let (channels, bytes) = match gray {
        true => (1, image.into_luma8().into_raw()),
        false => (3, image.into_rgb8().into_raw()),
    };
    let pixels = Pixels { height, width, channels, bytes, full_size: [height, width] };
    match (gray, mode) {
        (true, ConvertMode::L) | (false, ConvertMode::Rgb) => pixels,
        (true, ConvertMode::Rgb) => pixels.to_rgb(),
        (false, ConvertMode::L) => pixels.to_luma(),
    }
}

#[cfg(test)]
mod tests;
