//! Lesson 7: image segmentation with a U-Net, cell by cell.
//!
//! ```text
//! cargo run --release -p tinderbox --example lesson7_unet_camvid -- camvid resnet34-b627a593.pth
//! cargo run --release -p tinderbox --example lesson7_unet_camvid -- --tiny
//! ```
//!
//! The folder holds `train/`, `trainannot/`, `val/`, `valannot/` and `codes.txt`; the weights are
//! torchvision's, which are downloaded if no file is named. With `--tiny`, scenes of shapes are drawn
//! instead, and a small body starts fresh.
//!
//! | fit                       | epochs | accuracy without void (lesson) |
//! |---------------------------|--------|--------------------------------|
//! | half size, the decoder    | 10     | 0.9071                         |
//! | half size, everything     | 12     | 0.9268                         |

#![expect(clippy::print_stdout, reason = "a notebook prints")]

mod common;

use std::{
    fs,
    path::{Path, PathBuf},
};

use common::Arguments;
use tinderbox::{
    data::scenes::{ScenesConfig, write_scenes},
    prelude::*,
};

/// What is trained on what, and how long.
struct Course {
    /// The folder of the images, below that of the data.
    images: &'static str,
    /// Where the mask of an image is, below that of the data.
    mask_of: fn(&Path) -> PathBuf,
    valid: &'static str,
    arch: &'static str,
    size: [usize; 2],
    epochs: [usize; 2],
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::of("lesson7_unet_camvid")?;
    let out = &arguments.out;
    println!("plots go to {}", out.display());
    let course = if arguments.tiny { &SCENES } else { &CAMVID };
    let tiny = ScenesConfig {
        train: 48,
        valid: 12,
        size: course.size,
        seed: 42,
        ..ScenesConfig::default()
    };
    let root = arguments.data("CamVid", |folder| write_scenes(folder, &tiny))?;

    // ## Data
    let codes = fs::read_to_string(root.join("codes.txt"))?;
    let codes: Vec<String> = codes.lines().map(str::to_owned).collect();
    let void = codes.iter().position(|code| code == "Void").map(|code| code as i64);

    let items = ImageItems::from_folder(root.join(course.images))?
        .filter_by_folder(&["train", course.valid], &[]);
    println!("{items}\n");
    let data = items
        .split_by_folder("train", course.valid)?
        .label_kind(LabelKind::mask(&codes))
        .label_from_func(|picture| root.join((course.mask_of)(picture)))?
        .transform(get_transforms().size(course.size).transform_labels(true))?
        .batches(BatchOptions { batch_size: 8, seed: 42, ..BatchOptions::default() })?
        .normalize_by(Normalize::imagenet())?;
    data.show_batch(2, Set::Train)?.save(out.join("batch.png"))?;

    // ## Model
    let mut unet =
        UnetLearnerConfig::new(course.arch).unet(|unet| UnetConfig { bottle: true, ..unet });
    if let Some(file) = arguments.words.get(1) {
        unet = unet.pretrained(Pretrained::File(file.into()));
    }
    let metric = PixelAccuracy::new(void).named("acc_camvid");
    let mut learn = unet_learner(data, unet)?.metrics(metric);
    println!("not among the weights: {:?}", learn.load_report().missing);
    println!("{}", learn.summary()?);

    // ## Training
    let cycle = |lr: LearningRate| OneCycle { pct_start: 0.8, ..OneCycle::from(lr) };
    let [head, all] = course.epochs;
    learn.fit_one_cycle(head, cycle(slice(2e-3)))?;
    println!("{}", learn.recorder().table());
    learn.unfreeze();
    learn.fit_one_cycle(all, cycle(slice(2e-5..2e-3)))?;
    println!("{}", learn.recorder().table());
    plot_losses(learn.recorder(), out.join("losses.svg"))?;

    // ## Results
    show_results(&learn, Set::Valid, 3)?.save(out.join("results.png"))?;
    let found = SegmentationInterpretation::of(&learn, Set::Valid)?;
    found.plot_top_losses(9)?.save(out.join("worst.png"))?;
    Ok(())
}

const CAMVID: Course = Course {
    images: "",
    // `train/7.jpg` has the mask `trainannot/7.png`.
    mask_of: |picture| {
        let folder = picture.parent().unwrap_or(Path::new("")).display();
        let mask =
            Path::new(&format!("{folder}annot")).join(picture.file_name().unwrap_or_default());
        mask.with_extension("png")
    },
    valid: "val",
    arch: "resnet34",
    size: [180, 240],
    epochs: [10, 12],
};

/// Drawn scenes, small enough for a quick look.
const SCENES: Course = Course {
    images: "images",
    mask_of: |picture| Path::new("masks").join(picture),
    valid: "valid",
    arch: "resnet-small",
    size: [48, 64],
    epochs: [1, 2],
};
