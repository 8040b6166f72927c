//! Lesson 7: restoring photographs with a U-Net – the generator of the notebook's GAN –, cell by cell.
//!
//! ```text
//! cargo run --release -p tinderbox --example lesson7_restoration -- photos
//! cargo run --release -p tinderbox --example lesson7_restoration -- photos resnet34-b627a593.pth
//! cargo run --release -p tinderbox --example lesson7_restoration -- --tiny
//! ```
//!
//! The folder holds photographs; the notebook's are the pets. The weights are torchvision's, which are
//! downloaded if no file is named. With `--tiny`, scenes of shapes are drawn instead, and a small body
//! starts fresh.
//!
//! | fit                 | epochs | validation loss (lesson, pets) |
//! |---------------------|--------|--------------------------------|
//! | the decoder         | 2      | 0.047272                       |
//! | everything          | 3      | 0.043146                       |

#![expect(clippy::print_stdout, reason = "a notebook prints")]

mod common;

use common::Arguments;
use tinderbox::{
    data::{
        damage::{WriteOptions, set_or_steps, write_damaged},
        scenes::{ScenesConfig, write_scenes},
    },
    prelude::*,
};

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::of("lesson7_restoration")?;
    let (out, tiny) = (&arguments.out, arguments.tiny);
    println!("images go to {}", out.display());
    let scenes =
        ScenesConfig { train: 24, valid: 8, size: [48, 64], seed: 42, ..ScenesConfig::default() };
    let photos = arguments.data("photographs", |folder| write_scenes(folder, &scenes))?;
    let photos = if tiny { photos.join("images") } else { photos };
    let (batch_size, size) = if tiny { (4, 32) } else { (32, 128) };

    // ## Crappified data
    let crappy = out.join("crappy");
    if !crappy.exists() {
        let originals = ImageItems::from_folder(&photos)?;
        write_damaged(&originals, &crappy, &set_or_steps("restore")?, &WriteOptions::default())?;
    }

    // ## Pre-train generator
    let data = ImageItems::from_folder(&crappy)?
        .split_by_rand_pct(0.1, 42)?
        .label_kind(LabelKind::image(ConvertMode::Rgb))
        .label_from_func(|image| photos.join(image))?
        .transform(
            Augmentation { max_zoom: 2.0, ..Augmentation::default() }
                .transforms()
                .size(size)
                .transform_labels(true),
        )?
        .batches(batch_size)?
        .normalize_by(Normalize::imagenet().and_targets())?;
    data.show_batch(4, Set::Train)?.save(out.join("batch.png"))?;

    let config = UnetLearnerConfig::new(if tiny { "resnet-small" } else { "resnet34" });
    let mut config = config.unet(|unet| UnetConfig {
        norm: NormType::Weight,
        self_attention: !tiny,
        y_range: Some([-3.0, 3.0]),
        ..unet
    });
    if let Some(file) = arguments.words.get(1) {
        config = config.pretrained(Pretrained::File(file.into()));
    }
    let mut learn = unet_learner(data, config)?.loss(MSELossFlat);
    learn.network_mut().weight_decay = 1e-3;

    let [head, all] = if tiny { [1, 1] } else { [2, 3] };
    let cycle = |lr: LearningRate| OneCycle { pct_start: 0.8, ..OneCycle::from(lr) };
    learn.fit_one_cycle(head, cycle(slice(3e-3)))?;
    println!("{}", learn.recorder().table());
    learn.unfreeze();
    learn.fit_one_cycle(all, slice(1e-6..1e-3))?;
    println!("{}", learn.recorder().table());
    show_results(&learn, Set::Valid, 4)?.save(out.join("results.png"))?;

    // ## Save generated images
    learn.export(out.join("gen-pre2.safetensors"))?;
    Ok(())
}
