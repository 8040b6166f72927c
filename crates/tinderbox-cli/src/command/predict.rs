use std::path::PathBuf;

use clap::Args;
use tinderbox::{open_model, vision::predict};

use crate::{
    exit::Done,
    terminal::{in_line, is_read, say},
};

/// Say what is in pictures
///
/// Prints the class of each file and how sure the model is, separated by tabs. A
/// file that cannot be read is reported, and the others are predicted all the
/// same (exit code 3).
///
/// Examples:
///   tinderbox predict runs/photos new.jpg
///   tinderbox predict model.safetensors *.jpg --json
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Predict {
    /// Run folder or model file
    model: PathBuf,

    /// Pictures
    #[arg(required = true)]
    files: Vec<PathBuf>,

    /// Print one JSON object a line, with the probability of every class
    #[arg(long)]
    json: bool,
}

impl Predict {
    pub(crate) fn run(self) -> anyhow::Result<Done> {
        let model = open_model(&self.model)?;
        let mut done = Done::Ok;
        for answer in predict(&model, &self.files) {
            let line = match (answer.prediction, self.json) {
                (Ok(prediction), true) => {
                    let classes = model.classes().iter().zip(&prediction.probabilities);
                    let probabilities: serde_json::Map<_, _> =
                        classes.map(|(class, p)| (class.clone(), serde_json::json!(p))).collect();
                    let file = answer.file.display().to_string();
                    serde_json::json!({ "file": file, "label": prediction.label, "probabilities": probabilities })
                        .to_string()
                }
                (Ok(prediction), false) => {
                    let confidence = prediction.confidence();
                    let label = prediction.label.unwrap_or_default();
                    let confidence = confidence.unwrap_or_default();
                    format!("{}\t{label}\t{confidence:.4}", in_line(&answer.file))
                }
                (Err(error), json) => {
                    done = Done::Partly;
                    let error = anyhow::Error::from(error);
                    say(&format!("error: {error:#}"));
                    if !json {
                        continue;
                    }
                    let file = answer.file.display().to_string();
                    serde_json::json!({ "file": file, "error": format!("{error:#}") }).to_string()
                }
            };
            // Nobody reads on: `| head`.
            if !is_read(&line) {
                break;
            }
        }
        Ok(done)
    }
}
