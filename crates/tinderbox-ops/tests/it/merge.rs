//! Joining two maps.

use burn::tensor::Tensor;
use tinderbox_ops::{add, fork};

use crate::common::{close, close_numbers, host, orders, tensor};

#[test]
fn a_sum_is_the_sum_in_every_memory_order() {
    let (a, b) = (tensor(1, [2, 3, 4, 5]), tensor(2, [2, 3, 4, 5]));
    let expected: Vec<f32> =
        host(a.clone()).iter().zip(host(b.clone())).map(|(a, b)| a + b).collect();
    for a in orders(&a) {
        for b in orders(&b) {
            close_numbers(&host(add(a.clone(), b)), &expected);
        }
    }
}

#[test]
fn its_gradient_goes_to_both_sides() {
    let [a, b] = [1, 2].map(|seed| tensor(seed, [1, 2, 3, 3]).require_grad());
    let weights = tensor(3, [1, 2, 3, 3]);
    let found = (add(a.clone(), b.clone()) * weights.clone()).sum().backward();
    close_numbers(&host(a.grad(&found).unwrap()), &host(weights.clone()));
    close_numbers(&host(b.grad(&found).unwrap()), &host(weights.clone()));
    // Twice, if both are one.
    let found = (add(a.clone(), a.clone()) * weights.clone()).sum().backward();
    close_numbers(&host(a.grad(&found).unwrap()), &host(weights * 2.0));
}

#[test]
#[should_panic(expected = "maps of shapes [1, 2, 3, 3] and [1, 3, 3, 3] cannot be added")]
fn shapes_must_be_the_same() {
    let _y = add(tensor(1, [1, 2, 3, 3]), tensor(2, [1, 3, 3, 3]));
}

#[test]
fn the_gradients_of_a_fork_are_added_in_every_memory_order() {
    for x in orders(&tensor(1, [2, 3, 4, 5])) {
        let x = x.detach().require_grad();
        let [a, b] = fork(x.clone() * 2.0);
        let y = add(a.clone() * a, b * 3.0);
        let found = (y.clone() * tensor(2, y.dims())).sum().backward();
        let expected = (x.clone().inner() * 8.0 + 6.0) * tensor::<4>(2, y.dims()).inner();
        close(x.grad(&found).unwrap(), expected);
    }
}

#[test]
fn a_fork_of_what_is_not_differentiated_is_a_copy() {
    let x = tensor::<4>(1, [1, 2, 3, 3]);
    let [a, b] = fork(x.clone());
    close(a, x.clone());
    close(b, x);
}

#[test]
fn a_fork_may_be_used_in_part_and_beside_the_map_itself() {
    let x = tensor::<4>(1, [1, 2, 3, 3]).require_grad();
    let gradient = |y: Tensor<4>| x.grad(&y.sum().backward()).unwrap();
    let twice = || x.clone() * 2.0;
    let [a, _] = fork(twice());
    close(gradient(a), x.clone().inner().ones_like() * 2.0);
    let map = twice();
    let [a, b] = fork(map.clone());
    close(gradient(add(add(a, map), b)), x.clone().inner().ones_like() * 6.0);
    let [a, b] = fork(x.clone());
    close(gradient(add(a, b * 3.0)), x.clone().inner().ones_like() * 4.0);
}
