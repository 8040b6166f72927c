//! How well a mask is predicted, pixel by pixel.

use burn::tensor::{Int, Tensor};
use tinderbox_model::AnyTensor;

use crate::{
    Result,
    metric::{check_counts, class_numbers, unfit},
};

/// The overlap of predicted and true mask, twice over their sizes together, in `0.0..=1.0`.
///
/// Found for each item by itself, and 1 where both masks are empty; older fastai sums over the
/// batch.
///
/// # Shapes
/// - `output`: scores `[batch, 2, height, width]`
/// - `target`: zeros and ones, `[batch, 1, height, width]`
///
/// # Errors
/// [`Error::UnequalCounts`](crate::Error::UnequalCounts), or
/// [`Error::MetricArgument`](crate::Error::MetricArgument) for tensors of another kind.
#[doc(alias = "Dice")]
pub fn dice(output: AnyTensor, target: AnyTensor) -> Result<f64> {
    let of_item = |overlap: f64, sizes: f64| 2.0 * overlap / sizes;
    mean_over_items("dice", output, target, of_item)
}

/// The overlap of predicted and true mask over their union, in `0.0..=1.0`; else as [`dice`].
///
/// # Errors
/// As for [`dice`].
#[doc(alias = "JaccardCoeff")]
pub fn iou(output: AnyTensor, target: AnyTensor) -> Result<f64> {
    let of_item = |overlap: f64, sizes: f64| overlap / (sizes - overlap + 1e-8);
    mean_over_items("iou", output, target, of_item)
}

fn mean_over_items(
    metric: &str,
    output: AnyTensor,
    target: AnyTensor,
    of_item: impl Fn(f64, f64) -> f64,
) -> Result<f64> {
    let items = output.dims()[0];
    let (predicted, target) = masks(metric, output, target)?;
    let per_item = |pixels: Tensor<1, Int>| -> Vec<i64> {
        let sums: Tensor<2, Int> = pixels.reshape([items as i64, -1]).sum_dim(1);
        sums.reshape([-1]).try_into_vec_as().expect("counts are readable as i64")
    };
    let overlaps = per_item(predicted.clone() * target.clone());
    let sizes = per_item(predicted + target);
    let value = |(overlap, size): (i64, i64)| match size {
        0 => 1.0,
        _ => of_item(overlap as f64, size as f64),
    };
    Ok(overlaps.into_iter().zip(sizes).map(value).sum::<f64>() / items as f64)
}

/// The share of pixels with the right class, leaving out those whose target is `void_code`; NaN if
/// that is all of them. The lesson's `acc_camvid`.
///
/// # Shapes
/// - `output`: scores `[batch, classes, height, width]`
/// - `target`: class numbers, `[batch, 1, height, width]`
///
/// # Errors
/// As for [`dice`].
pub fn foreground_acc(output: AnyTensor, target: AnyTensor, void_code: i64) -> Result<f64> {
    let (predicted, target) = masks("foreground_acc", output, target)?;
    let foreground = target.clone().not_equal_elem(void_code).int();
    let right = predicted.equal(target).int() * foreground.clone();
    let count = |pixels: Tensor<1, Int>| pixels.sum().into_scalar::<i64>() as f64;
    Ok(count(right) / count(foreground))
}

/// The predicted and the true class of each pixel, `[pixels]`.
fn masks(
    metric: &str,
    output: AnyTensor,
    target: AnyTensor,
) -> Result<(Tensor<1, Int>, Tensor<1, Int>)> {
    let predicted: Tensor<1, Int> = match output {
        AnyTensor::Float4(scores) => scores.argmax(1).reshape([-1]),
        other => {
            return Err(unfit(
                metric,
                "output",
                "expected scores of classes at each pixel",
                &other,
            ));
        }
    };
    let target = class_numbers(metric, target)?;
    check_counts(metric, predicted.dims()[0], target.dims()[0])?;
    Ok((predicted, target))
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    /// One row of pixels: predicted 1 where `predicted` is, with its target.
    fn batch(predicted: [f32; 4], target: [i64; 4]) -> (AnyTensor, AnyTensor) {
        let device = Device::flex();
        let ones: Tensor<4> = Tensor::<1>::from_data(predicted, &device).reshape([1, 1, 1, 4]);
        let output = Tensor::cat(vec![1.0 - ones.clone(), ones], 1);
        let target: Tensor<4, Int> =
            Tensor::<1, Int>::from_data(target, &device).reshape([1, 1, 1, 4]);
        (output.into(), target.into())
    }

    #[test]
    fn half_an_overlap() {
        let (output, target) = batch([1.0, 1.0, 0.0, 0.0], [0, 1, 1, 0]);
        assert_eq!(dice(output.clone(), target.clone()).unwrap(), 0.5);
        assert!((iou(output.clone(), target.clone()).unwrap() - 1.0 / 3.0).abs() < 1e-7);
        assert_eq!(foreground_acc(output, target, 0).unwrap(), 0.5);
    }

    #[test]
    fn empty_masks_agree_and_no_foreground_is_not_a_number() {
        let (output, target) = batch([0.0; 4], [0; 4]);
        assert_eq!(dice(output.clone(), target.clone()).unwrap(), 1.0);
        assert_eq!(iou(output.clone(), target.clone()).unwrap(), 1.0);
        assert!(foreground_acc(output, target, 0).unwrap().is_nan());
    }

    #[test]
    fn a_classifier_has_no_masks() {
        let (output, target) = batch([0.0; 4], [0; 4]);
        let error = dice(target, output).unwrap_err();
        assert_eq!(
            error.to_string(),
            "dice, output: expected scores of classes at each pixel, got a rank-4 int tensor of shape [1, 1, 1, 4]"
        );
    }
}
