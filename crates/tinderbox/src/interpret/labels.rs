//! What a model of several labels an item is right and wrong about.

use tinderbox_data::batch::Set;
use tinderbox_interpret::{LabelCounts, LabelsInterpretation, show_results};
use tinderbox_learn::Learner;

use super::{InterpretSettings, Interpreted, activations};
use crate::{ClassResult, Result, Scores};

/// Loss and metrics of a learner's validation set, and how right it is about each label.
pub(crate) fn score(learner: &mut Learner) -> Result<Scores> {
    let validated = learner.validate()?;
    let found = LabelsInterpretation::of(learner, Set::Valid)?;
    let classes = results(&found);
    Ok(Scores { classes, ..Scores::new(learner.data(), validated.loss, validated.metrics) })
}

/// The same, with some results and the images with the largest losses drawn.
pub(crate) fn interpret(learner: &Learner, settings: &InterpretSettings) -> Result<Interpreted> {
    const ROWS: usize = 4;
    let out = settings.folder()?;
    let found = LabelsInterpretation::of(learner, Set::Valid)?;
    let (shown, worst) = (out.join("results.png"), out.join("top_losses.png"));
    show_results(learner, Set::Valid, ROWS)?.save(&shown)?;
    found.plot_top_losses(settings.top_losses)?.save(&worst)?;
    let named = |(item, loss)| (learner.data().name(Set::Valid, item), loss);
    Ok(Interpreted {
        accuracy: Some(found.accuracy()),
        classes: results(&found),
        most_confused: Vec::new(),
        confusion: Vec::new(),
        top_losses: found.top_losses(settings.top_losses, true).into_iter().map(named).collect(),
        activations: activations(learner, settings)?,
        pictures: vec![shown, worst],
    })
}

fn results(found: &LabelsInterpretation<'_>) -> Vec<ClassResult> {
    let one = |(class, counts): (&String, LabelCounts)| {
        let LabelCounts { given, wanted, right } = counts;
        let share = |of: u64| (of > 0).then(|| right as f64 / of as f64);
        ClassResult {
            class: class.clone(),
            n: wanted,
            precision: share(given),
            recall: share(wanted),
            iou: share(given + wanted - right),
        }
    };
    found.classes().iter().zip(found.by_label()).map(one).collect()
}
