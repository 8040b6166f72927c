use std::{fs, path::Path};

use tempfile::TempDir;
use tinderbox_data::{
    digits::{DigitsConfig, write_digits},
    picture::Picture,
};
use tinderbox_model::arch::ModelSpec;

use super::*;
use crate::{
    Augment, DeviceChoice, Host, ImageSize, Plan, RunError, RunFolder, Split, SplitError, Valid,
    plan::ASKED, train::decide as decide_run, weights::Pretrained,
};

/// A folder with colored pictures of this width and height.
fn pictures(files: &[(&str, usize, usize)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (file, width, height) in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        Picture::filled(*width, *height, [200, 30, 30]).save(&path).unwrap();
    }
    folder
}

/// From scratch: nothing is looked for in a cache or on a network.
fn settings(folder: &Path) -> Settings<Classify> {
    let mut settings = Settings::<Classify>::new(folder, "run");
    settings.task.image.pretrained = Some(Pretrained::No);
    settings
}

fn plan(settings: &Settings<Classify>) -> Result<Plan<Classify>> {
    Ok(decide_run(settings, &Job::quiet())?.0)
}

fn because<'a>(plan: &'a Plan<Classify>, setting: &str) -> &'a str {
    &plan.choices.iter().find(|choice| choice.setting == setting).unwrap().because
}

fn arch_of(plan: &Plan<Classify>) -> (&str, usize) {
    let ModelSpec::Image(arch) = &plan.task.model else { panic!("{:?}", plan.task.model) };
    (&arch.name, arch.classes)
}

fn epochs_of(plan: &Plan<Classify>) -> Vec<usize> {
    plan.fit.phases.iter().map(|phase| phase.epochs).collect()
}

#[test]
fn gray_digits_are_padded_and_never_flipped() {
    let folder = tempfile::tempdir().unwrap();
    let config = DigitsConfig { train_per_class: 12, test_per_class: 2, seed: 1 };
    write_digits(folder.path(), &config).unwrap();
    let plan = plan(&settings(folder.path())).unwrap();
    assert_eq!(plan.task.input.augment, Augment::Pad { pixels: 3 });
    assert_eq!((plan.task.input.channels, plan.task.input.size), (1, [28, 28]));
    assert_eq!(arch_of(&plan), ("resnetish", 10));
    let split = Split::Folders { train: "training".into(), valid: "testing".into() };
    assert_eq!(plan.task.split, split);
    assert!(because(&plan, "batch size").contains("15 steps per epoch for 120 training images"));
}

#[test]
fn photographs_are_cropped_and_flipped() {
    let files: Vec<(String, usize, usize)> = (0..10)
        .flat_map(|n| [(format!("cat/{n}.png"), 100, 90), (format!("dog/{n}.png"), 80, 200)])
        .collect();
    let files: Vec<_> = files.iter().map(|(file, w, h)| (file.as_str(), *w, *h)).collect();
    let folder = pictures(&files);
    let plan = plan(&settings(folder.path())).unwrap();
    assert_eq!(plan.task.input.augment, Augment::CropAndFlip);
    assert_eq!((plan.task.input.channels, plan.task.input.size), (3, [90, 90]));
    assert_eq!(arch_of(&plan), ("resnet-small", 2));
    assert_eq!(plan.task.split, Split::Random { share: 0.2 });
    assert_eq!(plan.fit.batch_size, 4);
}

#[test]
fn one_tiny_picture_does_not_decide_the_size() {
    let folder = pictures(&[("a/1.png", 1, 1), ("a/2.png", 70, 80), ("b/3.png", 90, 80)]);
    assert_eq!(plan(&settings(folder.path())).unwrap().task.input.size, [70, 70]);
}

#[test]
fn what_is_asked_for_is_done_and_written_down() {
    let files = ["a/1.png", "a/2.png", "a/3.png", "b/1.png", "b/2.png", "b/3.png"];
    let folder = pictures(&files.map(|file| (file, 20, 30)));
    let mut asked = settings(folder.path());
    let common = &mut asked.common;
    (common.epochs, common.lr, common.batch_size) = (Some(7), Some(0.5), Some(2));
    (common.accumulate, common.clip, common.seed) = (Some(3), Some(0.25), Some(9));
    common.valid = Some(Valid::Share(0.0));
    (common.workers, common.checkpoint_every) = (Some(0), Some(0));
    common.device = Some(DeviceChoice::Cpu);
    asked.task.oversample = Some(true);
    let image = &mut asked.task.image;
    (image.arch, image.pretrained) = (Some("basic".into()), Some(Pretrained::No));
    (image.size, image.exact_conv) = (Some(ImageSize([24, 24])), Some(true));
    (image.skip_bad, image.cache) = (Some(1), Some(0));
    let plan = plan(&asked).unwrap();
    assert_eq!((arch_of(&plan).0, epochs_of(&plan)), ("basic", vec![7]));
    assert_eq!((plan.task.input.size, plan.fit.batch_size, plan.seed), ([24, 24], 2, 9));
    assert_eq!((plan.fit.accumulate, plan.fit.clip), (3, Some(0.25)));
    assert_eq!((plan.task.oversample, plan.fit.exact_conv), (true, true));
    let host =
        Host { device: DeviceChoice::Cpu, workers: 0, checkpoint_every: 0, skip_bad: 1, cache: 0 };
    assert_eq!(plan.host, host);
    assert_eq!(plan.task.split, Split::Random { share: 0.0 });
    for setting in ["valid", "size", "arch", "batch size", "accumulate", "oversample", "epochs"] {
        assert_eq!(because(&plan, setting), ASKED, "{setting}");
    }

    let run = RunFolder::new(folder.path().join("run"));
    fs::create_dir(run.root()).unwrap();
    run.create(&plan, "").unwrap();
    assert_eq!(run.plan::<Classify>().unwrap(), plan, "all of it is in run.json");
}

#[test]
fn what_would_do_nothing_is_refused() {
    let folder = pictures(&[("a/1.png", 20, 20), ("b/1.png", 20, 20)]);
    let mut asked = settings(folder.path());
    asked.task.image.until = Some("layer3".into());
    let error = plan(&asked).unwrap_err().to_string();
    assert!(error.starts_with("`--until` has no effect here"), "{error}");
}

#[track_caller]
fn check_refused(files: &[&str], change: impl FnOnce(&mut Settings<Classify>), message: &str) {
    let folder = pictures(&files.iter().map(|file| (*file, 20, 20)).collect::<Vec<_>>());
    let mut asked = settings(folder.path());
    change(&mut asked);
    let error = plan(&asked).unwrap_err().to_string();
    assert!(error.contains(message), "{error}");
}

#[test]
fn too_little_to_train_on_is_refused() {
    check_refused(&["1.png"], |_| {}, "has no class folders");
    check_refused(&["a/1.png", "a/2.png"], |_| {}, "only one class, `a`");
    check_refused(&["train/a/1.png", "valid/b/1.png"], |_| {}, "train has only one class");
    let two = &["a/1.png", "b/1.png"];
    let valid = |share| {
        move |asked: &mut Settings<Classify>| asked.common.valid = Some(Valid::Share(share))
    };
    check_refused(two, valid(0.5), "too few training images: 1");
    check_refused(two, valid(0.2), "20 % of 2 images is less than one");
    let batches = |size| move |asked: &mut Settings<Classify>| asked.common.batch_size = Some(size);
    check_refused(two, batches(1), "a batch size of 1 does not work with 2 training images");
    check_refused(two, batches(3), "a batch size of 3 does not work with 2 training images");
}

#[test]
fn two_images_train_and_none_validates() {
    let folder = pictures(&[("a/1.png", 20, 20), ("b/1.png", 20, 20)]);
    let plan = plan(&settings(folder.path())).unwrap();
    assert_eq!((plan.task.split, plan.fit.batch_size), (Split::Random { share: 0.0 }, 2));
}

#[test]
fn a_run_folder_is_not_the_data() {
    let folder = pictures(&[("a/1.png", 20, 20), ("b/1.png", 20, 20)]);
    let mut asked = settings(folder.path());
    asked.common.out = Some(folder.path().join(".").into());
    let error = plan(&asked).unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(RunError::OutIsData { .. })), "{error}");
}

#[test]
fn a_folder_that_validates_is_beside_one_that_trains() {
    let files: Vec<String> = ["x", "y", "z"]
        .iter()
        .flat_map(|set| ["a/1.png", "b/2.png"].map(|file| format!("{set}/{file}")))
        .collect();
    let files: Vec<_> = files.iter().map(|file| (file.as_str(), 20, 20)).collect();
    let folder = pictures(&files);
    let mut asked = settings(folder.path());
    asked.common.valid = Some(Valid::Named("x".into()));
    let error = plan(&asked).unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(SplitError::NoSuchSet { .. })), "{error}");
}
