//! Targets of several labels each, or none.

use tinderbox_model::AnyTensor;

use crate::{
    Result,
    metric::{Metric, check_counts, host, pairs},
};

/// What a model's output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scores {
    /// Before the sigmoid, as a model's raw output is.
    #[default]
    Logits,
    /// In `0.0..=1.0`.
    Probabilities,
}

impl Scores {
    fn probability(self, score: f64) -> f64 {
        match self {
            Self::Logits => 1.0 / (1.0 + (-score).exp()),
            Self::Probabilities => score,
        }
    }
}

/// The share of labels that are rightly given or withheld, in `0.0..=1.0`: a label is given if its
/// probability is above `thresh`. fastai's is 0.5.
///
/// # Shapes
/// - `output`: scores, any shape
/// - `target`: as many zeros and ones
///
/// # Errors
/// [`Error::UnequalCounts`](crate::Error::UnequalCounts).
pub fn accuracy_thresh(
    output: AnyTensor,
    target: AnyTensor,
    thresh: f64,
    scores: Scores,
) -> Result<f64> {
    let labels = labels("accuracy_thresh", output, target, thresh, scores)?;
    let right = labels.iter().filter(|label| label.given == label.wanted).count();
    Ok(right as f64 / labels.len() as f64)
}

/// [`accuracy_thresh`] of items that have several scores each and one label: a critic's.
///
/// # Shapes
/// - `output`: scores, `[batch, scores..]`
/// - `target`: zeros and ones, `[batch]`
///
/// # Errors
/// [`Error::UnequalCounts`](crate::Error::UnequalCounts) if there are not as many labels as items.
pub fn accuracy_thresh_expand(
    output: &AnyTensor,
    target: AnyTensor,
    thresh: f64,
    scores: Scores,
) -> Result<f64> {
    let dims = output.dims();
    let (items, each) = (dims[0], dims[1..].iter().product::<usize>());
    let labels = host(target);
    check_counts("accuracy_thresh_expand", items, labels.len())?;
    let outputs = host(output.clone());
    let right = outputs.iter().enumerate().filter(|(at, score)| {
        let is_given = scores.probability(f64::from(**score)) > thresh;
        is_given == (labels[at / each] > 0.5)
    });
    Ok(right.count() as f64 / outputs.len() as f64)
}

/// Settings of [`fbeta`]. The defaults are fastai's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FbetaOptions {
    /// A label is given if its probability is above this.
    pub thresh: f64,
    /// How many times recall counts as much as precision.
    pub beta: f64,
    /// Keeps the ratios finite.
    pub eps: f64,
    /// What the model's outputs are.
    pub scores: Scores,
}

impl Default for FbetaOptions {
    fn default() -> Self {
        Self { thresh: 0.2, beta: 2.0, eps: 1e-9, scores: Scores::Logits }
    }
}

/// The harmonic mean of each item's precision and recall, averaged over the items.
///
/// # Shapes
/// - `output`: scores `[batch, labels]`
/// - `target`: zeros and ones `[batch, labels]`
///
/// # Errors
/// [`Error::UnequalCounts`](crate::Error::UnequalCounts).
pub fn fbeta(output: AnyTensor, target: AnyTensor, options: &FbetaOptions) -> Result<f64> {
    let FbetaOptions { thresh, beta, eps, scores } = *options;
    let dims = output.dims();
    let (items, width) = (dims[0], dims[dims.len() - 1].max(1));
    let labels = labels("fbeta", output, target, thresh, scores)?;
    let of_item = |labels: &[Label]| {
        let mut counts = Counts::default();
        for label in labels {
            counts.add(*label);
        }
        let precision = counts.right / (counts.given + eps);
        let recall = counts.right / (counts.wanted + eps);
        harmonic(precision, recall, beta, eps)
    };
    let sum: f64 = labels.chunks(width).map(of_item).sum();
    Ok(sum / items as f64)
}

/// How a [`MultiLabelFbeta`] weighs the labels.
///
/// For the score of each ask [`MultiLabelFbeta::per_label`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LabelAverage {
    /// Counts all labels together.
    #[default]
    Micro,
    /// All labels alike.
    Macro,
    /// Each label by how often it is wanted.
    Weighted,
}

/// The harmonic mean of precision and recall over the labels of a whole epoch.
///
/// # Shapes
/// - output: scores `[batch, labels]`
/// - target: zeros and ones `[batch, labels]`
#[derive(Debug, Clone)]
pub struct MultiLabelFbeta {
    /// How the labels' scores become one.
    pub average: LabelAverage,
    /// A label is given if its probability is above this.
    pub thresh: f64,
    /// How many times recall counts as much as precision.
    pub beta: f64,
    /// What the model's outputs are.
    pub scores: Scores,
    labels: Vec<Counts>,
}

impl Default for MultiLabelFbeta {
    /// fastai's settings.
    fn default() -> Self {
        Self::new(LabelAverage::Micro)
    }
}

impl MultiLabelFbeta {
    /// fastai's settings, with another average.
    pub fn new(average: LabelAverage) -> Self {
        Self { average, thresh: 0.3, beta: 2.0, scores: Scores::Logits, labels: Vec::new() }
    }

    /// The score of each label.
    pub fn per_label(&self) -> Vec<f64> {
        self.labels.iter().map(|counts| self.score(*counts)).collect()
    }

    fn score(&self, counts: Counts) -> f64 {
        const EPS: f64 = 1e-15;
        let precision = counts.right / (counts.given + EPS);
        harmonic(precision, counts.right / (counts.wanted + EPS), self.beta, EPS)
    }
}

impl Metric for MultiLabelFbeta {
    fn reset(&mut self) {
        self.labels.clear();
    }

    fn update(&mut self, output: &AnyTensor, target: &AnyTensor) -> Result<()> {
        let width = output.dims().last().copied().unwrap_or_default();
        let (output, target) = (output.clone(), target.clone());
        let labels = labels("multi_label_fbeta", output, target, self.thresh, self.scores)?;
        self.labels.resize(width.max(self.labels.len()), Counts::default());
        for row in labels.chunks(width.max(1)) {
            self.labels.iter_mut().zip(row).for_each(|(counts, label)| counts.add(*label));
        }
        Ok(())
    }

    fn value(&self) -> f64 {
        let sum = |of: fn(&Counts) -> f64| -> f64 { self.labels.iter().map(of).sum() };
        let total = Counts {
            right: sum(|counts| counts.right),
            given: sum(|counts| counts.given),
            wanted: sum(|counts| counts.wanted),
        };
        let scores = self.per_label();
        match self.average {
            _ if scores.is_empty() => f64::NAN,
            LabelAverage::Micro => self.score(total),
            LabelAverage::Macro => scores.iter().sum::<f64>() / scores.len() as f64,
            LabelAverage::Weighted => {
                let weighted = scores.iter().zip(&self.labels).map(|(s, counts)| s * counts.wanted);
                weighted.sum::<f64>() / total.wanted
            }
        }
    }
}

/// Whether a label was given, and whether it was wanted.
#[derive(Debug, Clone, Copy)]
struct Label {
    given: bool,
    wanted: bool,
}

fn labels(
    metric: &str,
    output: AnyTensor,
    target: AnyTensor,
    thresh: f64,
    scores: Scores,
) -> Result<Vec<Label>> {
    let label = |(score, target): (f64, f64)| Label {
        given: scores.probability(score) > thresh,
        wanted: target != 0.0,
    };
    Ok(pairs(metric, output, target)?.into_iter().map(label).collect())
}

/// How many labels were given, wanted, and both.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    right: f64,
    given: f64,
    wanted: f64,
}

impl Counts {
    fn add(&mut self, label: Label) {
        let one_if = |condition: bool| if condition { 1.0 } else { 0.0 };
        self.right += one_if(label.given && label.wanted);
        self.given += one_if(label.given);
        self.wanted += one_if(label.wanted);
    }
}

fn harmonic(precision: f64, recall: f64, beta: f64, eps: f64) -> f64 {
    let beta2 = beta * beta;
    (1.0 + beta2) * precision * recall / (beta2 * precision + recall + eps)
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Int, Tensor};

    use super::*;

    fn batch() -> (AnyTensor, AnyTensor) {
        let device = Device::flex();
        let output = Tensor::<2>::from_data([[0.9, 0.1, 0.9], [0.9, 0.9, 0.1]], &device);
        let target = Tensor::<2, Int>::from_data([[1, 0, 0], [1, 1, 1]], &device);
        (output.into(), target.into())
    }

    #[test]
    fn a_label_is_given_above_the_threshold() {
        let (output, target) = batch();
        let of = |scores| accuracy_thresh(output.clone(), target.clone(), 0.5, scores).unwrap();
        assert_eq!(of(Scores::Probabilities), 4.0 / 6.0);
        assert_eq!(of(Scores::Logits), 4.0 / 6.0, "all are given");
    }

    #[test]
    fn averages_over_an_epoch() {
        let (output, target) = batch();
        let of = |average| {
            let mut metric = MultiLabelFbeta {
                scores: Scores::Probabilities,
                beta: 1.0,
                ..MultiLabelFbeta::new(average)
            };
            metric.update(&output.clone().items(0..1), &target.clone().items(0..1)).unwrap();
            metric.update(&output.clone().items(1..2), &target.clone().items(1..2)).unwrap();
            (metric.value() * 1e6).round() / 1e6
        };
        // Labels score 1, 1 and 0; 3 of 4 given are right, 3 of 4 wanted are given.
        assert_eq!(of(LabelAverage::Micro), 0.75);
        assert_eq!(of(LabelAverage::Macro), 0.666_667);
        assert_eq!(of(LabelAverage::Weighted), 0.75);
        assert!(MultiLabelFbeta::default().value().is_nan());
    }

    #[test]
    fn precision_and_recall_of_each_item() {
        let (output, target) = batch();
        let options = FbetaOptions {
            thresh: 0.5,
            beta: 1.0,
            scores: Scores::Probabilities,
            ..Default::default()
        };
        let value = fbeta(output, target, &options).unwrap();
        assert!((value - f64::midpoint(2.0 / 3.0, 0.8)).abs() < 1e-6, "{value}");
    }
}
