//! Broken and awkward pictures among good ones.

use std::{env, fs, path::PathBuf};

use crate::run::Place;

/// The folder with real data.
fn data() -> PathBuf {
    let folder =
        env::var_os("TINDERBOX_DATA").expect("TINDERBOX_DATA names the folder of real data");
    PathBuf::from(folder)
}

#[test]
#[ignore = "needs real data: set TINDERBOX_DATA"]
fn broken_pictures_are_listed_by_name_and_the_others_train() {
    let hostile = data().join("hostile");
    let expect = fs::read_to_string(hostile.join("EXPECT.tsv")).unwrap();
    let place = Place::new();
    let (mut good, mut bad) = (0, Vec::new());
    for line in expect.lines().filter(|line| line.starts_with("images/")) {
        let [path, verdict, _] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}: three columns")
        };
        let name = path.strip_prefix("images/").unwrap();
        for class in ["a", "b"] {
            let folder = place.path("mixed").join(class);
            fs::create_dir_all(&folder).unwrap();
            fs::copy(hostile.join(path), folder.join(name)).unwrap();
            match verdict {
                "reject" => bad.push(format!("mixed/{class}/{name}")),
                _ => good += 1,
            }
        }
    }
    assert!(good > 0 && !bad.is_empty(), "EXPECT.tsv has verdicts of both kinds");

    let train = ["train", "mixed", "--out", "run", "--epochs", "1", "--size", "32"];
    let mut ended = place.run(&train).code(1).says("cannot be used");
    for file in &bad {
        ended = ended.says(file);
    }
    assert!(!place.path("run").exists(), "nothing was begun");

    let allowed = bad.len().to_string();
    let mut ended = place.run(&[&train[..], &["--skip-bad", &allowed]].concat()).code(0);
    for file in &bad {
        ended = ended.says(file);
    }
    let files = fs::read_dir(place.path("mixed/a")).unwrap();
    let files: Vec<String> = files.map(|file| file.unwrap().path().display().to_string()).collect();
    let args: Vec<&str> = files.iter().map(String::as_str).collect();
    let ended = place.run(&[&["predict", "run"][..], &args].concat()).code(3);
    let predicted = ended.out.lines().count();
    assert_eq!(predicted, files.len() - bad.len() / 2, "one line for each that is not broken");
}
