//! A picture on its way through the transforms.

use serde::{Deserialize, Serialize};

use super::sample;
use crate::Image;

/// What is seen beyond the edge of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PaddingMode {
    /// Black.
    Zeros,
    /// The nearest pixel.
    Border,
    /// The picture mirrored at its edge pixels, which are not repeated: fastai's default.
    #[default]
    Reflection,
}

/// How a value between pixels is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interpolation {
    /// The average of the four pixels around.
    #[default]
    Bilinear,
    /// The nearest pixel; halfway between two, the even one.
    Nearest,
}

/// Where each pixel of the result is taken from: `(x, y)` in `-1.0..=1.0`, x to the right, y
/// down, with the centres of the corner pixels at ±1.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    pub height: usize,
    pub width: usize,
    /// Row by row.
    pub points: Vec<[f32; 2]>,
}

/// The first two rows of a matrix that moves points: `[x', y'] = m[.., ..2] · [x, y] + m[.., 2]`.
pub type Affine = [[f32; 3]; 2];

impl Grid {
    /// The grid that takes each pixel from where it is.
    pub fn identity(height: usize, width: usize) -> Self {
        let position = |i: usize, n: usize| match n {
            1 => -1.0,
            n => -1.0 + 2.0 * i as f32 / (n - 1) as f32,
        };
        let points = (0..height)
            .flat_map(|y| (0..width).map(move |x| [position(x, width), position(y, height)]))
            .collect();
        Self { height, width, points }
    }

    /// Moves every point by a matrix made for a square: the picture's proportions are put in.
    fn moved_by(mut self, m: Affine) -> Self {
        let (height, width) = (self.height as f32, self.width as f32);
        let [[xx, xy, dx], [yx, yy, dy]] = m;
        let (xy, yx) = (xy * (height / width), yx * (width / height));
        for point in &mut self.points {
            let [x, y] = *point;
            *point = [xx * x + xy * y + dx, yx * x + yy * y + dy];
        }
        self
    }
}

/// A picture and what is still to be done to it.
///
/// Geometry waits as a grid and a matrix until pixels are needed; lighting works on logits until
/// then. [`flush`](Self::flush) does what waits.
#[derive(Debug, Clone)]
pub struct Canvas {
    image: Image,
    grid: Option<Grid>,
    affine: Option<Affine>,
    logits: bool,
    padding: PaddingMode,
    mode: Interpolation,
    /// Masks: always nearest, no lighting.
    is_mask: bool,
    /// The size that the last crop brings the picture to.
    target: Option<[usize; 2]>,
    /// What that crop pads with.
    target_padding: PaddingMode,
}

impl Canvas {
    /// A picture to which nothing was done yet.
    pub fn new(image: Image, padding: PaddingMode, mode: Interpolation) -> Self {
        Self {
            image,
            grid: None,
            affine: None,
            logits: false,
            padding,
            mode,
            is_mask: false,
            target: None,
            target_padding: padding,
        }
    }

    /// A canvas for class codes.
    pub fn mask(codes: Image, padding: PaddingMode) -> Self {
        Self { is_mask: true, ..Self::new(codes, padding, Interpolation::Nearest) }
    }

    /// Height and width that the picture has, or will have when the grid is sampled.
    pub fn size(&self) -> [usize; 2] {
        match &self.grid {
            Some(grid) => [grid.height, grid.width],
            None => [self.image.height, self.image.width],
        }
    }

    /// The size that the pipeline asks for, if it asks for one.
    pub fn target(&self) -> Option<[usize; 2]> {
        self.target
    }

    /// What is seen beyond the edge, by the pipeline's setting: also after a sampling, with which
    /// the setting ends for those that follow.
    pub fn target_padding(&self) -> PaddingMode {
        self.target_padding
    }

    pub(super) fn set_target(&mut self, target: Option<[usize; 2]>) {
        self.target = target;
    }

    /// Resamples to this size at the next [`flush`](Self::flush).
    pub fn resize(&mut self, [height, width]: [usize; 2]) {
        if self.size() != [height, width] {
            self.grid = Some(Grid::identity(height, width));
        }
    }

    /// Changes where pixels are taken from: for warps.
    pub fn coordinates(&mut self, change: impl FnOnce(Grid) -> Grid) {
        let [height, width] = self.size();
        let grid = self.grid.take().unwrap_or_else(|| Grid::identity(height, width));
        self.grid = Some(change(grid));
    }

    /// Multiplies the waiting matrix by `m` from the right: for rotations and zooms.
    pub fn affine(&mut self, m: Affine) {
        let waiting = self.affine.unwrap_or([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]);
        let [[xx, xy, dx], [yx, yy, dy]] = m;
        let row =
            |[x, y, shift]: [f32; 3]| [x * xx + y * yx, x * xy + y * yy, x * dx + y * dy + shift];
        self.affine = Some(waiting.map(row));
    }

    /// Changes the logits of the pixels: for brightness and contrast. A mask has none.
    pub fn lighting(&mut self, change: impl Fn(f32) -> f32) {
        if self.is_mask {
            return;
        }
        self.sample();
        if !self.logits {
            for value in &mut self.image.pixels {
                let p = value.clamp(1e-7, 1.0 - 1e-7);
                *value = -(1.0 / p - 1.0).ln();
            }
            self.logits = true;
        }
        self.image.pixels.iter_mut().for_each(|value| *value = change(*value));
    }

    /// Changes the pixels: for flips and crops.
    pub fn pixels(&mut self, change: impl FnOnce(Image) -> Image) {
        self.flush();
        let empty = Image { channels: 0, height: 0, width: 0, pixels: Vec::new() };
        self.image = change(std::mem::replace(&mut self.image, empty));
    }

    /// Does what waits.
    pub fn flush(&mut self) {
        if std::mem::take(&mut self.logits) {
            self.image.pixels.iter_mut().for_each(|value| *value = 1.0 / (1.0 + (-*value).exp()));
        }
        self.sample();
    }

    fn sample(&mut self) {
        if self.grid.is_none() && self.affine.is_none() {
            return;
        }
        let [height, width] = self.size();
        let grid = self.grid.take().unwrap_or_else(|| Grid::identity(height, width));
        let grid = match self.affine.take() {
            Some(m) => grid.moved_by(m),
            None => grid,
        };
        self.image = sample::sample(&self.image, &grid, self.padding, self.mode);
        // As in the reference, what was asked for holds for one sampling.
        self.padding = PaddingMode::default();
        if !self.is_mask {
            self.mode = Interpolation::default();
        }
    }

    /// The picture, with everything done to it.
    pub fn into_image(mut self) -> Image {
        self.flush();
        self.image
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp() -> Image {
        Image { channels: 1, height: 2, width: 3, pixels: vec![0.0, 0.1, 0.2, 0.3, 0.4, 0.5] }
    }

    fn canvas() -> Canvas {
        Canvas::new(ramp(), PaddingMode::Reflection, Interpolation::Bilinear)
    }

    #[test]
    fn the_identity_changes_nothing() {
        let mut canvas = canvas();
        canvas.coordinates(|grid| grid);
        canvas.affine([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]);
        assert_eq!(canvas.into_image(), ramp());
    }

    #[test]
    fn a_mirror_by_matrix_is_a_mirror() {
        let mut canvas = canvas();
        canvas.affine([[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]);
        let image = canvas.into_image();
        for (got, want) in image.pixels.iter().zip([0.2, 0.1, 0.0, 0.5, 0.4, 0.3]) {
            assert!((got - want).abs() < 1e-6, "{got} {want}");
        }
    }

    #[test]
    fn lighting_waits_in_logits_and_leaves_masks_alone() {
        let mut canvas = canvas();
        canvas.lighting(|logit| logit + 1.0);
        canvas.lighting(|logit| logit - 1.0);
        let image = canvas.into_image();
        assert!(
            image.pixels.iter().zip(ramp().pixels).all(|(got, want)| (got - want).abs() < 1e-5)
        );
        let mut mask = Canvas::mask(ramp(), PaddingMode::Zeros);
        mask.lighting(|_| 7.0);
        assert_eq!(mask.into_image(), ramp());
    }
}
