//! Images that a table labels.

use std::{fmt::Write, fs};

use tinderbox::data::picture::Picture;

use crate::run::Place;

/// Squares of a color, lighter or darker, in a table: what they are called, and how light they are.
fn place() -> Place {
    let place = Place::new();
    let mut table = String::from("id,color,found,light,is_valid\n");
    // In the order of the folders, so that runs on either are the same.
    let by_color = |n: &u8| [1, 2, 0][usize::from(n % 3)];
    let mut numbers: Vec<u8> = (0..40).collect();
    numbers.sort_by_key(by_color);
    for n in numbers {
        let (light, dim) = (60 + 4 * n, n % 5 * 2);
        let (color, found, rgb) = match n % 3 {
            0 => ("red", "red;warm", [light, dim, dim]),
            1 => ("yellow", "red;green;warm", [light, light, dim]),
            _ => ("blue", "", [dim, dim, light]),
        };
        let (file, is_valid) = (format!("{n:02}.png"), n % 4 == 3);
        let path = place.path("squares").join(color).join(&file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        Picture::filled(24, 20, rgb).save(&path).unwrap();
        let light = f64::from(light) / 255.0;
        writeln!(table, "{n:02},{color},{found},{light:.4},{is_valid}").unwrap();
    }
    fs::write(place.path("squares.csv"), table).unwrap();
    place
}

/// A training on them: columns that are not named are found.
fn train(place: &Place, label: &str, out: &str, more: &[&str]) {
    let train = ["train", "squares.csv", "--images", "squares", "--label", label, "--out", out];
    let fit = ["--batch-size", "6", "--size", "20", "--workers", "0"];
    place.run(&[&train[..], &fit, more].concat()).code(0);
}

#[test]
fn a_table_trains_as_the_folders_do() {
    let place = place();
    let epochs = ["--epochs", "6"];
    train(&place, "color", "table", &epochs);
    let plan = fs::read_to_string(place.path("table/run.toml")).unwrap();
    assert!(plan.contains("task = \"classify\""), "{plan}");
    assert!(plan.contains("file = \"id\"") && plan.contains("valid = \"is_valid\""), "{plan}");
    // The same images validate.
    let names: Vec<String> =
        (0..40).filter(|n| n % 4 == 3).map(|n| format!("{n:02}.png")).collect();
    fs::write(place.path("names.txt"), names.join("\n")).unwrap();
    let fit = ["--batch-size", "6", "--size", "20", "--workers", "0", "--valid", "names.txt"];
    let folders = ["train", "squares", "--out", "folders"];
    place.run(&[&folders[..], &fit, &epochs].concat()).code(0);
    let metrics = |run: &str| {
        let scores = place.run(&["validate", run, "--json"]).code(0).json();
        scores[0]["metrics"].clone()
    };
    assert!(metrics("table")["accuracy"].as_f64().unwrap() > 0.6, "{}", metrics("table"));
    assert_eq!(metrics("table"), metrics("folders"));
    place
        .run(&["validate", "table", "squares.csv", "--images", "squares"])
        .code(0)
        .says("30 of these 40");
    place.run(&["validate", "table", "squares"]).code(0).says("accuracy");
    place.run(&["predict", "table", "squares/blue/02.png"]).code(0).says("blue");
    place.run(&["interpret", "table"]).code(0).says("accuracy:");
    let repeat = ["train", "--config", "table", "--out", "again", "--workers", "0"];
    place.run(&repeat).code(0);
    let model = |run: &str| fs::read(place.path(run).join("model.safetensors")).unwrap();
    assert!(model("table") == model("again"));
    place.run(&["train", "--out", "table", "--resume", "--label", "found"]).code(1).says("--label");
}

#[test]
fn an_image_may_have_several_labels() {
    let place = place();
    train(&place, "found", "run", &["--epochs", "8"]);
    let scores = place.run(&["validate", "run", "--json"]).code(0).json();
    let metric = |name: &str| scores[0]["metrics"][name].as_f64().unwrap();
    // Of an image without a label, F-beta is 0, as fastai counts.
    assert!(metric("accuracy_thresh") > 0.9 && metric("fbeta") > 0.6, "{scores:?}");
    assert_eq!(scores[0]["classes"].as_array().unwrap().len(), 3);
    let answer = place.run(&["predict", "run", "squares/yellow/01.png"]).code(0);
    let sure: Vec<&str> = answer.out.trim().split('\t').skip(1).collect();
    assert!(sure[0] == "green;red;warm" && sure[1].split(';').count() == 3, "{sure:?}");
    place.run(&["interpret", "run"]).code(0).says("warm");
    assert!(place.path("run/interpretation/top_losses.png").is_file());
    place.run(&["interpret", "run", "--heat"]).code(1).says("Grad-CAM");
    let dry = ["train", "squares.csv", "--images", "squares", "--label", "found", "--dry-run"];
    let plan = place.run(&[&dry[..], &["--json"]].concat()).code(0).json();
    let classes = plan.last().unwrap()["classes"].as_array().unwrap().clone();
    let count = |class: &serde_json::Value| {
        class["train"].as_u64().unwrap() + class["valid"].as_u64().unwrap()
    };
    assert_eq!(classes.iter().map(count).collect::<Vec<_>>(), [13, 27, 27], "{classes:?}");
    place.run(&["lr-find", "squares.csv", "--images", "squares", "--label", "found"]).code(0);
    let shown = ["show-batch", "squares.csv", "--images", "squares", "--label", "found"];
    place.run(&shown).code(0).says("batch.png");
}

#[test]
fn a_column_of_numbers_is_regressed_on() {
    let place = place();
    train(&place, "light", "run", &["--epochs", "30"]);
    let plan = fs::read_to_string(place.path("run/run.toml")).unwrap();
    assert!(plan.contains("task = \"regress\""), "{plan}");
    let scores = place.run(&["validate", "run", "--json"]).code(0).json();
    for metric in ["rmse", "mean_absolute_error", "r2_score"] {
        assert!(scores[0]["metrics"][metric].is_f64(), "{scores:?}");
    }
    let light = |file: &str| {
        let answer = place.run(&["predict", "run", file, "--json"]).code(0).json();
        answer[0]["numbers"][0].as_f64().unwrap()
    };
    let [dark, bright] = ["squares/blue/02.png", "squares/blue/38.png"].map(light);
    assert!(bright - dark > 0.1, "{dark} {bright}");
    place.run(&["interpret", "run"]).code(0).says("largest losses");
    for picture in ["top_losses.png", "predicted.svg"] {
        assert!(place.path("run/interpretation").join(picture).is_file(), "{picture}");
    }
}

#[test]
fn a_run_is_trained_further_with_its_own_classes_or_others() {
    let place = place();
    train(&place, "color", "run", &["--epochs", "6"]);
    train(&place, "color", "further", &["--from", "run", "--epochs", "1"]);
    let loss = |run: &str| {
        let history = fs::read_to_string(place.path(run).join("history.csv")).unwrap();
        let first = history.lines().nth(1).unwrap().split(',').nth(1).unwrap().to_owned();
        first.parse::<f64>().unwrap()
    };
    assert!(loss("further") < loss("run"), "{} {}", loss("further"), loss("run"));
    // It is trained further in a run of its own, and that is said.
    let more = ["train", "--out", "run", "--resume", "--epochs", "9"];
    place.run(&more).code(1).says("--from run --epochs 3");
    let other =
        ["train", "squares.csv", "--images", "squares", "--label", "found", "--out", "other"];
    let from = ["--from", "run/model.safetensors", "--epochs", "1", "--batch-size", "6"];
    place.run(&[&other[..], &from].concat()).code(0).says("the last layer is new");
    let arch = [&other[..6], &["--from", "run", "--arch", "resnet18"]].concat();
    place.run(&arch).code(1).says("`--arch` has no effect here");
}

#[test]
fn what_is_wrong_with_a_table_is_said() {
    let place = place();
    let train = |table: &str, more: &[&str]| {
        fs::write(place.path("t.csv"), table).unwrap();
        place.run(&[&["train", "t.csv", "--images", "squares"], more].concat())
    };
    train("id,x\n00,a\n99,b\n01,a\n", &[]).code(1).says("row 2 (`99`) matches no image");
    train("a,b\nx,y\nz,w\n", &[]).code(1).says("no column of");
    train("id,a,b\n00,x,1\n01,y,z\n", &[]).code(1).says("--label COLUMN");
    train("id,a\n00,x\n01,x\n", &[]).code(1).says("only one class");
    train("00,x\n01,y\n02,x\n", &[]).code(1).says("has no header").says("`file,label`");
    train("id,a\n00,1.5\n01,NA\n02,0.5\n", &[]).code(1).says("row 2 has `NA`");
    train("id,a\n00,1.5\n01,1.5\n", &[]).code(1).says("the same number");
    let numbers = "id,a\n00,1.5\n01,2.5\n02,1.5\n";
    let classes = ["--separator", "none", "--valid", "0", "--dry-run"];
    train(numbers, &classes).code(0).says("one class per image").says("2: 1.5 2, 2.5 1");
    train(numbers, &[&classes[2..], &["--task", "classify"]].concat())
        .code(0)
        .says("2: 1.5 2, 2.5 1");
    place.run(&["train", "squares", "--label", "color"]).code(1).says("the data is not a table");
    place.run(&["train", "t.csv", "--images", "nowhere"]).code(1).says("nowhere");
}
