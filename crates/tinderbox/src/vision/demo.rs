//! A data set and a model from nothing, in a minute.

use std::path::{Path, PathBuf};

use tinderbox_data::{
    ImageItems, Input,
    digits::{DigitsConfig, write_digits},
    picture::{Grid, Mark, Picture},
    scenes::{ScenesConfig, write_scenes},
};
use tinderbox_learn::Outcome;

use super::{
    InterpretSettings, SegmenterSettings, TrainSettings, interpret, predict, train, train_segmenter,
};
use crate::{Result, Trained, Watch, open_model, quiet};

/// What the demo made.
#[derive(Debug)]
pub struct Demo {
    pub trained: Trained,
    /// The data set: PNG files in class folders, or pictures and masks.
    pub data: PathBuf,
    /// Held-out pictures with what the model says about them; none if training was stopped.
    pub picture: Option<PathBuf>,
}

/// Draws digits, trains the lesson's network on them by the very path of [`train`], and pictures
/// what it says about digits it has not seen.
///
/// A folder that is there already is kept: the demo takes the next free number behind its name.
///
/// # Errors
/// As [`train`]; what keeps the files from being written.
pub fn demo(folder: &Path, seed: u64, watch: &Watch) -> Result<Demo> {
    let folder = free(folder);
    let digits = folder.join("digits");
    write_digits(&digits, &DigitsConfig { seed, ..DigitsConfig::default() })?;
    let settings =
        TrainSettings { seed: Some(seed), ..TrainSettings::new(&digits, folder.join("run")) };
    let trained = train(&settings, watch)?;
    let picture = match trained.outcome {
        Outcome::Stopped { .. } => None,
        Outcome::Finished { .. } => {
            let picture = folder.join("predictions.png");
            held_out(&trained, &digits)?.save(&picture)?;
            Some(picture)
        }
    };
    Ok(Demo { trained, data: digits, picture })
}

/// Draws scenes of shapes with masks, trains a U-Net on them by the very path of
/// [`train_segmenter`], and pictures what it says about scenes it has not seen.
///
/// A folder that is there already is kept, as by [`demo`].
///
/// # Errors
/// As [`train_segmenter`]; what keeps the files from being written.
pub fn demo_masks(folder: &Path, seed: u64, watch: &Watch) -> Result<Demo> {
    let folder = free(folder);
    let scenes = folder.join("scenes");
    write_scenes(&scenes, &ScenesConfig { seed, ..ScenesConfig::default() })?;
    let run = folder.join("run");
    let settings = SegmenterSettings {
        arch: Some("resnet-small".into()),
        epochs: Some(MASK_EPOCHS),
        lr: Some(4e-3),
        seed: Some(seed),
        ..SegmenterSettings::new(scenes.join("images"), scenes.join("masks"), &run)
    };
    let trained = train_segmenter(&settings, watch)?;
    let picture = match trained.outcome {
        Outcome::Stopped { .. } => None,
        Outcome::Finished { .. } => {
            let drawn = folder.join("interpretation");
            let settings =
                InterpretSettings { out: Some(drawn.clone()), ..InterpretSettings::new(run) };
            interpret(&settings, &quiet())?;
            Some(drawn.join("results.png"))
        }
    };
    Ok(Demo { trained, data: scenes, picture })
}

/// About a minute on two cores.
const MASK_EPOCHS: usize = 24;

/// `folder`, or `folder-2` and so on if there is one.
fn free(folder: &Path) -> PathBuf {
    let numbered = (2..).map(|n| PathBuf::from(format!("{}-{n}", folder.display())));
    let mut names = std::iter::once(folder.to_owned()).chain(numbered);
    names.find(|name| !name.exists()).expect("numbers do not end")
}

/// Four held-out digits of each class.
fn held_out(trained: &Trained, digits: &Path) -> Result<Picture> {
    const EACH: usize = 4;
    let model = open_model(trained.run.root())?;
    let items = ImageItems::from_folder(digits.join("testing"))?;
    let mut files: Vec<PathBuf> = Vec::new();
    for class in model.classes() {
        let of_class = |path: &&Path| path.starts_with(class);
        files.extend(
            items.relative_paths().filter(of_class).take(EACH).map(|path| items.root().join(path)),
        );
    }
    let mut grid = Grid::new(2 * EACH);
    for answer in predict(&model, &files) {
        let prediction = answer.prediction?;
        let truth = answer
            .file
            .parent()
            .and_then(Path::file_name)
            .map(|name| name.to_string_lossy().into_owned());
        let percent = 100.0 * prediction.confidence().unwrap_or_default();
        let label = prediction.label.unwrap_or_default();
        let mark = if truth.as_deref() == Some(&label) { Mark::Right } else { Mark::Wrong };
        let pixels = model.manifest.inference.pixels(Input::File(&answer.file))?;
        grid = grid.marked(
            Picture::of_image(&pixels.to_image()),
            format!("{label}  {percent:.0} %"),
            mark,
        );
    }
    Ok(grid.draw())
}
