//! Hints: what they tell to type works when it is typed as printed.
//!
//! A new hint with a command or a flag is checked against the command's help at once, by
//! `what_hints_name_exists`; add the situation that shows it to `SITUATIONS`, and it is typed, too.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use crate::run::Place;

/// The words between backticks.
fn in_backticks(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The commands and those of them that have commands of their own.
const COMMANDS: [&str; 18] = [
    "bench",
    "check",
    "completions",
    "config",
    "crappify",
    "data",
    "demo",
    "generate",
    "interpret",
    "lesson",
    "lr-find",
    "predict",
    "show-batch",
    "summary",
    "train",
    "train-lm",
    "validate",
    "weights",
];

/// The help of each command, with that of its own commands.
fn helps(place: &Place) -> BTreeMap<&'static str, String> {
    let mine = |command: &str| -> &[&str] {
        match command {
            "bench" => &["kernels", "list", "serve"],
            "config" => &["default", "schema", "show"],
            "data" => &["fetch", "list"],
            "lesson" => &["camvid", "human-numbers", "mnist"],
            "weights" => &["convert", "fetch", "list"],
            _ => &[],
        }
    };
    let help = |command: &'static str| {
        let mut text = place.run(&[command, "--help"]).code(0).out;
        for part in mine(command) {
            text += &place.run(&[command, part, "--help"]).code(0).out;
        }
        (command, text)
    };
    COMMANDS.into_iter().map(help).collect()
}

/// The source files of all crates, without what is below their tests.
fn sources() -> Vec<PathBuf> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("..")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            match path.is_dir() {
                true if ["tests", "target", "benches", "examples"].contains(&&*name) => {}
                true => folders.push(path),
                false if path.extension().is_some_and(|end| end == "rs") && name != "tests.rs" => {
                    files.push(path);
                }
                false => {}
            }
        }
    }
    files
}

#[test]
fn what_hints_name_exists() {
    let place = Place::empty();
    let helps = helps(&place);
    let takes = |flag: &str, command: Option<&str>| {
        let named =
            |text: &String| text.split([' ', ',', '\n', '[', ']', '=']).any(|word| word == flag);
        match command {
            Some(command) => named(&helps[command]),
            None => helps.values().any(named),
        }
    };
    let mut wrong = Vec::new();
    let mut seen = 0;
    for file in sources() {
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let code: Vec<&str> =
            code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        for line in code {
            for said in in_backticks(line) {
                let words: Vec<&str> = said.split_whitespace().collect();
                let command = match words[..] {
                    ["tinderbox", command, ..] => Some(command),
                    _ => None,
                };
                if command.is_some_and(|command| !helps.contains_key(command) && command != "{}") {
                    wrong.push(format!("{}: `{said}`", file.display()));
                    continue;
                }
                let command = command.filter(|command| *command != "{}");
                let flags = words.iter().filter(|word| word.starts_with("--") && word.len() > 2);
                let flags = flags.map(|flag| flag.split('=').next().unwrap_or(flag));
                for flag in flags.filter(|flag| !flag.contains('{')) {
                    seen += 1;
                    // What is said of Cargo and Git is none of ours.
                    if !takes(flag, command) && !["cargo", "git"].contains(&words[0]) {
                        wrong.push(format!("{}: {flag} of `{said}`", file.display()));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "hints name what does not exist:\n{}", wrong.join("\n"));
    assert!(seen > 50, "{seen} flags are too few: are the files read?");
}

/// What shows a hint, and how what it tells to type is completed.
struct Situation {
    /// What is done first.
    first: fn(&Place),
    /// What fails.
    command: &'static [&'static str],
    /// Part of the error.
    error: &'static str,
    /// What stands for what the user is to put in.
    fill: &'static [(&'static str, &'static str)],
}

const TINY: &[&str] = &["--epochs", "1", "--batch-size", "4", "--size", "16", "--workers", "0"];

fn trained(place: &Place) {
    let train = ["train", "my photos", "--out", "my run"];
    place.run(&[&train[..], TINY].concat()).code(0);
}

fn moved(place: &Place) {
    trained(place);
    fs::rename(place.path("my photos"), place.path("new place")).unwrap();
}

fn unfinished(place: &Place) {
    trained(place);
    fs::remove_file(place.path("my run/model.safetensors")).unwrap();
}

fn others(place: &Place) {
    fs::create_dir(place.path("my run")).unwrap();
    fs::write(place.path("my run/items.csv"), "mine").unwrap();
    fs::write(place.path("my plot.png"), "mine").unwrap();
}

fn torn(place: &Place) {
    fs::write(place.path("my photos/a/0.ppm"), "P6 16 16 255 ").unwrap();
}

fn nothing_held_out(place: &Place) {
    let train = ["train", "my photos", "--out", "my run", "--valid", "0"];
    place.run(&[&train[..], TINY].concat()).code(0);
}

/// The images in parts that may train or validate.
fn folds(place: &Place) {
    for (fold, class) in [("fold1", "a"), ("fold1", "b"), ("fold2", "a"), ("fold2", "b")] {
        for n in 0..3 {
            let n = if fold == "fold1" { n } else { n + 3 };
            let file = format!("{class}/{n}.ppm");
            place.copy(&format!("my photos/{file}"), &format!("my folds/{fold}/{file}"));
        }
    }
}

const FOLDS: &[&str] =
    &["train", "my folds", "--epochs", "1", "--batch-size", "2", "--size", "16", "--workers", "0"];

/// A table of texts with one more row.
fn table(place: &Place, row: &[u8]) {
    let rows: Vec<String> =
        (0..24).map(|n| format!("film {n} is {0} film,{0}\n", ["good", "bad"][n % 2])).collect();
    let table = [b"text,label\n", rows.concat().as_bytes(), row].concat();
    fs::write(place.path("my texts.csv"), table).unwrap();
}

fn latin(place: &Place) {
    table(place, b"a caf\xe9 film,good\n");
}

fn unlabelled(place: &Place) {
    table(place, b"one more,\n");
}

const TEXTS: &[&str] = &["train", "my texts.csv", "--epochs", "1", "--batch-size", "4"];

fn nothing(_: &Place) {}

const TRAIN: &[&str] = &[
    "train",
    "my photos",
    "--out",
    "my run",
    "--epochs",
    "1",
    "--batch-size",
    "4",
    "--size",
    "16",
    "--workers",
    "0",
];

/// With what `TRAIN` has, and more.
macro_rules! train {
    ($($more:expr),*) => {
        &["train", "my photos", "--out", "my run",  "--epochs", "1",
          "--size", "16", "--workers", "0", $($more),*]
    };
}

const SITUATIONS: &[Situation] = &[
    Situation { first: trained, command: TRAIN, error: "already has a finished run", fill: &[] },
    Situation { first: others, command: TRAIN, error: "is not a run folder, but has", fill: &[] },
    Situation {
        first: trained,
        command: &["train", "--out", "my run", "--resume", "--epochs", "3"],
        error: "was started with --epochs 1, not 3, and is finished",
        fill: &[],
    },
    Situation {
        first: moved,
        command: &["train", "--out", "my run", "--resume"],
        error: "is no longer in",
        fill: &[("FOLDER", "'new place'")],
    },
    Situation {
        first: moved,
        command: &["interpret", "my run"],
        error: "is no longer in",
        fill: &[("FOLDER", "'new place'")],
    },
    Situation {
        first: moved,
        command: &["validate", "my run"],
        error: "is no longer in",
        fill: &[("FOLDER", "'new place'")],
    },
    Situation {
        first: trained,
        command: &["interpret", "my run/model.safetensors"],
        error: "interpret takes a run folder",
        fill: &[],
    },
    Situation {
        first: unfinished,
        command: &["predict", "my run", "my photos/a/1.ppm"],
        error: "is not finished",
        fill: &[],
    },
    Situation {
        first: trained,
        command: &["generate", "my run"],
        error: "but this needs a language model",
        fill: &[("MODEL", "'my run'"), ("image.jpg", "'my photos/a/1.ppm'")],
    },
    Situation {
        first: nothing_held_out,
        command: &["validate", "my run"],
        error: "has no validation set",
        fill: &[("DATA", "'my photos'")],
    },
    Situation {
        first: others,
        command: &[
            "show-batch",
            "my photos",
            "--rows",
            "1",
            "--out",
            "my plot.png",
            "--batch-size",
            "4",
        ],
        error: "my plot.png exists already",
        fill: &[],
    },
    Situation {
        first: nothing,
        command: &["train", "my photos", "--out", "my photos", "--epochs", "1"],
        error: "cannot be the run folder",
        fill: &[],
    },
    Situation {
        first: nothing,
        command: &["train", "my photos", "--out", "my photos/a", "--epochs", "1"],
        error: "is inside the data folder",
        fill: &[],
    },
    Situation {
        first: nothing,
        command: train!["--batch-size", "4", "--valid", "0.001"],
        error: "is less than one",
        fill: &[],
    },
    Situation {
        first: nothing,
        command: train!["--batch-size", "4", "--valid", "0", "--keep", "best"],
        error: "has no effect here",
        fill: &[],
    },
    Situation { first: torn, command: TRAIN, error: "cannot be used", fill: &[] },
    Situation { first: folds, command: FOLDS, error: "look like sets", fill: &[] },
    Situation { first: latin, command: TEXTS, error: "is not UTF-8", fill: &[] },
    Situation { first: unlabelled, command: TEXTS, error: "cannot be used", fill: &[] },
    Situation {
        first: others,
        command: &["check", "my photos", "--html", "my plot.png"],
        error: "my plot.png exists already",
        fill: &[],
    },
    Situation {
        first: others,
        command: &["check", "my photos", "--fix", "my run"],
        error: "my run is not empty",
        fill: &[("FOLDER", "'new place'")],
    },
];

/// A folder with a blank in its name, and images.
fn place() -> Place {
    let place = Place::empty();
    for class in ["a", "b"] {
        let folder = place.path("my photos").join(class);
        fs::create_dir_all(&folder).unwrap();
        for n in 0..6u8 {
            let pixel = |at: u8| [40 * n, at, if class == "a" { at } else { 255 - at }];
            let pixels: Vec<u8> = (0..=255).flat_map(pixel).collect();
            let bytes = [b"P6 16 16 255 ", &pixels[..]].concat();
            fs::write(folder.join(format!("{n}.ppm")), bytes).unwrap();
        }
    }
    place
}

/// A flag that is told with what it takes, or takes nothing.
fn is_typed(words: &[&str]) -> bool {
    words.len() > 1 || ["--force", "--resume"].contains(&words[0])
}

#[cfg(unix)]
#[test]
fn what_hints_tell_works_as_it_is_printed() {
    for Situation { first, command, error, fill } in SITUATIONS {
        let start = || {
            let place = place();
            first(&place);
            let ended = place.run(command).code(1).says(error);
            (place, ended)
        };
        let (there, ended) = start();
        let hint = ended.err.split("hint: ").nth(1).unwrap_or_else(|| panic!("{}", ended.err));
        let mut typed = 0;
        for said in in_backticks(hint) {
            let said =
                fill.iter().fold(said.to_owned(), |said, (name, value)| said.replace(name, value));
            let words: Vec<&str> = said.split_whitespace().collect();
            // What was typed before, with the flags that are told in the place of the same.
            let line = match words[..] {
                ["tinderbox", _, _, ..] => said.clone(),
                [flag, ..] if flag.starts_with("--") && is_typed(&words) => {
                    let told: Vec<&str> =
                        words.iter().filter(|word| word.starts_with("--")).copied().collect();
                    let mut kept = vec!["tinderbox".to_owned()];
                    let mut at = 0;
                    while at < command.len() {
                        match told.contains(&command[at]) {
                            true => at += 2,
                            false => {
                                kept.push(format!("'{}'", command[at]));
                                at += 1;
                            }
                        }
                    }
                    format!("{} {said}", kept.join(" "))
                }
                _ => continue,
            };
            typed += 1;
            // Each is typed where nothing else was.
            let (place, _) = start();
            let root = |place: &Place| place.path("").display().to_string();
            place.shell(&line.replace(&root(&there), &root(&place))).code(0);
        }
        assert!(typed > 0 || !hint.contains('`') || hint.contains("leave it out"), "{hint}");
    }
}
