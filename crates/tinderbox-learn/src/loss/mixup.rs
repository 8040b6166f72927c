//! Losses of batches whose examples were mixed.

use burn::tensor::{Int, Tensor, TensorData};
use tinderbox_model::AnyTensor;

use crate::loss::{Activation, Loss};

/// The loss of mixed examples: that of both targets, in the shares they were mixed.
///
/// A target that is not mixed goes to the loss inside as it is, so validation sees plain loss.
///
/// # Shapes
/// - output: what the loss inside takes
/// - target: `[batch, 3]` from [`mix_up`]: one class, the other, and the first one's share
/// - returns `[1]`
pub struct MixUpLoss {
    inner: Box<dyn Loss>,
}

impl MixUpLoss {
    /// Mixes the losses that `inner` gives.
    pub fn new(inner: Box<dyn Loss>) -> Self {
        Self { inner }
    }
}

impl Loss for MixUpLoss {
    fn forward(&self, output: AnyTensor, target: AnyTensor) -> Tensor<1> {
        match Mixed::from(target) {
            Mixed::No(target) => self.inner.forward(output, target),
            Mixed::Yes(target) => self.unreduced(output, target.into()).mean(),
        }
    }

    fn unreduced(&self, output: AnyTensor, target: AnyTensor) -> Tensor<1> {
        let target = match Mixed::from(target) {
            Mixed::No(target) => return self.inner.unreduced(output, target),
            Mixed::Yes(target) => target,
        };
        let column =
            |i: usize| -> Tensor<1> { target.clone().slice_dim(1, i..i + 1).squeeze_dim(1) };
        let (first, second, share) = (column(0).int(), column(1).int(), column(2));
        let first = self.inner.per_item(output.clone(), first.into());
        let second = self.inner.per_item(output, second.into());
        first * share.clone() + second * (1.0 - share)
    }

    fn activation(&self) -> Activation {
        self.inner.activation()
    }

    fn part_names(&self) -> Vec<String> {
        self.inner.part_names()
    }

    fn last_parts(&self) -> Vec<f64> {
        self.inner.last_parts()
    }

    fn name(&self) -> String {
        self.inner.name()
    }
}

/// Whether a target is one that [`mix_up`] made.
enum Mixed {
    Yes(Tensor<2>),
    No(AnyTensor),
}

impl From<AnyTensor> for Mixed {
    fn from(target: AnyTensor) -> Self {
        match target {
            AnyTensor::Float2(target) if target.dims()[1] == 3 => Self::Yes(target),
            other => Self::No(other),
        }
    }
}

/// Mixes each example of a batch with the one that `partners` names, keeping `shares` of itself.
///
/// # Shapes
/// - `x`: `[batch, channels, height, width]`
/// - `target`: `[batch]`, class numbers
/// - returns the mixed `x`, and `[batch, 3]`: own class, partner's class, own share
///
/// # Panics
/// If there is not one share and one partner in the batch for each example.
///
/// # Reference
/// Zhang et al., [mixup](https://arxiv.org/abs/1710.09412), 2018.
pub fn mix_up(
    x: Tensor<4>,
    target: Tensor<1, Int>,
    shares: &[f32],
    partners: &[usize],
) -> (Tensor<4>, Tensor<2>) {
    let [batch, ..] = x.dims();
    assert_eq!((shares.len(), partners.len()), (batch, batch), "one share and partner for each");
    let device = x.device();
    let share: Tensor<1> = Tensor::from_data(TensorData::new(shares.to_vec(), [batch]), &device);
    let partners: Vec<i64> = partners.iter().map(|partner| *partner as i64).collect();
    let partners = Tensor::<1, Int>::from_data(TensorData::new(partners, [batch]), &device);

    let of_x = share.clone().reshape([batch, 1, 1, 1]);
    let other = x.clone().select(0, partners.clone());
    let mixed = x * of_x.clone() + other * (1.0 - of_x);
    let columns = vec![target.clone().float(), target.select(0, partners).float(), share];
    (mixed, Tensor::stack(columns, 1))
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::loss::CrossEntropyFlat;

    #[test]
    fn a_target_that_is_not_mixed_goes_through() {
        let device = Device::flex();
        let loss = MixUpLoss::new(Box::new(CrossEntropyFlat::default()));
        let logits: AnyTensor = Tensor::<2>::from_data([[1.0, 0.0], [0.0, 3.0]], &device).into();
        let target: AnyTensor = Tensor::<1, Int>::from_data([0, 1], &device).into();
        let plain = CrossEntropyFlat::default().forward(logits.clone(), target.clone());
        assert_eq!(loss.forward(logits, target).into_scalar::<f32>(), plain.into_scalar::<f32>());
        assert_eq!(loss.activation(), Activation::Softmax { axis: -1 });
    }
}
