//! A fit whose process is killed at any moment, while it saves too, goes on to the same bits.

use std::{
    env, fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
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

/// Kills and restarts a fit until it is done, at most [`KILLS`] times; says how often.
fn kill_until_done(folder: &Path, time: Duration) -> usize {
    for killed in 0..KILLS {
        let mut child = spawn(folder);
        // Random moments within the first third of what a whole fit takes.
        thread::sleep(time.mul_f32((1.0 + noise(killed)) / 6.0));
        child.kill().unwrap();
        if child.wait().unwrap().success() {
            return killed;
        }
    }
    KILLS
}

#[test]
fn a_killed_fit_goes_on_to_the_same_bits() {
    let whole = tempfile::tempdir().unwrap();
    let start = Instant::now();
    assert!(spawn(whole.path()).wait().unwrap().success());
    let mut time = start.elapsed();

    // A machine that was busy while the time was taken may be quicker now: then again, sooner.
    let mut killed = 0;
    let mut folder = tempfile::tempdir().unwrap();
    for _ in 0..5 {
        killed = kill_until_done(folder.path(), time);
        if killed > 3 {
            break;
        }
        folder = tempfile::tempdir().unwrap();
        time /= 2;
    }
    assert!(killed > 3, "it was done after {killed} kills: too fast for this test");
    assert!(spawn(folder.path()).wait().unwrap().success());
    assert!(left(folder.path()) == left(whole.path()), "after {killed} kills");
}
