//! Pictures for people: grids of images with captions, written as PNG.

mod palette;

use std::{io::Cursor, path::Path, sync::OnceLock};

use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};

pub use palette::Palette;

use crate::{Array, Error, Image, Result, Values};

/// Height of a caption's letters, in pixels.
const TEXT: f32 = 13.0;
/// Room around images and captions, in pixels.
const GAP: usize = 6;
/// Images are enlarged by a whole number until they are about this wide, so that digits can be
/// seen and captions read.
const CELL: usize = 96;

/// A picture in 8-bit RGB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    /// Row by row.
    pixels: Vec<[u8; 3]>,
}

/// How a caption is meant. Not by its colour alone: a wrong one has a mark before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mark {
    #[default]
    Plain,
    Right,
    Wrong,
}

impl Mark {
    fn color(self) -> [u8; 3] {
        match self {
            Self::Plain => [30, 30, 30],
            Self::Right => [20, 110, 50],
            Self::Wrong => [180, 30, 30],
        }
    }

    fn prefix(self) -> &'static str {
        match self {
            Self::Wrong => "× ",
            Self::Plain | Self::Right => "",
        }
    }
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
        let bytes = image.to_pixels();
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

    /// Writes a PNG file.
    ///
    /// # Errors
    /// [`Error::Write`] with the path.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let mut png = Cursor::new(Vec::new());
        let (width, height) = (self.width as u32, self.height as u32);
        image::write_buffer_with_format(
            &mut png,
            self.pixels.as_flattened(),
            width,
            height,
            image::ExtendedColorType::Rgb8,
            image::ImageFormat::Png,
        )
        .map_err(|error| Error::Write {
            path: path.into(),
            source: std::io::Error::other(error),
        })?;
        std::fs::write(path, png.into_inner())
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

    fn text(&mut self, text: &str, left: usize, top: usize, color: [u8; 3]) {
        let font = font().as_scaled(PxScale::from(TEXT));
        let mut x = left as f32;
        for letter in text.chars() {
            let mut glyph = font.scaled_glyph(letter);
            glyph.position = point(x, top as f32 + font.ascent());
            x += font.h_advance(glyph.id);
            let Some(outline) = font.outline_glyph(glyph) else { continue };
            let bounds = outline.px_bounds();
            outline.draw(|dx, dy, coverage| {
                let (x, y) =
                    (bounds.min.x as isize + dx as isize, bounds.min.y as isize + dy as isize);
                if (0..self.width as isize).contains(&x) && (0..self.height as isize).contains(&y) {
                    let pixel = &mut self.pixels[y as usize * self.width + x as usize];
                    for (channel, ink) in pixel.iter_mut().zip(color) {
                        let paper = f32::from(*channel);
                        *channel =
                            (paper + (f32::from(ink) - paper) * coverage.min(1.0)).round() as u8;
                    }
                }
            });
        }
    }
}

/// How wide a text is, in pixels.
fn text_width(text: &str) -> usize {
    let font = font().as_scaled(PxScale::from(TEXT));
    text.chars().map(|letter| font.h_advance(font.glyph_id(letter))).sum::<f32>().ceil() as usize
}

/// The text, cut with an ellipsis where it does not fit.
fn fitted(text: &str, width: usize) -> String {
    if text_width(text) <= width {
        return text.to_owned();
    }
    let mut cut = text.to_owned();
    while cut.pop().is_some() {
        let shown = format!("{cut}…");
        if text_width(&shown) <= width {
            return shown;
        }
    }
    String::new()
}

fn font() -> &'static FontRef<'static> {
    static FONT: OnceLock<FontRef<'static>> = OnceLock::new();
    FONT.get_or_init(|| {
        FontRef::try_from_slice(epaint_default_fonts::UBUNTU_LIGHT)
            .expect("the font is part of the program")
    })
}

/// Pictures in rows, each with a caption above it.
#[derive(Debug, Clone)]
pub struct Grid {
    columns: usize,
    /// Smaller pictures are enlarged.
    cell: usize,
    cells: Vec<(Picture, String, Mark)>,
}

impl Grid {
    /// # Panics
    /// If there are no columns.
    pub fn new(columns: usize) -> Self {
        assert!(columns > 0, "a grid has columns");
        Self { columns, cell: CELL, cells: Vec::new() }
    }

    /// Enlarges pictures by a whole number until they are about this many pixels wide; 96.
    #[must_use]
    pub fn cells_of(self, width: usize) -> Self {
        Self { cell: width, ..self }
    }

    /// Adds a picture with a caption.
    pub fn cell(self, picture: Picture, caption: impl Into<String>) -> Self {
        self.marked(picture, caption, Mark::Plain)
    }

    /// Adds a picture with a caption that says right or wrong.
    pub fn marked(mut self, picture: Picture, caption: impl Into<String>, mark: Mark) -> Self {
        self.cells.push((picture, caption.into(), mark));
        self
    }

    /// The picture of all of them.
    pub fn draw(&self) -> Picture {
        let widest = self.cells.iter().map(|(picture, ..)| picture.width).max().unwrap_or(1).max(1);
        let times = self.cell.div_ceil(widest).max(1);
        let line = TEXT.ceil() as usize + GAP / 2;
        let width = widest * times;
        let height =
            self.cells.iter().map(|(picture, ..)| picture.height).max().unwrap_or(1) * times;
        let rows = self.cells.len().div_ceil(self.columns).max(1);
        let columns = self.columns.min(self.cells.len()).max(1);
        let mut out = Picture::filled(
            columns * (width + GAP) + GAP,
            rows * (height + line + GAP) + GAP,
            [255, 255, 255],
        );
        for (at, (picture, caption, mark)) in self.cells.iter().enumerate() {
            let (row, column) = (at / self.columns, at % self.columns);
            let (left, top) = (GAP + column * (width + GAP), GAP + row * (height + line + GAP));
            let caption = fitted(&format!("{}{caption}", mark.prefix()), width);
            out.text(&caption, left, top, mark.color());
            out.paste(&picture.enlarged(times), left, top + line);
        }
        out
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
    fn a_grid_has_room_for_every_cell_and_its_caption() {
        let gray = Picture::filled(28, 28, [9; 3]);
        let grid =
            (0..5).fold(Grid::new(3), |grid, n| grid.cell(gray.clone(), n.to_string())).draw();
        assert_eq!(grid.width(), 3 * (28 * 4 + GAP) + GAP);
        assert_eq!(
            grid.pixels.iter().filter(|pixel| **pixel == [9; 3]).count(),
            5 * (28 * 4) * (28 * 4)
        );
        let ink = grid.pixels.iter().filter(|pixel| pixel[0] < 128 && pixel[0] != 9).count();
        assert!(ink > 10, "captions are drawn");
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

    #[test]
    fn a_long_caption_is_cut() {
        let cut = fitted("a very long caption that does not fit", 60);
        assert!(cut.ends_with('…') && text_width(&cut) <= 60, "{cut}");
    }

    #[test]
    fn wrong_is_not_said_by_colour_alone() {
        assert_ne!(Mark::Wrong.prefix(), Mark::Right.prefix());
    }
}
