//! The fixture `text_classifier`.

use burn::{
    module::{Flag, Module, ModuleMapper, Param},
    tensor::{Bool, Int, Tensor, TensorData},
};
use safetensors::SafeTensors;
use tinderbox_golden::{Fixture, Report};
use tinderbox_model::{
    Layer, Mode, Trace,
    arch::{TextClassifier, TextClassifierConfig, masked_concat_pool},
    set_mode,
    weights::{StateDict, Strict, load_state_dict, state_dict, transfer_vocab},
};
use tinderbox_ops::cross_entropy;

use crate::{
    awd_lstm::{check, encoder, int, near, scaled},
    common::{device, gradients},
    train::number,
};

/// Puts dropouts into evaluation and leaves batch norms in training.
#[derive(Default)]
struct WithoutDropout {
    inside: Vec<String>,
}

impl ModuleMapper for WithoutDropout {
    fn enter_module(&mut self, _: &str, container: &str) {
        self.inside.push(container.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.inside.pop();
    }

    fn map_flag(&mut self, flag: Param<Flag>) -> Param<Flag> {
        let norm = self.inside.last().is_some_and(|owner| owner.contains("BatchNorm"));
        flag.with_value(norm)
    }
}

fn config(fixture: &Fixture) -> TextClassifierConfig {
    let config = &fixture.manifest()["config"];
    let size = |name: &str| config[name].as_u64().unwrap() as usize;
    TextClassifierConfig {
        hidden: serde_json::from_value(config["lin_ftrs"].clone()).unwrap(),
        bptt: size("bptt"),
        max_len: size("max_len"),
        ..TextClassifierConfig::of(encoder(fixture.manifest()), size("classes"))
    }
}

fn texts(fixture: &Fixture) -> Tensor<2, Int> {
    int(&fixture.tensor("x"))
}

fn whole(fixture: &Fixture) -> Result<(), String> {
    let weights = scaled(fixture, "clas");
    let model = Box::new(TextClassifier::new(&config(fixture), &device()));
    let (model, _) = load_state_dict(model, &weights, Strict::Yes).unwrap();
    let model = model.map(&mut WithoutDropout::default());

    let classifier: &TextClassifier = model.as_any().downcast_ref().unwrap();
    let (encoded, _) = classifier.encode(texts(fixture));
    let steps = fixture.manifest()["encoder_steps_kept"].as_u64().unwrap() as usize;
    assert_eq!(encoded.dims()[1], steps);
    check(fixture, "train.encoder_out", encoded)?;

    let forward = |model: &dyn Layer| -> Tensor<2> {
        model.forward_any(texts(fixture).into(), &mut Trace::off()).try_into().unwrap()
    };
    let logits = forward(&*model);
    check(fixture, "train.logits", logits.clone())?;
    let loss = cross_entropy(logits, int(&fixture.tensor("y")), None);
    let expected = fixture.manifest()["train_loss"].as_f64().unwrap();
    near(fixture, "loss", number(loss.clone()), expected)?;
    let found = gradients(&*model, &loss.backward());
    for (key, weight) in state_dict(&*model).iter() {
        if key.contains("running") {
            fixture.check(&format!("after.{key}"), &weight.shape, &weight.values)?;
            continue;
        }
        let gradient = found.get(key).ok_or(format!("{key} has no gradient"))?;
        fixture.check(&format!("train.grad.{key}"), &weight.shape, &gradient.values)?;
    }
    check(fixture, "eval.logits", forward(&*set_mode(model, Mode::Eval)))
}

fn pool(fixture: &Fixture) -> Result<(), String> {
    let y = fixture.tensor("pool.in");
    let data = TensorData::new(y.f32().to_vec(), y.shape.clone());
    // The mask is of bytes.
    let path = tinderbox_golden::dir().join("text_gan/text_classifier.safetensors");
    let bytes = std::fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mask = file.tensor("pool.mask").unwrap();
    let values: Vec<bool> = mask.data().iter().map(|byte| *byte != 0).collect();
    let mask = TensorData::new(values, mask.shape().to_vec());
    let mask = Tensor::<2, Bool>::from_data(mask, &device());
    check(fixture, "pool.out", masked_concat_pool(Tensor::from_data(data, &device()), mask))
}

/// The head by default: its layers and their names.
fn head(fixture: &Fixture) -> Result<(), String> {
    let manifest = fixture.manifest();
    let names = manifest["default_head_names"].as_array().unwrap();
    let shape = |at: usize| -> Vec<usize> { serde_json::from_value(names[at][1].clone()).unwrap() };
    let classes = shape(names.len() - 1)[0];
    let default = TextClassifierConfig::new(9, classes);
    let encoder = tinderbox_model::arch::AwdLstmConfig { hidden: 8, ..default.encoder.clone() };
    let model = TextClassifier::new(&TextClassifierConfig { encoder, ..default }, &device());
    let state = state_dict(&model);
    for (at, name) in names.iter().enumerate() {
        let key = format!("1.{}", name[0].as_str().unwrap());
        let found = state.get(&key).ok_or(format!("there is no {key}"))?;
        assert_eq!(found.shape, shape(at), "{key}");
    }
    let weights = state.iter().filter(|(key, _)| key.starts_with("1.") && !key.contains("running"));
    assert_eq!(weights.count(), names.len());
    Ok(())
}

/// A vocabulary for another.
fn vocabulary(fixture: &Fixture) -> Result<(), String> {
    let convert = &fixture.manifest()["convert"];
    let words =
        |name: &str| -> Vec<String> { serde_json::from_value(convert[name].clone()).unwrap() };
    let names = [("0.encoder.weight", "weight"), ("1.decoder.bias", "bias")];
    let mut weights = StateDict::default();
    for (name, part) in names {
        let old = fixture.tensor(&format!("convert.old_{part}"));
        weights.insert(name, old.shape.clone(), old.f32().to_vec());
    }
    let weights = transfer_vocab(weights, &words("old_itos"), &words("new_itos")).unwrap();
    names.iter().try_for_each(|(name, part)| {
        let found = weights.get(name).unwrap();
        fixture.check(&format!("convert.new_{part}"), &found.shape, &found.values)
    })
}

#[test]
fn text_classifier() {
    let fixture = Fixture::open("text_classifier");
    let mut report = Report::new("text_classifier");
    report.case("pooling", pool(&fixture));
    report.case("classifier", whole(&fixture));
    report.case("head", head(&fixture));
    report.case("vocabulary", vocabulary(&fixture));
    report.finish();
}
