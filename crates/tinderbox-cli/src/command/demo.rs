use std::path::PathBuf;

use clap::{Args, ValueHint};
use serde_json::json;
use tinderbox::{demo, demo_masks, task_of_run};

use super::train::finish;
use crate::{
    exit::Done,
    given::tasks,
    terminal::{Style, job, print_line, say, word},
};

/// Draw a small data set, train on it and show what the model says
///
/// Works without network and without data: digits are drawn from strokes, written
/// as PNG files in class folders, and the lesson's residual network learns to read
/// them. It takes less than a minute.
///
/// With --masks, scenes of shapes are drawn instead, and a U-Net learns to say what
/// each pixel shows.
///
/// Examples:
///   tinderbox demo
///   tinderbox demo --masks --out scenes
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Demo {
    /// Folder for the digits, the run and the picture; with a number behind it if there is one
    /// already
    #[arg(long, value_name = "DIR", default_value = "tinderbox-demo", value_hint = ValueHint::DirPath)]
    out: PathBuf,

    /// Learn what each pixel of a scene shows
    #[arg(long)]
    masks: bool,

    /// Seed of everything random
    #[arg(long, value_name = "N", default_value_t = 42)]
    seed: u64,

    /// Print one JSON object a line, as `train` does; at the end, where everything is
    #[arg(long)]
    json: bool,
}

impl Demo {
    pub(crate) fn run(self) -> anyhow::Result<Done> {
        let run = if self.masks { demo_masks } else { demo };
        let style = Style::of(self.json);
        let what = if self.masks { "scenes and their masks" } else { "digits" };
        say(&format!("draws {what} and trains on them: less than a minute on two cores"));
        let demo = run(&self.out, self.seed, &job(style)?)?;
        if style == Style::Json {
            let (data, run, picture) = (&demo.data, demo.trained.run.root(), &demo.picture);
            let made = json!({ "event": "demo", "data": data, "run": run, "picture": picture });
            print_line(&made.to_string());
            return Ok(if demo.trained.is_stopped() { Done::Interrupted } else { Done::Ok });
        }
        if let Some(accuracy) = demo.trained.metric("accuracy") {
            let of = if self.masks { "pixels of scenes" } else { "digits" };
            print_line(&format!("\naccuracy on {of} it has not seen: {:.2} %", accuracy * 100.0));
        }
        let done = {
            let task = task_of_run(tasks(), demo.trained.run.root())?;
            finish(task, &demo.trained, Style::Text)
        };
        let Some(picture) = &demo.picture else { return Ok(done) };
        print_line(&format!("what it says about some of them: {}", picture.display()));
        let (data, run) = (word(&demo.data), word(demo.trained.run.root()));
        say("\nWhat to try next:");
        let lines: &[String] = &match self.masks {
            false => [
                format!("predict {run} {data}/testing/7/0.png"),
                format!("validate {run} {data}/testing"),
                format!("interpret {run}"),
                format!("summary {run}"),
                "train YOUR-PICTURES     # one folder a class".to_owned(),
            ],
            true => [
                format!("predict {run} {data}/images/valid/007.png --overlay seen.png"),
                format!("predict {run} {data}/images/valid/007.png --out 007-mask.png"),
                format!("interpret {run}"),
                format!("summary {run}"),
                "train --task segment --images PICTURES --masks MASKS --codes codes.txt".to_owned(),
            ],
        };
        for line in lines {
            say(&format!("  tinderbox {line}"));
        }
        Ok(done)
    }
}
