//! What is there is not written over, unless it is said.

use std::{fs, path::Path};

use crate::run::{Place, TRAIN};

const MINE: &str = "mine";

/// Writes a file of the user's.
fn mine(place: &Place, file: &str) {
    let path = place.path(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, MINE).unwrap();
}

#[track_caller]
fn is_still_mine(path: &Path) {
    assert_eq!(fs::read_to_string(path).unwrap(), MINE, "{}", path.display());
}

#[test]
fn a_run_is_not_written_among_other_files() {
    let place = Place::new();
    let into = |out: &str| place.run(&["train", "digits", "--epochs", "1", "--out", out]);
    for file in ["items.csv", "history.csv", "losses.svg", "model.safetensors", "run.json", ".lock"]
    {
        let path = format!("other/{file}");
        mine(&place, &path);
        into("other").code(1).says(&format!("has the file {file}, which a run would overwrite"));
        is_still_mine(&place.path(&path));
        fs::remove_file(place.path(&path)).unwrap();
    }
    // Where it writes by itself, it takes another folder.
    mine(&place, "runs/digits/history.csv");
    let train = ["train", "digits", "--epochs", "1", "--batch-size", "160"];
    place.run(&train).code(0).says("run folder: runs/digits-2");
    is_still_mine(&place.path("runs/digits/history.csv"));
}

#[test]
fn a_run_is_not_written_among_its_data() {
    let place = Place::new();
    let into = |out: &str| place.run(&["train", "digits", "--epochs", "1", "--out", out]).code(1);
    into("digits").says("cannot be the run folder, too").says("`--out runs/digits`");
    into("digits/training/0").says("is inside the data folder").says("`--out runs/digits`");
    into("digits/training/../training").says("is inside the data folder");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(place.path("digits"), place.path("link")).unwrap();
        into("link").says("cannot be the run folder, too");
    }
    assert!(!place.path("digits/run.json").exists());
}

#[test]
fn plots_and_tables_are_written_over_if_it_is_said() {
    let place = Place::new();
    place.run(&TRAIN).code(0);
    for file in ["lr.svg", "batch.png", "plots/results.png", "r.csv", "w.safetensors"] {
        mine(&place, file);
    }
    let lr_find = ["lr-find", "digits", "--batches", "20", "--plot", "lr.svg"];
    let commands: [(&[&str], &str); 5] = [
        (&lr_find, "lr.svg"),
        (&["show-batch", "digits", "--rows", "2", "--out", "batch.png"], "batch.png"),
        (&["interpret", "run", "--out", "plots"], "plots/results.png"),
        (&["predict", "run", "digits/testing/0/0.png", "--to", "r.csv"], "r.csv"),
        (&["weights", "convert", "run/model.safetensors", "w.safetensors"], "w.safetensors"),
    ];
    for (command, file) in commands {
        let refused = place.run(command).code(1).says(&format!("{file} exists already"));
        assert!(refused.err.contains("`--force`"), "{}", refused.err);
        is_still_mine(&place.path(file));
        place.run(&[command, &["--force"]].concat()).code(0);
        assert_ne!(fs::read(place.path(file)).unwrap(), MINE.as_bytes(), "{file}");
    }
    // No flag makes a command write over what it reads.
    let weights = fs::read(place.path("w.safetensors")).unwrap();
    let itself = ["weights", "convert", "w.safetensors", "./w.safetensors", "--force"];
    place.run(&itself).code(1).says("is an input, which is never overwritten");
    assert!(fs::read(place.path("w.safetensors")).unwrap() == weights);
    // The usual plots are the run's own.
    place.run(&["interpret", "run"]).code(0);
    place.run(&["interpret", "run"]).code(0);
    // What is not named is written beside what is there.
    mine(&place, "batch.png");
    place.run(&["show-batch", "digits", "--rows", "2"]).code(0).says("batch-2.png");
    is_still_mine(&place.path("batch.png"));
}

#[test]
fn a_run_is_interpreted_where_its_data_has_moved_to() {
    let place = Place::new();
    place.run(&TRAIN).code(0);
    let before = place.run(&["interpret", "run"]).code(0).out;
    fs::rename(place.path("digits"), place.path("my digits")).unwrap();
    place
        .run(&["interpret", "run"])
        .code(1)
        .says("is no longer in ")
        .says("`tinderbox interpret run --data FOLDER`");
    let moved = place.run(&["interpret", "run", "--data", "my digits"]).code(0).out;
    assert_eq!(moved.replace("my digits", "digits"), before);
    place
        .run(&["interpret", "run/model.safetensors"])
        .code(1)
        .says("interpret takes a run folder, and run/model.safetensors is a file")
        .says("`tinderbox interpret run`");
    place.copy("run/model.safetensors", "alone/model.safetensors");
    place
        .run(&["interpret", "alone/model.safetensors"])
        .code(1)
        .says("`tinderbox validate alone/model.safetensors DATA`");
}
