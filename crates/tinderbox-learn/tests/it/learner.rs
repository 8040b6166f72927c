//! What a learner does for its user.

use std::{
    path::Path,
    sync::{Arc, Barrier, Mutex},
    thread,
};

use burn::tensor::{Device, Int, Tensor};
use tinderbox_learn::{
    Error, Fit, Learner, Outcome, Policy, Report, Set, Strict, WithOptimizer,
    callback::{
        ActivationStats, Answer, BnFreeze, Callback, Change, Changes, CsvLogger,
        GradientAccumulation, GradientClipping, LossScaling, Monitor, ReduceLrOnPlateau, SaveModel,
        SaveWhen, State, StopAfterNBatches, TerminateOnNan, TrackEpoch,
    },
    loss::{CrossEntropyFlat, LabelSmoothingCrossEntropy, Reduction},
    metric::{accuracy, error_rate},
    optim::{Gradients, Rule},
    schedule::{LearningRate, LrFind, OneCycle},
};
use tinderbox_model::{
    Sequential,
    layer::{Linear, ReLU},
    weights::{StateDict, state_dict},
};

use crate::common::{Problem, bits, data, learner, noise};

#[test]
fn the_same_seed_gives_the_same_bits() {
    let run = |seed| {
        let mut learner = learner(Problem { seed, ..Problem::default() });
        learner.fit_one_cycle(2, OneCycle::from(0.05)).unwrap();
        (bits(&learner), learner.recorder().clone())
    };
    assert!(run(1) == run(1));
    assert!(run(1) != run(2));
}

#[test]
fn two_that_train_at_the_same_time_do_not_disturb_each_other() {
    let train = |seed| {
        let problem = Problem { train: 200, seed, ..Problem::default() };
        let mut learner = learner(problem);
        learner.fit_one_cycle(3, OneCycle::from(0.05)).unwrap();
        bits(&learner)
    };
    let alone = [train(1), train(2)];
    let start = Barrier::new(2);
    let at_once = thread::scope(|scope| {
        let threads = [1, 2].map(|seed| {
            let start = &start;
            scope.spawn(move || {
                start.wait();
                train(seed)
            })
        });
        threads.map(|thread| thread.join().unwrap())
    });
    assert!(at_once == alone);
    assert!(alone[0] != alone[1], "dropout and order follow from the seed");
}

#[test]
fn another_loss_is_what_is_measured_and_trained() {
    let mut plain = learner(Problem::default());
    let mut smooth =
        learner(Problem::default()).loss(LabelSmoothingCrossEntropy { eps: 1.0, ..<_>::default() });
    assert!(plain.validate().unwrap().loss != smooth.validate().unwrap().loss);
    for learner in [&mut plain, &mut smooth] {
        learner.fit(1, 0.01).unwrap();
    }
    assert!(bits(&plain) != bits(&smooth));
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
    let problem = Problem { train: 200, valid: 50, batch_size: 20, ..Problem::default() };
    for rule in [Rule::ADAM, Rule::SGD, Rule::RMS_PROP] {
        let mut learner = learner(problem);
        learner.network_mut().rule = rule;
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
    let mut learner = learner(Problem::default());
    let before = bits(&learner);
    let curve = learner.lr_find(&LrFind { end_lr: 1e4, ..LrFind::default() }).unwrap();
    assert!(bits(&learner) == before);
    assert!(learner.optimizer().is_none());
    assert!(curve.suggestion().is_some());
    assert_eq!(curve.points().0.len(), curve.lrs.len() - 15);
}

/// Which weights are not what they were.
fn moved(learner: &Learner, before: &[(String, Vec<u32>)]) -> Vec<String> {
    let after = bits(learner);
    let pairs = before.iter().zip(after).filter(|(before, after)| *before != after);
    pairs.map(|(before, _)| before.0.clone()).filter(|name| !name.contains("running")).collect()
}

#[test]
fn lr_find_leaves_what_is_frozen_and_what_callbacks_remember_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let run = |search: bool| {
        let mut learner = learner(Problem::default())
            // Overflows at first, so the finder's steps change the scale.
            .callback(LossScaling::new(4e19, 1000))
            .callback(CsvLogger::new(folder.path().join("history.csv")).without_time())
            .callback(BnFreeze);
        learner.network_mut().train_bn = false;
        learner.split(["body", "head"]).unwrap();
        learner.freeze().unwrap();
        let before = bits(&learner);
        if search {
            learner.lr_find(&LrFind { num_it: 12, ..LrFind::default() }).unwrap();
            assert!(bits(&learner) == before);
        }
        learner.fit(1, LearningRate::Slice(0.01)).unwrap();
        assert_eq!(moved(&learner, &before), ["head.bias", "head.weight"]);
        bits(&learner)
    };
    assert!(run(true) == run(false));
}

#[test]
fn only_what_is_not_frozen_moves() {
    let mut learner = learner(Problem::default());
    learner.split(["body", "head"]).unwrap();
    learner.network_mut().train_bn = false;
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
fn fine_tuning_is_the_head_and_then_everything() {
    let grouped = || {
        let mut learner = learner(Problem::default());
        learner.split(["body", "head"]).unwrap();
        learner
    };
    let mut tuned = grouped();
    tuned.fine_tune(2, 0.01).unwrap();
    let mut by_hand = grouped();
    by_hand.freeze().unwrap();
    let head = OneCycle { pct_start: 0.99, ..OneCycle::from(LearningRate::Slice(0.01)) };
    by_hand.fit_one_cycle(1, head).unwrap();
    by_hand.unfreeze();
    let all = OneCycle { div_factor: 5.0, ..OneCycle::from(LearningRate::Range(5e-5, 5e-3)) };
    by_hand.fit_one_cycle(2, all).unwrap();
    assert!(bits(&tuned) == bits(&by_hand));
    assert_eq!(tuned.recorder().n_epochs(), 2);
    let alone = learner(Problem::default()).fine_tune(1, 0.01);
    assert!(matches!(alone, Err(Error::OneGroup)), "{alone:?}");
}

#[test]
fn what_comes_before_the_first_start_is_a_group_too() {
    let paths = |starts: &[&str]| -> Vec<Vec<String>> {
        let mut learner = learner(Problem::default());
        learner.split(starts.iter().copied()).unwrap();
        learner.fit(1, LearningRate::Slice(0.01)).unwrap();
        let groups = learner.optimizer().unwrap().param_groups();
        groups.chunks(2).map(|pair| [&pair[0].paths[..], &pair[1].paths[..]].concat()).collect()
    };
    let (body, norm) = (["body.weight", "body.bias"], ["norm.weight", "norm.bias"]);
    let head = ["head.weight", "head.bias"];
    assert_eq!(paths(&["norm", "head"]), [body, norm, head]);
    assert_eq!(paths(&["body", "norm", "head"]), [body, norm, head]);
    // A parameter's own path is a place to begin at, too.
    assert_eq!(paths(&["norm.weight", "head.weight"]), [body, norm, head]);
    assert_eq!(paths(&[])[0].len(), 6);
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
    for starts in [["head", "body"], ["head", "head"]] {
        check(
            learner.split(starts).unwrap_err(),
            &format!("the parameter group `{}` does not begin after `head`", starts[1]),
        );
    }
    assert_eq!(learner.n_groups(), 1, "a refused split changes nothing");
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
        "the training set has 4 items, fewer than one batch of 5, so there is nothing to train on"
    );
    assert!(error.hint().unwrap().starts_with("use a smaller batch size"));
}

#[test]
fn a_panic_in_a_layer_is_an_error_that_names_it_and_the_model_is_kept() {
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
fn a_loss_of_many_numbers_is_an_error_that_asks_for_one() {
    let loss = CrossEntropyFlat { reduction: Reduction::None, ..CrossEntropyFlat::default() };
    let mut learner = Learner::new(data(Problem::default()), crate::common::model(), loss);
    let message = "CrossEntropyFlat: 5 numbers for a batch, expected one: their mean or their sum";
    assert_eq!(learner.fit(1, 0.1).unwrap_err().to_string(), message);
    assert_eq!(learner.validate().unwrap_err().to_string(), message);
}

#[test]
fn a_panic_in_a_metric_is_an_error_that_names_it() {
    fn picky(_output: Tensor<2>, _target: Tensor<1, Int>) -> f64 {
        panic!("three of them")
    }
    let mut learner = learner(Problem::default()).metrics(picky);
    for error in [learner.fit(1, 0.1).unwrap_err(), learner.validate().unwrap_err()] {
        assert_eq!(error.to_string(), "picky: three of them");
    }
    assert!(learner.validate_with(Set::Valid, accuracy).is_ok());
}

#[test]
fn a_panic_in_the_loss_is_an_error_that_names_it() {
    fn wants_pictures(output: Tensor<4>, _target: Tensor<4>) -> Tensor<1> {
        output.mean()
    }
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
    let zeros = Tensor::<2>::zeros([5, 9], &Device::flex().autodiff());
    let change = Change::Input(zeros.into());
    let callback = Answering { event: "batch_begin", change, ended: Arc::default() };
    let error = learner(Problem::default()).callback(callback).fit(1, 0.1).unwrap_err();
    assert!(error.to_string().ends_with("(the model's input is of shape [5, 9])"), "{error}");
}

#[test]
fn skipped_steps_leave_the_weights_alone() {
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
    let mut learner = learner(Problem::default()).callback(TerminateOnNan);
    learner.network_mut().rule = Rule::SGD;
    let outcome = learner.fit(3, 1e30).unwrap();
    let Outcome::Finished { epochs: 1, reason: Some(reason) } = outcome else {
        panic!("{outcome:?}")
    };
    assert!(reason.starts_with("the loss is NaN at step "), "{reason}");
    assert_eq!(learner.recorder().valid_losses, [None]);
}

#[test]
fn a_short_fit_stops_after_its_batches() {
    let mut learner = learner(Problem::default()).callback(StopAfterNBatches { n: 3 });
    learner.fit(2, 0.1).unwrap();
    assert_eq!(learner.recorder().losses.len(), 3);
}

#[test]
fn a_plateau_lowers_the_rates_of_what_follows() {
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
fn loading_keeps_groups_and_what_is_frozen_and_a_refused_file_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let fresh = || {
        let mut learner = learner(Problem::default());
        learner.model_dir = folder.path().to_owned();
        learner.split(["body", "head"]).unwrap();
        learner.network_mut().train_bn = false;
        learner.freeze().unwrap();
        learner
    };
    let mut trained = fresh();
    trained.unfreeze();
    trained.fit(1, LearningRate::Slice(0.1)).unwrap();
    trained.save("all", WithOptimizer::No).unwrap();
    let mut loaded = fresh();
    loaded.load("all", Strict::Yes, WithOptimizer::IfThere).unwrap();
    let before = bits(&loaded);
    assert!(before == bits(&trained));
    loaded.fit(1, LearningRate::Slice(0.1)).unwrap();
    assert_eq!(moved(&loaded, &before), ["head.bias", "head.weight"]);

    let device = Device::flex();
    let other = Sequential::new()
        .named("body", Linear::new(4, 8, &device))
        .named("head", Linear::new(8, 4, &device));
    let mut other = Learner::new(data(Problem::default()), other, CrossEntropyFlat::default());
    other.model_dir = folder.path().to_owned();
    let before = bits(&other);
    let error = other.load("all", Strict::Yes, WithOptimizer::IfThere).unwrap_err();
    let message = error.to_string();
    for part in ["head.weight", "norm.running_mean"] {
        assert!(message.contains(part), "{part} in {message}");
    }
    assert!(bits(&other) == before);
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
    let learner = learner(Problem::default());
    let preds = learner.get_preds(Set::Valid).unwrap();
    assert_eq!(preds.items, (0..11).collect::<Vec<_>>());
    assert_eq!((preds.outputs.dims(), preds.targets.dims()), (vec![11, 3], vec![11]));
    assert_eq!(preds.losses.len(), 11);
    let batch = learner.data().valid_batches().next().unwrap().unwrap();
    let predictions = learner.predict_batch(batch).unwrap();
    assert_eq!(predictions.len(), 5);
    let sum: f32 = predictions[0].probabilities.iter().sum();
    assert!((sum - 1.0).abs() < 1e-6);
    let of_batch = learner.pred_batch(Set::Valid).unwrap();
    assert_eq!(of_batch.dims(), [5, 3]);
    let all: Vec<f32> = preds.outputs.into_flat().try_into_vec_as().unwrap();
    let first: Vec<f32> = of_batch.into_flat().try_into_vec_as().unwrap();
    assert_eq!(first, all[..15]);
    let empty = crate::common::learner(Problem { valid: 0, ..Problem::default() });
    assert_eq!(empty.get_preds(Set::Valid).unwrap_err().to_string(), "the validation set is empty");
}

#[test]
fn other_metrics_and_sets_are_measured_when_asked_for() {
    let mut learner = learner(Problem::default());
    let own = learner.validate().unwrap();
    let other = learner.validate_with(Set::Valid, (error_rate, accuracy)).unwrap();
    assert_eq!(other.loss, own.loss);
    assert_eq!(other.metrics[1], own.metrics[0]);
    assert!((other.metrics[0].1 + own.metrics[0].1 - 1.0).abs() < 1e-12);
    let train = learner.validate_with(Set::Fix, accuracy).unwrap();
    assert!(train.loss != own.loss);
}

#[test]
fn a_fit_of_no_epochs_changes_nothing() {
    let mut learner = learner(Problem::default());
    let before = bits(&learner);
    let finished = Outcome::Finished { epochs: 0, reason: None };
    assert_eq!(learner.fit(0, 0.1).unwrap(), finished);
    assert_eq!(learner.fit_one_cycle(0, OneCycle::default()).unwrap(), finished);
    assert!(bits(&learner) == before);
    assert_eq!(learner.recorder().table().len(), 0);
}

#[test]
fn a_later_part_of_a_fit_runs_at_the_schedules_later_rates() {
    let policy = || Policy::OneCycle(OneCycle::from(0.05));
    let rates = |fit: Fit| {
        let mut learner = learner(Problem::default());
        let outcome = learner.fit_with(fit, Vec::new()).unwrap();
        (learner.recorder().lrs.clone(), learner.recorder().moms.clone(), outcome)
    };
    let (lrs, moms, _) = rates(Fit::new(4, policy()));
    assert_eq!(lrs.len(), 20);
    let (first, _, _) = rates(Fit { total_epochs: Some(4), ..Fit::new(1, policy()) });
    assert_eq!(first, lrs[..5]);
    let last = Fit { start_epoch: 1, total_epochs: Some(4), ..Fit::new(4, policy()) };
    let (last, last_moms, outcome) = rates(last);
    assert_eq!((&last[..], &last_moms[..]), (&lrs[5..], &moms[5..]));
    assert_eq!(outcome, Outcome::Finished { epochs: 4, reason: None });

    // One made for fewer epochs ends the fit with the first batch after it.
    let (short, _, outcome) = rates(Fit { total_epochs: Some(1), ..Fit::new(3, policy()) });
    assert_eq!(short.len(), 6);
    let reason = Some("the schedule is over".into());
    assert_eq!(outcome, Outcome::Finished { epochs: 2, reason });
    // A constant rate is for as long as one likes.
    let constant = Policy::Constant(0.1.into());
    let (constant, _, _) = rates(Fit { total_epochs: Some(1), ..Fit::new(3, constant) });
    assert_eq!(constant, [0.1; 15]);
}

#[test]
fn a_fit_that_begins_later_takes_the_weights_of_the_epoch_before() {
    let folder = tempfile::tempdir().unwrap();
    let fresh = || {
        let mut learner = learner(Problem::default())
            .callback(SaveModel::new(Monitor::default(), SaveWhen::EveryEpoch))
            .callback(TrackEpoch::new(folder.path().join("epoch")));
        learner.model_dir = folder.path().to_owned();
        learner
    };
    let mut first = fresh();
    first.fit(2, 0.1).unwrap();
    // Only the callbacks know of the first fit. A rate of 0 leaves what it begins with.
    let mut next = fresh();
    next.fit(3, 0.0).unwrap();
    assert!(moved(&next, &bits(&first)).is_empty());
    assert_eq!(next.recorder().lrs, [0.0; 5], "the fit's rates, not those that were saved");
    assert_eq!(next.optimizer().unwrap().steps(), 15);
}

#[test]
fn accumulated_gradients_make_the_step_of_a_large_batch() {
    let run = |batch_size: usize, reduction: Reduction, n: usize, max_norm: f64| {
        let accumulation = match reduction {
            Reduction::Sum => GradientAccumulation::new(n),
            _ => GradientAccumulation::of_means(n),
        };
        let problem = Problem { train: 30, batch_size, shuffle: false, ..Problem::default() };
        let device = Device::flex().autodiff();
        let model = Sequential::new()
            .named("body", Linear::new(4, 8, &device))
            .named("relu", ReLU)
            .named("head", Linear::new(8, 3, &device));
        let mut weights = StateDict::default();
        for (name, weight) in state_dict(&model.clone()).iter() {
            let values = (0..weight.values.len()).map(noise).collect();
            weights.insert(name, weight.shape.clone(), values);
        }
        let loss = CrossEntropyFlat { reduction, ..CrossEntropyFlat::default() };
        let mut learner = Learner::new(data(problem), model, loss)
            .callback(GradientClipping { max_norm })
            .callback(accumulation);
        learner.load_state_dict(&weights, Strict::Yes).unwrap();
        learner.network_mut().rule = Rule::SGD;
        learner.fit(2, 0.5).unwrap();
        let weights = learner.state_dict();
        let values: Vec<f32> = weights.iter().flat_map(|(_, w)| w.values.clone()).collect();
        (values, learner.optimizer().unwrap().steps())
    };
    // Six batches of five make two steps of four and two, in which a batch of twenty would end.
    for (n, large, max_norm) in [(2, 10, 1e9), (3, 15, 1e9), (2, 10, 0.05)] {
        for reduction in [Reduction::Sum, Reduction::Mean] {
            let (small, steps) = run(5, reduction, n, max_norm);
            let (whole, wanted) = run(large, reduction, 1, max_norm);
            assert_eq!(steps, wanted);
            for (small, whole) in small.iter().zip(&whole) {
                assert!((small - whole).abs() < 1e-5, "{n}: {small}, expected {whole}");
            }
        }
    }
    assert_eq!(run(5, Reduction::Sum, 4, 1e9).1, 4, "the rest of an epoch makes a step too");
}

#[test]
fn watching_layers_records_them_and_changes_no_result() {
    let mut plain = learner(Problem::default());
    plain.fit(2, 0.1).unwrap();
    let stats = ActivationStats::every(3);
    let mut watched = learner(Problem::default()).callback(stats.clone());
    watched.fit(2, 0.1).unwrap();
    assert!(moved(&watched, &bits(&plain)).is_empty());
    let batches = watched.recorder().losses.len();
    let layers = stats.layers();
    assert!(layers.len() > 1);
    for layer in layers {
        assert_eq!(layer.batches, (0..batches).step_by(3).collect::<Vec<_>>(), "{}", layer.path);
        assert!(layer.stds.iter().any(|std| *std > 0.0), "{layer:?}");
    }
}

#[test]
fn a_scaled_loss_is_clipped_like_any_other() {
    let run = |scale: f64| {
        let mut learner = learner(Problem::default())
            .callback(GradientClipping { max_norm: 0.1 })
            .callback(LossScaling::new(scale, 1000));
        learner.network_mut().rule = Rule::SGD;
        learner.fit(1, 0.5).unwrap();
        bits(&learner)
    };
    assert!(run(1024.0) == run(1.0), "a power of two changes no bit");
}

#[test]
fn whoever_watches_hears_of_every_batch_and_epoch() {
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
