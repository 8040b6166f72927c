//! Channels to mean 0 and standard deviation 1.

use serde::{Deserialize, Serialize};

use crate::{Array, Error, Image, Result, Values};

/// `(x - mean) / std` for each channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[doc(alias = "normalize_funcs")]
pub struct Normalize {
    /// One for each channel.
    pub mean: Vec<f32>,
    /// One for each channel, above zero.
    pub std: Vec<f32>,
    /// Whether inputs are normalized.
    pub inputs: bool,
    /// Whether targets are, if they are images.
    pub targets: bool,
}

impl Normalize {
    /// By statistics of one's own, for the inputs.
    pub fn new(mean: impl Into<Vec<f32>>, std: impl Into<Vec<f32>>) -> Self {
        Self { mean: mean.into(), std: std.into(), inputs: true, targets: false }
    }

    /// The same for targets, too, where they are images to be made: fastai's `do_y`.
    #[doc(alias = "do_y")]
    #[must_use]
    pub fn and_targets(self) -> Self {
        Self { targets: true, ..self }
    }

    /// ImageNet's statistics, which pretrained models expect.
    #[doc(alias = "imagenet_stats")]
    pub fn imagenet() -> Self {
        Self::new([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    }

    /// ImageNet's statistics for gray images: the means of its channels'.
    pub fn imagenet_gray() -> Self {
        Self::new([0.449], [0.226])
    }

    /// CIFAR-10's.
    pub fn cifar() -> Self {
        Self::new([0.491, 0.482, 0.447], [0.247, 0.243, 0.261])
    }

    /// MNIST's.
    #[doc(alias = "mnist_stats")]
    pub fn mnist() -> Self {
        Self::new([0.131], [0.308])
    }

    /// By the statistics of a batch of images `[batch, channels, height, width]`: mean and
    /// unbiased standard deviation of each channel.
    ///
    /// # Errors
    /// [`Error::NoSpread`] for a channel whose pixels are all the same, [`Error::NotImages`] for an
    /// array of another form.
    pub fn of_batch(batch: &Array) -> Result<Self> {
        let (&[n, channels, height, width], Values::F32(values)) =
            (&batch.shape[..], &batch.values)
        else {
            return Err(Error::NotImages { shape: batch.shape.clone() });
        };
        let plane = height * width;
        let count = (n * plane) as f64;
        let pixels = |channel: usize| {
            (0..n)
                .flat_map(move |item| &values[(item * channels + channel) * plane..][..plane])
                .map(|v| f64::from(*v))
        };
        let (mut mean, mut std) = (Vec::new(), Vec::new());
        for channel in 0..channels {
            let average = pixels(channel).sum::<f64>() / count;
            let squares: f64 = pixels(channel).map(|value| (value - average).powi(2)).sum();
            mean.push(average as f32);
            std.push((squares / (count - 1.0)).sqrt() as f32);
        }
        let normalize = Self::new(mean, std);
        normalize.check_spread()?;
        Ok(normalize)
    }

    fn check_spread(&self) -> Result<()> {
        let usable = |std: f32| std.is_finite() && std > 0.0;
        match self.std.iter().position(|std| !usable(*std)) {
            Some(channel) => Err(Error::NoSpread { channel, std: self.std[channel] }),
            None => Ok(()),
        }
    }

    /// Whether the statistics fit images of this many channels.
    ///
    /// # Errors
    /// [`Error::Channels`] if there are not as many, [`Error::NoSpread`] for one that cannot be
    /// divided by.
    pub fn check(&self, channels: usize) -> Result<()> {
        for given in [self.mean.len(), self.std.len()] {
            if given != channels {
                return Err(Error::Channels { given, channels });
            }
        }
        self.check_spread()
    }

    /// Whether the array holds images that the statistics fit.
    ///
    /// # Errors
    /// [`Error::NotImages`] if it does not hold images, and those of [`check`](Self::check).
    pub fn check_images(&self, array: &Array) -> Result<()> {
        match (&array.shape[..], &array.values) {
            (&[_, channels, _, _], Values::F32(_)) => self.check(channels),
            _ => Err(Error::NotImages { shape: array.shape.clone() }),
        }
    }

    /// Normalizes what it is for in a batch: the inputs, and targets that are images.
    pub(crate) fn apply_to(&self, inputs: &mut Array, targets: &mut Array) -> Result<()> {
        if self.inputs {
            self.check_images(inputs)?;
            self.apply(inputs);
        }
        if self.targets && targets.shape.len() == 4 && matches!(targets.values, Values::F32(_)) {
            self.check_images(targets)?;
            self.apply(targets);
        }
        Ok(())
    }

    /// Normalizes one image.
    ///
    /// # Errors
    /// Those of [`check`](Self::check).
    pub fn apply_to_image(&self, image: &mut Image) -> Result<()> {
        self.check(image.channels)?;
        let plane = image.height * image.width;
        self.each_plane(&mut image.pixels, [image.channels, plane], |value, mean, std| {
            (value - mean) / std
        });
        Ok(())
    }

    /// Undoes [`apply_to_image`](Self::apply_to_image).
    ///
    /// # Errors
    /// As there.
    pub fn invert_image(&self, image: &mut Image) -> Result<()> {
        self.check(image.channels)?;
        let plane = image.height * image.width;
        self.each_plane(&mut image.pixels, [image.channels, plane], |value, mean, std| {
            value * std + mean
        });
        Ok(())
    }

    /// Normalizes images `[batch, channels, height, width]` in place. Other arrays are left alone.
    pub fn apply(&self, array: &mut Array) {
        self.each_channel(array, |value, mean, std| (value - mean) / std);
    }

    /// Undoes [`apply`](Self::apply).
    pub fn invert(&self, array: &mut Array) {
        self.each_channel(array, |value, mean, std| value * std + mean);
    }

    fn each_channel(&self, array: &mut Array, change: impl Fn(f32, f32, f32) -> f32) {
        let (&[_, channels, height, width], Values::F32(values)) =
            (&array.shape[..], &mut array.values)
        else {
            return;
        };
        self.each_plane(values, [channels, height * width], change);
    }

    /// Changes images of this many channels of this many pixels.
    fn each_plane(
        &self,
        values: &mut [f32],
        [channels, pixels]: [usize; 2],
        change: impl Fn(f32, f32, f32) -> f32,
    ) {
        for (at, plane) in values.chunks_exact_mut(pixels.max(1)).enumerate() {
            let (mean, std) = (self.mean[at % channels], self.std[at % channels]);
            for value in plane {
                *value = change(*value, mean, std);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inverting_gives_back_what_was_there() {
        let batch = Array::f32([1, 1, 2, 2], vec![0.0, 0.25, 0.5, 1.0]);
        let normalize = Normalize::of_batch(&batch).unwrap();
        let mut copy = batch.clone();
        normalize.apply(&mut copy);
        assert_ne!(copy, batch);
        normalize.invert(&mut copy);
        let Values::F32(values) = copy.values else { unreachable!() };
        assert!(
            values.iter().zip([0.0, 0.25, 0.5, 1.0]).all(|(got, want)| (got - want).abs() < 1e-6)
        );
    }

    #[test]
    fn a_channel_without_spread_is_refused() {
        let error = Normalize::of_batch(&Array::f32([1, 1, 1, 2], vec![0.5, 0.5])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "channel 0 has a standard deviation of 0, so it cannot be normalized"
        );
    }

    #[test]
    fn only_images_are_normalized() {
        let rows = Array::f32([2, 3], vec![0.0; 6]);
        assert!(matches!(Normalize::of_batch(&rows), Err(Error::NotImages { .. })));
        let error = Normalize::mnist().check_images(&rows).unwrap_err();
        assert!(matches!(error, Error::NotImages { .. }), "{error}");
        let mut images = Array::f32([1, 1, 1, 1], vec![0.131]);
        let mut labels = Array::i64([1], vec![7]);
        let both = Normalize { targets: true, ..Normalize::mnist() };
        both.apply_to(&mut images, &mut labels).unwrap();
        assert_eq!(images.values, Values::F32(vec![0.0]));
        assert_eq!(labels.values, Values::I64(vec![7]));
    }

    #[test]
    fn statistics_must_fit_the_channels() {
        assert!(matches!(
            Normalize::mnist().check(3),
            Err(Error::Channels { given: 1, channels: 3 })
        ));
        assert!(Normalize::imagenet().check(3).is_ok());
    }
}
