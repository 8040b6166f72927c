//! A task that this repository does not have – `examples/own_task.rs`, one number from an image –
//! works with every command.

use std::fs;

use tinderbox::data::picture::Picture;

use crate::{configured::check_resume, run::Place};

const TRAIN: [&str; 8] = ["train", "tiles", "--epochs", "3", "--size", "16", "--out", "run"];

/// Gray tiles, named after how bright they are.
fn place() -> Place {
    let place = Place::of_example("own_task");
    fs::create_dir(place.path("tiles")).unwrap();
    for at in 0..48u8 {
        let gray = at * 5;
        let file = format!("tiles/{at:02}_{:.3}.png", f64::from(gray) / 255.0);
        Picture::filled(24, 24, [gray; 3]).save(place.path(file)).unwrap();
    }
    place
}

/// The metrics in the last line of a run's table, as they are written.
fn last_metrics(place: &Place, run: &str) -> Vec<String> {
    let history = fs::read_to_string(place.path(run).join("history.csv")).unwrap();
    let lines: Vec<Vec<&str>> = history.lines().map(|line| line.split(',').collect()).collect();
    let at = |name: &str| lines[0].iter().position(|column| *column == name).unwrap();
    let columns = ["valid_loss", "mean_absolute_error"].map(at);
    columns.map(|column| lines.last().unwrap()[column].to_owned()).into()
}

#[test]
fn every_command_knows_a_task_of_ones_own() {
    let place = place();
    place
        .run(&[&TRAIN[..], &["--dry-run"]].concat())
        .code(0)
        .says("39 images for training, 9 for validation")
        .says("MergeLayer")
        .says("time per epoch");
    place.run(&["lr-find", "tiles", "--batches", "30", "--plot", "lr.svg"]).code(0);
    assert!(fs::read_to_string(place.path("lr.svg")).unwrap().contains("<svg"));
    place.run(&["show-batch", "tiles", "--rows", "2"]).code(0);
    assert!(place.path("batch.png").is_file());

    let train = ["train", "tiles", "--out", "run"];
    place.run(&train).code(0).says("mean_absolute_error").says("the model is in run");
    let metrics = last_metrics(&place, "run");
    // The mean of all tiles is off by 0.24.
    assert!(metrics[1].parse::<f64>().unwrap() < 0.2, "{metrics:?}");

    // What validated, alone: the metrics of the last epoch.
    let items = fs::read_to_string(place.path("run/items.csv")).unwrap();
    let valid = items.lines().filter(|line| line.starts_with("valid,"));
    for line in valid {
        let file = line.split(',').nth(2).unwrap();
        place.copy(&format!("tiles/{file}"), &format!("held-out/{file}"));
    }
    let ended = place.run(&["validate", "run", "held-out"]).code(0).says("9");
    let ended = ended.says(&metrics[0]).says(&metrics[1]);
    assert!(!ended.out.contains("class"), "there are none");

    let predict = ["predict", "run", "tiles/10_0.196.png", "tiles/40_0.784.png"];
    let predicted = place.run(&[&predict[..], &["--json"]].concat()).code(0).json();
    let number = |at: usize| predicted[at]["numbers"][0].as_f64().unwrap();
    assert!(number(0) + 0.3 < number(1), "{predicted:?}");
    let line = format!("tiles/40_0.784.png\t{}", number(1) as f32);
    place.run(&predict).code(0).says(&line);
    place.run(&["interpret", "run"]).code(1).says("a model that measures images");
    place.run(&["summary", "run"]).code(0).says("Total params");
}

#[test]
fn settings_of_ones_own_are_settings_like_others() {
    let place = place();
    place.run(&["train", "--help"]).code(0).says("Size that images are resized to");
    place.run(&["config", "default", "measure"]).code(0).says("size = 32").says("skip_bad = 0");
    place.run(&TRAIN).code(0);
    let again = ["train", "--config", "run/run.toml", "--out", "again"];
    place.run(&again).code(0);
    let model = |run: &str| fs::read(place.path(run).join("model.safetensors")).unwrap();
    assert!(model("run") == model("again"), "the same bits");
    check_resume(&place, "measure", "run");
    place.run(&["train", "tiles", "--size", "none"]).code(2).says("expected one side");

    place.copy("tiles/00_0.000.png", "tiles/nameless.png");
    let named = ["train", "tiles", "--task", "measure", "--out", "other"];
    place.run(&named).code(1).says("nameless.png does not end with a number").says("ripe_0.73.jpg");
    place.run(&["train", "tiles", "--out", "other"]).code(1).says("class folders");
}

#[test]
fn a_task_of_ones_own_that_is_killed_goes_on_to_the_same_bits() {
    let args = [&TRAIN[..], &["--checkpoint-every", "3"]].concat();
    place().killed_runs_reach_the_same(&args, 6);
}
