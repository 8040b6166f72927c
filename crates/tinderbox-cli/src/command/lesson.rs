use std::path::PathBuf;

use clap::{Args, Subcommand};
use tinderbox::{
    text::{self, lesson_human_numbers},
    vision::{self, LessonRun, lesson_mnist},
};

use super::{
    camvid::Camvid,
    train::{finish, told},
};
use crate::{
    exit::Done,
    interrupt,
    terminal::{Style, print_line, watch},
};

/// Run the notebooks of fast.ai's lesson 7
#[derive(Debug, Subcommand)]
pub(crate) enum Lesson {
    Mnist(Mnist),
    Camvid(Camvid),
    HumanNumbers(HumanNumbers),
}

impl Lesson {
    pub(crate) fn run(self) -> anyhow::Result<Done> {
        match self {
            Self::Mnist(command) => command.run(),
            Self::Camvid(command) => command.run(),
            Self::HumanNumbers(command) => command.run(),
        }
    }
}

/// The lesson's networks for MNIST, beside the numbers it printed
///
/// Needs MNIST as PNG files: `training/<digit>/*.png` and `testing/<digit>/*.png`.
///
/// Example:
///   tinderbox lesson mnist --data mnist_png --model resnetish
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Mnist {
    /// Folder with training/ and testing/ in it, or with mnist_png/
    #[arg(long, value_name = "DIR")]
    data: PathBuf,

    /// Network: basic, refactor or resnetish
    #[arg(long, value_name = "NAME", default_value = "resnetish")]
    model: String,

    /// Seed of everything random
    #[arg(long, value_name = "N", default_value_t = 42)]
    seed: u64,

    /// Epochs [default: the notebook's: 3, 10 or 12]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    epochs: Option<u32>,

    /// Run folder [default: `runs/lesson-mnist-` with the model and the seed]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Compute convolutions as the definition says, without Winograd's algorithms,
    /// which multiply less and round differently: slower
    #[arg(long)]
    exact_conv: bool,

    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

impl Mnist {
    fn run(self) -> anyhow::Result<Done> {
        interrupt::listen()?;
        let out = self
            .out
            .clone()
            .unwrap_or_else(|| format!("runs/lesson-mnist-{}-{}", self.model, self.seed).into());
        let lesson = vision::Lesson {
            data: self.data.clone(),
            out,
            model: self.model.clone(),
            seed: self.seed,
            epochs: self.epochs.map(|epochs| epochs as usize),
            exact_conv: self.exact_conv,
        };
        let style = Style::of(self.json);
        let run = told(lesson_mnist(&lesson, &watch(style)), style)?;
        if style == Style::Text {
            let LessonRun { trained, published } = &run;
            let (heading, parameters) = (published.heading, published.parameters);
            print_line(&format!("\n{heading}, {parameters} parameters, beside the lesson:"));
            print_line(published.beside(&trained.recorder).trim_end());
        }
        Ok(finish(&run.trained, style))
    }
}

/// The lesson's language models on human numbers, beside the numbers it printed
///
/// The texts are made: `one, two, three, …`. Nothing is read, nothing is fetched.
///
/// Example:
///   tinderbox lesson human-numbers --model 5
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct HumanNumbers {
    /// Model: 0 to 5
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(..=5))]
    model: u32,

    /// Seed of everything random
    #[arg(long, value_name = "N", default_value_t = 42)]
    seed: u64,

    /// Epochs [default: the notebook's: 6, 10 or 20]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    epochs: Option<u32>,

    /// Run folder [default: `runs/lesson-human-numbers-` with the model and the
    /// seed]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

impl HumanNumbers {
    fn run(self) -> anyhow::Result<Done> {
        interrupt::listen()?;
        let out = self.out.clone().unwrap_or_else(|| {
            format!("runs/lesson-human-numbers-{}-{}", self.model, self.seed).into()
        });
        let lesson = text::HumanNumbers {
            model: format!("model{}", self.model),
            out,
            seed: self.seed,
            epochs: self.epochs.map(|epochs| epochs as usize),
        };
        let style = Style::of(self.json);
        let (trained, run) = told(lesson_human_numbers(&lesson, &watch(style)), style)?;
        if style == Style::Text {
            let published = &run.published;
            let (heading, parameters) = (published.heading, published.parameters);
            print_line(&format!("\n{heading}, {parameters} parameters, beside the lesson:"));
            print_line(published.beside(&trained.recorder).trim_end());
        }
        Ok(finish(&trained, style))
    }
}
