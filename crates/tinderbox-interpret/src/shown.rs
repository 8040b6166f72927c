//! Pictures of what a model says: results, and those that it is most wrong about.

use burn::{module::Module, tensor::Tensor};
use tinderbox_data::{
    Array, Batch, DataBunch, TargetKind, Values,
    batch::Set,
    picture::{Grid, Mark, Palette, Picture},
};
use tinderbox_learn::Learner;
use tinderbox_model::AnyTensor;

use crate::{Error, Interpretation, Result, SegmentationInterpretation, TopLoss, grad_cam, heat};

/// Items of a set, evenly from its first on, with what is true and what the model says: fastai's
/// `show_results`, which shows the first ones, all of one class where folders are classes. Of
/// classes and numbers, `rows` × `rows` pictures; of masks and of pictures to be made, rows of a
/// picture, its target, and what the model makes of it.
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
        TargetKind::Mask { classes, .. } => {
            Ok(MaskGrid::new(classes).with(&shown, learner.outputs(batch)?, "picture").draw())
        }
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

/// Pictures with what the model says about each above it, and what is true.
fn captioned(
    learner: &Learner,
    set: Set,
    columns: usize,
    batch: Batch,
    shown: &Batch,
) -> Result<Picture> {
    let predictions = learner.predict(batch)?;
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

/// Rows of an input, the picture that is to be made of it, and the model's.
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

/// So many items of a set, as far apart as they can be.
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

/// Rows of a picture, its mask, and the model's.
struct MaskGrid {
    palette: Palette,
    grid: Grid,
}

impl MaskGrid {
    fn new(classes: &[String]) -> Self {
        Self { palette: Palette::of(classes), grid: Grid::new(3).cells_of(CLOSE_CELL) }
    }

    /// Adds the pictures of a batch, with this above each of them.
    fn with(mut self, shown: &Batch, outputs: AnyTensor, caption: &str) -> Self {
        for (row, predicted) in codes(outputs).iter().enumerate() {
            let picture = Picture::of_array(&shown.inputs.row(row));
            let over = |codes: &Array| {
                let mut picture = picture.clone();
                picture.overlay(codes, &self.palette);
                picture
            };
            let (mask, predicted) = (over(&shown.targets.row(row)), over(predicted));
            self.grid =
                self.grid.cell(picture, caption).cell(mask, "mask").cell(predicted, "predicted");
        }
        self
    }

    fn draw(&self) -> Picture {
        let drawn = self.grid.draw();
        drawn.above(&self.palette.legend(drawn.width()))
    }
}

/// The likeliest class of each pixel, `[1, height, width]` for each item.
fn codes(outputs: AnyTensor) -> Vec<Array> {
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

/// The pictures that a classifier is most wrong about: predicted, actual, loss, and the probability
/// of the actual class.
///
/// # Errors
/// Those of preparing the pictures.
pub fn plot_top_losses(
    learner: &Learner,
    set: Set,
    interpretation: &Interpretation,
    k: usize,
) -> Result<Picture> {
    top_losses(interpretation, k, |top| Ok(learner.data().picture(set, top.item)?))
}

/// [`plot_top_losses`], with red where a picture speaks for the class that it was taken for, by
/// [`grad_cam`].
///
/// # Errors
/// As there; [`Error::NoMap`] for a model that has no map to look at.
pub fn plot_top_losses_with_heat(
    learner: &Learner,
    set: Set,
    interpretation: &Interpretation,
    k: usize,
) -> Result<Picture> {
    let model = learner.eval_model().train();
    let device = model.devices().first().cloned().unwrap_or_default();
    top_losses(interpretation, k, |top| {
        let data = learner.data();
        let Array { shape, values } = data.items(set, &[top.item])?.inputs;
        let ([_, channels, height, width], Values::F32(values)) = (&shape[..], values) else {
            return Err(tinderbox_data::Error::NotImages { shape }.into());
        };
        let x = Tensor::<1>::from_floats(&values[..], &device);
        let x = x.reshape([1, *channels, *height, *width]);
        let (map, size) = grad_cam(&*model, x, top.predicted).ok_or(Error::NoMap)?;
        Ok(heat(&data.picture(set, top.item)?, &map, size))
    })
}

/// The pictures that a segmenter is most wrong about, each with its loss, its mask, and the model's.
///
/// # Errors
/// [`Error::NotMasks`] for other targets; those of preparing the pictures and of the model.
pub fn plot_top_losses_of_masks(
    learner: &Learner,
    set: Set,
    interpretation: &SegmentationInterpretation,
    k: usize,
) -> Result<Picture> {
    let data = learner.data();
    let TargetKind::Mask { classes, .. } = data.target() else { return Err(Error::NotMasks) };
    let mut grid = MaskGrid::new(classes);
    for (item, loss) in interpretation.top_losses(k, true) {
        // One at a time: there may be many, and large ones.
        let batch = data.items(set, &[item])?;
        let shown = data.denormalized(batch.clone());
        grid = grid.with(&shown, learner.outputs(batch)?, &format!("loss {loss:.2}"));
    }
    Ok(grid.draw())
}

fn top_losses(
    interpretation: &Interpretation,
    k: usize,
    picture: impl Fn(&TopLoss) -> Result<Picture>,
) -> Result<Picture> {
    let classes = interpretation.classes();
    let columns = (k.max(1) as f64).sqrt().ceil() as usize;
    let mut grid = Grid::new(columns);
    for top in interpretation.top_losses(k, true) {
        let picture = picture(&top)?;
        let TopLoss { loss, predicted, actual, probability, .. } = top;
        let mark = if predicted == actual { Mark::Right } else { Mark::Wrong };
        let (predicted, actual) = (&classes[predicted], &classes[actual]);
        let caption = format!("{predicted}/{actual} / {loss:.2} / {probability:.2}");
        grid = grid.marked(picture, caption, mark);
    }
    Ok(grid.draw())
}
