use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args, ValueEnum};
use tinderbox::{
    RunFolder, Task, Trained,
    data::TargetKind,
    learn::Outcome,
    text::{self, ClassifierSettings},
    vision::{SegmenterSettings, TrainSettings, resume, resume_segmenter, train, train_segmenter},
};

use super::{masks::MaskArgs, settings::Settings};
use crate::{
    exit::Done,
    interrupt,
    terminal::{Style, count, print_error, print_line, say, watch, word},
};

/// Train a model to tell pictures or texts apart
///
/// Takes a folder of class folders with pictures or .txt files in them, or a CSV
/// file with a column of texts and one of labels. What is not said is decided by a
/// look at the data, and explained.
///
/// The run folder gets everything: the settings, checkpoints, the epoch table,
/// plots, and the finished model, which `predict` and `validate` take. Ctrl-C once
/// finishes the step and saves; `--resume` goes on from there and ends with the
/// same bits as if it had never stopped.
///
/// Examples:
///   tinderbox train photos --out runs/photos
///   tinderbox train --out runs/photos --resume
///   tinderbox train photos --arch resnet34 --pretrained auto --size 224
///   tinderbox train photos --arch resnet-small --size 160 --epochs 30 --valid 0.1
///   tinderbox train reviews.csv --text review --label sentiment --from-lm runs/lm
///   tinderbox train --task segment --images photos --masks masks --codes codes.txt
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
#[command(group = ArgGroup::new("which").args(["folder", "out", "images"]).multiple(true))]
pub(crate) struct Train {
    /// Folder of class folders with pictures or .txt files in them, or of two sets
    /// of those; or a CSV file
    #[arg(required_unless_present_any = ["resume", "images"])]
    folder: Option<PathBuf>,

    /// What is learned: to tell pictures or texts apart, or what each pixel shows
    /// [default: by the data; `segment` where there are masks]
    #[arg(long, value_name = "TASK")]
    task: Option<Learns>,

    /// Epochs to train for [default: by the number of pictures]
    #[arg(long, value_name = "N", help_heading = "Training", value_parser = clap::value_parser!(u32).range(1..))]
    epochs: Option<u32>,

    /// Epochs of everything, after those of what is not pretrained [default: by the
    /// number of pictures]
    #[arg(long, value_name = "N", help_heading = "Training")]
    unfreeze_epochs: Option<u32>,

    /// Learning rate at the peak of the one-cycle schedule [default: the
    /// architecture's]
    #[arg(long, value_name = "LR", help_heading = "Training", allow_negative_numbers = true, value_parser = rate)]
    lr: Option<f64>,

    /// Run folder [default: `runs/` and the data folder's name]
    #[arg(long, value_name = "DIR", help_heading = "Run")]
    out: Option<PathBuf>,

    /// Go on with the run in the run folder, as it was begun
    ///
    /// The data folder need not be given, unless it has moved.
    #[arg(long, help_heading = "Run", requires = "which")]
    resume: bool,

    /// Steps between checkpoints; 0 for those after each epoch only
    /// [default: 100]
    #[arg(long, value_name = "N", help_heading = "Run")]
    checkpoint_every: Option<usize>,

    /// Print one JSON object a line, with an `event`: plan, batch, epoch, end,
    /// done, error and others
    #[arg(long, help_heading = "Run")]
    json: bool,

    #[command(flatten)]
    settings: Settings,

    /// Column of a CSV file with text in it, by name or number; may be given
    /// several times [default: text]
    #[arg(long, value_name = "COLUMN", help_heading = "Texts")]
    text: Vec<String>,

    /// Column of a CSV file with labels in it [default: label]
    #[arg(long, value_name = "COLUMN", help_heading = "Texts")]
    label: Option<String>,

    /// Run of the language model to start from: ULMFiT
    #[arg(long, value_name = "RUN", help_heading = "Texts")]
    from_lm: Option<PathBuf>,

    /// What the dropouts are multiplied by [default: 0.5]
    #[arg(long, value_name = "X", help_heading = "Texts")]
    dropout: Option<f64>,

    #[command(flatten)]
    masks: MaskArgs,
}

/// What a model learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Learns {
    /// A class for each picture or text
    Classify,
    /// A class for each pixel
    Segment,
}

pub(super) fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate.is_finite() => Ok(rate),
        _ => Err("a learning rate is a number above 0, such as 0.01 or 1e-2".into()),
    }
}

impl Train {
    pub(crate) fn run(self) -> anyhow::Result<Done> {
        interrupt::listen()?;
        let folder = self.folder.clone().or_else(|| self.masks.images.clone()).unwrap_or_default();
        let out = self.out.clone().unwrap_or_else(|| default_out(&folder));
        let task = match self.resume {
            true => RunFolder::new(&out).task()?,
            false if self.task == Some(Learns::Segment) || self.masks.is_given() => Task::Segmenter,
            false if text::is_of_texts(&folder) => Task::TextClassifier,
            false => Task::Images,
        };
        match task {
            Task::Segmenter => return self.run_masks(out),
            Task::TextClassifier => return self.run_texts(folder, out),
            _ => {}
        }
        self.masks.check_unused()?;
        self.settings.check_pretrained(self.unfreeze_epochs.is_some() && !self.resume)?;
        let settings = TrainSettings {
            epochs: self.epochs.map(|epochs| epochs as usize),
            unfreeze_epochs: self.unfreeze_epochs.map(|epochs| epochs as usize),
            lr: self.lr,
            checkpoint_every: self.checkpoint_every,
            ..self.settings.read(folder, out)?
        };
        let style = Style::of(self.json);
        let trained = match self.resume {
            true => resume(&settings, &watch(style)),
            false => train(&settings, &watch(style)),
        };
        Ok(finish(&told(trained, style)?, style))
    }

    fn run_masks(self, out: PathBuf) -> anyhow::Result<Done> {
        let folder = self.folder.clone().unwrap_or_default();
        let settings = SegmenterSettings {
            epochs: self.epochs.map(|epochs| epochs as usize),
            unfreeze_epochs: self.unfreeze_epochs.map(|epochs| epochs as usize),
            lr: self.lr,
            checkpoint_every: self.checkpoint_every,
            ..self.masks.read(&self.settings, folder, out)?
        };
        let style = Style::of(self.json);
        let trained = match self.resume {
            true => resume_segmenter(&settings, &watch(style)),
            false => train_segmenter(&settings, &watch(style)),
        };
        Ok(finish(&told(trained, style)?, style))
    }

    fn run_texts(self, data: PathBuf, out: PathBuf) -> anyhow::Result<Done> {
        let unfreeze = self.unfreeze_epochs.map(|_| "--unfreeze-epochs");
        if let Some(flag) = self.settings.of_pictures().or(unfreeze) {
            anyhow::bail!("`{flag}` is for pictures, and these are texts");
        }
        let settings = ClassifierSettings {
            columns: (!self.text.is_empty()).then(|| self.text.clone()),
            label: self.label.clone(),
            from_lm: self.from_lm.clone(),
            dropout: self.dropout,
            epochs: self.epochs.map(|epochs| epochs as usize),
            lr: self.lr,
            checkpoint_every: self.checkpoint_every,
            ..self.settings.read_texts(data, out)
        };
        let style = Style::of(self.json);
        let trained = match self.resume {
            true => text::resume_classifier(&settings, &watch(style)),
            false => text::train_classifier(&settings, &watch(style)),
        };
        Ok(finish(&told(trained, style)?, style))
    }
}

/// The result, whose error programs are told too.
pub(super) fn told<T>(result: Result<T, tinderbox::Error>, style: Style) -> anyhow::Result<T> {
    let result = result.map_err(anyhow::Error::from);
    if let (Err(error), Style::Json) = (&result, style) {
        print_error(error);
    }
    result
}

/// `runs/photos` for `data/photos`, `runs/reviews` for `reviews.csv`.
pub(super) fn default_out(folder: &Path) -> PathBuf {
    let folder = folder.with_extension("");
    let absolute = std::path::absolute(&folder).unwrap_or(folder);
    Path::new("runs").join(absolute.file_name().unwrap_or("run".as_ref()))
}

/// Says how it ended and what to do next.
pub(super) fn finish(trained: &Trained, style: Style) -> Done {
    let run = word(trained.run.root());
    let (command, try_it) = match (trained.data.target(), trained.data.unit()) {
        (TargetKind::Words { .. }, _) => ("train-lm", format!("generate {run} --prompt \"…\"")),
        (_, "texts") => ("train", format!("predict {run} \"some text\"")),
        (TargetKind::Mask { .. }, _) => {
            ("train", format!("predict {run} picture.jpg --out mask.png"))
        }
        _ => ("train", format!("predict {run} picture.jpg")),
    };
    let stopped = matches!(trained.outcome, Outcome::Stopped { .. });
    if style == Style::Json {
        let outcome = if stopped { "stopped" } else { "finished" };
        let done = serde_json::json!({
            "event": "done",
            "outcome": outcome,
            "accuracy": trained.accuracy,
            "run": trained.run.root().display().to_string(),
            "waiting": trained.speed.map(|speed| speed.waiting),
        });
        print_line(&done.to_string());
    } else {
        match (&trained.outcome, trained.speed) {
            (outcome @ Outcome::Stopped { .. }, _) => {
                say(&outcome.to_string());
                say(&format!("go on with: tinderbox {command} --out {run} --resume"));
            }
            (Outcome::Finished { epochs, .. }, speed) => {
                let epochs = count(*epochs, "epoch");
                say(&match speed {
                    Some(speed) => format!(
                        "finished {epochs}; of the time, {:.1} % was waiting for data",
                        speed.waiting * 100.0
                    ),
                    None => format!("the run was finished already, with {epochs}"),
                });
                say(&format!("the model is in {run}"));
                say(&format!("try it: tinderbox {try_it}"));
            }
        }
    }
    if stopped { Done::Interrupted } else { Done::Ok }
}
