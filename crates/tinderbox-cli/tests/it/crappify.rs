//! Damaged copies of a folder of images.

use std::fs;

use serde_json::Value;
use tinderbox::data::{
    ConvertMode,
    image::{ImageInfo, Pixels},
    picture::Picture,
};

use crate::run::Place;

/// With three photographs, so to say, in folders, and a file that is none.
fn photos() -> Place {
    let place = Place::empty();
    fs::create_dir_all(place.path("photos/deep")).unwrap();
    for (name, height) in [("a.png", 130), ("deep/b.png", 150), ("deep/c.png", 170)] {
        let picture = Picture::filled(200, height, [200, 90, 30]);
        let shade = |x: usize, y: usize| ([20, 60, 200], (x + y) as f32 / 400.0);
        picture.tinted(shade).save(place.path("photos").join(name)).unwrap();
    }
    place
}

#[test]
fn copies_have_the_paths_of_their_images_and_the_seed_says_what_is_in_them() {
    let place = photos();
    let made = place.run(&["crappify", "photos", "--out", "bad"]).code(0);
    made.says("wrote 3 damaged copies to bad: resized to a shorter side of 96 pixels");
    for name in ["a.png", "deep/b.png", "deep/c.png"] {
        let info = ImageInfo::read(place.path("bad").join(name)).unwrap();
        assert!((95..=96).contains(&info.height), "{name}: {info:?}");
    }
    let read = |folder: &str| fs::read(place.path(folder).join("deep/c.png")).unwrap();
    place.run(&["crappify", "photos", "--out", "same", "--workers", "1"]).code(0);
    assert_eq!(read("same"), read("bad"));
    place.run(&["crappify", "photos", "--out", "other", "--seed", "43"]).code(0);
    assert_ne!(read("other"), read("bad"));
}

#[test]
fn sizes_qualities_and_steps_are_as_they_are_typed() {
    let place = photos();
    let like = |like: &str, more: &[&str]| {
        let args = [&["crappify", "photos", "--out", "out", "--force", "--like", like], more];
        let ended = place.run(&args.concat()).code(0);
        (ended, Pixels::open(place.path("out/deep/b.png"), ConvertMode::Rgb).unwrap())
    };
    let (_, small) = like("superres-96", &["--size", "60", "--quality", "20"]);
    assert_eq!([small.height, small.width], [60, 80]);
    let (_, gray) = like("gray", &[]);
    assert_eq!([gray.height, gray.width], [150, 200]);
    let is_gray = |pixel: &[u8]| pixel[0] == pixel[1] && pixel[1] == pixel[2];
    assert!(gray.bytes.chunks(3).all(is_gray));
    let (made, half) = like("shrink 2, noise 5..25", &["--json"]);
    assert_eq!([half.height, half.width], [75, 100]);
    let made: Value = serde_json::from_str(&made.out).unwrap();
    assert_eq!((&made["n"], &made["failed"]), (&3.into(), &Value::Array(Vec::new())));
    assert_eq!((&made["damage"], &made["seed"]), (&"shrink 2, noise 5..25".into(), &42.into()));
}

#[test]
fn a_file_that_cannot_be_read_is_named_and_the_others_are_made() {
    let place = photos();
    fs::write(place.path("photos/broken.jpg"), "no image").unwrap();
    let made = place.run(&["crappify", "photos", "--out", "bad", "--json"]).code(3);
    let made = made.says("photos/broken.jpg: ").says("wrote 3 damaged copies");
    let made = made.says("1 image could not be damaged");
    let made: Value = serde_json::from_str(&made.out).unwrap();
    assert_eq!(made["failed"][0]["path"], "photos/broken.jpg");
    assert!(place.path("bad/deep/b.png").exists() && !place.path("bad/broken.jpg").exists());
}

#[test]
fn nothing_is_written_over_and_nothing_among_the_images() {
    let place = photos();
    for out in ["photos", "photos/deep/bad", ".", "photos/../photos"] {
        let refused = place.run(&["crappify", "photos", "--out", out, "--force"]).code(1);
        refused.says("or the other way round").says("hint: write the copies to a folder beside");
    }
    fs::create_dir_all(place.path("bad")).unwrap();
    place.run(&["crappify", "photos", "--out", "bad"]).code(0);
    let again = place.run(&["crappify", "photos", "--out", "bad", "--seed", "1"]).code(1);
    again.says("bad is not empty").says("`--force`");
    place.run(&["crappify", "photos", "--out", "bad", "--seed", "1", "--force"]).code(0);
}

#[test]
fn damage_that_is_not_known_is_told_with_what_there_is() {
    let place = photos();
    let like =
        |like: &str| place.run(&["crappify", "photos", "--out", "x", "--like", like]).code(1);
    like("sharpen").says("unknown damage `sharpen`").says("superres-96").says("hint: name steps");
    like("jpeg 0..90").says("`jpeg 0..90`: expected a quality from 1 to 100");
    place.run(&["crappify", "none", "--out", "x"]).code(1).says("none is not a folder");
    place.run(&["crappify", "photos", "--out", "x", "--quality", "0"]).code(2);
    assert!(!place.path("x").exists());
}
