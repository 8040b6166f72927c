//! The area under the receiver operating characteristic.

use burn::tensor::activation::softmax;
use tinderbox_model::AnyTensor;

use crate::{
    Result,
    metric::{Metric, check_counts, class_numbers, host, pairs, unfit},
};

/// The area under the curve of true over false positives as the threshold falls: the chance that
/// an item of class 1 scores above one that is not. NaN if there are only one kind.
///
/// Over an epoch rather use [`AUROC`]: the mean over batches is not the area.
///
/// # Shapes
/// - `output`: scores for class 1, any shape
/// - `target`: as many class numbers
///
/// # Errors
/// [`Error::UnequalCounts`](crate::Error::UnequalCounts).
pub fn auc_roc_score(output: AnyTensor, target: AnyTensor) -> Result<f64> {
    let scored = pairs("auc_roc_score", output, target)?;
    Ok(area(scored.into_iter().map(|(score, target)| (score, target == 1.0)).collect()))
}

/// The area under the curve over all items of the epoch, by the probability of the last class.
///
/// # Shapes
/// - output: logits `[batch, classes]`
/// - target: `[batch]`
#[derive(Debug, Clone, Default)]
pub struct AUROC {
    scored: Vec<(f64, bool)>,
}

impl Metric for AUROC {
    fn reset(&mut self) {
        self.scored.clear();
    }

    fn update(&mut self, output: &AnyTensor, target: &AnyTensor) -> Result<()> {
        let AnyTensor::Float2(logits) = output.clone() else {
            return Err(unfit("auroc", "output", "expected logits of classes", output));
        };
        let [items, classes] = logits.dims();
        let last = softmax(logits, 1).slice_dim(1, classes - 1..classes);
        let targets = host(class_numbers("auroc", target.clone())?.into());
        check_counts("auroc", items, targets.len())?;
        let scored = host(last.into()).into_iter().zip(targets);
        self.scored.extend(scored.map(|(score, target)| (f64::from(score), target == 1.0)));
        Ok(())
    }

    fn value(&self) -> f64 {
        area(self.scored.clone())
    }
}

/// The area under the curve through the counts at each distinct score, by trapezoids.
fn area(mut scored: Vec<(f64, bool)>) -> f64 {
    scored.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let (mut positives, mut negatives, mut area) = (0.0, 0.0, 0.0);
    for tied in scored.chunk_by(|(a, _), (b, _)| a == b) {
        let new_positives = tied.iter().filter(|(_, positive)| *positive).count() as f64;
        let new_negatives = tied.len() as f64 - new_positives;
        area += new_negatives * (positives + new_positives / 2.0);
        positives += new_positives;
        negatives += new_negatives;
    }
    area / (positives * negatives)
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Int, Tensor};

    use super::*;

    #[track_caller]
    fn check(scores: [f32; 4], targets: [i64; 4], want: f64) {
        let device = Device::flex();
        let output = Tensor::<1>::from_data(scores, &device);
        let target = Tensor::<1, Int>::from_data(targets, &device);
        let got = auc_roc_score(output.clone().into(), target.clone().into()).unwrap();
        assert!(got == want || (got.is_nan() && want.is_nan()), "{got}, expected {want}");

        let logits = Tensor::stack::<2>(vec![output.zeros_like(), output], 1);
        let mut metric = AUROC::default();
        metric.update(&logits.into(), &target.into()).unwrap();
        assert!(metric.value() == got || got.is_nan());
    }

    #[test]
    fn the_area_is_the_share_of_pairs_in_order() {
        check([0.1, 0.2, 0.3, 0.4], [0, 0, 1, 1], 1.0);
        check([0.4, 0.3, 0.2, 0.1], [0, 0, 1, 1], 0.0);
        check([0.1, 0.3, 0.2, 0.4], [0, 0, 1, 1], 0.75);
        check([0.5, 0.5, 0.5, 0.5], [0, 1, 0, 1], 0.5);
        check([0.1, 0.2, 0.3, 0.4], [1, 1, 1, 1], f64::NAN);
    }
}
