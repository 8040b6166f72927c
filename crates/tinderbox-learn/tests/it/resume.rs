//! A fit that is interrupted and resumed ends as if nothing had happened.

use std::{fs, num::NonZeroUsize, path::Path};

use tinderbox_learn::{
    Checkpoints, Learner, Outcome, Recorder, StopHandle,
    callback::{
        Answer, BnFreeze, Callback, Changes, CsvLogger, EarlyStopping, GradientAccumulation,
        GradientClipping, Monitor, SaveModel, State,
    },
    schedule::OneCycle,
};

use crate::common::{Problem, bits, learner};

const EPOCHS: usize = 3;

/// Asks the fit to stop at some of its batches.
struct StopAt {
    handle: StopHandle,
    /// Training batches, counted from 1 over the fit.
    training: Option<usize>,
    /// The epoch in whose validation, counted from 1.
    validation: Option<usize>,
}

impl Callback for StopAt {
    fn name(&self) -> &'static str {
        "stop_at"
    }

    fn batch_end(&mut self, state: &State) -> Answer {
        let asked = match state.training {
            Some(true) => self.training == Some(state.iteration + 1),
            _ => self.validation == Some(state.epoch + 1) && state.valid_batch == 1,
        };
        if asked {
            self.handle.stop();
        }
        Ok(Changes::none())
    }
}

/// What a fit leaves behind.
struct Left {
    weights: Vec<(String, Vec<u32>)>,
    steps: u64,
    recorder: Recorder,
    log: String,
    best: Vec<u8>,
}

impl Left {
    /// Part by part: the whole is long.
    #[track_caller]
    fn check(&self, want: &Self, when: &str) {
        let Self { weights, steps, recorder, log, best } = self;
        assert_eq!(recorder, &want.recorder, "{when}");
        assert_eq!((steps, log), (&want.steps, &want.log), "{when}");
        for (found, want) in weights.iter().zip(&want.weights) {
            assert_eq!(found, want, "{when}");
        }
        assert!(best == &want.best, "{when}: another best model");
    }
}

fn left(learner: &Learner, folder: &Path) -> Left {
    Left {
        weights: bits(learner),
        steps: learner.optimizer().unwrap().steps(),
        recorder: learner.recorder().clone(),
        log: fs::read_to_string(folder.join("history.csv")).unwrap(),
        best: fs::read(learner.saved(Path::new("bestmodel"))).unwrap(),
    }
}

fn make(folder: &Path, training: Option<usize>, validation: Option<usize>) -> Learner {
    let every = NonZeroUsize::new(4).unwrap();
    let mut learner = learner(Problem::default())
        .checkpoints(Checkpoints::new(folder.join("checkpoint")).every(every))
        .callback(EarlyStopping::new(Monitor::default(), 100))
        .callback(SaveModel::default())
        .callback(CsvLogger::new(folder.join("history.csv")).without_time())
        .callback(GradientClipping { max_norm: 0.5 })
        .callback(BnFreeze);
    learner.model_dir = folder.join("models");
    learner.network_mut().train_bn = false;
    learner.split(["body", "head"]).unwrap();
    learner.freeze().unwrap();
    let handle = learner.stop_handle();
    learner.callback(StopAt { handle, training, validation })
}

fn fit(learner: &mut Learner) -> Outcome {
    learner.fit_one_cycle(EPOCHS, OneCycle::from(0.05)).unwrap()
}

fn undisturbed() -> Left {
    let folder = tempfile::tempdir().unwrap();
    let mut learner = make(folder.path(), None, None);
    assert_eq!(fit(&mut learner), Outcome::Finished { epochs: EPOCHS, reason: None });
    left(&learner, folder.path())
}

#[test]
fn a_fit_stopped_anywhere_goes_on_to_the_same_bits() {
    let want = undisturbed();
    let batches = 15;
    assert_eq!(want.recorder.losses.len(), batches);
    for stop in 1..=batches {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("checkpoint");
        let outcome = fit(&mut make(folder.path(), Some(stop), None));
        let (epoch, batch) = ((stop - 1) / 5 + 1, (stop - 1) % 5 + 1);
        assert_eq!(outcome, Outcome::Stopped { epoch, batch, checkpoint: Some(file.clone()) });

        let mut resumed = make(folder.path(), None, None);
        let outcome = resumed.resume(&file).unwrap();
        assert_eq!(outcome, Outcome::Finished { epochs: EPOCHS, reason: None });
        left(&resumed, folder.path()).check(&want, &format!("stopped after {stop} batches"));
    }
}

#[test]
fn a_fit_stopped_in_validation_validates_again() {
    let want = undisturbed();
    for epoch in 1..=EPOCHS {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("checkpoint");
        let outcome = fit(&mut make(folder.path(), None, Some(epoch)));
        assert_eq!(outcome, Outcome::Stopped { epoch, batch: 5, checkpoint: Some(file.clone()) });
        let mut resumed = make(folder.path(), None, None);
        assert!(matches!(resumed.resume(&file).unwrap(), Outcome::Finished { .. }));
        left(&resumed, folder.path()).check(&want, &format!("stopped in validation {epoch}"));
    }
}

#[test]
fn a_fit_can_be_stopped_and_resumed_many_times() {
    let want = undisturbed();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("checkpoint");
    assert!(matches!(fit(&mut make(folder.path(), Some(2), None)), Outcome::Stopped { .. }));
    for stop in [3, 5, 6, 14] {
        let mut resumed = make(folder.path(), Some(stop), None);
        assert!(matches!(resumed.resume(&file).unwrap(), Outcome::Stopped { .. }));
    }
    let mut resumed = make(folder.path(), None, None);
    assert!(matches!(resumed.resume(&file).unwrap(), Outcome::Finished { .. }));
    left(&resumed, folder.path()).check(&want, "stopped four times");

    // A fit that is over is loaded, and nothing else happens.
    let mut again = make(folder.path(), None, None);
    assert!(matches!(again.resume(&file).unwrap(), Outcome::Finished { epochs: EPOCHS, .. }));
    left(&again, folder.path()).check(&want, "loaded");
}

#[test]
fn every_checkpoint_of_a_fit_leads_to_its_end() {
    /// Keeps a copy of the checkpoint after every batch.
    struct Keep(std::path::PathBuf, usize);

    impl Callback for Keep {
        fn name(&self) -> &'static str {
            "stop_at"
        }

        fn batch_begin(&mut self, _: &State) -> Answer {
            let file = self.0.join("checkpoint");
            if file.is_file() {
                fs::copy(file, self.0.join(format!("copy{}", self.1))).unwrap();
                self.1 += 1;
            }
            Ok(Changes::none())
        }
    }

    let folder = tempfile::tempdir().unwrap();
    let learner = |checkpoint: &str| {
        crate::common::learner(Problem::default())
            .checkpoints(Checkpoints::new(folder.path().join(checkpoint)).every(NonZeroUsize::MIN))
    };
    let mut whole = learner("checkpoint").callback(Keep(folder.path().to_owned(), 0));
    fit(&mut whole);
    let copies = (0..).map(|at| folder.path().join(format!("copy{at}")));
    let copies: Vec<_> = copies.take_while(|copy| copy.is_file()).collect();
    assert!(copies.len() > 15, "{}", copies.len());
    for copy in copies {
        let mut resumed = learner("other").callback(Keep("/nowhere".into(), 0));
        assert!(matches!(resumed.resume(&copy).unwrap(), Outcome::Finished { .. }));
        assert_eq!(bits(&resumed), bits(&whole), "{}", copy.display());
        assert_eq!(resumed.recorder(), whole.recorder(), "{}", copy.display());
    }
}

#[test]
fn a_second_fit_goes_on_where_the_first_ended_also_after_a_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let mut whole = make(folder.path(), None, None);
    let _first = fit(&mut whole);
    let first = fs::read(folder.path().join("checkpoint")).unwrap();
    whole.unfreeze();
    let _second = whole.fit(1, 0.01).unwrap();

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("checkpoint");
    fs::write(&file, first).unwrap();
    let mut resumed = make(folder.path(), None, None);
    let _first = resumed.resume(&file).unwrap();
    resumed.unfreeze();
    let _second = resumed.fit(1, 0.01).unwrap();
    assert_eq!(bits(&resumed), bits(&whole));
}

#[test]
fn a_stopped_fit_says_how_to_go_on() {
    let mut learner = learner(Problem::default());
    learner.stop_handle().stop();
    let outcome = fit(&mut learner);
    assert_eq!(
        outcome.to_string(),
        "stopped after batch 1 of epoch 1; no checkpoints were saved, so it cannot be resumed"
    );
    let outcome = Outcome::Stopped { epoch: 2, batch: 7, checkpoint: Some("run/last".into()) };
    assert_eq!(outcome.to_string(), "stopped after batch 7 of epoch 2; resume from run/last");
    assert_eq!(Outcome::Finished { epochs: 3, reason: None }.to_string(), "finished 3 epochs");
    let early = Outcome::Finished { epochs: 3, reason: Some("enough".into()) };
    assert_eq!(early.to_string(), "ended after 3 epochs: enough");
}

#[test]
fn a_fit_listens_to_the_handle_it_was_given() {
    let stop = StopHandle::default();
    let mut learner = learner(Problem::default()).stopped_by(stop.clone());
    learner.stop_handle().stop();
    assert!(stop.is_stopping(), "it is the same handle");
    assert!(matches!(fit(&mut learner), Outcome::Stopped { epoch: 1, batch: 1, .. }));
    assert!(!stop.is_stopping(), "the next fit is not meant");
    assert!(matches!(fit(&mut learner), Outcome::Finished { .. }));
}

#[test]
fn a_checkpoint_of_another_fit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("checkpoint");
    let _stopped = fit(&mut make(folder.path(), Some(2), None));
    let mut other = learner(Problem { batch_size: 4, ..Problem::default() });
    let error = other.resume(&file).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the checkpoint is from another fit: batch size was `5`, but here it is `4`"
    );
    assert!(error.hint().is_some());
    let error = learner(Problem::default()).resume(&file).unwrap_err();
    assert!(error.to_string().contains("callbacks was `early_stopping, "), "{error}");
}

#[test]
fn gradients_that_wait_are_in_the_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("checkpoint");
    let learner = |stop: Option<usize>| {
        let learner = learner(Problem::default()).checkpoints(Checkpoints::new(&file));
        let handle = learner.stop_handle();
        learner.callback(GradientAccumulation::new(3)).callback(StopAt {
            handle,
            training: stop,
            validation: None,
        })
    };
    let mut whole = learner(None);
    assert!(matches!(fit(&mut whole), Outcome::Finished { .. }));
    for stop in 1..=7 {
        assert!(matches!(fit(&mut learner(Some(stop))), Outcome::Stopped { .. }));
        let mut resumed = learner(None);
        assert!(matches!(resumed.resume(&file).unwrap(), Outcome::Finished { .. }));
        assert!(bits(&resumed) == bits(&whole), "stopped after {stop} batches");
        assert_eq!(resumed.recorder(), whole.recorder());
    }
}

#[test]
fn a_checkpoint_with_other_metrics_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("checkpoint");
    let learner = || learner(Problem::default()).checkpoints(Checkpoints::new(&file));
    learner().fit(1, 0.1).unwrap();
    let error = learner().metrics(tinderbox_learn::metric::error_rate).resume(&file).unwrap_err();
    let message =
        "the checkpoint is from another fit: metrics was `accuracy`, but here it is `error_rate`";
    assert_eq!(error.to_string(), message);
}

/// A learner with a checkpoint of a fit that was stopped, and the file's bytes.
fn stopped(folder: &Path) -> (std::path::PathBuf, Vec<u8>) {
    let file = folder.join("checkpoint");
    assert!(matches!(fit(&mut make(folder, Some(7), None)), Outcome::Stopped { .. }));
    let bytes = fs::read(&file).unwrap();
    (file, bytes)
}

/// What a safetensors file of this length is said to be.
fn cut(length: usize) -> &'static str {
    match length {
        0 => "empty",
        1..=8 => "truncated or not a safetensors file",
        _ => "truncated: its length is not what its header says",
    }
}

#[test]
fn a_checkpoint_cut_short_anywhere_is_refused_and_the_learner_is_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let (file, whole) = stopped(folder.path());
    let mut learner = make(folder.path(), None, None);
    let before = bits(&learner);
    for length in (0..whole.len()).step_by(1000).chain(whole.len() - 9..whole.len()) {
        fs::write(&file, &whole[..length]).unwrap();
        let error = learner.resume(&file).unwrap_err();
        let want = format!("{}: it is {}", file.display(), cut(length));
        assert!(error.to_string().starts_with(&want), "{length}: {error}");
    }
    assert!(bits(&learner) == before);
    assert!(matches!(fit(&mut learner), Outcome::Finished { .. }));
}

#[test]
fn a_checkpoint_with_a_flipped_bit_is_refused_unless_nothing_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let (file, whole) = stopped(folder.path());
    let mut learner = make(folder.path(), None, None);
    // Only the name of the version that wrote the file is for people.
    let key = b"\\\"version\\\":\\\"";
    let version = whole.windows(key.len()).position(|bytes| bytes == key).unwrap() + key.len();
    let version = version..version + env!("CARGO_PKG_VERSION").len();
    for at in (0..whole.len()).step_by(41).chain(0..16) {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::write(&file, &flipped).unwrap();
        match learner.resume(&file) {
            Err(error) => {
                let name = file.display().to_string();
                assert!(error.to_string().starts_with(&name), "byte {at}: {error}");
            }
            Ok(_) => assert!(version.contains(&at), "byte {at} of {}", whole.len()),
        }
    }
}

#[test]
fn a_checkpoint_of_a_later_format_is_refused_with_both_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let (file, whole) = stopped(folder.path());
    let (now, later) = (b"\\\"format\\\":1", b"\\\"format\\\":2");
    let at = whole.windows(now.len()).position(|bytes| bytes == now).unwrap();
    let mut bytes = whole;
    bytes[at..at + later.len()].copy_from_slice(later);
    fs::write(&file, bytes).unwrap();
    let error = make(folder.path(), None, None).resume(&file).unwrap_err().to_string();
    let version = env!("CARGO_PKG_VERSION");
    let want =
        format!("its format is 2, written by version {version}; this version reads format 1");
    assert!(error.ends_with(&want), "{error}");
}

#[test]
fn a_checkpoint_that_cannot_be_written_leaves_the_one_before_and_the_model() {
    /// Puts something in the way of the checkpoint before a batch.
    struct Block(std::path::PathBuf, usize);

    impl Callback for Block {
        fn name(&self) -> &'static str {
            "stop_at"
        }

        fn batch_begin(&mut self, state: &State) -> Answer {
            if state.iteration == self.1 && state.training == Some(true) {
                fs::create_dir(self.0.join(".checkpoint.writing")).unwrap();
            }
            Ok(Changes::none())
        }
    }

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("checkpoint");
    let learner = |at: usize| {
        learner(Problem::default())
            .checkpoints(Checkpoints::new(&file).every(NonZeroUsize::MIN))
            .callback(Block(folder.path().to_owned(), at))
    };
    let mut blocked = learner(7);
    let error = blocked.fit_one_cycle(EPOCHS, OneCycle::from(0.05)).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot write {}", file.display()));
    assert!(error.hint().is_some());
    fs::remove_dir(folder.path().join(".checkpoint.writing")).unwrap();

    // The model is that of after eight batches, the checkpoint that of after seven: both go on.
    assert_eq!(blocked.optimizer().unwrap().steps(), 8);
    blocked.validate().unwrap();
    let mut resumed = learner(99);
    assert!(matches!(resumed.resume(&file).unwrap(), Outcome::Finished { .. }));
    let mut whole = learner(99);
    assert!(matches!(fit(&mut whole), Outcome::Finished { .. }));
    assert!(bits(&resumed) == bits(&whole));
}

#[test]
fn truncated_and_foreign_checkpoints_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("checkpoint");
    let error = make(folder.path(), None, None).resume(&file).unwrap_err();
    assert_eq!(error.to_string(), format!("there is no file {}", file.display()));
    let error = make(folder.path(), None, None).resume(folder.path()).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot read {}", folder.path().display()));

    let _stopped = fit(&mut make(folder.path(), Some(2), None));
    let whole = fs::read(&file).unwrap();
    for length in [0, 7, 1000, whole.len() / 2, whole.len() - 1] {
        fs::write(&file, &whole[..length]).unwrap();
        let error = make(folder.path(), None, None).resume(&file).unwrap_err();
        let want = format!("{}: it is {}", file.display(), cut(length));
        assert!(error.to_string().starts_with(&want), "{error}");
    }
    let learner = make(folder.path(), None, None);
    let saved = learner.save("weights", tinderbox_learn::WithOptimizer::No).unwrap();
    let error = make(folder.path(), None, None).resume(&saved).unwrap_err();
    assert!(error.to_string().ends_with("it is a saved model, expected a checkpoint"), "{error}");
}
