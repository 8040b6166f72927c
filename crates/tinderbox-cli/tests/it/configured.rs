//! Settings from files, and trainings that are looked at before they are done.

use std::fs;

use serde_json::{Value, json};
use tinderbox::TASKS;
use tinderbox_golden::schema_errors;

use crate::run::{Place, TRAIN};

fn model(place: &Place, run: &str) -> Vec<u8> {
    fs::read(place.path(run).join("model.safetensors")).unwrap()
}

#[test]
fn a_run_is_repeated_by_its_configuration_file() {
    let place = Place::new();
    place.run(&TRAIN).code(0);
    let again = ["train", "--config", "run/run.toml", "--out", "again"];
    place.run(&again).code(0);
    assert!(model(&place, "run") == model(&place, "again"), "the same bits");
    // Flags win over the file.
    // The run folder stands for its file.
    let other = ["train", "--config", "run", "--out", "other", "--epochs", "1"];
    place.run(&other).code(0).says("finished 1 epoch");
    assert!(model(&place, "run") != model(&place, "other"));
}

#[test]
fn configuration_files_are_checked() {
    let place = Place::new();
    let with = |text: &str| {
        fs::write(place.path("my.toml"), text).unwrap();
        place.run(&["train", "digits", "--config", "my.toml", "--out", "run"])
    };
    with("epoch = 3").code(1).says("there is no setting `epoch`").says("did you mean `epochs`?");
    with("epochs = 0").code(1).says("`epochs` is 0: expected a whole number of at least 1");
    with("task = \"clasify\"").code(1).says("there is no task `clasify`").says("segment");
    with("lr = nan").code(1).says("`lr` is nan: expected a finite number");
    with("epochs = \"3\"").code(1).says("my.toml: `epochs` is `3`: expected a whole number");
    with("task = \"segment\"").code(1).says("has a mask");
    let other = ["train", "digits", "--task", "classify", "--config", "my.toml"];
    place.run(&other).code(1).says("my.toml is for the task `segment`, not `classify`");
    with("epochs =").code(1).says("my.toml is not a configuration file");
    assert!(!place.path("run").exists());
    place.run(&["config", "show", "my.toml"]).code(1).says("is not a configuration file");
    place.run(&["config", "default", "nothing"]).code(2).says("language-model");
    let schema = place.run(&["config", "schema", "segment"]).code(0).out;
    let schema: Value = serde_json::from_str(&schema).unwrap();
    assert!(schema["properties"]["batch_size"]["description"].is_string());
    place.run(&["config", "default", "segment"]).code(0).says("seed = 42").says("# masks = …");
    with("epochs = 1").code(0);
    place.run(&["config", "show", "run"]).code(0).says("epochs = 1").says("arch = \"resnetish\"");
}

#[test]
fn a_dry_run_shows_what_would_be_done_and_does_nothing() {
    let place = Place::new();
    let dry = ["train", "digits", "--out", "run", "--dry-run"];
    place
        .run(&dry)
        .code(0)
        .says("320 images for training, 80 for validation")
        .says("Total params: 41132")
        .says("memory per step")
        .says("time per epoch");
    let lines = place.run(&[&dry[..], &["--json"]].concat()).code(0).json();
    let found = lines.last().unwrap();
    let three = &found["classes"][3];
    assert_eq!((&three["train"], &three["valid"]), (&32.into(), &8.into()));
    assert!(found["step_seconds"].as_f64().unwrap() > 0.0, "{found}");
    assert!(!place.path("run").exists());
}

#[test]
fn a_device_that_is_not_there_is_refused() {
    let place = Place::new();
    let train = ["train", "digits", "--out", "run", "--epochs", "1", "--device"];
    let run = |device: &str| place.run(&[&train[..], &[device]].concat());
    run("tpu").code(2).says("`gpu:1` for the second GPU");
    run("cpu").code(0).says("CPU – as given");
}

/// Every task's default file is valid by its schema, which notices what is not.
#[test]
fn default_files_are_valid_by_their_schemas() {
    let place = Place::new();
    for task in TASKS {
        let of = |what: &str| place.run(&["config", what, task.about().name]).code(0).out;
        let schema: Value = serde_json::from_str(&of("schema")).unwrap();
        let default: Value = toml::from_str(&of("default")).unwrap();
        assert_eq!(default["task"], task.about().name);
        assert_eq!(schema_errors(&schema, &default), [""; 0]);
        for wrong in [json!({ "epoch": 3 }), json!({ "epochs": 0 }), json!({ "lr": "fast" })] {
            assert!(!schema_errors(&schema, &wrong).is_empty(), "{wrong}");
        }
    }
}

/// A value of each setting of a task that no run of these tests has.
fn another(key: &str) -> Option<&'static str> {
    Some(match key {
        "valid" => "0.33",
        "keep" => "best",
        "epochs" | "early_stop" | "unfreeze_epochs" | "batch_size" | "accumulate" | "min_freq"
        | "bptt" | "embedding" | "hidden" | "max_vocab" | "max_len" | "max_pixels" | "seed"
        | "size" => "77",
        "mask_name" => "{name}_v2.png",
        "encoding" => "latin-1",
        "bits" => "12",
        "layers" | "scale" => "7",
        "lr" | "clip" | "dropout" | "pct_start" | "threshold" => "0.77",
        "arch" => "resnet18",
        "pretrained" | "codes" | "from" | "until" | "void" | "text" | "label" | "file" => "other",
        "separator" => "#",
        "y_range" => "0,77",
        "exact_conv" | "oversample" | "self_attention" => "true",
        "reset_state" => "false",
        "damage" => "gray",
        "loss" => "ssim",
        "feature_net" => "vgg16_bn",
        "sizes" => "77,99",
        "tokens" => "characters",
        _ => return None,
    })
}

/// Every setting of a finished run's task, changed: only those of the machine may be.
#[track_caller]
pub(crate) fn check_resume(place: &Place, task: &str, run: &str) {
    let schema = place.run(&["config", "schema", task]).code(0).out;
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let mut refused = 0;
    for (key, property) in schema["properties"].as_object().unwrap() {
        let flag = format!("--{}", key.replace('_', "-"));
        let resume = ["train", "--out", run, "--resume"];
        match property.get("x-role").and_then(Value::as_str) {
            None if key == "task" => {}
            None => {
                let value =
                    another(key).unwrap_or_else(|| panic!("a value for `{key}` is missing"));
                let typed = format!("{flag}={value}");
                let ended = place.run(&[&resume[..], &[&typed]].concat()).code(1);
                ended.says(&format!("the run in {run} was started with")).says(&flag);
                refused += 1;
            }
            Some("host") => {
                let value = if key == "device" { "cpu" } else { "1" };
                place.run(&[&resume[..], &[&format!("{flag}={value}")]].concat()).code(0);
            }
            Some(_) => {}
        }
    }
    assert!(refused >= 7, "{task}: {refused} settings");
}

#[test]
fn no_setting_of_a_run_is_ignored_when_it_goes_on() {
    use tinderbox::data::scenes::{ScenesConfig, write_scenes};
    let place = Place::new();
    place.run(&TRAIN).code(0);
    check_resume(&place, "classify", "run");

    let config =
        ScenesConfig { train: 8, valid: 4, size: [32, 40], seed: 1, ..ScenesConfig::default() };
    write_scenes(place.path("scenes"), &config).unwrap();
    let masks = ["--images", "scenes/images", "--masks", "scenes/masks"];
    let small = ["--arch", "resnet-small", "--size", "16x20", "--epochs", "1", "--out", "masks"];
    place.run(&[&["train"], &masks[..], &small].concat()).code(0);
    check_resume(&place, "segment", "masks");

    let restore = ["train", "restore", "scenes/images", "--arch", "resnet-small", "--size", "32"];
    place.run(&[&restore[..], &["--epochs", "1", "--out", "restored"]].concat()).code(0);
    check_resume(&place, "enhance", "restored");

    let rows = ["name,number", "0,0.5", "1,0.1", "2,0.9", "3,0.4", "4,0.2", "5,0.3", "6,0.6"];
    fs::write(place.path("table.csv"), rows.join("\n")).unwrap();
    let table = ["train", "table.csv", "--images", "digits/training/7", "--epochs", "1"];
    place.run(&[&table[..], &["--out", "numbers"]].concat()).code(0);
    check_resume(&place, "regress", "numbers");
    // Data that is typed wins over the images of the file.
    place.run(&["train", "--config", "masks", "gone", "--out", "x"]).code(1).says("gone");

    let rows: Vec<String> =
        (0..40).map(|at| format!("a {0} {0} film,{0}", ["good", "bad"][at % 2])).collect();
    fs::write(place.path("reviews.csv"), format!("text,label\n{}", rows.join("\n"))).unwrap();
    let small = ["--embedding", "6", "--hidden", "8", "--layers", "1", "--bptt", "8"];
    let lm = ["train-lm", "reviews.csv", "--out", "lm", "--epochs", "1", "--batch-size", "4"];
    place.run(&[&lm[..], &small].concat()).code(0);
    check_resume(&place, "language-model", "lm");
    let texts = ["train", "reviews.csv", "--from-lm", "lm", "--out", "texts", "--epochs", "1"];
    place.run(&texts).code(0);
    check_resume(&place, "classify-texts", "texts");
}

/// Void counts as little in `validate` as it did in training.
#[test]
fn void_is_the_same_in_training_and_validation() {
    use tinderbox::data::scenes::{ScenesConfig, write_scenes};
    let place = Place::new();
    // Larger than the model sees them, so that both are made smaller alike.
    let config =
        ScenesConfig { train: 8, valid: 4, size: [48, 60], seed: 1, ..ScenesConfig::default() };
    write_scenes(place.path("scenes"), &config).unwrap();
    let codes = fs::read_to_string(place.path("scenes/codes.txt")).unwrap();
    assert!(codes.contains("Void"));
    for (at, void) in ["none", "Disc", "255"].into_iter().enumerate() {
        if void == "255" {
            mark_255(&place);
        }
        let out = format!("run-{at}");
        let train = ["train", "--images", "scenes/images", "--masks", "scenes/masks"];
        let small = ["--arch", "resnet-small", "--size", "24x30", "--epochs", "1"];
        let rest = ["--void", void, "--out", &out];
        place.run(&[&train[..], &small, &rest].concat()).code(0);
        let history = fs::read_to_string(place.path(&out).join("history.csv")).unwrap();
        let cells: Vec<&str> = history.lines().last().unwrap().split(',').collect();
        let valid = ["--images", "scenes/images/valid", "--masks", "scenes/masks/valid"];
        let ended = place.run(&[&["validate", &out], &valid[..]].concat()).code(0);
        ended.says(&format!("accuracy  {}", cells[3])).says(&format!("mean_iou  {}", cells[4]));
    }
}

/// Gives some pixels of each mask no class: 255, beside the class named Void.
fn mark_255(place: &Place) {
    use tinderbox::data::{
        Values,
        image::{open_mask, save_mask},
        picture::Palette,
    };
    for set in ["train", "valid"] {
        for entry in fs::read_dir(place.path("scenes/masks").join(set)).unwrap() {
            let file = entry.unwrap().path();
            let mask = open_mask(&file).unwrap();
            let Values::I64(codes) = &mask.values else { panic!("codes are whole numbers") };
            let mut codes: Vec<u8> = codes.iter().map(|code| *code as u8).collect();
            codes.iter_mut().step_by(7).for_each(|code| *code = 255);
            let palette = Palette::of(&(0..256).map(|code| code.to_string()).collect::<Vec<_>>());
            save_mask(&file, &codes, [mask.shape[1], mask.shape[2]], &palette).unwrap();
        }
    }
}
