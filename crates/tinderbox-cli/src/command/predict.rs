use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Args;
use tinderbox::{Answer, Input, answers, learn::Bundle, open_model, task_of_model};

use crate::{
    exit::Done,
    given::tasks,
    terminal::{in_line, is_read, say},
};

/// Say what is in images, or what texts are
///
/// Prints the class of each file or text and how sure the model is, separated by
/// tabs; what else a model answers, likewise. What cannot be read is reported, and the
/// others are predicted all the same (exit code 3).
///
/// Of a segmentation model, it prints each class's share of the image, and `--out`
/// and `--overlay` draw where they are.
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

    /// Images; of a model of texts, texts themselves, or files with one in each
    #[arg(required = true)]
    items: Vec<PathBuf>,

    /// PNG file for an answer that is an image: a mask, whose pixels are codes with the
    /// classes' colors; for several images a folder
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,

    /// PNG file for the image with the answer drawn over it; for several images a
    /// folder
    #[arg(long, value_name = "PATH")]
    overlay: Option<PathBuf>,

    /// Print one JSON object a line, with all that the model says
    #[arg(long)]
    json: bool,
}

impl Predict {
    pub(crate) fn run(self) -> anyhow::Result<Done> {
        let model = open_model(&self.model)?;
        let takes_text = task_of_model(tasks(), &model)?.about().takes_text;
        let names: Vec<String> = self.items.iter().map(|item| item.display().to_string()).collect();
        let input = |(item, name)| match takes_text && !Path::is_file(item) {
            true => Input::Text(name),
            false => Input::File(item),
        };
        let inputs: Vec<Input<'_>> = self
            .items
            .iter()
            .zip(&names)
            .map(|(item, name)| input((item.as_path(), name.as_str())))
            .collect();
        let mut done = Done::Ok;
        let what = if takes_text { "text" } else { "file" };
        let all = answers(tasks(), &model, inputs.iter().copied())?;
        for ((item, name), answer) in self.items.iter().zip(&names).zip(all) {
            let answer = answer.map_err(anyhow::Error::from);
            let drawn = answer.and_then(|answer| {
                self.draw(&model, item, &answer)?;
                Ok(answer)
            });
            let line = match (drawn, self.json) {
                (Ok(answer), true) => {
                    let mut line = answer.json();
                    line.insert(what.into(), name.as_str().into());
                    serde_json::Value::Object(line).to_string()
                }
                (Ok(answer), false) => format!("{}\t{}", in_line(Path::new(name)), answer.line()),
                (Err(error), json) => {
                    done = Done::Partly;
                    say(&format!("error: {error:#}"));
                    if !json {
                        continue;
                    }
                    serde_json::json!({ what: name, "error": format!("{error:#}") }).to_string()
                }
            };
            // Nobody reads on: `| head`.
            if !is_read(&line) {
                break;
            }
        }
        Ok(done)
    }

    /// Draws what is to be drawn.
    fn draw(&self, model: &Bundle, file: &Path, answer: &Answer) -> anyhow::Result<()> {
        if let Some(out) = &self.out {
            answer.save(&self.place(out, file)?)?;
        }
        if let Some(overlay) = &self.overlay {
            let pixels = model.manifest.inference.pixels(Input::File(file));
            let picture = answer.over(&pixels.map_err(tinderbox::Error::from)?)?;
            picture.save(self.place(overlay, file)?).map_err(tinderbox::Error::from)?;
        }
        Ok(())
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
