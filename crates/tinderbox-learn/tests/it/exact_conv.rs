//! Convolutions by their definition, for one learner and not for another.

use std::{sync::Barrier, thread};

use burn::tensor::Device;
use tinderbox_data::{Array, BatchOptions, DataBunch};
use tinderbox_learn::{Learner, Set, loss::CrossEntropyFlat, schedule::LrFind};
use tinderbox_model::{
    Sequential,
    layer::{Conv2dConfig, Flatten, Linear},
    random,
};
use tinderbox_ops::exact_conv;

use crate::common::{bits, noise};

/// Its convolution is one for which Winograd's algorithms pay.
fn learner(exact: bool) -> Learner {
    let set = |items: usize, from: usize| {
        let pixels = (0..items * 32 * 144).map(|at| noise(from + at)).collect();
        let classes = (0..items).map(|at| at as i64 % 2).collect();
        (Array::f32([items, 32, 12, 12], pixels), Array::i64([items], classes))
    };
    let options = BatchOptions { batch_size: 4, ..BatchOptions::default() };
    let data = DataBunch::from_arrays(set(12, 0), set(8, 1 << 20), options).unwrap();
    let device = Device::flex().autodiff();
    let model = random::seeded(1, || {
        Sequential::new()
            .named("conv", Conv2dConfig::new([32, 32], 3).padding(1).init(&device))
            .push(Flatten::default())
            .push(Linear::new(32 * 144, 2, &device))
    });
    let mut learner = Learner::new(data, model, CrossEntropyFlat::default());
    learner.exact_conv = exact;
    learner
}

/// What a learner gives before it was trained, and its weights afterwards.
#[derive(PartialEq)]
struct Given {
    valid_loss: f64,
    predictions: Vec<f32>,
    finder_losses: Vec<f64>,
    weights: Vec<(String, Vec<u32>)>,
}

fn all_of(exact: bool) -> Given {
    let mut learner = learner(exact);
    let valid_loss = learner.validate().unwrap().loss;
    let predictions = learner.get_preds(Set::Valid).unwrap();
    let predictions = predictions.outputs.into_flat().into_data().try_to_vec().unwrap();
    let options = LrFind { num_it: 4, ..LrFind::default() };
    let finder_losses = learner.lr_find(&options).unwrap().raw_losses;
    learner.fit(2, 0.01).unwrap();
    assert!(!exact_conv(), "only in the learner's own passes");
    Given { valid_loss, predictions, finder_losses, weights: bits(&learner) }
}

#[test]
fn an_exact_learner_and_another_train_at_the_same_time() {
    let alone = [false, true].map(all_of);
    let [fast, exact] = &alone;
    assert!((fast.valid_loss - exact.valid_loss).abs() < 1e-4);
    assert!(fast.valid_loss != exact.valid_loss);
    assert!(fast.predictions != exact.predictions);
    assert!(fast.finder_losses != exact.finder_losses);
    assert!(fast.weights != exact.weights);
    let start = Barrier::new(2);
    thread::scope(|scope| {
        for (is_exact, alone) in [(false, fast), (true, exact)] {
            let start = &start;
            scope.spawn(move || {
                start.wait();
                assert!(all_of(is_exact) == *alone, "exact: {is_exact}");
            });
        }
    });
}
