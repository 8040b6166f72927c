//! When a training of several fits will be over.

use tinderbox_learn::Progress;

use crate::Phase;

/// The seconds that are left of all phases after a batch: those of its fit, and those of the fits
/// after it, if their epochs take as long.
pub(super) fn seconds_left(progress: &Progress, phases: &[Phase]) -> f64 {
    let later: usize = phases.iter().skip(progress.fits + 1).map(|phase| phase.epochs).sum();
    let of_epoch = match progress.training {
        true => progress.batch as f64 / progress.batches.max(1) as f64,
        false => 1.0,
    };
    let done = (progress.epoch as f64 + of_epoch).max(f64::EPSILON);
    let an_epoch = progress.speed.elapsed.as_secs_f64() / done;
    progress.speed.remaining.as_secs_f64() + later as f64 * an_epoch
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tinderbox_learn::{callback::Speed, schedule::OneCycle};

    use super::*;

    /// After 15 s, in the middle of the second epoch of a fit.
    #[track_caller]
    fn check(fits: usize, epochs: &[usize], wanted: f64) {
        let speed = Speed {
            elapsed: Duration::from_secs(15),
            remaining: Duration::from_secs(5),
            ..Speed::default()
        };
        let progress = Progress {
            training: true,
            fits,
            epoch: 1,
            epochs: 2,
            batch: 2,
            batches: 4,
            iteration: 6,
            smooth_loss: None,
            lr: 0.1,
            speed,
        };
        let phase = |epochs: &usize| Phase::whole(*epochs, OneCycle::default());
        let phases: Vec<Phase> = epochs.iter().map(phase).collect();
        assert_eq!(seconds_left(&progress, &phases), wanted);
    }

    #[test]
    fn fits_to_come_take_time_too() {
        check(0, &[2], 5.0);
        check(0, &[2, 3], 5.0 + 30.0);
        check(0, &[2, 3, 1], 5.0 + 40.0);
        check(1, &[9, 2], 5.0);
    }
}
