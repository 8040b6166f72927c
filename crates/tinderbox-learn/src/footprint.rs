//! What a model that gives an image for an image takes for each pixel, found by trying it.

use burn::tensor::Tensor;
use tinderbox_model::Trace;

use crate::{Bundle, Result, fit::forward_traced};

/// What a pass over an image takes, whatever the image's size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Footprint {
    /// Pixels from one position of the smallest map to the next: sides of which this is a divisor are
    /// halved without a rest on the way down.
    pub stride: usize,
    /// Bytes for each pixel of the image, at the moment when there are most.
    pub bytes_per_pixel: f64,
    /// Bytes of the weights.
    pub weights: u64,
}

/// The side of the image that is tried: enough for the smallest map to have a few positions.
const SIDE: usize = 64;

/// The path of a U-Net's body.
const BODY: [&str; 2] = ["layers", "0"];

impl Bundle {
    /// What a pass over an image takes, by the maps of one over a small image, which is tried once.
    ///
    /// # Errors
    /// If the model takes no images of 64×64 pixels.
    pub fn footprint(&self) -> Result<Footprint> {
        match self.footprint.get() {
            Some(known) => Ok(*known),
            None => {
                let tried = self.try_footprint()?;
                Ok(*self.footprint.get_or_init(|| tried))
            }
        }
    }

    fn try_footprint(&self) -> Result<Footprint> {
        let channels = self.manifest.arch.in_channels().unwrap_or(3);
        let x = Tensor::<4>::zeros([1, channels, SIDE, SIDE], &self.device);
        let mut maps = Maps::default();
        let mut observe =
            |step: tinderbox_model::Step<'_>| maps.add(step.path, &step.output.dims());
        forward_traced(&*self.model, x.into(), &mut Trace::new(&mut observe))?;
        let weights = self.weights().iter().map(|(_, weight)| weight.values.len()).sum::<usize>();
        Ok(Footprint {
            stride: maps.stride(),
            bytes_per_pixel: maps.bytes_per_pixel(channels),
            weights: (weights * size_of::<f32>()) as u64,
        })
    }
}

/// The maps of a pass, in their order.
#[derive(Debug, Default)]
struct Maps {
    /// Paths and numbers of what the innermost layers give.
    inner: Vec<(Vec<String>, usize)>,
    /// Side and numbers of what each child of the body gives.
    of_body: Vec<(usize, usize)>,
}

impl Maps {
    fn add(&mut self, path: &[String], shape: &[usize]) {
        let len: usize = shape.iter().product();
        // Children come before their container.
        if !self.inner.last().is_some_and(|(last, _)| last.starts_with(path)) {
            self.inner.push((path.to_vec(), len));
        }
        if let ([a, b, _], [.., side]) = (path, shape)
            && [a, b] == BODY
        {
            self.of_body.push((*side, len));
        }
    }

    fn stride(&self) -> usize {
        let smallest = self.of_body.iter().map(|(side, _)| *side).min().unwrap_or(SIDE).max(1);
        // Convolutions without padding give a little less than half.
        1 << (SIDE as f64 / smallest as f64).log2().round() as u32
    }

    /// The image, what the way up takes of the way down, and the largest three maps in a row.
    ///
    /// For a U-Net on ResNet-18 it is a fifth above the peak that was measured.
    fn bytes_per_pixel(&self, channels: usize) -> f64 {
        let image = channels * SIDE * SIDE;
        let changes = self.of_body.windows(2).filter(|pair| pair[0].0 != pair[1].0);
        let skips: usize = changes.map(|pair| pair[0].1).sum();
        let most = self
            .inner
            .windows(3)
            .map(|maps| maps.iter().map(|(_, len)| len).sum::<usize>())
            .max()
            .unwrap_or(0);
        let numbers = image + skips + most;
        (numbers * size_of::<f32>()) as f64 / (SIDE * SIDE) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a body that halves twice and a way up.
    fn maps() -> Maps {
        let mut maps = Maps::default();
        let path = |path: &str| path.split('.').map(String::from).collect::<Vec<_>>();
        for (at, shape) in [
            ("layers.0.0", [1, 8, 32, 32]),
            ("layers.0.1.0", [1, 16, 16, 16]),
            ("layers.0.1", [1, 16, 16, 16]),
            ("layers.0", [1, 16, 16, 16]),
            ("layers.1", [1, 8, 64, 64]),
            ("layers.2", [1, 3, 64, 64]),
        ] {
            maps.add(&path(at), &shape);
        }
        maps
    }

    #[test]
    fn the_stride_is_by_how_much_the_body_makes_a_map_smaller() {
        assert_eq!(maps().stride(), 4);
        assert_eq!(Maps::default().stride(), 1);
        // Three halvings without padding: 64 → 31 → 15 → 7.
        assert_eq!(Maps { of_body: vec![(31, 9), (15, 9), (7, 9)], ..Maps::default() }.stride(), 8);
    }

    #[test]
    fn the_maps_of_one_moment_are_counted() {
        let [image, skip, small, up, out] =
            [3 * 64 * 64, 8 * 32 * 32, 16 * 16 * 16, 8 * 64 * 64, 3 * 64 * 64];
        let bytes = 4.0 * f64::from(image + skip + small + up + out) / (64.0 * 64.0);
        assert_eq!(maps().bytes_per_pixel(3), bytes);
    }
}
