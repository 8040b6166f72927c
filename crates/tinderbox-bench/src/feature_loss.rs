//! The loss of lesson 7's super-resolution: pixels, features of a VGG-16, and their Gram matrices.

use burn::{
    module::Module,
    tensor::{Device, Distribution, Tensor},
};
use tinderbox_model::{AnyTensor, Mode, Sequential, Trace, arch::VggConfig, set_mode};

use crate::Step;

/// The ReLUs whose outputs are compared: those before the last three max-pools.
const LAYERS: [usize; 3] = [22, 32, 42];
/// How much each counts.
const WEIGHTS: [f64; 3] = [5.0, 15.0, 2.0];

/// The loss between two batches of images and its gradient with respect to the first.
pub(crate) fn step(batch: usize, size: usize, device: &Device) -> Step {
    let vgg = frozen_vgg(device);
    let of_targets = Module::valid(&vgg);
    let pictures = |device: &Device| {
        let shape = [batch, 3, size, size];
        Tensor::<4>::random(shape, Distribution::Uniform(0.0, 1.0), device)
    };
    let (x, y) = (pictures(&device.clone().inner()), pictures(&device.clone().inner()));
    Box::new(move || {
        let x = Tensor::from_inner(x.clone()).require_grad();
        let wanted = features(&of_targets, y.clone()).map(Tensor::from_inner);
        let found = features(&vgg, x.clone());
        let pixels = l1(x.clone(), Tensor::from_inner(y.clone()));
        let loss = found.into_iter().zip(wanted).zip(WEIGHTS).fold(
            pixels,
            |loss, ((found, wanted), weight)| {
                let styles = l1(gram_matrix(found.clone()), gram_matrix(wanted.clone()));
                loss + l1(found, wanted) * weight + styles * (weight.powi(2) * 5e3)
            },
        );
        let gradient = x.grad(&loss.backward());
        assert!(gradient.is_some(), "the loss depends on the pictures");
    })
}

/// VGG-16's convolutions up to the last of [`LAYERS`], in evaluation mode and without gradients of
/// their own.
fn frozen_vgg(device: &Device) -> Sequential {
    let (features, _) = VggConfig::VGG16.features(device).cut("43").expect("there are 44 layers");
    let model = set_mode(Box::new(features.no_grad()), Mode::Eval);
    model.as_any().downcast_ref().cloned().expect("it went in as a list of layers")
}

fn features(vgg: &Sequential, x: Tensor<4>) -> [Tensor<4>; 3] {
    let (_, taps) = vgg.forward_tapped(AnyTensor::from(x), &LAYERS, &mut Trace::off());
    let taps: Vec<Tensor<4>> = taps.into_iter().map(|tap| tap.expect_for("vgg")).collect();
    taps.try_into().expect("as many as were asked for")
}

/// `[batch, channels, height, width]` → `[batch, channels, channels]`, over all elements of a map.
fn gram_matrix(x: Tensor<4>) -> Tensor<3> {
    let [batch, channels, height, width] = x.dims();
    let x = x.reshape([batch, channels, height * width]);
    x.clone().matmul(x.transpose()) / (channels * height * width) as f64
}

fn l1<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<1> {
    (a - b).abs().mean()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_reaches_the_pictures() {
        step(1, 32, &Device::flex().autodiff())();
    }

    #[test]
    fn a_gram_matrix_is_the_mean_product_of_channels() {
        let x = [[[[1.0, 2.0]], [[3.0, 4.0]]]];
        let gram = gram_matrix(Tensor::from_data(x, &Device::flex()));
        let gram: Vec<f32> = gram.into_data().try_to_vec().unwrap();
        assert_eq!(gram, [5.0, 11.0, 11.0, 25.0].map(|sum| sum / 4.0));
    }
}
