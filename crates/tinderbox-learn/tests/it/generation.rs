//! The fixture `text_generation`: what is drawn from, greedy texts and beam searches.

use std::ops::ControlFlow;

use burn::tensor::{Device, Int, Tensor, TensorData, activation::softmax};
use serde_json::Value;
use tinderbox_golden::{Fixture, Report};
use tinderbox_learn::generate::{Beam, BeamSearch, Generate, Sampling, generate};
use tinderbox_model::{
    AnyTensor, Layer, Mode, Trace,
    arch::{AwdDropouts, AwdLstmConfig, LanguageModel, LanguageModelConfig},
    layer::Carried,
    set_mode,
    weights::{StateDict, Strict, load_state_dict},
};

/// The manifest's model with the recipe's weights, of which matrices are larger by its factor.
fn model(fixture: &Fixture) -> Box<dyn Layer> {
    let manifest = fixture.manifest();
    let size = |name: &str| manifest["config"][name].as_u64().unwrap() as usize;
    let encoder = AwdLstmConfig {
        vocab: size("vocab"),
        embedding: size("emb_sz"),
        hidden: size("n_hid"),
        layers: size("n_layers"),
        padding: size("pad_token"),
        dropouts: AwdDropouts::NONE,
    };
    let scale = manifest["weight_scale"].as_f64().unwrap() as f32;
    let mut state = StateDict::default();
    for (name, array) in fixture.weights("gen") {
        let scale = if array.shape.len() > 1 { scale } else { 1.0 };
        let values = array.f32().iter().map(|value| value * scale).collect();
        state.insert(name, array.shape, values);
    }
    let model = LanguageModel::new(&LanguageModelConfig::of(encoder), &Device::flex());
    let (model, _) = load_state_dict(Box::new(model), &state, Strict::Yes).unwrap();
    set_mode(model, Mode::Eval)
}

fn words(value: &Value) -> Vec<usize> {
    serde_json::from_value(value.clone()).unwrap()
}

/// The probabilities of the word after a prompt.
fn probabilities(model: &dyn Layer, prompt: &[usize]) -> Vec<f32> {
    model.carried().into_iter().for_each(Carried::reset);
    let ids: Vec<i64> = prompt.iter().map(|word| *word as i64).collect();
    let x = Tensor::<2, Int>::from_data(TensorData::new(ids, [1, prompt.len()]), &Device::flex());
    let AnyTensor::Float3(logits) = model.forward_any(x.into(), &mut Trace::off()) else {
        panic!("logits of each place");
    };
    let last = logits.narrow(1, prompt.len() - 1, 1);
    softmax(last, 2).into_data().try_to_vec().unwrap()
}

#[test]
fn what_is_drawn_from_and_what_is_written_is_fastais() {
    let fixture = Fixture::open("text_generation");
    let (model, device) = (model(&fixture), Device::flex());
    let mut report = Report::new("text_generation");
    for (at, case) in fixture.manifest()["greedy"].as_array().unwrap().iter().enumerate() {
        let prompt = words(&case["prompt"]);
        let found = probabilities(&*model, &prompt);
        report.case(
            &format!("probs{at}"),
            fixture.check(&format!("probs{at}"), &[found.len()], &found),
        );
        let sampling = Sampling {
            temperature: case["temperature"].as_f64().unwrap(),
            min_p: case["min_p"].as_f64(),
            ..Sampling::default()
        };
        let found: Vec<f64> = found.into_iter().map(f64::from).collect();
        let (weights, _) = sampling.weights(&found);
        // Ours are relative to the largest.
        let name = format!("weights{at}");
        let most = fixture.tensor(&name).f32().iter().copied().fold(0.0, f32::max);
        let weights: Vec<f32> = weights.iter().map(|weight| *weight as f32 * most).collect();
        report.case(&name, fixture.check(&name, &[weights.len()], &weights));

        let expected = words(&case["greedy"]);
        let greedy = Sampling { temperature: 0.0, ..Sampling::default() };
        let settings = Generate { words: expected.len(), sampling: greedy, seed: 0 };
        let each = |_| ControlFlow::Continue(());
        let written = generate(&*model, &device, &prompt, &settings, each).unwrap().words;
        report.case(&format!("greedy{at}"), equal(&written, &expected));
    }
    for (at, case) in fixture.manifest()["beam_search"].as_array().unwrap().iter().enumerate() {
        let size = |name: &str| case[name].as_u64().unwrap() as usize;
        let (words_, top_k, beams) = (size("n_words"), size("top_k"), size("beam_sz"));
        let search = BeamSearch { words: words_, top_k, beams, ..BeamSearch::default() };
        let prompt = words(&case["prompt"]);
        let beams = search.run(&*model, &device, &prompt).unwrap();
        let texts: Vec<Vec<usize>> = beams
            .iter()
            .map(|Beam { words, .. }| prompt.iter().chain(words).copied().collect())
            .collect();
        let expected: Vec<_> = case["sequences"].as_array().unwrap().iter().map(words).collect();
        report.case(&format!("beams{at}"), equal(&texts, &expected));
        let scores = case["scores"].as_array().unwrap().iter().map(|score| score.as_f64().unwrap());
        let tolerance = |name: &str| fixture.manifest()["tolerance"][name].as_f64().unwrap();
        let allowed = |score: f64| tolerance("atol") + tolerance("rtol") * score;
        let near = beams
            .iter()
            .zip(scores)
            .all(|(beam, score)| (beam.score - score).abs() < allowed(score));
        report.case(&format!("scores{at}"), if near { Ok(()) } else { Err(format!("{beams:?}")) });
    }
    report.finish();
}

fn equal<T: PartialEq + std::fmt::Debug>(found: &T, expected: &T) -> Result<(), String> {
    match found == expected {
        true => Ok(()),
        false => Err(format!("{found:?}, expected {expected:?}")),
    }
}
