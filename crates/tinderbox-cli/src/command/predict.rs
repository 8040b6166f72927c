use std::{
    collections::{HashMap, HashSet},
    fs,
    path::{Component, Path, PathBuf},
};

use anyhow::{Context, bail};
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

    /// Images, or folders of them; of a model of texts, texts themselves, files with one
    /// in each, or folders of those
    #[arg(required = true)]
    items: Vec<PathBuf>,

    /// PNG file for an answer that is an image: a mask, whose pixels are codes with the
    /// classes' colors; for several images a folder
    #[arg(short, long, value_name = "PATH")]
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
        let task = task_of_model(tasks(), &model)?;
        let takes_text = task.about().takes_text;
        let mut items = Vec::new();
        for item in &self.items {
            match item.is_dir() {
                true => items.extend(task.files(item)?),
                false => items.push(item.clone()),
            }
        }
        let address = |item: &&PathBuf| {
            ["http://", "https://"]
                .iter()
                .any(|start| item.to_str().is_some_and(|text| text.starts_with(start)))
        };
        if let Some(address) = items.iter().find(address).filter(|_| !takes_text) {
            bail!("{} is a web address; download it first, and name the file", address.display());
        }
        let outs = places(self.out.as_deref(), &items)?;
        let overlays = places(self.overlay.as_deref(), &items)?;
        let names: Vec<String> = items.iter().map(|item| item.display().to_string()).collect();
        let input = |(item, name)| match takes_text && !Path::is_file(item) {
            true => Input::Text(name),
            false => Input::File(item),
        };
        let inputs: Vec<Input<'_>> = items
            .iter()
            .zip(&names)
            .map(|(item, name)| input((item.as_path(), name.as_str())))
            .collect();
        let mut done = Done::Ok;
        let what = if takes_text { "text" } else { "file" };
        let all = answers(tasks(), &model, inputs.iter().copied())?;
        for (at, ((item, name), answer)) in items.iter().zip(&names).zip(all).enumerate() {
            let answer = answer.map_err(anyhow::Error::from);
            let drawn = answer.and_then(|answer| {
                draw(&model, item, &answer, outs.get(at), overlays.get(at))?;
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
}

/// Draws what is to be drawn.
fn draw(
    model: &Bundle,
    file: &Path,
    answer: &Answer,
    out: Option<&PathBuf>,
    overlay: Option<&PathBuf>,
) -> anyhow::Result<()> {
    if let Some(out) = out {
        answer.save(out)?;
    }
    if let Some(overlay) = overlay {
        let pixels = model.manifest.inference.pixels(Input::File(file));
        let picture = answer.over(&pixels.map_err(tinderbox::Error::from)?)?;
        picture.save(overlay).map_err(tinderbox::Error::from)?;
    }
    Ok(())
}

/// Where the picture of each item goes: to `path`, or into it for several, each under a name of its
/// own. Nothing if no pictures are wanted.
///
/// # Errors
/// A path of one file for several items, or one that is an item.
fn places(path: Option<&Path>, items: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let Some(path) = path else { return Ok(Vec::new()) };
    let places = if items.len() == 1 && !path.is_dir() {
        vec![path.to_owned()]
    } else {
        let is_file = path.is_file() || path.extension().is_some_and(|end| end == "png");
        if is_file && !path.is_dir() {
            bail!(
                "{} is one file, and there are {} inputs: name a folder",
                path.display(),
                items.len()
            );
        }
        fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))?;
        names(items).into_iter().map(|name| path.join(name)).collect()
    };
    let inputs: HashSet<PathBuf> =
        items.iter().filter_map(|item| item.canonicalize().ok()).collect();
    let is_input =
        |place: &&PathBuf| place.canonicalize().is_ok_and(|place| inputs.contains(&place));
    match places.iter().find(is_input) {
        None => Ok(places),
        Some(place) => {
            bail!("{} is an input, which is not written over: name another place", place.display())
        }
    }
}

/// Names of PNG files for items: their own, with as much of the path before them as it takes to tell
/// them apart.
fn names(items: &[PathBuf]) -> Vec<String> {
    let path = |item: &Path| {
        let parts = item.components().filter_map(|part| match part {
            Component::Normal(part) => Some(part.to_string_lossy().into_owned()),
            _ => None,
        });
        parts.collect::<Vec<_>>().join("-")
    };
    let levels: [Vec<String>; 3] = [
        items.iter().map(|item| path(Path::new(item.file_stem().unwrap_or_default()))).collect(),
        items.iter().map(|item| path(&item.with_extension(""))).collect(),
        items.iter().map(|item| path(item)).collect(),
    ];
    let mut times: [HashMap<&str, usize>; 3] = Default::default();
    for (level, times) in levels.iter().zip(&mut times) {
        for name in level {
            *times.entry(name).or_default() += 1;
        }
    }
    let name = |at: usize| {
        let mut names = levels.iter().zip(&times).map(|(level, times)| (&level[at], times));
        let alone = names.find(|(name, times)| times[name.as_str()] == 1);
        format!("{}.png", alone.map_or(&levels[2][at], |(name, _)| name))
    };
    (0..items.len()).map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_input_has_an_output_of_its_own() {
        let items = ["a/1.png", "b/1.png", "b/2.png", "b/2.jpg", "3.png"].map(PathBuf::from);
        let want = ["a-1.png", "b-1.png", "b-2.png.png", "b-2.jpg.png", "3.png"];
        assert_eq!(names(&items), want);
    }
}
