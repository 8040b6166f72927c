use burn::tensor::{Device, Tensor, TensorData};

use super::*;
use crate::similarity::waves;

/// After one image.
fn value(mut metric: impl Metric, x: &Tensor<4>, y: &Tensor<4>) -> f64 {
    metric.update(&x.clone().into(), &y.clone().into()).unwrap();
    metric.value()
}

/// One pixel of each color.
fn pixels(colors: &[[f32; 3]]) -> Tensor<4> {
    let planes: Vec<f32> =
        [0, 1, 2].iter().flat_map(|channel| colors.iter().map(|color| color[*channel])).collect();
    Tensor::from_data(TensorData::new(planes, [1, 3, 1, colors.len()]), &Device::flex())
}

#[track_caller]
fn check(found: f64, wanted: f64) {
    assert!((found - wanted).abs() < 2e-5 * wanted.abs().max(1.0), "{found}, expected {wanted}");
}

/// The formulas on the same waves, computed in PyTorch in f64.
#[test]
fn the_values_are_those_of_the_formulas() {
    let [x, y] = waves([20, 24], 0.13);
    check(value(Psnr::new(None), &x, &y), 19.691_281_2);
    check(value(Psnr::new(None).luma(), &x, &y), 21.710_028_5);
    check(value(PixelL1::new(None), &x, &y), 0.084_849_373);
    check(value(Ssim::new(None), &x, &y), 0.826_049_652);
    check(value(AbError::new(None), &x, &y), 10.661_753_6);
    check(value(Colorfulness::new(None), &x, &y), 119.389_899);
    check(value(Colorfulness::new(None).of_target(), &x, &y), 118.841_522);
    let [x, y] = waves([45, 50], 0.112);
    check(value(MsSsim::new(None), &x, &y), 0.987_648_025);
}

/// By hand.
#[test]
fn a_pixel_is_enough() {
    let (black, gray) = (pixels(&[[0.0; 3]; 2]), pixels(&[[0.1; 3]; 2]));
    check(value(Psnr::new(None), &gray, &black), 20.0);
    // From black to white it is 219 of 255.
    check(value(Psnr::new(None).luma(), &gray, &black), 20.0 - 20.0 * (219f64 / 255.0).log10());
    check(value(PixelL1::new(None), &gray, &black), 0.1);
    // Grays differ in brightness alone, red is at (80.09, 67.20).
    check(value(AbError::new(None), &gray, &black), 0.0);
    let red = pixels(&[[1.0, 0.0, 0.0]]);
    let distance = value(AbError::new(None), &red, &pixels(&[[1.0; 3]]));
    assert!((distance - 80.0925f64.hypot(67.2032)).abs() < 0.01, "{distance}");
    check(value(Colorfulness::new(None), &gray, &black), 0.0);
    // One color everywhere: 255 of red against green, half of it of yellow against blue.
    check(value(Colorfulness::new(None), &red, &red), 0.3 * 255f64.hypot(127.5));
}

#[test]
fn images_count_alike_and_a_perfect_one_a_hundred_decibels() {
    let (black, gray) = (pixels(&[[0.0; 3]; 2]), pixels(&[[0.1; 3]; 2]));
    let mut metric = Psnr::new(None);
    let both = Tensor::cat(vec![gray.clone(), black.clone()], 0);
    let target = Tensor::cat(vec![black.clone(), black.clone()], 0);
    metric.update(&both.into(), &target.into()).unwrap();
    check(metric.value(), 60.0);
    metric.update(&gray.into(), &black.clone().into()).unwrap();
    check(metric.value(), 140.0 / 3.0);
    metric.reset();
    assert!(metric.value().is_nan());
    let nan = black.clone() * f32::NAN;
    assert!(value(Psnr::new(None), &nan, &black).is_nan());
}

#[test]
fn normalization_is_undone_and_pixels_are_clamped() {
    let [x, y] = waves([20, 24], 0.13);
    let normalize = Normalize::new([0.4, 0.5, 0.6], [0.2, 0.25, 0.5]);
    let normalize = Normalize { targets: true, ..normalize };
    let row = |values: &[f32]| {
        Tensor::<1>::from_floats(values, &x.device()).reshape::<4, _>([1, 3, 1, 1])
    };
    let normalized =
        |image: &Tensor<4>| (image.clone() - row(&normalize.mean)) / row(&normalize.std);
    check(value(Psnr::new(normalize.clone()), &normalized(&x), &normalized(&y)), 19.691_281_2);
    // What is beyond white is white.
    let white = pixels(&[[1.0; 3]]);
    check(value(Psnr::new(None), &(white.clone() * 7.0), &white), 100.0);
}

#[test]
fn the_input_is_measured_as_it_was_normalized() {
    let [x, y] = waves([20, 24], 0.13);
    let normalize = Normalize::new([0.5; 3], [0.25; 3]);
    let input: AnyTensor = ((x - 0.5) / 0.25).into();
    let mut metric = Psnr::new(normalize.clone()).of_input();
    assert_eq!(metric.name(), "psnr_input");
    let target: AnyTensor = y.clone().into();
    metric.update_with_input(&input, &target, &target).unwrap();
    check(metric.value(), 19.691_281_2);
    let mut output = Psnr::new(normalize);
    output.update_with_input(&input, &target, &target).unwrap();
    check(output.value(), 100.0);
    let error = metric.update(&target, &target).unwrap_err();
    assert!(
        error.to_string().starts_with("psnr_input, input: expected the model's input"),
        "{error}"
    );
}

#[test]
fn a_gray_input_is_compared_with_colors() {
    let gray = Tensor::<4>::ones([1, 1, 1, 2], &Device::flex()) * 0.1;
    let target = pixels(&[[0.0; 3]; 2]);
    let metric = || Psnr::new(Normalize::new([0.0; 3], [1.0; 3]));
    let mut of_input = metric().of_input();
    let (gray, target) = (gray.into(), target.into());
    let error = of_input.update_with_input(&gray, &target, &target).unwrap_err();
    assert!(error.to_string().contains("expected images of 3 channels"), "{error}");
    let mut of_input = Psnr::new(None).of_input();
    of_input.update_with_input(&gray, &target, &target).unwrap();
    check(of_input.value(), 20.0);
}

#[test]
fn what_does_not_fit_is_named() {
    let image = || -> AnyTensor { pixels(&[[0.0; 3]; 2]).into() };
    let row: AnyTensor = Tensor::<2>::zeros([1, 3], &Device::flex()).into();
    let smaller: AnyTensor = pixels(&[[0.0; 3]]).into();
    let gray: AnyTensor = Tensor::<4>::zeros([1, 1, 1, 2], &Device::flex()).into();
    let cases = [
        (
            Psnr::new(None).update(&row, &image()),
            "psnr, output: expected images, got a rank-2 float tensor of shape [1, 3]",
        ),
        (
            Ssim::new(None).update(&smaller, &image()),
            "ssim, output: expected images like the target's, [1, 3, 1, 2], got a rank-4 float tensor of shape [1, 3, 1, 1]",
        ),
        (
            AbError::new(None).update(&gray, &gray),
            "ab_error, output: expected images of 3 channels, got a rank-4 float tensor of shape [1, 1, 1, 2]",
        ),
    ];
    for (result, message) in cases {
        assert_eq!(result.unwrap_err().to_string(), message);
    }
}
