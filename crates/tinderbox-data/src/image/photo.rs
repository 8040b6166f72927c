//! A picture with all that its file carries, which another picture in its place has too: its precision,
//! transparency, color profile and EXIF.

use std::{borrow::Cow, fmt, io::Cursor, path::Path};

use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::{
    DynamicImage, ImageBuffer, ImageEncoder, Luma, LumaA, Pixel, Rgb, Rgba,
    codecs::{jpeg::JpegEncoder, png::PngEncoder, tiff::TiffEncoder, webp::WebPEncoder},
};

use super::{
    Image,
    decode::{self, Carried, Decoded},
    exif, luma,
};
use crate::{ConvertMode, Error, ImageKind, Result};

/// How the names of files end that a [`Photo`] is written to, in lower case.
pub const PHOTO_EXTENSIONS: &[&str] = &["jpg", "jpeg", "png", "tif", "tiff", "webp"];

/// Of JPEGs that are written, whose colors keep their resolution.
const JPEG_QUALITY: u8 = 95;

/// A picture and what its file carries besides.
///
/// # Example
/// A better picture in the place of a photograph, with its date, its profile and its 16 bits:
///
/// ```no_run
/// use tinderbox_data::{ImageKind, Image, image::Photo};
///
/// # fn better(image: Image) -> Image { image }
/// # fn main() -> Result<(), tinderbox_data::Error> {
/// let photo = Photo::open_as("old.tif", ImageKind::default())?;
/// photo.with_image(&better(photo.to_image())).save("new.tif")?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Photo {
    /// Gray or RGB, 8 or 16 bits a value, upright.
    color: DynamicImage,
    /// How opaque each pixel is, if the file says so: gray, of the same size.
    alpha: Option<DynamicImage>,
    /// The value that is white: 255, 65535, or less where not all of 16 bits are used.
    white: u16,
    /// What the colors mean: an ICC profile, as it is in the file.
    pub profile: Option<Vec<u8>>,
    /// What the camera wrote, as a TIFF block: of an upright picture of this size, without the thumbnail.
    exif: Option<Vec<u8>>,
    /// Whether there was a block that could not be read.
    broken_exif: bool,
}

/// What a file of a picture is without, though the picture has it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lost {
    /// A color profile of other colors than those of the picture, as that of a CMYK file is.
    Profile { colors: String },
    /// A color profile that is none.
    BrokenProfile,
    /// An EXIF block that cannot be read.
    BrokenExif,
    /// EXIF, in a format that does not have it, or not so much.
    Exif { format: &'static str },
    /// Transparency, in a format that does not have it.
    Alpha { format: &'static str },
    /// More than 8 bits, in a format that does not have them.
    Depth { format: &'static str },
}

/// For people, after the file's name: `saved without …`.
impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Profile { colors } => {
                write!(f, "saved without the color profile, which is for {colors}")
            }
            Self::BrokenProfile => write!(f, "saved without the color profile, which is broken"),
            Self::BrokenExif => write!(f, "saved without the EXIF data, which is broken"),
            Self::Exif { format } => {
                write!(f, "saved without EXIF data, which is not written to {format} files")
            }
            Self::Alpha { format } => {
                write!(f, "saved without transparency, which {format} does not have")
            }
            Self::Depth { format } => {
                write!(f, "saved with 8 bits per channel: {format} does not have 16")
            }
        }
    }
}

/// A format that pictures are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    Jpeg,
    Png,
    Tiff,
    WebP,
}

impl Written {
    /// By the end of a file's name.
    fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_lowercase();
        Some(match extension.as_str() {
            "jpg" | "jpeg" => Self::Jpeg,
            "png" => Self::Png,
            "tif" | "tiff" => Self::Tiff,
            "webp" => Self::WebP,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Tiff => "TIFF",
            Self::WebP => "WebP",
        }
    }

    fn has_alpha(self) -> bool {
        self != Self::Jpeg
    }

    fn has_16_bits(self) -> bool {
        matches!(self, Self::Png | Self::Tiff)
    }

    /// The most bytes of EXIF in a file: in a JPEG, it is one segment.
    fn most_exif(self) -> usize {
        match self {
            Self::Jpeg => 65_533 - b"Exif\0\0".len(),
            Self::Png | Self::WebP => usize::MAX,
            Self::Tiff => 0,
        }
    }
}

impl Photo {
    /// Reads a file, as [`Pixels::open_as`](super::Pixels::open_as) does.
    ///
    /// What a file carries is taken as it is: a broken color profile or EXIF block does not keep the
    /// picture from being opened. EXIF of a TIFF file is not read.
    ///
    /// # Errors
    /// As there.
    pub fn open_as(path: impl AsRef<Path>, kind: ImageKind) -> Result<Self> {
        let path = path.as_ref();
        Self::of_file(path, &decode::bytes(path)?, kind)
    }

    /// Decodes what is in a file.
    ///
    /// # Errors
    /// As [`Pixels::decode_as`](super::Pixels::decode_as).
    pub fn decode_as(bytes: &[u8], kind: ImageKind) -> Result<Self> {
        let name = Path::new("the image");
        decode::check_len(name, bytes.len() as u64)?;
        Self::of_file(name, bytes, kind)
    }

    fn of_file(path: &Path, bytes: &[u8], kind: ImageKind) -> Result<Self> {
        let Decoded { image, .. } = decode::decoded(path, bytes, kind.max_pixels)?;
        let Carried { profile, exif } = decode::carried(path, bytes);
        let (color, alpha) = divided(image);
        let color = convert(color, kind.mode);
        let white = match (is_deep(&color), kind.bits) {
            (false, _) => 255,
            (true, Some(bits @ 1..16)) => (1 << bits) - 1,
            (true, _) => u16::MAX,
        };
        let photo = Self { color, alpha, white, profile, exif: None, broken_exif: false };
        Ok(match exif {
            Some(exif) => photo.with_exif(&exif),
            None => photo,
        })
    }

    /// A picture that carries nothing, with 8 bits.
    ///
    /// # Panics
    /// If the image has not 1 or 3 channels.
    pub fn of_image(image: &Image) -> Self {
        let color = color_of(image, 255, false);
        Self { color, alpha: None, white: 255, profile: None, exif: None, broken_exif: false }
    }

    /// In pixels.
    pub fn height(&self) -> usize {
        self.color.height() as usize
    }

    /// In pixels.
    pub fn width(&self) -> usize {
        self.color.width() as usize
    }

    /// 1 for gray, 3 for RGB.
    pub fn channels(&self) -> usize {
        self.color.color().channel_count().into()
    }

    /// Whether values have 16 bits.
    pub fn is_deep(&self) -> bool {
        is_deep(&self.color)
    }

    /// Whether some pixels may be transparent.
    pub fn has_alpha(&self) -> bool {
        self.alpha.is_some()
    }

    /// What the camera wrote, as a TIFF block.
    pub fn exif(&self) -> Option<&[u8]> {
        self.exif.as_deref()
    }

    /// For people: `an image of 1024×820 pixels`.
    pub fn describe(&self) -> String {
        format!("an image of {}×{} pixels", self.width(), self.height())
    }

    /// Its colors as floats in `0.0..=1.0`; 16 bits keep their precision. Those below transparent pixels
    /// are what the file says.
    pub fn to_image(&self) -> Image {
        let white = f32::from(self.white);
        let pixels = match &self.color {
            DynamicImage::ImageLuma8(image) => planes(image, |v| f32::from(v) / white),
            DynamicImage::ImageRgb8(image) => planes(image, |v| f32::from(v) / white),
            DynamicImage::ImageLuma16(image) => planes(image, |v| (f32::from(v) / white).min(1.0)),
            DynamicImage::ImageRgb16(image) => planes(image, |v| (f32::from(v) / white).min(1.0)),
            _ => unreachable!("colors are gray or RGB, of 8 or 16 bits"),
        };
        Image { channels: self.channels(), height: self.height(), width: self.width(), pixels }
    }

    /// Another picture in its place, that carries what this one does: it has as many bits; alpha is scaled
    /// to its size; EXIF says its size. Values are rounded to the nearest.
    ///
    /// # Panics
    /// If the image has not 1 or 3 channels.
    #[must_use]
    pub fn with_image(&self, image: &Image) -> Self {
        self.with_color(color_of(image, self.white, self.is_deep()))
    }

    /// The picture at another size, by a bicubic filter (Catmull-Rom) that is as wide as pixels are made
    /// smaller.
    ///
    /// # Panics
    /// If there is a side without pixels.
    #[must_use]
    pub fn resized(&self, [height, width]: [usize; 2]) -> Self {
        assert!(height > 0 && width > 0, "a picture has pixels");
        match [self.height(), self.width()] == [height, width] {
            true => self.clone(),
            false => self.with_color(bicubic(&self.color, [height, width])),
        }
    }

    fn with_color(&self, color: DynamicImage) -> Self {
        let size = [color.height() as usize, color.width() as usize];
        let alpha = self.alpha.as_ref().map(|alpha| match size == [self.height(), self.width()] {
            true => alpha.clone(),
            false => bicubic(alpha, size),
        });
        let photo = Self {
            color,
            alpha,
            white: self.white,
            profile: self.profile.clone(),
            exif: None,
            broken_exif: self.broken_exif,
        };
        match &self.exif {
            Some(exif) => photo.with_exif(exif),
            None => photo,
        }
    }

    fn with_exif(self, exif: &[u8]) -> Self {
        let exif = exif::of_upright(exif, [self.height(), self.width()]);
        Self { broken_exif: exif.is_none(), exif, ..self }
    }

    /// Writes a file in the format that its name ends with: .jpg (quality 95, colors at full resolution),
    /// .png, .tif or .webp (without losses). Returns what the file is without.
    ///
    /// # Errors
    /// [`Error::ImageFormat`] for another end, [`Error::Write`] with the path.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<Vec<Lost>> {
        let path = path.as_ref();
        let format = Written::of(path).ok_or_else(|| Error::ImageFormat { path: path.into() })?;
        let (bytes, lost) = self.encode(format).map_err(|error| Error::Write {
            path: path.into(),
            source: std::io::Error::other(error),
        })?;
        std::fs::write(path, bytes).map_err(|source| Error::Write { path: path.into(), source })?;
        Ok(lost)
    }

    /// The file, and what it is without.
    fn encode(&self, format: Written) -> image::ImageResult<(Vec<u8>, Vec<Lost>)> {
        let name = format.name();
        let mut lost = Vec::new();
        let profile = self.profile.as_deref().filter(|profile| {
            let misfit = misfit(profile, self.channels());
            lost.extend(misfit.clone());
            misfit.is_none()
        });
        if self.broken_exif {
            lost.push(Lost::BrokenExif);
        }
        let exif = self.exif.as_deref().filter(|exif| exif.len() <= format.most_exif());
        if self.exif.is_some() && exif.is_none() {
            lost.push(Lost::Exif { format: name });
        }
        let alpha = self.alpha.as_ref().filter(|_| format.has_alpha());
        if self.alpha.is_some() && alpha.is_none() {
            lost.push(Lost::Alpha { format: name });
        }
        let narrow = self.is_deep() && !format.has_16_bits();
        if narrow {
            lost.push(Lost::Depth { format: name });
        }
        let image = match narrow {
            true => {
                let alpha = alpha.map(|alpha| narrowed(alpha, u16::MAX));
                united(Cow::Owned(narrowed(&self.color, self.white)), alpha.as_ref())
            }
            false => united(Cow::Borrowed(&self.color), alpha),
        };
        let mut file = Cursor::new(Vec::new());
        match format {
            Written::Jpeg => {
                write(JpegEncoder::new_with_quality(&mut file, JPEG_QUALITY), &image, profile, exif)
            }
            Written::Png => write(PngEncoder::new(&mut file), &image, profile, exif),
            Written::Tiff => {
                // The encoder has no gray with alpha.
                let image = match &*image {
                    DynamicImage::ImageLumaA8(_) => Cow::Owned(image.to_rgba8().into()),
                    DynamicImage::ImageLumaA16(_) => Cow::Owned(image.to_rgba16().into()),
                    _ => image,
                };
                write(TiffEncoder::new(&mut file), &image, profile, exif)
            }
            Written::WebP => write(WebPEncoder::new_lossless(&mut file), &image, profile, exif),
        }?;
        Ok((file.into_inner(), lost))
    }
}

fn write(
    mut encoder: impl ImageEncoder,
    image: &DynamicImage,
    profile: Option<&[u8]>,
    exif: Option<&[u8]>,
) -> image::ImageResult<()> {
    if let Some(profile) = profile {
        encoder.set_icc_profile(profile.to_vec()).map_err(image::ImageError::Unsupported)?;
    }
    if let Some(exif) = exif {
        encoder.set_exif_metadata(exif.to_vec()).map_err(image::ImageError::Unsupported)?;
    }
    encoder.write_image(image.as_bytes(), image.width(), image.height(), image.color().into())
}

/// Why a color profile is not that of a picture of so many channels.
fn misfit(profile: &[u8], channels: usize) -> Option<Lost> {
    /// Profiles of printers have a megabyte or two; a JPEG holds sixteen.
    const MOST: usize = 1 << 23;
    let is_one = profile.len() <= MOST && profile.get(36..40) == Some(b"acsp");
    match profile.get(16..20).filter(|_| is_one) {
        None => Some(Lost::BrokenProfile),
        Some(b"RGB ") if channels == 3 => None,
        Some(b"GRAY") if channels == 1 => None,
        Some(colors) => {
            Some(Lost::Profile { colors: colors.escape_ascii().to_string().trim_end().to_owned() })
        }
    }
}

fn is_deep(image: &DynamicImage) -> bool {
    matches!(image, DynamicImage::ImageLuma16(_) | DynamicImage::ImageRgb16(_))
}

fn bicubic(image: &DynamicImage, [height, width]: [usize; 2]) -> DynamicImage {
    let mut resized = DynamicImage::new(width as u32, height as u32, image.color());
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom));
    Resizer::new().resize(image, &mut resized, &options).expect("both are of one kind");
    resized
}

/// An image of these values, row by row, the channels of a pixel together.
fn buffer<P: Pixel>([width, height]: [u32; 2], values: Vec<P::Subpixel>) -> DynamicImage
where
    DynamicImage: From<ImageBuffer<P, Vec<P::Subpixel>>>,
{
    ImageBuffer::from_raw(width, height, values).expect("as many values as pixels have").into()
}

fn sides(image: &DynamicImage) -> [u32; 2] {
    [image.width(), image.height()]
}

/// Colors and alpha, each by itself. Numbers of other kinds become 16 bits.
fn divided(image: DynamicImage) -> (DynamicImage, Option<DynamicImage>) {
    let size = sides(&image);
    match image {
        DynamicImage::ImageLumaA8(image) => {
            let (color, alpha) = apart(image.as_raw(), 2);
            (buffer::<Luma<u8>>(size, color), Some(buffer::<Luma<u8>>(size, alpha)))
        }
        DynamicImage::ImageRgba8(image) => {
            let (color, alpha) = apart(image.as_raw(), 4);
            (buffer::<Rgb<u8>>(size, color), Some(buffer::<Luma<u8>>(size, alpha)))
        }
        DynamicImage::ImageLumaA16(image) => {
            let (color, alpha) = apart(image.as_raw(), 2);
            (buffer::<Luma<u16>>(size, color), Some(buffer::<Luma<u16>>(size, alpha)))
        }
        DynamicImage::ImageRgba16(image) => {
            let (color, alpha) = apart(image.as_raw(), 4);
            (buffer::<Rgb<u16>>(size, color), Some(buffer::<Luma<u16>>(size, alpha)))
        }
        DynamicImage::ImageRgba32F(_) => divided(image.into_rgba16().into()),
        image @ (DynamicImage::ImageLuma8(_)
        | DynamicImage::ImageRgb8(_)
        | DynamicImage::ImageLuma16(_)
        | DynamicImage::ImageRgb16(_)) => (image, None),
        image => (image.into_rgb16().into(), None),
    }
}

/// The channels of pixels without the last one, and the last one.
fn apart<T: Copy>(values: &[T], channels: usize) -> (Vec<T>, Vec<T>) {
    let pixels = || values.chunks_exact(channels);
    let color = pixels().flat_map(|pixel| &pixel[..channels - 1]).copied().collect();
    (color, pixels().map(|pixel| pixel[channels - 1]).collect())
}

/// The reverse of [`divided`], for alpha of as many bits.
fn united<'a>(color: Cow<'a, DynamicImage>, alpha: Option<&DynamicImage>) -> Cow<'a, DynamicImage> {
    use DynamicImage::{ImageLuma8, ImageLuma16, ImageRgb8, ImageRgb16};
    let size = sides(&color);
    Cow::Owned(match (&*color, alpha) {
        (ImageLuma8(c), Some(ImageLuma8(a))) => buffer::<LumaA<u8>>(size, together(c, a, 1)),
        (ImageRgb8(c), Some(ImageLuma8(a))) => buffer::<Rgba<u8>>(size, together(c, a, 3)),
        (ImageLuma16(c), Some(ImageLuma16(a))) => buffer::<LumaA<u16>>(size, together(c, a, 1)),
        (ImageRgb16(c), Some(ImageLuma16(a))) => buffer::<Rgba<u16>>(size, together(c, a, 3)),
        _ => return color,
    })
}

/// The channels of pixels and one more.
fn together<T: Copy>(color: &[T], alpha: &[T], channels: usize) -> Vec<T> {
    let pixels = color.chunks_exact(channels).zip(alpha.chunks_exact(1));
    pixels.flat_map(|(color, alpha)| color.iter().chain(alpha)).copied().collect()
}

/// Values of 16 bits in 8.
fn narrowed(image: &DynamicImage, white: u16) -> DynamicImage {
    let white = u32::from(white);
    let byte = |value: &u16| ((u32::from(*value).min(white) * 255 + white / 2) / white) as u8;
    match image {
        DynamicImage::ImageLuma16(image) => {
            buffer::<Luma<u8>>(image.dimensions().into(), image.iter().map(byte).collect())
        }
        DynamicImage::ImageRgb16(image) => {
            buffer::<Rgb<u8>>(image.dimensions().into(), image.iter().map(byte).collect())
        }
        image => image.clone(),
    }
}

/// In the channels that were asked for.
fn convert(image: DynamicImage, mode: ConvertMode) -> DynamicImage {
    let size = sides(&image);
    match (mode, image) {
        (ConvertMode::Rgb, DynamicImage::ImageLuma8(gray)) => {
            buffer::<Rgb<u8>>(size, gray.iter().flat_map(|l| [*l; 3]).collect())
        }
        (ConvertMode::Rgb, DynamicImage::ImageLuma16(gray)) => {
            buffer::<Rgb<u16>>(size, gray.iter().flat_map(|l| [*l; 3]).collect())
        }
        (ConvertMode::L, DynamicImage::ImageRgb8(image)) => {
            let gray = image.pixels().map(|Rgb([r, g, b])| luma(*r, *g, *b));
            buffer::<Luma<u8>>(size, gray.collect())
        }
        (ConvertMode::L, DynamicImage::ImageRgb16(image)) => {
            let gray = image.pixels().map(|Rgb([r, g, b])| luma_of_16(*r, *g, *b));
            buffer::<Luma<u16>>(size, gray.collect())
        }
        (_, image) => image,
    }
}

/// [`luma`] of 16 bits.
fn luma_of_16(r: u16, g: u16, b: u16) -> u16 {
    ((19595 * u64::from(r) + 38470 * u64::from(g) + 7471 * u64::from(b) + 32768) >> 16) as u16
}

/// Floats, channel by channel.
fn planes<P: Pixel>(
    image: &ImageBuffer<P, Vec<P::Subpixel>>,
    share: impl Fn(P::Subpixel) -> f32,
) -> Vec<f32> {
    let channels = usize::from(P::CHANNEL_COUNT);
    let values = image.as_raw();
    let plane = |channel: usize| values.iter().skip(channel).step_by(channels);
    (0..channels).flat_map(|channel| plane(channel).map(|value| share(*value))).collect()
}

/// The values of an image in 8 or 16 bits, of which 1 becomes `white`.
fn color_of(image: &Image, white: u16, deep: bool) -> DynamicImage {
    let Image { channels, height, width, ref pixels } = *image;
    assert!(matches!(channels, 1 | 3), "a picture has 1 or 3 channels, not {channels}");
    let (size, plane) = ([width as u32, height as u32], height * width);
    let value = |value: f32| (value.clamp(0.0, 1.0) * f32::from(white)).round();
    let values = (0..plane)
        .flat_map(|at| (0..channels).map(move |channel| channel * plane + at))
        .map(|at| value(pixels[at]));
    match (channels, deep) {
        (1, false) => buffer::<Luma<u8>>(size, values.map(|value| value as u8).collect()),
        (1, true) => buffer::<Luma<u16>>(size, values.map(|value| value as u16).collect()),
        (_, false) => buffer::<Rgb<u8>>(size, values.map(|value| value as u8).collect()),
        (_, true) => buffer::<Rgb<u16>>(size, values.map(|value| value as u16).collect()),
    }
}

#[cfg(test)]
mod tests;
