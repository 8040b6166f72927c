//! Where a segmentation model is wrong: largest losses and confused classes.

use std::{ffi::OsStr, path::Path};

use tinderbox_data::{
    TargetKind,
    picture::{Grid, Palette, Picture},
};
use tinderbox_learn::{BatchOutput, Learner, Set, metric::ConfusionMatrix};
use tinderbox_model::AnyTensor;

use crate::{
    Cells, Error, Result,
    interpretation::worst,
    plot_confusion_matrix,
    shown::{codes, overlaid},
};

/// A segmentation model's predictions for a set, compared with its masks, image by image: fastai's
/// `SegmentationInterpretation`. The predicted masks are not kept.
///
/// # Example
/// ```no_run
/// use tinderbox_interpret::SegmentationInterpretation;
/// use tinderbox_learn::{Learner, Set};
///
/// # fn show(learner: &Learner) -> Result<(), tinderbox_interpret::Error> {
/// SegmentationInterpretation::of(learner, Set::Valid)?.plot_top_losses(9)?.save("worst.png")?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct SegmentationInterpretation<'a> {
    learner: &'a Learner,
    set: Set,
    losses: Vec<f32>,
    items: Vec<usize>,
    /// The confusion matrix of each image, without ignored pixels.
    matrices: Vec<ConfusionMatrix>,
}

/// What the captions of the images with the largest losses say.
const HEADING: &str = "left: the actual mask, right: the predicted one; \
                       the largest loss comes first, row by row";

impl<'a> SegmentationInterpretation<'a> {
    /// Predicts a set, a batch at a time. Pixels of the void class are ignored.
    ///
    /// # Errors
    /// [`Error::NotMasks`] if the model does not segment images; as
    /// [`each_output`](Learner::each_output).
    #[doc(alias = "from_learner")]
    pub fn of(learner: &'a Learner, set: Set) -> Result<Self> {
        let mut found =
            Self { learner, set, losses: Vec::new(), items: Vec::new(), matrices: Vec::new() };
        if !matches!(learner.data().target(), TargetKind::Mask { .. }) {
            return Err(Error::NotMasks);
        }
        let mut refused = None;
        learner.each_output(set, |batch| {
            refused = refused.take().or(found.add(batch).err());
            Ok(())
        })?;
        refused.map_or(Ok(found), Err)
    }

    /// Adds the images of a batch.
    fn add(&mut self, batch: BatchOutput) -> Result<()> {
        let BatchOutput { raw, target, losses, items } = batch;
        if !matches!(raw, AnyTensor::Float4(_)) {
            return Err(Error::NotMasks);
        }
        let uncounted = self.learner.data().target().uncounted().map(i64::from);
        for row in 0..items.len() {
            let mut matrix = ConfusionMatrix::new(self.classes().len());
            let (raw, target) =
                (raw.clone().items(row..row + 1), target.clone().items(row..row + 1));
            matrix.update_pixels(&raw, &target, uncounted)?;
            self.matrices.push(matrix);
        }
        self.losses.extend(losses);
        self.items.extend(items);
        Ok(())
    }

    /// The classes, in the order of their codes.
    pub fn classes(&self) -> &'a [String] {
        self.learner.data().classes()
    }

    /// The `k` images with the largest losses, or the smallest, in that order: item and loss.
    pub fn top_losses(&self, k: usize, largest: bool) -> Vec<(usize, f32)> {
        worst(&self.items, &self.losses, k, largest)
    }

    /// For each image, the share of each class's pixels that was predicted as each; NaN for a class
    /// that is not in it.
    pub fn of_pictures(&self) -> Vec<Vec<Vec<f64>>> {
        self.matrices.iter().map(shares).collect()
    }

    /// The same as a mean over the images that have the class.
    pub fn mean(&self) -> Vec<Vec<f64>> {
        let n = self.classes().len();
        let pictures = self.of_pictures();
        let mean = |actual: usize, predicted: usize| {
            let values = pictures.iter().map(|picture| picture[actual][predicted]);
            let there: Vec<f64> = values.filter(|value| !value.is_nan()).collect();
            there.iter().sum::<f64>() / there.len() as f64
        };
        (0..n).map(|actual| (0..n).map(|predicted| mean(actual, predicted)).collect()).collect()
    }

    /// The pixels of all images together.
    pub fn confusion_matrix(&self) -> ConfusionMatrix {
        let n = self.classes().len();
        let mut sum = ConfusionMatrix::new(n);
        for matrix in &self.matrices {
            sum.add_all(matrix);
        }
        sum
    }

    /// The share of each image's pixels that are correct, with its item.
    pub fn accuracies(&self) -> Vec<(usize, f64)> {
        let share = |matrix: &ConfusionMatrix| matrix.right() as f64 / matrix.total() as f64;
        self.items.iter().copied().zip(self.matrices.iter().map(share)).collect()
    }

    /// The pairs of classes of which one was predicted as the other in at least `min` pixels, the most
    /// frequent first: actual, predicted, count.
    pub fn most_confused(&self, min: u64) -> Vec<(&'a str, &'a str, u64)> {
        let classes = self.classes();
        let confused = self.confusion_matrix().most_confused(min).into_iter();
        let named = |(actual, predicted, pixels): (usize, usize, u64)| {
            (classes[actual].as_str(), classes[predicted].as_str(), pixels)
        };
        confused.map(named).collect()
    }

    /// Draws the confusion matrix of all pixels, as shares of their actual class. For counts see
    /// [`plot_confusion_matrix`](fn@plot_confusion_matrix).
    ///
    /// # Errors
    /// As there.
    pub fn plot_confusion_matrix(&self, file: impl AsRef<Path>) -> Result<()> {
        plot_confusion_matrix(&self.confusion_matrix(), self.classes(), Cells::Shares, file)
    }

    /// The `k` images with the largest losses, each with its mask and, next to it, the prediction.
    ///
    /// # Errors
    /// Those of preparing the images and of the model.
    pub fn plot_top_losses(&self, k: usize) -> Result<Picture> {
        let data = self.learner.data();
        let palette = Palette::of(self.classes());
        let mut grid = Grid::for_screen().heading(HEADING);
        for (item, loss) in self.top_losses(k, true) {
            // One at a time: there may be many, and large ones.
            let batch = data.items(self.set, &[item])?;
            let shown = data.denormalized(batch.clone());
            let picture = Picture::of_array(&shown.inputs.row(0));
            let actual = overlaid(&picture, &shown.targets.row(0), &palette);
            let predicted = codes(self.learner.outputs(batch)?).remove(0);
            let predicted = overlaid(&picture, &predicted, &palette);
            let name = data.name(self.set, item);
            let file =
                Path::new(&name).file_name().map_or(name.as_str().into(), OsStr::to_string_lossy);
            grid = grid.cell(actual.beside(&predicted), format!("loss {loss:.2}: {file}"));
        }
        let drawn = grid.draw();
        Ok(drawn.above(&palette.legend(drawn.width())))
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
