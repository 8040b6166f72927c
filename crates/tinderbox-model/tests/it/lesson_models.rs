//! The fixtures `lesson_models` and `trained_gru`: the lesson's language models on its data.

use burn::tensor::Device;
use serde_json::Value;
use tinderbox_golden::{Fixture, Report, close_tol};
use tinderbox_model::{
    Layer, Mode, Trace,
    arch::{Model0, Model1, Model2, Model3, Model4, Model5},
    set_mode,
    weights::{StateDict, Strict, load_state_dict, state_dict},
};

use crate::{
    common::{device, gradients, host, state},
    numbers::{Stream, TRAIN, VALID, ids, vocab},
    train::{AdamW, StepOf, loss, number},
};

fn model(name: &str, vocab: usize, hidden: usize, device: &Device) -> Box<dyn Layer> {
    match name {
        "Model0" => Box::new(Model0::new(vocab, hidden, device)),
        "Model1" => Box::new(Model1::new(vocab, hidden, device)),
        "Model2" => Box::new(Model2::new(vocab, hidden, device)),
        "Model3" => Box::new(Model3::new(vocab, hidden, device)),
        "Model4" => Box::new(Model4::new(vocab, hidden, device)),
        "Model5" => Box::new(Model5::new(vocab, hidden, device)),
        other => panic!("no model {other}"),
    }
}

fn loaded(name: &str, weights: &StateDict) -> Box<dyn Layer> {
    let shape = &weights.get("i_h.weight").unwrap().shape;
    let model = model(name, shape[0], shape[1], &device());
    load_state_dict(model, weights, Strict::Yes).unwrap().0
}

fn near(fixture: &Fixture, name: &str, found: f64, expected: &Value) -> Result<(), String> {
    let tolerance = |name: &str| fixture.manifest()["tolerance"][name].as_f64().unwrap();
    match close_tol(found, expected, tolerance("atol"), tolerance("rtol")) {
        true => Ok(()),
        false => Err(format!("{name} is {found}, expected {expected}")),
    }
}

/// The fixture holds the first rows of some tensors.
fn check_rows(
    fixture: &Fixture,
    name: &str,
    shape: &[usize],
    values: &[f32],
) -> Result<(), String> {
    let rows = fixture.tensor(name).shape[0];
    let row = values.len() / shape[0];
    let mut shape = shape.to_vec();
    shape[0] = rows;
    fixture.check(name, &shape, &values[..rows * row])
}

/// The mean loss and metric over all batches, from the state that the model has.
fn evaluate(model: &dyn Layer, stream: &Stream) -> Vec<[f64; 2]> {
    let batch = |at| {
        let [x, y] = stream.batch(at);
        let (loss, metric) = loss(model.forward_any(x.into(), &mut Trace::off()), y);
        [number(loss), metric]
    };
    (0..stream.len()).map(batch).collect()
}

fn means(found: &[[f64; 2]]) -> [f64; 2] {
    [0, 1].map(|at| found.iter().map(|pair| pair[at]).sum::<f64>() / found.len() as f64)
}

fn case(fixture: &Fixture, name: &str, case: &Value, words: &[String]) -> Result<(), String> {
    let size = |name: &str| case[name].as_u64().unwrap() as usize;
    let (batch, bptt) = (size("bs"), size("bptt"));
    let train = Stream { ids: ids(TRAIN, words), batch, bptt };
    let valid = Stream { ids: ids(VALID, words), batch, bptt };
    if [train.len(), valid.len()] != [size("batches_per_epoch"), size("valid_batches")] {
        return Err("other batches".into());
    }
    let weights = state(&fixture.weights(name));
    let model = loaded(name, &weights);
    first_batch(fixture, name, case, &*model, &train)?;

    let mut model = loaded(name, &weights);
    let mut optimizer = AdamW::default();
    for (at, expected) in case["losses"].as_array().unwrap().iter().enumerate() {
        let [x, y] = train.batch(at);
        let (loss, _) = loss(model.forward_any(x.into(), &mut Trace::off()), y);
        near(fixture, &format!("loss {at}"), number(loss.clone()), expected)?;
        let of = |name: &str| case[name][at].as_f64().unwrap();
        let step = StepOf { lr: of("lr"), betas: [of("mom"), 0.99], decay: 0.01, scale: 1.0 };
        model = optimizer.step(model, &loss.backward(), &step);
    }
    let after = state_dict(&*model);
    for (key, weight) in after.iter() {
        let name = format!("{name}.after5.{key}");
        if fixture.has(&name) {
            check_rows(fixture, &name, &weight.shape, &weight.values)?;
        }
    }
    let model = set_mode(model, Mode::Eval);
    let [loss, metric] = means(&evaluate(&*model, &valid));
    near(fixture, "validation loss", loss, &case["valid_loss"])?;
    near(fixture, "validation metric", metric, &case["valid_metric"])
}

fn first_batch(
    fixture: &Fixture,
    name: &str,
    case: &Value,
    model: &dyn Layer,
    train: &Stream,
) -> Result<(), String> {
    let [x, y] = train.batch(0);
    let output = model.forward_any(x.into(), &mut Trace::off());
    check_rows(fixture, &format!("{name}.logits"), &output.dims(), &host(output.clone()))?;
    let (loss, _) = loss(output, y);
    near(fixture, "the first loss", number(loss.clone()), &case["loss"])?;
    let found = gradients(model, &loss.backward());
    for (key, expected) in case["grad_norms"].as_object().unwrap() {
        let gradient = found.get(key).ok_or(format!("{key} has no gradient"))?;
        let norm = gradient.values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
        near(fixture, &format!("norm of {key}"), norm, expected)?;
        let name = format!("{name}.grad.{key}");
        if fixture.has(&name) {
            check_rows(fixture, &name, &gradient.shape, &gradient.values)?;
        }
    }
    Ok(())
}

#[test]
fn lesson_models() {
    let fixture = Fixture::open("lesson_models");
    let words = vocab(&Fixture::open("human_numbers").manifest()["lesson"]["itos"]);
    let mut report = Report::new("lesson_models");
    for (name, of) in fixture.manifest()["cases"].as_object().unwrap() {
        report.case(name, case(&fixture, name, of, &words));
    }
    report.finish();
}

/// The lesson's best model, trained by the reference, over all of the validation set; and its
/// first word after each prompt.
#[test]
fn trained_gru() {
    let fixture = Fixture::open("trained_gru");
    let manifest = fixture.manifest();
    let mut weights = StateDict::default();
    for name in manifest["tensors"].as_object().unwrap().keys() {
        if let Some(key) = name.strip_prefix("weight.") {
            let weight = fixture.tensor(name);
            weights.insert(key, weight.shape.clone(), weight.f32().to_vec());
        }
    }
    let model = set_mode(loaded("Model5", &weights), Mode::Eval);
    let words = vocab(&manifest["itos"]);
    // The sizes of the batches are in the manifest's prose: "(bs 64, bptt 20)".
    let protocol = manifest["protocol"].as_str().unwrap();
    let size = |name: &str| -> usize {
        let after = protocol.split_once(&format!("{name} ")).unwrap().1;
        after.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
    };
    let valid = Stream { ids: ids(VALID, &words), batch: size("bs"), bptt: size("bptt") };
    let found = evaluate(&*model, &valid);
    let mut report = Report::new("trained_gru");
    let expected = manifest["per_batch_loss_accuracy"].as_array().unwrap();
    assert_eq!(found.len(), expected.len());
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        let pair = |part: usize| near(&fixture, "loss or accuracy", found[part], &expected[part]);
        report.case(&format!("batch {at}"), pair(0).and(pair(1)));
    }
    let [loss, accuracy] = means(&found);
    report.case("loss", near(&fixture, "loss", loss, &manifest["valid_loss"]));
    report.case("accuracy", near(&fixture, "accuracy", accuracy, &manifest["valid_accuracy"]));
    for prompt in manifest["greedy"].as_array().unwrap() {
        report.case(&prompt["prompt"].to_string(), greedy(&fixture, &*model, &words, prompt));
    }
    report.finish();
}

fn greedy(
    fixture: &Fixture,
    model: &dyn Layer,
    words: &[String],
    case: &Value,
) -> Result<(), String> {
    use burn::tensor::{Int, Tensor, activation::softmax};

    let id = |word: &str| words.iter().position(|known| known == word).unwrap() as i64;
    model.carried().unwrap().reset();
    let mut text: Vec<i64> = case["prompt"].as_str().unwrap().split(' ').map(id).collect();
    for (at, expected) in case["greedy_ids"].as_array().unwrap().iter().enumerate() {
        let n = text.len();
        let x = Tensor::<1, Int>::from_data(&text[..], &device()).reshape([1, n]);
        let y: Tensor<3> = model.forward_any(x.into(), &mut Trace::off()).try_into().unwrap();
        let last: Tensor<1> = softmax(y.narrow(1, n - 1, 1), 2).reshape([-1]);
        let last: Vec<f32> = last.into_data().try_to_vec().unwrap();
        let best = (0..last.len()).max_by(|a, b| last[*a].total_cmp(&last[*b])).unwrap();
        if expected.as_u64() != Some(best as u64) {
            return Err(format!("word {at} is {best}, expected {expected}"));
        }
        if at == 0 {
            near(fixture, "probability", f64::from(last[best]), &case["first_step_probability"])?;
        }
        text = vec![best as i64];
    }
    Ok(())
}
