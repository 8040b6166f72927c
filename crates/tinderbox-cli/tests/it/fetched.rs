//! Data sets by name, and MNIST in its original files.

use std::fs;

use tinderbox::data::{ConvertMode, image::Pixels};

use crate::run::Place;

#[test]
fn the_data_sets_are_listed() {
    let place = Place::empty();
    let ended = place.run(&["data", "list"]).code(0).says("camvid_tiny").says("2.3 MB");
    assert!(ended.out.lines().all(|line| line.contains("  -     ")), "{}", ended.out);
    let all = place.run(&["data", "list", "--json"]).code(0).json();
    let mnist = all.iter().find(|set| set["name"] == "mnist").unwrap();
    assert_eq!((&mnist["bytes"], &mnist["here"]), (&15_683_414.into(), &false.into()));
    assert!(mnist["cite"].as_str().unwrap().contains("LeCun"));
}

#[test]
fn without_a_network_it_is_said_where_the_file_belongs() {
    let place = Place::empty();
    place
        .run(&["data", "fetch", "mnist_sample"])
        .code(1)
        .says("TINDERBOX_OFFLINE is set")
        .says("https://s3.amazonaws.com/fast-ai-sample/mnist_sample.tgz")
        .says("cache/data/mnist_sample.tgz yourself");
    fs::write(place.path("cache/data/mnist_sample.tgz"), "a page").unwrap();
    place
        .run(&["data", "fetch", "mnist_sample", "--to", "sets"])
        .code(1)
        .says("its length is 6 bytes, expected 3214948 bytes");
    assert!(!place.path("sets/mnist_sample").exists());
}

#[test]
fn a_name_with_a_typo_is_told() {
    let place = Place::empty();
    place.run(&["data", "fetch", "mnsit"]).code(1).says("did you mean `mnist`?");
    place.run(&["data", "download", "mnist"]).code(2).says("fetch");
    place.run(&["datasets"]).code(2).says("'data'");
}

/// A file of MNIST's format.
fn idx(sizes: &[u32], bytes: impl IntoIterator<Item = u8>) -> Vec<u8> {
    let header = sizes.iter().flat_map(|size| size.to_be_bytes());
    [0, 0, 8, sizes.len() as u8].into_iter().chain(header).chain(bytes).collect()
}

#[test]
fn the_original_files_of_mnist_are_read_as_they_are() {
    let place = Place::new();
    for (set, folder, each) in [("train", "training", 32), ("t10k", "testing", 8)] {
        let (mut pixels, mut labels) = (Vec::new(), Vec::new());
        for label in 0..10 {
            for n in 0..each {
                let file = place.path(format!("digits/{folder}/{label}/{n}.png"));
                pixels.extend(Pixels::open(file, ConvertMode::L).unwrap().bytes);
                labels.push(label);
            }
        }
        let n = labels.len() as u32;
        fs::create_dir_all(place.path("original")).unwrap();
        // With a dot, as some programs unpack them.
        fs::write(
            place.path(format!("original/{set}-images.idx3-ubyte")),
            idx(&[n, 28, 28], pixels),
        )
        .unwrap();
        fs::write(place.path(format!("original/{set}-labels-idx1-ubyte")), idx(&[n], labels))
            .unwrap();
    }
    let lesson = |data: &str, out: &str| {
        let args = ["lesson", "mnist", "--model", "basic", "--epochs", "1", "--data", data];
        place.run(&[&args[..], &["--out", out]].concat())
    };
    lesson("original", "run").code(0).says("finished 1 epoch");
    lesson("digits", "same").code(0);
    let history = |run: &str| fs::read_to_string(place.path(run).join("history.csv")).unwrap();
    assert_eq!(history("run").lines().count(), history("same").lines().count());
    assert!(fs::read_dir(place.path("original")).unwrap().count() == 4, "nothing is written there");

    let labels = place.path("original/t10k-labels-idx1-ubyte");
    let whole = fs::read(&labels).unwrap();
    fs::write(&labels, &whole[..50]).unwrap();
    lesson("original", "cut").code(1).says("it is truncated: it has 42 of 80 bytes");
    fs::write(&labels, idx(&[3], [1, 2, 3])).unwrap();
    lesson("original", "few").code(1).says("has 80 images, but").says("has 3 labels");
    fs::write(&labels, "<html>").unwrap();
    lesson("original", "page").code(1).says("is not a file of MNIST: it begins with");
    fs::remove_file(&labels).unwrap();
    lesson("original", "none").code(1).says("t10k-labels-idx1-ubyte is missing");
}
