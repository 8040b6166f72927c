use std::path::PathBuf;

use clap::Args;
use tinderbox::{
    vision::{SegmenterSettings, lesson_camvid, resume_segmenter},
    weights::Pretrained,
};

use super::{
    settings::size,
    train::{finish, rate, told},
};
use crate::{
    exit::Done,
    interrupt,
    terminal::{Style, print_line, watch},
};

/// The lesson's U-Net on CamVid, beside the numbers it printed
///
/// Needs CamVid with 12 classes: train/, trainannot/, val/, valannot/ and
/// codes.txt; or with images/, labels/, valid.txt and codes.txt.
///
/// The lesson trains at half size, and from there at full size:
///   tinderbox lesson camvid --data camvid --pretrained auto
///   tinderbox lesson camvid --data camvid --from runs/lesson-camvid --size 360x480
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Camvid {
    /// Folder of CamVid
    #[arg(long, value_name = "DIR")]
    data: PathBuf,

    /// Architecture of the body [default: resnet34]
    #[arg(long, value_name = "NAME")]
    arch: Option<String>,

    /// Part of the body to leave out, and all behind it: `layer4` of a resnet
    #[arg(long, value_name = "PART")]
    until: Option<String>,

    /// Weights for the body: `auto` for the official ones, a file, or `none`
    /// [default: none]
    #[arg(long, value_name = "WEIGHTS")]
    pretrained: Option<Pretrained>,

    /// Run to start from, with its network and its weights
    #[arg(long, value_name = "RUN", conflicts_with_all = ["arch", "until", "pretrained"])]
    from: Option<PathBuf>,

    /// Height and width that pictures are resized to [default: 180x240, and 360x480
    /// from a run]
    #[arg(long, value_name = "HxW", value_parser = size)]
    size: Option<[usize; 2]>,

    /// Epochs of the way up alone [default: the notebook's 10]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    epochs: Option<u32>,

    /// Epochs of everything after that [default: the notebook's 12, and 10 from a
    /// run]
    #[arg(long, value_name = "N")]
    unfreeze_epochs: Option<u32>,

    /// Learning rate at the peak of the first part [default: the notebook's 2e-3,
    /// and 1e-3 from a run]
    #[arg(long, value_name = "LR", value_parser = rate)]
    lr: Option<f64>,

    /// Pictures in a batch [default: by their size]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    batch_size: Option<u32>,

    /// Seed of everything random [default: 42]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Run folder
    #[arg(long, value_name = "DIR", default_value = "runs/lesson-camvid")]
    out: PathBuf,

    /// Go on with the run in the run folder, as it was begun
    #[arg(long)]
    resume: bool,

    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

impl Camvid {
    pub(super) fn run(self) -> anyhow::Result<Done> {
        interrupt::listen()?;
        let number = |n: Option<u32>| n.map(|n| n as usize);
        let settings = SegmenterSettings {
            arch: self.arch.clone(),
            until: self.until.clone(),
            pretrained: self.pretrained.clone(),
            from: self.from.clone(),
            size: self.size,
            epochs: number(self.epochs),
            unfreeze_epochs: number(self.unfreeze_epochs),
            lr: self.lr,
            batch_size: number(self.batch_size),
            seed: self.seed,
            ..SegmenterSettings::new(&self.data, "", &self.out)
        };
        let style = Style::of(self.json);
        if self.resume {
            let settings = SegmenterSettings { images: PathBuf::new(), ..settings };
            return Ok(finish(&told(resume_segmenter(&settings, &watch(style)), style)?, style));
        }
        let (trained, published) = told(lesson_camvid(&settings, &watch(style)), style)?;
        if style == Style::Text {
            print_line(&format!("\nours, beside the lesson's {}:", published.heading));
            print_line(published.beside_run(&trained.run)?.trim_end());
        }
        Ok(finish(&trained, style))
    }
}
