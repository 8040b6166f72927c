//! Numbers to compute with, and their comparison.

use burn::tensor::{Device, Tensor, TensorData};

/// The CPU; with the feature `wgpu`, the graphics card if `TINDERBOX_TEST_DEVICE` is `wgpu`.
pub(crate) fn device() -> Device {
    #[cfg(feature = "wgpu")]
    if std::env::var_os("TINDERBOX_TEST_DEVICE").is_some_and(|name| name == "wgpu") {
        return Device::wgpu(burn::tensor::DeviceKind::DefaultDevice).autodiff();
    }
    Device::flex().autodiff()
}

/// Numbers in `-1.0..1.0` that look random and are always the same.
pub(crate) fn noise(seed: usize, n: usize) -> Vec<f32> {
    let number = |i: usize| {
        let z = ((seed << 32) + i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        ((z >> 40) as f64 / f64::from(1 << 23) - 1.0) as f32
    };
    (0..n).map(number).collect()
}

pub(crate) fn tensor<const D: usize>(seed: usize, shape: [usize; D]) -> Tensor<D> {
    let data = TensorData::new(noise(seed, shape.iter().product()), shape);
    Tensor::from_data(data, &device())
}

pub(crate) fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

/// The same numbers in the memory orders that an operation may meet: in the order of the axes,
/// with the channels last, and as a part of something larger.
pub(crate) fn orders(x: &Tensor<4>) -> [Tensor<4>; 3] {
    let [batch, channels, height, width] = x.dims();
    let last = x.clone().permute([0, 2, 3, 1]).reshape([-1]);
    let last = last.reshape([batch, height, width, channels]).permute([0, 3, 1, 2]);
    let border = Tensor::full(x.dims(), 9.0, &x.device());
    let part = Tensor::cat(vec![border.clone(), x.clone(), border], 3).narrow(3, width, width);
    [x.clone(), last, part]
}

#[track_caller]
pub(crate) fn close<const D: usize>(found: Tensor<D>, expected: Tensor<D>) {
    assert_eq!(found.dims(), expected.dims());
    close_numbers(&host(found), &host(expected));
}

#[track_caller]
pub(crate) fn close_numbers(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        let allowed = 1e-4 * expected.abs().max(1.0);
        assert!((found - expected).abs() < allowed, "[{at}]: {found}, expected {expected}");
    }
}
