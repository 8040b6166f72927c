//! Data sets whose inputs are damaged: pairs of an image and what was made of it.

use std::path::Path;

use tinderbox_data::{
    Batch, BatchOptions, ConvertMode, Crappifier, DataBunch, Error, ImageItems, TargetKind, Values,
    batch::Set,
    image::Pixels,
    picture::Picture,
    transform::{Augmentation, Size, Transforms},
};

/// Ten images of 40×30 pixels, with a shade of two colors.
fn photos(folder: &Path) -> ImageItems {
    for at in 0..10u8 {
        let picture = Picture::filled(40, 30, [20 * at, 90, 255 - 20 * at]);
        let shade = |x: usize, y: usize| ([255, 200, 10], ((x * y) % 29) as f32 / 29.0);
        picture.tinted(shade).save(folder.join(format!("{at}.png"))).unwrap();
    }
    ImageItems::from_folder(folder).unwrap()
}

fn options(workers: usize) -> BatchOptions {
    BatchOptions { batch_size: 4, workers, seed: 5, ..BatchOptions::default() }
}

fn data(items: ImageItems, damage: &str, transforms: Transforms, workers: usize) -> DataBunch {
    let damage: Crappifier = damage.parse().unwrap();
    let split = items.split_by_rand_pct(0.3, 42).unwrap();
    let labelled = split.label_by_damage(damage).unwrap();
    labelled
        .transform(transforms.transform_labels(true))
        .unwrap()
        .batches(options(workers))
        .unwrap()
}

fn augmented() -> Transforms {
    Augmentation { max_zoom: 2.0, ..Augmentation::default() }.transforms().size(Size::Square(24))
}

fn all(batches: impl Iterator<Item = tinderbox_data::Result<Batch>>) -> Vec<Batch> {
    batches.map(Result::unwrap).collect()
}

fn floats(values: &Values) -> &[f32] {
    match values {
        Values::F32(values) => values,
        Values::I64(_) => panic!("floats"),
    }
}

#[test]
fn a_target_is_its_image_and_an_input_is_that_with_the_damage() {
    let folder = tempfile::tempdir().unwrap();
    let data = data(photos(folder.path()), "gray", Transforms::new(), 0);
    let Batch { inputs, targets, items } = data.one_batch(Set::Fix).unwrap();
    for (at, item) in items.into_iter().enumerate() {
        let image = Pixels::open(data.name(Set::Fix, item), ConvertMode::Rgb).unwrap();
        assert_eq!(targets.row(at), image.to_image().into_array());
        assert_eq!(inputs.row(at), image.to_luma().to_rgb().to_image().into_array());
    }
}

#[test]
fn an_image_and_what_was_made_of_it_move_together_and_stay_as_large() {
    let folder = tempfile::tempdir().unwrap();
    // Nearly nothing is done to the inputs, so that they can be compared.
    let data = data(photos(folder.path()), "noise 0", augmented(), 0);
    for batch in all(data.train_batches(0, 0)) {
        assert_eq!(batch.inputs.shape, [4, 3, 24, 24]);
        assert_eq!(batch.targets.shape, batch.inputs.shape);
        let pairs = floats(&batch.inputs.values).iter().zip(floats(&batch.targets.values));
        let worst = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst <= 0.5 / 255.0 + 1e-6, "{worst}");
    }
    let smaller = self::data(photos(folder.path()), "shrink 4", augmented(), 0);
    assert_eq!(smaller.one_batch(Set::Valid).unwrap().inputs.shape, [3, 3, 24, 24]);
}

#[test]
fn any_number_of_workers_makes_the_same_pairs() {
    let folder = tempfile::tempdir().unwrap();
    let items = photos(folder.path());
    let made = |workers: usize| {
        let data = data(items.clone(), "restore, old-photo, boxes", augmented(), workers);
        [all(data.train_batches(3, 0)), all(data.valid_batches())]
    };
    let alone = made(0);
    assert_eq!(alone.each_ref().map(Vec::len), [1, 1]);
    for workers in [1, 2, 5] {
        assert_eq!(made(workers), alone, "{workers} workers");
    }
}

#[test]
fn each_epoch_damages_anew_and_validation_stays_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let data = data(photos(folder.path()), "noise 20", Transforms::new(), 2);
    let epoch = |epoch: usize| {
        let batch = data.train_batches(epoch, 0).next().unwrap().unwrap();
        let at = batch.items.iter().position(|item| *item == 0);
        at.map(|at| (batch.inputs.row(at), batch.targets.row(at)))
    };
    // An epoch has one whole batch, which need not have the first item.
    let seen: Vec<_> = (0..40).filter_map(epoch).collect();
    assert!(seen.len() > 10);
    assert!(seen.windows(2).all(|two| two[0].0 != two[1].0), "the noise is another");
    assert!(seen.windows(2).all(|two| two[0].1 == two[1].1), "the image is the same");
    assert_eq!(all(data.valid_batches()), all(data.valid_batches()));
}

#[test]
fn what_a_model_is_trained_to_repair_is_kept_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let items = photos(folder.path());
    let data = data(items.clone(), "shrink 2, jpeg 10..70", augmented(), 0);
    let inference = data.inference();
    assert_eq!(
        inference.describe(),
        "RGB images; trained to repair: made 2 times smaller, JPEG of \
         quality 10 to 70"
    );
    let saved = serde_json::to_value(inference.target()).unwrap();
    let image = serde_json::json!({ "mode": "rgb", "scale": 2, "damage": "shrink 2, jpeg 10..70" });
    assert_eq!(saved, serde_json::json!({ "image": image }));
    // As versions without damage saved it.
    let plain: TargetKind = serde_json::from_str(r#"{"image":{"mode":"rgb"}}"#).unwrap();
    assert_eq!(plain, TargetKind::image(ConvertMode::Rgb));

    // Measured on other damage, and on other images.
    let other = items.split_all_valid().label_by_damage("shrink 2, blur".parse().unwrap()).unwrap();
    let measured = other.batches_like(&inference, options(0)).unwrap();
    assert_eq!((measured.n_train(), measured.n_valid()), (0, 10));
    assert_ne!(measured.target(), inference.target());
}

#[test]
fn damage_that_cannot_be_is_refused_before_anything_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let split = || photos(folder.path()).split_none();
    let error = split().label_by_damage(Crappifier::super_resolve(0)).unwrap_err();
    assert_eq!(error.to_string(), "`shrink 0`: expected a factor from 1 to 64");
    let error = split().label_by_damage(Crappifier { steps: Vec::new() }).unwrap_err();
    assert!(matches!(error, Error::NoDamage), "{error}");
}
