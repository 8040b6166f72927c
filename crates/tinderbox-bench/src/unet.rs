//! The U-Net of the comparison.

use burn::tensor::{Device, Distribution, Tensor};
use tinderbox_learn::loss::{CrossEntropyFlat, Loss};
use tinderbox_model::{
    AnyTensor,
    arch::{Blur, DynamicUnet, ResNetConfig, UnetConfig},
};

use crate::{Step, infer, train::numbers, trainee::Trainee};

/// CamVid's.
const CLASSES: usize = 12;

/// On a ResNet-34, as today's fastai has it: no blur, no bottleneck.
fn model(size: [usize; 2], device: &Device) -> DynamicUnet {
    let network = ResNetConfig::RESNET34.init(device);
    let (layers, _) = network.cut("avgpool").expect("a ResNet has one");
    let config = UnetConfig { blur: Blur::Never, ..UnetConfig::new(CLASSES, size) };
    config.init(layers.numbered(), device).expect("a ResNet takes images of this size")
}

/// A training step on a batch of color images.
pub(crate) fn train([batch, height, width]: [usize; 3], device: &Device) -> Step {
    let mut trainee = Trainee::adam_w(model([height, width], device));
    let images = [batch, 3, height, width];
    let x = Tensor::<4>::random(images, Distribution::Normal(0.0, 1.0), device);
    let target = numbers([batch, height, width], CLASSES, device);
    let (x, target) = (AnyTensor::from(x), AnyTensor::from(target));
    let loss = CrossEntropyFlat { axis: 1, ..CrossEntropyFlat::default() };
    Box::new(move || {
        let output = trainee.forward(x.clone());
        trainee.learn_from(&loss.forward(output, target.clone()));
    })
}

/// A forward pass of one image.
pub(crate) fn infer(size: [usize; 2]) -> Step {
    infer::step(model(size, &Device::flex()), [1, 3, size[0], size[1]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_steps_run() {
        train([1, 33, 40], &Device::flex().autodiff())();
        infer([33, 40])();
    }
}
