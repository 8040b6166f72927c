//! A folder with the files that the examples name, as small as may be.

use std::fs;

use tinderbox::data::{
    digits::{DigitsConfig, write_digits},
    image::save_mask,
    picture::{Palette, Picture},
    text::number_in_words,
};

use crate::run::Place;

const CODES: [&str; 2] = ["ground", "thing"];

/// With data of all kinds, and no run.
pub(super) fn example_place() -> Place {
    let place = Place::empty();
    for (set, n) in [("train", 8), ("valid", 2), ("test", 2)] {
        for at in 0..n {
            let file = format!("{set}/{}/{at}", ["cat", "dog"][at % 2]);
            write_image(&place, &format!("photos/{file}.jpg"), at);
            write_mask(&place, &format!("masks/{file}.png"), at);
        }
    }
    let listed = |at: usize| format!("train/{0}/{at}.jpg,{0}", ["cat", "dog"][at % 2]);
    let listed: Vec<String> = (0..8).map(listed).collect();
    fs::write(place.path("labels.csv"), format!("file,label\n{}\n", listed.join("\n"))).unwrap();
    for at in 0..12 {
        write_image(&place, &format!("other-photos/{}/{at}.jpg", ["cow", "horse"][at % 2]), at);
    }
    for at in 0..4 {
        for (images, masks) in [("train", "trainannot"), ("val", "valannot")] {
            write_image(&place, &format!("camvid/{images}/{at}.png"), at);
            write_mask(&place, &format!("camvid/{masks}/{at}.png"), at);
        }
        write_image(&place, &format!("test/images/{at}.jpg"), at);
        write_mask(&place, &format!("test/masks/{at}.png"), at);
    }
    for codes in ["codes.txt", "camvid/codes.txt", "test/codes.txt"] {
        fs::write(place.path(codes), CODES.join("\n")).unwrap();
    }
    let single = ["new.jpg", "old.jpg", "image.jpg", "street.jpg", "new/deep/1.jpg"];
    for (at, file) in single.iter().enumerate() {
        write_image(&place, file, at);
    }
    for at in 0..6 {
        write_image(&place, &format!("blurred/{at}.jpg"), at + 1);
        write_image(&place, &format!("sharp/{at}.jpg"), at);
    }
    let digits = DigitsConfig { train_per_class: 32, test_per_class: 4, seed: 1 };
    write_digits(place.path("mnist_png"), &digits).unwrap();

    let numbers: Vec<String> = (1..120).map(number_in_words).collect();
    for file in ["shakespeare.txt", "sonnets.txt", "tweets.txt"] {
        fs::write(place.path(file), numbers.join(", ")).unwrap();
    }
    let words = [("good", "positive"), ("bad", "negative")];
    let row = |at: usize| {
        let (word, label) = words[at % 2];
        format!("A {word} {word} film it is,{label},{word} one,I saw a {word} film")
    };
    let reviews = |rows| {
        let rows: Vec<String> = (0..rows).map(row).collect();
        format!("review,sentiment,title,body\n{}\n", rows.join("\n"))
    };
    fs::write(place.path("reviews.csv"), reviews(40)).unwrap();
    fs::write(place.path("new.csv"), reviews(3)).unwrap();
    place
}

/// A square of the color of one of two classes, darker from left to right.
fn write_image(place: &Place, file: &str, at: usize) {
    let light = 150 + 8 * at as u8;
    let color = [[light, 60, 40], [40, 60, light]][at % 2];
    let path = place.path(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let picture = Picture::filled(24, 24, color);
    // The name says JPEG; what is read is told by its first bytes.
    picture.tinted(|x, _| ([0; 3], x as f32 / 24.0)).save(path).unwrap();
}

/// A mask whose upper rows are the first class.
fn write_mask(place: &Place, file: &str, at: usize) {
    let codes: Vec<u8> = (0..24 * 24).map(|pixel| u8::from(pixel / 24 > 8 + at)).collect();
    let path = place.path(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    save_mask(path, &codes, [24, 24], &Palette::of(&CODES.map(str::to_owned))).unwrap();
}

/// The runs and models that examples of commands begin with.
pub(super) fn train_runs(place: &Place) {
    let small = ["--size", "24", "--arch", "resnet-small", "--batch-size", "4"];
    let small_lm = ["--embedding", "8", "--hidden", "8", "--layers", "1", "--batch-size", "2"];
    let streets = ["--images", "photos", "--masks", "masks", "--codes", "codes.txt"];
    let train = |out: &str, data: &[&str], more: &[&str]| {
        let end = ["--epochs", "1", "--workers", "0", "--out", out];
        place.run(&[data, more, &end].concat()).code(0);
    };
    train("runs/photos", &["train", "photos"], &small);
    train("runs/streets", &[&["train"], &streets[..]].concat(), &small);
    train(
        "runs/restore",
        &["train", "restore", "photos"],
        &["--size", "32", "--arch", "resnet-small"],
    );
    train("runs/lm", &["train-lm", "reviews.csv", "--text", "review"], &small_lm);
    for run in ["runs/shakespeare", "runs/wikipedia"] {
        train(run, &["train-lm", "shakespeare.txt"], &small_lm);
    }
    let reviews = ["train", "reviews.csv", "--text", "review", "--label", "sentiment"];
    train("runs/reviews", &reviews, &["--from-lm", "runs/lm", "--batch-size", "4"]);

    place.copy("runs/photos/run.toml", "run.toml");
    place.copy("runs/photos/model.safetensors", "runs/other/model.safetensors");
    // The tests of the library read files as PyTorch writes them.
    for model in ["model.safetensors", "mine.pth", "resnet34-b627a593.pth"] {
        place.copy("runs/photos/model.safetensors", model);
    }
}
