use std::{fs, sync::mpsc};

use tempfile::TempDir;
use tinderbox_data::picture::Picture;

use super::*;
use crate::error::check;

/// A table beside images of these names.
fn folder(images: &[&str], table: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for image in images {
        let file = folder.path().join("images").join(image);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        Picture::filled(4, 4, [9, 9, 9]).save(&file).unwrap();
    }
    fs::write(folder.path().join("labels.csv"), table).unwrap();
    folder
}

fn sources(folder: &TempDir) -> Sources {
    Sources::default()
        .with("data", &*folder.path().join("labels.csv"))
        .with("images", &*folder.path().join("images"))
}

fn find(table: &str, ask: &TableSettings) -> Result<Listed> {
    let folder = folder(&["1.png", "2.png", "b/3.jpg"], table);
    Listed::find(&sources(&folder), Asked { table: ask, valid: None }, None)
}

#[track_caller]
fn finds(table: &str, file: &str, labels: &[&str], meaning: Meaning) {
    let listed = find(table, &TableSettings::default()).unwrap();
    let LabelTable { file: found, labels: found_labels, meaning: found_meaning, .. } =
        listed.columns;
    assert_eq!((found.as_str(), found_meaning), (file, meaning));
    assert_eq!(found_labels, labels);
    assert_eq!((listed.items.len(), listed.unmatched.len()), (3, 0));
}

#[test]
fn columns_are_found_by_what_is_in_them() {
    finds("id,breed\n1,pug\n2,cat\n3,pug\n", "id", &["breed"], Meaning::Class);
    finds("label;image\nx;1.png\ny;2.png\nx;b/3.jpg\n", "image", &["label"], Meaning::Class);
    // An index that was written with the table is neither.
    finds(
        ",file,kind\n0,images/1.png,x\n1,images/2.png,y\n2,b/3,y\n",
        "file",
        &["kind"],
        Meaning::Class,
    );
    // Of several columns, the one that is called so.
    finds("id,age,Label\n1,30,x\n2,31,y\n3,32,y\n", "id", &["Label"], Meaning::Class);
}

#[test]
fn several_labels_are_in_a_cell_or_in_columns() {
    let spaces = Meaning::Classes { separator: ' ' };
    finds("id,tags\n1,sun sea\n2,sun\n3,sea\n", "id", &["tags"], spaces);
    let bars = Meaning::Classes { separator: '|' };
    finds("id,found\n1,a|b\n2,c\n3,d\n", "id", &["found"], bars);
    // Names of two words are not two labels.
    finds(
        "id,breed\n1,basset hound\n2,great dane\n3,great dane\n",
        "id",
        &["breed"],
        Meaning::Class,
    );
    finds("id,a,b\n1,1,0\n2,0,0\n3,1,1\n", "id", &["a", "b"], Meaning::ClassesColumns);
    finds("id,a,b\n1,1,0\n2,0.0,1.0\n3,0,1\n", "id", &["a", "b"], Meaning::ClassColumns);
}

#[test]
fn numbers_have_fractions_or_many_values() {
    finds("id,weight\n1,0.5\n2,1\n3,2\n", "id", &["weight"], Meaning::Numbers);
    finds("id,grade\n1,0\n2,1\n3,1\n", "id", &["grade"], Meaning::Class);
    // As pandas writes whole numbers beside a missing one.
    finds("id,grade\n1,0.0\n2,1.0\n3,1.0\n", "id", &["grade"], Meaning::Class);
    finds("id;weight\n1;0,5\n2;1\n3;2,25\n", "id", &["weight"], Meaning::Numbers);
    let many: Vec<String> = (0..30).map(|n| format!("{n},{}", 20 + n)).collect();
    let images: Vec<String> = (0..30).map(|n| format!("{n}.png")).collect();
    let images: Vec<&str> = images.iter().map(String::as_str).collect();
    let folder = folder(&images, &format!("id,age\n{}\n", many.join("\n")));
    let table = TableSettings::default();
    let find = |learned| {
        let ask = Asked { table: &table, valid: None };
        Listed::find(&sources(&folder), ask, learned).unwrap().columns.meaning
    };
    assert_eq!(find(None), Meaning::Numbers);
    assert_eq!(find(Some(Learned::Classes)), Meaning::Class);
}

#[test]
fn what_is_named_is_taken() {
    let table = "id,a,b,note\n1,1,0,x y\n2,0,1,y\n3,1,1,x\n";
    let ask = |label: &[&str], separator: Option<&str>| TableSettings {
        label: Some(label.iter().map(|label| (*label).to_owned()).collect()),
        separator: separator.map(str::to_owned),
        ..TableSettings::default()
    };
    let meaning = |label, separator| {
        Ok::<_, crate::Error>(find(table, &ask(label, separator))?.columns.meaning)
    };
    assert_eq!(meaning(&["note"], None).unwrap(), Meaning::Classes { separator: ' ' });
    assert_eq!(meaning(&["note"], Some("none")).unwrap(), Meaning::Class);
    assert_eq!(meaning(&["note"], Some(";")).unwrap(), Meaning::Classes { separator: ';' });
    assert_eq!(meaning(&["b", "a"], None).unwrap(), Meaning::ClassesColumns);
    let refused = |label, separator, message: &str| {
        let error = meaning(label, separator).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    };
    refused(&["a", "note"], None, "hold other values than 0 and 1");
    refused(&["a", "b"], Some(";"), "`--separator` has no effect here");
    refused(&["note"], Some("ab"), "`ab` is not a separator");
    refused(&["c"], None, "has no column `c`");
    let error = find(table, &TableSettings::default()).unwrap_err();
    assert!(error.to_string().ends_with("that may be the labels: a, b, note"), "{error}");
}

#[test]
fn numbers_with_gaps_are_no_classes() {
    let error = |table| find(table, &TableSettings::default()).unwrap_err().to_string();
    let gap = error("id,weight\n1,0.5\n2,NA\n3,1.5\n");
    assert!(gap.ends_with("column `weight` has numbers, but row 2 has `NA`"), "{gap}");
    // Most are words.
    finds("id,size\n1,0.5\n2,large\n3,small\n", "id", &["size"], Meaning::Class);
}

#[test]
fn a_table_without_a_header_is_refused() {
    let error = find("1.png,x\n2.png,y\nb/3.jpg,x\n", &TableSettings::default()).unwrap_err();
    assert!(error.to_string().ends_with("has no header: its first line names the image `1.png`"));
}

#[test]
fn rows_without_a_label_are_skipped_as_often_as_allowed() {
    let find = || find("id,x\n1,a\n2,NaN\n3,b\n", &TableSettings::default()).unwrap();
    let error = find().check(0, &Job::quiet()).unwrap_err();
    let (message, hint) = (error.to_string(), error.hint().unwrap());
    assert!(message.ends_with("labels.csv has no label in column `x`"), "{message}");
    assert!(hint.ends_with("`--skip-bad 1`"), "{hint}");
    let items = find().check(1, &Job::quiet()).unwrap().items;
    assert_eq!(items.relative_paths().collect::<Vec<_>>(), ["1.png", "b/3.jpg"].map(Path::new));
}

#[test]
fn a_folder_of_a_competition_is_its_table_and_its_images() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for image in ["train_images/1.png", "test_images/2.png"] {
        fs::create_dir_all(at(image).parent().unwrap()).unwrap();
        Picture::filled(4, 4, [9, 9, 9]).save(at(image)).unwrap();
    }
    for table in ["labels.csv", "sample_submission.csv", "test.csv"] {
        fs::write(at(table), "id,label\n1,x\n").unwrap();
    }
    assert_eq!(lists(folder.path()), Some(at("labels.csv")));
    fs::write(at("train.csv"), "id,label\n1,x\n").unwrap();
    fs::remove_file(at("labels.csv")).unwrap();
    assert_eq!(lists(folder.path()), Some(at("train.csv")));
    fs::create_dir(at("cat")).unwrap();
    Picture::filled(4, 4, [9, 9, 9]).save(at("cat/3.png")).unwrap();
    assert_eq!(lists(folder.path()), None, "class folders are what is meant");
}

#[test]
fn a_name_of_two_images_is_an_error_that_names_both() {
    let folder = folder(&["a/1.png", "b/1.png", "b/2.png"], "id,label\n2,x\n1,y\n");
    let ask = TableSettings::default();
    let listed = Listed::find(&sources(&folder), Asked { table: &ask, valid: None }, None).unwrap();
    let error = listed.check(0, &Job::quiet()).unwrap_err();
    let message = error.to_string();
    assert!(
        message.ends_with("row 2: `1` names several images, such as a/1.png and b/1.png"),
        "{message}"
    );
    assert!(error.hint().unwrap().contains("`a/1.png`"));
}

#[test]
fn images_that_several_rows_name_are_told() {
    let (says, heard) = mpsc::channel();
    let job = Job::telling(move |event| says.send(event).unwrap());
    let listed = find("id,x\n1,a\n7,a\n2,b\n1,b\n3,a\n1,a\n", &TableSettings::default()).unwrap();
    listed.check(1, &job).unwrap();
    let said: Vec<String> = heard.try_iter().map(|event| format!("{event:?}")).collect();
    assert!(said[0].contains("2 rows of") && said[0].contains("such as row 4 (`1`)"), "{said:?}");
}

#[test]
fn rows_without_an_image_are_skipped_as_often_as_allowed() {
    let table = "id,x\n1,a\n2,b\n7,a\n3,b\n";
    let find = || find(table, &TableSettings::default()).unwrap();
    assert_eq!(find().unmatched, [(3, "7".to_owned())]);
    assert_eq!(find().check(1, &Job::quiet()).unwrap().items.len(), 3);
    let error = find().check(0, &Job::quiet()).unwrap_err().to_string();
    assert!(error.contains("row 3 (`7`) matches no image in"), "{error}");
}

#[test]
fn a_column_says_which_rows_validate() {
    let split = |table: &str, valid: Option<Valid>| {
        let folder = folder(&["1.png", "2.png", "b/3.jpg"], table);
        let settings = TableSettings::default();
        let ask = Asked { table: &settings, valid: valid.as_ref() };
        let listed = Listed::find(&sources(&folder), ask, None)?;
        listed.split(valid.as_ref(), &mut Choices::default())
    };
    let table = "id,x,Split\n1,a,train\n2,b,valid\n3,a,test\n";
    let column = || Split::Column("Split".into());
    assert_eq!(split(table, None).unwrap(), column());
    assert_eq!(split(table, Some(Valid::Named("Split".into()))).unwrap(), column());
    assert_eq!(split(table, Some(Valid::Share(0.5))).unwrap(), Split::Random { share: 0.5 });
    // What is called so but says something else does not.
    let other = "id,label,set\n1,a,x\n2,b,z\n3,a,z\n";
    assert_eq!(split(other, None).unwrap(), Split::Random { share: 0.0 });
    assert!(split(other, Some(Valid::Named("nowhere".into()))).is_err());
    assert!(split(other, Some(Valid::Share(0.1))).is_err());
}

#[test]
fn errors_about_tables_say_what_to_name() {
    let (table, folder) = (PathBuf::from("t.csv"), PathBuf::from("d"));
    check(
        TableError::NoFiles {
            table: table.clone(),
            folder: folder.clone(),
            columns: vec!["a".into(), "b".into()],
        },
        "no column of t.csv names images in d; its columns are a, b",
        Some("`--images DIR`"),
    );
    check(
        TableError::Unmatched { table: table.clone(), folder, n: 9, rows: vec![(2, "x".into())] },
        "t.csv: 9 rows match no image in d, or several: row 2 (`x`), …",
        Some("`--skip-bad N`"),
    );
    check(
        TableError::WhichLabel { table: table.clone(), columns: vec!["a".into(), "b".into()] },
        "t.csv has several columns that may be the labels: a, b",
        Some("`--label COLUMN`"),
    );
    check(
        TableError::NotFlags { table, columns: vec!["a".into(), "b".into()] },
        "the columns a, b of t.csv hold other values than 0 and 1",
        Some("--task regress"),
    );
    check(
        TableError::Separator { text: "ab".into() },
        "`ab` is not a separator, which is one character, such as `;`",
        Some("space"),
    );
}
