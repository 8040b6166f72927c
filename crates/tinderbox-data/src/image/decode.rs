//! From a file to upright bytes.

use std::{
    fs,
    io::{BufReader, Cursor, Read, Seek},
    path::Path,
};

use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits, metadata::Orientation};

use super::{ConvertMode, MAX_PIXELS, Pixels};
use crate::{Error, Result};

/// No picture file is longer than this many bytes.
const MAX_FILE: u64 = 1 << 30;

/// What a picture's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageInfo {
    /// Upright.
    pub height: usize,
    /// Upright.
    pub width: usize,
    /// Without colours.
    pub gray: bool,
}

impl ImageInfo {
    /// Reads a picture's header, not its pixels.
    ///
    /// # Errors
    /// As [`Pixels::open`].
    pub fn read(path: &Path) -> Result<Self> {
        let file = BufReader::new(file(path)?);
        let mut decoder = decoder(path, file)?;
        let (width, height) = decoder.dimensions();
        let gray = !decoder.color_type().has_color();
        let (width, height) = match decoder.orientation() {
            Ok(orientation) if turns(orientation) => (height, width),
            _ => (width, height),
        };
        Ok(Self { height: height as usize, width: width as usize, gray })
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
    let mut bytes = Vec::new();
    file(path)?
        .read_to_end(&mut bytes)
        .map_err(|source| Error::Read { path: path.into(), source })?;
    let mut decoder = decoder(path, Cursor::new(bytes))?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image =
        DynamicImage::from_decoder(decoder).map_err(|error| undecodable(path, &error))?;
    image.apply_orientation(orientation);
    Ok(convert(image, mode))
}

/// Opens a file that can be read to its end: no folder, pipe or device.
fn file(path: &Path) -> Result<fs::File> {
    let read = |source| Error::Read { path: path.into(), source };
    // Asked before opening: to open a pipe is to wait for somebody to write.
    let metadata = fs::metadata(path).map_err(read)?;
    let what = match metadata.file_type() {
        kind if kind.is_file() => None,
        kind if kind.is_dir() => Some("a folder"),
        _ => Some("a pipe or a device"),
    };
    if let Some(what) = what {
        return Err(Error::NotAFile { path: path.into(), what });
    }
    let too_long = metadata.len() > MAX_FILE;
    if too_long || metadata.len() == 0 {
        let reason = if too_long { "it is longer than 1 GiB" } else { "it is empty" };
        return Err(Error::Decode { path: path.into(), reason: reason.into() });
    }
    fs::File::open(path).map_err(read)
}

/// A decoder that has read the header and allocates no more than it says, if it says no more than
/// is allowed.
fn decoder<'a>(
    path: &Path,
    content: impl std::io::BufRead + Seek + 'a,
) -> Result<impl ImageDecoder + 'a> {
    let reader = ImageReader::new(content)
        .with_guessed_format()
        .map_err(|source| Error::Read { path: path.into(), source })?;
    if reader.format().is_none() {
        let reason = "its content is not of a known picture format".into();
        return Err(Error::Decode { path: path.into(), reason });
    }
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
        let reason = format!("it is {width}×{height} pixels");
        return Err(Error::Decode { path: path.into(), reason });
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_PIXELS * 8);
    decoder.set_limits(limits).map_err(|error| undecodable(path, &error))?;
    Ok(decoder)
}

fn undecodable(path: &Path, error: &ImageError) -> Error {
    Error::Decode { path: path.into(), reason: error.to_string() }
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
