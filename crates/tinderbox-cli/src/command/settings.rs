//! The arguments that say what is trained on.

use std::path::PathBuf;

use clap::Args;
use tinderbox::vision::{TrainSettings, Valid};

/// What is trained on, and how; everything not given is decided by a look at the folder.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// Architecture: basic, refactor, resnetish, resnet-small
    #[arg(long, value_name = "NAME", help_heading = "Model")]
    arch: Option<String>,

    /// Side of the square that pictures are resized and cropped to, in pixels
    #[arg(long, value_name = "PIXELS", help_heading = "Data", value_parser = clap::value_parser!(u32).range(1..))]
    size: Option<u32>,

    /// Pictures in a batch
    #[arg(long, value_name = "N", help_heading = "Data", value_parser = clap::value_parser!(u32).range(1..))]
    batch_size: Option<u32>,

    /// What validates: `auto`, a share such as `0.2` or `20%`, or a folder's name
    #[arg(long, value_name = "HOW", default_value = "auto", help_heading = "Data")]
    valid: String,

    /// Leave out up to so many unreadable files; one more fails before training
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Data")]
    skip_bad: usize,

    /// Threads that decode and transform pictures ahead of the training step
    ///
    /// Their number changes the speed, never the result.
    #[arg(long, value_name = "N", help_heading = "Data")]
    workers: Option<usize>,

    /// Memory for decoded pictures between epochs, in MB
    #[arg(long, value_name = "MB", default_value_t = 1024, help_heading = "Data")]
    cache: usize,

    /// Seed of everything random: the same seed gives the same bits
    #[arg(long, value_name = "N", default_value_t = 42)]
    seed: u64,
}

impl Settings {
    /// # Errors
    /// For a `--valid` that is none.
    pub(crate) fn read(
        &self,
        data: PathBuf,
        out: PathBuf,
    ) -> Result<TrainSettings, tinderbox::Error> {
        Ok(TrainSettings {
            arch: self.arch.clone(),
            size: self.size.map(|size| size as usize),
            batch_size: self.batch_size.map(|size| size as usize),
            valid: self.valid.parse::<Valid>()?,
            skip_bad: self.skip_bad,
            workers: self.workers,
            cache_bytes: self.cache << 20,
            seed: self.seed,
            ..TrainSettings::new(data, out)
        })
    }
}
