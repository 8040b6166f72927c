//! How many images a second come out of a folder: from files, and from the cache.
//!
//! `cargo run --release -p tinderbox-data --example loading -- path/to/mnist_png 2`
//!
//! The folder has `training/` and `testing/`, as the lesson's; the number is that of the workers.

#![expect(clippy::print_stdout, reason = "an example's results")]

use std::time::{Duration, Instant};

use tinderbox_data::{
    BatchOptions, ConvertMode, DataBunch, ImageItems,
    transform::{Transforms, rand_pad},
};

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let folder = args.next().unwrap_or_else(|| "mnist_png".into());
    let workers = args.next().map_or(Ok(2), |workers| workers.parse())?;

    let start = Instant::now();
    let items = ImageItems::from_folder(folder)?.convert_mode(ConvertMode::L);
    println!("{} files found in {:.2?}", items.len(), start.elapsed());

    let start = Instant::now();
    let data = items
        .split_by_folder("training", "testing")?
        .label_from_folder()?
        .transform(Transforms::new().train(rand_pad(3, 28)))?
        .batches(BatchOptions {
            batch_size: 128,
            workers,
            cache_bytes: 1 << 30,
            ..BatchOptions::default()
        })?;
    println!("split, labelled and batched in {:.2?}", start.elapsed());

    for epoch in 0..3 {
        let start = Instant::now();
        let waited = epoch_of(&data, epoch)?;
        let seconds = start.elapsed().as_secs_f64();
        let rate = data.n_train() as f64 / seconds;
        println!("epoch {epoch}: {seconds:.2} s, {rate:.0} images/s, waited {waited:.2?}");
    }
    Ok(())
}

/// Takes all batches of an epoch; how long they were waited for.
fn epoch_of(data: &DataBunch, epoch: usize) -> anyhow::Result<Duration> {
    let mut batches = data.train_batches(epoch, 0);
    for batch in &mut batches {
        std::hint::black_box(batch?);
    }
    Ok(batches.waited())
}
