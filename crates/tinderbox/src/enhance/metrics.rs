//! How good image-to-image models are, beside doing nothing.

use tinderbox_data::{Normalize, TargetKind, batch::Set, damage::Crappifier, transform::Size};
use tinderbox_interpret::show_results;
use tinderbox_learn::{
    Learner,
    metric::{AbError, Colorfulness, IntoMetric, Metric, MsSsim, PixelL1, Psnr, Ssim},
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

/// The learner with the columns of the epoch table: of colorization, how far colors are from the
/// target's and how colorful images are; else the signal-to-noise ratio and the structural similarity.
/// Each beside what it is of the input.
pub(super) fn of_training(learner: Learner) -> Learner {
    let normalize = normalization(&learner);
    let metrics: Vec<Box<dyn Metric>> = match facts(&learner) {
        (true, _) => vec![
            AbError::new(normalize.clone()).into_metric(),
            AbError::new(normalize.clone()).of_input().into_metric(),
            Colorfulness::new(normalize.clone()).into_metric(),
            Colorfulness::new(normalize.clone()).of_target().into_metric(),
        ],
        (false, _) => vec![
            Psnr::new(normalize.clone()).into_metric(),
            Psnr::new(normalize.clone()).of_input().into_metric(),
            Ssim::new(normalize.clone()).into_metric(),
            Ssim::new(normalize.clone()).of_input().into_metric(),
        ],
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
    let mut metrics: Vec<Box<dyn Metric>> = vec![
        Psnr::new(normalize.clone()).into_metric(),
        Psnr::new(normalize.clone()).of_input().into_metric(),
        Psnr::new(normalize.clone()).luma().into_metric(),
        Psnr::new(normalize.clone()).luma().of_input().into_metric(),
        Ssim::new(normalize.clone()).into_metric(),
        Ssim::new(normalize.clone()).of_input().into_metric(),
        MsSsim::new(normalize.clone()).into_metric(),
        MsSsim::new(normalize.clone()).of_input().into_metric(),
        PixelL1::new(normalize.clone()).into_metric(),
        PixelL1::new(normalize.clone()).of_input().into_metric(),
    ];
    if gray {
        metrics.extend([
            AbError::new(normalize.clone()).into_metric(),
            AbError::new(normalize.clone()).of_input().into_metric(),
            Colorfulness::new(normalize.clone()).into_metric(),
            Colorfulness::new(normalize.clone()).of_input().into_metric(),
            Colorfulness::new(normalize.clone()).of_target().into_metric(),
        ]);
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
