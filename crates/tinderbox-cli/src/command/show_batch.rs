use std::path::PathBuf;

use clap::Args;
use tinderbox::vision::{show_batch, show_masks};

use super::{
    masks::MaskArgs,
    settings::{Settings, drawable},
};
use crate::{
    exit::Done,
    interrupt,
    terminal::{Style, print_line, watch},
};

/// Picture some training images as the model sees them
///
/// Examples:
///   tinderbox show-batch photos --out batch.png
///   tinderbox show-batch --images photos --masks masks --rows 3
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ShowBatch {
    /// Folder of class folders with pictures in them
    #[arg(required_unless_present = "images")]
    folder: Option<PathBuf>,

    /// Where to write the picture
    #[arg(long, value_name = "PNG", default_value = "batch.png", value_parser = png)]
    out: PathBuf,

    /// Pictures side by side, and rows of them
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rows: u32,

    #[command(flatten)]
    settings: Settings,

    #[command(flatten)]
    masks: MaskArgs,
}

fn png(text: &str) -> Result<PathBuf, String> {
    drawable(text, &["png"])
}

impl ShowBatch {
    pub(crate) fn run(self) -> anyhow::Result<Done> {
        interrupt::listen()?;
        let folder = self.folder.clone().unwrap_or_default();
        let (rows, watch) = (self.rows as usize, watch(Style::Text));
        let picture = match self.masks.is_given() {
            true => {
                let settings = self.masks.read(&self.settings, folder, PathBuf::new())?;
                show_masks(&settings, rows, &watch)?
            }
            false => {
                self.masks.check_unused()?;
                show_batch(&self.settings.read(folder, PathBuf::new())?, rows, &watch)?
            }
        };
        picture.save(&self.out).map_err(tinderbox::Error::from)?;
        print_line(&self.out.display().to_string());
        Ok(Done::Ok)
    }
}
