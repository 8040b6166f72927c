use std::{fs, path::Path, thread};

use tempfile::TempDir;
use tinderbox_data::digits::{DigitsConfig, write_digits};

use super::*;
use crate::Classify;

/// A folder with a few digits.
fn digits() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = DigitsConfig { train_per_class: 8, test_per_class: 2, seed: 1 };
    write_digits(folder.path(), &config).unwrap();
    folder
}

fn settings(folder: &Path, out: &str, seed: u64) -> Settings<Classify> {
    let mut settings = Settings::new(folder, folder.with_extension(out));
    settings.common.epochs = Some(2);
    settings.common.batch_size = Some(16);
    settings.common.seed = Some(seed);
    settings
}

fn model(trained: &Trained) -> Vec<u8> {
    fs::read(trained.run.model()).unwrap()
}

/// Each with a job of its own: other seeds, other convolutions, another end.
#[test]
fn trainings_at_once_are_as_alone_and_stop_by_their_own_handles() {
    let folder = digits();
    let at = |out: &str, seed, exact| {
        let mut settings = settings(folder.path(), out, seed);
        settings.task.image.exact_conv = Some(exact);
        settings.task.image.arch = Some("resnet-small".into());
        settings
    };
    let alone = [("alone-1", 1, false), ("alone-2", 2, true)]
        .map(|(out, seed, exact)| model(&train(&at(out, seed, exact), &Job::quiet()).unwrap()));
    let (one, two) = (at("one", 1, false), at("two", 2, true));
    let three = at("three", 3, false);
    let job = Job::quiet();
    job.stop.stop();
    let together = thread::scope(|scope| {
        let one = scope.spawn(|| train(&one, &Job::quiet()).unwrap());
        let two = scope.spawn(|| train(&two, &Job::quiet()).unwrap());
        let three = scope.spawn(|| train(&three, &job).unwrap());
        [one, two, three].map(|thread| thread.join().unwrap())
    });
    assert!(together[2].is_stopped(), "{:?}", together[2].outcome);
    assert!(!together[0].is_stopped() && !together[1].is_stopped());
    assert!(model(&together[0]) == alone[0] && model(&together[1]) == alone[1], "the same bits");
    assert!(alone[0] != alone[1]);
}

/// What is not written down could not be compared when a run goes on.
#[test]
fn every_setting_of_learning_is_written_down() {
    let folder = digits();
    let (plan, _) = decide(&settings(folder.path(), "run", 7), &Job::quiet()).unwrap();
    for field in crate::settings::fields::<Classify>() {
        if field.role == Role::Learning {
            assert!(plan.decided.contains_key(&field.key), "`{}` is not decided", field.key);
        }
    }
    assert_eq!(plan.decided["seed"], 7);
}
