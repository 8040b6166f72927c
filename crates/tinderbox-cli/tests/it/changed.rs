//! Data that has changed, or moved, between a run and what is done with it later.

use std::{fmt::Write, fs};

use crate::run::{Ended, Place};

/// An image whose length does not depend on what is in it.
fn image(place: &Place, file: &str, [r, g, b]: [u8; 3]) {
    let path = place.path(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let pixels = [r, g, b].repeat(16 * 16);
    fs::write(path, [b"P6 16 16 255 ", &pixels[..]].concat()).unwrap();
}

/// A mask, half of it of the class 1.
fn mask(place: &Place, file: &str, first: bool) {
    let path = place.path(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let [a, b] = [u8::from(first), u8::from(!first)];
    fs::write(path, [b"P5 16 16 255 ", &[a].repeat(128)[..], &[b].repeat(128)].concat()).unwrap();
}

/// Changes a place of two files.
fn swap(place: &Place, a: &str, b: &str) {
    let [a, b] = [place.path(a), place.path(b)];
    let (in_a, in_b) = (fs::read(&a).unwrap(), fs::read(&b).unwrap());
    assert_eq!(in_a.len(), in_b.len());
    fs::write(a, in_b).unwrap();
    fs::write(b, in_a).unwrap();
}

fn resume(place: &Place, more: &[&str]) -> Ended {
    place.run(&[&["train", "--out", "run", "--resume"], more].concat())
}

const SMALL: [&str; 8] =
    ["--epochs", "1", "--batch-size", "4", "--workers", "0", "--pretrained", "none"];

fn photos() -> Place {
    let place = Place::empty();
    for n in 0..6 {
        image(&place, &format!("photos/a/{n}.ppm"), [40 * n, 20, 3]);
        image(&place, &format!("photos/b/{n}.ppm"), [7, 40 * n, 200]);
    }
    let train = ["train", "photos", "--size", "16", "--out", "run"];
    place.run(&[&train[..], &SMALL].concat()).code(0);
    place
}

#[test]
fn images_that_have_changed_are_named_before_any_other_error() {
    let place = photos();
    resume(&place, &[]).code(0);
    swap(&place, "photos/a/1.ppm", "photos/b/2.ppm");
    resume(&place, &[])
        .code(1)
        .says("the images have changed since the run began: a/1.ppm has changed, as is another");
    swap(&place, "photos/a/1.ppm", "photos/b/2.ppm");
    resume(&place, &[]).code(0);
    // A class of one image, which may be in the validation set alone.
    image(&place, "photos/c/1.ppm", [1, 2, 3]);
    resume(&place, &[]).code(1).says("the images have changed").says("c/1.ppm is new");
    fs::remove_dir_all(place.path("photos/c")).unwrap();
    fs::rename(place.path("photos/a/5.ppm"), place.path("photos/a/6.ppm")).unwrap();
    resume(&place, &[]).code(1).says("a/5.ppm is gone");
    fs::rename(place.path("photos/a/6.ppm"), place.path("photos/a/5.ppm")).unwrap();
    fs::rename(place.path("photos/a"), place.path("photos/x")).unwrap();
    resume(&place, &[]).code(1).says("a/0.ppm is gone, as are 5 others");
}

#[test]
fn images_that_a_model_was_trained_on_are_known_wherever_they_are() {
    let place = photos();
    for class in ["a", "b"] {
        for n in 0..6 {
            let name = format!("{class}/{n}.ppm");
            place.copy(&format!("photos/{name}"), &format!("copy/{name}"));
        }
    }
    place.run(&["validate", "run", "copy"]).code(0).says("the model was trained on 10 of these 12");
}

#[test]
fn masks_that_have_changed_are_noticed_and_those_that_have_moved_are_not() {
    let place = Place::empty();
    for n in 0..6 {
        image(&place, &format!("images/{n}.ppm"), [40 * n, 20, 3]);
        mask(&place, &format!("masks/{n}.pgm"), n % 2 == 0);
    }
    fs::write(place.path("codes.txt"), "ground\nthing\n").unwrap();
    let train = ["train", "--images", "images", "--masks", "masks", "--out", "run"];
    let small = ["--size", "16", "--arch", "resnet-small"];
    place.run(&[&train[..], &small, &SMALL].concat()).code(0);
    swap(&place, "masks/0.pgm", "masks/1.pgm");
    resume(&place, &[]).code(1).says("the mask 0.pgm has changed");
    swap(&place, "masks/0.pgm", "masks/1.pgm");
    fs::create_dir(place.path("moved")).unwrap();
    fs::rename(place.path("images"), place.path("moved/pictures")).unwrap();
    fs::rename(place.path("masks"), place.path("moved/masks")).unwrap();
    let moved = ["--images", "moved/pictures", "--masks", "moved/masks"];
    place.run(&[&["interpret", "run"][..], &moved].concat()).code(0);
    resume(&place, &moved).code(0).says("had already finished");
    resume(&place, &[]).code(0);
}

#[test]
fn rows_of_a_table_and_the_vocabulary_are_noticed_too() {
    let place = Place::empty();
    let mut table = String::from("text,label,is_valid\n");
    for n in 0..12 {
        let (word, label) = if n % 2 == 0 { ("good", "pos") } else { ("dull", "neg") };
        writeln!(table, "a {word} film it was a {word} film,{label},{}", n > 8).unwrap();
    }
    fs::write(place.path("reviews.csv"), &table).unwrap();
    let train = ["train", "reviews.csv", "--epochs", "1", "--batch-size", "4", "--out", "run"];
    place.run(&train).code(0);
    resume(&place, &[]).code(0);

    let other = table.replacen("a dull film it was", "a film dull was it", 1);
    fs::write(place.path("reviews.csv"), other).unwrap();
    resume(&place, &[])
        .code(1)
        .says("the texts have changed since the run began: row 2 has changed");
    let other = table.replacen("film,pos,false", "film,neg,false", 1);
    fs::write(place.path("reviews.csv"), other).unwrap();
    resume(&place, &[]).code(1).says("row 1 had the label `pos` and has `neg`");

    fs::remove_file(place.path("reviews.csv")).unwrap();
    fs::create_dir(place.path("data")).unwrap();
    fs::write(place.path("data/films.csv"), &table).unwrap();
    resume(&place, &["data/films.csv"]).code(0).says("had already finished");
    // A setting that is not the run's is refused for texts as for images.
    for (flag, value) in
        [("--lr", "5"), ("--dropout", "0.9"), ("--label", "x"), ("--text", "x"), ("--valid", "0.5")]
    {
        resume(&place, &[flag, value]).code(1).says(&format!("was started with {flag} "));
    }

    let vocab = fs::read_to_string(place.path("run/vocab.json")).unwrap();
    let less = vocab.replacen("\"dull\"", "\"dul\"", 1);
    assert_ne!(vocab, less, "{vocab}");
    fs::write(place.path("run/vocab.json"), less).unwrap();
    resume(&place, &[]).code(1).says("the texts have changed");
}

#[cfg(unix)]
#[test]
fn a_run_whose_folder_is_removed_is_an_error_that_saves_the_model() {
    let place = photos();
    let train =
        ["train", "photos", "--size", "16", "--out", "gone", "--epochs", "100000", "--json"];
    let mut command = place.command(&[&train[..], &SMALL[2..]].concat());
    let child = command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
    let child = child.spawn().unwrap();
    let folder = place.path("gone");
    while !folder.join("history.csv").is_file() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    // What is written at this moment may be in the way.
    while fs::remove_dir_all(&folder).is_err() {}
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("the run folder gone was removed while the run was training"), "{said}");
    assert!(said.contains("`tinderbox summary gone-rescued-1.safetensors`"), "{said}");
    assert!(!folder.exists());
    place.run(&["predict", "gone-rescued-1.safetensors", "photos/a/1.ppm"]).code(0);
}

#[test]
fn what_a_training_refuses_a_dry_run_refuses() {
    let place = photos();
    let both = |more: &[&str], said: &str| {
        let train = [&["train", "photos", "--size", "16"][..], &SMALL, more].concat();
        place.run(&train).code(1).says(said);
        place.run(&[&train[..], &["--dry-run"]].concat()).code(1).says(said);
    };
    both(&["--valid", "0", "--early-stop", "2"], "`--early-stop` has no effect here");
    both(&["--valid", "0", "--keep", "best"], "`--keep` has no effect here");
    both(&["--out", "run"], "run already has a finished run");
}
