//! A data set and a model from nothing, in a minute.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tinderbox_data::{
    ImageItems, Input,
    digits::{DigitsConfig, write_digits},
    picture::{Grid, Mark, Picture},
    scenes::{ScenesConfig, write_scenes},
};
use tinderbox_learn::Outcome;

use crate::{
    Answer, Classify, Enhance, Error, InterpretSettings, Job, Result, Segment, Settings, TASKS,
    Trained, answers, interpret, open_model, train, weights::Pretrained,
};

/// What the demo made.
#[derive(Debug)]
pub struct Demo {
    pub trained: Trained,
    /// The data set: PNG files in class folders, or images and masks.
    pub data: PathBuf,
    /// The image of predictions for held-out items; none if training was stopped.
    pub picture: Option<PathBuf>,
}

/// Draws digits, trains the lesson's network on them just as [`train`] does, and draws its
/// predictions for digits it was not trained on.
///
/// A folder that is there already is kept: the demo takes the next free number behind its name.
///
/// # Errors
/// As [`train`]; what keeps the files from being written.
pub fn demo(folder: impl AsRef<Path>, seed: u64, job: &Job) -> Result<Demo> {
    let folder = folder.as_ref();
    let folder = free(folder);
    let digits = folder.join("digits");
    write_digits(&digits, &DigitsConfig { seed, ..DigitsConfig::default() })?;
    let mut settings = Settings::<Classify>::new(&digits, folder.join("run"));
    settings.common.seed = Some(seed);
    // The demo needs no network connection.
    settings.task.image.pretrained = Some(Pretrained::No);
    let trained = train(&settings, job)?;
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

/// Draws scenes of shapes with masks, trains a U-Net on them just as [`train`] does, and draws its
/// predictions for scenes it was not trained on.
///
/// A folder that is there already is kept, as by [`demo`].
///
/// # Errors
/// As [`train`]; what keeps the files from being written.
pub fn demo_masks(folder: impl AsRef<Path>, seed: u64, job: &Job) -> Result<Demo> {
    let folder = folder.as_ref();
    let folder = free(folder);
    let scenes = folder.join("scenes");
    write_scenes(&scenes, &ScenesConfig { seed, ..ScenesConfig::default() })?;
    let run = folder.join("run");
    let mut settings = Settings::<Segment>::new(scenes.join("images"), &run);
    settings.task.masks = Some(scenes.join("masks").into());
    settings.task.image.arch = Some("resnet-small".into());
    settings.task.image.pretrained = Some(Pretrained::No);
    settings.common.epochs = Some(MASK_EPOCHS);
    settings.common.lr = Some(4e-3);
    settings.common.seed = Some(seed);
    let trained = train(&settings, job)?;
    let picture = match trained.outcome {
        Outcome::Stopped { .. } => None,
        Outcome::Finished { .. } => {
            let drawn = folder.join("interpretation");
            let settings =
                InterpretSettings { out: Some(drawn.clone()), ..InterpretSettings::new(run) };
            interpret::<Segment>(&settings, &Job::quiet())?;
            Some(drawn.join("results.png"))
        }
    };
    Ok(Demo { trained, data: scenes, picture })
}

/// Draws scenes of shapes, trains a U-Net to repair them – made smaller, written on, compressed – just as
/// [`train`] does, and shows what it makes of scenes it was not trained on.
///
/// A folder that is there already is kept, as by [`demo`].
///
/// # Errors
/// As [`train`]; what keeps the files from being written.
pub fn demo_restore(folder: impl AsRef<Path>, seed: u64, job: &Job) -> Result<Demo> {
    let folder = folder.as_ref();
    let folder = free(folder);
    let scenes = folder.join("scenes");
    let config = ScenesConfig { train: 120, valid: 24, size: [128, 160], seed, noise: 0.0 };
    write_scenes(&scenes, &config)?;
    let run = folder.join("run");
    let mut settings = Settings::<Enhance>::new(scenes.join("images"), &run);
    settings.task.image.arch = Some("resnet-small".into());
    settings.task.image.pretrained = Some(Pretrained::No);
    settings.common.epochs = Some(RESTORE_EPOCHS);
    settings.common.lr = Some(2e-3);
    settings.common.batch_size = Some(4);
    settings.common.seed = Some(seed);
    let trained = train(&settings, job)?;
    let picture = match trained.outcome {
        Outcome::Stopped { .. } => None,
        Outcome::Finished { .. } => {
            let last = trained.run.sample(trained.recorder.n_epochs());
            let picture = folder.join("restored.png");
            fs::copy(&last, &picture).map_err(|source| Error::Read { path: last, source })?;
            Some(picture)
        }
    };
    Ok(Demo { trained, data: scenes, picture })
}

/// A minute and a half on two cores.
const RESTORE_EPOCHS: usize = 10;

/// Half a minute on two cores.
const MASK_EPOCHS: usize = 5;

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
    let inputs = files.iter().map(|file| Input::File(file));
    for (file, answer) in files.iter().zip(answers(TASKS, &model, inputs)?) {
        let Answer::Classes(classes) = answer? else { continue };
        let truth = file.parent().and_then(Path::file_name).map(|name| name.to_string_lossy());
        let mark =
            if truth.as_deref() == Some(&*classes.label) { Mark::Right } else { Mark::Wrong };
        let percent = 100.0 * classes.confidence().unwrap_or_default();
        let pixels = model.manifest.inference.pixels(Input::File(file))?;
        grid = grid.marked(
            Picture::of_image(&pixels.to_image()),
            format!("{}  {percent:.0} %", classes.label),
            mark,
        );
    }
    Ok(grid.draw())
}
