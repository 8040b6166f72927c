//! Vectors for ids.

use burn::tensor::{DType, Int, Tensor, module};
use tinderbox_ops::embedding;

use crate::common::{close, device, tensor};

#[test]
fn vectors_are_looked_up_and_get_the_sum_of_the_gradients() {
    let ids = || Tensor::<2, Int>::from_ints([[2, 0, 2], [1, 2, 6]], &device());
    let swapped = ids().transpose().cast(DType::I32);
    for ids in [ids(), swapped] {
        let run = |look_up: fn(Tensor<2>, Tensor<2, Int>) -> Tensor<3>| {
            let weight = tensor(1, [7, 5]).require_grad();
            let y = look_up(weight.clone(), ids.clone());
            let gradients = (y.clone() * tensor(2, y.dims())).sum().backward();
            (y, weight.grad(&gradients).unwrap())
        };
        let (found, expected) = (run(embedding), run(module::embedding));
        close(found.0, expected.0);
        close(found.1, expected.1);
    }
}

/// On the CPU: other backends do not look.
#[test]
#[should_panic(expected = "there is no vector for id 7: the embedding has 7")]
fn an_id_that_is_not_there_is_named() {
    let device = burn::tensor::Device::flex();
    let ids = Tensor::<2, Int>::from_ints([[2, 7]], &device);
    let _y = embedding(Tensor::zeros([7, 5], &device), ids);
}
