//! Cross entropy of yes and no, for targets that do not exclude each other.

use burn::tensor::{Tensor, activation::log_sigmoid};
use serde::{Deserialize, Serialize};
use tinderbox_model::AnyTensor;

use crate::loss::{Activation, Loss, flat_pair};

/// Binary cross entropy of logits, averaged over all elements.
///
/// # Shapes
/// - output: logits of any shape
/// - target: as many zeros and ones, or probabilities
/// - returns `[1]`, in nats
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[doc(alias = "BCEWithLogitsLoss")]
pub struct BCEWithLogitsFlat;

impl Loss for BCEWithLogitsFlat {
    fn forward(&self, output: AnyTensor, target: AnyTensor) -> Tensor<1> {
        self.unreduced(output, target).mean()
    }

    fn unreduced(&self, output: AnyTensor, target: AnyTensor) -> Tensor<1> {
        let (x, y) = flat_pair("BCEWithLogitsFlat", output, target);
        // -(y ln s(x) + (1 - y) ln s(-x)), where ln s(-x) = ln s(x) - x.
        (1.0 - y) * x.clone() - log_sigmoid(x)
    }

    fn activation(&self) -> Activation {
        Activation::Sigmoid
    }
}

/// Binary cross entropy of probabilities, averaged over all elements.
///
/// Prefer [`BCEWithLogitsFlat`], which keeps its gradient where the model is wrong and certain.
///
/// # Shapes
/// - output: probabilities in `0.0..=1.0`, of any shape
/// - target: as many zeros and ones, or probabilities
/// - returns `[1]`, in nats; no element costs more than 100, as in PyTorch
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[doc(alias = "BCELoss")]
pub struct BCEFlat;

impl Loss for BCEFlat {
    fn forward(&self, output: AnyTensor, target: AnyTensor) -> Tensor<1> {
        self.unreduced(output, target).mean()
    }

    fn unreduced(&self, output: AnyTensor, target: AnyTensor) -> Tensor<1> {
        let (p, y) = flat_pair("BCEFlat", output, target);
        let (not_p, not_y): (Tensor<1>, Tensor<1>) = (1.0 - p.clone(), 1.0 - y.clone());
        -(bounded_log(p) * y + bounded_log(not_p) * not_y)
    }
}

/// The logarithm, but -100 at zero, where it passes no gradient on.
fn bounded_log(p: Tensor<1>) -> Tensor<1> {
    let zero = p.clone().lower_equal_elem(0.0);
    p.mask_fill(zero.clone(), 1.0).log().mask_fill(zero, -100.0)
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[track_caller]
    fn check(loss: &dyn Loss, outputs: [f32; 3], targets: [f32; 3], want: [f32; 3]) {
        let device = Device::flex().autodiff();
        let x = Tensor::<1>::from_data(outputs, &device).require_grad();
        let y = Tensor::<1>::from_data(targets, &device);
        let losses = loss.unreduced(x.clone().into(), y.into());
        let got: Vec<f32> = losses.clone().try_into_vec_as().unwrap();
        let close = got.iter().zip(want).all(|(got, want)| (got - want).abs() <= 1e-5 * want.abs());
        assert!(close, "{got:?}, expected {want:?}");
        let gradient = x.grad(&losses.sum().backward()).expect("x requires a gradient");
        let gradient: Vec<f32> = gradient.try_into_vec_as().unwrap();
        assert!(gradient.iter().all(|g| g.is_finite()), "{gradient:?}");
    }

    #[test]
    fn certain_logits_stay_finite() {
        check(&BCEWithLogitsFlat, [-200.0, 200.0, 0.0], [1.0, 0.0, 1.0], [200.0, 200.0, 2f32.ln()]);
        check(&BCEWithLogitsFlat, [-200.0, 200.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 2f32.ln()]);
    }

    #[test]
    fn certain_probabilities_cost_at_most_a_hundred() {
        check(&BCEFlat, [0.0, 1.0, 0.5], [1.0, 0.0, 1.0], [100.0, 100.0, 2f32.ln()]);
        check(&BCEFlat, [0.0, 1.0, 0.5], [0.0, 1.0, 0.0], [0.0, 0.0, 2f32.ln()]);
    }
}
