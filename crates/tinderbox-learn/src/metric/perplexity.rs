//! How many words a language model hesitates between.

use tinderbox_model::AnyTensor;

use crate::{
    Result,
    loss::{CrossEntropyFlat, Loss},
    metric::{Metric, check_counts, class_numbers},
};

/// The exponential of the cross entropy over the epoch, its batches weighted by sequence length.
///
/// # Shapes
/// - output: logits `[batch, length, vocab]`
/// - target: word numbers `[batch, length]`
#[derive(Debug, Clone, Default)]
pub struct Perplexity {
    sum: f64,
    length: f64,
}

impl Metric for Perplexity {
    fn reset(&mut self) {
        *self = Self::default();
    }

    fn update(&mut self, output: &AnyTensor, target: &AnyTensor) -> Result<()> {
        let [words] = class_numbers("perplexity", target.clone())?.dims();
        let dims = output.dims();
        check_counts("perplexity", dims.iter().rev().skip(1).product(), words)?;
        let loss = CrossEntropyFlat::default().forward(output.clone(), target.clone());
        let length = target.dims().get(1).copied().unwrap_or(1) as f64;
        self.sum += f64::from(loss.into_scalar::<f32>()) * length;
        self.length += length;
        Ok(())
    }

    fn value(&self) -> f64 {
        (self.sum / self.length).exp()
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Int, Tensor};

    use super::*;

    #[test]
    fn a_model_that_knows_nothing_hesitates_between_all_words() {
        let device = Device::flex();
        let mut metric = Perplexity::default();
        assert!(metric.value().is_nan());
        for length in [3, 5] {
            let output: Tensor<3> = Tensor::zeros([2, length, 7], &device);
            let target: Tensor<2, Int> = Tensor::ones([2, length], &device);
            metric.update(&output.into(), &target.into()).unwrap();
        }
        assert!((metric.value() - 7.0).abs() < 1e-4, "{}", metric.value());
        assert_eq!(metric.name(), "perplexity");
    }
}
