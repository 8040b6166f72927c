use std::path::PathBuf;

use clap::Args;
use tinderbox::vision::{open_model, validate};

use crate::{exit::Done, terminal::print_line};

/// Measure how right a model is about a folder of class folders
///
/// Example:
///   tinderbox validate runs/photos photos/test
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Validate {
    /// Run folder or model file
    model: PathBuf,

    /// Folder of class folders with pictures in them
    folder: PathBuf,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Validate {
    pub(crate) fn run(self) -> anyhow::Result<Done> {
        let model = open_model(&self.model)?;
        let scores = validate(&model, &self.folder)?;
        if self.json {
            print_line(&serde_json::to_string(&scores)?);
            return Ok(Done::Ok);
        }
        print_line(&format!("images    {}", scores.images));
        print_line(&format!("accuracy  {:.6}", scores.accuracy));
        print_line(&format!("loss      {:.6}", scores.loss));
        let width =
            scores.classes.iter().map(|(class, ..)| class.chars().count()).max().unwrap_or(0);
        for (class, images, right) in scores.classes.iter().filter(|(_, images, _)| *images > 0) {
            print_line(&format!("  {class:<width$}  {right} of {images}"));
        }
        Ok(Done::Ok)
    }
}
