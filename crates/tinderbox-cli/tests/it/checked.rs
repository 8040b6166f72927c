//! What `check` finds in data that problems were planted in.

use std::{env, fmt::Write, fs, path::Path};

use serde_json::Value;
use tinderbox::data::{
    ConvertMode, ImageItems,
    image::{Pixels, save_mask},
    picture::{Palette, Picture},
};

use crate::run::Place;

/// Blurred noise, as different from one seed to the next as photographs are.
fn picture(seed: u32, [height, width]: [usize; 2]) -> Picture {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as u8
    };
    let bytes = (0..8 * 8 * 3).map(|_| random()).collect();
    let pixels = Pixels { height: 8, width: 8, channels: 3, bytes, full_size: [8, 8] }
        .resized([height, width]);
    Picture::of_image(&pixels.to_image())
}

fn save(place: &Place, path: &str, picture: &Picture) {
    let path = place.path(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    picture.save(path).unwrap();
}

/// Three classes in two sets, without a fault.
fn clean() -> Place {
    let place = Place::empty();
    for (set, n) in [("train", 12), ("valid", 4)] {
        for class in 0..3u32 {
            for at in 0..n {
                let seed = 1 + at + 100 * class + if set == "valid" { 1000 } else { 0 };
                let path = format!("d/{set}/{}/{at}.png", ["cat", "cow", "dog"][class as usize]);
                save(&place, &path, &picture(seed, [60, 80]));
            }
        }
    }
    place
}

/// The same of photographs: 160 and 40 of each class.
fn clean_photographs() -> Place {
    let data = env::var_os("TINDERBOX_DATA").expect("TINDERBOX_DATA names the folder of real data");
    let place = Place::empty();
    let photos = ImageItems::from_folder(Path::new(&data).join("photos-by-class")).unwrap();
    for at in 0..photos.len() {
        let (class, n) = (["cat", "cow", "dog"][at * 3 / photos.len()], at % 200);
        let set = if n < 160 { "train" } else { "valid" };
        let to = place.path(format!("d/{set}/{class}/{n}.png"));
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        // Images are known by what is in them, whatever their names say.
        fs::copy(photos.path(at), to).unwrap();
    }
    place
}

/// Twenty problems of ten kinds, and what the report calls them.
fn plant(place: &Place) -> Vec<(&'static str, Vec<&'static str>)> {
    let copy = |from: &str, to: &str| place.copy(&format!("d/{from}"), &format!("d/{to}"));
    let put = |to: &str, bytes: &[u8]| fs::write(place.path(format!("d/{to}")), bytes).unwrap();
    // Unreadable.
    let image = fs::read(place.path("d/train/cat/0.png")).unwrap();
    put("train/cat/cut.png", &image[..image.len() / 2]);
    put("train/cow/empty.png", b"");
    // Copies in a class.
    copy("train/cat/1.png", "train/cat/again.png");
    copy("train/dog/1.png", "train/dog/again.png");
    // Nearly the same in a class: half the size.
    for class in ["cat", "cow"] {
        let path = place.path(format!("d/train/{class}/2.png"));
        let whole = Pixels::open(path, ConvertMode::Rgb).unwrap();
        let half = whole.resized([whole.height / 2, whole.width / 2]);
        save(place, &format!("d/train/{class}/half.png"), &Picture::of_image(&half.to_image()));
    }
    // In two classes.
    copy("train/cat/3.png", "train/dog/cat3.png");
    copy("train/cow/3.png", "train/dog/cow3.png");
    // In both sets.
    copy("train/cat/4.png", "valid/cat/leaked.png");
    copy("train/dog/4.png", "valid/dog/leaked.png");
    // Thumbnails.
    save(place, "d/train/cat/tiny.png", &picture(77, [7, 9]));
    save(place, "d/train/cow/tiny.png", &picture(78, [8, 8]));
    // Long ones.
    save(place, "d/train/cat/banner.png", &picture(79, [60, 400]));
    save(place, "d/train/dog/tower.png", &picture(80, [400, 60]));
    // Folders without an image.
    fs::create_dir(place.path("d/train/sheep")).unwrap();
    fs::create_dir(place.path("d/train/horse")).unwrap();
    // Not images.
    put("train/cat/phone.heic", b"\0\0\0\x18ftypheic");
    put("train/cat/notes.docx", b"PK");
    // In no class folder.
    copy("train/cat/5.png", "train/stray.png");
    save(place, "d/stray.png", &picture(81, [60, 80]));
    vec![
        ("unreadable", vec!["train/cat/cut.png", "train/cow/empty.png"]),
        ("copies", vec!["train/cat/again.png", "train/dog/again.png"]),
        ("near_copies", vec!["train/cat/half.png", "train/cow/half.png"]),
        ("contradiction", vec!["train/dog/cat3.png", "train/dog/cow3.png"]),
        ("leak", vec!["valid/cat/leaked.png", "valid/dog/leaked.png"]),
        ("small", vec!["train/cat/tiny.png", "train/cow/tiny.png"]),
        ("aspect", vec!["train/cat/banner.png", "train/dog/tower.png"]),
        ("warned", vec!["train/sheep", "train/horse", ".heic", ".docx", "stray.png"]),
    ]
}

#[track_caller]
fn check_named(report: &Value, planted: &[(&str, Vec<&str>)]) {
    let findings = report["found"]["findings"].as_array().unwrap();
    for (kind, names) in planted {
        let of_kind = findings.iter().filter(|finding| finding["kind"] == *kind);
        let text: String = of_kind.map(ToString::to_string).collect();
        for name in names {
            assert!(text.contains(name), "{kind} does not name {name}: {text}");
        }
    }
}

#[test]
fn clean_data_has_no_problems() {
    let place = clean();
    place.run(&["check", "d"]).code(0).says("no problems found").says("cow");
    let report = &place.run(&["check", "d", "--json"]).code(0).json()[0]["found"];
    assert_eq!(report["findings"], Value::Array(Vec::new()));
    assert_eq!((&report["n_train"], &report["n_valid"]), (&36.into(), &12.into()));
    assert_eq!(report["samples"].as_array().unwrap().len(), 3);
}

#[test]
fn each_planted_problem_is_named() {
    let place = clean();
    let planted = plant(&place);
    let report = &place.run(&["check", "d", "--json"]).code(1).json()[0];
    check_named(report, &planted);
    place
        .run(&["check", "d", "--html", "page.html"])
        .code(1)
        .says("error: 2 images cannot be used")
        .says("nearly the same")
        .says("hint: ");
    let page = fs::read_to_string(place.path("page.html")).unwrap();
    assert!(page.contains("data:image/png;base64,") && page.contains("leaked.png"), "{page}");
}

#[test]
#[ignore = "needs real data: set TINDERBOX_DATA"]
fn problems_among_photographs_are_named_and_nothing_else() {
    let place = clean_photographs();
    place.run(&["check", "d"]).code(0).says("no problems found");
    let planted = plant(&place);
    check_named(&place.run(&["check", "d", "--json"]).code(1).json()[0], &planted);
}

#[test]
fn a_cleaned_copy_has_no_problems_that_can_be_removed() {
    let place = clean();
    plant(&place);
    let before = listed(&place.path("d"));
    place.run(&["check", "d", "--fix", "cleaned"]).code(1).says("cleaned, without");
    assert_eq!(listed(&place.path("d")), before, "the data is as it was");
    let list = fs::read_to_string(place.path("cleaned/left-out.csv")).unwrap();
    assert!(list.contains("cut.png") && list.contains("the same in the other set"), "{list}");
    let report = &place.run(&["check", "cleaned", "--json"]).code(0).json()[0]["found"];
    let kinds: Vec<&str> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["kind"].as_str().unwrap())
        .filter(|kind| *kind != "warned")
        .collect();
    assert_eq!(kinds, ["small", "aspect"], "{report}");
    place.run(&["check", "d", "--fix", "cleaned"]).code(1).says("cleaned is not empty");
    place.run(&["check", "d", "--fix", "d/cleaned"]).code(1).says("inside of the data");
}

/// The paths below a folder, with their lengths.
fn listed(folder: &Path) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(listed(&path)),
            false => {
                found.push((path.display().to_string(), fs::metadata(&path).unwrap().len()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn texts_are_looked_at_one_by_one() {
    let place = Place::empty();
    let mut table = String::from("text,label\n");
    for at in 0..12 {
        let (word, label) = [("good", "pos"), ("bad", "neg")][at % 2];
        writeln!(table, "film number {at} is a {word} one,{label}").unwrap();
    }
    table +=
        "film number 0 is a good one,neg\n这部电影很好看,pos\nFilm  number 1 is a bad one,neg\n";
    fs::write(place.path("reviews.csv"), table).unwrap();
    let check = ["check", "reviews.csv", "--valid", "0", "--fix", "cleaned", "--json"];
    let report = &place.run(&check).code(0).json()[0];
    check_named(
        report,
        &[
            ("contradiction", vec!["reviews.csv, row 1\"", "reviews.csv, row 13"]),
            ("undivided", vec!["reviews.csv, row 14"]),
            ("copies", vec!["reviews.csv, row 2\"", "reviews.csv, row 15"]),
        ],
    );
    let cleaned = fs::read_to_string(place.path("cleaned/reviews.csv")).unwrap();
    assert_eq!(cleaned.lines().count(), 1 + 15 - 3, "{cleaned}");
}

#[test]
fn training_warns_of_copies_in_both_sets_and_under_two_labels() {
    let place = clean();
    place.copy("d/train/cat/4.png", "d/valid/cat/leaked.png");
    place.copy("d/train/cow/3.png", "d/train/dog/cow3.png");
    let small = ["--size", "24", "--arch", "resnet-small", "--batch-size", "8"];
    let train = ["train", "d", "--out", "run", "--epochs", "1"];
    place
        .run(&[&train[..], &small].concat())
        .code(0)
        .says("2 images are the same in the training set and in the validation set")
        .says("2 images are the same but have different labels, such as ");
}

#[test]
fn a_cleaned_copy_of_a_table_of_images_has_their_labels() {
    let place = Place::empty();
    let mut table = String::from("file;label\n");
    for at in 0..12 {
        save(&place, &format!("d/images/{at}.png"), &picture(at + 1, [40, 40]));
        writeln!(table, "images/{at};{}", ["cat", "dog"][at as usize % 2]).unwrap();
    }
    place.copy("d/images/2.png", "d/images/12.png");
    table += "images/12;cat\n";
    fs::write(place.path("d/labels.csv"), table).unwrap();
    place.run(&["check", "d/labels.csv", "--fix", "cleaned"]).code(0).says("without 1");
    let cleaned = fs::read_to_string(place.path("cleaned/labels.csv")).unwrap();
    assert_eq!(cleaned.lines().count(), 1 + 12, "{cleaned}");
    assert!(cleaned.starts_with("file,label\nimages/0,cat\n"), "{cleaned}");
    place.run(&["check", "cleaned/labels.csv"]).code(0).says("no problems found");
}

#[test]
fn a_cleaned_copy_of_masks_is_read_as_the_data_is() {
    let place = Place::empty();
    for at in 0..6 {
        save(&place, &format!("d/images/{at}.png"), &picture(at + 1, [32, 32]));
        let codes: Vec<u8> = (0..32 * 32).map(|pixel| u8::from(pixel % 32 < 16)).collect();
        let palette = Palette::of(&["ground".into(), "thing".into()]);
        fs::create_dir_all(place.path("d/masks")).unwrap();
        let path = place.path(format!("d/masks/{at}.png"));
        save_mask(path, &codes, [32, 32], &palette).unwrap();
    }
    fs::write(place.path("d/codes.txt"), "ground\nthing\n").unwrap();
    place.copy("d/images/0.png", "d/images/6.png");
    place.copy("d/masks/0.png", "d/masks/6.png");
    place.run(&["check", "d", "--fix", "cleaned"]).code(0).says("without 2");
    place.run(&["check", "cleaned"]).code(0).says("no problems found").says("6 images have a mask");
    // Through a link, it would be inside of the data.
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(place.path("d"), place.path("link")).unwrap();
        place.run(&["check", "d/images", "--fix", "link/images/new"]).code(1);
        for fix in ["link/images/new", "no/../d/images/new"] {
            let check = ["check", "--images", "d/images", "--masks", "d/masks", "--fix", fix];
            place.run(&check).code(1).says("inside of the data");
        }
    }
}

#[test]
fn what_training_would_refuse_is_an_error_and_an_input_is_never_overwritten() {
    let place = Place::empty();
    let mut table = String::from("text,label\n");
    for at in 0..12 {
        writeln!(table, "film {at} was good,{}", at % 2).unwrap();
    }
    table += " ,1\n";
    fs::write(place.path("t.csv"), table).unwrap();
    place.run(&["check", "t.csv", "--valid", "0"]).code(1).says("error: 1 of 13 texts");
    place
        .run(&["check", "t.csv", "--html", "t.csv", "--force"])
        .code(1)
        .says("t.csv is an input, which is never overwritten");
}
