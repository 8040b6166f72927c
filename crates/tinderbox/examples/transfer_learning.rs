//! What a network knows of some things helps it with others.
//!
//! ```text
//! cargo run --release -p tinderbox --example transfer_learning -- photos resnet34 resnet34-b627a593.pth
//! cargo run --release -p tinderbox --example transfer_learning -- --tiny
//! ```
//!
//! The folder holds class folders; the weights are torchvision's. With `--tiny`, a network learns five
//! drawn digits first, and then, from few pictures of each, the five others: once with what it knows,
//! and once from nothing.

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::path::Path;

use anyhow::Context;
use tinderbox::{
    cnn_learner,
    data::digits::{DigitsConfig, write_digits},
    model::{
        arch::{BodySpec, CnnSpec},
        weights::StateDict,
    },
    prelude::*,
    pretrained_cnn_learner,
};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [tiny] if tiny == "--tiny" => digits(),
        [folder, arch, weights] => {
            let data = photographs(Path::new(folder))?;
            let spec = CnnSpec::new(BodySpec::new(arch)?, data.c(), [224, 224]);
            transfer(data, &spec, StateDict::read(Path::new(weights))?, [3, 4])?;
            Ok(())
        }
        _ => None.context("name a folder, an architecture and a file of weights, or say --tiny"),
    }
}

fn photographs(folder: &Path) -> anyhow::Result<DataBunch> {
    Ok(ImageItems::from_folder(folder)?
        .split_by_rand_pct(0.2, 42)?
        .label_from_folder()?
        .transform(get_transforms().size(Size::Square(224)))?
        .batches(BatchOptions { batch_size: 16, ..BatchOptions::default() })?
        .normalize_by(Normalize::imagenet())?)
}

/// The new head alone, then everything, with smaller rates towards the pixels.
fn transfer(
    data: DataBunch,
    spec: &CnnSpec,
    weights: StateDict,
    [head, all]: [usize; 2],
) -> anyhow::Result<Option<f64>> {
    let (learn, _) = pretrained_cnn_learner(data, spec, weights, 42)?;
    let mut learn = learn.metrics(accuracy);
    learn.fit_one_cycle(head, LearningRate::Slice(1e-2))?;
    println!("the new head:\n{}", learn.recorder().table());
    learn.unfreeze();
    learn.fit_one_cycle(all, LearningRate::Range(3e-4, 3e-3))?;
    println!("everything:\n{}", learn.recorder().table());
    Ok(learn.recorder().last_metric("accuracy"))
}

fn digits() -> anyhow::Result<()> {
    let folder = std::env::temp_dir().join("transfer_learning");
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
            .batches(BatchOptions { batch_size: 10, ..BatchOptions::default() })?
            .normalize()?)
    };
    let spec = CnnSpec::new(BodySpec::new("resnet-small")?, 5, [28, 28]);

    let mut first =
        cnn_learner(data(&many.0, ["0", "1", "2", "3", "4"])?, &spec, 1)?.metrics(accuracy);
    first.fit_one_cycle(4, 1e-2)?;
    println!("five digits, many of each:\n{}", first.recorder().table());
    // The weights of the body by the network's own names, as files of weights have them.
    let network = tinderbox::model::arch::ArchSpec::new("resnet-small", 3, 1000, [224, 224])?;
    let names = tinderbox::model::weights::state_dict(&network.build(&Device::flex())?);
    let mut weights = StateDict::default();
    let body = first.state_dict();
    let of_body = body.iter().filter(|(name, _)| name.starts_with("0."));
    for ((name, _), (_, weight)) in names.iter().zip(of_body) {
        weights.insert(name, weight.shape.clone(), weight.values.clone());
    }

    let others = data(&few.0, ["5", "6", "7", "8", "9"])?;
    let mut fresh = cnn_learner(others.clone(), &spec, 42)?.metrics(accuracy);
    fresh.fit_one_cycle(6, 1e-2)?;
    let from_nothing = fresh.recorder().last_metric("accuracy");
    let transferred = transfer(others, &spec, weights, [2, 4])?;
    println!(
        "twelve each of five others: {transferred:?} with what it knew, {from_nothing:?} from nothing"
    );
    Ok(())
}
