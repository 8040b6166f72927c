use std::path::PathBuf;

use clap::{Args, Subcommand};
use tinderbox::{
    learn::write_atomically,
    model::{
        arch::{ARCHS, find},
        weights::StateDict,
    },
    weights::WeightsCache,
};

use crate::{
    exit::Done,
    terminal::{Style, count, is_read, job, print_line, say},
};

/// Look after pretrained weights
///
/// They are kept in the folder that TINDERBOX_CACHE names, or in the system's folder
/// for caches; what PyTorch has downloaded is used too. TINDERBOX_WEIGHTS_URL names
/// another server than torchvision's.
#[derive(Debug, Subcommand)]
pub(crate) enum Weights {
    /// Name the architectures, and say whose official weights are here
    List,
    Fetch(Fetch),
    Convert(Convert),
}

impl Weights {
    pub(crate) fn run(self) -> anyhow::Result<Done> {
        match self {
            Self::List => list(),
            Self::Fetch(command) => command.run(),
            Self::Convert(command) => command.run(),
        }
    }
}

fn list() -> anyhow::Result<Done> {
    let cache = WeightsCache::open()?;
    for arch in &ARCHS {
        let state = match &arch.weights {
            None => "-".to_owned(),
            Some(weights) => match cache.find(weights) {
                Some(file) => file.display().to_string(),
                None => format!("{} (not here)", weights.url()),
            },
        };
        if !is_read(&format!("{}\t{}\t{state}", arch.name, arch.about)) {
            break;
        }
    }
    Ok(Done::Ok)
}

/// Download official weights
///
/// What was cut off goes on where it was. Prints where the files are.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Fetch {
    /// Architectures, as `tinderbox weights list` names them
    #[arg(required = true)]
    archs: Vec<String>,
}

impl Fetch {
    fn run(self) -> anyhow::Result<Done> {
        let cache = WeightsCache::open()?;
        let job = job(Style::Text)?;
        for name in &self.archs {
            let arch = find(name).map_err(tinderbox::Error::from)?;
            let Some(weights) = &arch.weights else {
                anyhow::bail!("there are no official weights for {name}");
            };
            print_line(&cache.fetch(weights, &job)?.display().to_string());
        }
        Ok(Done::Ok)
    }
}

/// Write a file of PyTorch's as safetensors, which holds no code
///
/// Names stay; numbers become 32-bit floats. Nothing in the file is run.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Convert {
    /// A .pth file, or one of safetensors
    from: PathBuf,

    /// The .safetensors file to write
    to: PathBuf,
}

impl Convert {
    fn run(self) -> anyhow::Result<Done> {
        let weights = StateDict::read(&self.from).map_err(tinderbox::Error::from)?;
        write_atomically(&self.to, &weights.to_safetensors()).map_err(tinderbox::Error::from)?;
        say(&format!("{} in {}", count(weights.len(), "tensor"), self.to.display()));
        Ok(Done::Ok)
    }
}
