//! Masks as their files have them, before it is said what their values mean.

use std::{collections::BTreeMap, fmt, path::Path};

use image::{DynamicImage, ImageFormat};
use rustc_hash::FxHashMap;

use super::{
    MAX_PIXELS, codes,
    decode::{Decoded, bytes, decoded, guarded},
};
use crate::{Array, Error, Result};

/// A mask's file, decoded: gray values, entries of a palette, or colors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaskFile {
    pub height: usize,
    pub width: usize,
    pub pixels: MaskPixels,
}

/// The pixels of a mask, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MaskPixels {
    /// Gray values as they are, of 1 to 16 bits. Gray that is stored in three equal channels is gray.
    Gray(Vec<u16>),
    /// Entries of a palette, and the palette's colors.
    Palette { entries: Vec<u8>, colors: Vec<[u8; 3]> },
    /// Colors that are not all gray.
    Colors(Vec<[u8; 3]>),
}

/// What is in a mask's file, as numbers of pixels.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MaskInfo {
    /// Height and width.
    pub size: [usize; 2],
    /// How many pixels have each gray value, or each entry of the palette; empty for a mask of
    /// colors.
    pub values: BTreeMap<u16, u64>,
    /// How many pixels have each color, of the palette or their own; empty for a gray mask.
    pub colors: BTreeMap<[u8; 3], u64>,
}

/// Why an image cannot be a mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotMask {
    /// JPEG and lossy WebP change values.
    Lossy(&'static str),
    /// It has colors, and no table says which class a color is.
    Colors,
    /// Where it is transparent, its values may mean anything.
    Transparent,
}

/// What it is instead: `a color image`.
impl fmt::Display for NotMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lossy(format) => write!(f, "a {format}, whose compression changes values"),
            Self::Colors => f.write_str("a color image, and no table of colors is given"),
            Self::Transparent => f.write_str("partly transparent"),
        }
    }
}

impl MaskInfo {
    /// Reads a mask's file and counts its values. No classes are needed.
    ///
    /// # Errors
    /// Those of [`MaskFile::open`].
    ///
    /// # Example
    /// ```
    /// use tinderbox_data::image::MaskInfo;
    ///
    /// fn is_binary(mask: &std::path::Path) -> tinderbox_data::Result<bool> {
    ///     let MaskInfo { values, .. } = MaskInfo::read(mask)?;
    ///     Ok(values.into_keys().all(|value| value == 0 || value == 255))
    /// }
    /// ```
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        Ok(MaskFile::open(path)?.info())
    }
}

impl MaskFile {
    /// Reads and decodes a mask. The format is found from the content, whatever the name says.
    ///
    /// # Errors
    /// Those of [`Pixels::open`](super::Pixels::open); [`Error::NotAMask`] for a JPEG or a lossy WebP,
    /// whose values are not what was saved, and for one that is partly transparent.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_within(path, MAX_PIXELS)
    }

    /// [`open`](Self::open) under another limit than [`MAX_PIXELS`].
    ///
    /// # Errors
    /// As there.
    pub fn open_within(path: impl AsRef<Path>, max_pixels: u64) -> Result<Self> {
        let path = path.as_ref();
        let not_a_mask = |why| Error::NotAMask { path: path.into(), why };
        let bytes = bytes(path)?;
        if let Some(mask) = guarded(path, || codes::entries(path, &bytes, max_pixels))? {
            return Ok(mask);
        }
        let Decoded { format, image, .. } = decoded(path, &bytes, max_pixels)?;
        match format {
            ImageFormat::Jpeg => return Err(not_a_mask(NotMask::Lossy("JPEG"))),
            ImageFormat::WebP if has_chunk(&bytes, *b"VP8 ") => {
                return Err(not_a_mask(NotMask::Lossy("lossy WebP")));
            }
            _ => {}
        }
        let (height, width) = (image.height() as usize, image.width() as usize);
        let pixels = pixels(image).map_err(not_a_mask)?;
        Ok(Self { height, width, pixels })
    }

    /// How many pixels have which value and color.
    pub fn info(&self) -> MaskInfo {
        let size = [self.height, self.width];
        let (values, colors) = match &self.pixels {
            MaskPixels::Gray(values) => (counted(values), BTreeMap::new()),
            MaskPixels::Palette { entries, colors } => {
                let mut of_colors = BTreeMap::new();
                let entries = counted(entries);
                for (entry, n) in &entries {
                    *of_colors.entry(entry_color(colors, *entry)).or_default() += n;
                }
                (entries.into_iter().map(|(entry, n)| (entry.into(), n)).collect(), of_colors)
            }
            MaskPixels::Colors(colors) => (BTreeMap::new(), counted(colors)),
        };
        MaskInfo { size, values, colors }
    }

    /// Gray values or entries of the palette; none for colors.
    pub fn values(&self) -> Option<Vec<u16>> {
        match &self.pixels {
            MaskPixels::Gray(values) => Some(values.clone()),
            MaskPixels::Palette { entries, .. } => {
                Some(entries.iter().copied().map(u16::from).collect())
            }
            MaskPixels::Colors(_) => None,
        }
    }

    /// Each pixel's color; gray values of more than 8 bits have none.
    pub fn colors(&self) -> Option<Vec<[u8; 3]>> {
        match &self.pixels {
            MaskPixels::Gray(values) => {
                values.iter().map(|value| Some([u8::try_from(*value).ok()?; 3])).collect()
            }
            MaskPixels::Palette { entries, colors } => {
                Some(entries.iter().map(|entry| entry_color(colors, *entry)).collect())
            }
            MaskPixels::Colors(colors) => Some(colors.clone()),
        }
    }
}

/// The class codes of a mask, `[1, height, width]`: its gray values as they are, 16-bit ones too, or
/// the entries of its palette, whatever their colors.
///
/// # Errors
/// Those of [`MaskFile::open`]; [`Error::NotAMask`] for an image with colors of its own.
#[doc(alias = "open_mask_rle")]
pub fn open_mask(path: impl AsRef<Path>) -> Result<Array> {
    open_mask_within(path, MAX_PIXELS)
}

/// [`open_mask`] under another limit than [`MAX_PIXELS`].
///
/// # Errors
/// As there.
pub fn open_mask_within(path: impl AsRef<Path>, max_pixels: u64) -> Result<Array> {
    let path = path.as_ref();
    let mask = MaskFile::open_within(path, max_pixels)?;
    let Some(values) = mask.values() else {
        return Err(Error::NotAMask { path: path.into(), why: NotMask::Colors });
    };
    let codes = values.into_iter().map(i64::from).collect();
    Ok(Array::i64([1, mask.height, mask.width], codes))
}

/// What an entry of a palette shows; one that the palette lacks is black.
fn entry_color(colors: &[[u8; 3]], entry: u8) -> [u8; 3] {
    colors.get(usize::from(entry)).copied().unwrap_or_default()
}

fn counted<T: Copy + Ord + std::hash::Hash>(pixels: &[T]) -> BTreeMap<T, u64> {
    let mut counts = FxHashMap::default();
    // Neighbors are alike, and a run of them is counted at once.
    for run in pixels.chunk_by(|a, b| a == b) {
        *counts.entry(run[0]).or_default() += run.len() as u64;
    }
    counts.into_iter().collect()
}

fn pixels(image: DynamicImage) -> Result<MaskPixels, NotMask> {
    let opaque = |image: &DynamicImage| match image {
        DynamicImage::ImageLumaA8(image) => image.pixels().all(|p| p.0[1] == u8::MAX),
        DynamicImage::ImageLumaA16(image) => image.pixels().all(|p| p.0[1] == u16::MAX),
        DynamicImage::ImageRgba8(image) => image.pixels().all(|p| p.0[3] == u8::MAX),
        DynamicImage::ImageRgba16(image) => image.pixels().all(|p| p.0[3] == u16::MAX),
        _ => true,
    };
    if !opaque(&image) {
        return Err(NotMask::Transparent);
    }
    Ok(match image {
        DynamicImage::ImageLuma8(image) => {
            MaskPixels::Gray(image.into_raw().into_iter().map(u16::from).collect())
        }
        DynamicImage::ImageLuma16(image) => MaskPixels::Gray(image.into_raw()),
        DynamicImage::ImageLumaA8(image) => {
            MaskPixels::Gray(image.pixels().map(|p| u16::from(p.0[0])).collect())
        }
        DynamicImage::ImageLumaA16(image) => {
            MaskPixels::Gray(image.pixels().map(|p| p.0[0]).collect())
        }
        image @ (DynamicImage::ImageRgb16(_) | DynamicImage::ImageRgba16(_)) => {
            let image = image.into_rgb16();
            let gray =
                |p: &image::Rgb<u16>| (p.0[0] == p.0[1] && p.0[1] == p.0[2]).then_some(p.0[0]);
            match image.pixels().map(gray).collect() {
                Some(values) => MaskPixels::Gray(values),
                None => MaskPixels::Colors(
                    image.pixels().map(|p| p.0.map(|channel| (channel >> 8) as u8)).collect(),
                ),
            }
        }
        image => {
            let bytes = image.into_rgb8().into_raw();
            let (colors, _) = bytes.as_chunks::<3>();
            let gray = |[r, g, b]: &[u8; 3]| (r == g && g == b).then_some(u16::from(*r));
            match colors.iter().map(gray).collect() {
                Some(values) => MaskPixels::Gray(values),
                None => MaskPixels::Colors(colors.to_vec()),
            }
        }
    })
}

/// Whether a RIFF file has a chunk of this name.
fn has_chunk(bytes: &[u8], name: [u8; 4]) -> bool {
    let mut rest = bytes.get(12..).unwrap_or_default();
    while let [a, b, c, d, l0, l1, l2, l3, body @ ..] = rest {
        if [*a, *b, *c, *d] == name {
            return true;
        }
        let len = u32::from_le_bytes([*l0, *l1, *l2, *l3]) as usize;
        // Chunks begin at even bytes.
        rest = body.get(len.saturating_add(len % 2)..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Cursor, path::PathBuf};

    use image::{GrayImage, RgbImage, RgbaImage};

    use super::*;

    /// A file of its own for each format.
    fn saved(image: impl Into<DynamicImage>, name: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        image.into().save(&path).unwrap();
        (folder, path)
    }

    #[test]
    fn gray_in_three_channels_is_gray() {
        let rgb = RgbImage::from_vec(2, 1, vec![0, 0, 0, 7, 7, 7]).unwrap();
        let rgba = RgbaImage::from_vec(2, 1, vec![0, 0, 0, 255, 7, 7, 7, 255]).unwrap();
        let wide = DynamicImage::ImageRgb16(
            image::ImageBuffer::from_vec(2, 1, vec![0, 0, 0, 300, 300, 300]).unwrap(),
        );
        for (image, want) in [(rgb.into(), 7), (DynamicImage::from(rgba), 7), (wide, 300)] {
            let (_folder, path) = saved(image, "m.png");
            let info = MaskInfo::read(&path).unwrap();
            assert_eq!(info.values, BTreeMap::from([(0, 1), (want, 1)]));
            assert_eq!((info.size, info.colors.len()), ([1, 2], 0));
            assert_eq!(open_mask(&path).unwrap(), Array::i64([1, 1, 2], vec![0, want.into()]));
        }
    }

    #[test]
    fn formats_without_loss_have_the_same_values() {
        let gray = GrayImage::from_vec(3, 2, vec![0, 1, 2, 255, 1, 0]).unwrap();
        for name in ["m.png", "m.bmp", "m.tiff", "m.webp", "m.pgm"] {
            let (_folder, path) = saved(gray.clone(), name);
            let codes = open_mask(&path).unwrap();
            assert_eq!(codes, Array::i64([1, 2, 3], vec![0, 1, 2, 255, 1, 0]), "{name}");
        }
    }

    /// A GIF of 2×2 pixels, of which the frame has the lower row.
    fn gif() -> Vec<u8> {
        let mut bytes = Vec::new();
        let palette = [9, 9, 9, 200, 0, 0, 0, 200, 0, 0, 0, 200];
        let mut encoder = gif::Encoder::new(&mut bytes, 2, 2, &palette).unwrap();
        let frame = gif::Frame {
            top: 1,
            width: 2,
            height: 1,
            buffer: vec![2, 1].into(),
            ..gif::Frame::default()
        };
        encoder.write_frame(&frame).unwrap();
        drop(encoder);
        bytes
    }

    #[test]
    fn the_entries_of_a_gif_are_its_values() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.gif");
        fs::write(&path, gif()).unwrap();
        assert_eq!(open_mask(&path).unwrap(), Array::i64([1, 2, 2], vec![0, 0, 2, 1]));
        let info = MaskInfo::read(&path).unwrap();
        assert_eq!(info.values, BTreeMap::from([(0, 2), (1, 1), (2, 1)]));
        assert_eq!(
            info.colors,
            BTreeMap::from([([9, 9, 9], 2), ([200, 0, 0], 1), ([0, 200, 0], 1)])
        );
        let cut = gif();
        fs::write(&path, &cut[..cut.len() - 6]).unwrap();
        assert!(matches!(open_mask(&path).unwrap_err(), Error::Decode { .. }));
    }

    #[test]
    fn what_changes_or_hides_values_is_no_mask() {
        let why = |path: &Path| match MaskFile::open(path) {
            Err(Error::NotAMask { why, .. }) => why,
            other => panic!("{other:?}"),
        };
        let (_folder, path) = saved(GrayImage::new(8, 8), "m.jpg");
        assert_eq!(why(&path), NotMask::Lossy("JPEG"));
        let clear = RgbaImage::from_vec(2, 1, vec![9, 9, 9, 0, 7, 7, 7, 255]).unwrap();
        let (_folder, path) = saved(clear, "m.png");
        assert_eq!(why(&path), NotMask::Transparent);
        let red = RgbImage::from_vec(2, 1, vec![255, 0, 0, 7, 7, 7]).unwrap();
        let (_folder, path) = saved(red, "m.png");
        assert_eq!(MaskInfo::read(&path).unwrap().colors.len(), 2);
        let error = open_mask(&path).unwrap_err();
        assert!(matches!(error, Error::NotAMask { why: NotMask::Colors, .. }), "{error}");
    }

    #[test]
    fn a_lossy_webp_has_a_chunk_of_its_own() {
        let mut lossless = Cursor::new(Vec::new());
        let image = DynamicImage::from(GrayImage::new(3, 3));
        image.write_to(&mut lossless, ImageFormat::WebP).unwrap();
        let lossless = lossless.into_inner();
        assert!(!has_chunk(&lossless, *b"VP8 ") && has_chunk(&lossless, *b"VP8L"));
        let riff = b"RIFF\x14\0\0\0WEBPICCP\x01\0\0\0x\0VP8 \0\0\0\0";
        assert!(has_chunk(riff, *b"VP8 ") && !has_chunk(&riff[..13], *b"VP8 "));
    }
}
