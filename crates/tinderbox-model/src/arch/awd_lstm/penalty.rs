//! What large and jumpy outputs add to the loss.

use burn::tensor::Tensor;

use super::Encoded;

/// Activation regularization, and temporal activation regularization.
///
/// Merity et al., [Revisiting Activation Regularization for Language RNNs](https://arxiv.org/abs/1708.01009),
/// 2017.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Penalty {
    /// Times the mean square of the last layer's outputs.
    pub(crate) alpha: f64,
    /// Times the mean square of their change from step to step, before dropout. As in fastai, a
    /// batch of one text is spared.
    pub(crate) beta: f64,
}

impl Penalty {
    pub(crate) fn of(self, encoded: &Encoded) -> Option<Tensor<1>> {
        let size = encoded.outputs.last().filter(|_| self.alpha > 0.0);
        let size = size.map(|y| y.clone().square().mean() * self.alpha);
        let [batch, time, _] = encoded.raw.last()?.dims();
        let change = encoded.raw.last().filter(|_| self.beta > 0.0 && batch > 1 && time > 1);
        let change = change.map(|y| {
            let change = y.clone().narrow(1, 1, time - 1) - y.clone().narrow(1, 0, time - 1);
            change.square().mean() * self.beta
        });
        size.into_iter().chain(change).reduce(|sum, term| sum + term)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    fn penalty(alpha: f64, beta: f64, batch: usize) -> Option<f32> {
        let y = Tensor::<3>::from_floats([[[1.0], [3.0], [2.0]]], &Device::flex());
        let y = y.repeat_dim(0, batch);
        let encoded = Encoded { raw: vec![y.clone()], outputs: vec![y * 2.0] };
        Penalty { alpha, beta }.of(&encoded).map(Tensor::into_scalar)
    }

    #[test]
    fn outputs_and_their_changes_count() {
        // Squares of 2, 6 and 4; changes of 2 and -1.
        assert_eq!(penalty(3.0, 0.0, 2), Some(56.0));
        assert_eq!(penalty(0.0, 2.0, 2), Some(5.0));
        assert_eq!(penalty(3.0, 2.0, 2), Some(61.0));
        assert_eq!(penalty(3.0, 2.0, 1), Some(56.0));
        assert_eq!(penalty(0.0, 0.0, 2), None);
    }
}
