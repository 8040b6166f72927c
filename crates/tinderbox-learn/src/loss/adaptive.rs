//! Losses of several scores with one target.

use burn::tensor::Tensor;
use tinderbox_model::AnyTensor;

use crate::loss::{Activation, BCEWithLogitsFlat, Loss};

/// Compares every score of an item with the one number that is its target: for critics, which give
/// a grid of logits for an image.
///
/// # Shapes
/// - output: `[batch, scores..]`
/// - target: `[batch]`, numbers of any kind
/// - returns that of the loss inside, whose target has the shape of the output
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AdaptiveLoss<L = BCEWithLogitsFlat>(
    /// The loss of each score.
    pub L,
);

impl<L: Loss> Loss for AdaptiveLoss<L> {
    fn forward(&self, output: AnyTensor, target: AnyTensor) -> Tensor<1> {
        let target = expanded(&output, target);
        self.0.forward(output, target)
    }

    fn unreduced(&self, output: AnyTensor, target: AnyTensor) -> Tensor<1> {
        let target = expanded(&output, target);
        self.0.unreduced(output, target)
    }

    fn activation(&self) -> Activation {
        self.0.activation()
    }

    fn name(&self) -> String {
        format!("AdaptiveLoss({})", self.0.name())
    }
}

/// The target of each item as often as the item has scores, in one row.
///
/// # Panics
/// If the items are not equally many.
fn expanded(output: &AnyTensor, target: AnyTensor) -> AnyTensor {
    let (found, wanted) = (output.dims(), target.dims());
    let items = wanted.iter().product::<usize>();
    assert_eq!(
        found[0], items,
        "AdaptiveLoss: an output of shape {found:?} for a target of shape {wanted:?}"
    );
    let scores = found[1..].iter().product::<usize>();
    let target: Tensor<2> = target.into_flat().reshape([items, 1]);
    target.expand([items, scores]).reshape([-1]).into()
}
