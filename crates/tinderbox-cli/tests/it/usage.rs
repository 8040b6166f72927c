//! What the command says when it is used wrongly.

use std::fs;

use crate::run::Place;

#[test]
fn wrong_usage_ends_with_2_and_says_what_was_meant() {
    let place = Place::new();
    place.run(&["trian"]).code(2).says("a similar subcommand exists: 'train'\n");
    place.run(&["evaluate"]).code(2).says("a similar subcommand exists: 'validate'\n");
    place.run(&["weights", "lst"]).code(2).says("a similar subcommand exists: 'list'\n");
    let unknown = place.run(&["bake"]).code(2).says("unrecognized subcommand 'bake'");
    assert!(!unknown.err.contains("similar"), "{}", unknown.err);
    place.run(&["train", "digits", "--epoch", "3"]).code(2).says("'--epochs'");
    place.run(&["train", "digits", "--learning-rate=3"]).code(2).says("'--lr'");
    place.run(&["predict", "run", "a.png", "--ot", "b.png"]).code(2).says("'--out'");
    let version = place.run(&["--version"]).code(0).out;
    assert_eq!(place.run(&["version"]).code(0).out, version);
    place.run(&["help", "train"]).code(0).says("Usage: tinderbox train");
    let wrong = place.run(&["train", "digits", "--lr", "-1", "--json"]).code(2).json();
    let message = wrong[0]["message"].as_str().unwrap();
    assert!(message.starts_with("invalid value '-1.0' for '--lr <LR>'"), "{message}");
    let missing = place.run(&["train", "--json"]).code(2).json();
    let message = missing[0]["message"].as_str().unwrap();
    assert!(message.starts_with("the following required arguments were not"), "{message}");
    let gone = place.run(&["predict", "gone", "a.png", "--json"]).code(1).json();
    assert_eq!(gone[0]["message"], "there is no file gone");
    place.run(&["train", "digits", "--lr", "-1"]).code(2);
    place.run(&["train", "digits", "--lr=nan"]).code(2).says("a number above 0, such as 0.01");
    place.run(&["train"]).code(2).says("DATA");
    place.run(&["train", "--resume"]).code(2).says("DATA");
    place
        .run(&["train", "digits", "--valid", "1.5"])
        .code(2)
        .says("not between 0 and 1; to hold out a fifth, write `0.2`");
    place.run(&["train", "digits", "--valid", "-0.1"]).code(2).says("not between 0 and 1");
    place.run(&["train", "digits", "--valid", "a/b"]).code(2).says("directly below the data");
    place.run(&["train", "digits", "--size", "100000"]).code(2).says("1 to 4096");
    place.run(&["train", "digits", "--workers", "100000000"]).code(2).says("from 0 to 1024");
    place.run(&["lr-find", "digits", "--plot", "lr.txt"]).code(2).says(".svg or .png");
    place.run(&["lr-find", "digits", "--plot", "no/lr.svg"]).code(2).says("no folder no");
    place.run(&["show-batch", "digits", "--out", "b.jpg"]).code(2).says("must end in .png");
    for zero in ["--channels", "--classes", "--size", "--batch-size"] {
        place.run(&["summary", "--arch", "basic", zero, "0"]).code(2).says("0 is not in 1..");
    }
    place.run(&[]).code(2).says("Usage: tinderbox [OPTIONS] <COMMAND>");
    place.run(&["--help"]).code(0).says("Exit codes: 0 success");
    place.run(&["completions", "bash"]).code(0).says("lr-find");
}

#[test]
fn weights_are_listed_in_80_columns() {
    let place = Place::new();
    let run = |more: &[&str]| place.run(&[&["weights", "list"], more].concat()).code(0).out;
    let list = run(&[]);
    assert!(list.lines().all(|line| line.chars().count() <= 80), "{list}");
    assert!(list.contains("resnet34       83.3 MB  -     torchvision's: 21.3 million"), "{list}");
    assert!(run(&["--long"]).contains("https://download.pytorch.org/models/resnet34-"));
    let json = run(&["--json"]);
    let lines = json.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let of = |name: &str| lines.clone().find(|line| line["name"] == name).unwrap();
    assert_eq!(
        (&of("vgg16_bn")["megabytes"], &of("vgg16_bn")["here"]),
        (&527.8.into(), &false.into())
    );
    assert!(of("basic")["megabytes"].is_null());
    // A file of one's own is as good.
    fs::create_dir_all(place.path("cache")).unwrap();
    fs::write(place.path("cache/resnet34.safetensors"), "").unwrap();
    assert!(run(&[]).contains("resnet34       83.3 MB  here"));
    place
        .run(&["weights", "fetch", "basic"])
        .code(1)
        .says("there are no official weights for `basic`")
        .says("for resnet18");
}

#[test]
fn completions_offer_what_flags_take() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = place.run(&["completions", shell]).code(0).out;
        for name in ["squeezenet1_1", "awd-lstm", "language-model", "refactor", "gpu"] {
            assert!(script.contains(name), "no {name} for {shell}");
        }
    }
}

/// As bash asks for them.
#[cfg(target_os = "linux")]
#[test]
fn bash_completes_values_files_and_folders() {
    let place = Place::new();
    let offered = |typed: &str| {
        let words: Vec<&str> = typed.split(' ').collect();
        let (last, before) = (words.len() - 1, words[words.len() - 2]);
        let script = format!(
            "source <($PROGRAM completions bash); COMP_WORDS=({typed}); COMP_CWORD={last}
             _tinderbox tinderbox '{}' '{before}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            words[last]
        );
        let mut bash = std::process::Command::new("bash");
        let bash = bash.args(["-c", &script]).current_dir(place.path(""));
        let output = bash.env("PROGRAM", env!("CARGO_BIN_EXE_tinderbox")).output().unwrap();
        let lines = String::from_utf8(output.stdout).unwrap();
        let mut offered: Vec<String> = lines.lines().map(str::to_owned).collect();
        offered.sort();
        offered
    };
    assert_eq!(offered("tinderbox train --arch squeeze"), ["squeezenet1_0", "squeezenet1_1"]);
    assert_eq!(offered("tinderbox train --task seg"), ["segment"]);
    assert_eq!(offered("tinderbox lesson mnist --model ref"), ["refactor"]);
    std::fs::write(place.path("none-of-ours.pth"), "").unwrap();
    assert_eq!(offered("tinderbox train --pretrained no"), ["none", "none-of-ours.pth"]);
    assert!(offered("tinderbox train --lr dig").iter().all(|one| one != "digits"));
}

#[test]
fn threads_are_a_number_above_0() {
    let place = Place::new();
    let with_variable = |threads: &str| {
        let mut command = place.command(&["completions", "bash"]);
        command.env("TINDERBOX_THREADS", threads).output().unwrap().status.code()
    };
    for wrong in ["0", "two", "-1", "100000"] {
        let threads = format!("--threads={wrong}");
        place.run(&["completions", "bash", &threads]).code(2).says("--threads <N>");
        place.run(&[&threads, "completions", "bash"]).code(2).says("--threads <N>");
        assert_eq!(with_variable(wrong), Some(2));
    }
    place.run(&["completions", "bash", "--threads", "3"]).code(0);
    assert_eq!(with_variable("2"), Some(0));
}

#[test]
fn wrong_settings_end_with_1_and_a_hint() {
    let place = Place::new();
    place
        .run(&["train", "digits", "--arch", "resnettish"])
        .code(1)
        .says("error: there is no architecture `resnettish`")
        .says("hint: did you mean `resnetish`?");
    place
        .run(&["train", "nowhere"])
        .code(1)
        .says("nowhere is not a folder")
        .says("hint: name a folder");
    place.run(&["train", "digits", "--valid", "held-out"]).code(1).says("training/");
    fs::create_dir(place.path("empty")).unwrap();
    place.run(&["train", "empty"]).code(1).says("no images in ");
    place
        .run(&["train", "digits", "--out", "new", "--resume"])
        .code(1)
        .says("new is not a run folder");
    place
        .run(&["lesson", "mnist", "--data", "digits", "--model", "resnet-small"])
        .code(1)
        .says("not one of the models of this notebook");
    place
        .run(&["lesson", "mnist", "--data", "digits", "--model", "resnet"])
        .code(1)
        .says("hint: choose one of basic, refactor, resnetish");
    place.run(&["lesson", "mnist", "--data", "empty"]).code(1).says("empty is not MNIST");
}

/// What is too few to train on, or to hold anything out of.
#[test]
fn too_few_pictures_are_said_before_anything_is_made() {
    let place = Place::new();
    let train =
        |more: &[&str]| place.run(&[&["train", "digits", "--out", "run"][..], more].concat());
    train(&["--batch-size", "1"])
        .code(1)
        .says("a batch size of 1 does not work with 320")
        .says("from 2");
    train(&["--batch-size", "321"]).code(1).says("to 320, as partial training batches are dropped");
    train(&["--valid", "0.1%"])
        .code(1)
        .says("0.1 % of 400 images is less than one")
        .says("`--valid 0`");
    place.run(&["train", "digits", "--out", "digits/"]).code(1).says("digits is the data folder");
    assert!(!place.path("run").exists() && !place.path("digits/run.json").exists());

    for class in ["a", "b"] {
        place.copy("digits/testing/0/0.png", &format!("two/{class}/1.png"));
    }
    let two = ["train", "two", "--epochs", "1", "--out", "of-two"];
    place
        .run(&two)
        .code(0)
        .says("are too few to hold any out")
        .says("1 step per epoch for 2 training images");
}

#[test]
fn what_lies_outside_the_class_folders_is_left_out_and_said() {
    let place = Place::new();
    let digit = "digits/testing/0/0.png";
    for file in ["training/stray.png", "extra/0/1.png"] {
        place.copy(digit, &format!("digits/{file}"));
    }
    fs::create_dir(place.path("digits/training/empty")).unwrap();
    let train = ["train", "digits", "--out", "run", "--epochs", "1"];
    place
        .run(&train)
        .code(0)
        .says("skipped 2 images that are in no class folder of training/ or testing/, such as extra/0/1.png")
        .says("training/empty/ has no images");

    place.copy(digit, "digits/testing/only-here/1.png");
    place
        .run(&["train", "digits", "--out", "other"])
        .code(1)
        .says("labels that are not in the training set: only-here")
        .says("every class needs training items");
    assert!(!place.path("other").exists(), "nothing was begun");
}

#[test]
fn unreadable_files_are_listed_before_training_or_left_out() {
    let place = Place::new();
    for (name, bytes) in [("a.png", &b""[..]), ("b.png", b"<html>404</html>")] {
        fs::write(place.path("digits/training/3").join(name), bytes).unwrap();
    }
    place
        .run(&["train", "digits", "--out", "run"])
        .code(1)
        .says("2 of 402 files cannot be used")
        .says("training/3/a.png")
        .says("training/3/b.png")
        .says("--skip-bad 2");
    assert!(!place.path("run").exists(), "nothing was begun");
    place
        .run(&["train", "digits", "--out", "run", "--skip-bad", "2", "--epochs", "1"])
        .code(0)
        .says("skipped 2 unreadable files");
}
