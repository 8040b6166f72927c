//! What generator and critic make small, each because of the other.

use burn::tensor::Tensor;
use tinderbox_model::AnyTensor;

use crate::{
    loss::{AdaptiveLoss, BCEWithLogitsFlat, IntoLoss, Loss, NoopLoss, WassersteinLoss},
    names::short_name,
};

/// The losses of a generator and its critic.
pub trait AdversarialLoss: Send {
    /// The critic's, from its scores of real images and of generated ones: `[1]`.
    fn critic(&self, real: AnyTensor, fake: AnyTensor) -> Tensor<1>;

    /// The generator's, from the critic's scores of what it made: `[1]`.
    fn generator(&self, fake: AnyTensor) -> Tensor<1>;

    /// What checkpoints call it.
    fn name(&self) -> String {
        short_name::<Self>("adversarial loss")
    }
}

/// The critic classifies: 1 is real, 0 generated; the generator wants its images to be classified as
/// real. The mean of the two losses is the critic's.
#[doc(alias = "gan_loss_from_func")]
pub struct RealOrFake {
    loss: Box<dyn Loss>,
    /// How much less than 1 the critic is told for real images, in `0.0..1.0`: one-sided label
    /// smoothing, which keeps it from being too sure. 0 unless it is set.
    ///
    /// Salimans et al., [Improved Techniques](https://arxiv.org/abs/1606.03498), 2016, §3.4.
    pub smoothing: f64,
}

impl RealOrFake {
    /// With a loss of scores and zeros and ones, `[batch]`: a critic's own.
    pub fn new<Args>(loss: impl IntoLoss<Args>) -> Self {
        Self { loss: loss.into_loss(), smoothing: 0.0 }
    }

    fn compare(&self, scores: AnyTensor, label: f64) -> Tensor<1> {
        let flat = scores.clone().into_flat();
        let labels = Tensor::<1>::full([scores.dims()[0]], label, &flat.device());
        self.loss.forward(scores, labels.into())
    }
}

impl Default for RealOrFake {
    /// By the binary cross entropy of logits, of which an item may have several.
    fn default() -> Self {
        Self::new(AdaptiveLoss::<BCEWithLogitsFlat>::default())
    }
}

impl AdversarialLoss for RealOrFake {
    fn critic(&self, real: AnyTensor, fake: AnyTensor) -> Tensor<1> {
        (self.compare(real, 1.0 - self.smoothing) + self.compare(fake, 0.0)) / 2.0
    }

    fn generator(&self, fake: AnyTensor) -> Tensor<1> {
        self.compare(fake, 1.0)
    }

    fn name(&self) -> String {
        match self.smoothing > 0.0 {
            true => format!("RealOrFake({}, smoothing {})", self.loss.name(), self.smoothing),
            false => format!("RealOrFake({})", self.loss.name()),
        }
    }
}

/// The critic's scores are low for what is real and high for what is generated: fastai's signs. The
/// difference of their means estimates how far the generated images are from the real ones, as long
/// as the critic is smooth, for which its weights are [clipped](super::GanStep::clip) or its
/// gradients [penalized](super::GanStep::gradient_penalty).
///
/// Arjovsky et al., [Wasserstein GAN](https://arxiv.org/abs/1701.07875), 2017.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wasserstein;

impl AdversarialLoss for Wasserstein {
    fn critic(&self, real: AnyTensor, fake: AnyTensor) -> Tensor<1> {
        WassersteinLoss.forward(real, fake)
    }

    fn generator(&self, fake: AnyTensor) -> Tensor<1> {
        NoopLoss.forward(fake.clone(), fake)
    }
}
