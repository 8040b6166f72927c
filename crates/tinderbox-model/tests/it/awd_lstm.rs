//! The fixtures `awd_lstm` and `text_generation`: fastai's language model.

use burn::tensor::{Int, Tensor, TensorData, activation::softmax};
use serde_json::Value;
use tinderbox_golden::{Array, Fixture, Report, close_tol, fill};
use tinderbox_model::{
    Forward, Layer, Mode, Trace,
    arch::{AwdDropouts, AwdLstmConfig, Encoded, LanguageModel, LanguageModelConfig, Masks},
    set_mode,
    weights::{StateDict, Strict, load_state_dict, state_dict},
};

use crate::{
    common::{device, gradients, host, n_params},
    train::{AdamW, StepOf, loss, number},
};

/// The encoder that a manifest configures.
pub(crate) fn encoder(manifest: &Value) -> AwdLstmConfig {
    let config = &manifest["config"];
    let size = |name: &str| config[name].as_u64().unwrap() as usize;
    let p = |name: &str| config[name].as_f64().unwrap();
    AwdLstmConfig {
        vocab: size("vocab"),
        embedding: size("emb_sz"),
        hidden: size("n_hid"),
        layers: size("n_layers"),
        padding: size("pad_token"),
        dropouts: AwdDropouts {
            embedding: p("embed_p"),
            input: p("input_p"),
            weight: p("weight_p"),
            hidden: p("hidden_p"),
            output: p("output_p"),
        },
    }
}

/// The recipe's weights, of which matrices are larger by the manifest's factor.
pub(crate) fn scaled(fixture: &Fixture, model: &str) -> StateDict {
    let scale = fixture.manifest()["weight_scale"].as_f64().unwrap() as f32;
    let mut state = StateDict::default();
    for (name, array) in fixture.weights(model) {
        if name.ends_with("num_batches_tracked") {
            continue;
        }
        let scale = if array.shape.len() > 1 { scale } else { 1.0 };
        let values = array.f32().iter().map(|value| value * scale).collect();
        state.insert(name, array.shape.clone(), values);
    }
    state
}

/// The ids of an input, by the recipe.
pub(crate) fn ids(fixture: &Fixture, key: &str) -> Tensor<2, Int> {
    let spec = &fixture.manifest()["inputs"][key];
    let shape: Vec<usize> = serde_json::from_value(spec["shape"].clone()).unwrap();
    let below = spec["token_ids_below"].as_u64().unwrap();
    let seed = fixture.manifest()["seed"].as_u64().unwrap();
    int(&Array {
        data: tinderbox_golden::Data::I64(fill::integers(seed, key, below, &shape)),
        shape,
    })
}

pub(crate) fn int<const D: usize>(array: &Array) -> Tensor<D, Int> {
    let data = TensorData::new(array.i64().to_vec(), array.shape.clone());
    Tensor::from_data(data, &device())
}

fn float<const D: usize>(array: &Array) -> Tensor<D> {
    let data = TensorData::new(array.f32().to_vec(), array.shape.clone());
    Tensor::from_data(data, &device())
}

pub(crate) fn check<const D: usize>(
    fixture: &Fixture,
    name: &str,
    found: Tensor<D>,
) -> Result<(), String> {
    let shape = found.dims();
    fixture.check(name, &shape, &found.into_data().try_to_vec::<f32>().unwrap())
}

pub(crate) fn near(fixture: &Fixture, name: &str, found: f64, expected: f64) -> Result<(), String> {
    let tolerance = |name: &str| fixture.manifest()["tolerance"][name].as_f64().unwrap();
    match close_tol(found, &Value::from(expected), tolerance("atol"), tolerance("rtol")) {
        true => Ok(()),
        false => Err(format!("{name} is {found}, expected {expected}")),
    }
}

fn model(fixture: &Fixture, name: &str) -> Box<dyn Layer> {
    let manifest = fixture.manifest();
    let config = &manifest["config"];
    let config = LanguageModelConfig {
        tie_weights: config["tie_weights"].as_bool().unwrap(),
        out_bias: config["out_bias"].as_bool().unwrap(),
        alpha: manifest["alpha"].as_f64().unwrap_or(0.0),
        beta: manifest["beta"].as_f64().unwrap_or(0.0),
        ..LanguageModelConfig::of(encoder(manifest))
    };
    let model = Box::new(LanguageModel::new(&config, &device()));
    load_state_dict(model, &scaled(fixture, name), Strict::Yes).unwrap().0
}

fn language_model(model: &dyn Layer) -> &LanguageModel {
    model.as_any().downcast_ref().unwrap()
}

/// Loss, penalty and the sum of both.
fn losses(model: &LanguageModel, logits: Tensor<3>, y: Tensor<2, Int>) -> [Tensor<1>; 3] {
    let (loss, _) = loss(logits.into(), y);
    let penalty = Forward::penalty(model).unwrap();
    [loss.clone(), penalty.clone(), loss + penalty]
}

fn check_losses(fixture: &Fixture, found: &[Tensor<1>; 3], expected: &Value) -> Result<(), String> {
    let of = |name: &str| expected[name].as_f64().unwrap();
    let [loss, penalty, _] = found.clone().map(number);
    near(fixture, "loss", loss, of("cross_entropy"))?;
    near(fixture, "penalty", penalty, of("ar") + of("tar"))
}

fn check_gradients(
    fixture: &Fixture,
    prefix: &str,
    model: &dyn Layer,
    loss: &Tensor<1>,
) -> Result<(), String> {
    let found = gradients(model, &loss.backward());
    for (key, weight) in state_dict(model).iter() {
        let gradient = found.get(key).ok_or(format!("{key} has no gradient"))?;
        fixture.check(&format!("{prefix}{key}"), &weight.shape, &gradient.values)?;
    }
    Ok(())
}

/// Two batches of which the second goes on from the first.
fn two_batches(fixture: &Fixture) -> Result<(), String> {
    let model = model(fixture, "lm");
    let lm = language_model(&*model);
    for (at, losses_of) in (1..).zip(fixture.manifest()["eval_losses"].as_array().unwrap()) {
        let [x, y] = ["x", "y"].map(|letter| ids(fixture, &format!("input:lm.{letter}{at}")));
        let stored: Tensor<2, Int> = int(&fixture.tensor(&format!("x{at}")));
        assert_eq!(x.to_data(), stored.to_data());
        let (logits, Encoded { raw, .. }) = lm.run(x, &Masks::default());
        check(fixture, &format!("eval.decoded{at}"), logits.clone())?;
        for (name, layer) in [("raw_last", raw.len() - 1), ("raw_first_layer", 0)] {
            let name = format!("eval.{name}{at}");
            if fixture.has(&name) {
                check(fixture, &name, raw[layer].clone())?;
            }
        }
        let found = losses(lm, logits, y);
        check_losses(fixture, &found, losses_of)?;
        if at == 1 {
            let total = fixture.manifest()["total_loss_first_batch"].as_f64().unwrap();
            near(fixture, "total loss", number(found[2].clone()), total)?;
            check_gradients(fixture, "grad.", &*model, &found[2])?;
        }
    }
    for (at, state) in lm.encoder.state().states().into_iter().enumerate() {
        let name = format!("eval.{}{}_after2", ["h", "c"][at % 2], at / 2);
        check(fixture, &name, state.unsqueeze::<3>())?;
    }
    Ok(())
}

fn given_masks(fixture: &Fixture) -> Result<(), String> {
    let model = model(fixture, "lm");
    let lm = language_model(&*model);
    let layers = lm.encoder.config.layers;
    let mask = |name: &str| fixture.tensor(&format!("mask.{name}"));
    let masks = Masks {
        embedding: Some(float(&mask("embed"))),
        input: Some(float(&mask("input"))),
        weights: (0..layers).map(|at| float(&mask(&format!("weight{at}")))).collect(),
        hidden: (1..layers).map(|at| float(&mask(&format!("hidden{}", at - 1)))).collect(),
        output: Some(float(&mask("output"))),
    };
    let (logits, _) = lm.run(ids(fixture, "input:lm.x1"), &masks);
    check(fixture, "masked.decoded", logits.clone())?;
    let found = losses(lm, logits, ids(fixture, "input:lm.y1"));
    check_losses(fixture, &found, &fixture.manifest()["masked_losses"])?;
    check_gradients(fixture, "masked.grad.", &*model, &found[2])
}

/// Steps of AdamW, with the norm of all gradients clipped.
fn training(fixture: &Fixture) -> Result<(), String> {
    let training = &fixture.manifest()["training"];
    let of = |name: &str| training[name].as_f64().unwrap();
    let beta = |at: usize| training["betas"][at].as_f64().unwrap();
    let mut model = model(fixture, "lm");
    let mut optimizer = AdamW::default();
    for (at, expected) in training["steps"].as_array().unwrap().iter().enumerate() {
        let batch = at % 2 + 1;
        let [x, y] = ["x", "y"].map(|letter| ids(fixture, &format!("input:lm.{letter}{batch}")));
        let logits: Tensor<3> = model.forward_any(x.into(), &mut Trace::off()).try_into().unwrap();
        let found = losses(language_model(&*model), logits, y);
        check_losses(fixture, &found, expected)?;
        let backward = found[2].backward();
        let squares = gradients(&*model, &backward).into_values().flat_map(|g| g.values);
        let norm = squares.map(|v| f64::from(v).powi(2)).sum::<f64>().sqrt();
        near(fixture, "norm", norm, expected["grad_norm_before_clip"].as_f64().unwrap())?;
        let scale = (of("clip") / (norm + 1e-6)).min(1.0);
        let step = StepOf { lr: of("lr"), betas: [beta(0), beta(1)], decay: of("wd"), scale };
        model = optimizer.step(model, &backward, &step);
    }
    for (key, weight) in state_dict(&*model).iter() {
        fixture.check(&format!("after4.{key}"), &weight.shape, &weight.values)?;
    }
    Ok(())
}

#[test]
fn awd_lstm() {
    let fixture = Fixture::open("awd_lstm");
    let mut report = Report::new("awd_lstm");
    report.case("two batches", two_batches(&fixture));
    report.case("given masks", given_masks(&fixture));
    report.case("training", training(&fixture));
    report.finish();
}

#[test]
fn the_default_model_has_fastais_parameters() {
    let fixture = Fixture::open("awd_lstm");
    let counts = &fixture.manifest()["parameter_counts"];
    // The size of the vocabulary is in the count's name: "default config, vocab 38".
    let mut entries = counts.as_object().unwrap().iter();
    let (name, count) = entries.find(|(name, _)| name.starts_with("default config")).unwrap();
    let vocab = name.rsplit(' ').next().unwrap().parse().unwrap();
    let model = LanguageModel::new(&LanguageModelConfig::new(vocab), &device());
    assert_eq!(Some(n_params(&model) as u64), count.as_u64());
    let state = state_dict(&model);
    let names = counts["names"].as_array().unwrap();
    assert_eq!(names.len(), state.len());
    for entry in names {
        let shape: Vec<usize> = serde_json::from_value(entry[1].clone()).unwrap();
        assert_eq!(state.get(entry[0].as_str().unwrap()).unwrap().shape, shape);
    }
}

/// The model's part of generating text: the probabilities after a prompt, and the most probable
/// words, one after the other.
#[test]
fn text_generation() {
    let fixture = Fixture::open("text_generation");
    let model = set_mode(model(&fixture, "gen"), Mode::Eval);
    let mut report = Report::new("text_generation");
    for (at, case) in fixture.manifest()["greedy"].as_array().unwrap().iter().enumerate() {
        model.carried().unwrap().reset();
        report.case(&case["prompt"].to_string(), prompt(&fixture, &*model, at, case));
    }
    report.finish();
}

fn prompt(
    fixture: &Fixture,
    model: &dyn Layer,
    case_at: usize,
    case: &Value,
) -> Result<(), String> {
    let mut text: Vec<i64> = serde_json::from_value(case["prompt"].clone()).unwrap();
    let expected: Vec<usize> = serde_json::from_value(case["greedy"].clone()).unwrap();
    for (at, expected) in expected.into_iter().enumerate() {
        let n = text.len();
        let x = Tensor::<1, Int>::from_data(&text[..], &device()).reshape([1, n]);
        let y: Tensor<3> = model.forward_any(x.into(), &mut Trace::off()).try_into().unwrap();
        let last: Tensor<1> = softmax(y.narrow(1, n - 1, 1), 2).reshape([-1]);
        if at == 0 {
            check(fixture, &format!("probs{case_at}"), last.clone())?;
        }
        // The unknown word, which has id 0, is never said.
        let last = host(last.into());
        let best = (1..last.len()).max_by(|a, b| last[*a].total_cmp(&last[*b])).unwrap();
        if best != expected {
            return Err(format!("word {at} is {best}, expected {expected}"));
        }
        text = vec![best as i64];
    }
    Ok(())
}
