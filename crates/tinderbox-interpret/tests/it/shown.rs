//! Grids of results.

use std::path::Path;

use tinderbox_data::{
    Array, BatchOptions, ConvertMode, DataBunch, ImageItems, Label, LabelKind, Normalize, Values,
    picture::Picture,
};
use tinderbox_interpret::show_results;
use tinderbox_learn::{Learner, Set, loss::MSELossFlat};
use tinderbox_model::Sequential;

const INPUT: [u8; 3] = [40, 80, 120];
const TARGET: [u8; 3] = [200, 10, 60];

/// Pixels of this color, as near as normalizing and back leaves it.
fn count(picture: &Picture, color: [u8; 3]) -> usize {
    let rows = (0..picture.height()).flat_map(|y| (0..picture.width()).map(move |x| (x, y)));
    let near = |found: [u8; 3]| found.iter().zip(color).all(|(a, b)| a.abs_diff(b) <= 1);
    rows.filter(|&(x, y)| near(picture.pixel(x, y))).count()
}

/// Pictures of one color that are to become pictures of another; both sets are normalized.
fn pictures(root: &Path) -> DataBunch {
    for (folder, color) in [("train", INPUT), ("valid", INPUT), ("made", TARGET)] {
        std::fs::create_dir_all(root.join(folder)).unwrap();
        for name in ["a.png", "b.png", "c.png"] {
            Picture::filled(12, 12, color).save(root.join(folder).join(name)).unwrap();
        }
    }
    let made = |path: &Path| Label::File(Path::new("made").join(path.file_name().unwrap()));
    let statistics = Normalize { targets: true, ..Normalize::imagenet() };
    ImageItems::from_folder(root)
        .unwrap()
        .filter_by_func(|path| !path.starts_with("made"))
        .split_by_folder("train", "valid")
        .unwrap()
        .label_kind(LabelKind::image(ConvertMode::Rgb))
        .label_from_func(made)
        .unwrap()
        .batches(BatchOptions { batch_size: 2, ..BatchOptions::default() })
        .unwrap()
        .normalize_by(statistics)
        .unwrap()
}

/// A model that changes nothing predicts its input, which is shown as the input is: not normalized.
#[test]
fn pictures_to_be_made_are_shown_beside_input_and_target() {
    let folder = tempfile::tempdir().unwrap();
    let learner = Learner::new(pictures(folder.path()), Sequential::new(), MSELossFlat);
    let shown = show_results(&learner, Set::Valid, 2).unwrap();
    let cell = count(&shown, TARGET) / 2;
    assert!(cell >= 12 * 12 && cell.is_multiple_of(12 * 12), "{cell}");
    assert_eq!(count(&shown, INPUT), 4 * cell, "two rows of an input and a prediction");
    // Three cells a row, two rows.
    let side = cell.isqrt();
    assert!(shown.width() > 3 * side && shown.width() < 4 * side, "{}", shown.width());
    assert!(shown.height() > 2 * side && shown.height() < 3 * side, "{}", shown.height());
}

/// Arrays whose targets are of this shape, three items of each set.
fn arrays(shape: &[usize]) -> DataBunch {
    let shape = [&[3], shape].concat();
    let array = |shape: Vec<usize>| {
        let n = shape.iter().product();
        Array { shape, values: Values::F32(vec![0.5; n]) }
    };
    let set = || (array(vec![3, 1, 4, 4]), array(shape.clone()));
    let options = BatchOptions { batch_size: 2, ..BatchOptions::default() };
    DataBunch::from_arrays(set(), set(), options).unwrap()
}

#[test]
fn targets_without_a_meaning_are_refused() {
    let learner = |shape: &[usize]| Learner::new(arrays(shape), Sequential::new(), MSELossFlat);
    let error = show_results(&learner(&[1, 4, 4]), Set::Valid, 1).unwrap_err();
    assert_eq!(error.to_string(), "targets of kind ItemList cannot be shown with an image");
    assert!(show_results(&learner(&[16]), Set::Valid, 1).is_ok());
}
