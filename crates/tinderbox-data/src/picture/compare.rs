//! An image beside what was made of it.

use super::{Grid, Picture};
use crate::{Image, image::Filter};

impl Picture {
    /// An image and what was made of it, side by side at the size of the latter: an image of another size
    /// is scaled by a bicubic filter, which is what one would do without a model. Pictures more than twice
    /// as wide as high stand one above the other.
    ///
    /// # Panics
    /// If one of them has no pixels, or not 1 or 3 channels.
    pub fn comparison(input: &Image, output: &Image) -> Self {
        let size = [output.height, output.width];
        let input = match [input.height, input.width] == size {
            true => Self::of_image(input),
            false => Self::of_pixels(input.to_pixels().resized_by(Filter::Bicubic, size)),
        };
        let columns = if output.width > 2 * output.height { 1 } else { 2 };
        Grid::new(columns).cell(input, "input").cell(Self::of_image(output), "output").draw()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: [usize; 2], output: [usize; 2], wide: bool) {
        let gray = Image::filled([1, input[0], input[1]], 0.2);
        let red = Image {
            pixels: [[0.8; 1], [0.0; 1], [0.0; 1]]
                .iter()
                .flat_map(|v| vec![v[0]; output[0] * output[1]])
                .collect(),
            ..Image::filled([3, output[0], output[1]], 0.0)
        };
        let both = Picture::comparison(&gray, &red);
        let count = |color| both.pixels.iter().filter(|pixel| **pixel == color).count();
        assert_eq!(
            (count([51; 3]), count([204, 0, 0])),
            (output[0] * output[1], output[0] * output[1])
        );
        assert_eq!(both.width() > 2 * output[1], wide);
    }

    #[test]
    fn input_and_output_are_as_large_as_each_other() {
        check([50, 60], [100, 120], true);
        check([100, 120], [100, 120], true);
        check([300, 300], [100, 120], true);
        check([50, 150], [100, 300], false);
    }
}
