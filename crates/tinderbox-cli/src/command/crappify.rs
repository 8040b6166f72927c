use std::path::PathBuf;

use clap::{Args, ValueHint, builder::StringValueParser};
use serde_json::json;
use tinderbox::data::{
    Crappifier, ImageItems,
    damage::{SETS, WriteOptions, set_or_steps, write_damaged},
    shell_word, visible_path,
};

use crate::{
    exit::Done,
    offered::offering,
    terminal::{count, counting, print_data, say},
};

/// Write damaged copies of images, to train on repairing them
///
/// A model that restores images learns from pairs: a damaged image, and the
/// original. This makes the damaged ones, at the same relative paths in another
/// folder. What the damage does not do, the model does not learn to repair.
///
/// Damage is one of these sets:
///   restore       shorter side of 96 pixels, a number, JPEG of quality 10 to 70
///   superres-96   shorter side of 96 pixels, JPEG of quality 60
///   superres-256  shorter side of 256 pixels, JPEG of quality 60
///   gray          no colors
///   old-photo     gray or brown, blurred, grain, dust, scratches, JPEG
///
/// or steps between commas, each with a number or the range that one is drawn
/// from, in the order in which they are applied:
///   side 96, shrink 4, rescale 2..4, blur 0.5..2, noise 5..25, grain 5..25,
///   gray, sepia 0..1, boxes 1..3, dust 5..40, scratches 1..4, number, jpeg 30..90
///
/// `shrink` makes images that many times smaller; `rescale` makes them as large
/// again; `blur` is in pixels; `noise` (of each color) and `grain` (gray) are of
/// 255.
///
/// The same seed writes the same files. Files that cannot be read are reported,
/// and the others are written all the same (exit code 3).
///
/// Examples:
///   tinderbox crappify photos --out bad
///   tinderbox crappify photos --out small --like superres-96 --size 64
///   tinderbox crappify photos --out noisy --like 'noise 5..25, jpeg 30..90'
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Crappify {
    /// Folder of images; folders in it are entered
    #[arg(value_hint = ValueHint::DirPath)]
    photos: PathBuf,

    /// New folder for the damaged copies
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    out: PathBuf,

    /// Damage: a set, or steps between commas
    #[arg(
        long,
        value_name = "DAMAGE",
        default_value = "restore",
        hide_possible_values = true,
        value_parser = offering(StringValueParser::new(), SETS.map(|set| set.0))
    )]
    like: String,

    /// Pixels of the shorter side [default: as the damage says]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65535))]
    size: Option<u32>,

    /// JPEG quality, 1 to 100 [default: as the damage says]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=100))]
    quality: Option<u8>,

    /// Random seed
    #[arg(long, value_name = "N", default_value_t = 42)]
    seed: u64,

    /// Number of images at a time [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: Option<u16>,

    /// Overwrite existing files
    #[arg(long, visible_alias = "overwrite")]
    force: bool,

    /// Print one JSON object with what was written
    #[arg(long)]
    json: bool,
}

impl Crappify {
    pub(crate) fn run(self) -> anyhow::Result<Done> {
        let damage = self.damage()?;
        let images = ImageItems::from_folder(&self.photos).map_err(tinderbox::Error::from)?;
        let progress = counting("damaging images");
        let usual = WriteOptions::default();
        let options = WriteOptions {
            seed: self.seed,
            workers: self.workers.map_or(usual.workers, usize::from),
            force: self.force,
            progress: Some(&progress),
        };
        let written =
            write_damaged(&images, &self.out, &damage, &options).map_err(tinderbox::Error::from)?;
        for file in &written.failed {
            say(&format!("error: {}: {}", visible_path(&file.path), file.reason));
        }
        if self.json {
            let failed = written
                .failed
                .iter()
                .map(|file| json!({ "path": file.path, "reason": file.reason }));
            let made = json!({
                "out": self.out,
                "damage": damage,
                "seed": self.seed,
                "n": written.n,
                "failed": failed.collect::<Vec<_>>(),
            });
            print_data(&made.to_string());
        }
        let copies = match written.n {
            1 => "1 damaged copy".to_owned(),
            n => format!("{n} damaged copies"),
        };
        say(&format!("wrote {copies} to {}: {}", shell_word(&self.out), damage.describe()));
        match written.failed.len() {
            0 => Ok(Done::Ok),
            n => {
                say(&format!("{} could not be damaged", count(n, "image")));
                Ok(Done::Partly)
            }
        }
    }

    fn damage(&self) -> anyhow::Result<Crappifier> {
        let mut damage = set_or_steps(&self.like).map_err(tinderbox::Error::from)?;
        if let Some(size) = self.size {
            damage = damage.to_side(size as usize);
        }
        if let Some(quality) = self.quality {
            damage = damage.at_quality(quality);
        }
        Ok(damage)
    }
}
