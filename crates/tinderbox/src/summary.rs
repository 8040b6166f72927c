//! The table of a model's layers.

use burn::tensor::{Device, Int, Tensor};
use tinderbox_model::{
    AnyTensor,
    arch::ModelSpec,
    summary::{Summary, summary_of},
};

use crate::Result;

/// The table of a model's layers, for a batch of this size.
///
/// # Errors
/// As [`ModelSpec::build`].
pub fn model_summary(spec: &ModelSpec, batch: usize) -> Result<Summary> {
    let device = Device::flex().autodiff();
    let model = spec.build(&device)?;
    let input: AnyTensor = match (spec.size(), spec.in_channels()) {
        (Some([height, width]), Some(channels)) => {
            Tensor::<4>::zeros([batch, channels, height, width], &device).into()
        }
        _ => Tensor::<2, Int>::zeros([batch, WORDS], &device).into(),
    };
    Ok(summary_of(&*model, input))
}

/// The length of the texts that a model's table is for; fastai's.
const WORDS: usize = 70;
