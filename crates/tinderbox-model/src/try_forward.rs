//! A forward pass whose failures have a place.

use std::panic::AssertUnwindSafe;

use crate::{AnyTensor, Layer, Trace, quiet};

/// A forward pass that stopped: where, and what the layer said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{layer}: {reason}")]
pub struct ForwardError {
    /// The layer's path, or the model's name if it was not in a layer yet.
    pub layer: String,
    pub reason: String,
}

/// Runs `model`, turning a panic inside a layer into an error that names the layer.
///
/// Burn panics when shapes do not fit, and does not know in which layer of the model it is. The
/// trace does: unwinding leaves its path where the panic happened.
///
/// # Errors
/// [`ForwardError`].
pub fn try_forward(model: &dyn Layer, x: AnyTensor) -> Result<AnyTensor, ForwardError> {
    let mut trace = Trace::off();
    let run = AssertUnwindSafe(|| model.forward_any(x, &mut trace));
    quiet::catch(run).map_err(|panic| {
        let layer = match trace.path() {
            path if path.is_empty() => model.name().to_owned(),
            path => path,
        };
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        ForwardError {
            layer,
            reason: text.unwrap_or_else(|| "it panicked without a message".into()),
        }
    })
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor};

    use super::*;
    use crate::arch::resnetish;

    #[test]
    fn the_layer_is_named() {
        let device = Device::flex();
        let model = resnetish(1, 10, &device);
        let error =
            try_forward(&model, Tensor::<4>::zeros([2, 3, 28, 28], &device).into()).unwrap_err();
        assert_eq!(error.layer, "0.0.0");
        assert!(error.reason.contains("for 1 channels, the input has 3"), "{error}");
        let error = try_forward(&model, Tensor::<2>::zeros([2, 3], &device).into()).unwrap_err();
        assert!(error.reason.contains("got a rank-2 float tensor of shape [2, 3]"), "{error}");
    }
}
