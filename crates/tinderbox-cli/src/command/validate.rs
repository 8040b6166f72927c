use std::path::PathBuf;

use clap::Args;
use tinderbox::{
    open_model,
    vision::{ClassScore, validate},
};

use crate::{
    exit::Done,
    terminal::{Style, print_line, watch},
};

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

    /// Leave out up to so many unreadable files; one more is an error
    #[arg(long, value_name = "N", default_value_t = 0)]
    skip_bad: usize,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Validate {
    pub(crate) fn run(self) -> anyhow::Result<Done> {
        let model = open_model(&self.model)?;
        let scores = validate(&model, &self.folder, self.skip_bad, &watch(Style::Text))?;
        if self.json {
            print_line(&serde_json::to_string(&scores)?);
            return Ok(Done::Ok);
        }
        print_line(&format!("images    {}", scores.images));
        print_line(&format!("accuracy  {:.6}", scores.accuracy));
        print_line(&format!("loss      {:.6}", scores.loss));
        let width =
            scores.classes.iter().map(|score| score.class.chars().count()).max().unwrap_or(0);
        for ClassScore { class, images, right } in
            scores.classes.iter().filter(|score| score.images > 0)
        {
            print_line(&format!("  {class:<width$}  {right} of {images}"));
        }
        Ok(Done::Ok)
    }
}
