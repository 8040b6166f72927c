//! How good image-to-image models are, beside doing nothing.

use tinderbox_data::{Normalize, TargetKind, batch::Set, damage::Crappifier, transform::Size};
use tinderbox_interpret::show_results;
use tinderbox_learn::{
    Learner,
    metric::{
        AbError, Colorfulness, IntoMetric, Metric, MsSsim, PixelL1, Psnr, Ssim,
        pictures::{Measure, PictureMetric},
    },
};

use crate::{InterpretSettings, Interpreted, Result, Scores, interpret::activations};

/// Whether the learner's inputs are gray, and by how much its targets are larger than what they were
/// made to.
fn facts(learner: &Learner) -> (bool, usize) {
    match learner.data().target() {
        TargetKind::Image { scale, damage, .. } => {
            (damage.as_ref().is_some_and(Crappifier::is_gray), *scale)
        }
        _ => (false, 1),
    }
}

/// How the targets are normalized.
fn normalization(learner: &Learner) -> Option<Normalize> {
    learner.data().normalization().cloned()
}

/// A metric, and the same of the input: of doing nothing.
fn beside<M: Measure + Clone + 'static>(metric: PictureMetric<M>) -> [Box<dyn Metric>; 2] {
    [metric.clone(), metric.of_input()].map(IntoMetric::into_metric)
}

/// The learner with the columns of the epoch table: of colorization, how far colors are from the
/// target's and how colorful images are; else the signal-to-noise ratio and the structural similarity.
/// Each beside what it is of the input.
pub(super) fn of_training(learner: Learner) -> Learner {
    let normalize = normalization(&learner);
    let metrics: Vec<Box<dyn Metric>> = match facts(&learner) {
        (true, _) => {
            let colorfulness = Colorfulness::new(normalize.clone());
            let both =
                [colorfulness.clone(), colorfulness.of_target()].map(IntoMetric::into_metric);
            beside(AbError::new(normalize)).into_iter().chain(both).collect()
        }
        (false, _) => {
            let (psnr, ssim) = (Psnr::new(normalize.clone()), Ssim::new(normalize));
            [beside(psnr), beside(ssim)].into_iter().flatten().collect()
        }
    };
    learner.metrics(metrics)
}

/// All metrics of the validation set, each beside what it is of the input. Super-resolution is measured
/// on whole images, not on the parts that it was trained on.
pub(super) fn score(learner: &mut Learner) -> Result<Scores> {
    let normalize = normalization(learner);
    let (gray, scale) = facts(learner);
    if scale > 1 {
        let whole = learner.data().at_size(Size::Keep { multiple_of: scale }, 1)?;
        learner.set_data(whole);
    }
    let psnr = Psnr::new(normalize.clone());
    let mut metrics: Vec<Box<dyn Metric>> = [
        beside(psnr.clone()),
        beside(psnr.luma()),
        beside(Ssim::new(normalize.clone())),
        beside(MsSsim::new(normalize.clone())),
        beside(PixelL1::new(normalize.clone())),
    ]
    .into_iter()
    .flatten()
    .collect();
    if gray {
        let colorfulness = Colorfulness::new(normalize.clone());
        metrics.extend(beside(AbError::new(normalize)));
        metrics.extend(beside(colorfulness.clone()));
        metrics.push(colorfulness.of_target().into_metric());
    }
    let found = learner.validate_with(Set::Valid, metrics)?;
    Ok(Scores::new(learner.data(), found.loss, found.metrics))
}

/// The images with the largest losses, and a few of all, each as input, target and prediction.
pub(super) fn interpret(
    learner: &mut Learner,
    settings: &InterpretSettings,
) -> Result<Interpreted> {
    const ROWS: usize = 4;
    let out = settings.folder()?;
    let mut losses = Vec::new();
    learner.each_output(Set::Valid, |batch| {
        losses.extend(batch.items.into_iter().zip(batch.losses));
        Ok(())
    })?;
    losses.sort_by(|a, b| b.1.total_cmp(&a.1));
    losses.truncate(settings.top_losses);
    let results = out.join("results.png");
    show_results(learner, Set::Valid, ROWS)?.save(&results)?;
    let named = |(item, loss): (usize, f32)| (learner.data().name(Set::Valid, item), loss);
    Ok(Interpreted {
        top_losses: losses.into_iter().map(named).collect(),
        activations: activations(learner, settings)?,
        pictures: vec![results],
        ..Interpreted::default()
    })
}
