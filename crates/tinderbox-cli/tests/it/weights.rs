//! Weights and model files as people have them.

use std::fs;

use tinderbox::{
    data::picture::Picture,
    learn::Bundle,
    model::{
        arch::ArchSpec,
        random::seeded,
        weights::{StateDict, state_dict},
    },
    open_model,
    prelude::Device,
};

use crate::run::Place;

/// Photographs of two classes, in `photos/`.
fn photos() -> Place {
    let place = Place::empty();
    for n in 0..8u8 {
        let path = place.path("photos").join(["cat", "dog"][usize::from(n) % 2]);
        fs::create_dir_all(&path).unwrap();
        let light = 20 * n;
        let color = [light, 90, 255 - light];
        Picture::filled(40 + usize::from(n), 36, color)
            .save(path.join(format!("{n}.png")))
            .unwrap();
    }
    place
}

fn squeezenet() -> StateDict {
    let spec = ArchSpec::new("squeezenet1_1", 3, 10, [224, 224]).unwrap();
    state_dict(&seeded(1, || spec.build(&Device::flex())).unwrap())
}

const TRAIN: [&str; 10] =
    ["train", "photos", "--size", "32", "--epochs", "1", "--unfreeze-epochs", "0", "--out", "run"];

/// The body of the model in `run/` has the weights of the file, whoever named them.
#[test]
fn weights_behind_prefixes_are_loaded_and_tell_their_architecture() {
    let place = photos();
    let weights = squeezenet();
    let names = |name: &str| format!("state_dict.module._orig_mod.backbone.{name}");
    fs::write(place.path("w.safetensors"), weights.clone().renamed(names).to_safetensors())
        .unwrap();
    let train = [&TRAIN[..], &["--pretrained", "w.safetensors"]].concat();
    let ended = place.run(&train).code(0).says("squeezenet1_1 – by the tensors in the file");
    assert!(!ended.err.contains("start fresh"), "{}", ended.err);
    let model = open_model(place.path("run")).unwrap();
    for (name, weight) in weights.iter().filter(|(name, _)| name.starts_with("features.")) {
        let name = name.replacen("features.", "0.0.", 1);
        assert_eq!(model.weights().get(&name), Some(weight), "{name}");
    }
}

#[test]
fn weights_of_another_network_are_refused_with_what_is_there() {
    let place = photos();
    fs::write(place.path("w.safetensors"), squeezenet().to_safetensors()).unwrap();
    let train = [&TRAIN[..], &["--arch", "resnet18", "--pretrained", "w.safetensors"]].concat();
    place
        .run(&train)
        .code(1)
        .says("the weights are not those of resnet18: 0 of its body's 100 tensors are there")
        .says("in the file: classifier.1.bias")
        .says("expected: bn1.bias")
        .says("hint: they look like those of squeezenet1_1: `--arch squeezenet1_1`");
    assert!(!place.path("run").exists());
}

#[test]
fn gray_images_take_the_first_convolution_summed_and_the_plan_says_so() {
    let place = Place::new();
    let weights = squeezenet();
    fs::write(place.path("w.safetensors"), weights.to_safetensors()).unwrap();
    let train = TRAIN.map(|word| if word == "photos" { "digits" } else { word });
    let train = [&train[..], &["--pretrained", "w.safetensors"]].concat();
    place.run(&train).code(0).says("1 (gray)").says("summed over the color channels");
    let model = open_model(place.path("run")).unwrap();
    let first = model.weights().get("0.0.0.weight").unwrap();
    assert_eq!(first.shape, [64, 1, 3, 3]);
    let color = &weights.get("features.0.weight").unwrap().values;
    assert_eq!(first.values[0].to_bits(), (color[0] + color[9] + color[18]).to_bits());
}

#[test]
fn files_without_weights_are_named_for_what_they_are() {
    let place = photos();
    for (file, text, says) in [
        ("lfs.pth", "version https://git-lfs.github.com/spec/v1\noid sha256:4d\n", "git lfs pull"),
        ("page.pth", "<!DOCTYPE html><html>", "it is a web page"),
        ("empty.safetensors", "", "it is empty"),
        ("net.onnx", "\u{8}\u{7}\u{12}\u{7}pytorch\u{1a}", "it is an ONNX file"),
        ("net.h5", "", "it is empty"),
    ] {
        fs::write(place.path(file), text).unwrap();
        let train = [&TRAIN[..], &["--arch", "resnet18", "--pretrained", file]].concat();
        place.run(&train).code(1).says(says);
        place.run(&["predict", file, "photos/cat/0.png"]).code(1).says(says);
    }
    place.run(&["predict", "photos/cat", "photos/cat/0.png"]).code(1);
}

#[cfg(unix)]
#[test]
fn devices_are_not_read_as_weights_or_models() {
    let place = photos();
    let says = "it is a pipe or a device, not a file";
    place.run(&[&TRAIN[..], &["--pretrained", "/dev/zero"]].concat()).code(1).says(says);
    place.run(&["predict", "/dev/zero", "photos/cat/0.png"]).code(1).says(says);
    place.run(&["weights", "convert", "/dev/zero", "w.safetensors"]).code(1).says(says);
}

#[test]
fn converting_says_what_it_leaves_out_and_names_the_file_rightly() {
    let place = Place::empty();
    fs::write(place.path("w.safetensors"), squeezenet().to_safetensors()).unwrap();
    let convert = |to| place.run(&["weights", "convert", "w.safetensors", to]);
    convert("v.pth").code(1).says("hint: name it v.safetensors");
    convert("v.safetensors").code(0).says("wrote 52 tensors");
}

/// Nothing that comes after it takes a diverged run for a finished one.
#[test]
fn a_diverged_run_stays_one() {
    let place = Place::new();
    let train = [&crate::run::TRAIN[..], &["--lr", "1e12"]].concat();
    place.run(&train).code(1).says("training diverged");
    for command in [
        &["train", "--out", "run", "--resume"][..],
        &["predict", "run", "digits"],
        &["validate", "run"],
        &["validate", "run", "digits"],
        &["interpret", "run"],
        &["generate", "run", "--prompt", "a"],
        &["train", "digits", "--from", "run", "--out", "other"],
        &["train", "digits", "--out", "run"],
    ] {
        let ended = place.run(command).code(1).says("training diverged: ");
        ended.says("hint: train with a lower learning rate").says("run-2`");
    }
    assert!(!place.path("run/model.safetensors").exists());
    let again = ["train", "--config", "run/run.toml", "--lr", "0.01", "--out", "run-2"];
    place.run(&[&again[..], &["--epochs", "1"]].concat()).code(0);
}

/// 11 kB must not ask for gigabytes.
#[test]
fn sizes_that_a_models_weights_do_not_have_are_refused_before_it_is_built() {
    let place = Place::new();
    let train = ["train", "digits", "--epochs", "1", "--batch-size", "32", "--out", "run"];
    place.run(&train).code(0);
    let model = Bundle::read(place.path("run/model.safetensors"), &Device::flex()).unwrap();
    let n: usize = model.weights().iter().map(|(_, weight)| weight.values.len()).sum();
    assert!(model.manifest.arch.sizes().iter().all(|size| *size <= n));
    let huge = model.manifest.arch.with_outputs(1 << 40);
    assert!(huge.sizes().iter().any(|size| *size > n));
}

/// A pipe would be waited for, and a device read without an end.
#[cfg(unix)]
#[test]
fn pipes_and_devices_are_not_read() {
    let place = photos();
    let made = std::process::Command::new("mkfifo").arg(place.path("pipe")).status();
    assert!(made.unwrap().success());
    for name in ["pipe", "/dev/zero"] {
        let train = [&TRAIN[..], &["--pretrained", name]].concat();
        let commands: [&[&str]; 5] = [
            &["predict", name, "photos/cat/0.png"],
            &["summary", name],
            &["weights", "convert", name, "new.safetensors"],
            &train,
            &["train", "photos", "--from", name, "--out", "run"],
        ];
        for command in commands {
            place.run(command).code(1).says("it is a pipe or a device");
        }
        place.run(&["train", name]).code(1).says("is not a folder");
        place.run(&["predict", "pipe", name]).code(1);
    }
}

#[test]
fn weights_that_are_nan_are_refused_by_name() {
    let place = photos();
    let mut weights = squeezenet();
    let mut broken = weights.get("features.0.bias").unwrap().clone();
    broken.values[0] = f32::NAN;
    weights.insert("features.0.bias", broken.shape, broken.values);
    fs::write(place.path("w.safetensors"), weights.to_safetensors()).unwrap();
    for more in
        [&["--pretrained", "w.safetensors"][..], &["--pretrained", "w.safetensors", "--dry-run"]]
    {
        place.run(&[&TRAIN[..], more].concat()).code(1).says("the weight `features.0.bias` in ");
    }
}
