use std::{iter, path::PathBuf};

use clap::Args;
use serde_json::json;
use tinderbox::{SettingsError, ShownBatch, check_outputs, data::visible};

use super::{files::drawable, train::task_names};
use crate::{
    exit::Done,
    given::{DATA, Look, Of},
    terminal::{Style, job, print_data, print_line},
};

/// Show a batch of training data as the model sees it
///
/// Images are drawn with their labels or masks; texts are printed as a table.
///
/// Examples:
///   tinderbox show-batch photos --out batch.png
///   tinderbox show-batch --images photos --masks masks --rows 3
///   tinderbox show-batch reviews.csv --text review --label sentiment
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ShowBatch {
    #[command(flatten)]
    settings: Of<Look>,

    /// Task [default: inferred from the data]
    #[arg(long, value_name = "TASK", value_parser = task_names())]
    task: Option<String>,

    /// Configuration file, as for `tinderbox train`
    #[arg(long, value_name = "FILE", group = DATA)]
    config: Option<PathBuf>,

    /// PNG file to write, if the data is images [default: batch.png; if it exists, a number is
    /// appended]
    #[arg(short, long, value_name = "PNG", value_parser = png)]
    out: Option<PathBuf>,

    /// Overwrite an existing file
    #[arg(long, visible_alias = "overwrite")]
    force: bool,

    /// Number of images per row, and of rows; number of texts
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rows: u32,

    /// Print one JSON object: the path of the image, or the texts
    #[arg(long)]
    json: bool,
}

/// The usual file; if there is one, the next that is not there.
fn free() -> PathBuf {
    let numbered = (2..).map(|number| PathBuf::from(format!("batch-{number}.png")));
    let mut files = iter::once(PathBuf::from("batch.png")).chain(numbered);
    files.find(|file| file.symlink_metadata().is_err()).expect("numbers do not end")
}

fn png(text: &str) -> Result<PathBuf, String> {
    drawable(text, &["png"])
}

impl ShowBatch {
    pub(crate) fn run(self) -> anyhow::Result<Done> {
        let asked = self.settings.given.resolve(self.task.as_deref(), self.config.as_deref())?;
        let rows = self.rows as usize;
        let data = asked.sources();
        let data = data.iter().map(PathBuf::as_path);
        check_outputs(self.out.as_deref(), data, self.force).map_err(tinderbox::Error::from)?;
        match asked.task.show_batch(&asked.settings, rows, &job(Style::Text)?)? {
            ShownBatch::Picture(picture) => {
                let out = self.out.unwrap_or_else(free);
                picture.save(&out).map_err(tinderbox::Error::from)?;
                let path = out.display().to_string();
                match self.json {
                    true => print_data(&json!({ "picture": path }).to_string()),
                    false => print_line(&visible(&path)),
                }
            }
            ShownBatch::Texts(_) if self.out.is_some() => {
                const REASON: &str = "texts are printed";
                let unused = SettingsError::Unused { setting: "out", reason: REASON };
                return Err(tinderbox::Error::from(unused).into());
            }
            ShownBatch::Texts(texts) if self.json => {
                print_data(&json!({ "columns": texts.columns, "rows": texts.rows }).to_string());
            }
            ShownBatch::Texts(texts) => print_line(texts.to_string().trim_end()),
        }
        Ok(Done::Ok)
    }
}
