//! Lesson 7: a U-Net that says what each pixel shows, cell by cell.
//!
//! ```text
//! cargo run --release -p tinderbox --example lesson7_unet_camvid -- camvid resnet34-b627a593.pth
//! cargo run --release -p tinderbox --example lesson7_unet_camvid -- --tiny
//! ```
//!
//! The first folder holds `train/`, `trainannot/`, `val/`, `valannot/` and `codes.txt`; the weights are
//! torchvision's. With `--tiny`, scenes of shapes are drawn instead, and a small body starts fresh.
//!
//! | fit                       | epochs | accuracy without void (lesson) |
//! |---------------------------|--------|--------------------------------|
//! | half size, the way up     | 10     | 0.9071                         |
//! | half size, everything     | 12     | 0.9268                         |

#![expect(clippy::print_stdout, reason = "a notebook prints")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use tinderbox::{
    data::{
        Label, LabelKind,
        scenes::{ScenesConfig, write_scenes},
    },
    learn::metric::PixelAccuracy,
    model::{
        arch::{BodySpec, UnetConfig, UnetSpec},
        weights::StateDict,
    },
    plots::show_results,
    prelude::*,
    pretrained_unet_learner, unet_learner,
};

/// Where pictures and masks are, what is trained, and how long.
struct Course {
    images: PathBuf,
    mask_of: fn(&Path) -> PathBuf,
    valid: &'static str,
    arch: &'static str,
    size: [usize; 2],
    epochs: [usize; 2],
}

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next().context("name the folder with CamVid, or say --tiny")?;
    let tiny = first == "--tiny";
    let out = std::env::temp_dir().join("lesson7_unet_camvid");
    fs::create_dir_all(&out)?;
    println!("pictures go to {}", out.display());
    let course = if tiny { scenes(&out)? } else { camvid(Path::new(&first)) };
    let weights = arguments.next().map(|file| StateDict::read(Path::new(&file))).transpose()?;

    // ## Data
    let root = if tiny { out.clone() } else { PathBuf::from(&first) };
    let codes = fs::read_to_string(root.join("codes.txt"))?;
    let codes: Vec<String> = codes.lines().map(str::to_owned).collect();
    let void = codes.iter().position(|code| code == "Void").map(|code| code as i64);

    let items =
        ImageItems::from_folder(&course.images)?.filter_by_folder(&["train", course.valid], &[]);
    println!("{items}\n");
    let labelled = items
        .split_by_folder("train", course.valid)?
        .label_kind(LabelKind::Mask { classes: codes.clone(), ignore: None, void: None })
        .label_from_func(|picture| Label::File(root.join((course.mask_of)(picture))))?;
    let [height, width] = course.size;
    let transforms = get_transforms().size(Size::Exactly(height, width)).transform_labels(true);
    let data = labelled
        .transform(transforms)?
        .batches(BatchOptions { batch_size: 8, seed: 42, ..BatchOptions::default() })?
        .normalize_by(Normalize::imagenet())?;
    data.show_batch(2, Set::Train)?.save(out.join("batch.png"))?;

    // ## Model
    let body = BodySpec::new(course.arch)?;
    let unet = UnetConfig { bottle: true, ..UnetConfig::new(codes.len(), course.size) };
    let spec = UnetSpec { body, unet };
    let learn = match weights {
        Some(weights) => {
            let (learn, report) = pretrained_unet_learner(data, &spec, weights, 42)?;
            println!("not among the weights: {:?}", report.missing);
            learn
        }
        None => unet_learner(data, &spec, 42)?,
    };
    let mut learn = learn.metrics(PixelAccuracy::new(void).named("acc_camvid"));
    println!("{}", learn.summary()?);

    // ## Training
    let cycle = |lr_max| OneCycle { lr_max, pct_start: 0.8, ..OneCycle::default() };
    let [head, all] = course.epochs;
    learn.fit_one_cycle(head, cycle(LearningRate::Slice(2e-3)))?;
    println!("{}", learn.recorder().table());
    learn.unfreeze();
    learn.fit_one_cycle(all, cycle(LearningRate::Range(2e-5, 2e-3)))?;
    println!("{}", learn.recorder().table());
    plot_losses(learn.recorder(), &out.join("losses.svg"))?;

    // ## Results
    show_results(&learn, Set::Valid, 3)?.save(out.join("results.png"))?;
    Ok(())
}

fn camvid(root: &Path) -> Course {
    Course {
        images: root.to_owned(),
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
    }
}

/// A data set of the same form, small enough for a quick look.
fn scenes(root: &Path) -> anyhow::Result<Course> {
    let config = ScenesConfig { train: 48, valid: 12, size: [48, 64], seed: 42 };
    write_scenes(root, &config)?;
    Ok(Course {
        images: root.join("images"),
        mask_of: |picture| Path::new("masks").join(picture),
        valid: "valid",
        arch: "resnet-small",
        size: [48, 64],
        epochs: [1, 2],
    })
}
