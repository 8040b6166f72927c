//! Convolution, batch norm and ReLU side by side: what the kernels take as one.
//!
//! Blocks and [`Sequential`](crate::Sequential) come here when nobody watches the layers in between.
//! These functions are all that knows how such neighbors run.

use burn::tensor::Tensor;
use tinderbox_ops::{
    BatchNorm, NormRelu, add_relu, batch_norm_eval, batch_norm_train, conv_norm, conv_norm_eval,
    conv2d_relu, relu,
};

use crate::{
    Trace,
    layer::{BatchNorm2d, Conv2d, Convolution},
};

/// What follows a batch norm.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it is taken apart as soon as it is made")]
pub(crate) enum Then {
    Nothing,
    Relu,
    /// The sum with a shortcut, then ReLU: the end of a residual block.
    AddRelu(Tensor<4>),
}

/// A layer with its name in the container around it.
pub(crate) type Named<'a, L> = (&'a str, &'a L);

/// A convolution that may compute its weights, with its name.
pub(crate) type NamedConvolution<'a> = (&'a str, &'a dyn Convolution);

/// Convolution, batch norm, and what follows: torchvision's order.
pub(crate) fn conv_bn(
    conv: Named<'_, Conv2d>,
    norm: Named<'_, BatchNorm2d>,
    then: Then,
    x: Tensor<4>,
    trace: &mut Trace<'_>,
) -> Tensor<4> {
    match then {
        Then::Nothing => run(conv, norm, NormRelu::None, None, x, trace),
        Then::Relu => run(conv, norm, NormRelu::After, None, x, trace),
        Then::AddRelu(added) => run(conv, norm, NormRelu::After, Some(added), x, trace),
    }
}

/// Convolution, ReLU if there is to be one, batch norm: fastai's order.
pub(crate) fn conv_relu_bn(
    conv: Named<'_, Conv2d>,
    relu: bool,
    norm: Named<'_, BatchNorm2d>,
    x: Tensor<4>,
    trace: &mut Trace<'_>,
) -> Tensor<4> {
    let place = if relu { NormRelu::Before } else { NormRelu::None };
    run(conv, norm, place, None, x, trace)
}

/// Convolution and ReLU.
pub(crate) fn conv_relu(
    (name, conv): NamedConvolution<'_>,
    x: Tensor<4>,
    trace: &mut Trace<'_>,
) -> Tensor<4> {
    trace.within(name, |_| conv2d_relu(x, conv.weight(), conv.bias(), conv.options()))
}

/// Batch norm and ReLU: what stands before a convolution in a DenseNet.
pub(crate) fn bn_relu(
    (name, norm): Named<'_, BatchNorm2d>,
    x: Tensor<4>,
    trace: &mut Trace<'_>,
) -> Tensor<4> {
    trace.within(name, |_| match norm.is_training() {
        true => norm.follow(batch_norm_train(x, norm.parts(), NormRelu::After)),
        false => relu(batch_norm_eval(x, &norm.parts())),
    })
}

/// The same numbers as the layers one by one, up to rounding. A panic names the layer whose it is.
fn run(
    (conv_name, conv): Named<'_, Conv2d>,
    (norm_name, norm): Named<'_, BatchNorm2d>,
    relu: NormRelu,
    added: Option<Tensor<4>>,
    x: Tensor<4>,
    trace: &mut Trace<'_>,
) -> Tensor<4> {
    let (weight, bias, options) = (conv.weight.val(), conv.bias(), conv.options());
    if !norm.is_training() {
        return trace.within(conv_name, |_| {
            conv_norm_eval(x, weight, bias, options, &norm.parts(), relu, added, &norm.folded)
        });
    }
    let dims = options.out_dims(x.dims(), weight.dims());
    trace.within(norm_name, |_| BatchNorm::check_batch(&dims));
    let relu = if added.is_some() { NormRelu::None } else { relu };
    let y = trace.within(conv_name, |_| {
        norm.follow(conv_norm(x, weight, bias, options, norm.parts(), relu))
    });
    match added {
        Some(added) => add_relu(y, added),
        None => y,
    }
}
