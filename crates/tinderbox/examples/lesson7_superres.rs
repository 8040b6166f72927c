//! Lesson 7: super-resolution with a feature loss, cell by cell.
//!
//! ```text
//! cargo run --release -p tinderbox --example lesson7_superres -- photos
//! cargo run --release -p tinderbox --example lesson7_superres -- --tiny
//! ```
//!
//! The folder holds photographs; the notebook's are the pets. The weights of ResNet-34 and VGG-16 are
//! torchvision's, which are downloaded if they are not in the cache. With `--tiny`, scenes of shapes are
//! drawn instead, and small networks start fresh.
//!
//! | fit | size | what is trained | validation loss (lesson, pets) |
//! |-----|------|-----------------|--------------------------------|
//! | 1a  | 128  | the decoder     | 3.187186                       |
//! | 1b  | 128  | everything      | 3.124737                       |
//! | 2a  | 256  | the decoder     | 2.080940                       |
//! | 2b  | 256  | everything      | 2.064459                       |

#![expect(clippy::print_stdout, reason = "a notebook prints")]

mod common;

use std::path::Path;

use common::Arguments;
use tinderbox::{
    data::{
        damage::{WriteOptions, write_damaged},
        scenes::{ScenesConfig, write_scenes},
    },
    model::{FeatureNet, arch::VggConfig},
    prelude::*,
};

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::of("lesson7_superres")?;
    let (out, tiny) = (&arguments.out, arguments.tiny);
    println!("images go to {}", out.display());
    let scenes =
        ScenesConfig { train: 24, valid: 8, size: [48, 64], seed: 42, ..ScenesConfig::default() };
    let photos = arguments.data("photographs", |folder| write_scenes(folder, &scenes))?;
    let high = if tiny { photos.join("images") } else { photos };
    let (batch_size, size, small) = if tiny { (4, 32, [24, 32]) } else { (32, 128, [96, 256]) };

    // ## Data: smaller and compressed copies
    let [low, medium] = small.map(|side| out.join(format!("small-{side}")));
    for (folder, side) in [&low, &medium].into_iter().zip(small) {
        if !folder.exists() {
            let damage = format!("side {side}, jpeg 60").parse()?;
            let originals = ImageItems::from_folder(&high)?;
            write_damaged(&originals, folder, &damage, &WriteOptions::default())?;
        }
    }
    let get_data = |low: &Path, batch_size: usize, size: usize| -> tinderbox::Result<DataBunch> {
        let zooms = Augmentation { max_zoom: 2.0, ..Augmentation::default() }.transforms();
        Ok(ImageItems::from_folder(low)?
            .split_by_rand_pct(0.1, 42)?
            .label_kind(LabelKind::image(ConvertMode::Rgb))
            .label_from_func(|image| high.join(image))?
            .transform(zooms.size(size).transform_labels(true))?
            .batches(batch_size)?
            .normalize_by(Normalize::imagenet().and_targets())?)
    };
    let data = get_data(&low, batch_size, size)?;
    data.show_batch(2, Set::Valid)?.save(out.join("batch.png"))?;

    // ## Feature loss
    let feat_loss = match tiny {
        true => FeatureLoss::new(FeatureNet::before_pools(tiny_vgg(), 3)?, [5.0, 15.0, 2.0]),
        false => FeatureLoss::vgg16()?,
    };

    // ## Train
    let arch = UnetLearnerConfig::new(if tiny { "resnet-small" } else { "resnet34" });
    let arch = arch.unet(|unet| UnetConfig { norm: NormType::Weight, ..unet });
    let mut learn = unet_learner(data, arch)?.loss(feat_loss);
    learn.network_mut().weight_decay = 1e-3;

    let epochs = if tiny { 1 } else { 10 };
    let do_fit = |learn: &mut Learner, name: &str, lr: LearningRate, pct_start: f64| {
        learn.fit_one_cycle(epochs, OneCycle { pct_start, ..OneCycle::from(lr) })?;
        println!("{name}\n{}", learn.recorder().table());
        learn.export(out.join(format!("{name}.safetensors")))?;
        show_results(learn, Set::Valid, 1)?.save(out.join(format!("{name}.png")))?;
        anyhow::Ok(())
    };
    let lr = 1e-3;
    do_fit(&mut learn, "1a", slice(lr * 10.0), 0.9)?;
    learn.unfreeze();
    do_fit(&mut learn, "1b", slice(1e-5..lr), 0.9)?;

    learn.set_data(get_data(&low, (12 * batch_size / 32).max(2), 2 * size)?);
    if learn.n_groups() > 1 {
        learn.freeze()?;
    }
    do_fit(&mut learn, "2a", slice(lr), 0.9)?;
    learn.unfreeze();
    do_fit(&mut learn, "2b", slice(1e-6..1e-4), 0.3)?;

    // ## Test: from the medium-sized copies, larger than it was trained on
    let size = if tiny { [64, 80] } else { [820, 1024] };
    let file = ImageItems::from_folder(&medium)?.path(0);
    let model = tinderbox::open_model(out.join("2b.safetensors"))?;
    let larger = tinderbox::PictureOptions {
        size: Some(tinderbox::OutputSize::Exactly(size)),
        ..tinderbox::PictureOptions::default()
    };
    let inputs = [tinderbox::Input::File(&file)];
    for answer in tinderbox::answers_with(tinderbox::TASKS, &model, inputs, larger)? {
        answer?.save(out.join("larger.png"))?;
    }
    Ok(())
}

/// A VGG of a convolution for each of its five stages, whose weights are what they happen to be.
fn tiny_vgg() -> Sequential {
    VggConfig { depths: [1; 5], ..VggConfig::VGG16 }.features(&Device::default())
}
