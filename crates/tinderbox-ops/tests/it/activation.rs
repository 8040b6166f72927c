//! Rectifiers.

use burn::tensor::{Tensor, activation};
use tinderbox_ops::{add_relu, leaky_relu, relu, relu6};

use crate::common::{close, host, orders, tensor};

/// Values and gradients of `found` and of `expected` are the same.
#[track_caller]
fn check<const D: usize>(
    x: &Tensor<D>,
    found: impl Fn(Tensor<D>) -> Tensor<D>,
    expected: impl Fn(Tensor<D>) -> Tensor<D>,
) {
    let run = |f: &dyn Fn(Tensor<D>) -> Tensor<D>| {
        let x = x.clone().detach().require_grad();
        let y = f(x.clone());
        let gradients = (y.clone() * tensor(4, y.dims())).sum().backward();
        (y, x.grad(&gradients).unwrap())
    };
    let (found, expected) = (run(&found), run(&expected));
    close(found.0, expected.0);
    close(found.1, expected.1);
}

#[test]
fn rectifiers_are_burns_in_every_memory_order() {
    for x in orders(&tensor(1, [2, 3, 4, 5])) {
        check(&x, relu, activation::relu);
        check(&(x.clone() * 9.0), relu6, |x| x.clamp(0.0, 6.0));
        for slope in [0.0, 0.2, -0.5] {
            check(&x, |x| leaky_relu(x, slope), |x| activation::leaky_relu(x, slope));
        }
    }
    check(&tensor(1, [3, 7]), relu, activation::relu);
}

#[test]
fn a_sum_is_rectified_and_both_sides_get_its_gradient() {
    let b = tensor(2, [2, 3, 4, 5]);
    for x in orders(&tensor(1, [2, 3, 4, 5])) {
        check(&x, |x| add_relu(x, b.clone()), |x| activation::relu(x + b.clone()));
        check(&x, |x| add_relu(b.clone(), x), |x| activation::relu(x + b.clone()));
        check(&x, |x| add_relu(x.clone(), x), |x| activation::relu(x * 2.0));
    }
}

/// The output is zero there: it has no sign.
#[test]
fn zero_is_not_positive() {
    let x = Tensor::<4>::zeros([1, 1, 1, 2], &crate::common::device()).require_grad();
    let gradients = relu(x.clone()).sum().backward();
    assert_eq!(host(x.grad(&gradients).unwrap()), [0.0, 0.0]);
}
