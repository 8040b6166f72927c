//! What a model that tells classes apart is right and wrong about.

use std::path::{Path, PathBuf};

use tinderbox_data::batch::Set;
use tinderbox_interpret::Interpretation;
use tinderbox_learn::{Learner, metric::ConfusionMatrix};

use super::{InterpretSettings, Interpreted, activations, counts};
use crate::{ClassResult, Result, Scores};

/// Loss and accuracy of a learner's validation set, and how right it is about each class.
pub(crate) fn score(learner: &mut Learner) -> Result<Scores> {
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

/// The same, with what is drawn into a folder by `draw`.
pub(crate) fn interpret(
    learner: &mut Learner,
    settings: &InterpretSettings,
    draw: impl FnOnce(&Learner, &Interpretation<'_>, &ConfusionMatrix, &Path) -> Result<Vec<PathBuf>>,
) -> Result<Interpreted> {
    let out = settings.folder()?;
    let found = Interpretation::of(learner, Set::Valid)?;
    let matrix = found.confusion_matrix();
    let pictures = draw(learner, &found, &matrix, &out)?;
    let top = found.top_losses(settings.top_losses, true);
    let name = |item: usize| learner.data().name(Set::Valid, item);
    let confused = found.most_confused(settings.min_confused).into_iter();
    Ok(Interpreted {
        accuracy: Some(matrix.right() as f64 / matrix.total() as f64),
        classes: ClassResult::of(&matrix, found.classes()),
        most_confused: confused.map(|(a, p, n)| (a.to_owned(), p.to_owned(), n)).collect(),
        confusion: counts(&matrix, settings),
        top_losses: top.into_iter().map(|top| (name(top.item), top.loss)).collect(),
        activations: activations(learner, settings)?,
        pictures,
    })
}
