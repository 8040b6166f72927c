//! Joining two maps.

use tinderbox_ops::add;

use crate::common::{close_numbers, host, orders, tensor};

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
