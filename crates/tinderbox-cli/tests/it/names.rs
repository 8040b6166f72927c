//! What files and classes are called is shown as it is, and nothing in it is obeyed.

#![cfg(unix)]

use std::fs;

use tinderbox::data::picture::Picture;

use crate::run::Place;

const CLASS: &str = "c\u{1b}[31mat\n\tx";

/// Images of two classes, one of which is called as nobody would.
fn place() -> Place {
    let place = Place::empty();
    for (class, blue) in [(CLASS, 0), ("dog", 200)] {
        fs::create_dir_all(place.path("photos").join(class)).unwrap();
        for n in 0..6u8 {
            let file = place.path("photos").join(class).join(format!("{n}.png"));
            Picture::filled(16, 16, [40 * n, 10 * n, blue + n]).save(file).unwrap();
        }
    }
    let train = ["train", "photos", "--out", "run", "--epochs", "4", "--size", "16"];
    let small = ["--batch-size", "4", "--workers", "0", "--pretrained", "none"];
    let said = place.run(&[&train[..], &small].concat()).code(0);
    is_obeyed_by_no_terminal(&said.out);
    is_obeyed_by_no_terminal(&said.err);
    let dry = place.run(&[&train[..2], &["--dry-run", "--size", "16"], &small].concat()).code(0);
    is_obeyed_by_no_terminal(&dry.out);
    place
}

#[track_caller]
fn is_obeyed_by_no_terminal(said: &str) {
    let obeyed = |c: &char| c.is_control() && !"\n\t\r".contains(*c);
    assert!(!said.chars().any(|c| obeyed(&c)), "{said:?}");
}

#[test]
fn names_with_escape_sequences_are_written_out_for_people_and_kept_for_programs() {
    let place = place();
    let file = format!("photos/{CLASS}/1.png");
    let files = ["predict", "run", &file, "photos/dog/1.png"];
    let said = place.run(&files).code(0).out;
    is_obeyed_by_no_terminal(&said);
    let lines: Vec<Vec<&str>> = said.lines().map(|line| line.split('\t').collect()).collect();
    assert!(lines.len() == 2 && lines.iter().all(|cells| cells.len() == 3), "{said}");
    assert!(lines[0][0].contains(r"c\u{1b}[31mat\n\tx/1.png"), "{said}");
    let json = place.run(&[&files[..], &["--json"]].concat()).code(0).json();
    assert_eq!(json[0]["file"], *file);
    assert!(json[0]["probabilities"].as_object().unwrap().contains_key(CLASS));

    let found = place.run(&["interpret", "run"]).code(0);
    is_obeyed_by_no_terminal(&found.out);
    assert!(found.out.contains(r"c\u{1b}[31mat\n\tx "), "{}", found.out);
    let plot = fs::read_to_string(place.path("run/interpretation/confusion.svg")).unwrap();
    assert!(!plot.contains('\u{1b}'), "an SVG file has no control characters");
    is_obeyed_by_no_terminal(&place.run(&["validate", "run"]).code(0).out);

    let wrong = [
        (["train", "gone\u{1b}[1m"], 1),
        (["summary", "gone\u{9b}1m"], 1),
        (["train\u{1b}[1m", "x"], 2),
    ];
    for (args, code) in wrong {
        is_obeyed_by_no_terminal(&place.run(&args).code(code).err);
    }
}

#[test]
fn the_list_of_a_runs_items_is_exact() {
    let place = place();
    place.run(&["train", "--out", "run", "--resume"]).code(0).says("had already finished");
    let class = place.path("photos").join(CLASS);
    fs::rename(class.join("1.png"), class.join("9.png")).unwrap();
    place.run(&["train", "--out", "run", "--resume"]).code(1).says("1.png is gone");
}
