use std::path::PathBuf;

use clap::{Args, ValueHint};
use serde_json::json;
use tinderbox::{
    data::{shell_word, visible_path},
    demo, demo_masks, demo_restore, task_of_run,
};

use super::train::finish;
use crate::{
    exit::Done,
    given::tasks,
    terminal::{Style, job, print_data, print_line, say},
};

/// Generate a small data set, train on it and show some predictions
///
/// Needs neither data nor a network connection: it draws digits, writes them as
/// PNG files into class folders, and trains the residual network of fast.ai's
/// lesson 7 on them. Takes less than a minute.
///
/// With --masks, it draws scenes of shapes instead and trains a U-Net to segment
/// them, that is, to predict the class of each pixel. With --restore, it trains
/// one to repair them: made smaller, written on and compressed.
///
/// Examples:
///   tinderbox demo
///   tinderbox demo --restore
///   tinderbox demo --masks --out scenes
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Demo {
    /// Folder for the data, the run and the image of predictions; if it exists, a number is
    /// appended
    #[arg(long, value_name = "DIR", default_value = "tinderbox-demo", value_hint = ValueHint::DirPath)]
    out: PathBuf,

    /// Segment drawn scenes with a U-Net, instead of classifying digits
    #[arg(long)]
    masks: bool,

    /// Restore damaged scenes with a U-Net, instead of classifying digits
    #[arg(long, conflicts_with = "masks")]
    restore: bool,

    /// Random seed
    #[arg(long, value_name = "N", default_value_t = 42)]
    seed: u64,

    /// Print one JSON object per line, as `train` does; the last one has the paths
    #[arg(long)]
    json: bool,
}

/// What is drawn and learned.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Digits,
    Masks,
    Restore,
}

impl Demo {
    fn kind(&self) -> Kind {
        match (self.masks, self.restore) {
            (true, _) => Kind::Masks,
            (_, true) => Kind::Restore,
            _ => Kind::Digits,
        }
    }

    pub(crate) fn run(self) -> anyhow::Result<Done> {
        let style = Style::of(self.json);
        let (what, takes) = match self.kind() {
            Kind::Digits => ("digits", "less than a minute"),
            Kind::Masks => ("scenes and their masks", "less than a minute"),
            Kind::Restore => ("scenes", "less than two minutes"),
        };
        say(&format!("drawing {what} and training on them: takes {takes} on two cores"));
        let demo = match self.kind() {
            Kind::Digits => demo(&self.out, self.seed, &job(style)?)?,
            Kind::Masks => demo_masks(&self.out, self.seed, &job(style)?)?,
            Kind::Restore => demo_restore(&self.out, self.seed, &job(style)?)?,
        };
        if style == Style::Json {
            let (data, run, picture) = (&demo.data, demo.trained.run.root(), &demo.picture);
            let made = json!({ "event": "demo", "data": data, "run": run, "picture": picture });
            print_data(&made.to_string());
            return Ok(if demo.trained.is_stopped() { Done::Interrupted } else { Done::Ok });
        }
        if let Some(accuracy) = demo.trained.metric("accuracy") {
            let of = if self.masks { "pixels of scenes" } else { "digits" };
            print_line(&format!(
                "\naccuracy on {of} it was not trained on: {:.2} %",
                accuracy * 100.0
            ));
        }
        let done = {
            let task = task_of_run(tasks(), demo.trained.run.root())?;
            finish(task, &demo.trained, Style::Text)
        };
        if let (Some(psnr), Some(before)) =
            (demo.trained.metric("psnr"), demo.trained.metric("psnr_input"))
        {
            print_line(&format!(
                "\nPSNR on scenes it was not trained on: {psnr:.2} dB; of the damaged ones {before:.2} dB"
            ));
        }
        let Some(picture) = &demo.picture else { return Ok(done) };
        print_line(&format!("some predictions: {}", visible_path(picture)));
        let (data, run) = (shell_word(&demo.data), shell_word(demo.trained.run.root()));
        say("\nTry next:");
        let lines: &[String] = &match self.kind() {
            Kind::Digits => [
                format!("predict {run} {data}/testing/7/0.png"),
                format!("validate {run} {data}/testing"),
                format!("interpret {run}"),
                format!("summary {run}"),
                "train YOUR-IMAGES     # one folder per class".to_owned(),
            ],
            Kind::Restore => [
                format!("crappify {data}/images --out bad --like restore"),
                format!("predict {run} bad/valid/007.png --out 007.png --compare both.png"),
                format!("validate {run}"),
                format!("summary {run}"),
                "train restore YOUR-PHOTOS".to_owned(),
            ],
            Kind::Masks => [
                format!("predict {run} {data}/images/valid/007.png --overlay seen.png"),
                format!("predict {run} {data}/images/valid/007.png --out 007-mask.png"),
                format!("interpret {run}"),
                format!("summary {run}"),
                "train --task segment --images IMAGES --masks MASKS --codes codes.txt".to_owned(),
            ],
        };
        for line in lines {
            say(&format!("  tinderbox {line}"));
        }
        Ok(done)
    }
}
