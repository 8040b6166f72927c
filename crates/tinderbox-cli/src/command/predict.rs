use std::path::PathBuf;

use clap::Args;
use tinderbox::vision::{open_model, predict};

use crate::{
    exit::Done,
    terminal::{print_line, say},
};

/// Say what is in pictures
///
/// Prints the class of each file and how sure the model is. A file that cannot be read is
/// reported, and the others are predicted all the same (exit code 3).
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
            let file = answer.file.display();
            match (answer.prediction, self.json) {
                (Ok(prediction), true) => {
                    let classes = model.classes().iter().zip(&prediction.probabilities);
                    let probabilities: serde_json::Map<_, _> =
                        classes.map(|(class, p)| (class.clone(), serde_json::json!(p))).collect();
                    let line = serde_json::json!({ "file": answer.file, "label": prediction.label, "probabilities": probabilities });
                    print_line(&line.to_string());
                }
                (Ok(prediction), false) => {
                    let label = prediction.label.unwrap_or_default();
                    let p = prediction
                        .index
                        .and_then(|index| prediction.probabilities.get(index))
                        .copied()
                        .unwrap_or_default();
                    print_line(&format!("{file}\t{label}\t{p:.4}"));
                }
                (Err(error), json) => {
                    done = Done::Partly;
                    say(&format!("error: {:#}", anyhow::Error::from(error)));
                    if json {
                        print_line(
                            &serde_json::json!({ "file": answer.file, "error": true }).to_string(),
                        );
                    }
                }
            }
        }
        Ok(done)
    }
}
