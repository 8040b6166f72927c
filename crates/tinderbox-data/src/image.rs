//! Opening images: decoded under limits, upright, in the colors that were asked for.

mod codes;
mod decode;
mod exif;
mod format;
mod jpeg;
mod likeness;
mod mask;
mod photo;
mod resize;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use codes::save_mask;
pub use decode::{ImageInfo, Turn, highest_value};
pub use format::{FORMATS, Format, extensions};
pub use likeness::{Alike, Likeness};
pub use mask::{MaskFile, MaskInfo, MaskPixels, NotMask, open_mask, open_mask_within};
pub use photo::{Lost, PHOTO_EXTENSIONS, Photo};
pub use resize::{Filter, resize_to};

use crate::{Array, ImageKind, Result, Values};

/// The most pixels that an image may have if nothing else is said: as bytes in three channels they
/// take a quarter of a gigabyte. The number is Pillow's, above which it warns of a decompression bomb.
pub const MAX_PIXELS: u64 = 89_478_485;

/// The channels an image is opened with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConvertMode {
    /// Three channels. Gray is repeated, alpha dropped.
    #[default]
    Rgb,
    /// One channel of luma, by ITU-R 601 in whole numbers as in Pillow:
    /// `(19595 R + 38470 G + 7471 B + 32768) >> 16`.
    L,
}

impl ConvertMode {
    /// How many channels its images have.
    pub fn channels(self) -> usize {
        match self {
            Self::Rgb => 3,
            Self::L => 1,
        }
    }
}

/// For people: `RGB` or `gray`.
impl std::fmt::Display for ConvertMode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Rgb => "RGB",
            Self::L => "gray",
        })
    }
}

/// A decoded image, as bytes: `[height, width, channels]`, upright.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixels {
    pub height: usize,
    pub width: usize,
    /// 1 or 3.
    pub channels: usize,
    /// Row by row, the channels of a pixel together.
    pub bytes: Vec<u8>,
    /// Height and width of the image in its file, upright: larger than these if it was decoded at a
    /// fraction of its size.
    pub full_size: [usize; 2],
}

/// An image as the transforms see it: `[channels, height, width]`, values in `0.0..=1.0`.
#[derive(Debug, Clone, PartialEq)]
#[doc(alias = "ImageSegment")]
pub struct Image {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
    /// Channel by channel, row by row.
    pub pixels: Vec<f32>,
}

impl Pixels {
    /// Reads and decodes a file.
    ///
    /// The format is found from the content, whatever the name says. An image is turned upright
    /// by its EXIF orientation; of an animation, the first frame is taken; 16 bits a channel are
    /// scaled to 8; CMYK becomes RGB. A file that is cut short is an error, and no gray rest.
    ///
    /// A JPEG of more than [`MAX_PIXELS`], as phones of 108 megapixels take, is decoded at a
    /// quarter or an eighth of its width and height. [`ImageKind`] has other limits.
    ///
    /// # Errors
    /// [`Error::Decode`](crate::Error::Decode), [`TooLarge`](crate::Error::TooLarge),
    /// [`Read`](crate::Error::Read) or [`NotAFile`](crate::Error::NotAFile), with the path. Sizes
    /// are checked before anything is decoded.
    pub fn open(path: impl AsRef<Path>, mode: ConvertMode) -> Result<Self> {
        Self::open_as(path, ImageKind { mode, ..ImageKind::default() })
    }

    /// Decodes what is in a file, as [`open`](Self::open) does.
    ///
    /// # Errors
    /// As there; where a file would be named, it is `the image`.
    pub fn decode(bytes: &[u8], mode: ConvertMode) -> Result<Self> {
        Self::decode_as(bytes, ImageKind { mode, ..ImageKind::default() })
    }

    /// [`open`](Self::open) with all that can be said about it.
    ///
    /// # Errors
    /// As there.
    pub fn open_as(path: impl AsRef<Path>, kind: ImageKind) -> Result<Self> {
        decode::open(path.as_ref(), kind)
    }

    /// [`open_as`](Self::open_as), and the format that the file is in, whatever its name says.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn open_with_format(
        path: &Path,
        kind: ImageKind,
    ) -> Result<(Self, image::ImageFormat)> {
        decode::open_with_format(path, kind)
    }

    /// [`decode`](Self::decode) with all that can be said about it.
    ///
    /// # Errors
    /// As there.
    pub fn decode_as(bytes: &[u8], kind: ImageKind) -> Result<Self> {
        decode::decode(bytes, kind)
    }

    /// Floats in `0.0..=1.0`, channels first.
    pub fn to_image(&self) -> Image {
        let Self { height, width, channels, ref bytes, .. } = *self;
        let share = |byte: &u8| f32::from(*byte) / 255.0;
        let pixels = match channels {
            3 => {
                // All channels of a pixel at once: a pass over the bytes for each takes longer.
                let plane = height * width;
                let mut pixels = vec![0.0; 3 * plane];
                let (red, rest) = pixels.split_at_mut(plane);
                let (green, blue) = rest.split_at_mut(plane);
                let planes = red.iter_mut().zip(green).zip(blue);
                for (((red, green), blue), [r, g, b]) in planes.zip(bytes.as_chunks::<3>().0) {
                    (*red, *green, *blue) = (share(r), share(g), share(b));
                }
                pixels
            }
            _ => bytes.iter().map(share).collect(),
        };
        Image { channels, height, width, pixels }
    }

    /// The luma of three channels, by [`ConvertMode::L`]'s formula.
    ///
    /// # Panics
    /// If there are not three channels.
    pub fn to_luma(&self) -> Self {
        assert_eq!(self.channels, 3, "luma is of three channels");
        let (pixels, _) = self.bytes.as_chunks::<3>();
        Self {
            channels: 1,
            bytes: pixels.iter().map(|&[r, g, b]| luma(r, g, b)).collect(),
            ..*self
        }
    }

    /// One channel repeated three times.
    ///
    /// # Panics
    /// If there is not one channel.
    pub fn to_rgb(&self) -> Self {
        assert_eq!(self.channels, 1, "only gray is repeated");
        Self { channels: 3, bytes: self.bytes.iter().flat_map(|&l| [l, l, l]).collect(), ..*self }
    }
}

fn luma(r: u8, g: u8, b: u8) -> u8 {
    ((19595 * u32::from(r) + 38470 * u32::from(g) + 7471 * u32::from(b) + 32768) >> 16) as u8
}

impl Image {
    /// An image of one value.
    pub fn filled([channels, height, width]: [usize; 3], value: f32) -> Self {
        Self { channels, height, width, pixels: vec![value; channels * height * width] }
    }

    /// The image whose numbers these are, `[channels, height, width]`; nothing for an array of
    /// another form.
    pub fn of_array(array: Array) -> Option<Self> {
        match (&array.shape[..], array.values) {
            (&[channels, height, width], Values::F32(pixels)) => {
                Some(Self { channels, height, width, pixels })
            }
            _ => None,
        }
    }

    /// As many channels, each of them the luma of [`ConvertMode::L`]; gray images stay as they are.
    #[must_use]
    pub fn to_gray(&self) -> Self {
        let Self { channels: 3, height, width, pixels } = self else { return self.clone() };
        let (red, rest) = pixels.split_at(height * width);
        let (green, blue) = rest.split_at(height * width);
        let luma =
            |((r, g), b): ((&f32, &f32), &f32)| (19595.0 * r + 38470.0 * g + 7471.0 * b) / 65536.0;
        let luma: Vec<f32> = red.iter().zip(green).zip(blue).map(luma).collect();
        Self { pixels: luma.repeat(3), ..*self }
    }

    /// The numbers, `[channels, height, width]`.
    pub fn into_array(self) -> Array {
        Array::f32([self.channels, self.height, self.width], self.pixels)
    }

    /// Bytes for a file: times 255, cut to a whole number, as the reference saves.
    pub fn to_pixels(&self) -> Pixels {
        self.to_pixels_by(|value| (value.clamp(0.0, 1.0) * 255.0) as u8)
    }

    /// Bytes, each made of a value by `byte`.
    pub(crate) fn to_pixels_by(&self, byte: impl Fn(f32) -> u8 + Copy) -> Pixels {
        let Self { channels, height, width, ref pixels } = *self;
        let plane = height * width;
        let bytes = match channels {
            3 => {
                let (red, rest) = pixels.split_at(plane);
                let (green, blue) = rest.split_at(plane);
                let colors = red.iter().zip(green).zip(blue);
                colors.flat_map(|((r, g), b)| [*r, *g, *b].map(byte)).collect()
            }
            _ => (0..plane)
                .flat_map(|at| (0..channels).map(move |channel| byte(pixels[channel * plane + at])))
                .collect(),
        };
        Pixels { height, width, channels, bytes, full_size: [height, width] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gray_of_gray_is_itself() {
        for value in 0..=255 {
            assert_eq!(luma(value, value, value), value);
        }
    }

    #[test]
    fn gray_of_an_image_has_its_luma_in_all_channels() {
        let image =
            Image { channels: 3, height: 1, width: 2, pixels: vec![1.0, 0.2, 0.0, 0.2, 0.0, 0.2] };
        let gray = image.to_gray();
        assert_eq!(gray.pixels[..2], gray.pixels[2..4]);
        assert!((gray.pixels[0] - 0.299).abs() < 1e-4 && (gray.pixels[1] - 0.2).abs() < 1e-6);
        assert_eq!(Image::of_array(gray.clone().into_array()), Some(gray));
        assert_eq!(Image::of_array(Array::f32([2], vec![0.0; 2])), None);
    }

    #[test]
    fn channels_come_first_in_an_image() {
        let bytes = vec![0, 51, 102, 153, 204, 255];
        let pixels = Pixels { height: 1, width: 2, channels: 3, bytes, full_size: [1, 2] };
        let image = pixels.to_image();
        assert_eq!(image.pixels, [0.0, 0.6, 0.2, 0.8, 0.4, 1.0]);
        assert_eq!(image.to_pixels().bytes[5], 255);
    }
}
