//! Is the highest class the right one?

use tinderbox_model::AnyTensor;

use crate::{
    Error, Result,
    metric::{check_counts, class_numbers, host, host_classes, predicted_classes},
};

/// The share of predictions whose highest class is the target's, in `0.0..=1.0`.
///
/// # Shapes
/// - `output`: scores `[batch, classes]`, or more axes with the classes last
/// - `target`: class numbers, as many as predictions
///
/// # Errors
/// [`Error::UnequalCounts`], or [`Error::MetricArgument`] for tensors of another kind.
pub fn accuracy(output: AnyTensor, target: AnyTensor) -> Result<f64> {
    share_right("accuracy", output, target)
}

/// The share of predictions whose highest class is not the target's: one less [`accuracy`].
///
/// # Errors
/// As for [`accuracy`].
pub fn error_rate(output: AnyTensor, target: AnyTensor) -> Result<f64> {
    share_right("error_rate", output, target).map(|accuracy| 1.0 - accuracy)
}

/// The share of tokens whose highest class is the target's, in `0.0..=1.0`: [`accuracy`] of those
/// whose target is not negative, as that of padding is. NaN if there are none.
///
/// # Errors
/// As for [`accuracy`].
pub fn token_accuracy(output: AnyTensor, target: AnyTensor) -> Result<f64> {
    let metric = "token_accuracy";
    let predicted = predicted_classes(metric, output)?;
    let target = class_numbers(metric, target)?;
    let ([predictions], [targets]) = (predicted.dims(), target.dims());
    check_counts(metric, predictions, targets)?;
    let counted = target.clone().greater_equal_elem(0).int().sum().into_scalar::<i64>();
    let right = predicted.equal(target).int().sum().into_scalar::<i64>();
    Ok(right as f64 / counted as f64)
}

fn share_right(metric: &str, output: AnyTensor, target: AnyTensor) -> Result<f64> {
    let predicted = predicted_classes(metric, output)?;
    let target = class_numbers(metric, target)?;
    let ([predictions], [targets]) = (predicted.dims(), target.dims());
    check_counts(metric, predictions, targets)?;
    let right = predicted.equal(target).int().sum().into_scalar::<i64>();
    Ok(right as f64 / predictions as f64)
}

/// The share of predictions whose `k` highest classes have the target's among them, in
/// `0.0..=1.0`. fastai's `k` is 5.
///
/// Of classes that score the same, the lower number comes first.
///
/// # Shapes
/// As for [`accuracy`].
///
/// # Errors
/// [`Error::Setting`] if `k` is zero, else as for [`accuracy`].
pub fn top_k_accuracy(output: AnyTensor, target: AnyTensor, k: usize) -> Result<f64> {
    if k == 0 {
        return Err(Error::Setting { setting: "k", found: "0".into(), expected: "at least one" });
    }
    let classes = output.dims().last().copied().unwrap_or(1).max(1);
    let targets = host_classes("top_k_accuracy", target, classes)?;
    let scores = host(output);
    check_counts("top_k_accuracy", scores.len() / classes, targets.len())?;
    let is_among = |(scores, target): (&[f32], &usize)| {
        let above = |(class, score): (usize, f32)| {
            score > scores[*target] || (score == scores[*target] && class < *target)
        };
        scores.iter().copied().enumerate().filter(|pair| above(*pair)).count() < k
    };
    let right = scores.chunks(classes).zip(&targets).filter(|pair| is_among(*pair)).count();
    Ok(right as f64 / targets.len() as f64)
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Int, Tensor};

    use super::*;

    fn batch() -> (AnyTensor, AnyTensor) {
        let device = Device::flex();
        let scores = [[3.0, 2.0, 1.0], [1.0, 3.0, 2.0], [0.0, 0.0, 0.0]];
        let output: Tensor<2> = Tensor::from_data(scores, &device);
        let target: Tensor<1, Int> = Tensor::from_data([0, 2, 1], &device);
        (output.into(), target.into())
    }

    #[test]
    fn more_guesses_find_more() {
        let (output, target) = batch();
        let top = |k| top_k_accuracy(output.clone(), target.clone(), k).unwrap();
        assert_eq!(accuracy(output.clone(), target.clone()).unwrap(), 1.0 / 3.0);
        assert_eq!(error_rate(output.clone(), target.clone()).unwrap(), 1.0 - 1.0 / 3.0);
        assert_eq!([top(1), top(2), top(5)], [1.0 / 3.0, 1.0, 1.0]);
    }

    #[test]
    fn padding_is_no_token() {
        let (output, _) = batch();
        let target: Tensor<1, Int> = Tensor::from_data([0, 2, -1], &Device::flex());
        assert_eq!(token_accuracy(output, target.into()).unwrap(), 0.5);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let (output, target) = batch();
        let message = |result: Result<f64>| result.unwrap_err().to_string();
        assert_eq!(
            message(accuracy(output.clone(), target.clone().items(0..2))),
            "accuracy: 3 predictions for 2 targets"
        );
        assert_eq!(
            message(error_rate(output.clone(), output.clone())),
            "error_rate, target: expected class numbers, got a rank-2 float tensor of shape [3, 3]"
        );
        assert_eq!(
            message(accuracy(target.clone(), target.clone())),
            "accuracy, output: expected scores of classes on the last axis, got a rank-1 int tensor of shape [3]"
        );
        assert_eq!(
            message(top_k_accuracy(output.clone(), target, 0)),
            "k is 0, expected at least one"
        );
        let beyond: Tensor<1, Int> = Tensor::from_data([0, 3, 1], &Device::flex());
        assert_eq!(
            message(top_k_accuracy(output, beyond.into(), 1)),
            "top_k_accuracy, target: class 3 of 3"
        );
    }
}
