//! The confusion matrix, and the scores that follow from it.

use std::cmp::Reverse;

use tinderbox_model::AnyTensor;

use crate::{
    Error, Result,
    metric::{IntoMetric, Metric, check_counts, host_classes, predicted_classes},
    names::{short_name, snake_case},
};

/// How often each class was predicted as each: `[actual, predicted]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[doc(alias = "confusion_matrix")]
pub struct ConfusionMatrix {
    classes: usize,
    counts: Vec<u64>,
}

impl ConfusionMatrix {
    /// Of `classes` classes, without a count.
    pub fn new(classes: usize) -> Self {
        Self { classes, counts: vec![0; classes * classes] }
    }

    /// Counts one item.
    ///
    /// # Panics
    /// If one of the classes is not below [`classes`](Self::classes).
    pub fn add(&mut self, actual: usize, predicted: usize) {
        assert!(
            actual < self.classes && predicted < self.classes,
            "classes {actual} and {predicted} in a matrix of {}",
            self.classes
        );
        self.counts[actual * self.classes + predicted] += 1;
    }

    /// Adds the counts of another matrix.
    ///
    /// # Panics
    /// If it is not of as many classes.
    pub fn add_all(&mut self, other: &Self) {
        assert_eq!(self.classes, other.classes, "matrices of as many classes");
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
    }

    /// Counts a batch: the highest class of each prediction against its target's.
    ///
    /// A matrix without classes takes their number from the output.
    ///
    /// # Errors
    /// [`Error::UnequalCounts`], or [`Error::MetricArgument`] for tensors of another kind, another
    /// number of classes, and targets that are no class.
    pub fn update(&mut self, output: &AnyTensor, target: &AnyTensor) -> Result<()> {
        self.update_as("confusion_matrix", output, target)
    }

    fn update_as(&mut self, metric: &str, output: &AnyTensor, target: &AnyTensor) -> Result<()> {
        let classes = output.dims().last().copied().unwrap_or_default();
        let predicted = predicted_classes(metric, output.clone())?;
        let predicted = host_classes(metric, predicted.into(), classes)?;
        let actual = host_classes(metric, target.clone(), classes)?;
        check_counts(metric, predicted.len(), actual.len())?;
        if self.classes == 0 {
            *self = Self::new(classes);
        }
        if classes != self.classes {
            return Err(Error::MetricArgument {
                metric: metric.to_owned(),
                argument: "output",
                found: format!("{classes} classes, {} in the batches before", self.classes),
            });
        }
        for (actual, predicted) in actual.into_iter().zip(predicted) {
            self.add(actual, predicted);
        }
        Ok(())
    }

    /// How many classes there are.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// How often class `actual` was predicted as class `predicted`.
    pub fn count(&self, actual: usize, predicted: usize) -> u64 {
        self.counts[actual * self.classes + predicted]
    }

    /// The counts of each actual class.
    pub fn rows(&self) -> impl Iterator<Item = &[u64]> {
        self.counts.chunks(self.classes.max(1))
    }

    /// The pairs of classes of which one was predicted as the other at least `min` times and once, the
    /// most often first, and else in the order of the classes: actual, predicted, how often.
    pub fn most_confused(&self, min: u64) -> Vec<(usize, usize, u64)> {
        let pairs = self.rows().enumerate().flat_map(|(actual, row)| {
            row.iter().enumerate().map(move |(predicted, times)| (actual, predicted, *times))
        });
        let mut confused: Vec<_> = pairs
            .filter(|(actual, predicted, times)| actual != predicted && *times >= min.max(1))
            .collect();
        confused.sort_by_key(|(.., times)| Reverse(*times));
        confused
    }

    /// How many items were counted.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How many items each class has.
    pub fn actual(&self) -> Vec<u64> {
        self.rows().map(|row| row.iter().sum()).collect()
    }

    /// How often each class was predicted.
    pub fn predicted(&self) -> Vec<u64> {
        (0..self.classes).map(|class| self.rows().map(|row| row[class]).sum()).collect()
    }

    /// How many items were predicted rightly.
    pub fn right(&self) -> u64 {
        self.diagonal().into_iter().sum()
    }

    fn diagonal(&self) -> Vec<u64> {
        (0..self.classes).map(|class| self.count(class, class)).collect()
    }

    /// For each class, the share of its predictions that are right; NaN if it never was predicted.
    pub fn precision(&self) -> Vec<f64> {
        ratios(&self.diagonal(), &self.predicted())
    }

    /// For each class, the share of its items that are found; NaN if it has none.
    pub fn recall(&self) -> Vec<f64> {
        ratios(&self.diagonal(), &self.actual())
    }

    /// For each class, the harmonic mean of precision and recall, the latter counting `beta` times
    /// as much; 0 where they are NaN.
    pub fn fbeta(&self, beta: f64) -> Vec<f64> {
        let pairs = self.precision().into_iter().zip(self.recall());
        pairs.map(|(precision, recall)| fbeta(precision, recall, beta)).collect()
    }

    /// What each class counts in an average.
    fn weights(&self, average: Average, micro: &[u64]) -> Vec<f64> {
        let shares = |counts: &[u64]| ratios(counts, &vec![self.total(); self.classes]);
        match average {
            Average::Binary { positive } if self.classes == 2 => {
                (0..2).map(|class| if class == positive { 1.0 } else { 0.0 }).collect()
            }
            Average::Binary { .. } | Average::Macro => {
                vec![1.0 / self.classes as f64; self.classes]
            }
            Average::Weighted => shares(&self.actual()),
            Average::Micro => shares(micro),
        }
    }
}

fn ratios(parts: &[u64], wholes: &[u64]) -> Vec<f64> {
    parts.iter().zip(wholes).map(|(part, whole)| *part as f64 / *whole as f64).collect()
}

/// NaN in one class is NaN in the average, even where it counts nothing: as in fastai.
fn weighted_sum(values: &[f64], weights: &[f64]) -> f64 {
    values.iter().zip(weights).map(|(value, weight)| value * weight).sum()
}

fn fbeta(precision: f64, recall: f64, beta: f64) -> f64 {
    let beta2 = beta * beta;
    let score = (1.0 + beta2) * precision * recall / (precision * beta2 + recall + 1e-9);
    match score.is_nan() {
        true => 0.0,
        false => score,
    }
}

/// How the scores of the classes become one.
///
/// For the scores themselves ask the [`ConfusionMatrix`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Average {
    /// Only the class `positive` of two. With more than two classes it is [`Macro`](Self::Macro),
    /// with a warning.
    Binary {
        /// The class's number: fastai's `pos_label`, 1.
        positive: usize,
    },
    /// All classes alike.
    Macro,
    /// Each class by its share of the items.
    Weighted,
    /// Each item alike: by the share of the predictions for precision, of the items for recall.
    Micro,
}

impl Default for Average {
    /// fastai's: class 1 of two.
    fn default() -> Self {
        Self::Binary { positive: 1 }
    }
}

impl Average {
    fn warning(self, classes: usize) -> Option<String> {
        match self {
            Self::Binary { .. } if classes > 2 => Some(format!(
                "the average is binary, but there are {classes} classes: it is macro instead"
            )),
            _ => None,
        }
    }
}

/// A score that can be read off a confusion matrix, which makes it a metric.
pub trait ConfusionScore: Send {
    /// The score.
    fn score(&self, matrix: &ConfusionMatrix) -> f64;

    /// What its user should know about the score, if there is something.
    fn warning(&self, _matrix: &ConfusionMatrix) -> Option<String> {
        None
    }
}

impl<S: ConfusionScore + 'static> IntoMetric<ConfusionMatrix> for S {
    fn into_metric(self) -> Box<dyn Metric> {
        Box::new(Scored { score: self, matrix: ConfusionMatrix::default() })
    }
}

/// A score of the epoch's confusion matrix.
struct Scored<S> {
    score: S,
    matrix: ConfusionMatrix,
}

impl<S: ConfusionScore> Metric for Scored<S> {
    fn name(&self) -> String {
        snake_case(&short_name::<S>("metric"))
    }

    fn reset(&mut self) {
        self.matrix = ConfusionMatrix::default();
    }

    fn update(&mut self, output: &AnyTensor, target: &AnyTensor) -> Result<()> {
        let name = self.name();
        self.matrix.update_as(&name, output, target)
    }

    fn value(&self) -> f64 {
        match self.matrix.total() {
            0 => f64::NAN,
            _ => self.score.score(&self.matrix),
        }
    }

    fn warning(&self) -> Option<String> {
        self.score.warning(&self.matrix)
    }
}

/// The share of predictions of a class that are right.
///
/// A class that was never predicted has none, and the average is NaN with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Precision {
    /// How the classes' precisions become one.
    pub average: Average,
}

impl ConfusionScore for Precision {
    fn score(&self, matrix: &ConfusionMatrix) -> f64 {
        weighted_sum(&matrix.precision(), &matrix.weights(self.average, &matrix.predicted()))
    }

    fn warning(&self, matrix: &ConfusionMatrix) -> Option<String> {
        self.average.warning(matrix.classes)
    }
}

/// The share of a class's items that are found.
///
/// A class without items has none, and the average is NaN with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recall {
    /// How the classes' recalls become one.
    pub average: Average,
}

impl ConfusionScore for Recall {
    fn score(&self, matrix: &ConfusionMatrix) -> f64 {
        weighted_sum(&matrix.recall(), &matrix.weights(self.average, &matrix.actual()))
    }

    fn warning(&self, matrix: &ConfusionMatrix) -> Option<String> {
        self.average.warning(matrix.classes)
    }
}

/// The harmonic mean of precision and recall, the latter counting `beta` times as much.
///
/// A class without precision or recall counts as 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FBeta {
    /// How the classes' scores become one.
    pub average: Average,
    /// fastai's is 2.
    pub beta: f64,
}

impl Default for FBeta {
    fn default() -> Self {
        Self { average: Average::default(), beta: 2.0 }
    }
}

impl ConfusionScore for FBeta {
    fn score(&self, matrix: &ConfusionMatrix) -> f64 {
        if self.average == Average::Micro {
            let average = self.average;
            let precision = Precision { average }.score(matrix);
            return fbeta(precision, Recall { average }.score(matrix), self.beta);
        }
        weighted_sum(&matrix.fbeta(self.beta), &matrix.weights(self.average, &[]))
    }

    fn warning(&self, matrix: &ConfusionMatrix) -> Option<String> {
        self.average.warning(matrix.classes)
    }
}

/// How bad it is to take one class for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KappaWeights {
    /// All mistakes alike.
    #[default]
    Equal,
    /// By the distance of the classes' numbers.
    Linear,
    /// By the square of that distance.
    Quadratic,
}

/// Cohen's kappa: how far the agreement goes beyond that of chance. 1 is perfect, 0 is chance.
///
/// # Reference
/// Cohen, [A coefficient of agreement for nominal scales](https://doi.org/10.1177/001316446002000104), 1960.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[doc(alias = "CohenKappa")]
pub struct KappaScore {
    /// How much each confusion counts.
    pub weights: KappaWeights,
}

impl ConfusionScore for KappaScore {
    fn score(&self, matrix: &ConfusionMatrix) -> f64 {
        let (predicted, actual) = (matrix.predicted(), matrix.actual());
        let (mut found, mut by_chance) = (0.0, 0.0);
        for (i, row) in matrix.rows().enumerate() {
            for (j, count) in row.iter().enumerate() {
                let distance = i.abs_diff(j) as f64;
                let weight = match self.weights {
                    KappaWeights::Equal => distance.min(1.0),
                    KappaWeights::Linear => distance,
                    KappaWeights::Quadratic => distance * distance,
                };
                found += weight * *count as f64;
                by_chance += weight * predicted[i] as f64 * actual[j] as f64;
            }
        }
        1.0 - found * matrix.total() as f64 / by_chance
    }
}

/// Matthews' correlation of predicted and actual classes. 1 is perfect, 0 is chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[doc(alias = "MatthewsCorrCoef")]
pub struct MatthewsCorreff;

impl ConfusionScore for MatthewsCorreff {
    fn score(&self, matrix: &ConfusionMatrix) -> f64 {
        let product = |a: &[u64], b: &[u64]| -> f64 {
            a.iter().zip(b).map(|(a, b)| *a as f64 * *b as f64).sum()
        };
        let (t, p) = (matrix.actual(), matrix.predicted());
        let (n, right) = (matrix.total() as f64, matrix.right() as f64);
        let scale = (n * n - product(&p, &p)) * (n * n - product(&t, &t));
        (right * n - product(&t, &p)) / scale.sqrt()
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Int, Tensor};

    use super::*;

    fn matrix(rows: &[&[u64]]) -> ConfusionMatrix {
        ConfusionMatrix { classes: rows.len(), counts: rows.concat() }
    }

    #[test]
    fn scores_of_a_matrix_one_can_check_by_hand() {
        let matrix = matrix(&[&[3, 1], &[2, 4]]);
        assert_eq!(matrix.actual(), [4, 6]);
        assert_eq!(matrix.predicted(), [5, 5]);
        assert_eq!(matrix.precision(), [0.6, 0.8]);
        assert_eq!(matrix.recall(), [0.75, 4.0 / 6.0]);
        assert_eq!(Precision::default().score(&matrix), 0.8);
        assert_eq!(Precision { average: Average::Binary { positive: 0 } }.score(&matrix), 0.6);
        assert!((Precision { average: Average::Weighted }.score(&matrix) - 0.72).abs() < 1e-12);
        assert!((KappaScore::default().score(&matrix) - 0.4).abs() < 1e-12);
    }

    #[test]
    fn the_most_confused_come_first_and_equals_by_class() {
        let matrix = matrix(&[&[9, 2, 0], &[2, 8, 5], &[0, 1, 7]]);
        assert_eq!(matrix.most_confused(2), [(1, 2, 5), (0, 1, 2), (1, 0, 2)]);
        assert_eq!(matrix.most_confused(0).len(), 4, "what never happens is not told");
    }

    #[test]
    fn a_class_that_is_never_predicted() {
        let matrix = matrix(&[&[0, 2], &[0, 2]]);
        assert!(matrix.precision()[0].is_nan());
        assert!(Precision { average: Average::Macro }.score(&matrix).is_nan());
        assert_eq!(matrix.fbeta(1.0)[0], 0.0);
        assert!(FBeta { average: Average::Macro, beta: 1.0 }.score(&matrix) > 0.3);
    }

    #[test]
    fn binary_with_three_classes_is_macro_and_says_so() {
        let matrix = matrix(&[&[1, 0, 0], &[0, 1, 0], &[1, 0, 1]]);
        let [binary, by_class] = [Average::default(), Average::Macro];
        assert_eq!(
            Recall { average: binary }.score(&matrix),
            Recall { average: by_class }.score(&matrix)
        );
        assert_eq!(
            Recall::default().warning(&matrix).unwrap(),
            "the average is binary, but there are 3 classes: it is macro instead"
        );
        assert_eq!(Recall { average: by_class }.warning(&matrix), None);
    }

    #[test]
    fn it_is_a_metric_that_starts_anew_each_epoch() {
        let device = Device::flex();
        let output: AnyTensor =
            Tensor::<2>::from_data([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]], &device).into();
        let target: AnyTensor = Tensor::<1, Int>::from_data([1, 1, 0], &device).into();
        let mut recall = Recall::default().into_metric();
        assert_eq!(recall.name(), "recall");
        assert!(recall.value().is_nan());
        recall.update(&output, &target).unwrap();
        assert_eq!(recall.value(), 0.5);
        recall.reset();
        assert!(recall.value().is_nan());
    }

    #[test]
    fn targets_that_are_no_class_are_an_error() {
        let device = Device::flex();
        let output: AnyTensor = Tensor::<2>::zeros([1, 2], &device).into();
        let target: AnyTensor = Tensor::<1, Int>::from_data([2], &device).into();
        let error = ConfusionMatrix::default().update(&output, &target).unwrap_err();
        assert_eq!(error.to_string(), "confusion_matrix, target: class 2 of 2");
        let target: AnyTensor = Tensor::<1, Int>::from_data([1], &device).into();
        let error = ConfusionMatrix::new(3).update(&output, &target).unwrap_err();
        assert_eq!(
            error.to_string(),
            "confusion_matrix, output: 2 classes, 3 in the batches before"
        );
        assert_eq!(
            error.hint().unwrap(),
            "does the metric fit the model's outputs and the targets?"
        );
    }
}
