//! Leaving the statistics of frozen batch norms alone.

use crate::callback::{Answer, Callback, Change, State};

/// Batch norms whose parameters are frozen normalise with their running statistics, and do not
/// update them.
///
/// Without it a frozen batch norm still sees the batch: freezing is about parameters only.
#[derive(Debug, Clone, Copy, Default)]
pub struct BnFreeze;

impl Callback for BnFreeze {
    fn name(&self) -> &'static str {
        "bn_freeze"
    }

    fn in_lr_find(&self) -> bool {
        true
    }

    fn epoch_begin(&mut self, _: &State) -> Answer {
        Ok(Change::FreezeNorms.into())
    }
}
