//! Models that make images of images.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tinderbox::data::{
    ConvertMode,
    image::Pixels,
    picture::Picture,
    scenes::{ScenesConfig, write_scenes},
};

use crate::run::{Ended, Place};

/// A small network on small scenes, for an epoch.
const SMALL: [&str; 8] =
    ["--arch", "resnet-small", "--size", "32", "--epochs", "1", "--batch-size", "4"];

/// Scenes in `scenes/images/train` and `scenes/images/valid`.
fn place() -> Place {
    let place = Place::empty();
    let config =
        ScenesConfig { train: 10, valid: 4, size: [48, 64], seed: 1, ..ScenesConfig::default() };
    write_scenes(place.path("scenes"), &config).unwrap();
    place
}

fn train(place: &Place, word: &str, out: &str, more: &[&str]) -> Ended {
    let begin = ["train", word, "scenes/images", "--out", out];
    place.run(&[&begin[..], &SMALL, more].concat()).code(0)
}

fn size(place: &Place, file: &str) -> [usize; 2] {
    let pixels = Pixels::open(place.path(file), ConvertMode::Rgb).unwrap();
    [pixels.height, pixels.width]
}

const ITEM: &str = "scenes/images/valid/000.png";

#[test]
fn photographs_are_restored_by_a_word() {
    let place = place();
    train(&place, "restore", "run", &[])
        .says("a number written on it")
        .says("valid/, with train/ for training")
        .says("psnr_input")
        .says("predict run image.jpg --out enhanced.png");
    let sample = place.path("run/samples/epoch-001.png");
    let pixels = Pixels::open(&sample, ConvertMode::Rgb).unwrap();
    assert!(pixels.width > 3 * 180, "input, prediction and target beside each other");

    place.run(&["predict", "run", ITEM, "--out", "a.png"]).code(0).says("an image of 64×48");
    assert_eq!(size(&place, "a.png"), [48, 64]);
    let more = ["--size", "70x90", "--out", "b.jpg", "--compare", "both.png"];
    place.run(&[&["predict", "run", ITEM][..], &more].concat()).code(0);
    assert_eq!(size(&place, "b.jpg"), [70, 90]);
    assert!(place.path("both.png").is_file());
    place.run(&["predict", "run", ITEM, "--tile", "64", "--size", "200", "--out", "c.png"]).code(0);
    assert_eq!(size(&place, "c.png"), [200, 267]);

    // Refused before it takes any memory.
    place
        .run(&["predict", "run", ITEM, "--size", "65535", "--out", "huge.png"])
        .code(3)
        .says("valid/000.png: enhancing an image of 87380×65535 pixels needs at least")
        .says("ask for a smaller `--size`");
    place.run(&["predict", "run", ITEM]).code(0).says("written only with `--out`");

    let scores = place.run(&["validate", "run", "--json"]).code(0).json();
    for name in ["psnr", "psnr_input", "psnr_y", "ssim", "ms_ssim", "pixel_l1"] {
        assert!(scores[0]["metrics"][name].as_f64().is_some_and(f64::is_finite), "{name}");
    }
    place.run(&["validate", "run", "scenes/images/valid"]).code(0).says("psnr_input");
    // Pairs are compared as they are, though the model was trained on damage that it made itself.
    let valid = "scenes/images/valid";
    place.run(&["crappify", valid, "--out", "worse", "--like", "jpeg 20"]).code(0);
    let of_pairs = ["validate", "run", "--inputs", "worse", "--targets", valid, "--json"];
    let scores = place.run(&of_pairs).code(0).json();
    let psnr_input = scores[0]["metrics"]["psnr_input"].as_f64().unwrap();
    assert!((15.0..45.0).contains(&psnr_input), "{psnr_input}");
    place.run(&["summary", "run"]).code(0).says("trained to repair: ");
    place.run(&["interpret", "run"]).code(0);
    place.run(&["show-batch", "restore", "scenes/images", "--out", "batch.png"]).code(0);
    place.run(&["check", "restore", "scenes/images"]).code(0);
}

#[test]
fn a_validation_repeats_the_last_epoch() {
    let place = place();
    let begin = ["train", "restore", "scenes/images", "--out", "run", "--arch", "resnet-small"];
    let more = ["--sizes", "32,48", "--loss", "charbonnier", "--epochs", "1", "--batch-size", "4"];
    place.run(&[&begin[..], &more].concat()).code(0);
    let history = fs::read_to_string(place.path("run/history.csv")).unwrap();
    let row: Vec<&str> = history.lines().last().unwrap().split(',').collect();
    let scores = place.run(&["validate", "run", "--json"]).code(0).json();
    for (name, column) in [("loss", 2), ("psnr", 3), ("psnr_input", 4)] {
        let (found, trained) = (&scores[0]["metrics"][name], row[column].parse::<f64>().unwrap());
        assert!((found.as_f64().unwrap() - trained).abs() < 1e-4, "{name}: {found} and {trained}");
    }
}

#[test]
fn damage_on_the_fly_is_the_same_with_any_number_of_workers() {
    let place = place();
    let model = |out: &str, workers: &str| {
        train(&place, "restore", out, &["--workers", workers]);
        fs::read(place.path(out).join("model.safetensors")).unwrap()
    };
    let alone = model("none", "0");
    assert!(alone == model("one", "1") && alone == model("many", "5"));
}

#[test]
fn super_resolution_predicts_larger_images() {
    let place = place();
    train(&place, "super-resolve", "run", &["--scale", "2"])
        .says("made 2 times smaller")
        .says("parts at full resolution");
    place.run(&["predict", "run", ITEM, "--out", "a.png"]).code(0).says("128×96");
    assert_eq!(size(&place, "a.png"), [96, 128]);
    // Whole images are measured, whatever part was trained on.
    place.run(&["validate", "run"]).code(0).says("psnr_y_input");
    place
        .run(&["train", "restore", "scenes/images", "--scale", "2", "--out", "x"])
        .code(1)
        .says("`--scale` has no effect here");
    let both = ["--damage", "shrink 4, jpeg 50", "--scale", "2", "--out", "x"];
    place
        .run(&[&["train", "super-resolve", "scenes/images"][..], &both].concat())
        .code(1)
        .says("`--damage` says how many times smaller images are made");
}

#[test]
fn gray_images_are_colorized() {
    let place = place();
    train(&place, "colorize", "run", &["--loss", "l1"]).says("ab_error").says("colorfulness");
    place.run(&["predict", "run", ITEM, "--out", "a.png"]).code(0);
    assert_eq!(size(&place, "a.png"), [48, 64]);
}

/// Small copies of the scenes, in `bad/` with the same paths.
fn pairs(place: &Place) {
    for set in ["train", "valid"] {
        for entry in fs::read_dir(place.path("scenes/images").join(set)).unwrap() {
            let file = entry.unwrap().path();
            let small = Pixels::open(&file, ConvertMode::Rgb).unwrap().resized([24, 32]);
            let to = place.path("bad").join(set).join(file.file_name().unwrap());
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            Picture::of_image(&small.to_image()).save(to).unwrap();
        }
    }
}

fn train_pairs(place: &Place, out: &str, more: &[&str]) -> Ended {
    let begin = ["train", "enhance", "--inputs", "bad", "--targets", "scenes/images", "--out", out];
    place.run(&[&begin[..], &SMALL, more].concat())
}

#[test]
fn pairs_of_ones_own_are_trained_on() {
    let place = place();
    pairs(&place);
    train_pairs(&place, "run", &[])
        .code(0)
        .says("14 – inputs have a target of the same name")
        .says("the targets are 2 times as large as the inputs");
    place.run(&["predict", "run", "bad/valid/000.png", "--out", "a.png"]).code(0);
    assert_eq!(size(&place, "a.png"), [48, 64], "as large as targets are");
    let validate = ["validate", "run", "--inputs", "bad/valid", "--targets", "scenes/images/valid"];
    place.run(&validate).code(0).says("psnr");
    place.run(&["validate", "run", "scenes/images/valid"]).code(1).says("no targets given");
    let wrong = ["train", "enhance", "scenes/images", "--inputs", "bad", "--out", "x"];
    place.run(&wrong).code(1).says("`--data` has no effect here");
    train_pairs(&place, "y", &["--damage", "gray"]).code(1).says("the inputs are bad already");
}

#[test]
fn what_is_wrong_with_pairs_is_named() {
    let place = place();
    pairs(&place);
    let bad: PathBuf = place.path("bad/train/003.png");
    let good = fs::read(&bad).unwrap();
    fs::write(&bad, "no image").unwrap();
    train_pairs(&place, "a", &[]).code(1).says("bad/train/003.png");
    train_pairs(&place, "a", &["--skip-bad", "1"]).code(0).says("skipped");
    fs::write(&bad, &good).unwrap();

    let target = place.path("scenes/images/train/004.png");
    let kept = fs::read(&target).unwrap();
    fs::write(&target, &kept[..kept.len() / 2]).unwrap();
    train_pairs(&place, "b", &[]).code(1).says("scenes/images/train/004.png");
    Picture::filled(64, 20, [9; 3]).save(&target).unwrap();
    train_pairs(&place, "c", &[]).code(1).says("004.png").says("64×20");
    fs::write(&target, &kept).unwrap();

    fs::remove_file(place.path("scenes/images/train/005.png")).unwrap();
    train_pairs(&place, "d", &[])
        .code(1)
        .says("bad/train/005.png has no target")
        .says("`--skip-bad 1`");
    train_pairs(&place, "d", &["--skip-bad", "1"]).code(0);
    fs::remove_file(place.path("bad/train/006.png")).unwrap();
    train_pairs(&place, "e", &["--skip-bad", "1"])
        .code(0)
        .says("skipped one target without an input: train/006.png");
    place.run(&["train", "enhance", "--inputs", "bad"]).code(1).says("add `--targets DIR`");
}

#[test]
fn runs_of_several_phases_and_sizes_are_killed_and_go_on_to_the_same_bits() {
    let place = place();
    let args = [
        "train",
        "restore",
        "scenes/images",
        "--out",
        "run",
        "--arch",
        "resnet-small",
        "--sizes",
        "32,48,64",
        "--epochs",
        "1",
        "--batch-size",
        "4",
        "--checkpoint-every",
        "1",
    ];
    place.killed_runs_reach_the_same(&args, kills());
    let ended = place.run(&["train", "--out", "whole", "--resume"]).code(0);
    ended.says("the run had already finished, with 3 epochs");
    for epoch in 1..=3 {
        assert!(place.path(format!("whole/samples/epoch-00{epoch}.png")).is_file());
    }
}

/// A few, unless it is asked for all.
fn kills() -> u32 {
    std::env::var("TINDERBOX_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(5)
}

#[test]
fn a_run_is_gone_on_from_at_another_size_and_loss() {
    let place = place();
    train(&place, "restore", "small", &[]);
    let more = ["--from", "small", "--size", "48", "--loss", "charbonnier", "--epochs", "1"];
    let begin = ["train", "restore", "scenes/images", "--batch-size", "2", "--out", "large"];
    place.run(&[&begin[..], &more].concat()).code(0).says("all of its weights");
    let words = ["--from", "small", "--arch", "resnet18", "--out", "x"];
    place
        .run(&[&["train", "restore", "scenes/images"][..], &words].concat())
        .code(1)
        .says("the run in `--from` decides it");
}

#[test]
fn names_of_losses_networks_and_damage_are_checked() {
    let place = place();
    let refused = |more: &[&str], says: &str| {
        let begin = ["train", "enhance", "scenes/images", "--out", "x"];
        let ended = place.run(&[&begin[..], more].concat());
        assert!(ended.err.contains(says), "{more:?}: {}", ended.err);
        assert!(!Path::new(&place.path("x")).exists());
    };
    refused(&["--loss", "l2"], "expected one of mse, l1, charbonnier");
    refused(&["--damage", "sharpen"], "sharpen");
    refused(&["--damage", "jpeg 300"], "300");
    refused(&["--loss", "mse", "--feature-net", "auto"], "only `--loss feature` compares features");
    refused(&["--loss", "feature"], "no weights of a network that features could be compared by");
    refused(&["--loss", "feature", "--feature-net", "none.pth"], "none.pth");
    refused(&["--loss", "feature", "--feature-net", "vgg16"], "choose vgg16_bn or another VGG");
}
