use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueHint, builder::StringValueParser};
use tinderbox::{
    AnyTask, Classify, Enhance, LanguageModel, Of as TaskOf, RunFolder, Segment, Settings, Trained,
    lesson::{
        self, MNIST, Published, SuperresStage, lesson_camvid, lesson_human_numbers, lesson_mnist,
        lesson_superres, superres_beside,
    },
};

use super::train::{finish, go_on};
use crate::{
    exit::Done,
    given::{Of, OfCamvid, OfSuperres},
    offered::{Offering, offering},
    terminal::{Style, job, print_line},
};

/// Run the notebooks of fast.ai's lesson 7
///
/// Examples:
///   tinderbox lesson human-numbers
///   tinderbox lesson mnist --data mnist_png
///   tinderbox lesson camvid --data camvid --pretrained auto
///   tinderbox lesson superres --data photos --stage 1a
#[derive(Debug, Subcommand)]
#[command(verbatim_doc_comment)]
pub(crate) enum Lesson {
    Mnist(Mnist),
    Camvid(Camvid),
    HumanNumbers(HumanNumbers),
    Superres(Superres),
}

impl Lesson {
    pub(crate) fn run(self) -> anyhow::Result<Done> {
        match self {
            Self::Mnist(command) => command.run(),
            Self::Camvid(command) => command.run(),
            Self::HumanNumbers(command) => command.run(),
            Self::Superres(command) => command.run(),
        }
    }
}

/// Train the lesson's networks on MNIST and compare with its results
///
/// Needs MNIST as PNG files, `training/<digit>/*.png` and `testing/<digit>/*.png`,
/// which `tinderbox data fetch mnist` downloads; or its four original files,
/// `train-images-idx3-ubyte.gz` and so on.
///
/// Example:
///   tinderbox lesson mnist --data mnist_png --model resnetish
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Mnist {
    /// Folder that holds training/ and testing/, or mnist_png/ with them, or the original
    /// files
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    data: PathBuf,

    /// Network
    #[arg(long, value_name = "NAME", default_value = "resnetish", value_parser = networks())]
    model: String,

    /// Random seed
    #[arg(long, value_name = "N", default_value_t = 42)]
    seed: u64,

    /// Epochs [default: as in the notebook: 3, 10 or 12]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    epochs: Option<u32>,

    /// Run folder [default: runs/lesson-mnist-<model>-<seed>]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    out: Option<PathBuf>,

    /// Compute convolutions by their definition, without Winograd's algorithms, which
    /// need fewer multiplications but round differently. Slower
    #[arg(long)]
    exact_conv: bool,

    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

/// Those of the notebook.
fn networks() -> Offering<StringValueParser> {
    offering(StringValueParser::new(), MNIST.iter().map(|network| network.model))
}

impl Mnist {
    fn run(self) -> anyhow::Result<Done> {
        let out = free(self.out.as_deref(), || format!("mnist-{}-{}", self.model, self.seed));
        let lesson = lesson::Mnist {
            data: self.data.clone(),
            out,
            model: self.model.clone(),
            seed: self.seed,
            epochs: self.epochs.map(|epochs| epochs as usize),
            exact_conv: self.exact_conv,
        };
        let style = Style::of(self.json);
        let (trained, published) = lesson_mnist(&lesson, &job(style)?)?;
        Ok(beside(&TaskOf::<Classify>::new(), &trained, published, style))
    }
}

/// Train the lesson's language models and compare with its results
///
/// The texts are generated: `one, two, three, …`. Needs no data and no network.
///
/// Example:
///   tinderbox lesson human-numbers --model 5
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct HumanNumbers {
    /// Model: 0 to 5
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(..=5))]
    model: u32,

    /// Random seed
    #[arg(long, value_name = "N", default_value_t = 42)]
    seed: u64,

    /// Epochs [default: as in the notebook: 6, 10 or 20]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    epochs: Option<u32>,

    /// Run folder [default: runs/lesson-human-numbers-<model>-<seed>]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    out: Option<PathBuf>,

    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

impl HumanNumbers {
    fn run(self) -> anyhow::Result<Done> {
        let usual = || format!("human-numbers-{}-{}", self.model, self.seed);
        let out = free(self.out.as_deref(), usual);
        let lesson = lesson::HumanNumbers {
            model: format!("model{}", self.model),
            out,
            seed: self.seed,
            epochs: self.epochs.map(|epochs| epochs as usize),
        };
        let style = Style::of(self.json);
        let (trained, run) = lesson_human_numbers(&lesson, &job(style)?)?;
        Ok(beside(&TaskOf::<LanguageModel>::new(), &trained, &run.published, style))
    }
}

/// The run folder that is named, or the next free one of a lesson's.
fn free(named: Option<&Path>, lesson: impl FnOnce() -> String) -> PathBuf {
    match named {
        Some(out) => out.to_owned(),
        None => RunFolder::new(format!("runs/lesson-{}", lesson())).next_free().root().to_owned(),
    }
}

/// The epochs beside those that the notebook printed, and how it ended.
fn beside(task: &dyn AnyTask, trained: &Trained, published: &Published, style: Style) -> Done {
    if style == Style::Text {
        let (heading, parameters) = (published.heading, published.parameters);
        print_line(&format!("\n{heading}, {parameters} parameters, compared with the lesson:"));
        print_line(published.beside(&trained.recorder).trim_end());
    }
    finish(task, trained, style)
}

/// Train the lesson's U-Net on CamVid and compare with its results
///
/// Needs CamVid with 12 classes: train/, trainannot/, val/, valannot/ and
/// codes.txt; or images/, labels/, valid.txt and codes.txt. Settings you omit are
/// those of the notebook.
///
/// The lesson trains at half size first, then goes on at full size:
///   tinderbox lesson camvid --data camvid --pretrained auto
///   tinderbox lesson camvid --data camvid --from runs/lesson-camvid --size 360x480 --out runs/full
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Camvid {
    #[command(flatten)]
    settings: Of<OfCamvid>,

    /// Resume the run in the run folder, with the settings it began with
    #[arg(long)]
    resume: bool,

    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

impl Camvid {
    fn run(self) -> anyhow::Result<Done> {
        let style = Style::of(self.json);
        let mut asked = self.settings.given.resolve(Some("segment"), None)?;
        let out = self.settings.given.path("out");
        let out = match self.resume && out.is_none() {
            true => RunFolder::new("runs/lesson-camvid").latest().root().to_owned(),
            false => free(out, || "camvid".into()),
        };
        asked.settings.insert("out".into(), out.display().to_string().into());
        if self.resume {
            // It is in the run where the two folders are.
            asked.settings.remove("data");
            return go_on(asked.task, &asked.settings, style);
        }
        let settings = Settings::<Segment>::from_json(&asked.settings)?;
        let (trained, published) = lesson_camvid(&settings, &job(style)?)?;
        if style == Style::Text {
            print_line(&format!("\ncompared with the lesson's {}:", published.heading));
            print_line(published.beside_run(&trained.run)?.trim_end());
        }
        Ok(finish(asked.task, &trained, style))
    }
}

/// Train the lesson's super-resolution with a feature loss and compare with its results
///
/// Makes small, JPEG-compressed copies of the photographs, of 96 and of 256 pixels,
/// and trains a U-Net to give back the originals, in four stages: 1a and 1b at 128
/// pixels, 2a and 2b at 256; first the decoder alone, then everything. A stage that
/// is done is not trained again, and one that was interrupted goes on.
///
/// The lesson's body is a ResNet-34, its feature network a VGG-16 (528 MB). Without
/// a network connection, name others.
///
/// Examples:
///   tinderbox lesson superres --data photos
///   tinderbox lesson superres --data photos --arch resnet18 --feature-net squeezenet1_1
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Superres {
    /// Folder of photographs
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    data: PathBuf,

    /// Stage: 1a, 1b, 2a, 2b or all; each needs the ones before it
    #[arg(long, value_name = "STAGE", default_value = "all", value_parser = stages)]
    stage: Stages,

    /// Folder for the small photographs and the run of each stage
    #[arg(long, value_name = "DIR", default_value = "runs/lesson-superres", value_hint = ValueHint::DirPath)]
    out: PathBuf,

    #[command(flatten)]
    settings: Of<OfSuperres>,

    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

/// The stages that are wanted.
#[derive(Debug, Clone)]
struct Stages(Vec<SuperresStage>);

/// `all`, or one by its name, with those before it, which are not trained again.
fn stages(text: &str) -> Result<Stages, String> {
    if text == "all" {
        return Ok(Stages(SuperresStage::ALL.to_vec()));
    }
    let last: SuperresStage = text.parse().map_err(|error| format!("{error}, or all"))?;
    let up_to = SuperresStage::ALL.into_iter().take_while(|stage| *stage != last);
    Ok(Stages(up_to.chain([last]).collect()))
}

impl Superres {
    fn run(self) -> anyhow::Result<Done> {
        let style = Style::of(self.json);
        let asked = self.settings.given.resolve(Some("enhance"), None)?;
        let lesson = lesson::Superres {
            data: self.data,
            out: self.out,
            stages: self.stage.0,
            settings: Settings::<Enhance>::from_json(&asked.settings)?,
        };
        let trained = lesson_superres(&lesson, &job(style)?)?;
        if style == Style::Text {
            for (stage, trained) in &trained {
                print_line(&format!("\nstage {stage}, compared with the lesson:"));
                print_line(superres_beside(*stage, trained).trim_end());
            }
        }
        Ok(match trained.last() {
            Some((_, last)) => finish(asked.task, last, style),
            None => Done::Ok,
        })
    }
}
