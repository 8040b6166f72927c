//! Kinds of items and labels beside pictures and classes, and how they go through the data block.

use std::path::{Path, PathBuf};

use image::{GrayImage, Luma, RgbImage};
use rand::{Rng, RngCore};
use tinderbox_data::{
    Array, BatchOptions, ConvertMode, DataBunch, Error, ImageItems, ImageKind, InputKind, ItemKind,
    Items, Label, LabelKind, Normalize, Result, SavedInput, TargetKind, Values,
    batch::Set,
    transform::{Drawn, Size, Transforms, flip_lr, rand_crop},
};

/// Noise, as a generator's input: nothing is read, all is drawn.
#[derive(Debug, Clone)]
struct Noise {
    size: usize,
}

impl ItemKind for Noise {
    type Opened = ();

    fn name(&self) -> &'static str {
        "NoiseItems"
    }

    fn open(&self, _: &Path) -> Result<()> {
        Ok(())
    }

    fn show(&self, _: &Path) -> String {
        format!("Noise ({}, 1, 1)", self.size)
    }
}

impl InputKind for Noise {
    fn bytes(&self, (): &()) -> usize {
        0
    }

    fn input(&self, (): &(), _: &Drawn<'_>, rng: &mut dyn RngCore) -> Result<Array> {
        Ok(Array::f32([self.size, 1, 1], (0..self.size).map(|_| rng.random()).collect()))
    }

    fn saved(&self) -> SavedInput {
        SavedInput::Array
    }
}

fn options(batch_size: usize) -> BatchOptions {
    BatchOptions { batch_size, workers: 2, ..BatchOptions::default() }
}

#[test]
fn noise_is_a_kind_of_item_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = (0..5).map(|n| format!("{n}.png").into()).collect();
    for path in &paths {
        RgbImage::new(2, 2).save(folder.path().join(path)).unwrap();
    }
    let items = Items::new(folder.path(), paths, Noise { size: 3 });
    assert!(items.to_string().starts_with("NoiseItems (5 items)\n[Noise (3, 1, 1), "));
    let data = items
        .split_none()
        .label_kind(LabelKind::image(ConvertMode::Rgb))
        .label_from_func(|path| Label::File(path.into()))
        .unwrap()
        .batches(options(2))
        .unwrap();
    assert_eq!((data.c(), data.target()), (3, &TargetKind::image(ConvertMode::Rgb)));
    let batches = |epoch| data.train_batches(epoch, 0).map(|batch| batch.unwrap());
    let first: Vec<_> = batches(0).collect();
    assert_eq!(first[0].inputs.shape, [2, 3, 1, 1]);
    assert_eq!(first[0].targets.shape, [2, 3, 2, 2]);
    assert_eq!(first, batches(0).collect::<Vec<_>>());
    assert_ne!(first[0].inputs, batches(1).next().unwrap().inputs);
    let error = data.one_item(Path::new("x.png")).unwrap_err();
    assert!(matches!(error, Error::UnfitInput { takes: "arrays", .. }), "{error}");
}

/// Pictures whose gray values are ten times the codes of their masks.
fn masked(root: &Path) -> ImageItems {
    for set in ["train", "valid", "masks/train", "masks/valid", "test"] {
        std::fs::create_dir_all(root.join(set)).unwrap();
        for n in 0..4u32 {
            let scale = if set.starts_with("masks") { 1 } else { 10 };
            let pixel = |x: u32, y: u32| Luma([(((x / 4 + y / 4 + n) % 12) * scale) as u8]);
            let path = root.join(set).join(format!("{n}.png"));
            GrayImage::from_fn(24, 16, pixel).save(path).unwrap();
        }
    }
    ImageItems::from_folder(root).unwrap().convert_mode(ConvertMode::L)
}

fn segmentation(root: &Path) -> tinderbox_data::Labelled<ImageKind> {
    masked(root)
        .split_by_folder("train", "valid")
        .unwrap()
        .label_kind(LabelKind::mask((0..12).map(|code| format!("class {code}"))))
        .label_from_func(|path| Label::File(Path::new("masks").join(path)))
        .unwrap()
}

#[test]
fn a_mask_moves_as_its_picture_does() {
    let folder = tempfile::tempdir().unwrap();
    let transforms = Transforms::new()
        .train(rand_crop())
        .train(flip_lr())
        .size(Size::Square(8))
        .resize_method(tinderbox_data::transform::ResizeMethod::Crop)
        .transform_labels(true);
    let data = segmentation(folder.path()).transform(transforms).unwrap();
    let data = data.batches(options(4)).unwrap();
    for epoch in 0..8 {
        let batch = data.train_batches(epoch, 0).next().unwrap().unwrap();
        assert_eq!(batch.inputs.shape, [4, 1, 8, 8]);
        assert_eq!(batch.targets.shape, [4, 1, 8, 8]);
        let (Values::F32(pixels), Values::I64(codes)) =
            (&batch.inputs.values, &batch.targets.values)
        else {
            panic!("pictures are floats, masks are codes")
        };
        // Halved by sampling, edges are mixed in the picture and not in the mask.
        let near = |(pixel, code): &(&f32, &i64)| (*pixel * 25.5 - **code as f32).abs() < 0.01;
        let same = pixels.iter().zip(codes).filter(near).count();
        assert!(same > pixels.len() / 4, "{same} of {} in epoch {epoch}", pixels.len());
    }
}

#[test]
fn a_test_set_without_masks_does_not_move_them() {
    let folder = tempfile::tempdir().unwrap();
    let data = || segmentation(folder.path()).add_test_folder("test", None).unwrap();
    let moving = Transforms::new().size(Size::Exactly(8, 12)).transform_labels(true);
    let error = data().transform(moving.clone()).unwrap_err();
    assert!(matches!(error, Error::LabelTransform { kind: "EmptyLabelList" }), "{error}");
    let data = data().transform(moving.transform_test_labels(false)).unwrap();
    let data = data.batches(options(4)).unwrap();
    assert_eq!(data.n_test(), 4);
    let batch = data.one_batch(Set::Test).unwrap();
    assert_eq!(
        (batch.inputs.shape, batch.targets),
        (vec![4, 1, 8, 12], Array::i64([4], vec![0; 4]))
    );
}

#[test]
fn classes_do_not_move() {
    let folder = tempfile::tempdir().unwrap();
    let labelled = masked(folder.path()).split_none().label_from_folder().unwrap();
    let error = labelled.transform(Transforms::new().transform_labels(true)).unwrap_err();
    assert!(matches!(error, Error::LabelTransform { kind: "CategoryList" }), "{error}");
}

#[test]
fn a_batch_is_shown_as_a_picture_file() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let shown = |data: DataBunch| -> [u32; 2] {
        let out = tempfile::tempdir().unwrap();
        let path = out.path().join("shown.png");
        let data = data.normalize().unwrap();
        data.show_batch(2, Set::Train).unwrap().save(&path).unwrap();
        let image = image::open(&path).unwrap();
        [image.width(), image.height()]
    };
    let masks = shown(segmentation(root).batches(options(4)).unwrap());
    let classes = masked(root).split_none().label_from_folder().unwrap();
    let classes = shown(classes.batches(options(4)).unwrap());
    assert!(masks[0] > classes[0], "masks are looked at closely");
    assert!(masks[1] > classes[1] + 15, "and what colors mean: {classes:?} {masks:?}");

    let rows = (Array::f32([4, 2], vec![0.0; 8]), Array::i64([4], vec![0; 4]));
    let data = DataBunch::from_arrays(rows.clone(), rows, options(2)).unwrap();
    let error = data.show_batch(2, Set::Train).unwrap_err();
    assert!(matches!(error, Error::NotImages { .. }), "{error}");
    let error = data.normalize().unwrap_err();
    assert!(matches!(error, Error::NotImages { .. }), "{error}");
}

#[test]
fn normalizing_is_undone_and_is_part_of_a_new_item() {
    let folder = tempfile::tempdir().unwrap();
    let labelled = segmentation(folder.path());
    let data = labelled.batches(options(4)).unwrap().normalize_by(Normalize::mnist()).unwrap();
    let plain = segmentation(folder.path()).batches(options(4)).unwrap();
    let (batch, want) = (data.one_batch(Set::Valid).unwrap(), plain.one_batch(Set::Valid).unwrap());
    let item = data.one_item(folder.path().join("valid/0.png")).unwrap();
    assert_eq!(item.inputs.row(0), batch.inputs.row(0));
    let back = data.denormalized(batch);
    let (Values::F32(back), Values::F32(want)) = (back.inputs.values, want.inputs.values) else {
        panic!("pictures are floats")
    };
    assert!(back.iter().zip(want).all(|(back, want)| (back - want).abs() < 1e-6));
    let error = data.normalize_by(Normalize::mnist()).unwrap_err();
    assert!(matches!(error, Error::NormalizedTwice), "{error}");
    let error = plain.normalize_by(Normalize::imagenet()).unwrap_err();
    assert!(matches!(error, Error::Channels { given: 3, channels: 1 }), "{error}");
}

#[test]
fn a_set_without_a_batch_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let data = segmentation(folder.path()).batches(options(8)).unwrap();
    let message = |set| data.one_batch(set).unwrap_err().to_string();
    assert_eq!(message(Set::Train), "the training set has 4 items, too few for a batch of 8");
    assert_eq!(message(Set::Test), "the test set has 0 items, too few for a batch of 8");
    assert!(data.warnings().any(|text| text.contains("you should lower it")));
}
