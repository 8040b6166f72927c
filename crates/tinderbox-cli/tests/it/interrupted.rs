//! Runs that are killed or stopped, and go on.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    thread,
    time::Instant,
};

use crate::run::{Place, TRAIN};

/// Trains until so many steps are reported, then sends the signal, by its name.
#[cfg(unix)]
fn train_and_send(place: &Place, args: &[&str], steps: usize, signal: &str) -> Option<i32> {
    let mut child =
        place.command(args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut steps_seen = lines.map_while(Result::ok).filter(|line| line.contains("\"batch\""));
    assert!(steps_seen.by_ref().nth(steps).is_some(), "the run ended before step {steps}");
    send(&child, signal);
    // What it still says must not fill the pipe.
    steps_seen.for_each(drop);
    child.wait().unwrap().code()
}

#[cfg(unix)]
fn send(child: &Child, signal: &str) {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// The arguments of the same run in another folder, saved after every step.
fn train_in(folder: &'static str, more: &[&'static str]) -> Vec<&'static str> {
    let mut args = TRAIN;
    args[7] = folder;
    [&args[..], &["--checkpoint-every", "1"], more].concat()
}

fn model(place: &Place, run: &str) -> Vec<u8> {
    fs::read(place.path(run).join("model.safetensors")).unwrap()
}

#[cfg(unix)]
#[test]
fn a_run_that_is_stopped_with_ctrl_c_goes_on_to_the_same_bits() {
    let place = Place::new();
    place.run(&TRAIN).code(0);
    let code = train_and_send(&place, &train_in("stopped", &[]), 1, "-INT");
    assert_eq!(code, Some(130));
    place.run(&["predict", "stopped", "x.png"]).code(1).says("the run in stopped is not finished");
    place.run(&train_in("stopped", &["--workers", "0", "--resume"])).code(0);
    assert!(model(&place, "run") == model(&place, "stopped"));
}

#[test]
fn twenty_runs_killed_at_any_moment_go_on_to_the_same_bits() {
    const KILLS: u32 = 20;
    let place = Place::new();
    let start = Instant::now();
    place.run(&train_in("run", &[])).code(0);
    let time = start.elapsed();
    let mut in_training = 0;
    for kill in 0..KILLS {
        let mut child =
            place.command(&train_in("killed", &[])).stdout(Stdio::null()).spawn().unwrap();
        // Spread over the run, its saving included: there is a checkpoint after every step.
        thread::sleep(time * (2 * kill + 1) / (2 * KILLS));
        child.kill().unwrap();
        child.wait().unwrap();
        in_training += u32::from(place.path("killed/checkpoint.safetensors").exists());
        // Killed before there was a run, it begins anew.
        let resume: &[&str] =
            if place.path("killed/run.json").exists() { &["--resume"] } else { &[] };
        place.run(&train_in("killed", resume)).code(0);
        assert!(model(&place, "run") == model(&place, "killed"), "kill {kill}");
        fs::remove_dir_all(place.path("killed")).unwrap();
    }
    assert!(in_training >= KILLS / 2, "only {in_training} of {KILLS} were killed while training");
}

#[test]
fn the_best_epoch_is_kept_and_no_more_are_trained_than_help() {
    let place = Place::new();
    // So many epochs that some are no better than the best before them.
    let train = ["train", "digits", "--epochs", "25", "--batch-size", "32"];
    let stop = ["--early-stop", "1", "--workers", "0", "--checkpoint-every", "4", "--json"];
    let train = |out: &'static str| [&train[..], &stop, &["--out", out]].concat();
    let lines = place.run(&train("early")).code(0).json();
    let epochs: Vec<_> = lines.iter().filter(|line| line["event"] == "epoch").collect();
    let accuracy = |line: &serde_json::Value| line["values"]["accuracy"].as_f64().unwrap();
    let best = epochs.iter().map(|line| accuracy(line)).fold(0.0, f64::max);
    assert!(epochs.len() < 25, "every epoch was better than all before");
    let before_last = accuracy(epochs[epochs.len() - 2]);
    assert!((before_last - best).abs() < 1e-9, "the one before the last is the best");
    let done = lines.last().unwrap();
    let scores = place.run(&["validate", "early", "--json"]).code(0).json();
    for (metrics, from) in [(&done["metrics"], "done"), (&scores[0]["metrics"], "validate")] {
        let found = metrics["accuracy"].as_f64().unwrap();
        assert!((found - best).abs() < 1e-6, "{from}: {found}, not {best}");
    }
    place
        .run(&["train", "--out", "early", "--resume", "--keep", "last"])
        .code(1)
        .says("--keep best");
    // Resumed after its end, it still has the best epoch's weights.
    let before = model(&place, "early");
    place.run(&["train", "--out", "early", "--resume"]).code(0);
    assert!(model(&place, "early") == before);
    place.killed_runs_reach_the_same(&train("killed-later"), 4);
    let nothing = ["train", "digits", "--valid", "0", "--keep", "best", "--out", "none"];
    place.run(&nothing).code(1).says("`--keep` has no effect here: there is no validation set");
}

#[test]
fn a_run_goes_on_only_as_it_was_begun() {
    let place = Place::new();
    place.run(&TRAIN).code(0);
    let resume =
        |more: &[&str]| place.run(&[&["train", "--out", "run", "--resume"][..], more].concat());
    resume(&[]).code(0).says("the run had already finished, with 3 epochs");
    resume(&["digits/", "--workers", "0", "--cache", "0", "--skip-bad", "1"]).code(0);
    resume(&["--seed", "7"]).code(1).says("was started with --seed 42, not 7");
    resume(&["--valid", "0.5"]).code(1).says("was started with --valid testing, not 0.5");
    resume(&["--exact-conv"]).code(1).says("was started with --exact-conv off, not on");
    let exact = ["train", "digits", "--epochs", "1", "--out", "exact", "--exact-conv"];
    place.run(&exact).code(0).says("exact conv").says("true – as given");
    place
        .run(&["train", "--out", "exact", "--resume"])
        .code(0)
        .says("exact conv")
        .says("true – as given");
    place.run(&["train", "--out", "exact", "--resume", "--exact-conv"]).code(0);

    let model = model(&place, "run");
    place.copy("digits/training/0/0.png", "digits/training/1/new.png");
    resume(&[])
        .code(1)
        .says("the images have changed since the run began: training/1/new.png is new");
    fs::remove_file(place.path("digits/training/1/new.png")).unwrap();
    let other = place.path("digits/training/0/0.png");
    let kept = fs::read(&other).unwrap();
    fs::write(&other, [&kept[..], b"more"].concat()).unwrap();
    resume(&[]).code(1).says("training/0/0.png had ");
    fs::write(&other, kept).unwrap();

    fs::rename(place.path("digits"), place.path("moved")).unwrap();
    resume(&[]).code(1).says("is no longer in ").says("train FOLDER --out run --resume");
    resume(&["moved"]).code(0);
    resume(&[]).code(0).says("the run had already finished");
    let config = fs::read_to_string(place.path("run/run.toml")).unwrap();
    assert!(config.contains("moved"), "{config}");
    fs::write(place.path("run/run.toml"), config.replace("seed = 42", "seed = 7")).unwrap();
    resume(&[])
        .code(0)
        .says("run/run.toml was changed, but a run resumes with the settings it began with");

    fs::write(place.path("run/checkpoint.safetensors"), "torn").unwrap();
    resume(&["moved"]).code(1).says("remove run/checkpoint.safetensors, and `--resume` starts");
    fs::remove_file(place.path("run/checkpoint.safetensors")).unwrap();
    fs::remove_file(place.path("run/model.safetensors")).unwrap();
    resume(&["moved"]).code(0);
    assert!(fs::read(place.path("run/model.safetensors")).unwrap() == model, "the same bits");

    fs::write(place.path("run/run.json"), "{").unwrap();
    resume(&[]).code(1).says("run/run.json does not describe a run");
}

#[test]
fn two_processes_do_not_train_in_one_folder() {
    let place = Place::new();
    fs::create_dir(place.path("run")).unwrap();
    let lock = fs::File::create(place.path("run/.lock")).unwrap();
    lock.lock().unwrap();
    place.run(&TRAIN).code(1).says("another process is training in run");
    drop(lock);
    place.run(&TRAIN).code(0);
    assert!(!place.path("run/.lock").exists());
}
