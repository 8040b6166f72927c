//! Which items a classifier is wrong about, and what it takes them for.

use burn::tensor::{Int, Tensor};
use tinderbox_learn::{Learner, Predictions, Set, metric::ConfusionMatrix};
use tinderbox_model::AnyTensor;

use crate::{Error, Result};

/// What a classifier says about a set, beside what is true: fastai's `ClassificationInterpretation`.
///
/// # Example
/// ```no_run
/// use tinderbox_interpret::Interpretation;
/// use tinderbox_learn::{Learner, Set};
///
/// # fn show(learner: &Learner) -> Result<(), tinderbox_interpret::Error> {
/// let interpretation = Interpretation::of(learner, Set::Valid)?;
/// for (actual, predicted, times) in interpretation.most_confused(2) {
///     println!("{actual} was taken for {predicted} {times} times");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Interpretation {
    classes: Vec<String>,
    /// Of each item, a probability for each class.
    probabilities: Vec<Vec<f32>>,
    targets: Vec<usize>,
    losses: Vec<f32>,
    items: Vec<usize>,
}

/// One of the items with the largest or smallest losses.
#[derive(Debug, Clone, PartialEq)]
pub struct TopLoss {
    /// The row of the predictions.
    pub row: usize,
    /// The item's number in its set.
    pub item: usize,
    pub loss: f32,
    /// The classes' numbers.
    pub predicted: usize,
    pub actual: usize,
    /// Of the actual class.
    pub probability: f32,
}

/// The rows of the `k` largest losses, or the smallest, in that order.
pub(crate) fn by_loss(losses: &[f32], k: usize, largest: bool) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..losses.len()).collect();
    rows.sort_by(|a, b| {
        let order = losses[*a].total_cmp(&losses[*b]);
        if largest { order.reverse() } else { order }
    });
    rows.truncate(k);
    rows
}

impl Interpretation {
    /// Predicts for a set.
    ///
    /// # Errors
    /// [`Error::NotClasses`] if the model tells no classes apart; as
    /// [`get_preds`](Learner::get_preds).
    pub fn of(learner: &Learner, set: Set) -> Result<Self> {
        Self::new(learner.get_preds(set)?, learner.data().classes())
    }

    /// Of predictions that are made.
    ///
    /// # Errors
    /// [`Error::NotClasses`] if they are not a probability of each class for each item.
    pub fn new(predictions: Predictions, classes: &[String]) -> Result<Self> {
        let Predictions { outputs, targets, losses, items } = predictions;
        let (AnyTensor::Float2(outputs), AnyTensor::Int1(targets)) = (outputs, targets) else {
            return Err(Error::NotClasses);
        };
        let [n, of_classes] = outputs.dims();
        if of_classes != classes.len() || targets.dims() != [n] {
            return Err(Error::NotClasses);
        }
        let outputs: Vec<f32> =
            outputs.reshape([-1]).try_into_vec_as().expect("floats are readable as f32");
        let targets: Vec<i64> =
            Tensor::<1, Int>::try_into_vec_as(targets).expect("whole numbers are readable as i64");
        Ok(Self {
            classes: classes.to_vec(),
            probabilities: outputs.chunks_exact(of_classes.max(1)).map(<[f32]>::to_vec).collect(),
            targets: targets.into_iter().map(|target| target as usize).collect(),
            losses,
            items,
        })
    }

    /// The classes, in the order of their numbers.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The class that each row is most likely of.
    pub fn predicted(&self) -> Vec<usize> {
        let best = |row: &Vec<f32>| {
            let better = |best: usize, at: usize| if row[at] > row[best] { at } else { best };
            (0..row.len()).reduce(better).unwrap_or_default()
        };
        self.probabilities.iter().map(best).collect()
    }

    /// The `k` items with the largest losses, or the smallest, in that order.
    pub fn top_losses(&self, k: usize, largest: bool) -> Vec<TopLoss> {
        let predicted = self.predicted();
        let one = |row: usize| TopLoss {
            row,
            item: self.items[row],
            loss: self.losses[row],
            predicted: predicted[row],
            actual: self.targets[row],
            probability: self.probabilities[row][self.targets[row]],
        };
        by_loss(&self.losses, k, largest).into_iter().map(one).collect()
    }

    /// How often each class was taken for each.
    pub fn confusion_matrix(&self) -> ConfusionMatrix {
        let mut matrix = ConfusionMatrix::new(self.classes.len());
        for (actual, predicted) in self.targets.iter().zip(self.predicted()) {
            matrix.add(*actual, predicted);
        }
        matrix
    }

    /// The pairs of classes of which one was taken for the other at least `min` times, the most often
    /// first: actual, predicted, how often.
    pub fn most_confused(&self, min: u64) -> Vec<(&str, &str, u64)> {
        let confused = self.confusion_matrix().most_confused(min).into_iter();
        let named = |(actual, predicted, times): (usize, usize, u64)| {
            (self.classes[actual].as_str(), self.classes[predicted].as_str(), times)
        };
        confused.map(named).collect()
    }
}
