//! Where a classifier is wrong: largest losses and confused classes.

use std::path::Path;

use burn::{
    module::Module,
    tensor::{Int, Tensor},
};
use tinderbox_data::{
    Array, Values,
    picture::{Grid, Mark, Picture},
};
use tinderbox_learn::{Learner, Predictions, Set, metric::ConfusionMatrix};
use tinderbox_model::AnyTensor;

use crate::{Cells, Error, Result, grad_cam, heat, plot_confusion_matrix};

/// A classifier's predictions for a set, compared with its labels: fastai's
/// `ClassificationInterpretation`.
///
/// # Example
/// ```no_run
/// use tinderbox_interpret::Interpretation;
/// use tinderbox_learn::{Learner, Set};
///
/// # fn show(learner: &Learner) -> Result<(), tinderbox_interpret::Error> {
/// let interpretation = Interpretation::of(learner, Set::Valid)?;
/// for (actual, predicted, times) in interpretation.most_confused(2) {
///     println!("{actual} was predicted as {predicted} {times} times");
/// }
/// interpretation.plot_confusion_matrix("confusion.svg")?;
/// interpretation.plot_top_losses(9)?.save("worst.png")?;
/// # Ok(())
/// # }
/// ```
#[doc(alias = "ClassificationInterpretation")]
#[derive(Debug, Clone)]
pub struct Interpretation<'a> {
    learner: &'a Learner,
    set: Set,
    /// For each item, the probability of each class.
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
    /// The item's index in its set.
    pub item: usize,
    pub loss: f32,
    /// The indexes of the classes.
    pub predicted: usize,
    pub actual: usize,
    /// The probability of the actual class.
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

/// The `k` items with the largest losses, or the smallest, in that order: item and loss.
pub(crate) fn worst(items: &[usize], losses: &[f32], k: usize, largest: bool) -> Vec<(usize, f32)> {
    by_loss(losses, k, largest).into_iter().map(|row| (items[row], losses[row])).collect()
}

/// The numbers of each item, so many of each.
pub(crate) fn rows(tensor: AnyTensor, each: usize) -> Vec<Vec<f32>> {
    let values: Vec<f32> =
        tensor.into_flat().try_into_vec_as().expect("floats are readable as f32");
    values.chunks_exact(each.max(1)).map(<[f32]>::to_vec).collect()
}

/// What the captions of the images with the largest losses say.
const HEADING: &str = "prediction / actual / loss / probability of the actual class; \
                       the largest loss comes first, row by row";

impl<'a> Interpretation<'a> {
    /// Predicts a set.
    ///
    /// # Errors
    /// [`Error::NotClasses`] if the model is not a classifier; as
    /// [`get_preds`](Learner::get_preds).
    #[doc(alias = "from_learner")]
    pub fn of(learner: &'a Learner, set: Set) -> Result<Self> {
        Self::new(learner, set, learner.get_preds(set)?)
    }

    /// From existing predictions for a set, such as those of test-time augmentation.
    ///
    /// # Errors
    /// [`Error::NotClasses`] if they are not a probability of each class for each item.
    pub fn new(learner: &'a Learner, set: Set, predictions: Predictions) -> Result<Self> {
        let classes = learner.data().classes().len();
        let Predictions { outputs, targets, losses, items } = predictions;
        let (AnyTensor::Float2(outputs), AnyTensor::Int1(targets)) = (outputs, targets) else {
            return Err(Error::NotClasses);
        };
        let [n, of_classes] = outputs.dims();
        if of_classes != classes || targets.dims() != [n] {
            return Err(Error::NotClasses);
        }
        let targets: Vec<i64> =
            Tensor::<1, Int>::try_into_vec_as(targets).expect("whole numbers are readable as i64");
        Ok(Self {
            learner,
            set,
            probabilities: rows(outputs.into(), classes),
            targets: targets.into_iter().map(|target| target as usize).collect(),
            losses,
            items,
        })
    }

    /// The classes, in the order of their numbers.
    pub fn classes(&self) -> &'a [String] {
        self.learner.data().classes()
    }

    /// The most likely class of each row.
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

    /// The confusion matrix: how often each class was predicted as each.
    pub fn confusion_matrix(&self) -> ConfusionMatrix {
        let mut matrix = ConfusionMatrix::new(self.classes().len());
        for (actual, predicted) in self.targets.iter().zip(self.predicted()) {
            matrix.add(*actual, predicted);
        }
        matrix
    }

    /// The pairs of classes of which one was predicted as the other at least `min` times, the most
    /// frequent first: actual, predicted, count.
    pub fn most_confused(&self, min: u64) -> Vec<(&'a str, &'a str, u64)> {
        let classes = self.classes();
        let confused = self.confusion_matrix().most_confused(min).into_iter();
        let named = |(actual, predicted, times): (usize, usize, u64)| {
            (classes[actual].as_str(), classes[predicted].as_str(), times)
        };
        confused.map(named).collect()
    }

    /// Draws the confusion matrix with its counts. For shares, and for other files, see
    /// [`plot_confusion_matrix`](fn@plot_confusion_matrix).
    ///
    /// # Errors
    /// As there.
    pub fn plot_confusion_matrix(&self, file: impl AsRef<Path>) -> Result<()> {
        plot_confusion_matrix(&self.confusion_matrix(), self.classes(), Cells::Counts, file)
    }

    /// The `k` images with the largest losses, each with its predicted and its actual class, its
    /// loss, and the probability of the actual class.
    ///
    /// # Errors
    /// Those of preparing the images.
    pub fn plot_top_losses(&self, k: usize) -> Result<Picture> {
        self.draw_top_losses(k, |top| Ok(self.learner.data().picture(self.set, top.item)?))
    }

    /// [`plot_top_losses`](Self::plot_top_losses), with the regions behind the predicted class in red,
    /// by [`grad_cam`](fn@grad_cam).
    ///
    /// # Errors
    /// As there; [`Error::NoMap`] for a model without a feature map that is large enough.
    #[doc(alias = "heatmap")]
    pub fn plot_top_losses_with_heat(&self, k: usize) -> Result<Picture> {
        let model = self.learner.eval_model().train();
        let device = model.devices().first().cloned().unwrap_or_default();
        let data = self.learner.data();
        self.draw_top_losses(k, |top| {
            let Array { shape, values } = data.items(self.set, &[top.item])?.inputs;
            let ([_, channels, height, width], Values::F32(values)) = (&shape[..], values) else {
                return Err(tinderbox_data::Error::NotImages { shape }.into());
            };
            let x = Tensor::<1>::from_floats(&values[..], &device);
            let x = x.reshape([1, *channels, *height, *width]);
            let (map, size) = grad_cam(&*model, x, top.predicted).ok_or(Error::NoMap)?;
            Ok(heat(&data.picture(self.set, top.item)?, &map, size))
        })
    }

    fn draw_top_losses(
        &self,
        k: usize,
        picture: impl Fn(&TopLoss) -> Result<Picture>,
    ) -> Result<Picture> {
        let classes = self.classes();
        let mut grid = Grid::for_screen().heading(HEADING);
        for top in self.top_losses(k, true) {
            let picture = picture(&top)?;
            let TopLoss { loss, predicted, actual, probability, .. } = top;
            let mark = if predicted == actual { Mark::Right } else { Mark::Wrong };
            let (predicted, actual) = (&classes[predicted], &classes[actual]);
            let caption = format!("{predicted} / {actual} / {loss:.2} / {probability:.2}");
            grid = grid.marked(picture, caption, mark);
        }
        Ok(grid.draw())
    }
}
