//! Cross entropy.

use burn::tensor::{Device, Int, Tensor, activation::log_softmax};
use tinderbox_ops::{cross_entropy, cross_entropy_map};

use crate::common::{close, close_numbers, device, host, orders, tensor};

#[test]
fn cross_entropy_is_the_mean_surprise() {
    let device = device();
    // Two classes at even odds, then at three to one against the target.
    let logits = Tensor::<2>::from_floats([[0.0, 0.0], [3f32.ln(), 0.0]], &device);
    let targets = Tensor::<1, Int>::from_ints([0, 1], &device);
    let (even, against) = (2f32.ln(), 4f32.ln());
    let loss = cross_entropy(logits.clone(), targets.clone(), None);
    close_numbers(&host(loss), &[f32::midpoint(even, against)]);
    // Weighted by the targets' classes.
    let weights = Tensor::from_floats([1.0, 3.0], &device);
    let loss = cross_entropy(logits, targets, Some(weights));
    close_numbers(&host(loss), &[(even + 3.0 * against) / 4.0]);
}

/// PyTorch's `CrossEntropyLoss(weight, ignore_index)`, by its formula.
fn by_burn(
    logits: Tensor<4>,
    targets: Tensor<3, Int>,
    weights: Tensor<1>,
    ignored: i64,
) -> Tensor<1> {
    let [batch, classes, height, width] = logits.dims();
    let rows = logits.permute([0, 2, 3, 1]).reshape([batch * height * width, classes]);
    let counts = targets.clone().reshape([-1]).not_equal_elem(ignored);
    let targets = targets.reshape([-1]).mask_fill(counts.clone().bool_not(), 0);
    let weights = weights.select(0, targets.clone()) * counts.float();
    let of_target: Tensor<1> =
        log_softmax(rows, 1).gather(1, targets.unsqueeze_dim(1)).squeeze_dim(1);
    -(of_target * weights.clone()).sum() / weights.sum()
}

#[test]
fn pixels_that_are_ignored_do_not_count() {
    let targets = Tensor::<3, Int>::from_ints([[[0, 3, 2]], [[255, 1, 3]]], &device());
    let weights = Tensor::from_floats([1.0, 0.5, 2.0, 3.0], &device());
    for x in orders(&tensor(1, [2, 4, 1, 3])) {
        for ignored in [3, 255] {
            let targets = match ignored {
                255 => targets.clone(),
                _ => targets.clone().clamp(0, 3),
            };
            let run = |loss: &dyn Fn(Tensor<4>) -> Tensor<1>| {
                let x = x.clone().detach().require_grad();
                let y = loss(x.clone());
                let gradients = (y.clone() * 3.0).sum().backward();
                (y, x.grad(&gradients).unwrap())
            };
            let found = run(&|x| {
                cross_entropy_map(x, targets.clone(), Some(weights.clone()), Some(ignored))
            });
            let expected = run(&|x| by_burn(x, targets.clone(), weights.clone(), ignored));
            close(found.0, expected.0);
            close(found.1, expected.1);
        }
    }
}

/// On the CPU: other backends do not look.
#[test]
#[should_panic(expected = "there is no class 12: the logits are of 10 classes")]
fn a_class_that_is_not_there_is_named() {
    let device = Device::flex();
    let targets = Tensor::<1, Int>::from_ints([9, 12], &device);
    let _loss = cross_entropy(Tensor::zeros([2, 10], &device), targets, None);
}

#[test]
#[should_panic(expected = "3 weights for 10 classes")]
fn there_is_a_weight_for_each_class() {
    let targets = Tensor::<1, Int>::from_ints([9, 1], &device());
    let weights = Tensor::ones([3], &device());
    let _loss = cross_entropy(Tensor::zeros([2, 10], &device()), targets, Some(weights));
}
