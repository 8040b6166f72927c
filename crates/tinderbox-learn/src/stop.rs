//! Asking a fit to end.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Asks a running fit to finish its step, write a checkpoint, and return.
///
/// Clones ask the same fit.
#[derive(Debug, Clone, Default)]
pub struct StopHandle(Arc<AtomicBool>);

impl StopHandle {
    /// Asks. Safe in a signal's handler.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked, and no fit has answered yet.
    pub fn is_stopping(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Whether somebody asked; the next fit is not meant.
    pub(crate) fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}
