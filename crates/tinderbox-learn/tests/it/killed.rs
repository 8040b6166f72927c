//! A fit whose process is killed at any moment, while it saves too, goes on to the same bits.

use std::{
    env, fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Instant,
};

use tinderbox_learn::{
    Checkpoints, Outcome, WithOptimizer,
    callback::{CsvLogger, SaveModel},
    schedule::OneCycle,
};

use crate::common::{Problem, learner, noise};

/// Names the folder in which the child process trains.
const FOLDER: &str = "TINDERBOX_TEST_KILLED_FOLDER";
const KILLS: usize = 20;

/// Trains, or goes on with training, and saves the result.
fn train(folder: &Path) {
    let problem = Problem { train: 300, ..Problem::default() };
    let file = folder.join("checkpoint");
    let mut learner = learner(problem)
        .checkpoints(Checkpoints::new(&file).every(NonZeroUsize::new(2).unwrap()))
        .callback(SaveModel::default())
        .callback(CsvLogger::new(folder.join("history.csv")).without_time());
    learner.model_dir = folder.join("models");
    let outcome = match file.is_file() {
        true => learner.resume(&file).unwrap(),
        false => learner.fit_one_cycle(6, OneCycle::from(0.05)).unwrap(),
    };
    assert!(matches!(outcome, Outcome::Finished { epochs: 6, .. }), "{outcome:?}");
    learner.save("result", WithOptimizer::Yes).unwrap();
}

/// The child process: does nothing in an ordinary run of the tests.
#[test]
fn child() {
    if let Some(folder) = env::var_os(FOLDER) {
        train(&PathBuf::from(folder));
    }
}

fn spawn(folder: &Path) -> std::process::Child {
    Command::new(env::current_exe().unwrap())
        .args(["killed::child", "--exact"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

fn left(folder: &Path) -> [Vec<u8>; 3] {
    ["models/result.safetensors", "models/bestmodel.safetensors", "history.csv"]
        .map(|name| fs::read(folder.join(name)).unwrap())
}

#[test]
fn a_killed_fit_goes_on_to_the_same_bits() {
    let whole = tempfile::tempdir().unwrap();
    let start = Instant::now();
    assert!(spawn(whole.path()).wait().unwrap().success());
    let time = start.elapsed();

    let folder = tempfile::tempdir().unwrap();
    let mut killed = 0;
    while killed < KILLS {
        let mut child = spawn(folder.path());
        // Random moments within the first third of what a whole fit takes on this machine.
        thread::sleep(time.mul_f32((1.0 + noise(killed)) / 6.0));
        child.kill().unwrap();
        match child.wait().unwrap().success() {
            true => break,
            false => killed += 1,
        }
    }
    assert!(spawn(folder.path()).wait().unwrap().success());
    assert!(killed > 3, "it was done after {killed} kills: too fast for this test");
    assert!(left(folder.path()) == left(whole.path()), "after {killed} kills");
}
