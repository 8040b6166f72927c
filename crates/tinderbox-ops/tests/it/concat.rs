//! Maps side by side.

use burn::tensor::Tensor;
use tinderbox_ops::concat;

use crate::common::{close, orders, tensor};

#[test]
fn channels_lie_behind_each_other_in_every_memory_order() {
    let maps = [(1, 2), (2, 3), (3, 8)].map(|(seed, n)| tensor(seed, [2, n, 4, 5]));
    let expected = Tensor::cat(maps.to_vec(), 1);
    for first in orders(&maps[0]) {
        for last in orders(&maps[2]) {
            close(concat(vec![first.clone(), maps[1].clone(), last]), expected.clone());
        }
    }
    close(concat(vec![maps[0].clone()]), maps[0].clone());
}

#[test]
fn each_map_gets_the_gradient_of_its_channels() {
    let [a, b, c] = [(1, 2), (2, 3), (3, 8)].map(|(seed, n)| tensor(seed, [2, n, 4, 5]));
    let (a, c) = (a.require_grad(), c.require_grad());
    let weights = tensor(4, [2, 13, 4, 5]);
    let y = concat(vec![a.clone(), b, c.clone()]);
    let found = (y * weights.clone()).sum().backward();
    close(a.grad(&found).unwrap(), weights.clone().narrow(1, 0, 2).inner());
    close(c.grad(&found).unwrap(), weights.narrow(1, 5, 8).inner());
}

#[test]
#[should_panic(expected = "maps of shapes [1, 2, 3, 3] and [1, 2, 3, 4] do not lie side by side")]
fn maps_are_of_one_size() {
    let _y = concat(vec![tensor(1, [1, 2, 3, 3]), tensor(2, [1, 2, 3, 4])]);
}
