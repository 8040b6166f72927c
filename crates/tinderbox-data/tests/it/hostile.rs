//! Broken and awkward files, each held to what its list says of it.
//!
//! They lie in the folder `hostile` of the one that `TINDERBOX_DATA` names. `EXPECT.tsv` says of
//! each file whether it is good, has to be rejected, or needs a decision; the decisions that this
//! crate has taken are in [`DECIDED`].

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use tinderbox_data::{
    BatchOptions, ConvertMode, DataBunch, Error, ImageItems, ImageKind, Items, Label, LabelKind,
    UnknownLabels,
    batch::Set,
    check::Check,
    image::{ImageInfo, Pixels},
    items::{CsvOptions, Table},
};

use crate::common::Outcome;

/// What is done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// It is read.
    Loads,
    /// An error names it, and has this in it.
    Refused(&'static str),
    /// It is read where it is named, and not looked for in folders.
    NotListed,
}

use Verdict::{Loads, NotListed, Refused};

/// What is done with files that need a decision; as documented at `Pixels::open`,
/// `FolderOptions` and `LabelKind::Mask`.
const DECIDED: [(&str, Verdict); 20] = [
    ("images/no_extension", NotListed),
    ("images/cmyk.jpg", Loads),
    ("images/animated.gif", Loads),
    ("images/exif_orientation_3.jpg", Loads),
    ("images/exif_orientation_6.jpg", Loads),
    ("images/exif_orientation_8.jpg", Loads),
    ("images/one_by_one.png", Loads),
    ("images/one_by_one.jpg", Loads),
    ("images/thin_3000x1.png", Loads),
    ("images/picture.webp", Loads),
    ("images/picture.tif", Loads),
    ("names/.hidden.jpg", NotListed),
    ("segmentation/masks/id_255_border.png", Refused("the value 255")),
    ("segmentation/masks/gray16_mask.png", Loads),
    ("segmentation/masks/all_void.png", Loads),
    // Nothing asks for it.
    ("segmentation/masks/orphan.png", Loads),
    ("csv/one_class.csv", Loads),
    ("csv/images_conflicting_labels.csv", Loads),
    ("csv/images_label_case.csv", Loads),
    ("class-folders/mixed/one_only/img_0.jpg", Loads),
];

/// Files whose pictures are the same, and how far apart their pixels may be on average.
const SAME: [(&str, &str, f64); 10] = [
    ("ok.png", "gray_alpha.png", 1.0),
    ("ok.png", "rgb16.png", 0.0),
    ("ok.png", "interlaced.png", 0.0),
    ("ok.png", "png_named.jpg", 0.0),
    ("ok.jpg", "jpeg_named.png", 0.0),
    ("ok.jpg", "trailing_garbage.jpg", 0.0),
    ("ok.jpg", "no_extension", 0.0),
    ("ok.jpg", "exif_orientation_3.jpg", 4.0),
    ("ok.jpg", "exif_orientation_6.jpg", 4.0),
    ("ok.jpg", "exif_orientation_8.jpg", 4.0),
];

fn root() -> PathBuf {
    let data = std::env::var_os("TINDERBOX_DATA")
        .expect("TINDERBOX_DATA must name the folder of the real data");
    let root = PathBuf::from(data).join("hostile");
    assert!(root.join("EXPECT.tsv").is_file(), "{} has no EXPECT.tsv", root.display());
    root
}

/// The files below `folder` of the list, with what it says of them.
fn expected(root: &Path, folder: &str) -> Vec<(String, Verdict)> {
    let decided = BTreeMap::from(DECIDED);
    let text = fs::read_to_string(root.join("EXPECT.tsv")).unwrap();
    let rows = text.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
    let rows = rows.filter(|row| row[0].starts_with(folder));
    let verdict = |row: Vec<&str>| {
        let verdict = match row[1] {
            "good" => Loads,
            "reject" => Refused(""),
            "warn" => *decided
                .get(row[0])
                .unwrap_or_else(|| panic!("nothing is decided about {}: {}", row[0], row[2])),
            kind => panic!("{}: no kind is called `{kind}`", row[0]),
        };
        (row[0].to_owned(), verdict)
    };
    let found: Vec<_> = rows.map(verdict).collect();
    assert!(!found.is_empty(), "nothing is listed below {folder}");
    found
}

/// Compares what became of a file with its verdict.
fn judge<T>(file: &str, verdict: Verdict, result: Result<T, Error>) -> Outcome {
    match (verdict, result) {
        (Loads | NotListed, Ok(_)) => Ok(()),
        (Loads | NotListed, Err(error)) => Err(format!("{file}: {error}")),
        (Refused(_), Ok(_)) => Err(format!("{file}: was read")),
        (Refused(part), Err(error)) => {
            let (message, name) = (error.to_string(), Path::new(file).file_name().unwrap());
            match message.contains(name.to_str().unwrap()) && message.contains(part) {
                true => Ok(()),
                false => Err(format!("{file}: the message is `{message}`")),
            }
        }
    }
}

#[track_caller]
fn none(wrong: impl IntoIterator<Item = Outcome>) {
    let outcomes: Vec<Outcome> = wrong.into_iter().collect();
    let wrong: Vec<&String> =
        outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert!(wrong.is_empty(), "{} of {}: {wrong:#?}", wrong.len(), outcomes.len());
}

fn open(path: &Path) -> Result<Pixels, Error> {
    Pixels::open(path, ConvertMode::Rgb)
}

#[test]
#[ignore = "needs real data: set TINDERBOX_DATA"]
fn pictures() {
    let root = root();
    none(["images/", "names/"].into_iter().flat_map(|folder| {
        let listed = ImageItems::from_folder(root.join(folder)).unwrap();
        let listed: Vec<PathBuf> =
            listed.relative_paths().map(|path| Path::new(folder).join(path)).collect();
        let judged = |(file, verdict): (String, Verdict)| {
            judge(&file, verdict, open(&root.join(&file)))?;
            match listed.contains(&PathBuf::from(&file)) == (verdict == Loads) {
                true => Ok(()),
                // What has to be refused may be looked for or not.
                false if matches!(verdict, Refused(_)) => Ok(()),
                false => Err(format!("{file}: it is listed, or not, against {verdict:?}")),
            }
        };
        expected(&root, folder).into_iter().map(judged).collect::<Vec<_>>()
    }));
}

#[test]
#[ignore = "needs real data: set TINDERBOX_DATA"]
fn pictures_that_are_the_same_are_read_the_same() {
    let root = root().join("images");
    none(SAME.map(|(one, other, tolerance)| {
        let mode = if other.starts_with("gray") { ConvertMode::L } else { ConvertMode::Rgb };
        let [a, b] = [one, other].map(|name| Pixels::open(root.join(name), mode).unwrap());
        if [a.height, a.width] != [b.height, b.width] {
            return Err(format!("{other} is {}×{}", b.height, b.width));
        }
        let apart = a.bytes.iter().zip(&b.bytes).map(|(a, b)| f64::from(a.abs_diff(*b)));
        let apart = apart.sum::<f64>() / a.bytes.len() as f64;
        match apart <= tolerance {
            true => Ok(()),
            false => Err(format!("{other} is {apart} from {one}")),
        }
    }));
}

/// The picture rises evenly from 0 to 65535.
#[test]
#[ignore = "needs real data: set TINDERBOX_DATA"]
fn sixteen_bits_are_scaled_to_eight() {
    let path = root().join("images/gray16.png");
    let bytes = Pixels::open(&path, ConvertMode::L).unwrap().bytes;
    let scale = 255.0 / (bytes.len() - 1) as f64;
    for (at, byte) in bytes.iter().enumerate() {
        assert!((f64::from(*byte) - at as f64 * scale).abs() <= 1.0, "pixel {at} is {byte}");
    }
}

#[test]
#[ignore = "needs real data: set TINDERBOX_DATA"]
fn bombs_are_refused_by_their_header() {
    let root = root();
    let bomb = |file: &str| file.contains("bomb") || file.contains("huge");
    let bombs = expected(&root, "images/").into_iter().filter(|(file, _)| bomb(file));
    none(bombs.map(|(file, _)| {
        let path = root.join(&file);
        let start = Instant::now();
        let results = [open(&path).map(drop), ImageInfo::read(&path).map(drop)];
        let took = start.elapsed();
        for result in results {
            judge(&file, Refused(" pixels"), result)?;
        }
        match took < Duration::from_millis(100) {
            true => Ok(()),
            false => Err(format!("{file} took {took:?}")),
        }
    }));
}

/// The pictures of `images/` as a data set of two classes.
#[test]
#[ignore = "needs real data: set TINDERBOX_DATA"]
fn all_bad_pictures_of_a_folder_are_named_at_once() {
    let root = root();
    let items = ImageItems::from_folder(root.join("images")).unwrap();
    let bad = expected(&root, "images/").into_iter();
    let bad: Vec<String> =
        bad.filter(|(_, verdict)| matches!(verdict, Refused(_))).map(|(file, _)| file).collect();
    let data = || -> DataBunch {
        let split = items.clone().split_by_rand_pct(0.3, 1).unwrap();
        let labelled = split.label_const(&Label::Text("picture".into()));
        let options = BatchOptions { batch_size: 4, ..BatchOptions::default() };
        labelled.unwrap().batches(options).unwrap()
    };
    let allowing = |allowed| data().check(&Check { allowed, progress: None });
    let Err(Error::BadFiles { files, .. }) = allowing(bad.len() - 1) else {
        panic!("{} bad files are one too many", bad.len())
    };
    assert_eq!(files.len(), bad.len(), "{files:#?}");
    let checked = allowing(bad.len()).unwrap();
    assert_eq!(checked.data.n_train() + checked.data.n_valid(), items.len() - bad.len());
}

#[test]
#[ignore = "needs real data: set TINDERBOX_DATA"]
fn class_folders() {
    let root = root().join("class-folders");
    let items = |name: &str| ImageItems::from_folder(root.join(name)).unwrap();

    // Mixed: what is no picture is not looked at, an empty folder is no class, and a picture in no
    // folder is named.
    let mixed = items("mixed");
    let error = mixed.clone().split_none().label_from_folder().unwrap_err();
    assert!(error.to_string().contains("stray.jpg"), "{error}");
    let sorted = mixed.filter_by_func(|path| path.components().count() > 1).split_none();
    let sorted = sorted.label_from_folder().unwrap();
    assert_eq!(sorted.train.items.len(), 7);
    assert_eq!(sorted.target.classes(), ["cat", "dog", "one_only"]);

    let single = items("single-class").split_none().label_from_folder().unwrap();
    assert!(single.warnings[0].contains("only one class"), "{:?}", single.warnings);

    let names = items("duplicate-names").split_none().label_from_folder().unwrap();
    assert_eq!(
        (names.train.items.len(), names.target.classes()),
        (2, &["a", "b"].map(String::from)[..])
    );
    assert!(names.warnings.is_empty(), "{:?}", names.warnings);

    // Leak: files are compared by their names, not by their content. A class that is not trained on
    // is refused, or dropped with a word.
    let leak = || items("leak").split_by_folder("train", "valid").unwrap();
    let error = leak().label_from_folder().unwrap_err();
    assert!(error.to_string().contains("unknown_class"), "{error}");
    let dropped = leak().unknown_labels(UnknownLabels::Drop).label_from_folder().unwrap();
    assert_eq!(dropped.valid.items.len(), 1);
    assert!(dropped.warnings[0].contains("unknown_class"), "{:?}", dropped.warnings);
}

/// Reads a table as the data block does: the two columns it is about, whole.
fn table(path: &Path) -> Result<(), Error> {
    let table = Table::read(path, b',', true)?;
    for column in ["label", "text"] {
        let column = table.column(column)?;
        (0..table.len()).try_for_each(|row| table.cell(row, column).map(drop))?;
    }
    Ok(())
}

#[test]
#[ignore = "needs real data: set TINDERBOX_DATA"]
fn tables() {
    let root = root();
    none(expected(&root, "csv/").into_iter().map(|(file, verdict)| {
        let options = CsvOptions { folder: "images".into(), ..CsvOptions::default() };
        match file.contains("images_") {
            true => judge(&file, verdict, ImageItems::from_csv(&root, &file, &options)),
            false => judge(&file, verdict, table(&root.join(&file))),
        }
    }));
}

#[test]
#[ignore = "needs real data: set TINDERBOX_DATA"]
fn a_table_of_doubtful_labels_is_warned_about() {
    let root = root();
    let warning = |file: &str| {
        let options = CsvOptions { folder: "images".into(), ..CsvOptions::default() };
        let items = ImageItems::from_csv(&root, file, &options).unwrap();
        items.split_none().label_from_df("label", None).unwrap().warnings.join("; ")
    };
    let warning_of_two = warning("csv/images_conflicting_labels.csv");
    assert!(warning_of_two.contains("ok.jpg is labelled both `cat` and `dog`"), "{warning_of_two}");
    let case = warning("csv/images_label_case.csv");
    assert!(case.contains("differ only in case or spaces"), "{case}");
}

#[test]
#[ignore = "needs real data: set TINDERBOX_DATA"]
fn masks() {
    let root = root();
    let folder = root.join("segmentation");
    let codes = fs::read_to_string(folder.join("codes.txt")).unwrap();
    let classes: Vec<String> = codes.lines().map(str::to_owned).collect();
    // A mask goes by its picture's name.
    let mask = |picture: &Path| {
        let png = Path::new("masks").join(picture.file_name().unwrap());
        let jpg = png.with_extension("jpg");
        Label::File(if folder.join(&jpg).is_file() { jpg } else { png })
    };
    let read = |picture: &str| {
        let items = Items::new(&folder, vec![picture.into()], ImageKind::default());
        items
            .split_none()
            .label_kind(LabelKind::mask(classes.clone()))
            .label_from_func(mask)?
            .batches(BatchOptions { batch_size: 1, ..BatchOptions::default() })?
            .one_batch(Set::Fix)
    };
    let masks = expected(&root, "segmentation/masks/").into_iter();
    // One that no picture goes with is not asked for.
    let masks = masks.filter(|(file, _)| !file.contains("orphan"));
    none(masks.map(|(file, verdict)| {
        let name = Path::new(&file).with_extension("png");
        let picture = Path::new("images").join(name.file_name().unwrap());
        judge(&file, verdict, read(picture.to_str().unwrap()))
    }));
    let missing = read("images/missing_mask.png");
    judge("masks/missing_mask.png", Refused("cannot read"), missing).unwrap();
    let wide = read("images/gray16_mask.png").unwrap().targets;
    let plain = read("images/ok.png").unwrap().targets;
    let largest = |array: &tinderbox_data::Array| match &array.values {
        tinderbox_data::Values::I64(codes) => codes.iter().copied().max(),
        tinderbox_data::Values::F32(_) => None,
    };
    assert_eq!((largest(&wide), largest(&plain)), (Some(11), Some(11)));
}
