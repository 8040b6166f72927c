//! The loss of lesson 7's super-resolution: pixels, features of a VGG-16, and their Gram matrices.

use burn::tensor::{Device, Distribution, Tensor};
use tinderbox_learn::loss::{FeatureLoss, Loss};
use tinderbox_model::{FeatureNet, arch::VggConfig};

use crate::Step;

/// How much each of the last three max-pools' inputs counts.
const WEIGHTS: [f64; 3] = [5.0, 15.0, 2.0];

/// The loss between two batches of images and its gradient with respect to the first.
pub(crate) fn step(batch: usize, size: usize, device: &Device) -> Step {
    let vgg = VggConfig::VGG16.features(device);
    let net = FeatureNet::before_pools(vgg, WEIGHTS.len()).expect("there are five max-pools");
    let loss = FeatureLoss::new(net, WEIGHTS);
    let pictures = || {
        let shape = [batch, 3, size, size];
        let device = device.clone().inner();
        Tensor::<4>::random(shape, Distribution::Uniform(0.0, 1.0), &device)
    };
    let (x, y) = (pictures(), pictures());
    Box::new(move || {
        let x = Tensor::from_inner(x.clone()).require_grad();
        let value = loss.forward(x.clone().into(), y.clone().into());
        let gradient = x.grad(&value.backward());
        assert!(gradient.is_some(), "the loss depends on the pictures");
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_reaches_the_pictures() {
        step(1, 32, &Device::flex().autodiff())();
    }
}
