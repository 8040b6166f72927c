//! Images with predictions next to the labels.

use tinderbox_data::{
    Array, Batch, DataBunch, TargetKind, Values,
    batch::Set,
    picture::{Grid, Mark, Palette, Picture},
};
use tinderbox_learn::Learner;
use tinderbox_model::AnyTensor;

use crate::{Error, Result};

/// Items of a set, evenly from its first on, with their labels and predictions: fastai's
/// `show_results`, which shows the first ones, all of one class where folders are classes. Of
/// classes and numbers, `rows` × `rows` images; of masks and of images to be made, rows of a
/// image, its target, and the prediction.
///
/// # Errors
/// Those of preparing the items and of the model; [`NotImages`](tinderbox_data::Error::NotImages)
/// for inputs that are none, [`Error::NotShown`] for targets that cannot be shown.
///
/// # Panics
/// If there are no rows.
pub fn show_results(learner: &Learner, set: Set, rows: usize) -> Result<Picture> {
    let data = learner.data();
    let in_rows = matches!(data.target(), TargetKind::Mask { .. } | TargetKind::Image { .. });
    let batch = evenly(data, set, if in_rows { rows } else { rows * rows })?;
    let shown = data.denormalized(batch.clone());
    if !matches!(
        (&shown.inputs.shape[..], &shown.inputs.values),
        ([_, 1 | 3, _, _], Values::F32(_))
    ) {
        return Err(tinderbox_data::Error::NotImages { shape: shown.inputs.shape }.into());
    }
    match data.target() {
        TargetKind::Mask { classes, .. } => Ok(masks(classes, &shown, learner.outputs(batch)?)),
        TargetKind::Image { .. } => made(data, &shown, learner.outputs(batch)?),
        TargetKind::Category { .. }
        | TargetKind::MultiCategory { .. }
        | TargetKind::Number { .. }
        | TargetKind::Points { .. } => captioned(learner, set, rows, batch, &shown),
        // Of arrays: a class or a few numbers for each item.
        TargetKind::Array if shown.targets.shape.len() <= 2 => {
            captioned(learner, set, rows, batch, &shown)
        }
        target @ (TargetKind::Words { .. }
        | TargetKind::Tags { .. }
        | TargetKind::Empty
        | TargetKind::Array) => Err(Error::NotShown { target: target.list_name() }),
    }
}

/// Images with their prediction and label above each.
fn captioned(
    learner: &Learner,
    set: Set,
    columns: usize,
    batch: Batch,
    shown: &Batch,
) -> Result<Picture> {
    let predictions = learner.predict_batch(batch)?;
    let mut grid = Grid::new(columns);
    for (row, &item) in shown.items.iter().enumerate() {
        let (truth, said) = (learner.data().label(set, item), predictions[row].label.clone());
        let numbers = || {
            let each = predictions[row].probabilities.iter();
            each.map(|value| format!("{value:.2}")).collect::<Vec<_>>().join(" ")
        };
        let (caption, mark) = match said {
            Some(said) if said == truth => (said, Mark::Right),
            Some(said) => (format!("{said}, not {truth}"), Mark::Wrong),
            None => (format!("{} ({truth})", numbers()), Mark::Plain),
        };
        grid = grid.marked(Picture::of_array(&shown.inputs.row(row)), caption, mark);
    }
    Ok(grid.draw())
}

/// Rows of an input, its target image, and the prediction.
fn made(data: &DataBunch, shown: &Batch, outputs: AnyTensor) -> Result<Picture> {
    let shape = outputs.dims();
    if !matches!(shape[..], [_, 1 | 3, _, _]) {
        return Err(tinderbox_data::Error::NotImages { shape }.into());
    }
    let values = outputs.into_flat().try_into_vec_as().expect("floats are readable as f32");
    let outputs = Array { shape, values: Values::F32(values) };
    // Normalized as the targets are, if they are.
    let (inputs, items) = (shown.inputs.clone(), shown.items.clone());
    let predicted = data.denormalized(Batch { inputs, targets: outputs, items }).targets;
    let mut grid = Grid::new(3).cells_of(CLOSE_CELL);
    for row in 0..shown.items.len() {
        let picture = |array: &Array| Picture::of_array(&array.row(row));
        grid = grid
            .cell(picture(&shown.inputs), "input")
            .cell(picture(&shown.targets), "target")
            .cell(picture(&predicted), "predicted");
    }
    Ok(grid.draw())
}

/// This many items of a set, as far apart as they can be.
fn evenly(data: &DataBunch, set: Set, n: usize) -> Result<Batch> {
    let all = match set {
        Set::Train | Set::Fix => data.n_train(),
        Set::Valid => data.n_valid(),
        Set::Test => data.n_test(),
    };
    let n = n.min(all);
    let indexes: Vec<usize> = (0..n).map(|at| at * all / n).collect();
    Ok(data.items(set, &indexes)?)
}

/// What is compared pixel by pixel is looked at closely, in pixels.
const CLOSE_CELL: usize = 180;

/// Rows of an image, its mask, and the prediction.
fn masks(classes: &[String], shown: &Batch, outputs: AnyTensor) -> Picture {
    let palette = Palette::of(classes);
    let mut grid = Grid::new(3).cells_of(CLOSE_CELL);
    for (row, predicted) in codes(outputs).iter().enumerate() {
        let picture = Picture::of_array(&shown.inputs.row(row));
        let mask = overlaid(&picture, &shown.targets.row(row), &palette);
        let predicted = overlaid(&picture, predicted, &palette);
        grid = grid.cell(picture, "image").cell(mask, "mask").cell(predicted, "predicted");
    }
    let drawn = grid.draw();
    drawn.above(&palette.legend(drawn.width()))
}

/// An image with a mask over it.
pub(crate) fn overlaid(picture: &Picture, codes: &Array, palette: &Palette) -> Picture {
    let mut picture = picture.clone();
    picture.overlay(codes, palette);
    picture
}

/// The likeliest class of each pixel, `[1, height, width]` for each item.
pub(crate) fn codes(outputs: AnyTensor) -> Vec<Array> {
    let AnyTensor::Float4(scores) = outputs else { return Vec::new() };
    let [_, _, height, width] = scores.dims();
    let codes: Vec<i64> = scores
        .argmax(1)
        .reshape([-1])
        .try_into_vec_as()
        .expect("whole numbers are readable as i64");
    codes
        .chunks(height * width)
        .map(|codes| Array::i64([1, height, width], codes.to_vec()))
        .collect()
}
