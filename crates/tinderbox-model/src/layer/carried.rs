//! A state that goes on from batch to batch.

use std::cell::RefCell;

/// What a recurrent model keeps of a batch for the next one, in a `#[module(skip)]` field. It is no
/// parameter, and a clone starts without it: a copy of the model sees other batches.
#[derive(Debug)]
pub struct Carried<T>(RefCell<Option<T>>);

impl<T> Carried<T> {
    /// What the last batch left, if there was one; it is not there any more.
    pub fn take(&self) -> Option<T> {
        self.0.take()
    }

    /// Keeps this for the next batch; it should be detached.
    pub fn set(&self, state: T) {
        self.0.replace(Some(state));
    }
}

impl<T> Default for Carried<T> {
    fn default() -> Self {
        Self(RefCell::new(None))
    }
}

impl<T> Clone for Carried<T> {
    fn clone(&self) -> Self {
        Self::default()
    }
}
