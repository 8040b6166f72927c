//! Runs that are killed or stopped, and go on.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use crate::run::{Place, TRAIN};

/// Trains until so many steps are reported, then sends the signal, by its name.
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

fn send(child: &Child, signal: &str) {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

#[cfg(unix)]
#[test]
fn a_run_that_is_killed_or_stopped_ends_with_the_same_bits() {
    let place = Place::new();
    place.run(&TRAIN).code(0);
    let with = |out: &'static str, more: &[&'static str]| {
        let mut args = TRAIN;
        args[7] = out;
        [&args[..], &["--checkpoint-every", "4"], more].concat()
    };
    assert_eq!(train_and_send(&place, &with("killed", &[]), 1, "-KILL"), None);
    place.run(&with("killed", &["--resume"])).code(0);
    assert_eq!(train_and_send(&place, &with("stopped", &[]), 1, "-INT"), Some(130));
    place.run(&["predict", "stopped", "x.png"]).code(1).says("the run in stopped is not finished");
    place.run(&with("stopped", &["--workers", "0", "--resume"])).code(0);

    let model = |run: &str| fs::read(place.path(run).join("model.safetensors")).unwrap();
    assert!(model("run") == model("killed"), "killed");
    assert!(model("run") == model("stopped"), "stopped");
}
