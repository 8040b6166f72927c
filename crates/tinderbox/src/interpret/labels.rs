//! What a model of several labels an item is right and wrong about.

use tinderbox_data::batch::Set;
use tinderbox_interpret::{LabelCounts, LabelsInterpretation, show_results};
use tinderbox_learn::{Learner, metric::Metric};

use super::{InterpretSettings, Interpreted, activations};
use crate::{ClassResult, Result, Scores};

/// Loss and metrics of a learner's validation set, and how right it is about each label. The metrics
/// are those of probabilities.
pub(crate) fn score(learner: &Learner, metrics: Vec<Box<dyn Metric>>) -> Result<Scores> {
    let predictions = learner.get_preds(Set::Valid)?;
    let mut values = Vec::new();
    for mut metric in metrics {
        metric.update(&predictions.outputs, &predictions.targets)?;
        values.push((metric.name(), metric.value()));
    }
    let found = LabelsInterpretation::new(learner, Set::Valid, predictions)?;
    let classes = results(&found);
    Ok(Scores { classes, ..Scores::new(learner.data(), found.loss(), values) })
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
        top_losses: found.top_losses(settings.top_losses, true).into_iter().map(named).collect(),
        activations: activations(learner, settings)?,
        pictures: vec![shown, worst],
        ..Interpreted::default()
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
