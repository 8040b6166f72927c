use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Args;
use tinderbox::{
    data::{Input, TargetKind},
    learn::Bundle,
    model::arch::ModelSpec,
    open_model, text,
    vision::{predict, predict_mask},
};

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
/// Of a model of masks, it prints each class's share of the picture, and `--out` and
/// `--overlay` draw where they are.
///
/// Examples:
///   tinderbox predict runs/photos new.jpg
///   tinderbox predict runs/camvid street.jpg --out mask.png --overlay seen.png
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

    /// PNG file for the mask, whose pixels are codes with the classes' colors; for
    /// several pictures a folder
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,

    /// PNG file for the picture with the mask over it; for several pictures a folder
    #[arg(long, value_name = "PATH")]
    overlay: Option<PathBuf>,

    /// Print one JSON object a line, with the probability of every class
    #[arg(long)]
    json: bool,
}

impl Predict {
    pub(crate) fn run(self) -> anyhow::Result<Done> {
        let model = open_model(&self.model)?;
        if let TargetKind::Mask { .. } = model.manifest.inference.target() {
            return Ok(self.masks(&model));
        }
        if self.out.is_some() || self.overlay.is_some() {
            anyhow::bail!("`--out` and `--overlay` are for models of masks");
        }
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

impl Predict {
    fn masks(&self, model: &Bundle) -> Done {
        let mut done = Done::Ok;
        for file in &self.items {
            let line = match self.mask(model, file) {
                Ok(line) => line,
                Err(error) => {
                    done = Done::Partly;
                    say(&format!("error: {error:#}"));
                    if !self.json {
                        continue;
                    }
                    let (file, error) = (file.display().to_string(), format!("{error:#}"));
                    serde_json::json!({ "file": file, "error": error }).to_string()
                }
            };
            if !is_read(&line) {
                break;
            }
        }
        done
    }

    fn mask(&self, model: &Bundle, file: &Path) -> anyhow::Result<String> {
        let mask = predict_mask(model, file)?;
        if let Some(out) = &self.out {
            mask.save(&self.place(out, file)?)?;
        }
        if let Some(overlay) = &self.overlay {
            let pixels = model
                .manifest
                .inference
                .pixels(Input::File(file))
                .map_err(tinderbox::Error::from)?;
            let picture = mask.over(&pixels);
            picture.save(self.place(overlay, file)?).map_err(tinderbox::Error::from)?;
        }
        let mut shares: Vec<(&String, f64)> = mask.classes.iter().zip(mask.shares()).collect();
        if self.json {
            let shares: serde_json::Map<_, _> = shares
                .into_iter()
                .map(|(class, share)| (class.clone(), serde_json::json!(share)))
                .collect();
            let file = file.display().to_string();
            return Ok(serde_json::json!({ "file": file, "shares": shares }).to_string());
        }
        shares.retain(|(_, share)| *share >= 0.0005);
        shares.sort_by(|a, b| b.1.total_cmp(&a.1));
        let shown = shares.iter().map(|(class, share)| format!("{class} {:.1} %", share * 100.0));
        Ok(format!("{}\t{}", in_line(file), shown.collect::<Vec<_>>().join(", ")))
    }

    /// Where a picture of `file` goes: to `path`, or into it for one of several.
    fn place(&self, path: &Path, file: &Path) -> anyhow::Result<PathBuf> {
        if self.items.len() == 1 && !path.is_dir() {
            return Ok(path.to_owned());
        }
        fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))?;
        let name = file.file_stem().unwrap_or_default();
        Ok(path.join(name).with_extension("png"))
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
