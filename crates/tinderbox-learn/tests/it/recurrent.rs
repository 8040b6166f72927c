//! What a recurrent model carries from batch to batch, and what it wants added to its loss.

use std::num::NonZeroUsize;

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use tinderbox_data::{Array, BatchOptions, DataBunch};
use tinderbox_learn::{
    Checkpoints, Learner, Outcome,
    callback::ResetState,
    loss::{CrossEntropyFlat, MSELossFlat},
    schedule::OneCycle,
};
use tinderbox_model::{
    Forward,
    arch::Model5,
    layer::{Carried, Linear},
    random,
    weights::{StateDict, Strict},
};

use crate::common::{StopAfter, bits, noise};

const BATCH: usize = 4;

fn options() -> BatchOptions {
    BatchOptions { batch_size: BATCH, shuffle: false, ..BatchOptions::default() }
}

/// Counts the batches it has seen in what it carries.
#[derive(Module, Debug)]
struct Counter {
    linear: Linear,
    /// How much of the sum of its weights it wants added to the loss.
    share: f64,
    #[module(skip)]
    seen: Carried,
}

impl Forward for Counter {
    type Input = Tensor<2>;
    type Output = Tensor<2>;

    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let seen = self
            .seen
            .take_for(&x)
            .map_or_else(|| Tensor::zeros([BATCH, 1], &x.device()), |mut seen| seen.remove(0));
        self.seen.set(vec![seen + 1.0]);
        self.linear.apply(x)
    }

    fn carried(&self) -> Option<&Carried> {
        Some(&self.seen)
    }

    fn penalty(&self) -> Option<Tensor<1>> {
        (self.share > 0.0).then(|| self.linear.weight.val().sum() * self.share)
    }
}

/// Three batches to train on and two to validate.
fn counting(share: f64) -> Learner {
    let rows = |rows: usize| {
        let x = Array::f32([rows, 1], (0..rows).map(noise).collect());
        (x.clone(), x)
    };
    let data = DataBunch::from_arrays(rows(3 * BATCH), rows(2 * BATCH), options()).unwrap();
    let device = Device::flex().autodiff();
    let model = Counter { linear: Linear::new(1, 1, &device), share, seen: Carried::default() };
    let mut learner = Learner::new(data, model, MSELossFlat);
    let mut weights = StateDict::default();
    weights.insert("linear.weight", vec![1, 1], vec![1.0]);
    weights.insert("linear.bias", vec![1], vec![0.0]);
    learner.load_state_dict(&weights, Strict::Yes).unwrap();
    learner.network_mut().weight_decay = 0.0;
    learner
}

fn seen(learner: &Learner) -> Vec<f32> {
    let states = learner.model().carried().unwrap().states();
    states.into_iter().flat_map(|state| state.into_data().try_to_vec::<f32>().unwrap()).collect()
}

#[test]
fn a_state_goes_on_through_validation_from_epoch_to_epoch() {
    let mut learner = counting(0.0);
    learner.fit(2, 0.0).unwrap();
    assert_eq!(seen(&learner), [10.0; BATCH]);
    learner.validate().unwrap();
    assert_eq!(seen(&learner), [10.0; BATCH], "a validation for itself starts anew");
    learner.fit(1, 0.0).unwrap();
    assert_eq!(seen(&learner), [15.0; BATCH]);
}

#[test]
fn each_epoch_starts_anew_if_that_is_asked_for() {
    let mut learner = counting(0.0).callback(ResetState);
    learner.fit(2, 0.0).unwrap();
    assert_eq!(seen(&learner), [5.0; BATCH]);
}

/// The model is right already, so only the penalty moves it.
#[test]
fn a_penalty_is_differentiated_but_not_shown() {
    let weight = |share: f64| {
        let mut learner = counting(share);
        learner.fit(1, 0.01).unwrap();
        let first = learner.recorder().raw_losses[0];
        assert_eq!(first, 0.0);
        learner.state_dict().get("linear.weight").unwrap().values[0]
    };
    assert_eq!(weight(0.0), 1.0);
    assert!(weight(0.5) < 0.99);
}

#[test]
fn a_fit_stopped_anywhere_goes_on_with_what_was_carried() {
    let words = |rows: usize, from: usize| {
        let word = |at: usize| (noise(from + at).abs() * 7.0) as i64;
        let ids = |shift: usize| (0..rows * 5).map(|at| word(at + shift)).collect();
        (Array::i64([rows, 5], ids(0)), Array::i64([rows, 5], ids(1)))
    };
    let data = DataBunch::from_arrays(words(3 * BATCH, 0), words(2 * BATCH, 999), options());
    let data = data.unwrap();
    let device = Device::flex().autodiff();
    let model = random::seeded(3, || Model5::new(7, 6, &device));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("checkpoint");
    let make = |stop: usize| {
        let learner = Learner::new(data.clone(), model.clone(), CrossEntropyFlat::default())
            .checkpoints(Checkpoints::new(&file).every(NonZeroUsize::MIN));
        let handle = learner.stop_handle();
        learner.callback(StopAfter(stop, handle))
    };
    let fit = |learner: &mut Learner| learner.fit_one_cycle(2, OneCycle::from(0.05)).unwrap();
    let mut whole = make(0);
    fit(&mut whole);
    for stop in 1..=6 {
        assert!(matches!(fit(&mut make(stop)), Outcome::Stopped { .. }));
        let mut resumed = make(0);
        resumed.resume(&file).unwrap();
        assert_eq!(bits(&resumed), bits(&whole), "stopped after {stop} batches");
        assert_eq!(resumed.recorder(), whole.recorder());
        let carried =
            |learner: &Learner| seen(learner).iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(carried(&resumed), carried(&whole));
    }
}
