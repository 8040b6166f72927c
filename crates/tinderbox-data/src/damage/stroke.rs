//! Marks laid over an image: soft-edged lines and specks.

use std::f32::consts::TAU;

use rand::{Rng, RngCore};

use crate::image::Pixels;

/// A thin line along one axis, a little oblique and bent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stroke {
    /// Whether it runs from left to right, not downwards.
    pub(super) sideways: bool,
    /// Where it begins and ends on its axis, in pixels.
    pub(super) from: f32,
    pub(super) to: f32,
    /// Where it begins across its axis.
    pub(super) across: f32,
    /// How far it goes across for each pixel along.
    pub(super) slope: f32,
    /// How far it bends off the straight line, in pixels, in one wave.
    pub(super) bend: f32,
    /// In pixels.
    pub(super) width: f32,
    pub(super) mark: Mark,
}

/// What is laid over a pixel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    /// A gray, `0.0..=255.0`.
    value: f32,
    /// How much of the image is hidden, `0.0..=1.0`.
    share: f32,
}

impl Mark {
    /// Most are light, where a print lost its layer or a negative was covered; the others dark.
    pub(super) fn draw(rng: &mut dyn RngCore) -> Self {
        let value = match rng.random_bool(0.75) {
            true => rng.random_range(215.0..255.0),
            false => rng.random_range(0.0..50.0),
        };
        Self { value, share: rng.random_range(0.5..0.95) }
    }

    /// Lays it over the pixel that `[y, x]` is in, as far as it is covered, `0.0..=1.0`.
    pub(super) fn over(self, pixels: &mut Pixels, [y, x]: [i64; 2], covered: f32) {
        let Pixels { height, width, channels, .. } = *pixels;
        let inside = |at: i64, size: usize| usize::try_from(at).ok().filter(|at| *at < size);
        let (Some(y), Some(x)) = (inside(y, height), inside(x, width)) else { return };
        let share = self.share * covered.clamp(0.0, 1.0);
        for byte in &mut pixels.bytes[(y * width + x) * channels..][..channels] {
            *byte = (f32::from(*byte) * (1.0 - share) + self.value * share + 0.5) as u8;
        }
    }
}

impl Stroke {
    pub(super) fn over(self, pixels: &mut Pixels) {
        let length = (self.to - self.from).max(1.0);
        // Of an oblique line, more of a row is within its width.
        let reach = self.width / 2.0 * self.slope.hypot(1.0);
        for along in self.from.floor() as i64..=self.to.floor() as i64 {
            let at = along as f32 - self.from;
            let center = self.across + self.slope * at + self.bend * (TAU * at / length).sin();
            let first = (center - reach - 1.0).floor() as i64;
            let last = (center + reach + 1.0).ceil() as i64;
            for across in first..=last {
                let covered = reach + 0.5 - (across as f32 - center).abs();
                let place = if self.sideways { [across, along] } else { [along, across] };
                self.mark.over(pixels, place, covered.min(self.width));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gray() -> Pixels {
        Pixels { height: 20, width: 30, channels: 1, bytes: vec![100; 600], full_size: [20, 30] }
    }

    #[test]
    fn a_stroke_covers_its_width_from_end_to_end() {
        let mark = Mark { value: 255.0, share: 1.0 };
        let straight = Stroke {
            sideways: false,
            from: 3.0,
            to: 9.0,
            across: 10.0,
            slope: 0.0,
            bend: 0.0,
            width: 3.0,
            mark,
        };
        let mut pixels = gray();
        straight.over(&mut pixels);
        let white: Vec<usize> = (0..600).filter(|at| pixels.bytes[*at] == 255).collect();
        let want: Vec<usize> = (3..=9).flat_map(|y| [9, 10, 11].map(|x| y * 30 + x)).collect();
        assert_eq!(white, want);
        let mut turned = gray();
        Stroke { sideways: true, across: 4.0, ..straight }.over(&mut turned);
        assert!((3..=9).all(|x| turned.bytes[4 * 30 + x] == 255));
        // Half of it is outside, and nothing is lost for that.
        Stroke { from: -50.0, to: 50.0, across: -1.0, slope: 0.3, ..straight }.over(&mut turned);
    }
}
