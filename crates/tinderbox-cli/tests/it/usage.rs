//! What the command says when it is used wrongly.

use std::fs;

use crate::run::Place;

#[test]
fn wrong_usage_ends_with_2_and_says_what_was_meant() {
    let place = Place::new();
    place.run(&["tran"]).code(2).says("a similar subcommand exists: 'train'");
    place.run(&["train", "digits", "--epoch", "3"]).code(2).says("'--epochs'");
    place.run(&["train", "digits", "--lr", "-1"]).code(2);
    place.run(&["train", "digits", "--lr=nan"]).code(2).says("a number above 0, such as 0.01");
    place.run(&["train"]).code(2).says("FOLDER");
    place.run(&[]).code(2).says("Usage: tinderbox <COMMAND>");
    place.run(&["--help"]).code(0).says("Exit codes: 0 done");
    place.run(&["completions", "bash"]).code(0).says("lr-find");
}

#[test]
fn wrong_settings_end_with_1_and_a_hint() {
    let place = Place::new();
    place
        .run(&["train", "digits", "--arch", "resnettish"])
        .code(1)
        .says("error: there is no architecture `resnettish`")
        .says("hint: did you mean `resnetish`?");
    place
        .run(&["train", "nowhere"])
        .code(1)
        .says("error: nowhere is not a folder")
        .says("hint: name the folder");
    place.run(&["train", "digits", "--valid", "1.5"]).code(1).says("outside 0..1");
    place.run(&["train", "digits", "--valid", "held-out"]).code(1).says("training/");
    fs::create_dir(place.path("empty")).unwrap();
    place.run(&["train", "empty"]).code(1).says("no files in empty");
    place.run(&["train", "digits", "--out", "new", "--resume"]).code(1).says("new holds no run");
    place
        .run(&["lesson", "mnist", "--data", "digits", "--model", "resnet-small"])
        .code(1)
        .says("not one of the lesson's networks");
    place
        .run(&["lesson", "mnist", "--data", "empty"])
        .code(1)
        .says("empty is not MNIST as PNG files");
}

#[test]
fn unreadable_files_are_listed_before_training_or_left_out() {
    let place = Place::new();
    for (name, bytes) in [("a.png", &b""[..]), ("b.png", b"<html>404</html>")] {
        fs::write(place.path("digits/training/3").join(name), bytes).unwrap();
    }
    place
        .run(&["train", "digits", "--out", "run"])
        .code(1)
        .says("2 of 402 files cannot be used")
        .says("training/3/a.png")
        .says("training/3/b.png")
        .says("--skip-bad 2");
    assert!(!place.path("run").exists(), "nothing was begun");
    place
        .run(&["train", "digits", "--out", "run", "--skip-bad", "2", "--epochs", "1"])
        .code(0)
        .says("left out 2 unreadable files");
}
