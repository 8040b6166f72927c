//! How fast a fit goes.

use std::time::{Duration, Instant};

use crate::callback::Speed;

/// Times a fit and its epochs.
#[derive(Debug)]
pub(super) struct Clock {
    begun: Instant,
    /// What earlier runs of this fit took.
    before: Duration,
    epoch: Instant,
    /// Training items of this epoch, in this run.
    items: usize,
}

impl Clock {
    pub(super) fn new(before: Duration) -> Self {
        let now = Instant::now();
        Self { begun: now, before, epoch: now, items: 0 }
    }

    pub(super) fn begin_epoch(&mut self) {
        (self.epoch, self.items) = (Instant::now(), 0);
    }

    /// Over all runs of the fit.
    pub(super) fn elapsed(&self) -> Duration {
        self.before + self.begun.elapsed()
    }

    /// After a training batch of `items`, for which this epoch's loop has `waited` in all, and
    /// after which the share `done` of the fit is done, with `done_before` when this run began.
    pub(super) fn speed(
        &mut self,
        items: usize,
        waited: Duration,
        done: f64,
        done_before: f64,
    ) -> Speed {
        self.items += items;
        let epoch = self.epoch.elapsed().as_secs_f64().max(1e-9);
        let left = (1.0 - done) / (done - done_before).max(1e-9);
        Speed {
            items_per_second: self.items as f64 / epoch,
            waiting: (waited.as_secs_f64() / epoch).min(1.0),
            remaining: self.begun.elapsed().mul_f64(left.clamp(0.0, 1e6)),
            elapsed: self.elapsed(),
        }
    }
}
