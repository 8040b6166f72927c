//! Which pictures a segmenter is wrong about, and which classes it takes for which.

use tinderbox_learn::{BatchOutput, Learner, Set, metric::ConfusionMatrix};
use tinderbox_model::AnyTensor;

use crate::{Error, Result, interpretation::by_loss};

/// What a segmenter says about a set, beside what is true, picture by picture: fastai's
/// `SegmentationInterpretation`. Maps are not kept.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentationInterpretation {
    classes: Vec<String>,
    losses: Vec<f32>,
    items: Vec<usize>,
    /// Of each picture, its pixels but for those of void.
    matrices: Vec<ConfusionMatrix>,
}

impl SegmentationInterpretation {
    /// Predicts for a set, a batch at a time. Pixels whose target is `void` are not counted.
    ///
    /// # Errors
    /// [`Error::NotMasks`] if the model gives no classes of pixels; as
    /// [`each_output`](Learner::each_output).
    pub fn of(learner: &Learner, set: Set, void: Option<i64>) -> Result<Self> {
        let mut found = Self::new(learner.data().classes());
        let mut refused = None;
        learner.each_output(set, |batch| {
            refused = refused.take().or(found.add(batch, void).err());
            Ok(())
        })?;
        refused.map_or(Ok(found), Err)
    }

    /// Of no pictures yet.
    pub fn new(classes: &[String]) -> Self {
        let classes = classes.to_vec();
        Self { classes, losses: Vec::new(), items: Vec::new(), matrices: Vec::new() }
    }

    /// Adds the pictures of a batch.
    ///
    /// # Errors
    /// [`Error::NotMasks`] if it is not of scores `[batch, classes, height, width]`; those of
    /// [`update_pixels`](ConfusionMatrix::update_pixels).
    pub fn add(&mut self, batch: BatchOutput, void: Option<i64>) -> Result<()> {
        let BatchOutput { raw, target, losses, items } = batch;
        if !matches!(raw, AnyTensor::Float4(_)) {
            return Err(Error::NotMasks);
        }
        for row in 0..items.len() {
            let mut matrix = ConfusionMatrix::new(self.classes.len());
            let (raw, target) =
                (raw.clone().items(row..row + 1), target.clone().items(row..row + 1));
            matrix.update_pixels(&raw, &target, void)?;
            self.matrices.push(matrix);
        }
        self.losses.extend(losses);
        self.items.extend(items);
        Ok(())
    }

    /// The classes, in the order of their codes.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The `k` pictures with the largest losses, or the smallest, in that order: item and loss.
    pub fn top_losses(&self, k: usize, largest: bool) -> Vec<(usize, f32)> {
        let rows = by_loss(&self.losses, k, largest).into_iter();
        rows.map(|row| (self.items[row], self.losses[row])).collect()
    }

    /// For each picture, the share of each class's pixels that was taken for each; NaN for a class
    /// that is not in it.
    pub fn of_pictures(&self) -> Vec<Vec<Vec<f64>>> {
        self.matrices.iter().map(shares).collect()
    }

    /// The same as a mean over the pictures that have the class.
    pub fn mean(&self) -> Vec<Vec<f64>> {
        let n = self.classes.len();
        let pictures = self.of_pictures();
        let mean = |actual: usize, predicted: usize| {
            let values = pictures.iter().map(|picture| picture[actual][predicted]);
            let there: Vec<f64> = values.filter(|value| !value.is_nan()).collect();
            there.iter().sum::<f64>() / there.len() as f64
        };
        (0..n).map(|actual| (0..n).map(|predicted| mean(actual, predicted)).collect()).collect()
    }

    /// The pixels of all pictures together.
    pub fn confusion_matrix(&self) -> ConfusionMatrix {
        let n = self.classes.len();
        let mut sum = ConfusionMatrix::new(n);
        for matrix in &self.matrices {
            sum.add_all(matrix);
        }
        sum
    }

    /// The share of each picture's pixels that are right, with its item.
    pub fn accuracies(&self) -> Vec<(usize, f64)> {
        let share = |matrix: &ConfusionMatrix| matrix.right() as f64 / matrix.total() as f64;
        self.items.iter().copied().zip(self.matrices.iter().map(share)).collect()
    }
}

/// The rows of a matrix, each divided by its sum.
pub(crate) fn shares(matrix: &ConfusionMatrix) -> Vec<Vec<f64>> {
    let share = |row: &[u64]| {
        let sum: u64 = row.iter().sum();
        row.iter().map(|count| *count as f64 / sum as f64).collect()
    };
    matrix.rows().map(share).collect()
}
