//! Masks of several classes over a whole epoch.

use burn::tensor::{Int, Tensor};
use tinderbox_model::AnyTensor;

use super::{ConfusionMatrix, Metric, check_counts, class_numbers, foreground_acc, unfit};
use crate::{Error, Result};

/// The share of pixels with the right class, but for those of a void code: [`foreground_acc`],
/// averaged over the batches that have other pixels, as by the reference.
#[derive(Debug, Clone)]
#[doc(alias = "acc_camvid")]
pub struct PixelAccuracy {
    name: String,
    void: Option<i64>,
    by_pixels: bool,
    sum: f64,
    /// Images, or pixels.
    weight: usize,
}

impl PixelAccuracy {
    /// Of all pixels, or of those whose target is not `void`.
    pub fn new(void: Option<i64>) -> Self {
        Self { name: "pixel_accuracy".into(), void, by_pixels: false, sum: 0.0, weight: 0 }
    }

    /// The share of all pixels of an epoch that count, whatever batches they come in: an image with
    /// more of them weighs more.
    #[must_use]
    pub fn of_all_pixels(self) -> Self {
        Self { by_pixels: true, ..self }
    }

    /// The same in a column of another name: the lesson's is `acc_camvid`.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }
}

impl Metric for PixelAccuracy {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn reset(&mut self) {
        (self.sum, self.weight) = (0.0, 0);
    }

    fn update(&mut self, output: &AnyTensor, target: &AnyTensor) -> Result<()> {
        if self.by_pixels {
            let classes = output.dims()[1];
            let mut matrix = ConfusionMatrix::new(classes);
            matrix.update_pixels(output, target, self.void)?;
            self.sum += matrix.right() as f64;
            self.weight += matrix.total() as usize;
            return Ok(());
        }
        // No code is negative: every pixel counts.
        let value = foreground_acc(output.clone(), target.clone(), self.void.unwrap_or(-1))?;
        if !value.is_nan() {
            let items = target.dims()[0];
            self.sum += value * items as f64;
            self.weight += items;
        }
        Ok(())
    }

    fn value(&self) -> f64 {
        self.sum / self.weight as f64
    }
}

/// The overlap of predicted and true pixels of a class over their union, as a mean of all classes
/// that occur in an epoch, in `0.0..=1.0`: how segmentations are compared.
#[derive(Debug, Clone)]
#[doc(alias = "JaccardCoeff")]
pub struct MeanIou {
    void: Option<i64>,
    matrix: ConfusionMatrix,
}

impl MeanIou {
    /// Of all pixels, or of those whose target is not `void`.
    pub fn new(void: Option<i64>) -> Self {
        Self { void, matrix: ConfusionMatrix::default() }
    }
}

impl Metric for MeanIou {
    fn reset(&mut self) {
        self.matrix = ConfusionMatrix::default();
    }

    fn update(&mut self, output: &AnyTensor, target: &AnyTensor) -> Result<()> {
        self.matrix.update_pixels(output, target, self.void)
    }

    fn value(&self) -> f64 {
        self.matrix.mean_iou(self.void)
    }
}

impl ConfusionMatrix {
    /// Counts the pixels of a batch of maps, but for those whose target is `void`.
    ///
    /// # Shapes
    /// - `output`: scores `[batch, classes, height, width]`
    /// - `target`: class numbers, `[batch, 1, height, width]`
    ///
    /// # Errors
    /// As [`update`](Self::update).
    pub fn update_pixels(
        &mut self,
        output: &AnyTensor,
        target: &AnyTensor,
        void: Option<i64>,
    ) -> Result<()> {
        const METRIC: &str = "mean_iou";
        let AnyTensor::Float4(scores) = output else {
            let expected = "expected scores of classes at each pixel";
            return Err(unfit(METRIC, "output", expected, output));
        };
        let classes = scores.dims()[1];
        let numbers = |tensor: Tensor<1, Int>| -> Vec<i64> {
            tensor.try_into_vec_as().expect("whole numbers are readable as i64")
        };
        let predicted = numbers(scores.clone().argmax(1).reshape([-1]));
        let actual = numbers(class_numbers(METRIC, target.clone())?);
        check_counts(METRIC, predicted.len(), actual.len())?;
        if self.classes() == 0 {
            *self = Self::new(classes);
        }
        for (predicted, actual) in predicted.into_iter().zip(actual) {
            if Some(actual) == void {
                continue;
            }
            let known = usize::try_from(actual).ok().filter(|actual| *actual < self.classes());
            let actual = known.ok_or_else(|| Error::MetricArgument {
                metric: METRIC.to_owned(),
                argument: "target",
                found: format!("class {actual} of {classes}"),
            })?;
            self.add(actual, predicted as usize);
        }
        Ok(())
    }

    /// For each class, what was rightly predicted over what is or was predicted to be of it; NaN if
    /// neither occurs.
    pub fn iou(&self) -> Vec<f64> {
        let (actual, predicted) = (self.actual(), self.predicted());
        let of_class = |class: usize| {
            let right = self.count(class, class);
            right as f64 / (actual[class] + predicted[class] - right) as f64
        };
        (0..self.classes()).map(of_class).collect()
    }

    /// The mean of [`iou`](Self::iou) over the classes that occur, but for `void`, which has no pixels
    /// that count, but may have been predicted.
    pub fn mean_iou(&self, void: Option<i64>) -> f64 {
        let of_classes = self.iou().into_iter().enumerate();
        let counts = |(class, iou): &(usize, f64)| !iou.is_nan() && Some(*class as i64) != void;
        let there: Vec<f64> = of_classes.filter(counts).map(|(_, iou)| iou).collect();
        there.iter().sum::<f64>() / there.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    /// Rows of pixels, an item each: predicted classes of three, and their targets.
    fn batch(predicted: &[[usize; 3]], target: &[[i64; 3]]) -> (AnyTensor, AnyTensor) {
        let device = Device::flex();
        let n = predicted.len();
        let mut scores = vec![0f32; n * 9];
        for (item, row) in predicted.iter().enumerate() {
            for (pixel, class) in row.iter().enumerate() {
                scores[item * 9 + class * 3 + pixel] = 1.0;
            }
        }
        let output: Tensor<4> =
            Tensor::<1>::from_floats(&scores[..], &device).reshape([n, 3, 1, 3]);
        let target: Vec<i64> = target.iter().flatten().copied().collect();
        let target: Tensor<4, Int> =
            Tensor::<1, Int>::from_ints(&target[..], &device).reshape([n, 1, 1, 3]);
        (output.into(), target.into())
    }

    #[test]
    fn batches_of_void_count_nothing() {
        let mut metric = PixelAccuracy::new(Some(2)).named("acc_camvid");
        assert_eq!(metric.name(), "acc_camvid");
        let (output, target) = batch(&[[0, 1, 1]], &[[0, 0, 2]]);
        metric.update(&output, &target).unwrap();
        let (output, target) = batch(&[[0, 1, 1]], &[[2, 2, 2]]);
        metric.update(&output, &target).unwrap();
        assert_eq!(metric.value(), 0.5);
        metric.reset();
        assert!(metric.value().is_nan());
    }

    #[test]
    fn all_pixels_weigh_the_same_whatever_batch_they_are_in() {
        // One of three is right, then the only one of its image that counts.
        let parts = [(&[[0, 1, 1]], &[[0, 0, 0]]), (&[[0, 1, 1]], &[[0, 2, 2]])];
        let mut metric = PixelAccuracy::new(Some(2)).of_all_pixels();
        for (predicted, target) in parts {
            let (output, target) = batch(predicted, target);
            metric.update(&output, &target).unwrap();
        }
        assert_eq!(metric.value(), 0.5);
        let mut at_once = PixelAccuracy::new(Some(2)).of_all_pixels();
        let (output, target) = batch(&[[0, 1, 1], [0, 1, 1]], &[[0, 0, 0], [0, 2, 2]]);
        at_once.update(&output, &target).unwrap();
        assert_eq!(at_once.value(), metric.value());
        let mut by_batch = PixelAccuracy::new(Some(2));
        for (predicted, target) in parts {
            let (output, target) = batch(predicted, target);
            by_batch.update(&output, &target).unwrap();
        }
        assert_eq!(by_batch.value(), f64::midpoint(1.0 / 3.0, 1.0));
    }

    #[test]
    fn unions_are_of_the_whole_epoch() {
        let mut metric = MeanIou::new(Some(9));
        assert_eq!(metric.name(), "mean_iou");
        for (predicted, target) in [([[0, 0, 1]], [[0, 1, 1]]), ([[0, 2, 0]], [[0, 9, 9]])] {
            let (output, target) = batch(&predicted, &target);
            metric.update(&output, &target).unwrap();
        }
        // Class 0: two of three; class 1: one of two; class 2 is nowhere that counts.
        assert_eq!(metric.matrix.iou()[..2], [2.0 / 3.0, 0.5]);
        assert!(metric.matrix.iou()[2].is_nan());
        assert!((metric.value() - 7.0 / 12.0).abs() < 1e-12);
    }

    #[test]
    fn a_void_class_is_none_of_the_classes() {
        let mut metric = MeanIou::new(Some(2));
        let (output, target) = batch(&[[0, 2, 1]], &[[0, 1, 2]]);
        metric.update(&output, &target).unwrap();
        assert_eq!(metric.value(), 0.5, "of class 0 all, of class 1 nothing");
    }

    #[test]
    fn a_code_without_a_class_is_named() {
        let (output, target) = batch(&[[0, 0, 1]], &[[0, 7, 1]]);
        let error = MeanIou::new(None).update(&output, &target).unwrap_err();
        assert!(error.to_string().contains("class 7 of 3"), "{error}");
        let error = MeanIou::new(None).update(&target, &output).unwrap_err();
        assert!(error.to_string().contains("scores of classes at each pixel"), "{error}");
    }
}
