//! A forward pass whose failures have a place.

use crate::{AnyTensor, Layer, Trace, catch_panic};

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
    try_forward_traced(model, x, &mut Trace::off())
}

/// [`try_forward`], watched.
///
/// # Errors
/// As there.
pub fn try_forward_traced(
    model: &dyn Layer,
    x: AnyTensor,
    trace: &mut Trace<'_>,
) -> Result<AnyTensor, ForwardError> {
    catch_panic(|| model.forward_any(x, trace)).map_err(|text| {
        let layer = match trace.path() {
            path if path.is_empty() => model.name().to_owned(),
            path => path,
        };
        // A layer that knows its place says it too; once is enough.
        let reason = text.strip_prefix(&format!("{layer}: ")).unwrap_or(&text).to_owned();
        ForwardError { layer, reason }
    })
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor};

    use super::*;
    use crate::{
        Merge, Sequential, Shortcut,
        arch::resnetish,
        conv_layer,
        layer::{BatchNorm1d, Embedding, ReLU},
    };

    #[track_caller]
    fn check(model: &dyn Layer, x: impl Into<AnyTensor>, message: &str) {
        assert_eq!(try_forward(model, x.into()).unwrap_err().to_string(), message);
    }

    #[test]
    fn the_layer_is_named() {
        let device = Device::flex();
        let model = resnetish(1, 10, &device);
        check(
            &model,
            Tensor::<4>::zeros([2, 3, 28, 28], &device),
            "0.0.0: the convolution's weights are for 1 channels, the input has 3",
        );
        check(
            &conv_layer(3, 2, &device),
            Tensor::<4>::zeros([1, 3, 1, 1], &device),
            "2: batch norm needs more than one value a channel in training, got [1, 2, 1, 1]",
        );
        let block = Sequential::new()
            .push(ReLU)
            .push(Shortcut::new().push(conv_layer(2, 3, &device)).merge(Merge::Add));
        check(
            &block,
            Tensor::<4>::zeros([1, 2, 3, 3], &device),
            "1.layers.1: maps of shapes [1, 3, 3, 3] and [1, 2, 3, 3] cannot be added",
        );
        check(
            &block,
            Tensor::<2>::zeros([2, 3], &device),
            "1: Shortcut: expected a rank-4 float tensor, got a rank-2 float tensor of shape [2, 3]",
        );
    }

    #[test]
    fn the_model_is_named_where_no_layer_ran() {
        let device = Device::flex();
        check(
            &Embedding::new(4, 2, &device),
            Tensor::<2>::zeros([2, 3], &device),
            "Embedding: expected a rank-2 int tensor, got a rank-2 float tensor of shape [2, 3]",
        );
        check(
            &BatchNorm1d::new(3, &device),
            Tensor::<4>::zeros([2, 3, 1, 1], &device),
            "BatchNorm1d: not for a rank-4 float tensor",
        );
        check(
            &BatchNorm1d::new(3, &device),
            Tensor::<2>::zeros([1, 3], &device),
            "BatchNorm1d: batch norm needs more than one value a channel in training, got [1, 3]",
        );
    }
}
