//! Cross entropy.

use burn::tensor::{Int, Tensor};
use tinderbox_ops::cross_entropy;

use crate::common::{close_numbers, device, host};

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
