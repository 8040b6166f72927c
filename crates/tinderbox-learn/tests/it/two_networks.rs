//! A step of one's own, which trains two networks in turn.

use std::path::Path;

use burn::tensor::{Device, Tensor};
use serde_json::Value;
use tinderbox_learn::{
    Checkpoints, Error, Learner, Network, Outcome, Result, Stage, StopHandle, Supervised,
    TrainStep,
    callback::{Answer, Callback, Changes, GradientAccumulation, GradientClipping, State},
    optim::{Gradients, Optimizer, Rule},
    schedule::{LrFind, OneCycle},
};
use tinderbox_model::{
    AnyTensor, Sequential,
    layer::{BatchNorm1d, Dropout, Linear},
    random,
    weights::StateDict,
};

use crate::common::{Problem, StopAfter, bits, learner};

/// Trains the learner's network on a batch, and another one on the next.
struct InTurn {
    name: &'static str,
    other: Network,
    batches: u64,
}

impl InTurn {
    /// The other guesses the number of the class.
    fn new(name: &'static str) -> Self {
        let device = Device::flex();
        let model = random::seeded(5, || {
            Sequential::new()
                .push(Linear::new(4, 6, &device))
                .push(BatchNorm1d::new(6, &device))
                .push(Dropout::new(0.25))
                .push(Linear::new(6, 1, &device))
        });
        let mut other = Network::new(Box::new(model));
        other.rule = Rule::SGD;
        other.weight_decay = 0.1;
        Self { name, other, batches: 0 }
    }
}

impl TrainStep for InTurn {
    fn name(&self) -> &'static str {
        "in_turn"
    }

    fn train(&mut self, stage: &mut Stage<'_>) -> Result<()> {
        self.batches += 1;
        if self.batches % 2 == 1 {
            return Supervised.train(stage);
        }
        let (lr, momentum) = (stage.state().lr(), stage.state().momentum);
        let optimizer = self.other.optimizer_mut().expect("a fit is running");
        optimizer.set_lrs(&[lr / 10.0]);
        optimizer.momentum = momentum;
        let output = self.other.forward(stage.input())?;
        stage.set_output(output.clone());
        stage.loss_begin()?;
        let (AnyTensor::Float2(guess), AnyTensor::Int1(class)) = (output, stage.target()) else {
            panic!("one number for each class")
        };
        let wanted: Tensor<2> = class.float().unsqueeze_dim(1);
        stage.set_loss((guess - wanted).square().mean());
        stage.backward_begin()?;
        stage.backward_of(&mut self.other)?;
        stage.backward_end()?;
        stage.step_of(&mut self.other);
        stage.step_end()
    }

    fn others(&mut self) -> Vec<(&'static str, &mut Network)> {
        vec![(self.name, &mut self.other)]
    }

    fn save_state(&self) -> Value {
        self.batches.into()
    }

    fn load_state(&mut self, saved: &Value) -> Result<()> {
        self.batches = serde_json::from_value(saved.clone())
            .map_err(|source| Error::StepState { step: "in_turn", source })?;
        Ok(())
    }
}

fn make(file: &Path, stop: usize) -> Learner {
    let stop_handle = StopHandle::default();
    learner(Problem::default())
        .train_step(InTurn::new("critic"))
        .checkpoints(Checkpoints::new(file))
        .callback(GradientClipping { max_norm: 0.5 })
        .callback(StopAfter(stop, stop_handle.clone()))
        .stopped_by(stop_handle)
}

fn fit(learner: &mut Learner) -> Outcome {
    learner.fit_one_cycle(3, OneCycle::from(0.05)).unwrap()
}

fn weights_of(weights: &StateDict) -> Vec<u32> {
    weights.iter().flat_map(|(_, weight)| weight.values.iter().map(|x| x.to_bits())).collect()
}

/// Weights and how many steps were made, of the learner's network and of the other.
fn left(learner: &mut Learner) -> [(Vec<u32>, u64); 2] {
    let of = |network: &Network| {
        (weights_of(&network.state_dict()), network.optimizer().map_or(0, Optimizer::steps))
    };
    let own = of(learner.network());
    let mut others = learner.others();
    let [("critic", other)] = &mut others[..] else { panic!("one other network") };
    [own, of(other)]
}

#[test]
fn two_networks_are_trained_in_turn_each_by_its_own_optimizer() {
    let folder = tempfile::tempdir().unwrap();
    let mut learner = make(&folder.path().join("checkpoint"), 0);
    let before = left(&mut learner);
    assert!(matches!(fit(&mut learner), Outcome::Finished { .. }));
    let after = left(&mut learner);
    assert_eq!([after[0].1, after[1].1], [8, 7], "of 15 batches");
    assert!(before[0].0 != after[0].0 && before[1].0 != after[1].0);
    assert_eq!(learner.recorder().raw_losses.len(), 15, "a loss for each batch");
}

#[test]
fn a_fit_of_two_networks_goes_on_to_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("checkpoint");
    let mut whole = make(&file, 0);
    fit(&mut whole);
    let want = left(&mut whole);
    for stop in 1..=15 {
        let outcome = fit(&mut make(&file, stop));
        assert!(matches!(outcome, Outcome::Stopped { .. }), "{outcome}");
        let mut resumed = make(&file, 0);
        let outcome = resumed.resume(&file).unwrap();
        assert!(matches!(outcome, Outcome::Finished { epochs: 3, .. }), "{outcome}");
        assert!(left(&mut resumed) == want, "stopped after {stop} batches");
        assert_eq!(resumed.recorder(), whole.recorder());
    }
    // The checkpoint of a finished fit has both, and whose turn it is.
    let mut loaded = make(&file, 0);
    loaded.resume(&file).unwrap();
    assert!(left(&mut loaded) == want);
    let second = |learner: &mut Learner| {
        learner.fit(1, 0.01).unwrap();
        left(learner)
    };
    assert!(second(&mut loaded) == second(&mut whole));
}

/// Each network's gradients wait for its own next ones.
#[test]
fn gradients_of_both_that_wait_are_in_the_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("checkpoint");
    let make = |stop| make(&file, stop).callback(GradientAccumulation::new(4));
    let mut whole = make(0);
    fit(&mut whole);
    let want = left(&mut whole);
    for stop in 1..=6 {
        assert!(matches!(fit(&mut make(stop)), Outcome::Stopped { .. }));
        let mut resumed = make(0);
        resumed.resume(&file).unwrap();
        assert!(left(&mut resumed) == want, "stopped after {stop} batches");
    }
}

#[test]
fn a_checkpoint_of_another_step_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("checkpoint");
    let plain = || {
        learner(Problem::default())
            .callback(GradientClipping { max_norm: 0.5 })
            .callback(StopAfter(3, StopHandle::default()))
            .checkpoints(Checkpoints::new(&file))
    };
    fit(&mut make(&file, 3));
    let mut other = plain();
    let before = bits(&other);
    assert_eq!(
        other.resume(&file).unwrap_err().to_string(),
        "the checkpoint is from another fit: training step was `in_turn`, but here it is `supervised`"
    );
    assert!(bits(&other) == before);
    assert_eq!(
        plain().train_step(InTurn::new("judge")).resume(&file).unwrap_err().to_string(),
        "the checkpoint is from another fit: networks besides the learner's was `critic`, but here it is `judge`"
    );
    fit(&mut plain());
    assert_eq!(
        make(&file, 0).resume(&file).unwrap_err().to_string(),
        "the checkpoint is from another fit: training step was `supervised`, but here it is `in_turn`"
    );
}

#[test]
fn the_rate_finder_leaves_both_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("checkpoint");
    let (mut learner, mut undisturbed) = (make(&file, 0), make(&file, 0));
    let before = left(&mut learner);
    // Nine batches: the turn would be another one.
    learner.lr_find(&LrFind { num_it: 9, ..LrFind::default() }).unwrap();
    assert!(left(&mut learner) == before);
    fit(&mut learner);
    fit(&mut undisturbed);
    assert!(left(&mut learner) == left(&mut undisturbed));
}

/// Counts what it is told of training batches.
#[derive(Default)]
struct Counts([usize; 4], [usize; 4]);

impl Callback for Counts {
    fn name(&self) -> &'static str {
        "counts"
    }

    fn loss_begin(&mut self, state: &State) -> Answer {
        self.0[0] += usize::from(state.training == Some(true));
        Ok(Changes::none())
    }

    fn backward_begin(&mut self, _: &State) -> Answer {
        self.0[1] += 1;
        Ok(Changes::none())
    }

    fn backward_end(&mut self, _: &State, gradients: &mut Gradients) -> Answer {
        self.0[2] += usize::from(gradients.norm() > 0.0);
        Ok(Changes::none())
    }

    fn step_end(&mut self, _: &State) -> Answer {
        self.0[3] += 1;
        Ok(Changes::none())
    }

    fn train_end(&mut self, _: &State, _: Option<&Error>) -> Answer {
        assert_eq!(self.0, self.1, "each of a batch's events");
        Ok(Changes::none())
    }
}

#[test]
fn callbacks_hear_of_both_networks() {
    let callback = Counts([0; 4], [15; 4]);
    let mut learner =
        learner(Problem::default()).train_step(InTurn::new("critic")).callback(callback);
    fit(&mut learner);
}

#[test]
#[should_panic(expected = "a network of a training step cannot be called `model`")]
fn a_name_that_every_checkpoint_has_is_refused() {
    let _learner = learner(Problem::default()).train_step(InTurn::new("model"));
}
