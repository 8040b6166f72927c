//! What a finished model is measured on: the same files give the same batches as in training.

use std::{fs, path::Path};

use image::{GrayImage, Luma};
use tinderbox_data::{
    Batch, BatchOptions, ConvertMode, DataBunch, Error, ImageItems, ImageKind, Inference, Items,
    Label, LabelKind, Labelled, MaskValues, Normalize, Result, Split, TargetKind, UnknownLabels,
    batch::Set,
    items::CsvOptions,
    text::{ClassifierOptions, LmOptions, TextCsv, TextItems, TextKind, Tokenizing, VocabOptions},
    transform::{Size, Transforms, flip_lr},
};

fn options() -> BatchOptions {
    BatchOptions { batch_size: 3, workers: 0, ..BatchOptions::default() }
}

/// Images of 12×9 pixels, none like another, in class folders of two sets.
fn images(root: &Path) {
    for (set, classes) in [("train", &["ant", "bee", "cow"][..]), ("valid", &["bee", "cow"])] {
        for (at, class) in classes.iter().enumerate() {
            let folder = root.join(set).join(class);
            fs::create_dir_all(&folder).unwrap();
            for n in 0..3 {
                image(&folder.join(format!("{n}.png")), at as u32 * 7 + n * 3, 255);
            }
        }
    }
}

/// An image whose values are below `most`.
fn image(path: &Path, seed: u32, most: u32) {
    let value = |x: u32, y: u32| Luma([((seed * 31 + x * x * 5 + y * 17) % most) as u8]);
    GrayImage::from_fn(12, 9, value).save(path).unwrap();
}

fn gray(folder: &Path) -> ImageItems {
    ImageItems::from_folder(folder).unwrap().convert_mode(ConvertMode::L)
}

/// Random in training, a resize and a crop in validation.
fn transforms() -> Transforms {
    Transforms::new().train(flip_lr()).size(Size::Square(6))
}

fn bunch(labelled: Labelled<ImageKind>, transforms: Transforms) -> DataBunch {
    let data = labelled.transform(transforms).unwrap().batches(options()).unwrap();
    data.normalize().unwrap()
}

fn saved(inference: &Inference) -> serde_json::Value {
    serde_json::to_value(inference).unwrap()
}

fn all(data: &DataBunch) -> Vec<Batch> {
    data.valid_batches().map(|batch| batch.unwrap()).collect()
}

/// Checks that nothing but validation data is there, and that it is what training validated on.
#[track_caller]
fn same(measured: &DataBunch, trained: &DataBunch) {
    assert_eq!((measured.n_train(), measured.n_train_batches()), (0, 0));
    assert!(measured.train_batches(0, 0).next().is_none());
    assert_eq!(measured.warnings().collect::<Vec<_>>(), [""; 0]);
    assert_eq!(saved(&measured.inference()), saved(&trained.inference()));
    assert_eq!((measured.target(), measured.unit()), (trained.target(), trained.unit()));
    assert!(!all(trained).is_empty());
    assert_eq!(all(measured), all(trained));
}

/// The model of the images' folders, as read from a file.
fn of_folders(root: &Path) -> (DataBunch, Inference) {
    images(root);
    let split = gray(root).split_by_folder("train", "valid").unwrap();
    let trained = bunch(split.label_from_folder().unwrap(), transforms());
    let inference = serde_json::from_value(saved(&trained.inference())).unwrap();
    (trained, inference)
}

#[test]
fn images_are_prepared_as_in_validation_and_have_the_models_classes() {
    let folder = tempfile::tempdir().unwrap();
    let (trained, inference) = of_folders(folder.path());
    let split = gray(&folder.path().join("valid")).split_all_valid();
    let labelled = split.label_kind(inference.target().label_kind()).label_from_folder().unwrap();
    let measured = labelled.batches_like(&inference, options()).unwrap();
    same(&measured, &trained);
    let batch = measured.one_batch(Set::Valid).unwrap();
    assert_eq!(batch.inputs.shape, [3, 1, 6, 6]);
    assert_eq!(batch.targets, tinderbox_data::Array::i64([3], vec![1; 3]), "bee of ant, bee, cow");
}

#[test]
fn labels_that_the_model_does_not_have_are_all_named() {
    let folder = tempfile::tempdir().unwrap();
    let (_, inference) = of_folders(folder.path());
    for class in ["dog", "elk"] {
        fs::rename(
            folder.path().join("valid").join(if class == "dog" { "bee" } else { "cow" }),
            folder.path().join("valid").join(class),
        )
        .unwrap();
    }
    let split = || {
        let split = gray(&folder.path().join("valid")).split_all_valid();
        split.label_kind(inference.target().label_kind())
    };
    let error = split().label_from_folder().unwrap_err();
    let Error::UnknownLabels { set: "validation", labels, items: 6 } = error else {
        panic!("{error}")
    };
    assert_eq!(labels, ["dog", "elk"]);
    let dropped = split().unknown_labels(UnknownLabels::Drop).label_from_folder().unwrap();
    assert!(dropped.valid.items.is_empty());
    let several = |kind| {
        let names = |_: &Path| Label::Many(vec!["bee".into(), "fly".into()]);
        split().label_kind(kind).unknown_labels(UnknownLabels::Refuse).label_from_func(names)
    };
    let classes = inference.classes().to_vec();
    let error = several(LabelKind::MultiCategory(Some(classes))).unwrap_err();
    assert!(matches!(error, Error::UnknownLabels { items: 6, .. }), "{error}");
    let error = several(LabelKind::Auto).unwrap_err();
    assert!(matches!(error, Error::NoTrainingItems), "classes are not found in what measures");
}

#[test]
fn items_of_another_kind_than_the_models_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (_, inference) = of_folders(folder.path());
    let split = || gray(&folder.path().join("valid")).split_all_valid();
    let like = |labelled: Result<Labelled<ImageKind>>| {
        labelled.unwrap().batches_like(&inference, options()).unwrap_err().to_string()
    };
    let two = LabelKind::Category(Some(vec!["cow".into(), "bee".into()]));
    assert_eq!(
        like(split().label_kind(two).label_from_folder()),
        "the model predicts one of 3 classes: ant, bee, cow; these items are labelled with one of 2 \
         classes: cow, bee"
    );
    assert_eq!(
        like(split().label_const(&Label::Numbers(vec![1.0, 2.0]))),
        "the model predicts one of 3 classes: ant, bee, cow; these items are labelled with 2 numbers"
    );
    let rgb = ImageItems::from_folder(folder.path().join("valid")).unwrap().split_all_valid();
    assert_eq!(
        like(rgb.label_kind(inference.target().label_kind()).label_from_folder()),
        "the model takes gray images; these items are RGB images"
    );
}

/// The rows of `t.csv` in a folder of images; the last three validate.
fn rows(root: &Path, columns: &str, cells: [&str; 6]) -> ImageItems {
    let row = |(n, cells): (usize, &&str)| {
        image(&root.join(format!("{n}.png")), n as u32, 255);
        format!("{n}.png,{cells}\n")
    };
    let rows: Vec<String> = cells.iter().enumerate().map(row).collect();
    let table = format!("name,{columns}\n{}", rows.concat());
    fs::write(root.join("t.csv"), table).unwrap();
    let items = ImageItems::from_csv(root, "t.csv", &CsvOptions::default()).unwrap();
    items.convert_mode(ConvertMode::L)
}

/// Trains on the first rows of a table and measures on the last ones, alone in a table.
#[track_caller]
fn check_rows(
    columns: &str,
    cells: [&str; 6],
    kind: LabelKind,
    label: impl Fn(Split<ImageKind>) -> Result<Labelled<ImageKind>>,
) -> DataBunch {
    let folder = tempfile::tempdir().unwrap();
    let items = rows(folder.path(), columns, cells);
    let split = items.clone().split_by_idx(&[3, 4, 5]).unwrap().label_kind(kind);
    let trained = bunch(label(split).unwrap(), transforms());
    let items = items.filter_by_func(|path| path >= Path::new("3.png"));
    let split = items.split_all_valid().label_kind(trained.target().label_kind());
    let measured = label(split).unwrap().batches_like(&trained.inference(), options()).unwrap();
    same(&measured, &trained);
    measured
}

#[test]
fn labels_in_tables_are_measured_as_they_were_trained() {
    let of_x = |split: Split<ImageKind>| split.label_from_df("x", None);
    let cells = ["10", "9", "1", "9", " 10", "9"];
    let whole = check_rows("x", cells, LabelKind::Auto, of_x);
    assert_eq!(
        (whole.classes(), whole.label(Set::Valid, 1)),
        (&["1", "9", "10"].map(String::from)[..], "10".into())
    );
    let cells = ["1.5", "2", "3", "0.5", "4", "1"];
    check_rows("x", cells, LabelKind::Auto, of_x);
    check_rows("x", cells, LabelKind::Number { log: true }, of_x);
    let cells = ["a b", "c", "b", "b", "a c", "c"];
    check_rows("x", cells, LabelKind::Auto, |split| split.label_from_df("x", Some(' ')));
    let cells = ["1,0", "0,1", "1,1", "0,1", "1,0", "1,0"];
    check_rows("x,y", cells, LabelKind::Auto, |split| {
        // In the order of the model's classes, whatever the order here.
        let columns = if split.train.is_empty() { ["x", "y"] } else { ["y", "x"] };
        split.label_from_columns(&columns)
    });
    check_rows("x,y", cells, LabelKind::Number { log: false }, |split| {
        split.label_from_columns(&["x", "y"])
    });
}

#[test]
fn points_are_measured_as_they_were_trained() {
    let moving = || transforms().transform_labels(true);
    let folder = tempfile::tempdir().unwrap();
    let items = rows(folder.path(), "x", ["0"; 6]);
    let label = |split: Split<ImageKind>| {
        split.label_from_func(|_| Label::Points(vec![[1.0, 2.0], [8.0, 3.0]])).unwrap()
    };
    let trained = bunch(label(items.clone().split_by_idx(&[3, 4, 5]).unwrap()), moving());
    let items = items.filter_by_func(|path| path >= Path::new("3.png"));
    let measured = label(items.split_all_valid()).batches_like(&trained.inference(), options());
    same(&measured.unwrap(), &trained);
}

#[test]
fn masks_move_with_their_images_and_keep_what_is_not_counted() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    images(root);
    for set in ["train", "valid"] {
        fs::create_dir_all(root.join("masks").join(set)).unwrap();
    }
    let mask = |path: &Path| {
        let name = path.to_string_lossy().replace(['/', '\\'], "-");
        let file = root.join("masks").join(name);
        image(&file, 3, 4);
        Label::File(file)
    };
    let classes = ["road", "sky", "void"].map(String::from).to_vec();
    let kind = LabelKind::Mask {
        classes: classes.clone(),
        ignore: Some(3),
        void: Some(2),
        values: MaskValues::Codes,
    };
    let split = gray(root).split_by_folder("train", "valid").unwrap().label_kind(kind);
    let moving = transforms().transform_labels(true);
    let trained = bunch(split.label_from_func(mask).unwrap(), moving);
    let inference = trained.inference();
    assert_eq!(inference.target().uncounted(), Some(2));

    let items = gray(root).filter_by_folder(&["valid"], &[]);
    let label = |kind| {
        let labelled = items.clone().split_all_valid().label_kind(kind).label_from_func(mask);
        labelled.unwrap().batches_like(&inference, options()).unwrap()
    };
    let measured = label(inference.target().label_kind());
    same(&measured, &trained);
    assert_eq!(measured.one_batch(Set::Valid).unwrap().targets.shape, [3, 1, 6, 6]);
    let without =
        TargetKind::Mask { classes, ignore: Some(255), void: None, values: MaskValues::Codes };
    let other = label(without.label_kind());
    assert_eq!(other.target(), &without, "codes without a class are those of the data");
    assert_eq!(saved(&other.inference()), saved(&inference));
}

#[test]
fn statistics_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    images(folder.path());
    let label = |split: Split<ImageKind>| split.label_from_folder().unwrap();
    let split = gray(folder.path()).split_by_folder("train", "valid").unwrap();
    let trained =
        label(split).batches(options()).unwrap().normalize_by(Normalize::mnist()).unwrap();
    let mut wrong = saved(&trained.inference());
    wrong["normalize"]["mean"] = serde_json::json!([0.1, 0.2, 0.3]);
    let wrong: Inference = serde_json::from_value(wrong).unwrap();
    let split = gray(&folder.path().join("valid")).split_all_valid();
    let labelled = label(split.label_kind(wrong.target().label_kind()));
    let error = labelled.batches_like(&wrong, options()).unwrap_err();
    assert!(matches!(error, Error::Channels { given: 3, channels: 1 }), "{error}");
}

const REVIEWS: [(&str, &str); 6] = [
    ("pos", "a good film"),
    ("neg", "a bad and long film"),
    ("pos", "good"),
    ("pos", "a very good one"),
    ("neg", "bad"),
    ("pos", "long but good"),
];

fn tokenized(
    labelled: Labelled<TextKind>,
    like: Option<&Inference>,
    pad_first: bool,
) -> Result<DataBunch> {
    let options = ClassifierOptions { batch_size: 3, pad_first, ..ClassifierOptions::default() };
    match like {
        None => {
            let vocab = VocabOptions { min_freq: 1, ..VocabOptions::default() };
            labelled.tokenize_by(&Tokenizing::default(), &vocab)?.batches(options)
        }
        Some(inference) => {
            let input = inference.text_input()?;
            let texts = labelled.tokenize_by(&input.tokenizing, &input.vocab)?;
            texts.batches_like(inference, options)
        }
    }
}

#[test]
fn texts_in_folders_are_measured_as_they_were_trained() {
    let folder = tempfile::tempdir().unwrap();
    for (n, (class, text)) in REVIEWS.iter().enumerate() {
        let set = if n < 3 { "train" } else { "valid" };
        let folder = folder.path().join(set).join(class);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{n}.txt")), text).unwrap();
    }
    let items = TextItems::from_folder(folder.path()).unwrap();
    let split = items.split_by_folder("train", "valid").unwrap();
    let trained = tokenized(split.label_from_folder().unwrap(), None, false).unwrap();
    let inference = serde_json::from_value(saved(&trained.inference())).unwrap();
    let items = TextItems::from_folder(folder.path().join("valid")).unwrap();
    let split = items.split_all_valid().label_kind(trained.target().label_kind());
    let labelled = split.label_from_folder().unwrap();
    // Padded as the model was, whatever the options are.
    same(&tokenized(labelled.clone(), Some(&inference), true).unwrap(), &trained);

    let error = labelled.clone().tokenize_by(&Tokenizing::default(), &VocabOptions::default());
    assert_eq!(error.unwrap_err().to_string(), "the training set has no tokens");
    let input = inference.text_input().unwrap();
    let other = labelled.tokenize_by(&Tokenizing::characters(), &input.vocab).unwrap();
    let error = other.batches_like(&inference, ClassifierOptions::default()).unwrap_err();
    assert!(matches!(error, Error::OtherInput { .. }), "{error}");
}

#[test]
fn texts_in_tables_are_measured_as_they_were_trained() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    let write = |reviews: &[(&str, &str)]| {
        let rows = reviews.iter().map(|(class, text)| format!("{class},{text}\n"));
        fs::write(&path, format!("label,text\n{}", rows.collect::<String>())).unwrap();
        TextItems::from_csv(&path, &TextCsv::default()).unwrap()
    };
    let split = write(&REVIEWS).split_by_idx(&[3, 4, 5]).unwrap();
    let trained = tokenized(split.label_from_df("label", None).unwrap(), None, true).unwrap();
    let split = write(&REVIEWS[3..]).split_all_valid().label_kind(trained.target().label_kind());
    let labelled = split.label_from_df("label", None).unwrap();
    same(&tokenized(labelled, Some(&trained.inference()), true).unwrap(), &trained);
}

#[test]
fn a_language_model_is_measured_as_it_was_trained() {
    let text = "one two three four five six seven eight nine ten ".repeat(8);
    let options = LmOptions { batch_size: 2, bptt: 5, ..LmOptions::default() };
    let vocab = VocabOptions { min_freq: 1, ..VocabOptions::default() };
    let new = || TextItems::from_texts([text[..200].to_owned()]);
    let items = TextItems::from_texts([text.clone(), text[..200].to_owned()]);
    let split = items.split_by_idx(&[1]).unwrap();
    let texts = split.label_for_lm_by(&Tokenizing::default(), &vocab).unwrap();
    let trained = texts.batches(options.clone()).unwrap();
    let inference = trained.inference();
    let input = inference.text_input().unwrap();
    let like = |items: TextItems| {
        let texts = items.split_all_valid().label_for_lm_by(&input.tokenizing, &input.vocab)?;
        texts.batches_like(&inference, options.clone())
    };
    same(&like(new()).unwrap(), &trained);
    let error = like(TextItems::from_texts([" "])).unwrap_err();
    assert_eq!(error.to_string(), "the validation set has no tokens");
    let classes = new().split_all_valid().label_const(&Label::Number(1.0)).unwrap();
    let error = tokenized(classes, Some(&inference), true).unwrap_err();
    assert!(matches!(error, Error::OtherTarget { .. }), "{error}");
}

#[test]
fn an_empty_set_measures_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (_, inference) = of_folders(folder.path());
    let kind = ImageKind { mode: ConvertMode::L, ..ImageKind::default() };
    let split = Items::new(folder.path(), Vec::new(), kind).split_all_valid();
    let labelled = split.label_kind(inference.target().label_kind()).label_from_folder().unwrap();
    let data = labelled.batches_like(&inference, options()).unwrap();
    assert!(data.warnings().any(|text| text.contains("your validation set is empty")));
    assert_eq!(data.n_valid(), 0);
}
