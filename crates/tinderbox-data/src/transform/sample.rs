//! Taking pixels from between pixels.

use super::canvas::{Grid, Interpolation, PaddingMode};
use crate::Image;

/// The picture that `grid` sees in `image`.
pub(super) fn sample(
    image: &Image,
    grid: &Grid,
    padding: PaddingMode,
    mode: Interpolation,
) -> Image {
    let shrunk = match mode {
        Interpolation::Bilinear => shrink_for(image, grid),
        Interpolation::Nearest => None,
    };
    let image = shrunk.as_ref().unwrap_or(image);
    let mut out = Image::filled([image.channels, grid.height, grid.width], 0.0);
    let plane = image.height * image.width;
    let out_plane = grid.height * grid.width;
    let source = Source { height: image.height, width: image.width, padding };
    for (at, &[x, y]) in grid.points.iter().enumerate() {
        let x = position(x, image.width);
        let y = position(y, image.height);
        let taps = match mode {
            Interpolation::Bilinear => source.bilinear(x, y),
            Interpolation::Nearest => source.nearest(x, y),
        };
        for channel in 0..image.channels {
            let pixels = &image.pixels[channel * plane..][..plane];
            out.pixels[channel * out_plane + at] =
                taps.iter().map(|&(offset, weight)| pixels[offset] * weight).sum();
        }
    }
    out
}

/// A coordinate in `-1.0..=1.0` as a position among `n` pixels.
fn position(coordinate: f32, n: usize) -> f32 {
    (coordinate + 1.0) * (n - 1) as f32 / 2.0
}

/// Up to four pixels and what each counts for; beyond a black edge, pixels count for nothing.
type Taps = [(usize, f32); 4];

struct Source {
    height: usize,
    width: usize,
    padding: PaddingMode,
}

impl Source {
    fn bilinear(&self, x: f32, y: f32) -> Taps {
        let (x, y) = (self.inside(x, self.width), self.inside(y, self.height));
        let (left, top) = (x.floor(), y.floor());
        let (fx, fy) = (x - left, y - top);
        let tap = |dx: f32, dy: f32, weight: f32| self.tap(left + dx, top + dy, weight);
        [
            tap(0.0, 0.0, (1.0 - fx) * (1.0 - fy)),
            tap(1.0, 0.0, fx * (1.0 - fy)),
            tap(0.0, 1.0, (1.0 - fx) * fy),
            tap(1.0, 1.0, fx * fy),
        ]
    }

    fn nearest(&self, x: f32, y: f32) -> Taps {
        let (x, y) = (self.inside(x, self.width), self.inside(y, self.height));
        let none = (0, 0.0);
        [self.tap(x.round_ties_even(), y.round_ties_even(), 1.0), none, none, none]
    }

    /// The position that is looked at for one that may lie outside.
    fn inside(&self, at: f32, n: usize) -> f32 {
        let last = (n - 1) as f32;
        match self.padding {
            PaddingMode::Zeros => at,
            PaddingMode::Border => at.clamp(0.0, last),
            PaddingMode::Reflection => reflect(at, last).clamp(0.0, last),
        }
    }

    fn tap(&self, x: f32, y: f32, weight: f32) -> (usize, f32) {
        let inside = x >= 0.0 && y >= 0.0 && x < self.width as f32 && y < self.height as f32;
        match inside {
            true => (y as usize * self.width + x as usize, weight),
            false => (0, 0.0),
        }
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

/// The picture averaged down by half of what the grid shrinks it, if that is more than twofold:
/// bilinear taps alone would leave pixels out.
fn shrink_for(image: &Image, grid: &Grid) -> Option<Image> {
    let ratio = |n: usize, of: usize| n as f64 / of as f64;
    let d = ratio(image.height, grid.height).min(ratio(image.width, grid.width)) / 2.0;
    if d <= 1.0 {
        return None;
    }
    let coordinates = || grid.points.iter().flatten().copied();
    let (min, max) = (
        coordinates().fold(f32::INFINITY, f32::min),
        coordinates().fold(f32::NEG_INFINITY, f32::max),
    );
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
    for channel in 0..image.channels {
        let pixels = &image.pixels[channel * plane..][..plane];
        for y in 0..height {
            let rows = cell(y, height, image.height);
            for x in 0..width {
                let columns = cell(x, width, image.width);
                let sum: f32 = rows
                    .clone()
                    .map(|row| pixels[row * image.width..][columns.clone()].iter().sum::<f32>())
                    .sum();
                out.pixels[(channel * height + y) * width + x] =
                    sum / (rows.len() * columns.len()) as f32;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reflection_does_not_repeat_the_edge() {
        let at: Vec<f32> = (-3..=6).map(|at| reflect(at as f32, 2.0)).collect();
        assert_eq!(at, [1.0, 2.0, 1.0, 0.0, 1.0, 2.0, 1.0, 0.0, 1.0, 2.0]);
        assert_eq!(reflect(5.0, 0.0), 0.0);
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
        let grid = Grid { height: 1, width: 2, points: vec![[-0.5, -1.0], [0.5, -1.0]] };
        assert_eq!(
            sample(&image, &grid, PaddingMode::Zeros, Interpolation::Nearest).pixels,
            [1.0, 3.0]
        );
    }

    #[test]
    fn black_is_beyond_the_edge_if_asked_for() {
        let image = Image { channels: 1, height: 1, width: 2, pixels: vec![1.0, 1.0] };
        let grid = Grid { height: 1, width: 1, points: vec![[2.0, -1.0]] };
        let seen = |padding| sample(&image, &grid, padding, Interpolation::Bilinear).pixels[0];
        assert_eq!(seen(PaddingMode::Zeros), 0.5);
        assert_eq!(seen(PaddingMode::Border), 1.0);
        assert_eq!(seen(PaddingMode::Reflection), 1.0);
    }
}
