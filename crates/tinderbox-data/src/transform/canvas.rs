//! An image on its way through the transforms.

use std::cell::Cell;

use serde::{Deserialize, Serialize};

use super::{
    geometry::{Affine, Geometry, Perspective, Point},
    pad::pad,
    sample,
};
use crate::Image;

/// What is seen beyond the edge of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PaddingMode {
    /// Black.
    Zeros,
    /// The nearest pixel.
    Border,
    /// The image mirrored at its edge pixels, which are not repeated: fastai's default.
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

/// What is transformed.
#[derive(Debug, Clone)]
enum Content {
    Picture(Image),
    /// Class codes: always from the nearest pixel, without lighting.
    Mask(Image),
    /// Points of an image of this height and width.
    Points {
        points: Vec<Point>,
        size: [usize; 2],
    },
}

/// A window of an image, as it is or mirrored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct View {
    pub(super) top: usize,
    pub(super) left: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    /// Left and right, within the window.
    pub(super) mirrored: bool,
}

impl View {
    pub(super) fn whole([height, width]: [usize; 2]) -> Self {
        Self { top: 0, left: 0, height, width, mirrored: false }
    }

    /// A window of this window.
    fn window(self, [top, left]: [usize; 2], [height, width]: [usize; 2]) -> Self {
        let left = if self.mirrored { self.width - left - width } else { left };
        Self { top: self.top + top, left: self.left + left, height, width, ..self }
    }
}

/// A line that logits are put through: `scale * logit + shift`.
#[derive(Debug, Clone, Copy)]
struct Lighting {
    scale: f32,
    shift: f32,
}

/// An image and what is still to be done to it.
///
/// Geometry, lighting, mirroring and cropping wait until pixels are needed, and are then done
/// together, for the pixels that are left: whatever transforms there were, each pixel of the result
/// is computed once.
#[derive(Debug, Clone)]
pub struct Canvas {
    content: Content,
    geometry: Option<Geometry>,
    lighting: Option<Lighting>,
    view: Option<View>,
    padding: PaddingMode,
    mode: Interpolation,
    /// Whether this is not the input, but what belongs to it.
    is_label: bool,
    /// Whether a transform has asked for that: it may do otherwise for the other.
    was_asked: Cell<bool>,
    /// The size that the last crop brings the image to.
    target: Option<[usize; 2]>,
    /// What that crop pads with.
    target_padding: PaddingMode,
}

impl Canvas {
    /// An image to which nothing was done yet.
    pub fn new(image: Image, padding: PaddingMode, mode: Interpolation) -> Self {
        Self::of(Content::Picture(image), padding, mode)
    }

    /// A canvas for class codes.
    pub fn mask(codes: Image, padding: PaddingMode) -> Self {
        Self::of(Content::Mask(codes), padding, Interpolation::Nearest)
    }

    /// A canvas for points of an image of this height and width.
    pub fn points(points: Vec<Point>, size: [usize; 2]) -> Self {
        let content = Content::Points { points, size };
        Self::of(content, PaddingMode::default(), Interpolation::default())
    }

    fn of(content: Content, padding: PaddingMode, mode: Interpolation) -> Self {
        Self {
            content,
            geometry: None,
            lighting: None,
            view: None,
            padding,
            mode,
            is_label: false,
            was_asked: Cell::new(false),
            target: None,
            target_padding: padding,
        }
    }

    /// The canvas as that of a label.
    pub(super) fn of_label(self) -> Self {
        Self { is_label: true, ..self }
    }

    /// Whether this is a label, which a transform may leave alone.
    pub fn is_label(&self) -> bool {
        self.was_asked.set(true);
        self.is_label
    }

    /// Whether no transform has asked for [`is_label`](Self::is_label): an input and its label, if they
    /// are the same image, come out the same.
    pub(super) fn is_for_both(&self) -> bool {
        !self.was_asked.get()
    }

    /// Height and width that the image has, or will have when what waits is done.
    pub fn size(&self) -> [usize; 2] {
        if let Some(view) = self.view {
            return [view.height, view.width];
        }
        match (&self.geometry, &self.content) {
            (Some(geometry), _) => geometry.size,
            (None, Content::Picture(image) | Content::Mask(image)) => [image.height, image.width],
            (None, Content::Points { size, .. }) => *size,
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

    /// The geometry that waits; what comes behind it is done first.
    fn geometry(&mut self) -> &mut Geometry {
        if self.lighting.is_some() || self.view.is_some() {
            self.flush();
        }
        let size = self.size();
        self.geometry.get_or_insert_with(|| Geometry::identity(size))
    }

    /// Resamples to this size at the next [`flush`](Self::flush).
    pub fn resize(&mut self, size: [usize; 2]) {
        if self.size() != size {
            self.flush();
            self.geometry = Some(Geometry::identity(size));
        }
    }

    /// Changes the perspective.
    pub fn warp(&mut self, perspective: Perspective) {
        self.geometry().warp(perspective);
    }

    /// Moves the grid by a matrix at once, before those that wait.
    pub fn move_grid(&mut self, m: Affine) {
        self.geometry().move_now(m);
    }

    /// Shifts where each pixel is taken from, row by row; points stay where they are.
    ///
    /// # Panics
    /// If there is not a shift for each pixel.
    pub fn shift_grid(&mut self, shifts: Vec<Point>) {
        let [height, width] = self.size();
        assert_eq!(shifts.len(), height * width, "a shift for each pixel");
        self.geometry().shift(shifts);
    }

    /// Multiplies the waiting matrix by `m` from the right: for rotations and zooms.
    pub fn affine(&mut self, m: Affine) {
        self.geometry().affine(m);
    }

    /// Changes the logits of the pixels to `scale * logit + shift`: for brightness and contrast.
    /// Only images have them.
    pub fn lighting(&mut self, scale: f32, shift: f32) {
        if let Content::Picture(_) = self.content {
            let before = self.lighting.unwrap_or(Lighting { scale: 1.0, shift: 0.0 });
            let shift = before.shift * scale + shift;
            self.lighting = Some(Lighting { scale: before.scale * scale, shift });
        }
    }

    fn view(&self) -> View {
        self.view.unwrap_or(View::whole(self.size()))
    }

    /// Mirrors left and right.
    pub fn flip_lr(&mut self) {
        if let Some(points) = self.flushed_points() {
            for [x, _] in points {
                *x = -*x;
            }
            return;
        }
        let view = self.view();
        self.view = Some(View { mirrored: !view.mirrored, ..view });
    }

    /// Takes the window of this height and width at a row and a column.
    ///
    /// # Panics
    /// If it is not within the image.
    pub fn crop(&mut self, [top, left]: [usize; 2], window: [usize; 2]) {
        let [height, width] = self.size();
        let [rows, columns] = window;
        assert!(top + rows <= height && left + columns <= width, "a window within the picture");
        if let Some(points) = self.flushed_points() {
            let moved = |at: f32, n: usize, start: usize, of: usize| {
                let (n, of) = (n as f32, of as f32);
                at * (n / of) - 1.0 + (n - 2.0 * start as f32) / of
            };
            for [x, y] in points {
                (*x, *y) = (moved(*x, width, left, columns), moved(*y, height, top, rows));
            }
            self.set_size(window);
            return;
        }
        self.view = Some(self.view().window([top, left], window));
    }

    /// Adds this many rows above and below and columns left and right.
    pub fn pad(&mut self, [rows, columns]: [usize; 2], mode: PaddingMode) {
        let [height, width] = self.size();
        let padded = [height + 2 * rows, width + 2 * columns];
        if let Some(points) = self.flushed_points() {
            let shares = [width as f32 / padded[1] as f32, height as f32 / padded[0] as f32];
            for [x, y] in points {
                (*x, *y) = (*x * shares[0], *y * shares[1]);
            }
            self.set_size(padded);
            return;
        }
        self.pixels(|image| pad(&image, [rows, columns], mode));
    }

    /// One of the eight ways to lay a rectangle: `k & 1` reverses the rows, then `k & 2` the columns,
    /// then `k & 4` makes rows of columns.
    pub fn dihedral(&mut self, k: u8) {
        let [height, width] = self.size();
        if let Some(points) = self.flushed_points() {
            for point in points.iter_mut() {
                let [x, y] = *point;
                let (x, y) = (if k & 2 > 0 { -x } else { x }, if k & 1 > 0 { -y } else { y });
                *point = if k & 4 > 0 { [y, x] } else { [x, y] };
            }
            self.set_size(if k & 4 > 0 { [width, height] } else { [height, width] });
            return;
        }
        if k > 0 {
            self.pixels(|image| laid(&image, k));
        }
    }

    /// Changes the pixels of an image or a mask; points have none.
    pub fn pixels(&mut self, change: impl FnOnce(Image) -> Image) {
        self.flush();
        if let Content::Picture(image) | Content::Mask(image) = &mut self.content {
            let empty = Image { channels: 0, height: 0, width: 0, pixels: Vec::new() };
            *image = change(std::mem::replace(image, empty));
        }
    }

    /// The points, if there are points, with nothing waiting.
    fn flushed_points(&mut self) -> Option<&mut Vec<Point>> {
        let Content::Points { .. } = self.content else { return None };
        self.flush();
        match &mut self.content {
            Content::Points { points, .. } => Some(points),
            _ => None,
        }
    }

    fn set_size(&mut self, new: [usize; 2]) {
        if let Content::Points { size, .. } = &mut self.content {
            *size = new;
        }
    }

    /// Does what waits.
    pub fn flush(&mut self) {
        let view = self.view();
        let (geometry, lighting) = (self.geometry.take(), self.lighting.take());
        let cropped = self.view.take().is_some();
        let sampled = geometry.is_some();
        match &mut self.content {
            Content::Points { points, size } => {
                if let Some(geometry) = geometry {
                    for point in points {
                        *point = geometry.place(*point);
                    }
                    *size = geometry.size;
                }
            }
            Content::Picture(image) | Content::Mask(image) => {
                match geometry {
                    Some(geometry) => {
                        let rows = |row: usize, points: &mut Vec<Point>| geometry.row(row, points);
                        let size = geometry.size;
                        *image = sample::sample(image, size, &rows, view, self.padding, self.mode);
                    }
                    None if cropped => *image = seen(image, view),
                    None => {}
                }
                if let Some(lighting) = lighting {
                    light(&mut image.pixels, lighting);
                }
            }
        }
        if sampled {
            // As in the reference, what was asked for holds for one sampling.
            self.padding = PaddingMode::default();
            if !matches!(self.content, Content::Mask(_)) {
                self.mode = Interpolation::default();
            }
        }
    }

    /// Where the pixels of the result would be taken from.
    #[cfg(test)]
    pub(super) fn flow(&mut self) -> Vec<Point> {
        let geometry = self.geometry().clone();
        let mut row = Vec::new();
        let mut all = Vec::new();
        for at in 0..geometry.size[0] {
            geometry.row(at, &mut row);
            all.extend_from_slice(&row);
        }
        all
    }

    /// The image or the mask, with everything done to it.
    ///
    /// # Panics
    /// If the canvas holds points.
    pub fn into_image(mut self) -> Image {
        self.flush();
        match self.content {
            Content::Picture(image) | Content::Mask(image) => image,
            Content::Points { .. } => panic!("points are no picture"),
        }
    }

    /// The points and the size of the image that they are in, with everything done to them.
    ///
    /// # Panics
    /// If the canvas holds none.
    pub fn into_points(mut self) -> (Vec<Point>, [usize; 2]) {
        self.flush();
        match self.content {
            Content::Points { points, size } => (points, size),
            _ => panic!("a picture is no points"),
        }
    }
}

fn seen(image: &Image, View { top, left, height, width, mirrored }: View) -> Image {
    let mut pixels = Vec::with_capacity(image.channels * height * width);
    for channel in 0..image.channels {
        for row in top..top + height {
            let row = &image.pixels[(channel * image.height + row) * image.width + left..][..width];
            match mirrored {
                true => pixels.extend(row.iter().rev()),
                false => pixels.extend_from_slice(row),
            }
        }
    }
    Image { channels: image.channels, height, width, pixels }
}

fn laid(image: &Image, k: u8) -> Image {
    let Image { channels, height, width, ref pixels } = *image;
    let (rows, columns) = if k & 4 > 0 { (width, height) } else { (height, width) };
    let mut out =
        Image { channels, height: rows, width: columns, pixels: Vec::with_capacity(pixels.len()) };
    for channel in 0..channels {
        let plane = &pixels[channel * height * width..][..height * width];
        for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)))
        {
            let (y, x) = if k & 4 > 0 { (column, row) } else { (row, column) };
            let y = if k & 1 > 0 { height - 1 - y } else { y };
            let x = if k & 2 > 0 { width - 1 - x } else { x };
            out.pixels.push(plane[y * width + x]);
        }
    }
    out
}

/// Puts the logits of the pixels through a line.
fn light(pixels: &mut [f32], Lighting { scale, shift }: Lighting) {
    let inside = |p: f32| p.clamp(1e-7, 1.0 - 1e-7);
    if scale == 1.0 {
        // The sigmoid of a logit that is shifted, without logarithms.
        let factor = (-shift).exp();
        for value in pixels {
            let p = inside(*value);
            *value = p / (p + (1.0 - p) * factor);
        }
        return;
    }
    for value in pixels {
        let p = inside(*value);
        let logit = -(1.0 / p - 1.0).ln();
        *value = 1.0 / (1.0 + (-(logit * scale + shift)).exp());
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

    #[track_caller]
    fn check(canvas: Canvas, want: &[f32]) {
        let found = canvas.into_image().pixels;
        let close = found.iter().zip(want).all(|(got, want)| (got - want).abs() < 1e-5);
        assert!(close && found.len() == want.len(), "{found:?}, expected {want:?}");
    }

    #[test]
    fn the_identity_changes_nothing() {
        let mut canvas = canvas();
        canvas.affine([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]);
        assert_eq!(canvas.into_image(), ramp());
    }

    #[test]
    fn a_mirror_by_matrix_is_a_mirror() {
        let mut by_matrix = canvas();
        by_matrix.affine([[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]);
        check(by_matrix, &[0.2, 0.1, 0.0, 0.5, 0.4, 0.3]);
        let mut by_pixels = canvas();
        by_pixels.flip_lr();
        check(by_pixels, &[0.2, 0.1, 0.0, 0.5, 0.4, 0.3]);
    }

    #[test]
    fn windows_of_mirrored_windows() {
        let mut one = canvas();
        one.crop([0, 1], [2, 2]);
        one.flip_lr();
        one.crop([1, 0], [1, 1]);
        check(one, &[0.5]);
        let mut other = canvas();
        other.flip_lr();
        other.crop([0, 0], [1, 2]);
        other.flip_lr();
        assert_eq!(other.size(), [1, 2]);
        check(other, &[0.1, 0.2]);
    }

    #[test]
    fn lighting_is_of_logits_and_leaves_masks_alone() {
        let mut one = canvas();
        one.lighting(1.0, 1.0);
        one.lighting(0.5, 0.0);
        one.lighting(2.0, -1.0);
        check(one, &ramp().pixels);
        let lit = |p: f32| 1.0 / (1.0 + ((1.0 - p) / p).powf(0.8));
        let mut one = canvas();
        one.lighting(0.8, 0.0);
        check(one, &ramp().pixels.iter().map(|p| lit(p.max(1e-7))).collect::<Vec<f32>>());
        let mut mask = Canvas::mask(ramp(), PaddingMode::Zeros);
        mask.lighting(7.0, 7.0);
        assert_eq!(mask.into_image(), ramp());
    }

    #[test]
    fn a_rectangle_lies_in_eight_ways() {
        let of = |k| {
            let mut canvas = canvas();
            canvas.dihedral(k);
            let image = canvas.into_image();
            ([image.height, image.width], image.pixels)
        };
        assert_eq!(of(0).1, ramp().pixels);
        assert_eq!(of(1).1, [0.3, 0.4, 0.5, 0.0, 0.1, 0.2]);
        assert_eq!(of(2).1, [0.2, 0.1, 0.0, 0.5, 0.4, 0.3]);
        assert_eq!(of(4), ([3, 2], vec![0.0, 0.3, 0.1, 0.4, 0.2, 0.5]));
        assert_eq!(of(5), ([3, 2], vec![0.3, 0.0, 0.4, 0.1, 0.5, 0.2]));
    }

    /// Points are where the pixels under them are seen.
    #[test]
    fn points_go_where_their_pixels_go() {
        let image = || Image {
            channels: 1,
            height: 5,
            width: 6,
            pixels: (0..30).map(|v| if v == 15 { 1.0 } else { 0.0 }).collect(),
        };
        let at = |row: f32, column: f32, [height, width]: [usize; 2]| {
            [2.0 * column / (width - 1) as f32 - 1.0, 2.0 * row / (height - 1) as f32 - 1.0]
        };
        for k in 0..8 {
            let mut canvas = Canvas::new(image(), PaddingMode::Zeros, Interpolation::Bilinear);
            canvas.dihedral(k);
            let picture = canvas.into_image();
            let found = picture.pixels.iter().position(|value| *value == 1.0).unwrap();
            let size = [picture.height, picture.width];
            let want = at((found / picture.width) as f32, (found % picture.width) as f32, size);
            let mut points = Canvas::points(vec![at(2.0, 3.0, [5, 6])], [5, 6]);
            points.dihedral(k);
            let (points, points_size) = points.into_points();
            assert_eq!(points_size, size);
            assert!(
                (points[0][0] - want[0]).abs() < 1e-6 && (points[0][1] - want[1]).abs() < 1e-6,
                "{k}"
            );
        }
    }
}
