//! Weight norm.

use burn::tensor::Tensor;
use tinderbox_ops::{KeptWeight, weight_norm};

use crate::common::{close, close_numbers, device, host, tensor};

/// As Burn's operations form it.
fn composed<const D: usize>(v: Tensor<D>, g: Tensor<D>) -> Tensor<D> {
    let norm = (1..D).fold(v.clone().square(), Tensor::sum_dim).sqrt();
    v * (g / norm)
}

fn differentiate<const D: usize>(
    shape: [usize; D],
    run: impl Fn(Tensor<D>, Tensor<D>) -> Tensor<D>,
) -> (Tensor<D>, [Vec<f32>; 2]) {
    let mut lengths = [1; D];
    lengths[0] = shape[0];
    let (v, g) = (tensor(1, shape).require_grad(), tensor(2, lengths).require_grad());
    let y = run(v.clone(), g.clone());
    let found = (y.clone() * tensor(3, shape)).sum().backward();
    (y, [host(v.grad(&found).unwrap()), host(g.grad(&found).unwrap())])
}

fn check<const D: usize>(shape: [usize; D]) {
    let (y, gradients) = differentiate(shape, weight_norm);
    let (expected, wanted) = differentiate(shape, composed);
    close(y, expected);
    for (found, wanted) in gradients.iter().zip(&wanted) {
        close_numbers(found, wanted);
    }
}

#[test]
fn it_is_the_composition_in_every_rank() {
    check([6, 5]);
    check([4, 3, 2]);
    check([5, 7, 3, 3]);
}

#[test]
fn a_frozen_side_has_no_gradient() {
    let (v, g) = (tensor(1, [3, 5]), tensor(2, [3, 1]).require_grad());
    let found = weight_norm(v.clone(), g.clone()).sum().backward();
    assert!(v.grad(&found).is_none() && g.grad(&found).is_some());
}

#[test]
fn what_is_kept_is_of_the_same_tensors() {
    let kept = KeptWeight::default();
    let of = |seed| tensor::<2>(seed, [3, 4]).without_autodiff();
    let (v, g) = (of(1), tensor::<2>(2, [3, 1]).without_autodiff());
    for v in [v.clone(), v.clone(), of(5), v] {
        close(kept.of(v.clone(), g.clone()), composed(v, g.clone()));
    }
    let tracked = tensor::<2>(1, [3, 4]).require_grad();
    let found =
        kept.of(tracked.clone(), Tensor::from_inner(g).to_device(&device())).sum().backward();
    assert!(tracked.grad(&found).is_some());
}

#[test]
#[should_panic(expected = "lengths of shape [4, 1] for directions of shape [3, 4]")]
fn every_row_has_a_length() {
    let _y = weight_norm(tensor(1, [3, 4]), tensor(2, [4, 1]));
}
