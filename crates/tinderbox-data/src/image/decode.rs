//! From a file to upright bytes.

use std::{
    fs,
    io::{BufReader, Cursor, Read, Seek},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use image::{
    DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, metadata::Orientation,
};

use super::{ConvertMode, Format, MAX_PIXELS, Pixels, jpeg};
use crate::{Error, Result, file::regular};

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
    /// Whether the EXIF orientation turns or mirrors it: other programs may show it otherwise.
    pub turned: bool,
    /// Whether it is turned so that height and width change places.
    pub changes_sides: bool,
}

impl ImageInfo {
    /// Reads an image's header, not its pixels.
    ///
    /// # Errors
    /// As [`Pixels::open`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = BufReader::new(file(path)?);
        guarded(path, || {
            let (_, mut decoder) = decoder(path, file)?;
            let (width, height) = decoder.dimensions();
            let gray = !decoder.color_type().has_color();
            let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
            let turned = orientation != Orientation::NoTransforms;
            let changes_sides = turns(orientation);
            let (width, height) = match changes_sides {
                true => (height, width),
                false => (width, height),
            };
            let [height, width] = [height as usize, width as usize];
            Ok(Self { height, width, gray, turned, changes_sides })
        })
    }

    /// Height and width.
    pub fn size(&self) -> [usize; 2] {
        [self.height, self.width]
    }
}

/// Whether height and width change places.
fn turns(orientation: Orientation) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(orientation, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH)
}

pub(super) fn open(path: &Path, mode: ConvertMode) -> Result<Pixels> {
    pixels(path, &bytes(path)?, mode)
}

pub(super) fn decode(bytes: &[u8], mode: ConvertMode) -> Result<Pixels> {
    // What has no file is called so in messages.
    let name = Path::new("the image");
    check_len(name, bytes.len() as u64)?;
    pixels(name, bytes, mode)
}

fn pixels(path: &Path, bytes: &[u8], mode: ConvertMode) -> Result<Pixels> {
    let (_, image) = decoded(path, bytes)?;
    Ok(convert(image, mode))
}

pub(super) fn bytes(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file(path)?
        .read_to_end(&mut bytes)
        .map_err(|source| Error::Read { path: path.into(), source })?;
    Ok(bytes)
}

/// A file's image, upright.
pub(super) fn decoded(path: &Path, bytes: &[u8]) -> Result<(ImageFormat, DynamicImage)> {
    guarded(path, || {
        let (format, mut decoder) = decoder(path, Cursor::new(bytes))?;
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let image = DynamicImage::from_decoder(decoder);
        let mut image = image.map_err(|error| undecodable(path, &error))?;
        if format == ImageFormat::Jpeg && !jpeg::is_whole(bytes) {
            return Err(bad(path, "it is truncated: the end marker is missing"));
        }
        image.apply_orientation(orientation);
        Ok((format, image))
    })
}

/// Runs a decoder. Files are not to be trusted, and decoders are large: one that panics has met a
/// bad file.
pub(super) fn guarded<T>(path: &Path, decode: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(decode))
        .unwrap_or_else(|_| Err(bad(path, "its decoder panicked")))
}

/// Opens an image's file, if it is one that ends soon.
fn file(path: &Path) -> Result<fs::File> {
    check_len(path, regular(path)?.len())?;
    fs::File::open(path).map_err(|source| Error::Read { path: path.into(), source })
}

/// Whether there are as many bytes as an image may have.
fn check_len(path: &Path, bytes: u64) -> Result<()> {
    match bytes {
        0 => Err(bad(path, "it is empty")),
        bytes if bytes > MAX_FILE => Err(bad(path, "it is larger than 1 GiB")),
        _ => Ok(()),
    }
}

/// A decoder that has read the header and allocates no more than it says, if it says no more than
/// is allowed.
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
    let mut decoder = reader.into_decoder().map_err(|error| undecodable(path, &error))?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(Error::TooLarge {
            path: path.into(),
            width,
            height,
            limit: MAX_PIXELS / 1_000_000,
        });
    }
    if width == 0 || height == 0 {
        return Err(bad(path, format!("it is {width}×{height} pixels")));
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_PIXELS * 8);
    decoder.set_limits(limits).map_err(|error| undecodable(path, &error))?;
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
    // Some decoders end their words with a line break.
    bad(path, error.to_string().trim())
}

fn convert(image: DynamicImage, mode: ConvertMode) -> Pixels {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let gray = !image.color().has_color();
    let (channels, bytes) = match gray {
        true => (1, image.into_luma8().into_raw()),
        false => (3, image.into_rgb8().into_raw()),
    };
    let pixels = Pixels { height, width, channels, bytes };
    match (gray, mode) {
        (true, ConvertMode::L) | (false, ConvertMode::Rgb) => pixels,
        (true, ConvertMode::Rgb) => pixels.to_rgb(),
        (false, ConvertMode::L) => pixels.to_luma(),
    }
}

#[cfg(test)]
mod tests;
