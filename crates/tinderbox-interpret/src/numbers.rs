//! How far a model's numbers are from the true ones.

use std::path::Path;

use tinderbox_data::{
    TargetKind,
    picture::{Grid, Mark, Picture},
};
use tinderbox_learn::{Learner, Predictions, Set};

use crate::{
    Error, Result,
    interpretation::{by_loss, rows, worst},
    plot::plot_pairs,
};

/// What a model of numbers says about a set, beside what is true.
///
/// # Example
/// ```no_run
/// use tinderbox_interpret::NumbersInterpretation;
/// use tinderbox_learn::{Learner, Set};
///
/// # fn show(learner: &Learner) -> Result<(), tinderbox_interpret::Error> {
/// let interpretation = NumbersInterpretation::of(learner, Set::Valid)?;
/// interpretation.plot_predicted("predicted.svg")?;
/// interpretation.plot_top_losses(9)?.save("worst.png")?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct NumbersInterpretation<'a> {
    learner: &'a Learner,
    set: Set,
    /// Of each item.
    predicted: Vec<Vec<f32>>,
    actual: Vec<Vec<f32>>,
    losses: Vec<f32>,
    items: Vec<usize>,
}

/// What the captions of the images with the largest losses say.
const HEADING: &str = "predicted / actual / loss; the largest loss comes first, row by row";

impl<'a> NumbersInterpretation<'a> {
    /// Predicts for a set.
    ///
    /// # Errors
    /// [`Error::NotNumbers`] if the model gives no numbers; as [`get_preds`](Learner::get_preds).
    pub fn of(learner: &'a Learner, set: Set) -> Result<Self> {
        let TargetKind::Number { len, .. } = *learner.data().target() else {
            return Err(Error::NotNumbers);
        };
        let Predictions { outputs, targets, losses, items } = learner.get_preds(set)?;
        let (predicted, actual) = (rows(outputs, len), rows(targets, len));
        match predicted.len() == items.len() && actual.len() == items.len() {
            true => Ok(Self { learner, set, predicted, actual, losses, items }),
            false => Err(Error::NotNumbers),
        }
    }

    /// The `k` items with the largest losses, or the smallest, in that order: item and loss.
    pub fn top_losses(&self, k: usize, largest: bool) -> Vec<(usize, f32)> {
        worst(&self.items, &self.losses, k, largest)
    }

    /// Draws the predicted number of each item over its true one; what is right lies on the line.
    ///
    /// # Errors
    /// [`Error::Ending`] and [`Error::Draw`].
    pub fn plot_predicted(&self, file: impl AsRef<Path>) -> Result<()> {
        let pairs = |at: usize| {
            let pair = |(actual, predicted): (&Vec<f32>, &Vec<f32>)| {
                (f64::from(actual[at]), f64::from(predicted[at]))
            };
            self.actual.iter().zip(&self.predicted).map(pair).collect()
        };
        let numbers = self.actual.first().map_or(0, Vec::len);
        plot_pairs(&(0..numbers).map(pairs).collect::<Vec<_>>(), file.as_ref())
    }

    /// The `k` images with the largest losses, each with the predicted number, the true one, and
    /// its loss.
    ///
    /// # Errors
    /// Those of preparing the images.
    pub fn plot_top_losses(&self, k: usize) -> Result<Picture> {
        let shown = |numbers: &[f32]| {
            numbers.iter().map(|number| format!("{number:.4}")).collect::<Vec<_>>().join(" ")
        };
        let mut grid = Grid::for_screen().heading(HEADING);
        for row in by_loss(&self.losses, k, true) {
            let picture = self.learner.data().picture(self.set, self.items[row])?;
            let (predicted, actual) = (shown(&self.predicted[row]), shown(&self.actual[row]));
            let caption = format!("{predicted} / {actual} / {:.4}", self.losses[row]);
            grid = grid.marked(picture, caption, Mark::Plain);
        }
        Ok(grid.draw())
    }
}
