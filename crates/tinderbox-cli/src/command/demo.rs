use std::path::PathBuf;

use clap::Args;
use tinderbox::vision::demo;

use super::train::finish;
use crate::{
    exit::Done,
    interrupt,
    terminal::{Style, print_line, say, watch, word},
};

/// Draw a small data set, train on it and show what the model says
///
/// Works without network and without data: digits are drawn from strokes, written
/// as PNG files in class folders, and the lesson's residual network learns to read
/// them. It takes less than a minute.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Folder for the digits, the run and the picture; with a number behind it if there is one
    /// already
    #[arg(long, value_name = "DIR", default_value = "tinderbox-demo")]
    out: PathBuf,

    /// Seed of everything random
    #[arg(long, value_name = "N", default_value_t = 42)]
    seed: u64,
}

impl Demo {
    pub(crate) fn run(self) -> anyhow::Result<Done> {
        interrupt::listen()?;
        let demo = demo(&self.out, self.seed, &watch(Style::Text))?;
        if let Some(accuracy) = demo.trained.accuracy {
            print_line(&format!("\naccuracy on digits it has not seen: {:.2} %", accuracy * 100.0));
        }
        let done = finish(&demo.trained, Style::Text);
        let Some(picture) = &demo.picture else { return Ok(done) };
        print_line(&format!("what it says about some of them: {}", picture.display()));
        let (digits, run) = (word(&demo.digits), word(demo.trained.run.root()));
        say("\nWhat to try next:");
        say(&format!("  tinderbox predict {run} {digits}/testing/7/0.png"));
        say(&format!("  tinderbox validate {run} {digits}/testing"));
        say(&format!("  tinderbox summary {run}"));
        say("  tinderbox train YOUR-PICTURES     # one folder a class");
        Ok(done)
    }
}
