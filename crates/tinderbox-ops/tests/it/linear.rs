//! The linear layer.

use burn::tensor::{Tensor, module};
use tinderbox_ops::linear;

use crate::common::{close, close_numbers, host, tensor};

/// Output and gradients of input, weight and bias.
fn differentiate<const D: usize>(
    shape: [usize; D],
    layer: impl Fn(Tensor<D>, Tensor<2>, Option<Tensor<1>>) -> Tensor<D>,
) -> (Tensor<D>, [Vec<f32>; 3]) {
    let x = tensor(1, shape).require_grad();
    let weight = tensor(2, [6, shape[D - 1]]).require_grad();
    let bias = tensor(3, [6]).require_grad();
    let y = layer(x.clone(), weight.clone(), Some(bias.clone()));
    let found = (y.clone() * tensor(4, y.dims())).sum().backward();
    let gradients = [
        host(x.grad(&found).unwrap()),
        host(weight.grad(&found).unwrap()),
        host(bias.grad(&found).unwrap()),
    ];
    (y, gradients)
}

fn check<const D: usize>(shape: [usize; D]) {
    let (y, gradients) = differentiate(shape, linear);
    let (expected, wanted) =
        differentiate(shape, |x, weight, bias| module::linear(x, weight.transpose(), bias));
    close(y, expected);
    for (found, wanted) in gradients.iter().zip(&wanted) {
        close_numbers(found, wanted);
    }
    let [x, weight] = [tensor(1, shape).reshape([-1]), tensor::<1>(2, [6 * shape[D - 1]])];
    let weight = weight.reshape([6, shape[D - 1]]);
    let without = linear(x.reshape(shape), weight.clone(), None);
    close(without, module::linear(tensor(1, shape), weight.transpose(), None));
}

#[test]
fn it_is_burns_in_every_rank() {
    check([5]);
    check([3, 5]);
    check([2, 3, 5]);
    check([2, 3, 4, 5]);
}

#[test]
fn a_frozen_side_has_no_gradient() {
    let (x, weight) = (tensor(1, [3, 5]), tensor(2, [6, 5]).require_grad());
    let found = linear(x.clone(), weight.clone(), None).sum().backward();
    assert!(x.grad(&found).is_none() && weight.grad(&found).is_some());
}

#[test]
#[should_panic(expected = "the linear layer's weights are for 5 numbers, the input has 4")]
fn an_input_of_another_size_is_refused() {
    let _y = linear(tensor(1, [3, 4]), tensor(2, [6, 5]), None);
}
