//! A convolution and the batch norm behind it as one operation.

use burn::tensor::{Tensor, activation::relu};
use tinderbox_ops::{Folded, NormRelu, add, conv_norm, conv_norm_eval};

use super::{BatchNorm2d, Conv2d};

/// `relu(norm(conv(x)) + added)`, or with the ReLU between convolution and norm: the same numbers
/// as the layers one by one, up to rounding.
///
/// In evaluation the norm is folded into the weights once; `folded` keeps that beside the layers.
pub(crate) fn run_conv_norm(
    conv: &Conv2d,
    norm: &BatchNorm2d,
    place: NormRelu,
    added: Option<Tensor<4>>,
    folded: &Folded,
    x: Tensor<4>,
) -> Tensor<4> {
    let (weight, bias, options) = (conv.weight.val(), conv.bias(), conv.options());
    if !norm.is_training() {
        return conv_norm_eval(x, weight, bias, options, &norm.parts(), place, added, folded);
    }
    let run = |place| norm.follow(conv_norm(x, weight, bias, options, norm.parts(), place));
    match (place, added) {
        (place, None) => run(place),
        (NormRelu::After, Some(added)) => relu(add(run(NormRelu::None), added)),
        (place, Some(added)) => add(run(place), added),
    }
}
