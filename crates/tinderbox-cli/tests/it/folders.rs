//! Which folders are classes, which are sets, and what of a folder is left out.

use std::fs;

use tinderbox::data::picture::Picture;

use crate::run::{Ended, Place};

/// Small pictures at these paths below `d/`, each of its own colors.
fn pictures(files: &[String]) -> Place {
    let place = Place::empty();
    for (at, file) in files.iter().enumerate() {
        let path = place.path("d").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let part = |light: u8| Picture::filled(4, 8, [at as u8 * 5, light, 200 - light]);
        part(10).beside(&part(90)).save(path).unwrap();
    }
    place
}

/// Five pictures of each of two classes in each of these folders.
fn of_two_classes(folders: &[&str]) -> Vec<String> {
    let files = |folder: &&str| -> Vec<String> {
        let classes = ["cat", "dog"].into_iter();
        classes
            .flat_map(|class| (0..5).map(move |n| (class, n)))
            .map(|(class, n)| format!("{folder}/{class}/{n}.png"))
            .collect()
    };
    folders.iter().flat_map(files).collect()
}

fn plan(place: &Place, more: &[&str]) -> Ended {
    place.run(&[&["train", "d", "--dry-run", "--out", "run"][..], more].concat())
}

#[test]
fn sets_are_known_in_any_spelling() {
    for [train, valid] in
        [["train", "validation"], ["TRAIN_SET", "dev"], ["a/b/seg_train", "a/b/seg_test"]]
    {
        plan(&pictures(&of_two_classes(&[train, valid])), &[])
            .code(0)
            .says(&format!("{valid}/, with {train}/ for training"))
            .says("2: cat 5 + 5, dog 5 + 5");
    }
}

#[test]
fn a_test_set_without_labels_does_not_validate() {
    let mut files = of_two_classes(&["train"]);
    files.extend(["test/1.png".to_owned(), "test/2.png".to_owned()]);
    let place = pictures(&files);
    plan(&place, &[])
        .code(0)
        .says("a random 20 % of train/")
        .says("test/ has no class folders, so it cannot validate")
        .says("skipped 2 images that are in no class folder of train/, such as test/1.png");
    plan(&place, &["--valid", "test"])
        .code(1)
        .says("test/ has no class folders")
        .says("`--valid 0.2`");
}

#[test]
fn what_looks_like_sets_stops_with_a_choice_that_works() {
    let place = pictures(&of_two_classes(&["fold1", "fold2", "fold3"]));
    plan(&place, &[])
        .code(1)
        .says("fold1/, fold2/, fold3/ look like sets")
        .says("`--valid fold1`")
        .says("`--valid 0.2`");
    plan(&place, &["--valid", "fold1"]).code(0).says("2: cat 10 + 5, dog 10 + 5");
    plan(&place, &["--valid", "0.2"]).code(0).says("of all folders together").says("2: cat ");
}

#[test]
fn the_top_folder_is_the_class_and_the_plan_says_so() {
    plan(&pictures(&of_two_classes(&["red", "blue"])), &[])
        .code(0)
        .says("2: blue 8 + 2, red 8 + 2")
        .says("so blue/cat/ is of class blue");
}

#[test]
fn a_class_always_has_an_image_to_train_on() {
    let one_each: Vec<String> = (0..6).map(|n| format!("c{n}/a.png")).collect();
    let place = pictures(&one_each);
    place
        .run(&["train", "d", "--epochs", "1", "--out", "run", "--threads", "1"])
        .code(0)
        .says("1 of the images drawn for validation train instead")
        .says("classes with fewer than 5 training images: `c0`, `c1`, `c2`, `c3`, `c4` and 1 more");
    let items = fs::read_to_string(place.path("run/items.csv")).unwrap();
    assert_eq!(items.matches("train,").count(), 6, "{items}");
}

#[test]
fn what_a_folder_holds_besides_is_counted() {
    let place = pictures(&of_two_classes(&["."]));
    for file in [
        "cat/1.heic",
        "cat/2.heic",
        "dog/note.txt",
        "dog/@eaDir/1.png",
        "old/run.json",
        "old/items.csv",
    ] {
        let path = place.path("d").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    place.copy("d/cat/0.png", "d/old/interpretation/0.png");
    plan(&place, &[])
        .code(0)
        .says("skipped 5 files: 2 .heic (not supported: convert to JPEG")
        .says("1 .txt")
        .says("1 in folders of the system, such as dog/@eaDir")
        .says("1 in run folders, such as old")
        .says("2: cat 4 + 1, dog 4 + 1");
}

#[test]
fn texts_are_divided_as_images_are() {
    let place = Place::empty();
    let write = |file: &str| {
        let path = place.path("d").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("a text about {file} and more")).unwrap();
    };
    for n in 0..5 {
        for class in ["pos", "neg"] {
            write(&format!("train/{class}/{n}.txt"));
            write(&format!("test/{class}/{n}.txt"));
        }
        write(&format!("train/unsup/{n}.txt"));
    }
    write("train/urls_pos.txt");
    plan(&place, &[])
        .code(0)
        .says("test/, with train/ for training")
        .says("2: neg 5 + 5, pos 5 + 5")
        .says("skipped 5 texts without a label, such as train/unsup/0.txt")
        .says("skipped train/urls_pos.txt, which is in no class folder of train/ or test/");
}
