//! The fixtures `gan_losses` and `gan_training`.

use std::sync::{Arc, Mutex};

use burn::tensor::{Device, Int, Tensor, TensorData};
use serde_json::Value;
use tinderbox_data::{Array, BatchOptions, DataBunch};
use tinderbox_golden::Fixture;
use tinderbox_learn::{
    Checkpoints, Learner, Network, Result, StopHandle,
    callback::{Answer, Callback, Changes, State},
    gan::{AdversarialLoss, GanLearner, RealOrFake, Switch, Wasserstein},
    loss::{AdaptiveLoss, Loss, MSELossFlat},
    metric::{Scores, accuracy_thresh_expand},
    schedule::Smoothed,
};
use tinderbox_model::{
    AnyTensor, ConvLayerConfig, NormType, Sequential,
    arch::{BasicGan, GanCritic},
    layer::SigmoidRange,
    random,
    weights::{StateDict, Strict},
};

use crate::common::StopAfter;

fn device() -> Device {
    Device::flex().autodiff()
}

fn tensor<const D: usize>(array: &tinderbox_golden::Array) -> Tensor<D> {
    Tensor::from_data(TensorData::new(array.f32().to_vec(), array.shape.clone()), &device())
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("no number: {value}"))
}

/// Whether a number is the manifest's, by a tolerance of the manifest.
fn is_near(found: f64, want: &Value, tolerance: &Value) -> bool {
    let want = number(want);
    let bound = number(&tolerance["atol"]) + number(&tolerance["rtol"]) * want.abs();
    (found - want).abs() <= bound
}

#[track_caller]
fn close(found: Tensor<1>, want: &Value, tolerance: &Value) {
    let found = f64::from(found.into_scalar::<f32>());
    assert!(is_near(found, want, tolerance), "{found}, expected {want}");
}

#[test]
fn losses_of_both_networks_are_the_references() {
    let fixture = Fixture::open("gan_losses");
    let manifest = fixture.manifest();
    let tolerance = &manifest["tolerance"];
    let check = |name: &str, tensor: Tensor<4>, rank: usize| {
        let dims = tensor.dims()[4 - rank..].to_vec();
        fixture.check(name, &dims, &tensor.into_data().try_to_vec::<f32>().unwrap()).unwrap();
    };

    let logits: Tensor<2> = tensor(&fixture.tensor("adaptive.logits")).require_grad();
    let labels = fixture.tensor("adaptive.target");
    let labels = TensorData::new(labels.i64().to_vec(), labels.shape.clone());
    let target = Tensor::<1, Int>::from_data(labels, &device());
    let loss = AdaptiveLoss::<tinderbox_learn::loss::BCEWithLogitsFlat>::default();
    let value = loss.forward(logits.clone().into(), target.clone().into());
    close(value.clone(), &manifest["adaptive_loss"], tolerance);
    let gradient = logits.grad(&value.backward()).unwrap();
    check("adaptive.grad", gradient.unsqueeze(), 2);
    // The manifest does not say the second threshold: 0.2 is fastai's other one.
    for (key, thresh, scores) in [
        ("accuracy_thresh_expand", 0.5, Scores::Logits),
        ("accuracy_thresh_expand_no_sigmoid", 0.2, Scores::Probabilities),
    ] {
        let logits: AnyTensor = logits.clone().into();
        let found = accuracy_thresh_expand(&logits, target.clone().into(), thresh, scores).unwrap();
        assert!((found - number(&manifest[key])).abs() < 1e-6, "{key}: {found}");
    }

    let [fake, real] = ["fake_pred", "real_pred"]
        .map(|name| tensor::<2>(&fixture.tensor(&format!("from_func.{name}"))).require_grad());
    let [made, wanted] = ["gen_out", "gen_tgt"]
        .map(|name| tensor::<4>(&fixture.tensor(&format!("from_func.{name}"))).require_grad());
    let losses = RealOrFake::default();
    close(losses.critic(real.into(), fake.clone().into()), &manifest["critic_loss"], tolerance);
    let [by_critic, by_pixel] = [0, 1].map(|at| number(&manifest["weights_gen"][at]));
    let adversarial = losses.generator(fake.clone().into());
    let pixels = MSELossFlat.forward(made.clone().into(), wanted.into());
    close(adversarial.clone(), &manifest["gen_loss_bce_part"], tolerance);
    close(pixels.clone(), &manifest["gen_loss_mse_part"], tolerance);
    let whole = adversarial * by_critic + pixels * by_pixel;
    close(whole.clone(), &manifest["gen_loss"], tolerance);
    let gradients = whole.backward();
    check("from_func.grad_fake_pred", fake.grad(&gradients).unwrap().unsqueeze(), 2);
    check("from_func.grad_gen_out", made.grad(&gradients).unwrap(), 4);

    let wgan = &manifest["wgan"];
    let [real, fake] = ["real", "fake"]
        .map(|key| AnyTensor::from(Tensor::<1>::from_data([number(&wgan[key]) as f32], &device())));
    close(Wasserstein.critic(real, fake.clone()), &wgan["critic_loss"], tolerance);
    close(Wasserstein.generator(fake), &wgan["gen_loss"], tolerance);

    let smooth = &manifest["smooth"];
    let mut smoothed = Smoothed::new(number(&smooth["beta"]));
    let [values, want] = ["values", "smoothed"].map(|key| smooth[key].as_array().unwrap());
    for (value, want) in values.iter().zip(want) {
        assert!((smoothed.add(number(value)) - number(want)).abs() < 1e-6);
    }
}

/// Which network each batch trained, its loss and its rate.
#[derive(Clone, Default)]
struct Steps(Arc<Mutex<Vec<(&'static str, f64)>>>);

impl Callback for Steps {
    fn name(&self) -> &'static str {
        "steps"
    }

    fn batch_end(&mut self, state: &State) -> Answer {
        let step = (state.learning.unwrap(), state.last_loss.unwrap());
        self.0.lock().unwrap().push(step);
        Ok(Changes::none())
    }
}

fn load(network: &mut Network, fixture: &Fixture, model: &str, part: &str) {
    let mut weights = StateDict::default();
    for (key, array) in fixture.keyed_weights(model) {
        if let Some(name) = key.strip_prefix(part).and_then(|name| name.strip_prefix('.'))
            && !name.ends_with("num_batches_tracked")
        {
            weights.insert(name, array.shape.clone(), array.f32().to_vec());
        }
    }
    network.load_state_dict(&weights, Strict::Yes).unwrap();
}

fn data(fixture: &Fixture, config: &Value, target_scale: f32) -> DataBunch {
    let array = |key: &str, items: Option<usize>, scale: f32| {
        let array = fixture.input(config[key].as_str().unwrap().trim_start_matches("1.5 * "));
        let mut shape: [usize; 4] = array.shape.clone().try_into().unwrap();
        shape[0] = items.unwrap_or(shape[0]);
        let n = shape.iter().product();
        let values = array.f32().iter().take(n).map(|x| x * scale).collect();
        Array::f32(shape, values)
    };
    let options = BatchOptions {
        batch_size: config["bs"].as_u64().unwrap() as usize,
        shuffle: false,
        ..BatchOptions::default()
    };
    let set = |items| (array("input", items, 1.0), array("target", items, target_scale));
    DataBunch::from_arrays(set(None), set(Some(0)), options).unwrap()
}

fn check(name: &str, mut learner: Learner, epochs: usize, lr: f64) -> Result<()> {
    let fixture = Fixture::open("gan_training");
    load(learner.network_mut(), &fixture, name, "generator");
    load(learner.others()[0].1, &fixture, name, "critic");
    let steps = Steps::default();
    let mut learner = learner.callback(steps.clone());
    learner.fit(epochs, lr)?;
    let run = &fixture.manifest()[name];
    let want = run["steps"].as_array().unwrap().iter();
    let want: Vec<&Value> = want.filter(|step| step["loss"].is_number()).collect();
    let found = steps.0.lock().unwrap();
    assert_eq!(found.len(), want.len());
    for (at, ((network, loss), want)) in found.iter().zip(want).enumerate() {
        let turn = if *network == "critic" { "critic" } else { "gen" };
        assert_eq!(turn, want["mode"], "{name}: batch {at}");
        let is_near = is_near(*loss, &want["loss"], &run["tolerance"]["loss"]);
        assert!(is_near, "{name}: batch {at}: {loss}, {want}");
    }
    for (column, key) in
        [("gen_loss", "smoothed_gen_loss"), ("critic_loss", "smoothed_critic_loss")]
    {
        let found = learner.recorder().last_metric(column).unwrap();
        let is_near = is_near(found, &run[key], &run["tolerance"]["loss"]);
        assert!(is_near, "{column}: {found}, {}", run[key]);
    }
    let [atol, rtol] = ["atol", "rtol"].map(|key| number(&run["tolerance"]["final"][key]));
    let generator = learner.state_dict();
    let critic = learner.others()[0].1.state_dict();
    let mut checked = 0;
    for (part, weights) in [("generator", generator), ("critic", critic)] {
        for (path, weight) in weights.iter() {
            let stored = format!("{name}.final.{part}.{path}");
            if !fixture.has(&stored) {
                continue;
            }
            let want = fixture.tensor(&stored);
            assert_eq!(weight.shape, want.shape, "{stored}");
            for (found, want) in weight.values.iter().zip(want.f32()) {
                let (found, want) = (f64::from(*found), f64::from(*want));
                assert!(
                    (found - want).abs() <= atol + rtol * want.abs(),
                    "{stored}: {found}, {want}"
                );
            }
            checked += 1;
        }
    }
    let stored = fixture.manifest()["tensors"].as_object().unwrap().keys();
    let stored = stored.filter(|key| {
        key.starts_with(&format!("{name}.final.")) && !key.ends_with("num_batches_tracked")
    });
    assert_eq!(checked, stored.count());
    Ok(())
}

#[test]
fn a_pretrained_gan_trains_as_the_reference() {
    let fixture = Fixture::open("gan_training");
    let config = &fixture.manifest()["config"]["pretrained"];
    let layer = |inputs, outputs| ConvLayerConfig::new(inputs, outputs).norm(NormType::Weight);
    let generator = Sequential::new()
        .push(layer(3, 8).init(&device()))
        .push(layer(8, 3).kernel(1).activation(false).init(&device()))
        .push(SigmoidRange { low: -3.0, high: 3.0 });
    let critic = GanCritic { features: 8, n_blocks: 1, p: 0.0, ..GanCritic::default() };
    let data = data(&fixture, config, 1.5);
    let loss = AdaptiveLoss::<tinderbox_learn::loss::BCEWithLogitsFlat>::default();
    let critic = Learner::new(data.clone(), critic.init(&device()), loss);
    let learner = GanLearner::from_learners(Learner::new(data, generator, MSELossFlat), critic)
        .weights_gen(number(&config["weights_gen"][0]), number(&config["weights_gen"][1]))
        .switch(Switch::critic_below(number(&config["critic_thresh"])))
        .critic_lr(number(&config["mult_lr"]))
        .weight_decay(number(&config["wd"]))
        .learner();
    let epochs = config["epochs"].as_u64().unwrap() as usize;
    check("pretrained", learner, epochs, number(&config["lr"])).unwrap();
}

#[test]
fn a_wgan_trains_as_the_reference() {
    let fixture = Fixture::open("gan_training");
    let config = &fixture.manifest()["config"]["wgan"];
    let gan = BasicGan { noise: 6, features: 4, n_extra_layers: 1, ..BasicGan::new(16, 3) };
    let (generator, critic) = (gan.generator(&device()), gan.critic(&device()));
    let count = |key: &str| config[key].as_u64().unwrap() as usize;
    let learner = GanLearner::wgan(data(&fixture, config, 1.0), generator, critic)
        .clip(number(&config["clip"]))
        .switch(Switch::Fixed { critic: count("n_crit"), generator: count("n_gen") })
        .switch_eval(config["switch_eval"].as_bool().unwrap())
        .weight_decay(number(&config["wd"]))
        .learner();
    check("wgan", learner, count("epochs"), number(&config["lr"])).unwrap();
}

/// Stopped after each of its batches, in the turns of both networks.
#[test]
fn a_gan_goes_on_to_the_same_bits() {
    let fixture = Fixture::open("gan_training");
    let config = &fixture.manifest()["config"]["wgan"];
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("checkpoint");
    let make = |stop: usize| {
        let gan = BasicGan { noise: 6, features: 4, n_extra_layers: 1, ..BasicGan::new(16, 3) };
        let (generator, critic) =
            random::seeded(3, || (gan.generator(&device()), gan.critic(&device())));
        let handle = StopHandle::default();
        GanLearner::wgan(data(&fixture, config, 1.0), generator, critic)
            .switch(Switch::Fixed { critic: 2, generator: 1 })
            .learner()
            .checkpoints(Checkpoints::new(&file))
            .callback(StopAfter(stop, handle.clone()))
            .stopped_by(handle)
    };
    let weights = |learner: &mut Learner| {
        let critic = learner.others()[0].1.state_dict();
        [learner.state_dict(), critic]
            .map(|state| state.iter().flat_map(|(_, w)| w.values.clone()).collect::<Vec<f32>>())
    };
    let mut whole = make(0);
    whole.fit(2, 1e-3).unwrap();
    let want = weights(&mut whole);
    for stop in 1..8 {
        make(stop).fit(2, 1e-3).unwrap();
        let mut resumed = make(0);
        resumed.resume(&file).unwrap();
        assert!(weights(&mut resumed) == want, "stopped after {stop} batches");
        assert_eq!(resumed.recorder(), whole.recorder());
    }
}
