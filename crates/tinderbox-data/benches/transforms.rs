//! How fast pictures are read and transformed, in pictures a second on one core: `get_transforms`
//! at 224 pixels; and pairs of a damaged picture and its original, at 128.
//!
//! `TINDERBOX_BENCH_PICTURES` names a folder of pictures to measure with. Without it, JPEG files of
//! 500×375 pixels are made.

use std::{
    path::{Path, PathBuf},
    sync::LazyLock,
};

use divan::{Bencher, counter::ItemsCount};
use image::{ImageBuffer, Rgb};
use tinderbox_data::{
    BatchOptions, ConvertMode, Crappifier, DataBunch, ImageItems,
    image::Pixels,
    transform::{Augmentation, Size, Transforms, get_transforms},
};

fn main() {
    divan::main();
}

/// Pictures in a batch.
const BATCH: usize = 32;

static PICTURES: LazyLock<PathBuf> = LazyLock::new(|| {
    std::env::var_os("TINDERBOX_BENCH_PICTURES").map_or_else(made_up, PathBuf::from)
});

/// A batch of soft shapes with noise, in the system's folder for such.
fn made_up() -> PathBuf {
    let folder = std::env::temp_dir().join("tinderbox-bench-pictures");
    std::fs::create_dir_all(&folder).expect("a folder for pictures");
    for number in 0..BATCH as u32 {
        let picture = ImageBuffer::from_fn(500, 375, |x, y| {
            let wave = |of: u32, by: f32| ((of as f32 / by).sin() + 1.0) * 110.0;
            let noise = (x * 7919 + y * 104_729 + number * 31) % 23;
            Rgb([
                wave(x + 10 * number, 40.0) as u8 + noise as u8,
                wave(y, 25.0 + number as f32) as u8 + noise as u8,
                wave(x + y, 60.0) as u8 + noise as u8,
            ])
        });
        picture.save(folder.join(format!("{number}.jpg"))).expect("a picture is written");
    }
    folder
}

/// Batches of as many of the pictures, read anew each time.
fn data(transforms: Transforms) -> DataBunch {
    let items = ImageItems::from_folder(&*PICTURES).expect("a folder of pictures");
    let options = BatchOptions { batch_size: BATCH, workers: 0, ..BatchOptions::default() };
    items
        .split_none()
        .label_empty()
        .and_then(|labelled| labelled.transform(transforms))
        .and_then(|transformed| transformed.batches(options))
        .expect("pictures make batches")
}

/// Batches of pairs: what was done to a picture, and the picture.
fn pairs(damage: &str, cache_bytes: usize) -> DataBunch {
    let damage: Crappifier = damage.parse().expect("steps of damage");
    let items = ImageItems::from_folder(&*PICTURES).expect("a folder of pictures");
    let options =
        BatchOptions { batch_size: BATCH, workers: 0, cache_bytes, ..BatchOptions::default() };
    let transforms = Augmentation { max_zoom: 2.0, ..Augmentation::default() }.transforms();
    items
        .split_none()
        .label_by_damage(damage)
        .and_then(|labelled| {
            labelled.transform(transforms.size(Size::Square(128)).transform_labels(true))
        })
        .and_then(|transformed| transformed.batches(options))
        .expect("pictures make batches")
}

fn batches(bencher: Bencher, data: &DataBunch) {
    let mut epochs = (0..).map(|epoch| data.train_batches(epoch, 0));
    let mut batches = epochs.next().expect("a batch");
    bencher.counter(ItemsCount::new(BATCH)).bench_local(|| {
        let batch = batches.next().or_else(|| {
            batches = epochs.next().expect("numbers do not end");
            batches.next()
        });
        batch.expect("an epoch has a batch").expect("pictures are readable")
    });
}

#[divan::bench]
fn augmented(bencher: Bencher) {
    batches(bencher, &data(get_transforms().size(Size::Square(224))));
}

#[divan::bench]
fn resized_and_cropped(bencher: Bencher) {
    batches(bencher, &data(Transforms::new().size(Size::Square(224))));
}

/// Read anew in each epoch.
#[divan::bench(args = ["restore", "shrink 4", "gray", "old-photo"])]
fn damaged(bencher: Bencher, damage: &str) {
    batches(bencher, &pairs(damage, 0));
}

/// The decoded pictures are kept: only the first epoch reads them.
#[divan::bench(args = ["restore", "shrink 4", "gray", "old-photo"])]
fn damaged_of_kept(bencher: Bencher, damage: &str) {
    let data = pairs(damage, 4 << 30);
    for batch in data.train_batches(0, 0) {
        batch.expect("pictures are readable");
    }
    batches(bencher, &data);
}

#[divan::bench]
fn decoded(bencher: Bencher) {
    let items = ImageItems::from_folder(&*PICTURES).expect("a folder of pictures");
    let files: Vec<PathBuf> = items.relative_paths().map(Path::to_owned).collect();
    let mut files = files.iter().cycle();
    bencher.counter(ItemsCount::new(1usize)).bench_local(|| {
        let file = PICTURES.join(files.next().expect("files go on"));
        Pixels::open(&file, ConvertMode::Rgb).expect("a readable picture")
    });
}
