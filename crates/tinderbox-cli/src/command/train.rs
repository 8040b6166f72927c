use std::path::PathBuf;

use clap::{Args, builder::PossibleValuesParser};
use serde_json::{Map, Value};
use tinderbox::{
    AnyTask, DryRun, RunFolder, Trained,
    data::{shell_word, visible},
    learn::Outcome,
};

use crate::{
    exit::Done,
    given::{All, Asked, DATA, Of, OfLanguageModel, RUN, tasks},
    terminal::{Style, count, job, print_data, print_line, say, seconds},
};

/// Train a model on images or texts
///
/// Takes a folder with one folder of images or .txt files per class; a table that
/// labels images or texts; folders of images and masks, or of bad images and good
/// ones; or a text file. Settings you omit are inferred from the data, and each
/// choice is explained. Flags override a configuration file (`--config`).
///
/// A word before the data names the task: `restore`, `super-resolve` and `colorize`
/// learn to repair what is done to good photographs; `enhance`, `segment` and the
/// other names of tasks are words, too.
///
/// Photographs start from a pretrained network if its weights are in the cache or
/// can be downloaded; `--pretrained none` trains from scratch.
///
/// The run folder holds the settings, checkpoints, the epoch table, plots, the
/// finished model, which `predict` and `validate` take, and run.toml, which
/// repeats the run. Ctrl-C finishes the current step and saves a checkpoint;
/// `--resume` continues from there, with the same result, bit for bit, as an
/// uninterrupted run.
///
/// Examples:
///   tinderbox train photos --out runs/photos
///   tinderbox train --out runs/photos --resume
///   tinderbox train photos --arch resnet34 --size 224 --early-stop 3
///   tinderbox train labels.csv --images photos
///   tinderbox train photos --from runs/other
///   tinderbox train photos --dry-run
///   tinderbox train --config run.toml --epochs 30 --out runs/longer
///   tinderbox train reviews.csv --text review --label sentiment --from runs/lm
///   tinderbox train --task segment --images photos --masks masks --codes codes.txt
///   tinderbox train restore photos --out runs/restore
///   tinderbox train enhance --inputs blurred --targets sharp --loss l1
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Train {
    #[command(flatten)]
    settings: Of<All>,

    #[command(flatten)]
    run: RunArgs,

    /// Task [default: inferred from the data]
    #[arg(long, value_name = "TASK", value_parser = task_names())]
    task: Option<String>,

    /// Configuration file: settings as TOML, as `tinderbox config default` prints them and
    /// as run.toml of a run folder holds them. Paths in it are relative to the current folder
    #[arg(long, value_name = "FILE", conflicts_with = "resume", group = DATA)]
    config: Option<PathBuf>,

    /// Resume the run in the run folder, with the settings it began with
    ///
    /// Name the data only if it has moved.
    #[arg(long, help_heading = "Run", group = DATA, requires = RUN)]
    resume: bool,
}

/// How a training is done and told.
#[derive(Debug, Args)]
#[command(next_help_heading = "Run")]
struct RunArgs {
    /// Train nothing; show the plan, the class counts, the model, and an estimate of memory
    /// and time, measured on a few steps
    #[arg(long, conflicts_with = "resume")]
    dry_run: bool,

    /// Print one JSON object per line, with an `event`: plan, batch, epoch, end, done,
    /// error and others
    #[arg(long)]
    json: bool,
}

/// The names of the tasks that there are.
pub(super) fn task_names() -> PossibleValuesParser {
    PossibleValuesParser::new(tasks().iter().map(|task| task.about().name))
}

impl Train {
    pub(crate) fn run(self) -> anyhow::Result<Done> {
        let given = &self.settings.given;
        let asked = match self.resume {
            true => {
                let run = run_folder(given.path("out"), given.path("data"));
                given.of_run(&run, self.task.as_deref())?
            }
            false => given.resolve(self.task.as_deref(), self.config.as_deref())?,
        };
        self.run.run(&asked, self.resume)
    }
}

/// The run folder of a run that goes on: as it is named, or as one on this data would be.
fn run_folder(out: Option<&std::path::Path>, data: Option<&std::path::Path>) -> PathBuf {
    match (out, data) {
        (Some(out), _) => out.to_owned(),
        (None, data) => RunFolder::usual(data.unwrap_or("run".as_ref())).latest().root().to_owned(),
    }
}

impl RunArgs {
    fn run(&self, Asked { task, settings }: &Asked, resume: bool) -> anyhow::Result<Done> {
        let style = Style::of(self.json);
        let job = job(style)?;
        if self.dry_run {
            let found = task.dry_run(settings, &job)?;
            match style {
                Style::Json => print_data(&serde_json::to_string(&found)?),
                Style::Text => print_dry_run(&found),
            }
            return Ok(Done::Ok);
        }
        let trained = match resume {
            true => task.resume(settings, &job),
            false => task.train(settings, &job),
        };
        Ok(finish(*task, &trained?, style))
    }
}

/// Train a language model: `train --task language-model`
///
/// Takes a text file, a folder of .txt files, or columns of a table. Settings you
/// omit are inferred from the texts, and each choice is explained.
///
/// A language model predicts the next word. `generate` writes text with it, and
/// `train --from` fine-tunes it to classify texts.
///
/// Examples:
///   tinderbox train-lm shakespeare.txt --out runs/shakespeare
///   tinderbox train-lm shakespeare.txt --tokens characters --arch gru
///   tinderbox train-lm reviews.csv --text title --text body
///   tinderbox train-lm tweets.txt --from runs/wikipedia
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct TrainLm {
    #[command(flatten)]
    settings: Of<OfLanguageModel>,

    #[command(flatten)]
    run: RunArgs,

    /// Configuration file: settings as TOML, as
    /// `tinderbox config default language-model` prints them
    #[arg(long, value_name = "FILE", conflicts_with = "resume", group = DATA)]
    config: Option<PathBuf>,

    /// Resume the run in the run folder, with the settings it began with
    #[arg(long, help_heading = "Run", group = DATA, requires = RUN)]
    resume: bool,
}

impl TrainLm {
    pub(crate) fn run(self) -> anyhow::Result<Done> {
        let asked = self.settings.given.resolve(Some("language-model"), self.config.as_deref())?;
        self.run.run(&asked, self.resume)
    }
}

/// Trains, or goes on, with settings that a command has made.
pub(super) fn go_on(
    task: &'static dyn AnyTask,
    settings: &Map<String, Value>,
    style: Style,
) -> anyhow::Result<Done> {
    Ok(finish(task, &task.resume(settings, &job(style)?)?, style))
}

/// Says how it ended and what to do next.
pub(super) fn finish(task: &dyn AnyTask, trained: &Trained, style: Style) -> Done {
    let run = shell_word(trained.run.root());
    if style == Style::Text {
        match (&trained.outcome, trained.speed) {
            (outcome @ Outcome::Stopped { .. }, _) => {
                say(&outcome.to_string());
                say(&format!("resume with: tinderbox train --out {run} --resume"));
            }
            (Outcome::Finished { reason, .. }, speed) => {
                let epochs = count(trained.recorder.n_batches.len(), "epoch");
                let why = reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
                say(&match speed {
                    Some(speed) => format!(
                        "finished {epochs}{why}; {:.1} % of the time was spent waiting for data",
                        speed.waiting * 100.0
                    ),
                    None => format!("the run had already finished, with {epochs}"),
                });
                say(&format!("the model is in {run}"));
                say(&format!("try it: tinderbox {}", task.about().try_next.replace("{run}", &run)));
            }
        }
    }
    if trained.is_stopped() { Done::Interrupted } else { Done::Ok }
}

fn print_dry_run(found: &DryRun) {
    let DryRun { classes, n_train, n_valid, unit, .. } = found;
    print_line(&format!("{n_train} {unit} for training, {n_valid} for validation"));
    let names = classes.iter().map(|class| visible(&class.class).chars().count());
    let width = names.max().unwrap_or(0).max("class".len());
    if !classes.is_empty() {
        print_line(&format!("\n{:<width$}  {:>9}  {:>9}", "class", "train", "valid"));
    }
    for class in classes {
        let (name, train, valid) = (visible(&class.class), class.train, class.valid);
        print_line(&format!("{name:<width$}  {train:>9}  {valid:>9}"));
    }
    print_line(&format!("\n{}", found.summary.trim_end()));
    let gigabytes = found.memory as f64 / 1e9;
    print_line(&format!("\nmemory per step    about {gigabytes:.2} GB"));
    print_line(&format!("time per step      {}", seconds(found.step_seconds)));
    print_line(&format!("time per epoch     {}", seconds(found.epoch_seconds)));
    let epochs = count(found.epochs, "epoch");
    print_line(&format!("time of {epochs:<10} {}", seconds(found.total_seconds)));
}
