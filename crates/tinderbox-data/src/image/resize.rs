//! Smaller and larger images, as a file is resized: each pixel from all that it covers.

use fast_image_resize::{
    FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer,
    images::{TypedImage, TypedImageRef},
    pixels::{U8, U8x3},
};

use super::Pixels;

/// Height and width of an image resized with its proportions, so that its shorter side (`use_min`)
/// or else its longer one becomes `target`. Both are cut to whole numbers, as in fastai's
/// `resize_to`: for some sizes the side comes out one short.
pub fn resize_to([height, width]: [usize; 2], target: usize, use_min: bool) -> [usize; 2] {
    let side = if use_min { height.min(width) } else { height.max(width) };
    let ratio = target as f64 / side as f64;
    [height, width].map(|side| (side as f64 * ratio) as usize)
}

/// How each pixel is made of those that it covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// A triangle: Pillow's antialiased bilinear resize, to one step of a byte.
    Triangle,
    /// Catmull and Rom's cubic, which keeps edges sharper: the antialiased bicubic resize that the
    /// standard sets of super-resolution are made with.
    Bicubic,
}

impl Pixels {
    /// The image at another size, by a triangle that is as wide as pixels are made smaller:
    /// [`Filter::Triangle`].
    ///
    /// # Panics
    /// If there is a side without pixels.
    pub fn resized(&self, size: [usize; 2]) -> Self {
        self.resized_by(Filter::Triangle, size)
    }

    /// The image at another height and width. The filter is as wide as pixels are made smaller. All
    /// processors give the same bytes.
    ///
    /// # Panics
    /// If there is a side without pixels.
    pub fn resized_by(&self, filter: Filter, [height, width]: [usize; 2]) -> Self {
        assert!(height > 0 && width > 0, "a picture has pixels");
        let filter = match filter {
            Filter::Triangle => FilterType::Bilinear,
            Filter::Bicubic => FilterType::CatmullRom,
        };
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter));
        let mut bytes = vec![0; height * width * self.channels];
        let (from, to) = ([self.height, self.width], [height, width]);
        let whole = "as many bytes as pixels and channels say";
        match self.channels {
            1 => resize::<U8>(&self.bytes, from, &mut bytes, to, &options),
            _ => resize::<U8x3>(&self.bytes, from, &mut bytes, to, &options),
        }
        .expect(whole);
        Self { height, width, channels: self.channels, bytes, full_size: self.full_size }
    }
}

fn resize<P: PixelTrait>(
    from: &[u8],
    [height, width]: [usize; 2],
    to: &mut [u8],
    [rows, columns]: [usize; 2],
    options: &ResizeOptions,
) -> Result<(), Box<dyn std::error::Error>> {
    let from = TypedImageRef::<P>::from_buffer(width as u32, height as u32, from)?;
    let mut to = TypedImage::<P>::from_buffer(columns as u32, rows as u32, to)?;
    Resizer::new().resize_typed(&from, &mut to, options)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_stays_constant() {
        let bytes = vec![100; 7 * 9 * 3];
        let pixels = Pixels { height: 7, width: 9, channels: 3, bytes, full_size: [7, 9] };
        for size in [[3, 4], [20, 5], [7, 9]] {
            let resized = pixels.resized(size);
            assert_eq!([resized.height, resized.width], size);
            assert!(resized.bytes.iter().all(|byte| *byte == 100));
        }
    }
}
