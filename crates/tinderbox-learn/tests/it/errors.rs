//! What is left when something goes wrong in the middle of a fit: a model that goes on, callbacks
//! that know, and the files that were there.

use std::{
    fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use burn::{
    module::Module,
    tensor::{Int, Tensor},
};
use rand::RngCore;
use tinderbox_data::{Array, BatchOptions, DataBunch, Sample, Samples, TargetKind, Values};
use tinderbox_learn::{
    Checkpoints, Error, Learner, Outcome, Set, WithOptimizer,
    callback::{Answer, Callback, Changes, State},
    loss::{Activation, CrossEntropyFlat},
    optim::Gradients,
};
use tinderbox_model::{AnyTensor, Forward, layer::Linear};

use crate::common::{Problem, bits, data, learner, model, noise};

/// Counts down from call to call; the one that reaches zero fails, and no other.
#[derive(Debug, Clone, Default)]
struct Fuse(Arc<AtomicUsize>);

impl Fuse {
    fn after(calls: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(calls)))
    }

    fn blows(&self) -> bool {
        let less = |left: usize| left.checked_sub(1);
        self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less) == Ok(1)
    }
}

/// Hears how fits end, and fails at an event if it is to.
struct Watch {
    fails_at: &'static str,
    fuse: Fuse,
    ended: Arc<Mutex<Vec<String>>>,
}

impl Watch {
    fn at(&self, event: &'static str) -> Answer {
        match self.fails_at == event && self.fuse.blows() {
            true => Err(Error::NotOurs { path: "it".into(), what: format!("failed at {event}") }),
            false => Ok(Changes::none()),
        }
    }
}

macro_rules! watch {
    ($($event:ident),+) => {$(
        fn $event(&mut self, _: &State) -> Answer {
            self.at(stringify!($event))
        }
    )+};
}

impl Callback for Watch {
    fn name(&self) -> &'static str {
        "watch"
    }

    watch!(train_begin, epoch_begin, batch_begin, loss_begin, backward_begin);
    watch!(step_end, batch_end, epoch_end);

    fn backward_end(&mut self, _: &State, _: &mut Gradients) -> Answer {
        self.at("backward_end")
    }

    fn train_end(&mut self, _: &State, error: Option<&Error>) -> Answer {
        let how = error.map_or("well".into(), Error::to_string);
        self.ended.lock().unwrap().push(how);
        self.at("train_end")
    }
}

/// A fit of `learner` fails with `message` in its second epoch, and all is well afterwards.
#[track_caller]
fn check(learner: Learner, fails_at: &'static str, fuse: Fuse, message: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("checkpoint");
    let ended = Arc::new(Mutex::new(Vec::new()));
    let watch = Watch { fails_at, fuse, ended: Arc::clone(&ended) };
    let checkpoints = Checkpoints::new(&file).every(NonZeroUsize::MIN);
    let mut learner = learner.checkpoints(checkpoints).callback(watch);
    learner.model_dir = folder.path().into();
    let saved = learner.save("before", WithOptimizer::Yes).unwrap();
    let saved_bytes = fs::read(&saved).unwrap();

    let error = learner.fit(3, 0.05).unwrap_err();
    assert!(error.to_string().starts_with(message), "{error}, expected {message}");
    let how = if fails_at == "train_end" { "well".to_owned() } else { error.to_string() };
    assert_eq!(*ended.lock().unwrap(), [how]);
    assert!(fs::read(&saved).unwrap() == saved_bytes);

    // The model is whole, the next fit is as good as any, and the checkpoint is one to go on from.
    let left = bits(&learner);
    learner.validate().unwrap();
    learner.get_preds(Set::Valid).unwrap();
    assert!(bits(&learner) == left);
    if file.is_file() {
        assert!(matches!(learner.resume(&file).unwrap(), Outcome::Finished { epochs: 3, .. }));
    }
    assert!(matches!(learner.fit(1, 0.05).unwrap(), Outcome::Finished { epochs: 1, .. }));
    assert_eq!(ended.lock().unwrap().last().unwrap(), "well");
}

#[test]
fn a_callback_may_fail_at_any_event() {
    for (event, call) in [
        ("train_begin", 1),
        ("epoch_begin", 2),
        ("batch_begin", 11),
        ("loss_begin", 11),
        ("backward_begin", 7),
        ("backward_end", 7),
        ("step_end", 7),
        ("batch_end", 7),
        ("epoch_end", 2),
        ("train_end", 1),
    ] {
        let message = format!("it: failed at {event}");
        check(learner(Problem::default()), event, Fuse::after(call), &message);
    }
}

#[test]
fn a_loss_may_panic_in_training_and_in_validation() {
    // An epoch is five batches of training and three of validation.
    for call in [11, 14] {
        let fuse = Fuse::after(call);
        let inner = CrossEntropyFlat::default();
        let loss = move |output: Tensor<2>, target: Tensor<1, Int>| {
            assert!(!fuse.blows(), "the loss fell over");
            tinderbox_learn::loss::Loss::forward(&inner, output.into(), target.into())
        };
        let learner = Learner::new(data(Problem::default()), model(), loss);
        check(learner, "never", Fuse::default(), "loss: the loss fell over");
    }
}

/// A layer that panics once.
#[derive(Module, Debug)]
struct Brittle {
    inner: Linear,
    #[module(skip)]
    fuse: Fuse,
}

impl Forward for Brittle {
    type Input = AnyTensor;
    type Output = AnyTensor;

    fn forward(&self, x: AnyTensor) -> AnyTensor {
        assert!(!self.fuse.blows(), "the layer fell over");
        self.inner.forward(x)
    }
}

#[test]
fn a_model_may_panic_in_training_and_in_validation() {
    for call in [11, 14] {
        let device = burn::tensor::Device::flex().autodiff();
        let model = Brittle { inner: Linear::new(4, 3, &device), fuse: Fuse::after(call) };
        let learner = Learner::new(data(Problem::default()), model, CrossEntropyFlat::default());
        check(learner, "never", Fuse::default(), "Brittle: the layer fell over");
    }
}

/// Points of two classes, of which one cannot be read once.
struct Torn {
    indexes: Vec<usize>,
    fuse: Fuse,
}

impl Samples for Torn {
    fn len(&self) -> usize {
        self.indexes.len()
    }

    fn sample(&self, index: usize, _: &mut dyn RngCore) -> tinderbox_data::Result<Sample> {
        if self.fuse.blows() {
            return Err(tinderbox_data::Error::BatchSize);
        }
        let point = (0..4).map(|i| noise(4 * self.indexes[index] + i)).collect();
        Ok(Sample {
            input: Array { shape: vec![4], values: Values::F32(point) },
            target: Array { shape: vec![], values: Values::I64(vec![index as i64 % 3]) },
        })
    }

    fn name(&self, index: usize) -> String {
        format!("point {index}")
    }

    fn label(&self, index: usize) -> String {
        (index % 3).to_string()
    }

    fn check(&self, _: usize) -> tinderbox_data::Result<()> {
        Ok(())
    }

    fn pick(&self, indexes: &[usize]) -> Arc<dyn Samples> {
        let indexes = indexes.iter().map(|index| self.indexes[*index]).collect();
        Arc::new(Self { indexes, fuse: self.fuse.clone() })
    }
}

#[test]
fn data_may_fail_in_the_middle_of_an_epoch() {
    // 25 of the 26 training items are read in an epoch, and all 11 of validation.
    for (train, valid) in [(37, 0), (0, 14)] {
        for workers in [0, 2] {
            let set = |n, calls| -> Arc<dyn Samples> {
                Arc::new(Torn { indexes: (0..n).collect(), fuse: Fuse::after(calls) })
            };
            let options =
                BatchOptions { batch_size: 5, workers, no_check: true, ..BatchOptions::default() };
            let (train, valid) = (set(26, train), set(11, valid));
            let data = DataBunch::from_samples(train, valid, TargetKind::Array, options).unwrap();
            let learner = Learner::new(data, model(), CrossEntropyFlat::default());
            check(learner, "never", Fuse::default(), "a batch size of 0 makes no batches");
        }
    }
}

#[test]
fn the_targets_decide_the_loss() {
    let set = |n| -> Arc<dyn Samples> {
        Arc::new(Torn { indexes: (0..n).collect(), fuse: Fuse::default() })
    };
    let learner = |target: TargetKind| {
        let options = BatchOptions { batch_size: 5, ..BatchOptions::default() };
        let data = DataBunch::from_samples(set(10), set(5), target, options).unwrap();
        Learner::for_target(data, Box::new(model()))
    };
    let classes = ["a", "b", "c"].map(String::from).into();
    let learner_of_classes = learner(TargetKind::Category { classes }).unwrap();
    assert_eq!(learner_of_classes.activation(), Activation::Softmax { axis: -1 });
    let error = learner(TargetKind::Array).unwrap_err();
    assert_eq!(error.to_string(), "there is no default loss for targets of kind ItemList");
}

#[test]
fn a_refused_checkpoint_leaves_a_learner_that_trains() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("checkpoint");
    let mut other = learner(Problem::default()).checkpoints(Checkpoints::new(&file));
    other.fit(1, 0.05).unwrap();
    let device = burn::tensor::Device::flex();
    let model = tinderbox_model::Sequential::new().named("body", Linear::new(4, 3, &device));
    let mut learner = Learner::new(data(Problem::default()), model, CrossEntropyFlat::default())
        .metrics(tinderbox_learn::metric::accuracy);
    let before = bits(&learner);
    let error = learner.resume(Path::new(&file)).unwrap_err();
    assert!(error.to_string().contains("body.weight"), "{error}");
    assert!(bits(&learner) == before);
    assert!(matches!(learner.fit(1, 0.05).unwrap(), Outcome::Finished { .. }));
    let gone = PathBuf::from("/nowhere");
    assert!(matches!(learner.resume(&gone).unwrap_err(), Error::NoFile { .. }));
}
