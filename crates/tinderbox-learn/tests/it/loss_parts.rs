//! The parts of a loss, as metrics.

use std::{cell::Cell, fs, num::NonZeroUsize};

use burn::tensor::{Device, Tensor};
use tinderbox_data::{Array, BatchOptions, DataBunch, batch::Set};
use tinderbox_learn::{
    Checkpoints, Learner, Outcome, Result, StopHandle,
    callback::{Answer, Callback, Changes, CsvLogger, EarlyStopping, Monitor, State},
    loss::Loss,
    metric::{Metric, mean_absolute_error},
};
use tinderbox_model::{AnyTensor, Sequential, layer::Linear};

use crate::common::{bits, noise};

/// The squared error and a tenth of the mean output, as parts.
#[derive(Default)]
struct TwoParts {
    last: Cell<Option<[f64; 2]>>,
}

impl Loss for TwoParts {
    fn forward(&self, output: AnyTensor, target: AnyTensor) -> Tensor<1> {
        let (x, y): (Tensor<2>, Tensor<2>) = (output.expect_for("test"), target.expect_for("test"));
        let parts = [(x.clone() - y).square().mean(), x.abs().mean() * 0.1];
        self.last.set(Some(parts.clone().map(|part| f64::from(part.into_scalar::<f32>()))));
        let [error, size] = parts;
        error + size
    }

    fn part_names(&self) -> Vec<String> {
        ["error", "size"].map(String::from).into()
    }

    fn last_parts(&self) -> Vec<f64> {
        self.last.get().map(Vec::from).unwrap_or_default()
    }
}

/// Batches of four, of which the last of validation has one.
fn learner() -> Learner {
    let set = |items: usize, from: usize| {
        let inputs: Vec<f32> = (0..items * 3).map(|at| noise(from + at)).collect();
        let targets = inputs.chunks(3).map(|row| row[0] - 2.0 * row[1]).collect();
        (Array::f32([items, 3], inputs), Array::f32([items, 1], targets))
    };
    let options = BatchOptions { batch_size: 4, ..BatchOptions::default() };
    let data = DataBunch::from_arrays(set(12, 0), set(9, 500), options).unwrap();
    let weights = [[0.1, 0.2, 0.3]];
    let mut linear = Linear::new(3, 1, &Device::flex());
    linear.weight = burn::module::Param::from_tensor(Tensor::from_data(weights, &Device::flex()));
    linear.bias = None;
    let model = Sequential::new().push(linear);
    Learner::new(data, model, TwoParts::default()).metrics(mean_absolute_error)
}

#[test]
fn parts_are_columns_behind_the_metrics() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.csv");
    let mut learner = learner().callback(CsvLogger::new(&file).without_time());
    assert_eq!(learner.metric_names(), ["mean_absolute_error", "error", "size"]);
    learner.fit(2, 0.01).unwrap();
    let recorder = learner.recorder();
    assert_eq!(recorder.metric_names, ["mean_absolute_error", "error", "size"]);
    assert_eq!(
        recorder.table().header(),
        "epoch  train_loss  valid_loss  mean_absolute_error  error  size"
    );
    // Nine items in batches of four, four and one: averaged over items, they add up to the loss.
    for epoch in 0..2 {
        let values: Vec<f64> = recorder.epoch(epoch).into_iter().map(Option::unwrap).collect();
        let sum = values[3] + values[4];
        assert!((values[1] - sum).abs() < 1e-6 && values[4] > 0.0, "{values:?}");
    }
    let last = recorder.epoch(1);
    let log = fs::read_to_string(&file).unwrap();
    assert!(
        log.starts_with("epoch,train_loss,valid_loss,mean_absolute_error,error,size\n"),
        "{log}"
    );
    let validated = learner.validate().unwrap();
    let names: Vec<&str> = validated.metrics.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["mean_absolute_error", "error", "size"]);
    for ((name, value), recorded) in validated.metrics.iter().zip(&last[2..]) {
        assert_eq!(Some(*value), *recorded, "{name}");
    }
    let train = learner.validate_with(Set::Train, mean_absolute_error).unwrap();
    assert_eq!(train.metrics.len(), 3);
}

#[test]
fn a_fit_stops_when_a_part_rises() {
    // The error falls while the outputs grow from almost nothing.
    let monitor = Monitor::new("size");
    let mut learner = learner();
    let stopping = EarlyStopping::new(monitor, 0);
    let outcome = learner.fit_with(
        tinderbox_learn::Fit::new(20, tinderbox_learn::Policy::Constant(0.05.into())),
        vec![Box::new(stopping)],
    );
    let Ok(Outcome::Finished { epochs, reason: Some(reason) }) = outcome else {
        panic!("{outcome:?}")
    };
    assert!(epochs < 20 && reason.contains(EarlyStopping::REASON), "{epochs}: {reason}");
    let sizes: Vec<f64> =
        learner.recorder().metrics.iter().map(|epoch| epoch[2].unwrap()).collect();
    assert!(sizes.windows(2).last().is_some_and(|pair| pair[1] >= pair[0]), "{sizes:?}");
}

/// Asks the fit to stop in the second validation.
struct StopInValidation(StopHandle);

impl Callback for StopInValidation {
    fn name(&self) -> &'static str {
        "stop_in_validation"
    }

    fn batch_end(&mut self, state: &State) -> Answer {
        if state.training == Some(false) && state.epoch == 1 && state.valid_batch == 1 {
            self.0.stop();
        }
        Ok(Changes::none())
    }
}

#[test]
fn a_resumed_fit_has_the_same_parts() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("checkpoint");
    let mut whole = learner();
    whole.fit(3, 0.01).unwrap();
    let checkpoints = || Checkpoints { file: file.clone(), every: NonZeroUsize::new(2) };
    let mut stopped = learner().checkpoints(checkpoints());
    let stop = StopInValidation(stopped.stop_handle());
    let fit = tinderbox_learn::Fit::new(3, tinderbox_learn::Policy::Constant(0.01.into()));
    let outcome = stopped.fit_with(fit, vec![Box::new(stop)]).unwrap();
    assert!(matches!(outcome, Outcome::Stopped { .. }), "{outcome:?}");
    let mut resumed = learner().checkpoints(checkpoints());
    let stop = StopInValidation(StopHandle::default());
    resumed.resume_with(&file, vec![Box::new(stop)]).unwrap();
    assert_eq!(resumed.recorder(), whole.recorder());
    assert!(bits(&resumed) == bits(&whole));
}

/// The mean of the model's input.
#[derive(Default)]
struct MeanInput(Vec<f32>);

impl Metric for MeanInput {
    fn reset(&mut self) {
        self.0.clear();
    }

    fn update(&mut self, _: &AnyTensor, _: &AnyTensor) -> Result<()> {
        panic!("validation has the input")
    }

    fn update_with_input(&mut self, input: &AnyTensor, _: &AnyTensor, _: &AnyTensor) -> Result<()> {
        self.0.extend(input.clone().into_flat().try_into_vec_as::<f32>().unwrap());
        Ok(())
    }

    fn value(&self) -> f64 {
        f64::from(self.0.iter().sum::<f32>() / self.0.len() as f32)
    }
}

#[test]
fn a_metric_may_look_at_the_input() {
    let mut learner = learner().metrics(MeanInput::default());
    learner.fit(1, 0.01).unwrap();
    let wanted = f64::from((0..27).map(|at| noise(500 + at)).sum::<f32>() / 27.0);
    let recorded = learner.recorder().last_metric("mean_input").unwrap();
    let validated = learner.validate().unwrap();
    for found in [recorded, validated.metrics[0].1] {
        assert!((found - wanted).abs() < 1e-6, "{found}, expected {wanted}");
    }
}
