//! Structural similarity: what the losses and the metrics of images have in common.

use burn::tensor::{Tensor, TensorData};
use tinderbox_data::Normalize;
use tinderbox_ops::{Conv2dOptions, Pool2dOptions, avg_pool2d, conv2d};

/// Pixels of the window, and its standard deviation.
const WINDOW: usize = 11;
const SIGMA: f64 = 1.5;
/// What keeps quotients of dark and of even areas apart from 0 / 0: (0.01)² and (0.03)², of a range
/// of values of 1.
const C1: f64 = 1e-4;
const C2: f64 = 9e-4;
/// What each scale counts, from the full size on: the paper's.
const SCALES: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];

/// Images as pixels in `0.0..=1.0`, as they were before they were normalized.
///
/// # Panics
/// If there are not as many channels as statistics.
pub(crate) fn denormalized(x: Tensor<4>, normalize: Option<&Normalize>) -> Tensor<4> {
    let Some(Normalize { mean, std, .. }) = normalize else { return x };
    let (channels, device) = (x.dims()[1], x.device());
    assert!(
        [mean.len(), std.len()] == [channels; 2],
        "images of {channels} channels, normalized by statistics of {}",
        mean.len()
    );
    let row = |values: &[f32]| {
        let values = TensorData::new(values.to_vec(), [1, channels, 1, 1]);
        Tensor::<4>::from_data(values, &device)
    };
    x * row(std) + row(mean)
}

/// The structural similarity of each channel of images in `0.0..=1.0`, averaged over its pixels.
///
/// `[batch, channels, height, width]`, twice the same → `[batch, channels]`
///
/// # Reference
/// Wang et al., [Image Quality Assessment: From Error Visibility to Structural
/// Similarity](https://doi.org/10.1109/TIP.2003.819861), 2004.
pub(crate) fn ssim(x: Tensor<4>, y: Tensor<4>) -> Tensor<2> {
    let Similarity { luminance, contrast } = similarity(x, y);
    mean(luminance * contrast)
}

/// [`ssim`] at up to five sizes, each half of the one before: the contrasts of all and the luminance
/// of the last, multiplied.
///
/// # Reference
/// Wang et al., [Multiscale Structural Similarity for Image Quality
/// Assessment](https://doi.org/10.1109/ACSSC.2003.1292216), 2003.
pub(crate) fn ms_ssim(x: Tensor<4>, y: Tensor<4>) -> Tensor<2> {
    let [_, _, height, width] = x.dims();
    let weights = &SCALES[..scales(height.min(width))];
    let sum: f64 = weights.iter().sum();
    let (mut x, mut y) = (x, y);
    let mut product: Option<Tensor<2>> = None;
    for (scale, weight) in weights.iter().enumerate() {
        let Similarity { luminance, contrast } = similarity(x.clone(), y.clone());
        let value = match scale + 1 == weights.len() {
            true => mean(luminance * contrast),
            false => mean(contrast),
        };
        let factor = power(value, weight / sum);
        product = Some(match product {
            Some(product) => product * factor,
            None => factor,
        });
        if scale + 1 < weights.len() {
            let half = |x| avg_pool2d(x, Pool2dOptions::square(2));
            (x, y) = (half(x), half(y));
        }
    }
    product.expect("there is a scale")
}

/// At how many sizes images of this side are compared: the window fits into the smallest.
fn scales(side: usize) -> usize {
    let fits = |scales: &usize| side >> (scales - 1) >= WINDOW;
    (1..=SCALES.len()).rev().find(fits).unwrap_or(1)
}

/// `value` to a power below 1, 0 for what is negative. There, and close to it, the gradient would be
/// infinite.
fn power(value: Tensor<2>, exponent: f64) -> Tensor<2> {
    let negative = value.clone().lower_equal_elem(0.0);
    value.clamp_min(1e-4).powf_scalar(exponent).mask_fill(negative, 0.0)
}

/// For each place of the window.
struct Similarity {
    luminance: Tensor<4>,
    /// And structure: how the deviations from the mean go together.
    contrast: Tensor<4>,
}

fn similarity(x: Tensor<4>, y: Tensor<4>) -> Similarity {
    let window = Window::new(x.dims(), &x.device());
    let mean = |x: Tensor<4>| window.mean(x);
    let (mean_x, mean_y) = (mean(x.clone()), mean(y.clone()));
    let (xx, yy) = (mean_x.clone().square(), mean_y.clone().square());
    let xy = mean_x * mean_y;
    let variances = mean(x.clone().square()) - xx.clone() + (mean(y.clone().square()) - yy.clone());
    let covariance = mean(x * y) - xy.clone();
    Similarity {
        luminance: (xy * 2.0 + C1) / (xx + yy + C1),
        contrast: (covariance * 2.0 + C2) / (variances + C2),
    }
}

/// The Gaussian window, one axis after the other.
struct Window {
    down: Tensor<4>,
    right: Tensor<4>,
    options: Conv2dOptions,
}

impl Window {
    /// For maps of these sizes, of which smaller ones than the window have a window of their size.
    fn new([_, channels, height, width]: [usize; 4], device: &burn::tensor::Device) -> Self {
        let axis = |side: usize| {
            let weights = gaussian(side.min(WINDOW));
            let n = weights.len();
            (n, Tensor::<1>::from_data(TensorData::new(weights, [n]), device))
        };
        let ((rows, down), (columns, right)) = (axis(height), axis(width));
        Self {
            down: down.reshape([1, 1, rows, 1]).repeat_dim(0, channels),
            right: right.reshape([1, 1, 1, columns]).repeat_dim(0, channels),
            options: Conv2dOptions { groups: channels, ..Conv2dOptions::default() },
        }
    }

    /// The mean of each place where the whole window fits.
    fn mean(&self, x: Tensor<4>) -> Tensor<4> {
        let x = conv2d(x, self.down.clone(), None, self.options);
        conv2d(x, self.right.clone(), None, self.options)
    }
}

/// The bell of this many pixels, whose sum is 1.
fn gaussian(n: usize) -> Vec<f32> {
    let center = (n as f64 - 1.0) / 2.0;
    let bell = |at: usize| (-((at as f64 - center) / SIGMA).powi(2) / 2.0).exp();
    let sum: f64 = (0..n).map(bell).sum();
    (0..n).map(|at| (bell(at) / sum) as f32).collect()
}

/// `[batch, channels, height, width]` → `[batch, channels]`
fn mean(x: Tensor<4>) -> Tensor<2> {
    let [batch, channels, height, width] = x.dims();
    let sums: Tensor<2> = x.reshape([batch, channels, height * width]).sum_dim(2).squeeze_dim(2);
    sums / (height * width) as f64
}

/// Images for tests: waves of a phase that `drift` moves against each other, and noise.
#[cfg(test)]
pub(crate) fn waves([height, width]: [usize; 2], drift: f64) -> [Tensor<4>; 2] {
    let pixel = |at: usize, drift: f64, noise: f64| {
        let (channel, rest) = (at / (height * width), at % (height * width));
        let (y, x) = ((rest / width) as f64, (rest % width) as f64);
        let wave = (0.37 * y + drift * x + channel as f64).sin();
        (0.5 + 0.4 * wave + noise * (1.7 * y + 2.3 * x).cos()).clamp(0.0, 1.0) as f32
    };
    [(0.11, 0.0), (drift, 0.1)].map(|(drift, noise)| {
        let values: Vec<f32> = (0..3 * height * width).map(|at| pixel(at, drift, noise)).collect();
        let data = TensorData::new(values, [1, 3, height, width]);
        Tensor::from_data(data, &burn::tensor::Device::flex())
    })
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    fn mean_of(values: Tensor<2>) -> f64 {
        f64::from(values.mean().into_scalar::<f32>())
    }

    /// The values are those of the formulas of both papers on the same waves, computed in PyTorch in
    /// f64 with a window that is no product of two.
    #[test]
    fn the_values_are_the_papers() {
        let of =
            [([20, 24], 0.826_049_652_3), ([7, 9], 0.833_186_959_1), ([11, 30], 0.789_144_426_7)];
        for (size, wanted) in of {
            let [x, y] = waves(size, 0.13);
            let found = mean_of(ssim(x, y));
            assert!((found - wanted).abs() < 2e-5, "{size:?}: {found}, expected {wanted}");
        }
        let of = [
            ([20, 30], 1, 0.873_007_947_4),
            ([45, 50], 3, 0.987_648_024_9),
            ([96, 90], 4, 0.987_403_908_5),
            ([180, 177], 5, 0.975_788_610_6),
        ];
        for (size, n, wanted) in of {
            assert_eq!(scales(size[0].min(size[1])), n, "{size:?}");
            let [x, y] = waves(size, 0.112);
            let found = mean_of(ms_ssim(x, y));
            assert!((found - wanted).abs() < 2e-5, "{size:?}: {found}, expected {wanted}");
        }
    }

    #[test]
    fn an_image_is_most_like_itself_and_not_like_its_negative() {
        for size in [[1, 1], [5, 40], [60, 50]] {
            let [x, _] = waves(size, 0.13);
            for similarity in [ssim, ms_ssim] {
                let same = mean_of(similarity(x.clone(), x.clone()));
                assert!((same - 1.0).abs() < 1e-5, "{size:?}: {same}");
            }
        }
        let [x, _] = waves([60, 50], 0.13);
        assert_eq!(mean_of(ms_ssim(x.clone(), 1.0 - x)), 0.0);
    }

    /// By moving pixels a little up and down.
    #[test]
    fn gradients_are_finite_differences() {
        let device = Device::flex().autodiff();
        let [x, y] = waves([24, 26], 0.12);
        let values: Vec<f32> = x.clone().into_data().try_to_vec().unwrap();
        let losses: [fn(Tensor<4>, Tensor<4>) -> Tensor<2>; 2] = [ssim, ms_ssim];
        for similarity in losses {
            let tracked = Tensor::from_inner(x.clone()).to_device(&device).require_grad();
            let gradients = similarity(tracked.clone(), y.clone()).mean().backward();
            let gradient: Vec<f32> =
                tracked.grad(&gradients).unwrap().into_data().try_to_vec().unwrap();
            let largest = gradient.iter().fold(0f32, |a, b| a.max(b.abs()));
            for at in [0, 300, 650, 1000, 1871] {
                let moved = |by: f32| {
                    let mut values = values.clone();
                    values[at] += by;
                    let x = TensorData::new(values, x.dims());
                    mean_of(similarity(Tensor::from_data(x, &Device::flex()), y.clone()))
                };
                let step = 2e-2;
                let slope = (moved(step) - moved(-step)) / (2.0 * f64::from(step));
                let found = f64::from(gradient[at]);
                assert!(
                    (found - slope).abs() < 0.02 * f64::from(largest),
                    "pixel {at}: {found}, by differences {slope}, at most {largest}"
                );
            }
        }
    }

    #[test]
    fn an_opposite_has_no_gradient_rather_than_nan() {
        let [x, _] = waves([30, 30], 0.13);
        let tracked = Tensor::from_inner(x.clone()).require_grad();
        let gradients = ms_ssim(tracked.clone(), 1.0 - x).mean().backward();
        let gradient = tracked.grad(&gradients).unwrap();
        assert_eq!(gradient.abs().max().into_scalar::<f32>(), 0.0);
    }
}
