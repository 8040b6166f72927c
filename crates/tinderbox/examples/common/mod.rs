//! What the examples have in common: their arguments, and a folder for what they make.

#![allow(dead_code, reason = "each example uses some of it")]

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use tinderbox::data::digits::{DigitsConfig, write_digits};

/// What an example was started with.
pub(crate) struct Arguments {
    /// Whether it was said `--tiny`: little is made, and trained for a moment.
    pub(crate) tiny: bool,
    /// All else that was said, in order.
    pub(crate) words: Vec<String>,
    /// A folder for what the example makes, below the system's folder for temporary files.
    pub(crate) out: PathBuf,
}

impl Arguments {
    /// Those of this process, for an example called so.
    pub(crate) fn of(example: &str) -> anyhow::Result<Self> {
        let (options, words): (Vec<String>, _) =
            env::args().skip(1).partition(|word| word == "--tiny");
        let out = env::temp_dir().join(example);
        fs::create_dir_all(&out)?;
        Ok(Self { tiny: !options.is_empty(), words, out })
    }

    /// The first folder that was named, or with `--tiny` one with data that `make` writes.
    pub(crate) fn data(
        &self,
        what: &str,
        make: impl FnOnce(&Path) -> tinderbox::data::Result<()>,
    ) -> anyhow::Result<PathBuf> {
        if self.tiny {
            let folder = self.out.join("data");
            make(&folder)?;
            return Ok(folder);
        }
        let first = self.words.first();
        Ok(first.with_context(|| format!("name the folder with {what}, or say --tiny"))?.into())
    }

    /// MNIST, or so many drawn digits.
    pub(crate) fn mnist(&self, tiny: &DigitsConfig) -> anyhow::Result<PathBuf> {
        self.data("MNIST", |folder| write_digits(folder, tiny))
    }
}
