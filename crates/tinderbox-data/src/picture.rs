//! Pictures for people: grids of images with captions, written as PNG.

mod caption;
mod compare;
mod grid;
mod palette;

use std::{io::Cursor, path::Path};

pub use caption::Mark;
pub use grid::Grid;
pub use palette::Palette;

use crate::{Array, Error, Image, Result, Values, image::Pixels};

/// Room around images and captions, in pixels.
const GAP: usize = 6;

/// A picture in 8-bit RGB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    /// Row by row.
    pixels: Vec<[u8; 3]>,
}

impl Picture {
    /// A picture of one colour.
    pub fn filled(width: usize, height: usize, color: [u8; 3]) -> Self {
        Self { width, height, pixels: vec![color; width * height] }
    }

    /// A picture of `[channels, height, width]` in `0.0..=1.0`; what lies outside is cut off, one
    /// channel is gray.
    ///
    /// # Panics
    /// If the array is not of that form with 1 or 3 channels.
    pub fn of_array(array: &Array) -> Self {
        let (&[channels, height, width], Values::F32(values)) = (&array.shape[..], &array.values)
        else {
            panic!("an image, not an array of shape {:?}", array.shape)
        };
        Self::of_image(&Image { channels, height, width, pixels: values.clone() })
    }

    /// A picture of an image with 1 or 3 channels.
    ///
    /// # Panics
    /// If there are another number of channels.
    pub fn of_image(image: &Image) -> Self {
        Self::of_pixels(image.to_pixels())
    }

    /// # Panics
    /// If there are not 1 or 3 channels.
    fn of_pixels(bytes: Pixels) -> Self {
        let bytes = match bytes.channels {
            1 => bytes.to_rgb(),
            3 => bytes,
            other => panic!("a picture has 1 or 3 channels, not {other}"),
        };
        Self {
            width: bytes.width,
            height: bytes.height,
            pixels: bytes.bytes.as_chunks().0.to_vec(),
        }
    }

    /// In pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// In pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The picture as a PNG file.
    ///
    /// # Errors
    /// If it has no pixels, as the format has no such images.
    pub fn to_png(&self) -> std::io::Result<Vec<u8>> {
        let mut png = Cursor::new(Vec::new());
        image::write_buffer_with_format(
            &mut png,
            self.pixels.as_flattened(),
            self.width as u32,
            self.height as u32,
            image::ExtendedColorType::Rgb8,
            image::ImageFormat::Png,
        )
        .map_err(std::io::Error::other)?;
        Ok(png.into_inner())
    }

    /// Writes a PNG file.
    ///
    /// # Errors
    /// [`Error::Write`] with the path.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        self.to_png()
            .and_then(|png| std::fs::write(path, png))
            .map_err(|source| Error::Write { path: path.into(), source })
    }

    /// Lays class codes `[1, height, width]` over the picture, half transparent, in their colors.
    ///
    /// # Panics
    /// If the codes are not of that form, or of another size than the picture.
    pub fn overlay(&mut self, codes: &Array, palette: &Palette) {
        let (&[1, height, width], Values::I64(values)) = (&codes.shape[..], &codes.values) else {
            panic!("class codes, not an array of shape {:?}", codes.shape)
        };
        assert_eq!([height, width], [self.height, self.width], "a mask of the picture's size");
        for (pixel, &code) in self.pixels.iter_mut().zip(values) {
            for (channel, ink) in pixel.iter_mut().zip(palette.color(code)) {
                *channel = channel.midpoint(ink);
            }
        }
    }

    /// The color at a column and a row.
    ///
    /// # Panics
    /// If it is not in the picture.
    pub fn pixel(&self, x: usize, y: usize) -> [u8; 3] {
        assert!(x < self.width && y < self.height, "a place in the picture");
        self.pixels[y * self.width + x]
    }

    /// The picture with a color laid over each pixel, as much as is said for its column and row: 0 is
    /// not at all, 1 covers it.
    #[must_use]
    pub fn tinted(&self, tint: impl Fn(usize, usize) -> ([u8; 3], f32)) -> Self {
        let mut tinted = self.clone();
        for (at, pixel) in tinted.pixels.iter_mut().enumerate() {
            let (color, share) = tint(at % self.width, at / self.width);
            for (channel, ink) in pixel.iter_mut().zip(color) {
                let paper = f32::from(*channel);
                *channel = (paper + (f32::from(ink) - paper) * share.clamp(0.0, 1.0)).round() as u8;
            }
        }
        tinted
    }

    /// The picture with another below it, which is cut to its width.
    #[must_use]
    pub fn above(&self, below: &Self) -> Self {
        let mut both = Self::filled(self.width, self.height + below.height, [255; 3]);
        both.paste(self, 0, 0);
        both.paste(below, 0, self.height);
        both
    }

    /// The picture with another one right of it, at the top.
    #[must_use]
    pub fn beside(&self, right: &Self) -> Self {
        let left = self.width + GAP / 2;
        let height = self.height.max(right.height);
        let mut both = Self::filled(left + right.width, height, [255; 3]);
        both.paste(self, 0, 0);
        both.paste(right, left, 0);
        both
    }

    /// This many times as large. Pixels stay squares: what becomes larger does so by a whole number.
    fn scaled(&self, times: f64) -> Self {
        match times < 1.0 {
            true => self.shrunk(times),
            false => self.enlarged(times as usize),
        }
    }

    /// Smaller, each pixel from all that it covers.
    fn shrunk(&self, times: f64) -> Self {
        let [height, width] =
            [self.height, self.width].map(|side| ((side as f64 * times) as usize).max(1));
        let bytes = self.pixels.as_flattened().to_vec();
        let pixels = Pixels {
            height: self.height,
            width: self.width,
            channels: 3,
            bytes,
            full_size: [self.height, self.width],
        };
        let bytes = pixels.resized([height, width]).bytes;
        Self { width, height, pixels: bytes.as_chunks().0.to_vec() }
    }

    /// Each pixel as a square of `times` × `times`.
    fn enlarged(&self, times: usize) -> Self {
        let (width, height) = (self.width * times, self.height * times);
        let pixel = |at: usize| self.pixels[at / width / times * self.width + at % width / times];
        Self { width, height, pixels: (0..width * height).map(pixel).collect() }
    }

    fn paste(&mut self, other: &Self, left: usize, top: usize) {
        for row in 0..other.height.min(self.height.saturating_sub(top)) {
            let width = other.width.min(self.width.saturating_sub(left));
            let from = &other.pixels[row * other.width..][..width];
            self.pixels[(top + row) * self.width + left..][..width].copy_from_slice(from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enlarging_repeats_pixels() {
        let picture = Picture { width: 2, height: 1, pixels: vec![[1; 3], [2; 3]] };
        let enlarged = picture.enlarged(2);
        assert_eq!((enlarged.width, enlarged.height), (4, 2));
        assert_eq!(
            enlarged.pixels.iter().map(|p| p[0]).collect::<Vec<_>>(),
            [1, 1, 2, 2, 1, 1, 2, 2]
        );
    }

    #[test]
    fn two_pictures_are_one_and_smaller() {
        let both = Picture::filled(4, 2, [9; 3]).beside(&Picture::filled(2, 6, [1; 3]));
        assert_eq!((both.width, both.height), (4 + GAP / 2 + 2, 6));
        assert_eq!((both.pixel(3, 1), both.pixel(4, 1)), ([9; 3], [255; 3]));
        assert_eq!((both.pixel(4 + GAP / 2, 5), both.pixel(0, 2)), ([1; 3], [255; 3]));
        let half = both.scaled(0.5);
        assert_eq!((half.width, half.height), (4, 3));
        assert!(half.pixel(0, 0)[0] < 60 && half.pixel(0, 2) == [255; 3]);
        assert_eq!(both.scaled(2.9).width, 2 * both.width);
    }

    #[test]
    fn a_mask_is_seen_through() {
        let mut picture = Picture::filled(2, 1, [1; 3]);
        let palette = Palette::of(&["Sky".into(), "Road".into()]);
        picture.overlay(&Array::i64([1, 1, 2], vec![0, 1]), &palette);
        assert_eq!(picture.pixels, [[64, 64, 64], [64, 32, 64]]);
        let below = Picture::filled(5, 2, [7; 3]);
        assert_eq!((picture.above(&below).width(), picture.above(&below).height()), (2, 3));
    }
}
