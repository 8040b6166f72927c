//! Learners for text, at fastai's settings.

use burn::tensor::Device;
use tinderbox_data::{DataBunch, text::IGNORE_TAG};
use tinderbox_learn::{
    Learner,
    callback::ResetState,
    loss::{CrossEntropyFlat, IntoLoss},
    metric::{Perplexity, accuracy, token_accuracy},
};
use tinderbox_model::arch::TextSpec;

use crate::Result;

/// Learns which word comes next. A state starts anew with each epoch, and perplexity is measured
/// besides accuracy. The first weights follow from `seed`.
///
/// fastai's `language_model_learner`.
///
/// # Errors
/// As [`TextSpec::build`].
pub fn language_model_learner(data: DataBunch, spec: &TextSpec, seed: u64) -> Result<Learner> {
    let learner = learner(data, spec, CrossEntropyFlat::default(), seed)?;
    Ok(learner.metrics((accuracy, Perplexity::default())).callback(ResetState))
}

/// Learns the class of whole texts; fastai's `text_classifier_learner`.
///
/// # Errors
/// As [`TextSpec::build`].
pub fn text_classifier_learner(data: DataBunch, spec: &TextSpec, seed: u64) -> Result<Learner> {
    Ok(learner(data, spec, CrossEntropyFlat::default(), seed)?.metrics(accuracy))
}

/// Learns a label for each word: padding, whose label is [`IGNORE_TAG`], does not count.
///
/// # Errors
/// As [`TextSpec::build`].
pub fn tagger_learner(data: DataBunch, spec: &TextSpec, seed: u64) -> Result<Learner> {
    let loss = CrossEntropyFlat { ignore: Some(IGNORE_TAG), ..CrossEntropyFlat::default() };
    Ok(learner(data, spec, loss, seed)?.metrics(token_accuracy))
}

/// With the architecture's groups, all of them trained.
pub(super) fn learner<Args>(
    data: DataBunch,
    spec: &TextSpec,
    loss: impl IntoLoss<Args>,
    seed: u64,
) -> Result<Learner> {
    let device = Device::flex().autodiff();
    device.seed(seed);
    let mut learner = Learner::boxed(data, spec.build(&device)?, loss).arch(spec.clone());
    let groups = spec.groups();
    if !groups.is_empty() {
        learner.split(groups)?;
    }
    Ok(learner)
}
