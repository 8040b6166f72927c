//! Where a model of several labels per item is wrong.

use tinderbox_data::{
    TargetKind,
    picture::{Grid, Mark, Picture},
};
use tinderbox_learn::{Learner, Predictions, Set};

use crate::{
    Error, Result,
    interpretation::{by_loss, rows, worst},
};

/// The predictions of a model of several labels per item for a set, compared with its labels.
///
/// # Example
/// ```no_run
/// use tinderbox_interpret::LabelsInterpretation;
/// use tinderbox_learn::{Learner, Set};
///
/// # fn show(learner: &Learner) -> Result<(), tinderbox_interpret::Error> {
/// let interpretation = LabelsInterpretation::of(learner, Set::Valid)?;
/// for label in interpretation.by_label() {
///     println!("{} of {} found, {} more", label.right, label.wanted, label.given - label.right);
/// }
/// interpretation.plot_top_losses(9)?.save("worst.png")?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct LabelsInterpretation<'a> {
    learner: &'a Learner,
    set: Set,
    /// Of each item, which labels the model gives.
    given: Vec<Vec<bool>>,
    wanted: Vec<Vec<bool>>,
    losses: Vec<f32>,
    items: Vec<usize>,
}

/// How often a label was given, how often it was right to, and how often it should have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LabelCounts {
    pub given: u64,
    pub wanted: u64,
    pub right: u64,
}

/// What the captions of the images with the largest losses say.
const HEADING: &str =
    "predicted labels / actual labels / loss; the largest loss comes first, row by row";

impl<'a> LabelsInterpretation<'a> {
    /// Predicts for a set. A label is given if its probability is above the data's threshold.
    ///
    /// # Errors
    /// [`Error::NotLabels`] if items do not have several labels; as
    /// [`get_preds`](Learner::get_preds).
    pub fn of(learner: &'a Learner, set: Set) -> Result<Self> {
        Self::new(learner, set, learner.get_preds(set)?)
    }

    /// Of predictions for a set that are made.
    ///
    /// # Errors
    /// [`Error::NotLabels`] if they are not a probability of each label for each item.
    pub fn new(learner: &'a Learner, set: Set, predictions: Predictions) -> Result<Self> {
        let TargetKind::MultiCategory { classes, threshold } = learner.data().target() else {
            return Err(Error::NotLabels);
        };
        let Predictions { outputs, targets, losses, items } = predictions;
        let flags = |tensor, above: f32| -> Vec<Vec<bool>> {
            let flags = |row: Vec<f32>| row.into_iter().map(|value| value > above).collect();
            rows(tensor, classes.len()).into_iter().map(flags).collect()
        };
        let (given, wanted) = (flags(outputs, *threshold), flags(targets, 0.5));
        match given.len() == items.len() && wanted.len() == items.len() {
            true => Ok(Self { learner, set, given, wanted, losses, items }),
            false => Err(Error::NotLabels),
        }
    }

    /// The labels, in their order.
    pub fn classes(&self) -> &'a [String] {
        self.learner.data().classes()
    }

    /// The share of labels that are rightly given or withheld: fastai's `accuracy_thresh`.
    pub fn accuracy(&self) -> f64 {
        let rows = self.given.iter().zip(&self.wanted);
        let right = rows.flat_map(|(given, wanted)| given.iter().zip(wanted));
        let right = right.filter(|(given, wanted)| given == wanted).count();
        right as f64 / (self.items.len() * self.classes().len()) as f64
    }

    /// The counts of each label.
    pub fn by_label(&self) -> Vec<LabelCounts> {
        let mut counts = vec![LabelCounts::default(); self.classes().len()];
        for (given, wanted) in self.given.iter().zip(&self.wanted) {
            for (at, counts) in counts.iter_mut().enumerate() {
                counts.given += u64::from(given[at]);
                counts.wanted += u64::from(wanted[at]);
                counts.right += u64::from(given[at] && wanted[at]);
            }
        }
        counts
    }

    /// The `k` items with the largest losses, or the smallest, in that order: item and loss.
    pub fn top_losses(&self, k: usize, largest: bool) -> Vec<(usize, f32)> {
        worst(&self.items, &self.losses, k, largest)
    }

    /// The mean of the items' losses.
    pub fn loss(&self) -> f64 {
        self.losses.iter().map(|loss| f64::from(*loss)).sum::<f64>() / self.losses.len() as f64
    }

    /// The `k` images with the largest losses, each with the labels that the model gives, those that
    /// it has, and its loss.
    ///
    /// # Errors
    /// Those of preparing the images.
    pub fn plot_top_losses(&self, k: usize) -> Result<Picture> {
        let named = |flags: &[bool]| {
            let labels = self.classes().iter().zip(flags).filter(|(_, flag)| **flag);
            let labels: Vec<&str> = labels.map(|(label, _)| label.as_str()).collect();
            if labels.is_empty() { "none".to_owned() } else { labels.join(";") }
        };
        let mut grid = Grid::for_screen().heading(HEADING);
        for row in by_loss(&self.losses, k, true) {
            let picture = self.learner.data().picture(self.set, self.items[row])?;
            let (given, wanted) = (&self.given[row], &self.wanted[row]);
            let mark = if given == wanted { Mark::Right } else { Mark::Wrong };
            let caption = format!("{} / {} / {:.2}", named(given), named(wanted), self.losses[row]);
            grid = grid.marked(picture, caption, mark);
        }
        Ok(grid.draw())
    }
}
