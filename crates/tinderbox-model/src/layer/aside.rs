//! What a pass leaves beside its output.

use std::cell::RefCell;

use burn::tensor::Tensor;

/// A number that a forward pass leaves for whoever asks next, in a `#[module(skip)]` field. It is
/// given once, and a clone starts without it.
#[derive(Debug, Default)]
pub(crate) struct Aside(RefCell<Option<Tensor<1>>>);

impl Aside {
    pub(crate) fn take(&self) -> Option<Tensor<1>> {
        self.0.take()
    }

    pub(crate) fn set(&self, value: Option<Tensor<1>>) {
        self.0.replace(value);
    }
}

impl Clone for Aside {
    fn clone(&self) -> Self {
        Self::default()
    }
}
