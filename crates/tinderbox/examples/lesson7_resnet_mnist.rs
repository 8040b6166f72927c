//! Lesson 7: residual networks on MNIST, cell by cell.
//!
//! ```text
//! cargo run --release -p tinderbox --example lesson7_resnet_mnist -- path/to/mnist_png
//! cargo run --release -p tinderbox --example lesson7_resnet_mnist -- --tiny
//! ```
//!
//! The folder holds `training/<digit>/*.png` and `testing/<digit>/*.png`. With `--tiny`, a few digits
//! are drawn instead, and every network is trained for two epochs.
//!
//! | network        | epochs | accuracy (lesson) |
//! |----------------|--------|-------------------|
//! | basic CNN      | 3      | 0.9886            |
//! | refactored     | 10     | 0.9916            |
//! | with shortcuts | 12     | 0.9952            |

#![expect(clippy::print_stdout, reason = "a notebook prints")]

mod common;

use common::Arguments;
use tinderbox::{
    data::digits::DigitsConfig,
    lesson::{MNIST, Published},
    prelude::*,
};

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::of("lesson7_resnet_mnist")?;
    let tiny = DigitsConfig { train_per_class: 64, test_per_class: 16, ..DigitsConfig::default() };
    let path = arguments.mnist(&tiny)?;
    let out = &arguments.out;
    println!("plots go to {}", out.display());

    // ## MNIST CNN
    // The notebook's first line says `ImageImageList`, but means the list of plain images.
    let items = ImageItems::from_folder(&path)?.convert_mode(ConvertMode::L);
    println!("{}\n{items}\n", items.path(0).display());

    let split = items.split_by_folder("training", "testing")?;
    println!("{split}\n");

    let labelled = split.label_from_folder()?;
    println!("{labelled}\n");

    let transforms = Transforms::new().train(rand_pad(3, 28));
    let data = labelled
        .transform(transforms)?
        .batches(BatchOptions {
            batch_size: 128,
            seed: 42,
            cache_bytes: 1 << 30,
            ..BatchOptions::default()
        })?
        .normalize()?;

    // One item, as nine epochs see it; and a batch.
    data.show_item(Set::Train, 0, 3)?.save(out.join("augmented.png"))?;
    let batch = data.one_batch(Set::Train)?;
    println!("a batch: {:?}, {:?}\n", batch.inputs.shape, batch.targets.shape);
    data.show_batch(3, Set::Train)?.save(out.join("batch.png"))?;

    let device = Device::flex().autodiff();
    device.seed(42);
    let classes = data.c();
    let [basic, refactored, resnetish] = &MNIST;
    let epochs = |published: &Published| if arguments.tiny { 2 } else { published.epochs.len() };

    // ## Basic CNN with batch norm
    let conv = |channels| Conv2dConfig::new(channels, 3).stride(2).padding(1).init(&device);
    let model = Sequential::new()
        .push(conv([1, 8])) // 14 × 14
        .push(BatchNorm2d::new(8, &device))
        .push(ReLU)
        .push(conv([8, 16])) // 7 × 7
        .push(BatchNorm2d::new(16, &device))
        .push(ReLU)
        .push(conv([16, 32])) // 4 × 4
        .push(BatchNorm2d::new(32, &device))
        .push(ReLU)
        .push(conv([32, 16])) // 2 × 2
        .push(BatchNorm2d::new(16, &device))
        .push(ReLU)
        .push(conv([16, classes])) // 1 × 1
        .push(BatchNorm2d::new(classes, &device))
        .push(Flatten::default()); // no more grid
    let mut learn = learner(&data, model);
    println!("{}", learn.summary()?);

    let rates = LrFind { end_lr: 100.0, ..LrFind::default() };
    plot_lr_find(&learn.lr_find(&rates)?, out.join("lr-basic.svg"))?;

    learn.fit_one_cycle(epochs(basic), 0.1)?;
    println!("{}\n{}", basic.heading, basic.beside(learn.recorder()));

    // ## Refactor
    let conv2 = |inputs, outputs| ConvLayerConfig::new(inputs, outputs).stride(2).init(&device);
    let model = Sequential::new()
        .push(conv2(1, 8)) // 14 × 14
        .push(conv2(8, 16)) // 7 × 7
        .push(conv2(16, 32)) // 4 × 4
        .push(conv2(32, 16)) // 2 × 2
        .push(conv2(16, classes)) // 1 × 1
        .push(Flatten::default());
    let mut learn = learner(&data, model);
    learn.fit_one_cycle(epochs(refactored), 0.1)?;
    println!("{}\n{}", refactored.heading, refactored.beside(learn.recorder()));

    // ## Resnet-ish
    // `ResBlock` is the notebook's class, with the sum in plain sight; `res_block` does the same.
    let block = ResBlock::new(8, &device);
    println!("{}", block.forward(Tensor::zeros([2, 8, 14, 14], &device)).shape());

    let conv_and_res = |inputs, outputs| {
        Sequential::new().push(conv2(inputs, outputs)).push(res_block(outputs, &device))
    };
    let model = Sequential::new()
        .push(conv_and_res(1, 8))
        .push(conv_and_res(8, 16))
        .push(conv_and_res(16, 32))
        .push(conv_and_res(32, 16))
        .push(conv2(16, classes))
        .push(Flatten::default());
    let mut learn = learner(&data, model);
    plot_lr_find(&learn.lr_find(&rates)?, out.join("lr-resnetish.svg"))?;

    learn.fit_one_cycle(epochs(resnetish), 0.05)?;
    println!("{}\n{}", resnetish.heading, resnetish.beside(learn.recorder()));
    println!("{}", learn.summary()?);
    Ok(())
}

fn learner(data: &DataBunch, model: Sequential) -> Learner {
    Learner::new(data.clone(), model, CrossEntropyFlat::default()).metrics(accuracy)
}
