//! Forward passes of trained models.

use burn::tensor::{Device, Distribution, Tensor};
use tinderbox_model::{AnyTensor, Layer, Mode, Trace, set_mode};

use crate::Step;

/// Of a model on a device without autodiff, in evaluation mode.
pub(crate) fn step(model: impl Layer + 'static, input: [usize; 4]) -> Step {
    let model = set_mode(Box::new(model), Mode::Eval);
    let x = Tensor::<4>::random(input, Distribution::Normal(0.0, 1.0), &Device::flex());
    let x = AnyTensor::from(x);
    Box::new(move || _ = model.forward_any(x.clone(), &mut Trace::off()))
}
