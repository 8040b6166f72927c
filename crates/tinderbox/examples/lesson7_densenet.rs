//! Lesson 7: dense blocks concatenate their input and output.
//!
//! ```text
//! cargo run --release -p tinderbox --example lesson7_densenet -- path/to/mnist_png
//! cargo run --release -p tinderbox --example lesson7_densenet -- --tiny
//! ```
//!
//! The folder holds `training/<digit>/*.png` and `testing/<digit>/*.png`. With `--tiny`, a few digits
//! are drawn instead.

#![expect(clippy::print_stdout, reason = "a notebook prints")]

mod common;

use common::Arguments;
use tinderbox::{
    data::digits::DigitsConfig,
    model::{ResBlockConfig, Shortcut, arch::densenetish},
    prelude::*,
};

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::of("lesson7_densenet")?;
    let tiny = DigitsConfig { train_per_class: 40, test_per_class: 10, seed: 42 };
    let path = arguments.mnist(&tiny)?;
    let data = ImageItems::from_folder(&path)?
        .convert_mode(ConvertMode::L)
        .split_by_folder("training", "testing")?
        .label_from_folder()?
        .transform(Transforms::new().train(rand_pad(3, 28)))?
        .batches(BatchOptions { batch_size: 64, seed: 42, ..BatchOptions::default() })?
        .normalize()?;

    let device = Device::flex().autodiff();
    device.seed(42);
    // `res_block` with the plus taken away: eight channels in, those eight and eight more out.
    let block: Shortcut = ResBlockConfig::new(8).dense().init(&device);
    println!("{}\n", block.forward(Tensor::zeros([1, 8, 14, 14], &device)).shape());

    let model = densenetish(1, data.c(), &device);
    let mut learn = Learner::new(data, model, CrossEntropyFlat::default()).metrics(accuracy);
    println!("{}", learn.summary()?);
    learn.fit_one_cycle(if arguments.tiny { 2 } else { 12 }, 0.05)?;
    println!("{}", learn.recorder().table());
    Ok(())
}
