//! Cross entropy of classes.

use burn::tensor::{Device, Int, Tensor, TensorData, activation::log_softmax};
use serde::{Deserialize, Serialize};
use tinderbox_model::AnyTensor;
use tinderbox_ops::cross_entropy_map;

use crate::loss::{Activation, Loss, Reduction};

/// Softmax cross entropy, with the classes on any axis.
///
/// The class axis of output and target changes places with the last one, then both are flattened:
/// one prediction for each item, word or pixel. So the unreduced values of an image come column by
/// column, as the reference's do.
///
/// # Shapes
/// - output: `[batch, classes]`, or 3 or 4 axes with the classes on [`axis`](Self::axis)
/// - target: class numbers in `0..classes`, as many as predictions; the class axis has length 1 or
///   is missing
/// - returns `[1]`, in nats
///
/// # Example
/// ```
/// # use tinderbox_learn::loss::CrossEntropyFlat;
/// let classes_of_pixels = CrossEntropyFlat { axis: 1, ..CrossEntropyFlat::default() };
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[doc(alias = "CrossEntropyLoss")]
#[doc(alias = "FlattenedLoss")]
pub struct CrossEntropyFlat {
    /// Where the classes are in the output; from the end if negative, as in PyTorch.
    pub axis: isize,
    /// How much each class counts; the mean is then by weight. `None` is all alike.
    pub weight: Option<Vec<f32>>,
    /// The target of what does not count, as the padding of a sentence: PyTorch's `ignore_index`.
    pub ignore: Option<i64>,
    /// How the values of a batch become its loss.
    pub reduction: Reduction,
}

impl Default for CrossEntropyFlat {
    fn default() -> Self {
        Self { axis: -1, weight: None, ignore: None, reduction: Reduction::Mean }
    }
}

impl CrossEntropyFlat {
    fn with_reduction(
        &self,
        output: AnyTensor,
        target: AnyTensor,
        reduction: Reduction,
    ) -> Tensor<1> {
        if self.axis == 1
            && reduction == Reduction::Mean
            && let AnyTensor::Float4(logits) = &output
            && let Some(classes) = pixel_classes(&target, logits)
        {
            let weight = self.weight_of(logits.dims()[1], &logits.device());
            return cross_entropy_map(logits.clone(), classes, weight, self.ignore);
        }
        let logits = flat_logits(output, self.axis);
        let target = flat_classes(target, self.axis);
        assert_one_each("CrossEntropyFlat", &logits, &target);
        if reduction == Reduction::Mean {
            let weight = self.weight_of(logits.dims()[1], &logits.device());
            let [n, classes] = logits.dims();
            let (logits, target) = (logits.reshape([n, classes, 1, 1]), target.reshape([n, 1, 1]));
            return cross_entropy_map(logits, target, weight, self.ignore);
        }
        let log_probs = log_softmax(logits, 1);
        let classes = log_probs.dims()[1];
        let ignored = self.ignore.map(|ignored| target.clone().equal_elem(ignored));
        let target = match &ignored {
            Some(ignored) => target.mask_fill(ignored.clone(), 0),
            None => target,
        };
        let losses = nll(log_probs, target.clone());
        let losses = match ignored {
            Some(ignored) => losses.mask_fill(ignored, 0.0),
            None => losses,
        };
        match self.weight_of(classes, &losses.device()) {
            Some(weight) => reduction.apply(losses * weight.select(0, target)),
            None => reduction.apply(losses),
        }
    }

    /// `[classes]`
    fn weight_of(&self, classes: usize, device: &Device) -> Option<Tensor<1>> {
        let weight = self.weight.as_ref()?;
        assert_eq!(weight.len(), classes, "CrossEntropyFlat: one weight for each class");
        Some(Tensor::from_data(TensorData::new(weight.clone(), [classes]), device))
    }
}

impl Loss for CrossEntropyFlat {
    fn forward(&self, output: AnyTensor, target: AnyTensor) -> Tensor<1> {
        self.with_reduction(output, target, self.reduction)
    }

    fn unreduced(&self, output: AnyTensor, target: AnyTensor) -> Tensor<1> {
        self.with_reduction(output, target, Reduction::None)
    }

    fn activation(&self) -> Activation {
        Activation::Softmax { axis: self.axis }
    }
}

/// The negative log likelihood of each target: `[n, classes]` and `[n]` → `[n]`.
pub(super) fn nll(log_probs: Tensor<2>, target: Tensor<1, Int>) -> Tensor<1> {
    -log_probs.gather(1, target.unsqueeze_dim(1)).squeeze_dim(1)
}

/// The targets of a map's pixels, `[batch, height, width]`, if there is one for each.
fn pixel_classes(target: &AnyTensor, logits: &Tensor<4>) -> Option<Tensor<3, Int>> {
    let [batch, _, height, width] = logits.dims();
    match target {
        AnyTensor::Int3(y) if y.dims() == [batch, height, width] => Some(y.clone()),
        AnyTensor::Int4(y) if y.dims() == [batch, 1, height, width] => {
            Some(y.clone().squeeze_dim(1))
        }
        _ => None,
    }
}

/// One row of logits for each prediction: `[n, classes]`.
///
/// # Panics
/// If `output` is not of floats or does not have the axis.
pub(super) fn flat_logits(output: AnyTensor, axis: isize) -> Tensor<2> {
    match output {
        AnyTensor::Float2(x) => classes_last(x, axis),
        AnyTensor::Float3(x) => classes_last(x, axis),
        AnyTensor::Float4(x) => classes_last(x, axis),
        other => panic!(
            "cross entropy: expected logits of 2 to 4 axes, got a {} tensor of shape {:?}",
            other.kind(),
            other.dims()
        ),
    }
}

fn classes_last<const D: usize>(x: Tensor<D>, axis: isize) -> Tensor<2> {
    let axis = if axis < 0 { axis + D as isize } else { axis };
    assert!(
        (0..D as isize).contains(&axis),
        "cross entropy: no axis {axis} in an output of shape {:?}",
        x.dims()
    );
    let classes = x.dims()[axis as usize];
    x.swap_dims(axis as usize, D - 1).reshape([-1, classes as i64])
}

/// The class numbers in the order of [`flat_logits`]: `[n]`.
///
/// # Panics
/// If `target` is not of whole numbers.
pub(super) fn flat_classes(target: AnyTensor, axis: isize) -> Tensor<1, Int> {
    match target {
        AnyTensor::Int1(y) => y,
        AnyTensor::Int2(y) => axis_last(y, axis),
        AnyTensor::Int3(y) => axis_last(y, axis),
        AnyTensor::Int4(y) => axis_last(y, axis),
        other => panic!(
            "cross entropy: expected class numbers, got a {} tensor of shape {:?}",
            other.kind(),
            other.dims()
        ),
    }
}

fn axis_last<const D: usize>(y: Tensor<D, Int>, axis: isize) -> Tensor<1, Int> {
    match usize::try_from(axis) {
        Ok(axis) if axis < D => y.swap_dims(axis, D - 1).reshape([-1]),
        _ => y.reshape([-1]),
    }
}

/// # Panics
/// If there is not one target for each row of logits.
pub(super) fn assert_one_each(who: &str, logits: &Tensor<2>, target: &Tensor<1, Int>) {
    let ([predictions, _], [targets]) = (logits.dims(), target.dims());
    assert_eq!(predictions, targets, "{who}: {predictions} predictions for {targets} targets");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logits() -> AnyTensor {
        Tensor::<2>::zeros([2, 4], &Device::flex()).into()
    }

    fn classes(classes: &[i64]) -> AnyTensor {
        let data = TensorData::new(classes.to_vec(), [classes.len()]);
        Tensor::<1, Int>::from_data(data, &Device::flex()).into()
    }

    #[test]
    fn indifference_costs_the_logarithm_of_the_classes() {
        let loss = CrossEntropyFlat::default();
        let value = loss.forward(logits(), classes(&[0, 3])).into_scalar::<f32>();
        assert!((value - 4f32.ln()).abs() < 1e-6, "{value}");
        assert_eq!(loss.activation(), Activation::Softmax { axis: -1 });
    }

    #[test]
    fn weights_that_are_equal_do_nothing_to_the_mean() {
        let loss = CrossEntropyFlat { weight: Some(vec![3.0; 4]), ..CrossEntropyFlat::default() };
        let value = loss.forward(logits(), classes(&[0, 3])).into_scalar::<f32>();
        assert!((value - 4f32.ln()).abs() < 1e-6, "{value}");
    }

    /// Pixel by pixel, whichever way the mean is formed.
    #[test]
    fn a_map_is_the_mean_over_its_pixels() {
        let device = Device::flex();
        let logits = Tensor::<1, Int>::arange(0..24, &device).float().sin().reshape([2, 3, 2, 2]);
        let target = Tensor::<1, Int>::from_ints([0, 1, 2, 0, 2, 2, 1, 0], &device);
        let target = target.reshape([2, 2, 2]);
        for weight in [None, Some(vec![1.0, 2.0, 0.5])] {
            let loss = CrossEntropyFlat { axis: 1, weight, ..CrossEntropyFlat::default() };
            let sum = CrossEntropyFlat { reduction: Reduction::Sum, ..loss.clone() };
            let of = |loss: &CrossEntropyFlat, target: AnyTensor| {
                loss.forward(logits.clone().into(), target).into_scalar::<f32>()
            };
            let divisor: f32 = match &loss.weight {
                None => 8.0,
                // Of three, two and three pixels.
                Some(_) => 3.0 + 2.0 * 2.0 + 3.0 * 0.5,
            };
            let wanted = of(&sum, target.clone().into()) / divisor;
            assert!((of(&loss, target.clone().into()) - wanted).abs() < 1e-5);
            let with_axis = target.clone().unsqueeze_dim::<4>(1);
            assert!((of(&loss, with_axis.into()) - wanted).abs() < 1e-5);
        }
    }

    #[test]
    fn what_is_ignored_does_not_count() {
        let rows = [[3.0, 1.0, 0.0, 0.0], [0.0, 9.0, 0.0, 0.0], [0.0, 0.0, 2.0, 1.0]];
        let logits = || AnyTensor::from(Tensor::<2>::from_data(rows, &Device::flex()));
        let counted =
            || AnyTensor::from(Tensor::<2>::from_data([rows[0], rows[2]], &Device::flex()));
        let plain = CrossEntropyFlat::default();
        let want = plain.forward(counted(), classes(&[1, 2])).into_scalar::<f32>();
        let loss = CrossEntropyFlat { ignore: Some(-1), ..plain.clone() };
        let value = loss.forward(logits(), classes(&[1, -1, 2])).into_scalar::<f32>();
        assert!((value - want).abs() < 1e-6, "{value} {want}");
        let each: Vec<f32> =
            loss.unreduced(logits(), classes(&[1, -1, 2])).try_into_vec_as().unwrap();
        assert!(each[1] == 0.0 && (each[0] + each[2] - 2.0 * want).abs() < 1e-5, "{each:?}");
    }

    #[test]
    #[should_panic(expected = "CrossEntropyFlat: 2 predictions for 3 targets")]
    fn a_target_too_many_is_refused() {
        CrossEntropyFlat::default().forward(logits(), classes(&[0, 3, 1]));
    }

    #[test]
    #[should_panic(expected = "expected class numbers, got a rank-2 float tensor of shape [2, 4]")]
    fn floats_are_not_classes() {
        CrossEntropyFlat::default().forward(logits(), logits());
    }

    #[test]
    #[should_panic(expected = "no axis 2 in an output of shape [2, 4]")]
    fn an_axis_that_is_not_there_is_named() {
        let loss = CrossEntropyFlat { axis: 2, ..CrossEntropyFlat::default() };
        loss.forward(logits(), classes(&[0, 3]));
    }
}
