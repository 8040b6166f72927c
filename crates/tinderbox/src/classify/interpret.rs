//! What an image classifier is right and wrong about.

use tinderbox_data::batch::Set;
use tinderbox_interpret::{Cells, Interpretation, plot_top_losses, plot_top_losses_with_heat};
use tinderbox_learn::Learner;

use crate::{
    ClassResult, InterpretSettings, Interpreted, Result, Scores,
    interpret::{activations, counts, results},
};

/// Loss and accuracy of a learner's validation set, and how right it is about each class.
pub(super) fn score(learner: &mut Learner) -> Result<Scores> {
    let found = Interpretation::of(learner, Set::Valid)?;
    let matrix = found.confusion_matrix();
    let losses = found.top_losses(learner.data().n_valid(), true);
    let loss = losses.iter().map(|top| f64::from(top.loss)).sum::<f64>() / losses.len() as f64;
    let accuracy = matrix.right() as f64 / matrix.total() as f64;
    Ok(Scores {
        classes: ClassResult::of(&matrix, found.classes()),
        ..Scores::new(learner.data(), loss, vec![("accuracy".into(), accuracy)])
    })
}

pub(super) fn interpret(
    learner: &mut Learner,
    settings: &InterpretSettings,
) -> Result<Interpreted> {
    let out = settings.folder()?;
    let found = Interpretation::of(learner, Set::Valid)?;
    let matrix = found.confusion_matrix();
    let mut pictures = results(learner, &matrix, Cells::Counts, &out)?;
    let worst = out.join("top_losses.png");
    let draw = if settings.heat { plot_top_losses_with_heat } else { plot_top_losses };
    draw(learner, Set::Valid, &found, settings.top_losses)?.save(&worst)?;
    pictures.push(worst);
    let top = found.top_losses(settings.top_losses, true);
    let name = |item: usize| learner.data().name(Set::Valid, item);
    let confused = found.most_confused(settings.min_confused).into_iter();
    Ok(Interpreted {
        accuracy: matrix.right() as f64 / matrix.total() as f64,
        classes: ClassResult::of(&matrix, found.classes()),
        most_confused: confused.map(|(a, p, n)| (a.to_owned(), p.to_owned(), n)).collect(),
        confusion: counts(&matrix, settings),
        top_losses: top.into_iter().map(|top| (name(top.item), top.loss)).collect(),
        activations: activations(learner, settings)?,
        pictures,
    })
}
