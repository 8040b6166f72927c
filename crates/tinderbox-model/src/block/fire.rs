//! SqueezeNet's module.

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use tinderbox_ops::{concat, fork};

use super::conv_bn::conv_relu;
use crate::{
    Forward, Trace,
    init::Init,
    layer::{Conv2d, Conv2dConfig, ReLU},
};

/// A 1×1 convolution to few channels, then a 1×1 and a 3×3 one from these, side by side.
///
/// Fields are named as in torchvision, and in its order.
///
/// Shapes: `[batch, inputs, height, width]` → `[batch, 2 expand, height, width]`
///
/// Iandola et al., [SqueezeNet](https://arxiv.org/abs/1602.07360), 2016.
#[derive(Module, Debug)]
pub struct Fire {
    squeeze: Conv2d,
    squeeze_activation: ReLU,
    expand1x1: Conv2d,
    expand1x1_activation: ReLU,
    expand3x3: Conv2d,
    expand3x3_activation: ReLU,
}

impl Fire {
    /// With fresh weights.
    pub fn new(inputs: usize, squeeze: usize, expand: usize, device: &Device) -> Self {
        let conv = |channels, kernel: usize| {
            Conv2dConfig::new(channels, kernel)
                .padding(kernel / 2)
                .init_with(Init::KaimingUniform)
                .init(device)
        };
        Self {
            squeeze: conv([inputs, squeeze], 1),
            squeeze_activation: ReLU,
            expand1x1: conv([squeeze, expand], 1),
            expand1x1_activation: ReLU,
            expand3x3: conv([squeeze, expand], 3),
            expand3x3_activation: ReLU,
        }
    }
}

/// A convolution and the ReLU behind it.
fn rectified(
    (name, conv): (&str, &Conv2d),
    (relu_name, relu): (&str, &ReLU),
    x: Tensor<4>,
    trace: &mut Trace<'_>,
) -> Tensor<4> {
    if !trace.is_watched() {
        return conv_relu((name, conv), x, trace);
    }
    let y: Tensor<4> = trace.run(name, conv, x);
    trace.run(relu_name, relu, y)
}

impl Forward for Fire {
    type Input = Tensor<4>;
    type Output = Tensor<4>;

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward_traced(x, &mut Trace::off())
    }

    fn forward_traced(&self, x: Tensor<4>, trace: &mut Trace<'_>) -> Tensor<4> {
        let relu = ("squeeze_activation", &self.squeeze_activation);
        let few = rectified(("squeeze", &self.squeeze), relu, x, trace);
        let [few, same] = fork(few);
        let relu = ("expand1x1_activation", &self.expand1x1_activation);
        let points = rectified(("expand1x1", &self.expand1x1), relu, few, trace);
        let relu = ("expand3x3_activation", &self.expand3x3_activation);
        let squares = rectified(("expand3x3", &self.expand3x3), relu, same, trace);
        concat(vec![points, squares])
    }
}
