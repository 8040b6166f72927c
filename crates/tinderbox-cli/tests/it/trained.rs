//! One run, and everything that is done with it.

use std::fs;

use serde_json::Value;

use crate::run::{Place, TRAIN};

#[test]
fn a_folder_becomes_a_model_that_is_used_in_every_way() {
    let place = Place::new();
    trains(&place);
    predicts(&place);
    validates(&place);
    interprets(&place);
    summarizes(&place);
    moves(&place);
    refuses(&place);
}

fn trains(place: &Place) {
    let lines = place.run(&TRAIN).code(0).json();
    let events: Vec<&str> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(events.first(), Some(&"plan"));
    assert_eq!(events.iter().filter(|event| **event == "epoch").count(), 3);
    let done = lines.last().unwrap();
    assert_eq!((&done["event"], &done["outcome"]), (&"done".into(), &"finished".into()));
    assert!(
        done["metrics"]["accuracy"].as_f64().unwrap() > 0.2,
        "ten classes by chance give 0.1: {done}"
    );
    for file in ["run.json", "run.toml", "items.csv", "history.csv", "losses.svg", "rates.svg"] {
        assert!(place.path("run").join(file).is_file(), "{file}");
    }
    let history = fs::read_to_string(place.path("run/history.csv")).unwrap();
    assert_eq!(history.lines().next(), Some("epoch,train_loss,valid_loss,accuracy,time"));
    assert_eq!(history.lines().count(), 4);
}

fn predicts(place: &Place) {
    let files = ["digits/testing/0/0.png", "digits/testing/7/3.png"];
    let text = place.run(&["predict", "run", files[0], files[1]]).code(0).out;
    let labels: Vec<&str> = text.lines().map(|line| line.split('\t').nth(1).unwrap()).collect();
    let json = place.run(&["predict", "run", files[0], files[1], "--json"]).code(0).json();
    for (line, label) in json.iter().zip(labels) {
        assert_eq!(line["label"], label);
        let probabilities = line["probabilities"].as_object().unwrap();
        let sum: f64 = probabilities.values().filter_map(Value::as_f64).sum();
        assert!(probabilities.len() == 10 && (sum - 1.0).abs() < 1e-5, "{line}");
    }
    // A picture of any size becomes one of the model's, never more answers than there are classes.
    place.run(&["show-batch", "digits", "--rows", "1", "--out", "large.png"]).code(0);
    let large = place.run(&["predict", "run", "large.png", "--json"]).code(0).json();
    assert_eq!(large[0]["probabilities"].as_object().unwrap().len(), 10, "{}", large[0]);
    fs::write(place.path("torn.png"), b"\x89PNG\r\n\x1a\n").unwrap();
    place
        .run(&["predict", "run", "torn.png", files[0], "gone.png"])
        .code(3)
        .says("cannot read torn.png as an image")
        .says("digits/testing/0/0.png\t")
        .says("cannot read gone.png");
    let json = place.run(&["predict", "run", "gone.png", files[0], "--json"]).code(3).json();
    assert!(json[0]["error"].as_str().unwrap().starts_with("cannot read gone.png"), "{}", json[0]);
    assert_eq!(json[1]["file"], files[0]);
    predicts_many(place, files[0]);
    predicts_awkward_names(place);
}

/// As they are named in a shell's stead, into a file.
fn predicts_many(place: &Place, file: &str) {
    let said = place.run(&["predict", "run", "digits/testing/**/[0-3].png"]).code(0);
    assert_eq!(said.out.lines().count(), 40, "{}", said.out);
    said.says("40 images in ");
    place.run(&["predict", "run", "digits/*.gif"]).code(1).says("no file matches digits/*.gif");
    let folder = place.run(&["predict", "run", "digits/testing", "--to", "r.csv"]).code(0);
    assert!(folder.out.is_empty(), "{}", folder.out);
    let table = fs::read_to_string(place.path("r.csv")).unwrap();
    let header = table.lines().next().unwrap();
    assert_eq!(header, "file,label,confidence,0,1,2,3,4,5,6,7,8,9,error");
    // One by one as among others, in the order of the files.
    let alone = place.run(&["predict", "run", file, "--to", "one.csv"]).code(0);
    assert!(!alone.err.contains("a second"), "{}", alone.err);
    let alone = fs::read_to_string(place.path("one.csv")).unwrap();
    let label = |line: &str| line.split(',').take(2).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(label(table.lines().nth(1).unwrap()), label(alone.lines().nth(1).unwrap()));
    let partly = place.run(&["predict", "run", "gone.png", file, "--to", "r.json"]).code(3);
    partly.says("error: cannot read gone.png");
    let text = fs::read_to_string(place.path("r.json")).unwrap();
    let array: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert!(array[0]["error"].is_string() && array[1]["label"].is_string(), "{text}");
    place
        .run(&["predict", "run", file, "--out", "m.png"])
        .code(1)
        .says("which an image classifier does not give");
    assert!(!place.path("m.png").exists());
    place.run(&["predict", "run", "r.csv"]).code(1).says("r.csv is a table");
    place.run(&["predict", "run", file, "--text", "a"]).code(1).says("`--text` has no effect here");

    let mut command = place.command(&["predict", "run", "-"]);
    let output = command.stdin(fs::File::open(place.path(file)).unwrap()).output().unwrap();
    let line = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && line.starts_with("-\t"), "{line}");
}

#[cfg(unix)]
fn predicts_awkward_names(place: &Place) {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    let names = [&b"line\nbreak.png"[..], b"not-utf8-\xff.png"].map(OsStr::from_bytes);
    for name in names {
        fs::copy(place.path("digits/testing/0/0.png"), place.path(name)).unwrap();
    }
    let run = |args: &[&str]| {
        let output = place.command(args).args(names).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let text = run(&["predict", "run"]);
    assert!(text.lines().count() == 2 && text.starts_with("line\\nbreak.png\t"), "{text}");
    let text = run(&["predict", "run", "--json"]);
    let line: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(line["file"], "line\nbreak.png");
    let train = ["train", "--epochs", "1", "--out", "of-bytes"];
    let folder = OsStr::from_bytes(b"data-\xff");
    fs::create_dir_all(place.path(folder).join("a")).unwrap();
    fs::copy(place.path(names[0]), place.path(folder).join("a/1.png")).unwrap();
    let output = place.command(&train).arg(folder).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("is not UTF-8"), "{output:?}");
}

#[cfg(not(unix))]
fn predicts_awkward_names(_: &Place) {}

fn validates(place: &Place) {
    let trained: f64 = fs::read_to_string(place.path("run/history.csv"))
        .ok()
        .and_then(|text| text.lines().last()?.split(',').nth(3)?.parse().ok())
        .unwrap();
    let scores = place.run(&["validate", "run", "digits/testing", "--json"]).code(0).json();
    assert_eq!((&scores[0]["items"], &scores[0]["unit"]), (&80.into(), &"images".into()));
    assert!(
        (scores[0]["metrics"]["accuracy"].as_f64().unwrap() - trained).abs() < 1e-6,
        "{}",
        scores[0]
    );
    assert_eq!(scores[0]["classes"][3]["class"], "3");
    assert_eq!(scores[0]["classes"][3]["n"], 8);
    place.run(&["validate", "run", "digits/testing"]).code(0).says("accuracy");
    let held_out = place.run(&["validate", "run", "--json"]).code(0);
    assert!(!held_out.err.contains("warning"), "{}", held_out.err);
    assert_eq!(held_out.json(), scores, "what was held out, without its name");
    place
        .run(&["validate", "run", "digits"])
        .code(0)
        .says("the model was trained on 320 of these 400 images")
        .says("`tinderbox validate run` evaluates the validation set");
    place
        .run(&["validate", "run", "--batch-size", "9"])
        .code(1)
        .says("with --batch-size 32, not 9");
    place
        .run(&["validate", "run/model.safetensors"])
        .code(1)
        .says("no data given")
        .says("name a folder or a file");

    place
        .run(&["validate", "run", "digits/testing/3"])
        .code(1)
        .says("every image is directly in it")
        .says("name the one above it");
    for file in ["other/ten/0.png", "other/3/0.png", "bad/3/0.png", "bad/0.png"] {
        place.copy("digits/testing/3/0.png", file);
    }
    place.run(&["validate", "run", "other"]).code(1).says("does not know: ten");
    for file in ["bad/3/1.png", "bad/4/2.png"] {
        place.copy("run/run.json", file);
    }
    let bad = ["validate", "run", "bad", "--skip-bad"];
    let all = place.run(&[&bad[..], &["1"]].concat()).code(1).says("2 of 3 files cannot be used");
    all.says("bad/3/1.png").says("bad/4/2.png");
    place
        .run(&[&bad[..], &["2"]].concat())
        .code(0)
        .says("skipped 1 of 4 images, which are in no class folder")
        .says("skipped 2 unreadable files")
        .says("images    1");
}

fn interprets(place: &Place) {
    let plain = place.run(&["interpret", "run", "--top-losses", "4", "--json"]).code(0).json();
    assert!(plain[0].get("activations").is_none());
    let picture = |name: &str| fs::read(place.path("run/interpretation").join(name)).unwrap();
    let worst = picture("top_losses.png");
    place
        .run(&["interpret", "run", "--top-losses", "4", "--heat", "--activations"])
        .code(0)
        .says("mean and standard deviation of layer outputs")
        .says("BatchNorm2d");
    assert!(worst != picture("top_losses.png"), "some of it is red");
}

fn summarizes(place: &Place) {
    let from_run = place.run(&["summary", "run", "--batch-size", "128"]).code(0).out;
    let args = ["--channels", "1", "--size", "28", "--classes", "10", "--batch-size", "128"];
    let of_arch = place.run(&[&["summary", "--arch", "resnetish"][..], &args].concat()).code(0).out;
    // A model file also says what it takes.
    let about = "gray images, resized to 28×28 by crop, normalized; 10 classes";
    assert_eq!(from_run, format!("{of_arch}\n{about}\n"));
    assert!(from_run.contains("Total params: 41132"), "{from_run}");
    let json = place.run(&["summary", "run", "--json"]).code(0).json().remove(0);
    assert_eq!(json["total"], 41_132);
    assert_eq!(json["layers"][0]["layer"], "Conv2d", "{json}");
    assert_eq!(json["about"], about);
}

/// The model file is all that is needed.
fn moves(place: &Place) {
    let file = "digits/testing/3/1.png";
    let from_run = place.run(&["predict", "run", file]).code(0).out;
    fs::copy(place.path("run/model.safetensors"), place.path("moved.safetensors")).unwrap();
    assert_eq!(place.run(&["predict", "moved.safetensors", file]).code(0).out, from_run);
}

fn refuses(place: &Place) {
    place
        .run(&TRAIN)
        .code(1)
        .says("error: run already has a finished run")
        .says("hint: keep it and train in another folder: `--out run-2`");
    place
        .run(&["train", "digits", "--out", "run", "--resume", "--lr", "0.5"])
        .code(1)
        .says("was started with --lr 0.05, not 0.5");
    fs::write(place.path("not.safetensors"), "text").unwrap();
    place
        .run(&["predict", "not.safetensors", "x.png"])
        .code(1)
        .says("error: not.safetensors: ")
        .says("hint: name a finished run folder");
    place
        .run(&["predict", "run/checkpoint.safetensors", "x.png"])
        .code(1)
        .says("it is a checkpoint, expected a model");
    place.run(&["predict", "gone", "x.png"]).code(1).says("there is no file gone").says("hint: ");
    place.run(&["predict", "digits", "x.png"]).code(1).says("there is no run.json in it");
}

#[test]
fn rates_are_looked_for_and_batches_shown() {
    let place = Place::new();
    place
        .run(&["lr-find", "digits", "--batches", "30", "--batch-size", "32", "--plot", "lr.svg"])
        .code(0)
        .says("suggested: in the longest valley")
        .says("where the loss falls most steeply")
        .says("wrote lr.svg");
    assert!(fs::read_to_string(place.path("lr.svg")).unwrap().contains("<svg"));
    place
        .run(&["lr-find", "digits", "--batches", "12", "--batch-size", "32"])
        .code(2)
        .says("12 is not in 20..");
    place.run(&["show-batch", "digits", "--rows", "2", "--out", "batch.png"]).code(0);
    assert!(fs::read(place.path("batch.png")).unwrap().starts_with(b"\x89PNG"));
    let shown = place.run(&["show-batch", "digits", "--json"]).code(0).json();
    assert_eq!(shown, [serde_json::json!({ "picture": "batch-2.png" })]);
}

#[test]
fn batches_make_a_step_together_and_classes_come_as_often() {
    let place = Place::new();
    let train = ["train", "digits", "--epochs", "1", "--out", "run", "--json"];
    let run = |more: &[&str]| place.run(&[&train[..], more].concat());
    run(&["--batch-size", "16", "--accumulate", "4", "--oversample"]).code(0);
    let plan = fs::read_to_string(place.path("run/run.json")).unwrap();
    for said in ["\"accumulate\": 4", "\"oversample\": true"] {
        assert!(plan.contains(said), "{plan}");
    }
    place
        .run(&["train", "--out", "run", "--resume", "--accumulate", "2"])
        .code(1)
        .says("was started with --accumulate 4, not 2");
}

/// A loss that is no number any more must not become a model that looks finished.
#[test]
fn a_training_that_breaks_down_is_an_error_and_makes_no_model() {
    let place = Place::new();
    let train = [&TRAIN[..], &["--lr", "1e12"]].concat();
    let ended = place.run(&train).code(1).says("training diverged: the loss is NaN at step");
    let lines = ended.says("hint: train with a lower learning rate").json();
    let last = lines.last().unwrap();
    assert_eq!(last["event"], "error");
    assert!(last["hint"].as_str().unwrap().contains("--lr 100000000000 --out run-2"), "{last}");
    place.run(&["train", "--out", "run", "--resume"]).code(1).says("training diverged");
    assert!(!place.path("run/model.safetensors").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn results_that_cannot_be_written_are_an_error() {
    let place = Place::new();
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = place.command(&["summary", "--arch", "basic"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("error: cannot write to standard output: "), "{said}");
}

#[test]
fn a_run_takes_the_next_free_folder_and_is_found_there() {
    let place = Place::new();
    let train = ["train", "digits", "-e", "1", "-b", "32"];
    place.run(&train).code(0).says("run folder: runs/digits");
    place.run(&train).code(0).says("run folder: runs/digits-2");
    place.run(&["train", "digits", "--resume"]).code(0).says("the model is in runs/digits-2");
    let lesson = ["lesson", "human-numbers", "--model", "0", "--epochs", "1"];
    place.run(&lesson).code(0).says("the model is in runs/lesson-human-numbers-0-42\n");
    place.run(&lesson).code(0).says("the model is in runs/lesson-human-numbers-0-42-2\n");
    // Other errors come before one about the folder.
    place
        .run(&["train", "digits", "--out", "runs/digits", "--batch-size", "999"])
        .code(1)
        .says("999");
}

/// `train … 2>&1 | head -n 1`.
#[cfg(unix)]
#[test]
fn a_training_goes_on_when_nobody_reads_on() {
    use std::process::Stdio;
    let place = Place::new();
    let mut child =
        place.command(&TRAIN[..8]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(place.path("run/model.safetensors").is_file());
}

#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_is_no_error() {
    use std::process::Stdio;
    let place = Place::new();
    let mut child = place
        .command(&["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
}
