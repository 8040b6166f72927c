//! Transfer learning: a network pretrained on one data set learns another faster.
//!
//! ```text
//! cargo run --release -p tinderbox --example transfer_learning -- photos resnet34 resnet34-b627a593.pth
//! cargo run --release -p tinderbox --example transfer_learning -- --tiny
//! ```
//!
//! The folder holds class folders; the weights are torchvision's, which are downloaded if no file is
//! named. With `--tiny`, a network learns five drawn digits first, and then, from few images of each, the five others: once with what it knows,
//! and once from nothing.

#![expect(clippy::print_stdout, reason = "an example prints")]

mod common;

use std::{fs, path::Path};

use anyhow::Context;
use common::Arguments;
use tinderbox::{
    data::digits::{DigitsConfig, write_digits},
    prelude::*,
};

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::of("transfer_learning")?;
    if arguments.tiny {
        return digits(&arguments.out);
    }
    let [folder, arch, weights @ ..] = &arguments.words[..] else {
        return None.context("name a folder and an architecture, or say --tiny");
    };
    let mut network = CnnConfig::new(arch);
    if let Some(file) = weights.first() {
        network = network.pretrained(Pretrained::File(file.into()));
    }
    transfer(photographs(folder)?, network, [3, 4])?;
    Ok(())
}

fn photographs(folder: &str) -> anyhow::Result<DataBunch> {
    Ok(ImageItems::from_folder(folder)?
        .split_by_rand_pct(0.2, 42)?
        .label_from_folder()?
        .transform(get_transforms().size(224))?
        .batches(16)?
        .normalize_by(Normalize::imagenet())?)
}

/// The new head alone, then everything, with smaller rates towards the pixels.
fn transfer(
    data: DataBunch,
    network: CnnConfig,
    [head, all]: [usize; 2],
) -> anyhow::Result<Option<f64>> {
    let mut learn = cnn_learner(data, network)?.metrics(accuracy);
    learn.fit_one_cycle(head, slice(1e-2))?;
    println!("the new head:\n{}", learn.recorder().table());
    learn.unfreeze();
    learn.fit_one_cycle(all, slice(3e-4..3e-3))?;
    println!("everything:\n{}", learn.recorder().table());
    Ok(learn.recorder().last_metric("accuracy"))
}

fn digits(folder: &Path) -> anyhow::Result<()> {
    let [many, few] = [("many", 60), ("few", 12)].map(|(name, n)| (folder.join(name), n));
    for (root, n) in [&many, &few] {
        write_digits(root, &DigitsConfig { train_per_class: *n, test_per_class: 20, seed: 1 })?;
    }
    let data = |root: &Path, digits: [&str; 5]| -> anyhow::Result<DataBunch> {
        let items = ImageItems::from_folder(root)?.filter_by_func(|path| {
            path.parent()
                .and_then(Path::file_name)
                .is_some_and(|name| digits.iter().any(|d| name == *d))
        });
        Ok(items
            .split_by_folder("training", "testing")?
            .label_from_folder()?
            .transform(Transforms::new().train(rand_pad(3, 28)))?
            .batches(10)?
            .normalize()?)
    };

    let network = || CnnConfig::new("resnet-small");
    let five = data(&many.0, ["0", "1", "2", "3", "4"])?;
    let mut first = cnn_learner(five, network().seed(1))?.metrics(accuracy);
    first.fit_one_cycle(4, 1e-2)?;
    println!("five digits, many of each:\n{}", first.recorder().table());
    let saved = folder.join("digits.safetensors");
    fs::write(&saved, body_of(&first)?.to_safetensors())?;

    let others = data(&few.0, ["5", "6", "7", "8", "9"])?;
    let mut beginner = cnn_learner(others.clone(), network())?.metrics(accuracy);
    beginner.fit_one_cycle(6, 1e-2)?;
    let from_nothing = beginner.recorder().last_metric("accuracy");
    let knowing = network().pretrained(Pretrained::File(saved.into()));
    let transferred = transfer(others, knowing, [2, 4])?;
    println!(
        "twelve each of five others: {transferred:?} with what it knew, {from_nothing:?} from nothing"
    );
    Ok(())
}

/// The weights of a learner's body by the network's own names, as files of weights have them.
fn body_of(learn: &Learner) -> anyhow::Result<StateDict> {
    let network = tinderbox::model::arch::ArchSpec::new("resnet-small", 3, 1000, [224, 224])?;
    let names = tinderbox::model::weights::state_dict(&network.build(&Device::flex())?);
    let body = learn.state_dict();
    let of_body = body.iter().filter(|(name, _)| name.starts_with("0."));
    let mut weights = StateDict::default();
    for ((name, _), (_, weight)) in names.iter().zip(of_body) {
        weights.insert(name, weight.shape.clone(), weight.values.clone());
    }
    Ok(weights)
}
