use std::path::PathBuf;

use clap::Args;
use tinderbox::vision::show_batch;

use super::settings::{Settings, drawable};
use crate::{
    exit::Done,
    interrupt,
    terminal::{Style, print_line, watch},
};

/// Picture some training images as the model sees them
///
/// Example:
///   tinderbox show-batch photos --out batch.png
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ShowBatch {
    /// Folder of class folders with pictures in them
    folder: PathBuf,

    /// Where to write the picture
    #[arg(long, value_name = "PNG", default_value = "batch.png", value_parser = png)]
    out: PathBuf,

    /// Pictures side by side, and rows of them
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rows: u32,

    #[command(flatten)]
    settings: Settings,
}

fn png(text: &str) -> Result<PathBuf, String> {
    drawable(text, &["png"])
}

impl ShowBatch {
    pub(crate) fn run(self) -> anyhow::Result<Done> {
        interrupt::listen()?;
        let settings = self.settings.read(self.folder.clone(), PathBuf::new())?;
        let picture = show_batch(&settings, self.rows as usize, &watch(Style::Text))?;
        picture.save(&self.out).map_err(tinderbox::Error::from)?;
        print_line(&self.out.display().to_string());
        Ok(Done::Ok)
    }
}
