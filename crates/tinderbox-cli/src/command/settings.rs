//! The arguments that say what is trained on.

use std::path::PathBuf;

use clap::Args;
use tinderbox::{
    text::ClassifierSettings,
    vision::{SegmenterSettings, TrainSettings, Valid},
    weights::Pretrained,
};

/// What is trained on, and how; everything not given is decided by a look at the folder.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// Architecture, such as resnet-small, resnet34, vgg16_bn, densenet121,
    /// squeezenet1_1, mobilenet_v2 or xresnet18; `tinderbox weights list` names all
    /// [default: by the pictures]
    #[arg(long, value_name = "NAME", help_heading = "Model")]
    arch: Option<String>,

    /// Weights to start with, under a new head: `auto` for the official ones, which
    /// are downloaded, a .pth or .safetensors file, or `none` [default: none]
    #[arg(long, value_name = "WEIGHTS", help_heading = "Model")]
    pretrained: Option<Pretrained>,

    /// Part of a pretrained network to leave out, and all behind it: `layer4` of a
    /// resnet
    #[arg(long, value_name = "PART", help_heading = "Model")]
    until: Option<String>,

    /// Side of the square that pictures are resized and cropped to, in pixels; for
    /// masks also height and width, `180x240` [default: by the pictures]
    #[arg(long, value_name = "PIXELS", help_heading = "Data", value_parser = size)]
    pub(super) size: Option<[usize; 2]>,

    /// Pictures in a batch [default: by their number and size]
    #[arg(long, value_name = "N", help_heading = "Data", value_parser = clap::value_parser!(u32).range(1..))]
    batch_size: Option<u32>,

    /// Batches whose gradients make a step together: a step of many pictures in the
    /// memory of a few [default: 1]
    #[arg(long, value_name = "N", help_heading = "Training", value_parser = clap::value_parser!(u32).range(1..))]
    accumulate: Option<u32>,

    /// Draw training pictures so that all classes come as often as the largest
    #[arg(long, help_heading = "Data")]
    oversample: bool,

    /// What validates: `auto`, a share such as `0.2` or `20%`, a folder's name, a .txt
    /// file of names, or a CSV file's column that says which rows do
    #[arg(long, value_name = "HOW", default_value = "auto", help_heading = "Data", allow_negative_numbers = true, value_parser = valid)]
    valid: Valid,

    /// Leave out up to so many unreadable files; one more fails before training
    /// [default: 0]
    #[arg(long, value_name = "N", help_heading = "Data")]
    skip_bad: Option<usize>,

    /// Threads that decode and transform pictures ahead of the training step
    /// [default: one a core, up to 4]
    ///
    /// Their number changes the speed, never the result.
    #[arg(long, value_name = "N", help_heading = "Data", value_parser = clap::value_parser!(u32).range(..=1024))]
    workers: Option<u32>,

    /// Memory for decoded pictures between epochs, in MB [default: 1024]
    #[arg(long, value_name = "MB", help_heading = "Data")]
    cache: Option<usize>,

    /// Seed of everything random: the same seed gives the same bits
    /// [default: 42]
    #[arg(long, value_name = "N", help_heading = "Data")]
    seed: Option<u64>,

    /// Compute convolutions as the definition says, without Winograd's algorithms,
    /// which multiply less and round differently: slower
    #[arg(long, help_heading = "Model")]
    exact_conv: bool,
}

fn valid(text: &str) -> Result<Valid, String> {
    text.parse().map_err(|error: tinderbox::Error| match error.hint() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    })
}

impl Settings {
    pub(crate) fn read(&self, data: PathBuf, out: PathBuf) -> anyhow::Result<TrainSettings> {
        let size = match self.size {
            Some([height, width]) if height != width => {
                anyhow::bail!("`--size {height}x{width}` is for masks: name one side of a square")
            }
            size => size.map(|[side, _]| side),
        };
        Ok(TrainSettings {
            arch: self.arch.clone(),
            pretrained: self.pretrained.clone(),
            until: self.until.clone(),
            size,
            batch_size: self.batch_size.map(|size| size as usize),
            accumulate: self.accumulate.map(|batches| batches as usize),
            oversample: self.oversample,
            valid: self.valid.clone(),
            skip_bad: self.skip_bad,
            workers: self.workers.map(|workers| workers as usize),
            cache_bytes: self.cache.map(|megabytes| megabytes.saturating_mul(1 << 20)),
            seed: self.seed,
            exact_conv: self.exact_conv,
            ..TrainSettings::new(data, out)
        })
    }
}

impl Settings {
    /// A setting that was given and means nothing for texts.
    pub(crate) fn of_pictures(&self) -> Option<&'static str> {
        let given = [
            ("--arch", self.arch.is_some()),
            ("--pretrained", self.pretrained.is_some()),
            ("--until", self.until.is_some()),
            ("--size", self.size.is_some()),
            ("--skip-bad", self.skip_bad.is_some()),
            ("--cache", self.cache.is_some()),
            ("--accumulate", self.accumulate.is_some()),
            ("--oversample", self.oversample),
            ("--exact-conv", self.exact_conv),
        ];
        given.into_iter().find(|(_, given)| *given).map(|(flag, _)| flag)
    }

    /// Fails for settings that mean nothing without pretrained weights.
    pub(crate) fn check_pretrained(&self, unfreezes: bool) -> anyhow::Result<()> {
        let fresh = self.pretrained.as_ref().is_none_or(|weights| *weights == Pretrained::No);
        let flags = [("--until", self.until.is_some()), ("--unfreeze-epochs", unfreezes)];
        match flags.into_iter().find(|(_, given)| *given && fresh) {
            Some((flag, _)) => anyhow::bail!("`{flag}` is for networks that are `--pretrained`"),
            None => Ok(()),
        }
    }

    /// A setting that was given and means nothing for masks.
    pub(crate) fn of_classes(&self) -> Option<&'static str> {
        self.oversample.then_some("--oversample")
    }

    pub(crate) fn read_masks(&self, images: PathBuf, out: PathBuf) -> SegmenterSettings {
        SegmenterSettings {
            arch: self.arch.clone(),
            pretrained: self.pretrained.clone(),
            until: self.until.clone(),
            size: self.size,
            batch_size: self.batch_size.map(|size| size as usize),
            accumulate: self.accumulate.map(|batches| batches as usize),
            valid: self.valid.clone(),
            skip_bad: self.skip_bad,
            workers: self.workers.map(|workers| workers as usize),
            cache_bytes: self.cache.map(|megabytes| megabytes.saturating_mul(1 << 20)),
            seed: self.seed,
            exact_conv: self.exact_conv,
            ..SegmenterSettings::new(images, "", out)
        }
    }

    pub(crate) fn read_texts(&self, data: PathBuf, out: PathBuf) -> ClassifierSettings {
        ClassifierSettings {
            valid: match &self.valid {
                Valid::Auto => None,
                Valid::Folder(name) => Some(name.clone()),
                Valid::Share(share) => Some(share.to_string()),
                Valid::List(file) => Some(file.display().to_string()),
            },
            batch_size: self.batch_size.map(|size| size as usize),
            seed: self.seed,
            ..ClassifierSettings::new(data, out)
        }
    }
}

/// `180x240`, or one side of a square.
pub(super) fn size(text: &str) -> Result<[usize; 2], String> {
    let side = |text: &str| text.trim().parse().ok().filter(|side| (1..=4096).contains(side));
    let sides = match text.split_once(['x', 'X', '×']) {
        Some((height, width)) => side(height).zip(side(width)),
        None => side(text).map(|side| (side, side)),
    };
    match sides {
        Some((height, width)) => Ok([height, width]),
        None => {
            Err("a size is a side of 1..=4096 pixels, or height and width, such as 180x240".into())
        }
    }
}

/// The path of a picture to be drawn once the work is done, which must not fail then.
pub(super) fn drawable(text: &str, extensions: &[&str]) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    if !extensions.iter().any(|known| known.eq_ignore_ascii_case(extension)) {
        return Err(format!("its name must end in .{}", extensions.join(" or .")));
    }
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
            Err(format!("there is no folder {}", folder.display()))
        }
        _ => Ok(path),
    }
}
