use std::path::{Path, PathBuf};

use clap::Args;
use tinderbox::{model::arch::ModelSpec, open_model, text, vision::predict};

use crate::{
    exit::Done,
    terminal::{in_line, is_read, say},
};

/// Say what is in pictures, or what texts are
///
/// Prints the class of each file or text and how sure the model is, separated by
/// tabs. What cannot be read is reported, and the others are predicted all the
/// same (exit code 3).
///
/// Examples:
///   tinderbox predict runs/photos new.jpg
///   tinderbox predict model.safetensors *.jpg --json
///   tinderbox predict runs/reviews "What a film!"
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Predict {
    /// Run folder or model file
    model: PathBuf,

    /// Pictures; of a model of texts, texts themselves, or files with one in each
    #[arg(required = true)]
    items: Vec<PathBuf>,

    /// Print one JSON object a line, with the probability of every class
    #[arg(long)]
    json: bool,
}

impl Predict {
    pub(crate) fn run(self) -> anyhow::Result<Done> {
        let model = open_model(&self.model)?;
        let of_texts = matches!(model.manifest.arch, ModelSpec::Text(_));
        let answers: Box<dyn Iterator<Item = (String, _)>> = match of_texts {
            true => Box::new(self.items.iter().map(|item| {
                let (shown, text) = text_of(item);
                (shown, text.and_then(|text| text::predict_text(&model, &text)))
            })),
            false => Box::new(
                predict(&model, &self.items)
                    .map(|answer| (answer.file.display().to_string(), answer.prediction)),
            ),
        };
        let mut done = Done::Ok;
        for (item, prediction) in answers {
            let line = match (prediction, self.json) {
                (Ok(prediction), true) => {
                    let classes = model.classes().iter().zip(&prediction.probabilities);
                    let probabilities: serde_json::Map<_, _> =
                        classes.map(|(class, p)| (class.clone(), serde_json::json!(p))).collect();
                    let what = if of_texts { "text" } else { "file" };
                    serde_json::json!({ what: item, "label": prediction.label, "probabilities": probabilities })
                        .to_string()
                }
                (Ok(prediction), false) => {
                    let confidence = prediction.confidence().unwrap_or_default();
                    let label = prediction.label.unwrap_or_default();
                    format!("{}\t{label}\t{confidence:.4}", in_line(Path::new(&item)))
                }
                (Err(error), json) => {
                    done = Done::Partly;
                    let error = anyhow::Error::from(error);
                    say(&format!("error: {error:#}"));
                    if !json {
                        continue;
                    }
                    let what = if of_texts { "text" } else { "file" };
                    serde_json::json!({ what: item, "error": format!("{error:#}") }).to_string()
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

/// A text that was given itself, or that of a file of this name.
fn text_of(item: &Path) -> (String, tinderbox::Result<String>) {
    let shown = item.display().to_string();
    let text = match item.is_file() {
        true => tinderbox::data::text::read_text(item).map_err(Into::into),
        false => Ok(shown.clone()),
    };
    (shown, text)
}
