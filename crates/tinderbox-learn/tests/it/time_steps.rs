//! How long steps take.

use std::time::{Duration, Instant};

use tinderbox_learn::{
    Checkpoints, Learner, Recorder, StepTimes,
    callback::{Answer, Callback, State},
};

use crate::common::{Problem, bits, learner};

/// Fails if it is told of anything.
struct Deaf;

impl Callback for Deaf {
    fn name(&self) -> &'static str {
        "deaf"
    }

    fn train_begin(&mut self, _: &State) -> Answer {
        panic!("a fit begins")
    }

    fn epoch_begin(&mut self, _: &State) -> Answer {
        panic!("an epoch begins")
    }

    fn batch_begin(&mut self, _: &State) -> Answer {
        panic!("a batch begins")
    }

    fn batch_end(&mut self, _: &State) -> Answer {
        panic!("a batch ends")
    }

    fn step_end(&mut self, _: &State) -> Answer {
        panic!("a step was made")
    }
}

/// Times so many steps, and says how many were made.
fn time(learner: &mut Learner, steps: usize) -> (StepTimes, u64) {
    let start = Instant::now();
    let times = learner.time_steps(steps).unwrap();
    assert!(times.step > Duration::ZERO && times.step < start.elapsed(), "{times:?}");
    (times, learner.optimizer().unwrap().steps())
}

#[test]
fn the_steps_are_made_over_epochs_and_nobody_hears_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("checkpoint");
    let mut learner = learner(Problem::default())
        .callback(Deaf)
        .checkpoints(Checkpoints::new(&file))
        .observe(|report| panic!("{report:?}"));
    let before = bits(&learner);
    // An epoch has five.
    let (times, steps) = time(&mut learner, 12);
    assert_eq!(steps, 12);
    assert!(times.valid_batch.is_some_and(|time| time > Duration::ZERO));
    assert!(bits(&learner) != before, "real steps");
    assert!(!file.exists());
    assert_eq!((learner.n_fits(), learner.recorder()), (0, &Recorder::default()));
}

#[test]
fn one_batch_and_no_validation_are_enough() {
    for (steps, made) in [(3, 3), (1, 1), (0, 1)] {
        let problem = Problem { train: 5, valid: 0, ..Problem::default() };
        let (times, steps) = time(&mut learner(problem), steps);
        assert_eq!((times.valid_batch, steps), (None, made));
    }
}
