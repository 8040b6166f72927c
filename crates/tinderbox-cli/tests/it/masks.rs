//! Models that say what each pixel shows.

use std::{env, fs, path::PathBuf};

use tinderbox::data::{
    image::open_mask,
    scenes::{ScenesConfig, write_scenes},
};

use crate::run::Place;

/// A run of two fits on scenes, from a run on them.
const TRAIN: [&str; 12] = [
    "train",
    "--task",
    "segment",
    "--images",
    "scenes/images",
    "--masks",
    "scenes/masks",
    "--batch-size",
    "4",
    "--epochs",
    "1",
    "--out",
];

fn place() -> Place {
    let place = Place::new();
    let config =
        ScenesConfig { train: 10, valid: 4, size: [32, 40], seed: 1, ..ScenesConfig::default() };
    write_scenes(place.path("scenes"), &config).unwrap();
    place
}

fn train(place: &Place, out: &str, more: &[&str]) {
    place.run(&[&TRAIN[..], &[out], more].concat()).code(0);
}

const SMALL: [&str; 2] = ["--arch", "resnet-small"];

#[test]
fn scenes_are_learned_at_one_size_and_then_at_another() {
    let place = place();
    let ended = place.run(&[&TRAIN[..], &["half", "--size", "16x20"], &SMALL].concat()).code(0);
    ended
        .says("named as their images – 14 images have a mask")
        .says("5: Ground, Disc, Square, Triangle, Void")
        .says("Void – ignored by the metrics")
        .says("valid/, with train/ for training")
        .says("U-Net on resnet-small – as given")
        .says("predict half image.jpg --out mask.png");
    let more = ["--from", "half", "--size", "32x40", "--unfreeze-epochs", "1", "--json"];
    let lines = place.run(&[&TRAIN[..], &["full"], &more].concat()).code(0).json();
    let phases = lines.iter().filter(|line| line["event"] == "part").count();
    assert_eq!(phases, 2);
    let epochs: Vec<_> = lines.iter().filter(|line| line["event"] == "epoch").collect();
    assert_eq!(epochs.len(), 2);
    place.run(&["train", "--out", "full", "--resume"]).code(0).says("the run had already finished");
    place
        .run(&["train", "--out", "full", "--resume", "--unfreeze-epochs", "3"])
        .code(1)
        .says("was started with --unfreeze-epochs 1, not 3");
}

#[test]
fn masks_are_predicted_drawn_and_interpreted() {
    let place = place();
    train(&place, "run", &[&SMALL[..], &["--size", "16x20"]].concat());
    let picture = "scenes/images/valid/000.png";
    let ended = place.run(&["predict", "run", picture, "--out", "m.png", "--overlay", "o.png"]);
    ended.code(0).says(" %");
    let mask = open_mask(place.path("m.png")).unwrap();
    assert_eq!(mask.shape, [1, 32, 40], "of the picture's size, not the model's");
    assert!(place.path("o.png").is_file());
    let both = [picture, "scenes/images/valid/001.png"];
    let json = place.run(&[&["predict", "run", "--json", "--out", "masks"][..], &both].concat());
    let shares = json.code(0).json()[1]["shares"].as_object().unwrap().clone();
    let sum: f64 = shares.values().map(|share| share.as_f64().unwrap()).sum();
    assert!((sum - 1.0).abs() < 1e-9 && shares.len() == 5);
    assert!(place.path("masks/001.png").is_file());
    place.run(&["predict", "run", "no.png"]).code(3).says("no.png");
    // A folder, and two images of one name.
    let all = ["predict", "run", "scenes/images", "--out", "all"];
    let said = place.run(&all).code(0).out;
    assert_eq!(said.lines().count(), 14, "{said}");
    assert_eq!(fs::read_dir(place.path("all")).unwrap().count(), 14);
    assert!(place.path("all/scenes-images-valid-000.png").is_file());
    let one = ["predict", "run", "scenes/images", "--out", "one.png"];
    place.run(&one).code(1).says("one.png is one file, but there are 14 inputs: name a folder");
    place.run(&["predict", "run", picture, "--out", picture]).code(1).says("is never overwritten");
    place.run(&["predict", "run", "https://a.b/c.png"]).code(1).says("download it first");
    writes_over_nothing(&place, picture);

    let ended = place.run(&["interpret", "run", "--top-losses", "2", "--confusion"]).code(0);
    let printed = &ended.says("precision").says("accuracy: ").says("largest losses").out;
    for picture in ["confusion.svg", "results.png", "top_losses.png"] {
        assert!(place.path("run/interpretation").join(picture).is_file());
    }
    let found = &place.run(&["interpret", "run", "--json", "--out", "i"]).code(0).json()[0];
    assert_eq!(found["classes"].as_array().unwrap().len(), 5);
    assert!(found.get("confusion").is_none());
    let found = &place.run(&["interpret", "run", "--json", "--confusion"]).code(0).json()[0];
    let counts: Vec<Vec<u64>> = serde_json::from_value(found["confusion"].clone()).unwrap();
    for (class, row) in found["classes"].as_array().unwrap().iter().zip(counts) {
        assert_eq!(row.iter().sum::<u64>(), class["n"].as_u64().unwrap());
        let cells: Vec<String> = row.iter().map(u64::to_string).collect();
        let name = class["class"].as_str().unwrap();
        let is_row = |line: &str| {
            line.split_whitespace().eq([name].into_iter().chain(cells.iter().map(String::as_str)))
        };
        assert!(printed.lines().any(is_row), "{name} {cells:?} in {printed}");
    }
    place.run(&["interpret", "run", "--activations"]).code(0).says("BatchNorm2d");
}

/// What is there stays, unless it is said.
fn writes_over_nothing(place: &Place, picture: &str) {
    let run = |more: &[&str]| place.run(&[&["predict", "run", picture][..], more].concat());
    fs::write(place.path("notes.png"), "mine").unwrap();
    run(&["--out", "notes.png"]).code(1).says("notes.png exists already").says("`--force`");
    run(&["--overlay", "notes.png"]).code(1).says("notes.png exists already");
    run(&["--to", "scenes/codes.txt"]).code(1).says("end it in .csv");
    run(&["--out", "x.jpg", scenes(1)]).code(1).says("x.jpg must end in .png");
    run(&["--out", "both", "--overlay", "both"]).code(1).says("given for two outputs");
    assert_eq!(fs::read_to_string(place.path("notes.png")).unwrap(), "mine");
    assert!(!place.path("x.jpg").exists() && !place.path("both").exists());
    run(&["--out", "notes.png", "--force"]).code(0);
    assert!(open_mask(place.path("notes.png")).is_ok());
    run(&["--out", picture, "--force"]).code(1).says("is never overwritten");
    run(&["--to", "new/shares.csv"]).code(0).says("wrote new/shares.csv");
    let table = fs::read_to_string(place.path("new/shares.csv")).unwrap();
    assert!(table.starts_with("file,Ground,Disc,Square,Triangle,Void,error\n"), "{table}");
    run(&["--to", "new/shares.csv"]).code(1).says("new/shares.csv exists already");
}

fn scenes(at: usize) -> &'static str {
    ["scenes/images/valid/000.png", "scenes/images/valid/001.png"][at]
}

#[test]
fn masks_are_shown_validated_and_their_rates_found() {
    let place = place();
    let scenes = ["--images", "scenes/images", "--masks", "scenes/masks"];
    let with = |first: &[&str], more: &[&str]| place.run(&[first, &scenes[..], more].concat());
    with(&["show-batch"], &["--out", "batch.png", "--rows", "2", "--batch-size", "4"]).code(0);
    assert!(place.path("batch.png").is_file());
    let small = ["--arch", "resnet-small", "--size", "16x20", "--batch-size", "2"];
    let found = with(&["lr-find"], &[&small[..], &["--batches", "30", "--json"]].concat());
    assert!(found.code(0).json()[0]["losses"].as_array().unwrap().len() > 10);
    place.run(&["lr-find"]).code(2).says("DATA");
    let unused = with(&["show-batch"], &["--oversample"]).code(2);
    unused.says("`--oversample` is not a setting of the task `segment`");
    for command in ["lr-find", "show-batch"] {
        let unused = place.run(&[command, "digits", "--void", "3"]).code(2);
        unused.says("`--void` is not a setting of the task `classify`");
    }

    train(&place, "run", &[&SMALL[..], &["--size", "16x20", "--accumulate", "2"]].concat());
    let valid = ["validate", "run", "--images", "scenes/images/valid"];
    let run = |more: &[&str]| place.run(&[&valid[..], more].concat());
    let masks = ["--masks", "scenes/masks/valid"];
    run(&masks).code(0).says("images    4").says("mean_iou").says("Triangle");
    let scores = run(&[&masks[..], &["--json"]].concat()).code(0).json().remove(0);
    let interpreted = place.run(&["interpret", "run", "--json"]).code(0).json().remove(0);
    assert_eq!(scores["metrics"]["accuracy"], interpreted["accuracy"]);
    run(&[&masks[..], &["--void", "Sky"]].concat()).code(1).says("no class `Sky`");
    run(&[]).code(1).says("no image in");
    fs::write(place.path("scenes/masks/valid/002.png"), "no picture").unwrap();
    run(&masks).code(1).says("002.png");
    run(&[&masks[..], &["--skip-bad", "1"]].concat()).code(0).says("images    3");
    place
        .run(&[&TRAIN[..], &["other", "--oversample"], &SMALL].concat())
        .code(2)
        .says("`--oversample` is not a setting of the task");
}

#[test]
fn segmenters_killed_in_any_fit_go_on_to_the_same_bits() {
    let place = place();
    train(&place, "first", &[&SMALL[..], &["--size", "16x20"]].concat());
    let more = ["--from", "first", "--size", "16", "--unfreeze-epochs", "1", "--checkpoint-every"];
    place.killed_runs_reach_the_same(&[&TRAIN[..], &["run"], &more, &["1"]].concat(), 6);
}

#[test]
fn what_is_wrong_with_masks_is_named_before_training() {
    let place = place();
    let run = |more: &[&str]| place.run(&[&TRAIN[..], &["run"], &SMALL, more].concat());
    let codes = place.path("scenes/codes.txt");
    fs::write(&codes, "Ground\nDisc\n").unwrap();
    run(&[]).code(1).says("it has the values ").says("there are 2 classes");
    fs::write(&codes, "Ground\nGround\n").unwrap();
    run(&[]).code(1).says("codes.txt lists `Ground` twice");
    fs::write(&codes, "Ground\nDisc\nSquare\nTriangle\nEdge\n").unwrap();
    fs::write(&codes, "Ground\nDisc\nSquare\nTriangle\n").unwrap();
    run(&[]).code(1).says("it has the value 4, but there are 4 classes: Ground");
    run(&["--void", "4"]).code(0).says("pixels of value 4 – as given");
    fs::remove_dir_all(place.path("run")).unwrap();
    fs::write(&codes, "Ground\nDisc\nSquare\nTriangle\nEdge\n").unwrap();
    run(&["--void", "Sky"]).code(1).says("no class `Sky`").says("Triangle, Edge");
    fs::remove_file(&codes).unwrap();
    run(&[]).code(1).says("there is no codes.txt").says("--codes");
    fs::write(&codes, "Ground\nDisc\nSquare\nTriangle\nEdge\n").unwrap();
    fs::remove_file(place.path("scenes/masks/train/003.png")).unwrap();
    run(&[]).code(1).says("train/003.png has no mask").says("--skip-bad");
    run(&["--skip-bad", "1"]).code(0).says("skipped train/003.png, an image without a mask");
    place
        .run(&["train", "digits", "--until", "layer3"])
        .code(1)
        .says("`--until` has no effect here: it only applies to pretrained networks");
}

#[test]
fn a_file_of_names_says_what_validates() {
    let place = place();
    fs::write(place.path("names.txt"), "001.png\n003.png\n").unwrap();
    let run = |list: &str| place.run(&[&TRAIN[..], &["run", "--valid", list], &SMALL].concat());
    run("no.txt").code(1).says("cannot read ").says("no.txt");
    run("names.txt").code(0).says("the files listed in ");
    let items = fs::read_to_string(place.path("run/items.csv")).unwrap();
    // In each of the two folders.
    assert_eq!(items.lines().filter(|line| line.starts_with("valid,")).count(), 4);
}

#[test]
#[ignore = "needs real data: set TINDERBOX_DATA"]
fn broken_masks_are_listed_by_name_and_the_others_train() {
    let data = PathBuf::from(env::var_os("TINDERBOX_DATA").expect("TINDERBOX_DATA names a folder"));
    let hostile = data.join("hostile");
    let expect = fs::read_to_string(hostile.join("EXPECT.tsv")).unwrap();
    let verdicts = expect.lines().filter_map(|line| line.strip_prefix("segmentation/masks/"));
    let rejected: Vec<&str> = verdicts
        .filter(|line| line.contains("\treject\t"))
        .map(|line| line.split('\t').next().unwrap())
        .collect();
    assert!(!rejected.is_empty());

    let place = Place::new();
    let folder = |name: &str| hostile.join("segmentation").join(name).display().to_string();
    let (images, masks) = (folder("images"), folder("masks"));
    let args = ["train", "--images", &images, "--masks", &masks, "--size", "32", "--epochs", "1"];
    let run =
        |n: &str| place.run(&[&args[..], &SMALL, &["--out", "run", "--skip-bad", n]].concat());
    run("0").code(1).says("missing_mask.png has no mask");
    let mut ended = run("1").code(1).says("orphan.png, a mask without an image");
    for file in &rejected {
        ended = ended.says(file);
    }
    assert!(!place.path("run").exists(), "nothing was begun");
    run(&(rejected.len() + 1).to_string()).code(0);
}
