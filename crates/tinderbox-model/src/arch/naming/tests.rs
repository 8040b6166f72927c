use burn::tensor::Device;

use super::*;
use crate::{
    arch::{BodySpec, find},
    weights::state_dict,
};

/// One network of each family, the smallest.
const FAMILIES: [&str; 5] =
    ["resnet18", "vgg11_bn", "densenet121", "squeezenet1_1", "mobilenet_v2"];

fn body(arch: &Arch) -> StateDict {
    let spec = BodySpec::new(arch.name).unwrap();
    state_dict(&spec.named(&Device::flex()).unwrap())
}

/// The weights as a file has them: behind `prefix`, by another program's names, with a head.
fn file(arch: &Arch, body: &StateDict, prefix: &str, whose: &str) -> StateDict {
    let naming = namings(arch).find(|naming| naming.whose == whose).unwrap_or(OURS);
    let mut file = StateDict::default();
    for (name, weight) in body.iter() {
        let name = format!("{prefix}{}", (naming.theirs)(name).unwrap());
        file.insert(name, weight.shape.clone(), weight.values.clone());
    }
    file.insert(format!("{prefix}head.fc.weight"), vec![2, 8], vec![0.5; 16]);
    file
}

/// What stands before the names, and whose these are.
const FORMS: [(&str, &str); 14] = [
    ("", "torchvision"),
    ("", "timm"),
    ("resnet.", "Hugging Face"),
    ("timm_model.", "timm"),
    ("state_dict.model.", "torchvision"),
    ("module.", "torchvision"),
    ("_orig_mod.", "torchvision"),
    ("module._orig_mod.", "torchvision"),
    ("model._orig_mod.module.", "timm"),
    ("backbone.", "torchvision"),
    ("state_dict.network.features_extractor.", "torchvision"),
    ("model_state_dict.encoder.", "Hugging Face"),
    ("model.0.", "fastai"),
    ("", "fastai"),
];

#[test]
fn five_families_load_the_same_weights_by_all_names_and_no_others() {
    let families = FAMILIES.map(|name| {
        let arch = find(name).unwrap();
        (arch, body(arch))
    });
    for (arch, body) in &families {
        for (prefix, whose) in FORMS {
            let file = file(arch, body, prefix, whose);
            let name = arch.name;
            assert_eq!(recognize(&file).unwrap().name, name, "{prefix} {whose}");
            let (found, report) = of_body(arch, body, file.clone()).unwrap();
            assert!(found == *body, "{name}, {prefix} {whose}");
            assert_eq!(report.missing, Vec::<String>::new(), "{name}, {prefix} {whose}");
            // Whose names they are changes nothing: a few are enough.
            let others = families.iter().filter(|(other, _)| other.name != name);
            for (other, wanted) in others.take(if whose == "torchvision" { 2 } else { 4 }) {
                let Err(error) = of_body(other, wanted, file.clone()) else {
                    panic!("{} took {name}, {prefix} {whose}", other.name)
                };
                let hint = format!("they look like those of {name}: `--arch {name}`");
                assert_eq!(error.hint(), Some(hint));
            }
        }
    }
}

#[test]
fn a_wrapper_in_the_middle_of_names_is_seen_through() {
    let arch = find("squeezenet1_1").unwrap();
    let body = body(arch);
    let rename = |name: &str| name.replacen("features.", "features.module.", 1);
    let (found, _) = of_body(arch, &body, body.clone().renamed(rename)).unwrap();
    assert!(found == body);
}

#[test]
fn a_network_is_not_taken_for_a_shorter_or_a_longer_one() {
    let [short, long] = ["resnet18", "resnet34"].map(|name| find(name).unwrap());
    let [short_body, long_body] = [short, long].map(body);
    let error = of_body(short, &short_body, long_body.clone()).unwrap_err();
    assert!(
        error.to_string().contains("100 of its body's 100 tensors are there, beside"),
        "{error}"
    );
    assert_eq!(error.hint().unwrap(), "they look like those of resnet34: `--arch resnet34`");
    let error = of_body(long, &long_body, short_body).unwrap_err();
    assert_eq!(error.hint().unwrap(), "they look like those of resnet18: `--arch resnet18`");
}

#[test]
fn the_average_over_the_steps_is_preferred() {
    let arch = find("squeezenet1_1").unwrap();
    let body = body(arch);
    let mut file = StateDict::default();
    for (name, weight) in body.iter() {
        file.insert(format!("state_dict.{name}"), weight.shape.clone(), weight.values.clone());
        let ones = vec![1.0; weight.values.len()];
        file.insert(format!("state_dict_ema.{name}"), weight.shape.clone(), ones);
    }
    let (found, report) = of_body(arch, &body, file).unwrap();
    assert!(found.iter().all(|(_, weight)| weight.values.iter().all(|value| *value == 1.0)));
    assert_eq!(report.unexpected, Vec::<String>::new());
    let place = |prefix: &str| Place { naming: OURS, prefix: prefix.into(), parameters: 1 };
    let mut places = ["state_dict.", "model_ema.", "", "encoder_k.", "encoder_q."].map(place);
    places.sort_by_key(Place::rank);
    let order = places.map(|place| place.prefix);
    assert_eq!(order, ["model_ema.", "encoder_q.", "", "encoder_k.", "state_dict."]);
}

#[test]
fn weights_that_are_mostly_not_there_are_refused_with_names() {
    let arch = find("squeezenet1_1").unwrap();
    let body = body(arch);
    let mut file = StateDict::default();
    for (name, weight) in body.iter().take(40) {
        file.insert(format!("net.{name}"), weight.shape.clone(), weight.values.clone());
    }
    let error = of_body(arch, &body, file).unwrap_err();
    let text = error.to_string();
    let begins =
        "the weights are not those of squeezenet1_1: 40 of its body's 50 tensors are there";
    assert!(text.starts_with(begins), "{text}");
    assert!(text.contains("in the file: net.features.0.bias, net.features.0.weight"), "{text}");
    assert!(text.contains("expected: features.0.bias, features.0.weight"), "{text}");
    assert!(of_body(arch, &body, StateDict::default()).is_err());
}

#[test]
fn a_convolution_of_colors_takes_gray_by_the_sum_of_its_channels() {
    let values: Vec<f32> = (0..24).map(|n| n as f32).collect();
    let weight = Weight { shape: vec![2, 3, 2, 2], values };
    let gray = fitted(&weight, &[2, 1, 2, 2]).unwrap();
    assert_eq!(gray.values, [12.0, 15.0, 18.0, 21.0, 48.0, 51.0, 54.0, 57.0]);
    let color = fitted(&gray, &[2, 3, 2, 2]).unwrap();
    assert_eq!(&color.values[..12], [4.0, 5.0, 6.0, 7.0].repeat(3));
    assert_eq!(fitted(&weight, &[2, 4, 2, 2]), None);
    assert_eq!(fitted(&weight, &[3, 1, 2, 2]), None);
}

/// Without its weights: the deepest one tells.
#[test]
fn every_architecture_with_official_weights_is_known_by_a_weight_of_its_own() {
    for (at, arch) in ARCHS.iter().enumerate().filter(|(_, arch)| arch.weights.is_some()) {
        let (name, shape) = arch.known_by.unwrap_or_else(|| panic!("{} has none", arch.name));
        assert!(ARCHS[..at].iter().all(|other| other.known_by != Some((name, shape))), "{name}");
        let mut file = StateDict::default();
        file.insert(format!("x.{name}"), shape.to_vec(), vec![0.0; shape.iter().product()]);
        assert_eq!(recognize(&file).unwrap().name, arch.name);
    }
}
