//! Smaller and larger images, as a file is resized: each pixel from all that it covers.

use image::{
    GrayImage, RgbImage,
    imageops::{FilterType, resize},
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

impl Pixels {
    /// The image at another size, by a triangle that is as wide as pixels are made smaller:
    /// Pillow's antialiased bilinear resize, to one step of a byte.
    ///
    /// # Panics
    /// If there is a side without pixels.
    pub fn resized(&self, [height, width]: [usize; 2]) -> Self {
        assert!(height > 0 && width > 0, "a picture has pixels");
        let (from, to) = ([self.width as u32, self.height as u32], [width as u32, height as u32]);
        let bytes = self.bytes.clone();
        let whole = "as many bytes as pixels and channels say";
        let bytes = match self.channels {
            1 => {
                let image = GrayImage::from_raw(from[0], from[1], bytes).expect(whole);
                resize(&image, to[0], to[1], FilterType::Triangle).into_raw()
            }
            _ => {
                let image = RgbImage::from_raw(from[0], from[1], bytes).expect(whole);
                resize(&image, to[0], to[1], FilterType::Triangle).into_raw()
            }
        };
        Self { height, width, channels: self.channels, bytes, full_size: self.full_size }
    }
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
