//! What a learner does for its user.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use burn::tensor::{Device, Tensor};
use tinderbox_learn::{
    Error, Learner, Outcome, Report, Set, Strict, WithOptimizer,
    callback::{
        Answer, Callback, Change, Changes, ReduceLrOnPlateau, State, StopAfterNBatches,
        TerminateOnNan, TrackEpoch,
    },
    loss::CrossEntropyFlat,
    optim::{Gradients, Rule},
    schedule::{LearningRate, LrFind, OneCycle},
};
use tinderbox_model::{
    Sequential,
    layer::{Linear, ReLU},
};

use crate::common::{Problem, alone, bits, data, learner};

#[test]
fn the_same_seed_gives_the_same_bits() {
    let _alone = alone();
    let run = |seed| {
        let mut learner = learner(Problem { seed, ..Problem::default() });
        learner.fit_one_cycle(2, OneCycle::from(0.05)).unwrap();
        (bits(&learner), learner.recorder().clone())
    };
    assert!(run(1) == run(1));
    assert!(run(1) != run(2));
}

#[test]
fn a_learner_can_train_on_another_thread() {
    fn check<T: Send>() {}
    check::<Learner>();
    check::<tinderbox_learn::Bundle>();
    check::<Error>();
}

#[test]
fn a_fit_makes_the_loss_smaller() {
    let _alone = alone();
    let problem = Problem { train: 200, valid: 50, batch_size: 20, ..Problem::default() };
    for rule in [Rule::ADAM, Rule::SGD, Rule::RMS_PROP] {
        let mut learner = learner(problem);
        learner.rule = rule;
        let before = learner.validate().unwrap();
        learner.fit_one_cycle(5, OneCycle::from(0.05)).unwrap();
        let after = learner.validate().unwrap();
        assert!(after.loss < 0.75 * before.loss, "{rule:?}: {before:?}, then {after:?}");
        let last = learner.recorder().valid_losses.last().copied().flatten();
        assert_eq!(Some(after.loss), last);
        assert_eq!(after.metrics[0].0, "accuracy");
    }
}

#[test]
fn lr_find_leaves_everything_as_it_was() {
    let _alone = alone();
    let problem = Problem::default();
    let mut plain = learner(problem);
    let mut searched = learner(problem);
    for learner in [&mut plain, &mut searched] {
        learner.fit(1, 0.01).unwrap();
    }
    let (weights, recorder) = (bits(&searched), searched.recorder().clone());
    let options = LrFind { num_it: 12, stop_div: false, ..LrFind::default() };
    let curve = searched.lr_find(&options).unwrap();
    assert_eq!((curve.lrs.len(), curve.losses.len()), (12, 12));
    assert!(bits(&searched) == weights);
    assert_eq!(searched.recorder(), &recorder);
    assert_eq!(searched.optimizer().unwrap().steps(), 5);

    for learner in [&mut plain, &mut searched] {
        learner.fit(1, 0.01).unwrap();
    }
    assert!(bits(&searched) == bits(&plain));
    assert_eq!(searched.recorder(), plain.recorder());
}

#[test]
fn lr_find_before_any_fit_leaves_no_optimizer() {
    let _alone = alone();
    let mut learner = learner(Problem::default());
    let before = bits(&learner);
    let curve = learner.lr_find(&LrFind { end_lr: 1e4, ..LrFind::default() }).unwrap();
    assert!(bits(&learner) == before);
    assert!(learner.optimizer().is_none());
    assert!(curve.suggestion().is_some());
    assert_eq!(curve.points().0.len(), curve.lrs.len() - 15);
}

#[test]
fn only_what_is_not_frozen_moves() {
    let _alone = alone();
    let moved = |learner: &Learner, before: &[(String, Vec<u32>)]| -> Vec<String> {
        let after = bits(learner);
        let pairs = before.iter().zip(after).filter(|(before, after)| *before != after);
        pairs.map(|(before, _)| before.0.clone()).filter(|name| !name.contains("running")).collect()
    };
    let mut learner = learner(Problem::default());
    learner.split(["body", "head"]).unwrap();
    learner.train_bn = false;
    learner.freeze().unwrap();
    let before = bits(&learner);
    learner.fit(1, LearningRate::Slice(0.01)).unwrap();
    assert_eq!(moved(&learner, &before), ["head.bias", "head.weight"]);
    learner.unfreeze();
    learner.fit(1, LearningRate::Range(1e-4, 0.01)).unwrap();
    assert_eq!(moved(&learner, &before).len(), 6);
    assert_eq!(learner.optimizer().unwrap().steps(), 5, "a new optimizer");
}

#[test]
fn groups_that_are_not_there_are_named() {
    let mut learner = learner(Problem::default());
    let check = |error: Error, message: &str| {
        assert_eq!(error.to_string(), message);
        assert!(error.hint().is_some(), "{message}");
    };
    check(
        learner.freeze().unwrap_err(),
        "there is one parameter group, so freezing all but the last would freeze nothing",
    );
    check(learner.freeze_to(3).unwrap_err(), "there is no parameter group 3; there are 1");
    check(learner.freeze_to(-2).unwrap_err(), "there is no parameter group -2; there are 1");
    check(
        learner.split(["body", "layer4"]).unwrap_err(),
        "the Sequential has no parameters under `layer4`",
    );
    check(
        learner.fit(1, LearningRate::List(vec![0.1, 0.2])).unwrap_err(),
        "2 learning rates for 1 parameter groups",
    );
}

#[test]
fn a_model_without_trainable_parameters_is_an_error() {
    let model = Sequential::new().named("relu", ReLU);
    let mut learner = Learner::new(data(Problem::default()), model, CrossEntropyFlat::default());
    let error = learner.fit(1, 0.1).unwrap_err();
    assert_eq!(error.to_string(), "nothing in the model is trainable");
    assert!(error.hint().unwrap().contains("unfreeze"));
}

#[test]
fn a_training_set_below_one_batch_is_an_error() {
    let mut learner = learner(Problem { train: 4, ..Problem::default() });
    let error = learner.fit(1, 0.1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the training set has 4 items, which is not one batch of 5: there is nothing to train on"
    );
    assert!(error.hint().unwrap().starts_with("use a smaller batch size"));
}

#[test]
fn a_panic_in_a_layer_is_an_error_that_names_it_and_the_model_is_kept() {
    let _alone = alone();
    let device = Device::flex();
    let model = Sequential::new()
        .named("first", Linear::new(4, 8, &device))
        .named("second", Linear::new(7, 3, &device));
    let mut learner = Learner::new(data(Problem::default()), model, CrossEntropyFlat::default());
    for error in [learner.fit(1, 0.1).unwrap_err(), learner.validate().unwrap_err()] {
        let Error::Forward { layer, shape, .. } = &error else { panic!("{error}") };
        assert_eq!((layer.as_str(), &shape[..]), ("second", &[5, 4][..]));
        assert!(error.to_string().starts_with("second: "), "{error}");
        assert!(error.hint().is_some());
    }
    assert_eq!(learner.state_dict().iter().count(), 4);
}

#[test]
fn a_panic_in_the_loss_is_an_error_that_names_it() {
    fn wants_pictures(output: Tensor<4>, _target: Tensor<4>) -> Tensor<1> {
        output.mean()
    }
    let _alone = alone();
    let mut learner =
        Learner::new(data(Problem::default()), crate::common::model(), wants_pictures);
    let error = learner.fit(1, 0.1).unwrap_err();
    assert!(
        error.to_string().starts_with(
            "wants_pictures: loss, output: expected a rank-4 float tensor, got a rank-2 float tensor"
        ),
        "{error}"
    );
    assert!(error.hint().is_some());
}

/// Answers one event with one change, and notes how the fit ended.
struct Answering {
    event: &'static str,
    change: Change,
    ended: Arc<Mutex<Option<String>>>,
}

impl Answering {
    fn answer(&self, event: &'static str) -> Changes {
        match self.event == event {
            true => self.change.clone().into(),
            false => Changes::none(),
        }
    }
}

impl Callback for Answering {
    fn name(&self) -> &'static str {
        "answering"
    }

    fn batch_begin(&mut self, _: &State) -> Answer {
        Ok(self.answer("batch_begin"))
    }

    fn backward_end(&mut self, _: &State, _: &mut Gradients) -> Answer {
        Ok(self.answer("backward_end"))
    }

    fn epoch_end(&mut self, _: &State) -> Answer {
        Ok(self.answer("epoch_end"))
    }

    fn train_end(&mut self, _: &State, error: Option<&Error>) -> Answer {
        let how = error.map_or("well".into(), Error::to_string);
        *self.ended.lock().unwrap() = Some(how);
        Ok(Changes::none())
    }
}

#[test]
fn a_change_where_nothing_looks_at_it_is_an_error_and_train_end_hears_of_it() {
    let _alone = alone();
    let ended = Arc::new(Mutex::new(None));
    let change = Change::KeepGradients;
    let callback = Answering { event: "epoch_end", change, ended: Arc::clone(&ended) };
    let error = learner(Problem::default()).callback(callback).fit(1, 0.1).unwrap_err();
    let message =
        "the callback `answering` changed `keep_gradients` at epoch_end, where nothing looks at it";
    assert_eq!(error.to_string(), message);
    assert_eq!(
        error.hint().unwrap(),
        "it may be changed at backward_begin, backward_end, step_end"
    );
    assert_eq!(ended.lock().unwrap().as_deref(), Some(message));
}

#[test]
fn a_changed_input_is_what_the_model_sees() {
    let _alone = alone();
    let zeros = Tensor::<2>::zeros([5, 9], &Device::flex().autodiff());
    let change = Change::Input(zeros.into());
    let callback = Answering { event: "batch_begin", change, ended: Arc::default() };
    let error = learner(Problem::default()).callback(callback).fit(1, 0.1).unwrap_err();
    assert!(error.to_string().ends_with("(the model's input is of shape [5, 9])"), "{error}");
}

#[test]
fn skipped_steps_leave_the_weights_alone() {
    let _alone = alone();
    let callback =
        Answering { event: "backward_end", change: Change::SkipStep, ended: Arc::default() };
    let mut learner = learner(Problem::default()).callback(callback);
    let weights = |learner: &Learner| {
        bits(learner).into_iter().filter(|(name, _)| !name.contains("running")).collect::<Vec<_>>()
    };
    let before = weights(&learner);
    learner.fit(1, 0.1).unwrap();
    assert!(weights(&learner) == before);
}

#[test]
fn a_loss_that_is_not_a_number_ends_the_fit_and_says_where() {
    let _alone = alone();
    let mut learner = learner(Problem::default()).callback(TerminateOnNan);
    learner.rule = Rule::SGD;
    let outcome = learner.fit(3, 1e30).unwrap();
    let Outcome::Finished { epochs: 1, reason: Some(reason) } = outcome else {
        panic!("{outcome:?}")
    };
    assert!(reason.starts_with("the loss is NaN at step "), "{reason}");
    assert_eq!(learner.recorder().valid_losses, [None]);
}

#[test]
fn a_short_fit_stops_after_its_batches() {
    let _alone = alone();
    let mut learner = learner(Problem::default()).callback(StopAfterNBatches { n: 3 });
    learner.fit(2, 0.1).unwrap();
    assert_eq!(learner.recorder().losses.len(), 3);
}

#[test]
fn a_plateau_lowers_the_rates_of_what_follows() {
    let _alone = alone();
    let mut callback = ReduceLrOnPlateau::default();
    callback.monitor.min_delta = 1e9;
    (callback.factor, callback.min_lr) = (0.5, 0.0);
    let mut learner = learner(Problem::default()).callback(callback);
    learner.fit(4, 0.5).unwrap();
    let lrs: Vec<f64> = learner.recorder().lrs.iter().step_by(5).copied().collect();
    // The first epoch is the best by any measure.
    assert_eq!(lrs, [0.5, 0.5, 0.25, 0.125]);
}

#[test]
fn a_tracked_epoch_is_where_the_next_fit_begins() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("epoch");
    let learner = || learner(Problem::default()).callback(TrackEpoch::new(&file));
    learner().fit(2, 0.1).unwrap();
    let mut next = learner();
    assert_eq!(next.fit(3, 0.1).unwrap(), Outcome::Finished { epochs: 3, reason: None });
    assert_eq!(next.recorder().losses.len(), 5);
    assert!(next.recorder().table().line(0).starts_with("3 "));
}

#[test]
fn what_is_saved_is_loaded() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let fresh = || {
        let mut learner = learner(Problem::default());
        learner.model_dir = folder.path().join("models");
        learner
    };
    let mut trained = fresh();
    trained.fit(1, 0.1).unwrap();
    let file = trained.save("one", WithOptimizer::Yes).unwrap();
    assert_eq!(file, folder.path().join("models").join("one.safetensors"));
    trained.save("bare", WithOptimizer::No).unwrap();

    let mut loaded = fresh();
    assert_eq!(loaded.load("one", Strict::Yes, WithOptimizer::IfThere).unwrap(), None);
    assert!(bits(&loaded) == bits(&trained));
    assert_eq!(loaded.optimizer().unwrap().steps(), 5);

    let mut bare = fresh();
    assert_eq!(bare.load("bare", Strict::Yes, WithOptimizer::IfThere).unwrap(), None);
    assert!(bits(&bare) == bits(&trained));
    let warning = bare.load("bare", Strict::Yes, WithOptimizer::Yes).unwrap().unwrap();
    assert!(warning.ends_with("bare.safetensors was saved without an optimizer"), "{warning}");

    let mut frozen = fresh();
    frozen.split(["body", "head"]).unwrap();
    frozen.freeze().unwrap();
    let warning = frozen.load("one", Strict::Yes, WithOptimizer::IfThere).unwrap().unwrap();
    assert!(warning.contains("the optimizer in "), "{warning}");
    assert!(warning.contains("does not fit: the optimizer moved `body.weight`"), "{warning}");

    let error = frozen.load("gone", Strict::Yes, WithOptimizer::IfThere).unwrap_err();
    assert!(error.to_string().starts_with("there is no file "), "{error}");
}

#[test]
fn a_folder_that_cannot_be_written_to_is_named() {
    let mut learner = learner(Problem::default());
    learner.model_dir = "/proc/nowhere".into();
    let error = learner.save("one", WithOptimizer::No).unwrap_err();
    assert_eq!(error.to_string(), "cannot write /proc/nowhere/one.safetensors");
    assert!(error.hint().unwrap().contains("model_dir"));
}

#[test]
fn predictions_are_in_the_sets_order() {
    let _alone = alone();
    let learner = learner(Problem::default());
    let preds = learner.get_preds(Set::Valid).unwrap();
    assert_eq!(preds.items, (0..11).collect::<Vec<_>>());
    assert_eq!((preds.outputs.dims(), preds.targets.dims()), (vec![11, 3], vec![11]));
    assert_eq!(preds.losses.len(), 11);
    let batch = learner.data().valid_batches().next().unwrap().unwrap();
    let predictions = learner.predict(batch).unwrap();
    assert_eq!(predictions.len(), 5);
    let sum: f32 = predictions[0].probabilities.iter().sum();
    assert!((sum - 1.0).abs() < 1e-6);
    let empty = crate::common::learner(Problem { valid: 0, ..Problem::default() });
    assert_eq!(empty.get_preds(Set::Valid).unwrap_err().to_string(), "the validation set is empty");
}

#[test]
fn whoever_watches_hears_of_every_batch_and_epoch() {
    let _alone = alone();
    let news = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&news);
    let mut learner = learner(Problem::default()).observe(move |report| {
        heard.lock().unwrap().push(match report {
            Report::Begin { table } => table.header(),
            Report::Batch(p) if p.training => format!("{}/{} of {}", p.batch, p.batches, p.epoch),
            Report::Batch(p) => format!("valid {}/{}", p.batch, p.batches),
            Report::Epoch { table } => format!("row {}", table.len()),
            Report::Note(note) => (*note).to_owned(),
            Report::End { table } => format!("total {}", table.total.is_some()),
        });
    });
    learner.fit(1, 0.1).unwrap();
    assert_eq!(
        *news.lock().unwrap(),
        [
            "epoch  train_loss  valid_loss  accuracy",
            "1/5 of 0",
            "2/5 of 0",
            "3/5 of 0",
            "4/5 of 0",
            "5/5 of 0",
            "valid 1/3",
            "valid 2/3",
            "valid 3/3",
            "row 1",
            "total true"
        ]
    );
}

#[test]
fn a_model_file_needs_to_know_the_architecture() {
    let error = learner(Problem::default()).export(Path::new("model")).unwrap_err();
    assert!(error.to_string().starts_with("the learner does not know its model's architecture"));
    assert!(error.hint().unwrap().contains("ArchSpec"));
}

#[test]
fn the_summary_is_of_a_training_batch() {
    let summary = learner(Problem::default()).summary().unwrap();
    let rows: Vec<(&str, usize)> =
        summary.rows.iter().map(|row| (row.layer.as_str(), row.params)).collect();
    assert_eq!(
        rows,
        [("Linear", 40), ("ReLU", 0), ("BatchNorm1d", 16), ("Dropout", 0), ("Linear", 27)]
    );
}
