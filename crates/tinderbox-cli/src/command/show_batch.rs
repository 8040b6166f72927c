use std::path::PathBuf;

use clap::Args;
use tinderbox::ShownBatch;

use super::{files::drawable, train::task_name};
use crate::{
    exit::Done,
    given::{DATA, Look, Of},
    terminal::{Style, job, print_line},
};

/// Show some training items as the model sees them
///
/// Images are drawn, with their labels or masks; texts are printed as a table.
///
/// Examples:
///   tinderbox show-batch photos --out batch.png
///   tinderbox show-batch --images photos --masks masks --rows 3
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ShowBatch {
    #[command(flatten)]
    settings: Of<Look>,

    /// What is learned [default: by the data]
    #[arg(long, value_name = "TASK", value_parser = task_name)]
    task: Option<String>,

    /// Configuration file
    #[arg(long, value_name = "FILE", group = DATA)]
    config: Option<PathBuf>,

    /// Where to write the picture, if the items are images
    #[arg(short, long, value_name = "PNG", default_value = "batch.png", value_parser = png)]
    out: PathBuf,

    /// Images side by side, and rows of them; texts
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rows: u32,
}

fn png(text: &str) -> Result<PathBuf, String> {
    drawable(text, &["png"])
}

impl ShowBatch {
    pub(crate) fn run(self) -> anyhow::Result<Done> {
        let asked = self.settings.given.resolve(self.task.as_deref(), self.config.as_deref())?;
        let rows = self.rows as usize;
        match asked.task.show_batch(&asked.settings, rows, &job(Style::Text)?)? {
            ShownBatch::Picture(picture) => {
                picture.save(&self.out).map_err(tinderbox::Error::from)?;
                print_line(&self.out.display().to_string());
            }
            ShownBatch::Texts(texts) => print_line(texts.to_string().trim_end()),
        }
        Ok(Done::Ok)
    }
}
