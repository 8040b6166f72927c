//! What a segmentation model is right and wrong about.

use tinderbox_data::{DataBunch, Values, batch::Set};
use tinderbox_interpret::{Cells, SegmentationInterpretation};
use tinderbox_learn::{Learner, metric::ConfusionMatrix};

use crate::{
    ClassCount, ClassResult, InterpretSettings, Interpreted, Result, Scores,
    interpret::{activations, counts as matrix_counts, results},
};

/// Loss, accuracy and mean IoU of a learner's validation set, and how right it is about each class:
/// over all pixels that count, as in training.
pub(super) fn score(learner: &mut Learner) -> Result<Scores> {
    let void = uncounted(learner.data());
    let mut matrix = ConfusionMatrix::new(learner.data().classes().len());
    let mut losses = Vec::new();
    learner.each_output(Set::Valid, |batch| {
        losses.extend(batch.losses.into_iter().map(f64::from));
        matrix.update_pixels(&batch.raw, &batch.target, void)
    })?;
    let loss = losses.iter().sum::<f64>() / losses.len() as f64;
    let accuracy = matrix.right() as f64 / matrix.total() as f64;
    let metrics =
        vec![("accuracy".to_owned(), accuracy), ("mean_iou".to_owned(), matrix.mean_iou(void))];
    Ok(Scores {
        classes: class_results(&matrix, learner.data().classes(), void),
        ..Scores::new(learner.data(), loss, metrics)
    })
}

pub(super) fn interpret(
    learner: &mut Learner,
    settings: &InterpretSettings,
) -> Result<Interpreted> {
    let out = settings.folder()?;
    let void = uncounted(learner.data());
    let found = SegmentationInterpretation::of(learner, Set::Valid)?;
    let matrix = found.confusion_matrix();
    let mut pictures = results(learner, &matrix, Cells::Shares, &out)?;
    let worst = out.join("top_losses.png");
    found.plot_top_losses(settings.top_losses)?.save(&worst)?;
    pictures.push(worst);
    let mut confused = matrix.most_confused(settings.min_confused);
    confused.truncate(2 * found.classes().len());
    let class = |code: usize| found.classes()[code].clone();
    let name = |item: usize| learner.data().name(Set::Valid, item);
    let top = found.top_losses(settings.top_losses, true).into_iter();
    Ok(Interpreted {
        accuracy: Some(matrix.right() as f64 / matrix.total() as f64),
        classes: class_results(&matrix, found.classes(), void),
        most_confused: confused.into_iter().map(|(a, p, n)| (class(a), class(p), n)).collect(),
        confusion: matrix_counts(&matrix, settings),
        top_losses: top.map(|(item, loss)| (name(item), loss)).collect(),
        activations: activations(learner, settings)?,
        pictures,
    })
}

fn uncounted(data: &DataBunch) -> Option<i64> {
    data.target().uncounted().map(i64::from)
}

/// [`ClassResult::of`] pixels: those of `void` were not counted, so nothing is known of what was
/// said to be of it.
fn class_results(
    matrix: &ConfusionMatrix,
    classes: &[String],
    void: Option<i64>,
) -> Vec<ClassResult> {
    let mut results = ClassResult::of(matrix, classes);
    if let Some(void) = void.and_then(|code| results.get_mut(usize::try_from(code).ok()?)) {
        (void.precision, void.iou) = (None, None);
    }
    results
}

/// How many pixels of each class there are, at the size that the model sees.
pub(super) fn counts(data: &DataBunch) -> Result<Vec<ClassCount>> {
    let [train, valid] = [Set::Fix, Set::Valid].map(|set| -> Result<Vec<u64>> {
        let mut counts = vec![0; data.classes().len()];
        for batch in data.batches(set) {
            let Values::I64(codes) = batch?.targets.values else { continue };
            for code in codes {
                // Those without a class are of none.
                if let Some(count) = usize::try_from(code).ok().and_then(|at| counts.get_mut(at)) {
                    *count += 1;
                }
            }
        }
        Ok(counts)
    });
    let counts = data.classes().iter().cloned().zip(train?.into_iter().zip(valid?));
    Ok(counts.map(|(class, (train, valid))| ClassCount { class, train, valid }).collect())
}
