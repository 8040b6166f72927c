//! Taking pixels from between pixels.

use super::{
    canvas::{Interpolation, PaddingMode, View},
    geometry::Point,
};
use crate::Image;

/// Where each pixel of a row is taken from.
pub(super) type Rows<'a> = &'a dyn Fn(usize, &mut Vec<Point>);

/// What `view` shows of the image of `size` that `rows` see in `image`. Rows that it does not show
/// are not computed.
pub(super) fn sample(
    image: &Image,
    size: [usize; 2],
    rows: Rows<'_>,
    view: View,
    padding: PaddingMode,
    mode: Interpolation,
) -> Image {
    let shrunk = match mode {
        Interpolation::Bilinear => shrink_for(image, size, rows),
        Interpolation::Nearest => None,
    };
    let image = shrunk.as_ref().unwrap_or(image);
    let (height, width) = (view.height, view.width);
    let mut out = Image::filled([image.channels, height, width], 0.0);
    let (plane, out_plane) = (image.height * image.width, height * width);
    let source = Source { height: image.height, width: image.width, padding };
    let (mut points, mut taps) = (Vec::new(), Vec::new());
    for row in 0..height {
        rows(view.top + row, &mut points);
        let seen = &mut points[view.left..view.left + width];
        if view.mirrored {
            seen.reverse();
        }
        taps.clear();
        taps.extend(seen.iter().map(|&[x, y]| {
            let (x, y) = (position(x, image.width), position(y, image.height));
            match mode {
                Interpolation::Bilinear => source.bilinear(x, y),
                Interpolation::Nearest => source.nearest(x, y),
            }
        }));
        for channel in 0..image.channels {
            let pixels = &image.pixels[channel * plane..][..plane];
            let out = &mut out.pixels[channel * out_plane + row * width..][..width];
            match mode {
                Interpolation::Bilinear => {
                    for (value, Taps { at, weights }) in out.iter_mut().zip(&taps) {
                        *value = pixels[at[0]] * weights[0]
                            + pixels[at[1]] * weights[1]
                            + pixels[at[2]] * weights[2]
                            + pixels[at[3]] * weights[3];
                    }
                }
                Interpolation::Nearest => {
                    for (value, Taps { at, weights }) in out.iter_mut().zip(&taps) {
                        *value = pixels[at[0]] * weights[0];
                    }
                }
            }
        }
    }
    out
}

/// A coordinate in `-1.0..=1.0` as a position among `n` pixels.
fn position(coordinate: f32, n: usize) -> f32 {
    (coordinate + 1.0) * (n - 1) as f32 / 2.0
}

/// A position as a whole number and the rest. Without SSE 4.1, `floor` is a call.
fn parted(at: f32) -> [f32; 2] {
    let whole = at as i32;
    let whole = (whole - i32::from(at < whole as f32)) as f32;
    [whole, at - whole]
}

/// Up to four pixels and what each counts for; beyond a black edge, pixels count for nothing.
struct Taps {
    at: [usize; 4],
    weights: [f32; 4],
}

struct Source {
    height: usize,
    width: usize,
    padding: PaddingMode,
}

impl Source {
    #[inline]
    fn bilinear(&self, x: f32, y: f32) -> Taps {
        let (x, y) = (self.inside(x, self.width), self.inside(y, self.height));
        let ([left, fx], [top, fy]) = (parted(x), parted(y));
        let weights = [(1.0 - fx) * (1.0 - fy), fx * (1.0 - fy), (1.0 - fx) * fy, fx * fy];
        // Nearly all lie wholly within.
        if left >= 0.0
            && top >= 0.0
            && left + 1.0 < self.width as f32
            && top + 1.0 < self.height as f32
        {
            let first = top as usize * self.width + left as usize;
            return Taps {
                at: [first, first + 1, first + self.width, first + self.width + 1],
                weights,
            };
        }
        let corners = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]];
        let mut taps = Taps { at: [0; 4], weights: [0.0; 4] };
        for (corner, [dx, dy]) in corners.into_iter().enumerate() {
            if let Some(at) = self.pixel(left + dx, top + dy) {
                (taps.at[corner], taps.weights[corner]) = (at, weights[corner]);
            }
        }
        taps
    }

    fn nearest(&self, x: f32, y: f32) -> Taps {
        let (x, y) = (self.inside(x, self.width), self.inside(y, self.height));
        let at = self.pixel(x.round_ties_even(), y.round_ties_even());
        let weight = if at.is_some() { 1.0 } else { 0.0 };
        Taps { at: [at.unwrap_or(0), 0, 0, 0], weights: [weight, 0.0, 0.0, 0.0] }
    }

    /// The position that is looked at for one that may lie outside.
    fn inside(&self, at: f32, n: usize) -> f32 {
        let last = (n - 1) as f32;
        match self.padding {
            PaddingMode::Zeros => at,
            PaddingMode::Border => at.clamp(0.0, last),
            PaddingMode::Reflection if (0.0..=last).contains(&at) => at,
            PaddingMode::Reflection => reflect(at, last).clamp(0.0, last),
        }
    }

    fn pixel(&self, x: f32, y: f32) -> Option<usize> {
        let inside = x >= 0.0 && y >= 0.0 && x < self.width as f32 && y < self.height as f32;
        inside.then(|| y as usize * self.width + x as usize)
    }
}

/// Mirrors a position at 0 and at `last`.
fn reflect(at: f32, last: f32) -> f32 {
    if last == 0.0 {
        return 0.0;
    }
    let at = at.abs();
    let turns = (at / last).floor();
    let rest = at - turns * last;
    match turns as i64 % 2 {
        0 => rest,
        _ => last - rest,
    }
}

/// The image averaged down by half of what the grid shrinks it, if that is more than twofold:
/// bilinear taps alone would leave pixels out.
fn shrink_for(image: &Image, [height, width]: [usize; 2], rows: Rows<'_>) -> Option<Image> {
    let ratio = |n: usize, of: usize| n as f64 / of as f64;
    let d = ratio(image.height, height).min(ratio(image.width, width)) / 2.0;
    if d <= 1.0 {
        return None;
    }
    let (mut min, mut max) = (f32::INFINITY, f32::NEG_INFINITY);
    let mut points = Vec::new();
    for row in 0..height {
        rows(row, &mut points);
        for coordinate in points.iter().flatten() {
            (min, max) = (min.min(*coordinate), max.max(*coordinate));
        }
    }
    let zoom = 2.0 / f64::from(max - min);
    (d > zoom).then(|| {
        let shrunk = |n: usize| ((n as f64 / d) as usize).max(1);
        area_resize(image, shrunk(image.height), shrunk(image.width))
    })
}

/// Each cell is the mean of the pixels it touches.
pub(super) fn area_resize(image: &Image, height: usize, width: usize) -> Image {
    let mut out = Image::filled([image.channels, height, width], 0.0);
    let cell = |i: usize, n: usize, of: usize| i * of / n..((i + 1) * of).div_ceil(n);
    let plane = image.height * image.width;
    let mut sums = vec![0f32; image.width];
    for channel in 0..image.channels {
        let pixels = &image.pixels[channel * plane..][..plane];
        for y in 0..height {
            let rows = cell(y, height, image.height);
            sums.fill(0.0);
            for row in rows.clone() {
                let row = &pixels[row * image.width..][..image.width];
                sums.iter_mut().zip(row).for_each(|(sum, pixel)| *sum += pixel);
            }
            for x in 0..width {
                let columns = cell(x, width, image.width);
                let n = (rows.len() * columns.len()) as f32;
                let sum: f32 = sums[columns].iter().sum();
                out.pixels[(channel * height + y) * width + x] = sum / n;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(
        image: &Image,
        points: &[Point],
        padding: PaddingMode,
        mode: Interpolation,
    ) -> Vec<f32> {
        let rows = |_: usize, row: &mut Vec<Point>| {
            row.clear();
            row.extend_from_slice(points);
        };
        let size = [1, points.len()];
        sample(image, size, &rows, View::whole(size), padding, mode).pixels
    }

    #[test]
    fn reflection_does_not_repeat_the_edge() {
        let at: Vec<f32> = (-3..=6).map(|at| reflect(at as f32, 2.0)).collect();
        assert_eq!(at, [1.0, 2.0, 1.0, 0.0, 1.0, 2.0, 1.0, 0.0, 1.0, 2.0]);
        assert_eq!(reflect(5.0, 0.0), 0.0);
    }

    #[test]
    fn positions_are_parted_below() {
        for at in [0.0, 0.25, 1.0, 7.75, -0.25, -1.0, -3.5] {
            assert_eq!(parted(at), [at.floor(), at - at.floor()], "{at}");
        }
    }

    #[test]
    fn an_area_is_averaged() {
        let image = Image {
            channels: 1,
            height: 2,
            width: 4,
            pixels: vec![0., 1., 2., 3., 4., 5., 6., 7.],
        };
        assert_eq!(area_resize(&image, 1, 2).pixels, [2.5, 4.5]);
        assert_eq!(area_resize(&image, 2, 3).pixels[0], 0.5);
    }

    #[test]
    fn nearest_goes_to_the_even_pixel_when_halfway() {
        let image = Image { channels: 1, height: 1, width: 3, pixels: vec![1.0, 2.0, 3.0] };
        let points = [[-0.5, -1.0], [0.5, -1.0]];
        let found = seen(&image, &points, PaddingMode::Zeros, Interpolation::Nearest);
        assert_eq!(found, [1.0, 3.0]);
    }

    #[test]
    fn black_is_beyond_the_edge_if_asked_for() {
        let image = Image { channels: 1, height: 1, width: 2, pixels: vec![1.0, 1.0] };
        let at = |padding| seen(&image, &[[2.0, -1.0]], padding, Interpolation::Bilinear)[0];
        assert_eq!(at(PaddingMode::Zeros), 0.5);
        assert_eq!(at(PaddingMode::Border), 1.0);
        assert_eq!(at(PaddingMode::Reflection), 1.0);
    }
}
