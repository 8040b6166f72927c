//! The fixture `gan_models`: generators and critics.

use std::collections::BTreeSet;

use burn::{module::Module, tensor::Tensor};
use serde_json::Value;
use tinderbox_golden::Fixture;
use tinderbox_model::{
    Layer, Mode, Sequential, Step, Trace,
    arch::{BasicGan, GanCritic},
    groups::{Kind, parameters},
    random, set_mode,
    weights::{Strict, load_state_dict, state_dict},
};

use crate::common::{device, differentiated, gradient, gradients, host, n_params, state, tensor};

fn number(config: &Value, key: &str) -> usize {
    config[key].as_u64().unwrap_or_else(|| panic!("no number `{key}` in {config}")) as usize
}

fn critic(config: &Value) -> Sequential {
    let critic = GanCritic {
        channels: number(config, "n_channels"),
        features: number(config, "nf"),
        n_blocks: number(config, "n_blocks"),
        p: config["p"].as_f64().unwrap(),
    };
    critic.init(&device())
}

fn basic(config: &Value) -> BasicGan {
    BasicGan {
        noise: number(config, "noise_sz"),
        features: number(config, "n_features"),
        n_extra_layers: number(config, "n_extra_layers"),
        ..BasicGan::new(number(config, "in_size"), number(config, "n_channels"))
    }
}

/// Two passes, in training and in evaluation, each with its gradients.
#[test]
fn passes_of_generators_and_critics_are_the_references() {
    let fixture = Fixture::open("gan_models");
    let manifest = fixture.manifest();
    let basic = basic(&manifest["basic_config"]);
    let models: [(&str, &str, Sequential); 3] = [
        ("gan_critic", "critic", critic(&manifest["gan_critic_config"])),
        ("basic_critic", "bcritic", basic.critic(&device())),
        ("basic_generator", "bgen", basic.generator(&device())),
    ];
    let mut done = BTreeSet::new();
    for (name, tag, fresh) in models {
        let weights = state(&fixture.weights(name));
        let (mut model, _) = load_state_dict(Box::new(fresh), &weights, Strict::Yes).unwrap();
        for (pass, mode) in [("train", Mode::Train), ("eval", Mode::Eval)] {
            model = set_mode(model, mode);
            let input = |key: &str| tensor(&fixture.input(&format!("input:{tag}{key}")));
            let mut check = |part: &str, shape: &[usize], values: &[f32]| {
                let name = format!("{tag}.{pass}.{part}");
                if fixture.has(&name) {
                    fixture.check(&name, shape, values).unwrap();
                    done.insert(name);
                }
            };
            let (x, probe) = (differentiated(input("")), input(&format!(".{pass}.probe")));
            let y = model.forward_any(x.clone(), &mut Trace::off());
            check("out", &y.dims(), &host(y.clone()));
            let found = (y.into_flat() * probe.into_flat()).sum().backward();
            let of_x = gradient(&x, &found).unwrap();
            check("dx", &of_x.shape, &of_x.values);
            for (path, weight) in gradients(&*model, &found) {
                check(&format!("grad.{path}"), &weight.shape, &weight.values);
            }
            for (path, weight) in state_dict(&*model).iter() {
                check(&format!("after.{path}"), &weight.shape, &weight.values);
            }
        }
    }
    let all: BTreeSet<String> = manifest["tensors"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(done, all, "every tensor of the fixture is held to");
}

/// The numbers between brackets and behind words: `basic_critic(64,3,n_extra_layers=1), batch 2`.
fn numbers(text: &str) -> Vec<usize> {
    let words = text.split(|c: char| !c.is_ascii_digit());
    words.filter(|word| !word.is_empty()).map(|word| word.parse().unwrap()).collect()
}

/// The model that the words of the manifest stand for, with zeros for weights.
fn described(words: &str) -> Sequential {
    random::blank(|| fresh(words))
}

fn fresh(words: &str) -> Sequential {
    let device = device();
    if words.starts_with("gan_critic") {
        return GanCritic::default().init(&device);
    }
    let [size, channels, n_extra_layers] = numbers(words)[..3] else {
        panic!("no model is `{words}`")
    };
    let gan = BasicGan { n_extra_layers, ..BasicGan::new(size, channels) };
    match words.starts_with("basic_generator") {
        true => gan.generator(&device),
        false => gan.critic(&device),
    }
}

#[test]
fn maps_have_the_references_shapes() {
    let fixture = Fixture::open("gan_models");
    for (words, shapes) in fixture.manifest()["shapes"].as_object().unwrap() {
        let model = described(words).valid();
        let numbers = numbers(words);
        let shapes: Vec<Vec<usize>> = serde_json::from_value(shapes.clone()).unwrap();
        let input: [usize; 4] = match words.split_once(", ") {
            Some((_, noise)) if noise.starts_with("noise") => numbers[3..].try_into().unwrap(),
            Some((_, input)) if input.starts_with("input") => {
                [shapes[0][0], 3, numbers[0], numbers[0]]
            }
            _ => [numbers[3], numbers[1], numbers[0], numbers[0]],
        };
        let mut found = Vec::new();
        let mut observe = |step: Step<'_>| {
            if step.path.len() == 1 {
                found.push(step.output.dims());
            }
        };
        let x = Tensor::<4>::zeros(input, &device().inner());
        model.forward_any(x.into(), &mut Trace::new(&mut observe));
        assert_eq!(found, shapes, "{words}");
    }
}

#[test]
fn parameters_have_the_references_names_and_counts() {
    let fixture = Fixture::open("gan_models");
    let params = fixture.manifest()["params"].as_object().unwrap();
    let mut checked = 0;
    for (words, want) in params {
        let (of, what) = match words.split_once(", ") {
            Some((of, what)) => (of, what),
            None => (words.strip_suffix(" names").unwrap_or(words), ""),
        };
        if let Some(count) = want.as_u64() {
            assert_eq!(n_params(&described(of)), count as usize, "{words}");
            checked += 1;
            continue;
        }
        // Lists without a size are of the models of 64 pixels with one extra layer.
        let of = if of.contains('_') && !of.contains(['(', ' ']) {
            format!("{of}(64,3,1)")
        } else {
            of.into()
        };
        let want: Vec<(String, Vec<usize>)> = serde_json::from_value(want.clone()).unwrap();
        let is_buffer = what == "buffers";
        let parameters = parameters(&described(&of)).into_iter();
        let parameters = parameters.filter(|p| (p.kind == Kind::Buffer) == is_buffer);
        let found: Vec<(String, Vec<usize>)> = parameters.map(|p| (p.path, p.shape)).collect();
        let sorted = |mut list: Vec<(String, Vec<usize>)>| {
            list.sort();
            list
        };
        assert_eq!(sorted(found), sorted(want), "{words}");
        checked += 1;
    }
    assert_eq!(checked, params.len());
    // Without extra layers the list of them is empty, and keeps its number.
    let keys = state_dict(&BasicGan::new(8, 1).critic(&device()));
    assert!(keys.get("0.0.weight").is_some() && keys.get("2.weight").is_some());
}

#[test]
#[should_panic(expected = "a generator makes images of 8, 16, 32, … pixels, not 24")]
fn a_generator_doubles_its_maps() {
    BasicGan::new(24, 3);
}
