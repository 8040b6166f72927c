//! What training makes small, and what a model's raw output means.
//!
//! A loss is a function of the model's output and the target, or a struct where it has settings.
//! It also says which [`Activation`] turns the output into predictions, so that nothing has to
//! guess that from its name.

mod activation;
mod adaptive;
mod binary;
mod charbonnier;
mod color;
mod critic;
mod cross_entropy;
mod feature;
mod function;
mod label_smoothing;
mod mixup;
mod of_target;
mod regression;
mod similarity;

pub use activation::Activation;
pub use adaptive::AdaptiveLoss;
pub use binary::{BCEFlat, BCEWithLogitsFlat};
pub use charbonnier::CharbonnierLoss;
pub use color::ColorLoss;
pub use critic::{NoopLoss, WassersteinLoss};
pub use cross_entropy::CrossEntropyFlat;
pub use feature::{FeatureLoss, gram_matrix};
pub use function::IntoLoss;
pub use label_smoothing::LabelSmoothingCrossEntropy;
pub use mixup::{MixUpLoss, mix_up};
pub use of_target::loss_of;
pub use regression::{L1LossFlat, MSELossFlat};
pub use similarity::{MsSsimLoss, SsimLoss};

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use tinderbox_model::AnyTensor;

use crate::names::short_name;

/// A loss over tensors of run-time rank: what a learner holds.
///
/// The methods panic where output and target do not fit each other, with both shapes in the
/// message: that is a bug in the model.
pub trait Loss: Send {
    /// The loss of a batch, from the model's raw output.
    ///
    /// # Shapes
    /// - returns `[1]`, or `[n]` for a loss that is set not to reduce
    fn forward(&self, output: AnyTensor, target: AnyTensor) -> Tensor<1>;

    /// The loss before it is reduced, as the reference orders it: `[n]`, with as many values for
    /// each item as the loss compares.
    ///
    /// A loss that does not say has one value for each item, found by asking for one item after
    /// the other.
    fn unreduced(&self, output: AnyTensor, target: AnyTensor) -> Tensor<1> {
        let items = output.dims()[0];
        let item = |i| self.forward(output.clone().items(i..i + 1), target.clone().items(i..i + 1));
        Tensor::cat((0..items).map(item).collect(), 0)
    }

    /// The loss of each item: the mean of its [`unreduced`](Self::unreduced) values, `[batch]`.
    fn per_item(&self, output: AnyTensor, target: AnyTensor) -> Tensor<1> {
        let items = output.dims()[0];
        let values = self.unreduced(output, target);
        match values.dims()[0] == items {
            true => values,
            false => values.reshape([items as i64, -1]).mean_dim(1).squeeze_dim(1),
        }
    }

    /// What turns the model's raw output into predictions.
    fn activation(&self) -> Activation {
        Activation::None
    }

    /// What a loss that is a sum calls its parts. They are columns of the table behind the metrics,
    /// averaged over the items of the validation set: fastai's `LossMetrics`.
    #[doc(alias = "LossMetrics")]
    fn part_names(&self) -> Vec<String> {
        Vec::new()
    }

    /// The parts of the last [`forward`](Self::forward), one for each name; none before the first.
    ///
    /// They are read from the device here, which training does not.
    fn last_parts(&self) -> Vec<f64> {
        Vec::new()
    }

    /// How many numbers for each item the backward pass reads again, beside the model's: of a loss
    /// with a network of its own. `target` is the shape of an item's target.
    fn kept_numbers(&self, _target: &[usize]) -> usize {
        0
    }

    /// What a saved model calls it.
    fn name(&self) -> String {
        short_name::<Self>("loss")
    }
}

impl Loss for Box<dyn Loss> {
    fn forward(&self, output: AnyTensor, target: AnyTensor) -> Tensor<1> {
        (**self).forward(output, target)
    }

    fn unreduced(&self, output: AnyTensor, target: AnyTensor) -> Tensor<1> {
        (**self).unreduced(output, target)
    }

    fn per_item(&self, output: AnyTensor, target: AnyTensor) -> Tensor<1> {
        (**self).per_item(output, target)
    }

    fn activation(&self) -> Activation {
        (**self).activation()
    }

    fn part_names(&self) -> Vec<String> {
        (**self).part_names()
    }

    fn last_parts(&self) -> Vec<f64> {
        (**self).last_parts()
    }

    fn name(&self) -> String {
        (**self).name()
    }
}

/// How the values of a batch become its loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Reduction {
    /// Their average.
    #[default]
    Mean,
    /// Their sum.
    Sum,
    /// Not at all.
    None,
}

impl Reduction {
    /// `[n]` → `[1]`, or as it was.
    fn apply(self, values: Tensor<1>) -> Tensor<1> {
        match self {
            Self::Mean => values.mean(),
            Self::Sum => values.sum(),
            Self::None => values,
        }
    }
}

/// Output and target as rows of numbers, for losses that compare element by element.
///
/// # Panics
/// If they differ in the number of elements.
fn flat_pair(who: &str, output: AnyTensor, target: AnyTensor) -> (Tensor<1>, Tensor<1>) {
    let (found, wanted) = (output.dims(), target.dims());
    assert_eq!(
        found.iter().product::<usize>(),
        wanted.iter().product::<usize>(),
        "{who}: an output of shape {found:?} for a target of shape {wanted:?}"
    );
    (output.into_flat(), target.into_flat())
}

/// Output and target as images.
///
/// # Panics
/// If they are none, or of different shapes.
fn image_pair(who: &str, output: AnyTensor, target: AnyTensor) -> (Tensor<4>, Tensor<4>) {
    let (found, wanted) = (output.dims(), target.dims());
    assert!(
        found == wanted,
        "{who}: an output of shape {found:?} for a target of shape {wanted:?}"
    );
    (output.expect_for(who), target.expect_for(who))
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor};

    use super::*;

    /// Half the squared distance, as a user would write it.
    fn half_squared(output: Tensor<2>, target: Tensor<2>) -> Tensor<1> {
        (output - target).square().mean() / 2.0
    }

    fn values(tensor: Tensor<1>) -> Vec<f32> {
        tensor.try_into_vec_as().unwrap()
    }

    fn batch() -> (AnyTensor, AnyTensor) {
        let device = Device::flex();
        let output: Tensor<2> = Tensor::from_data([[1.0, 2.0], [3.0, 4.0]], &device);
        let target: Tensor<2> = Tensor::from_data([[0.0, 2.0], [3.0, 0.0]], &device);
        (output.into(), target.into())
    }

    #[test]
    fn a_typed_function_is_a_loss_with_its_name() {
        let loss = half_squared.into_loss();
        let (output, target) = batch();
        assert_eq!(loss.name(), "half_squared");
        assert_eq!(loss.activation(), Activation::None);
        assert_eq!(values(loss.forward(output.clone(), target.clone())), [17.0 / 8.0]);
        assert_eq!(values(loss.per_item(output, target)), [0.25, 4.0]);
    }

    #[test]
    fn a_function_can_say_its_activation() {
        let loss = (half_squared, Activation::Sigmoid).into_loss();
        assert_eq!(loss.activation(), Activation::Sigmoid);
        assert_eq!(loss.name(), "half_squared");
    }

    #[test]
    fn the_values_of_an_item_become_one() {
        let (output, target) = batch();
        let loss = MSELossFlat.into_loss().into_loss();
        assert_eq!(loss.name(), "MSELossFlat");
        assert_eq!(values(loss.unreduced(output.clone(), target.clone())), [1.0, 0.0, 0.0, 16.0]);
        assert_eq!(values(loss.per_item(output, target)), [0.5, 8.0]);
    }

    #[test]
    #[should_panic(
        expected = "loss, output: expected a rank-2 float tensor, got a rank-1 float tensor of shape [4]"
    )]
    fn a_tensor_of_another_rank_is_named() {
        let (output, target) = batch();
        half_squared.into_loss().forward(output.into_flat().into(), target);
    }

    #[test]
    #[should_panic(
        expected = "MSELossFlat: an output of shape [2, 2] for a target of shape [1, 2]"
    )]
    fn unequal_counts_are_named() {
        let (output, target) = batch();
        MSELossFlat.forward(output, target.items(0..1));
    }
}
