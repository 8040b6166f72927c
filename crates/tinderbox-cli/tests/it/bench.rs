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
        .says("hint: there are train/mnist-basic/b128, ");
    place
        .run(&["bench", "serve", "train/unet34/4x180x240"])
        .code(1)
        .says("the dynamic U-Net is not there yet");
    place.run(&["bench", "serve"]).code(2).says("WORKLOAD");
    place.run(&["bench", "serve", "x", "--path", "sse2"]).code(2).says("avx512");
    // No machine has both.
    let missing = if cfg!(target_arch = "aarch64") { "avx2" } else { "neon" };
    place
        .run(&["bench", "serve", "train/mnist-basic/b128", "--path", missing])
        .code(1)
        .says(&format!("error: this machine has no path `{missing}`: it has "));
}
