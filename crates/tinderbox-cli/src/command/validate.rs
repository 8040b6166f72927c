use std::path::PathBuf;

use clap::Args;
use tinderbox::{
    open_model,
    vision::{ClassScore, MaskScores, MaskValidation, validate, validate_masks},
};

use super::interpret::print_classes;
use crate::{
    exit::Done,
    terminal::{Style, print_line, watch},
};

/// Measure how right a model is about pictures whose classes or masks are known
///
/// Examples:
///   tinderbox validate runs/photos photos/test
///   tinderbox validate runs/streets --images test/images --masks test/masks
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Validate {
    /// Run folder or model file
    model: PathBuf,

    /// Folder of class folders with pictures in them
    #[arg(required_unless_present = "images")]
    folder: Option<PathBuf>,

    /// Folder with pictures that have masks
    #[arg(long, value_name = "DIR", conflicts_with = "folder", requires = "masks")]
    images: Option<PathBuf>,

    /// Folder with their masks
    #[arg(long, value_name = "DIR", requires = "images")]
    masks: Option<PathBuf>,

    /// Class whose pixels are not counted, or a code that has no class [default: as
    /// in training]
    #[arg(long, value_name = "CLASS", requires = "images")]
    void: Option<String>,

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
        if let (Some(images), Some(masks)) = (self.images.clone(), self.masks.clone()) {
            let (void, skip_bad) = (self.void.clone(), self.skip_bad);
            let settings = MaskValidation { images, masks, void, skip_bad };
            let scores = validate_masks(&model, &settings, &watch(Style::Text))?;
            return self.print_masks(&scores);
        }
        let folder = self.folder.clone().unwrap_or_default();
        let scores = validate(&model, &folder, self.skip_bad, &watch(Style::Text))?;
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

    fn print_masks(&self, scores: &MaskScores) -> anyhow::Result<Done> {
        if self.json {
            print_line(&serde_json::to_string(scores)?);
            return Ok(Done::Ok);
        }
        print_line(&format!("pictures  {}", scores.pictures));
        print_line(&format!("accuracy  {:.6}", scores.accuracy));
        print_line(&format!("mean IoU  {:.6}\n", scores.mean_iou));
        print_classes(&scores.classes);
        Ok(Done::Ok)
    }
}
