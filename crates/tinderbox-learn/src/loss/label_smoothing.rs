//! Cross entropy that does not ask for certainty.

use burn::tensor::{Tensor, activation::log_softmax};
use serde::{Deserialize, Serialize};
use tinderbox_model::AnyTensor;

use crate::loss::{
    Activation, Loss, Reduction,
    cross_entropy::{assert_one_each, flat_classes, flat_logits, nll},
};

/// Cross entropy against smoothed labels.
///
/// The target class gets `1 - eps` of the probability, all classes share the rest: a model is not
/// pushed to be certain.
///
/// Predictions are its softmax, as for any cross entropy; fastai 1 leaves them raw.
///
/// # Shapes
/// - output: `[batch, classes]`, or more axes with the classes last
/// - target: class numbers in `0..classes`, as many as predictions
/// - returns `[1]`, in nats
///
/// # Reference
/// Szegedy et al., [Rethinking the Inception Architecture](https://arxiv.org/abs/1512.00567), §7.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LabelSmoothingCrossEntropy {
    /// The share of the probability that is spread, in `0.0..=1.0`. fastai's is 0.1.
    pub eps: f64,
    /// How the values of a batch become its loss.
    pub reduction: Reduction,
}

impl Default for LabelSmoothingCrossEntropy {
    fn default() -> Self {
        Self { eps: 0.1, reduction: Reduction::Mean }
    }
}

impl Loss for LabelSmoothingCrossEntropy {
    fn forward(&self, output: AnyTensor, target: AnyTensor) -> Tensor<1> {
        self.reduction.apply(self.unreduced(output, target))
    }

    fn unreduced(&self, output: AnyTensor, target: AnyTensor) -> Tensor<1> {
        let eps = self.eps;
        assert!((0.0..=1.0).contains(&eps), "eps is a share of probability, got {eps}");
        let (logits, target) = (flat_logits(output, -1), flat_classes(target, -1));
        assert_one_each("LabelSmoothingCrossEntropy", &logits, &target);
        let log_probs = log_softmax(logits, 1);
        let of_all: Tensor<1> = -log_probs.clone().mean_dim(1).squeeze_dim(1);
        of_all * eps + nll(log_probs, target) * (1.0 - eps)
    }

    fn activation(&self) -> Activation {
        Activation::Softmax { axis: -1 }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Int};

    use super::*;

    #[test]
    #[should_panic(expected = "eps is a share of probability, got 10")]
    fn eps_is_a_share() {
        let logits: Tensor<2> = Tensor::zeros([1, 2], &Device::flex());
        let target: Tensor<1, Int> = Tensor::zeros([1], &Device::flex());
        let loss = LabelSmoothingCrossEntropy { eps: 10.0, ..Default::default() };
        loss.forward(logits.into(), target.into());
    }
}
