//! The server side of the comparison with other libraries.

use std::{
    io::{BufRead, BufReader, Write},
    process::Stdio,
};

use crate::run::Place;

#[test]
fn a_workload_is_served_until_nobody_asks() {
    let place = Place::new();
    let mut server = place
        .command(&["bench", "serve", "train/mnist-basic/b128", "--threads", "1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut requests = server.stdin.take().unwrap();
    let answers = BufReader::new(server.stdout.take().unwrap());
    let mut answers = answers
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(&line.unwrap()).unwrap());

    let ready = answers.next().unwrap();
    assert_eq!(ready["ready"], "train/mnist-basic/b128");
    assert!(ready["who"].as_str().unwrap().starts_with("tinderbox "));
    for steps in [2, 1] {
        writeln!(requests, "run {steps}").unwrap();
        let answer = answers.next().unwrap();
        let times = answer["ms"].as_array().unwrap();
        assert_eq!(times.len(), steps);
        assert!(times.iter().all(|ms| ms.as_f64().unwrap() > 0.0));
        if cfg!(target_os = "linux") {
            assert!(answer["peak_mb"].as_f64().unwrap() > 1.0);
        }
    }
    drop(requests);
    assert!(server.wait().unwrap().success());
}

#[test]
fn what_cannot_be_served_is_said() {
    let place = Place::new();
    place.run(&["bench", "list"]).code(0).says("train/unet34/4x180x240");
    place
        .run(&["bench", "serve", "train/resnet"])
        .code(1)
        .says("error: there is no workload `train/resnet`")
        .says("hint: choose one of train/mnist-basic/b128, ");
    place.run(&["bench", "serve"]).code(2).says("WORKLOAD");
    place.run(&["bench", "serve", "x", "--path", "sse2"]).code(2).says("avx512");
    // No machine has both.
    let missing = if cfg!(target_arch = "aarch64") { "avx2" } else { "neon" };
    place
        .run(&["bench", "serve", "train/mnist-basic/b128", "--path", missing])
        .code(1)
        .says(&format!("error: this machine does not support `{missing}`; it supports "));
    place
        .run(&["bench", "kernels", "--filter", "x9"])
        .code(1)
        .says("no layer's name contains `x9`");
    place.run(&["bench", "kernels", "--seconds=-1"]).code(2);
}

#[test]
fn kernels_are_timed_beside_the_peak() {
    let place = Place::new();
    let kernels = |filter: &str, more: &[&str]| {
        let args = ["bench", "kernels", "--seconds", "0", "--filter", filter];
        place.run(&[&args[..], more].concat()).code(0)
    };
    kernels("resnet34/4x4", &[]).says("resnet34/4x4/512-512/3x3s1").says("may pass 100 %");
    let lines = kernels("resnet34/8x8/256-256", &["--json"]).json();
    let [peak, layer, total] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!([&peak["kind"], &layer["kind"], &total["kind"]], ["peak", "layer", "total"]);
    assert_eq!(layer["forward"]["algorithm"], "winograd-2x2");
    assert!(layer["input_gradient"]["share"].as_f64().unwrap() > 0.0);
    let lines = kernels("resnet34/8x8/256-256", &["--json", "--exact-conv"]).json();
    assert_eq!(lines[1]["forward"]["algorithm"], "direct");
    let lines = kernels("mnist-resnetish/2x2", &["--json", "--path", "plain"]).json();
    assert_eq!(lines[0]["path"], "plain");
}
