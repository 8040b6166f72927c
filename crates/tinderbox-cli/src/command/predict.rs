mod places;

use std::{io::stdin, path::PathBuf, time::Instant};

use clap::Args;
use tinderbox::{
    Answer, Asked, Draws, OutputSize, PictureOptions, ReadTexts, Results, answers_with, asked,
    data::{Encoding, picture::Picture, shell_word, visible},
    learn::Bundle,
    open_model, task_of_model,
};

use self::places::Places;
use crate::{
    exit::{Done, hint},
    given::tasks,
    terminal::{is_read, say},
};

/// Predict images or texts with a trained model
///
/// A classifier prints the class of each file or text and its probability,
/// separated by tabs; a model for numbers prints the numbers; a language model
/// continues each text. Files that cannot be read are reported, and the others
/// are predicted all the same (exit code 3).
///
/// A segmentation model prints each class's share of the image; `--out` writes the
/// mask, and `--overlay` the image with the mask drawn over it.
///
/// A model that enhances images takes images of any size; `--out` writes the new image,
/// with the EXIF data, color profile, transparency and 16 bits of the input, and
/// `--compare` shows both side by side. Large images are enhanced in tiles.
///
/// Existing files are not overwritten without `--force`, and inputs never are.
///
/// Examples:
///   tinderbox predict runs/photos new.jpg
///   tinderbox predict runs/photos 'new/**/*.jpg' --to results.csv
///   tinderbox predict runs/streets street.jpg --out mask.png --overlay seen.png
///   tinderbox predict runs/restore old.jpg --out new.png --compare both.png
///   tinderbox predict model.safetensors photos --json
///   tinderbox predict runs/reviews "What a film!"
///   tinderbox predict runs/reviews new.csv --text review --to labelled.csv
///   curl -s https://example.org/cat.jpg | tinderbox predict runs/photos -
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Predict {
    /// Run folder or model file
    model: PathBuf,

    /// Images, folders of images, or quoted patterns such as 'photos/*.jpg'; for a model
    /// of texts: texts, text files, folders of them, or tables. `-` reads an image, or one
    /// text per line, from standard input
    #[arg(required = true)]
    items: Vec<PathBuf>,

    /// PNG file for the predicted mask, whose pixel values are class codes, shown in the
    /// classes' colors; for an enhanced image, a .jpg, .png, .tif or .webp file. Any other
    /// name is a folder
    #[arg(short, long, value_name = "PATH")]
    out: Option<PathBuf>,

    /// PNG file for the image with the predicted mask drawn over it; a name without .png
    /// is a folder
    #[arg(long, value_name = "PATH")]
    overlay: Option<PathBuf>,

    /// PNG file for the input and the enhanced image, side by side; a name without .png is a
    /// folder
    #[arg(long, value_name = "PATH")]
    compare: Option<PathBuf>,

    /// Size of the enhanced image in pixels, such as 820x1024 (height first), or its shorter
    /// side; the input is scaled to it first [default: the input's size, times the model's
    /// scale]
    #[arg(long, value_name = "SIZE")]
    size: Option<OutputSize>,

    /// Side of the tiles that a large image is enhanced in, in pixels, at least 64
    /// [default: the whole image, or the largest tiles that fit into memory]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(64..))]
    tile: Option<u32>,

    /// Write the results to a file instead of printing them: a table (.csv), a JSON array
    /// (.json) or a JSON object per line (.jsonl). It is written once all is predicted
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    to: Option<PathBuf>,

    /// Most pixels that an image may have; a JPEG of more is decoded at a fraction of its size
    /// [default: as in training]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_pixels: Option<u64>,

    /// Overwrite existing files
    #[arg(long, visible_alias = "overwrite")]
    force: bool,

    /// Column of the table with text, by name or number; may be given several times
    /// [default: the columns that the run was trained on, else text]
    #[arg(long, value_name = "COLUMN")]
    text: Option<Vec<String>>,

    /// Encoding of tables, text files and standard input, such as `latin-1` or `windows-1252`
    /// [default: that which the run was trained with, else UTF-8 or UTF-16]
    #[arg(long, value_name = "NAME")]
    encoding: Option<Encoding>,

    /// Print one JSON object per line, with the probabilities of all classes or whatever else
    /// the model predicts
    #[arg(long)]
    json: bool,
}

impl Predict {
    pub(crate) fn run(self) -> anyhow::Result<Done> {
        let mut model = open_model(&self.model)?;
        if let Some(max_pixels) = self.max_pixels {
            model.manifest.inference.limit_pixels(max_pixels);
        }
        let task = task_of_model(tasks(), &model)?;
        let about = task.about();
        let options = PictureOptions { size: self.size, tile: self.tile.map(|side| side as usize) };
        options.check(about).map_err(tinderbox::Error::from)?;
        let read = ReadTexts { text: self.text.clone(), encoding: self.encoding };
        let items = asked(task, &self.model, &self.items, &read, stdin().lock())?;
        let what = if about.takes_text { "text" } else { "file" };
        let mut results = self
            .to
            .as_ref()
            .map(|file| Results::new(file, what))
            .transpose()
            .map_err(tinderbox::Error::from)?;
        let places = Places::new(&self, about, &items)?;
        if about.draws == Draws::Image && self.out.is_none() && self.compare.is_none() {
            say("note: enhanced images are written only with `--out` or `--compare`");
        }

        let begun = Instant::now();
        let mut done = Done::Ok;
        let all = answers_with(tasks(), &model, items.iter().map(Asked::input), options)?;
        for (at, (item, answer)) in items.iter().zip(all).enumerate() {
            let name = item.name();
            let answer = answer.and_then(|answer| {
                draw(&model, item, &answer, &places, at)?;
                Ok(answer)
            });
            let answer = answer.map_err(|error| {
                let error = anyhow::Error::from(error);
                let text = format!("{error:#}");
                let text = if text.contains(&name) { text } else { format!("{name}: {text}") };
                (text, hint(&error))
            });
            if let Err((error, hint)) = &answer {
                done = Done::Partly;
                say(&format!("error: {error}"));
                if let (Some(hint), 1) = (hint, items.len()) {
                    say(&format!("hint: {hint}"));
                }
            }
            let answer = answer.as_ref().map_err(|(error, _)| error.as_str());
            let line = match (answer, &mut results) {
                (answer, Some(results)) => {
                    results.add(&name, answer);
                    continue;
                }
                (answer, None) if self.json => {
                    serde_json::Value::Object(Results::record(what, &name, answer)).to_string()
                }
                (Ok(answer), None) => format!("{}\t{}", visible(&name), answer.line()),
                (Err(_), None) => continue,
            };
            // Nobody reads on: `| head`.
            if !is_read(&line) {
                return Ok(done);
            }
        }
        let seconds = begun.elapsed().as_secs_f64();
        if let Some(results) = results {
            results.write()?;
        }
        if items.len() > 1 {
            let (n, rate) = (items.len(), items.len() as f64 / seconds);
            say(&format!("{n} {} in {seconds:.1} s, {rate:.0} per second", about.unit));
        }
        if let Some(file) = &self.to {
            say(&format!("wrote {}", shell_word(file)));
        }
        Ok(done)
    }
}

/// Draws what is to be drawn of the item at a place.
fn draw(
    model: &Bundle,
    item: &Asked,
    answer: &Answer,
    places: &Places,
    at: usize,
) -> Result<(), tinderbox::Error> {
    if let Some(out) = places.outs.get(at) {
        for lost in answer.save(out)? {
            say(&format!("note: {}: {lost}", out.display()));
        }
    }
    if let (Some(file), Answer::Picture(photo)) = (places.comparisons.get(at), answer) {
        let input = model.manifest.inference.photo(item.input())?;
        Picture::comparison(&input.to_image(), &photo.to_image()).save(file)?;
    }
    if let Some(overlay) = places.overlays.get(at) {
        let pixels = model.manifest.inference.pixels(item.input())?;
        answer.over(&pixels)?.save(overlay)?;
    }
    Ok(())
}
