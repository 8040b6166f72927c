use std::path::PathBuf;

use clap::{Args, Subcommand, builder::StringValueParser};
use serde_json::json;
use tinderbox::{
    check_outputs,
    data::{visible, visible_path},
    learn::write_atomically,
    model::{
        arch::{ARCHS, OfficialWeights, find},
        weights::Contents,
    },
    weights::{WeightsCache, WeightsError},
};

use crate::{
    exit::Done,
    offered::offering,
    terminal::{Style, count, job, print_data, print_list, say},
};

/// Manage pretrained weights
///
/// They are stored in the folder that TINDERBOX_CACHE names, or in the system's
/// cache folder; weights that PyTorch has downloaded are used too, and so are
/// your own if they are there as, say, mobilenet_v2.safetensors.
/// TINDERBOX_WEIGHTS_URL names another server than torchvision's. With
/// TINDERBOX_OFFLINE=1, nothing is downloaded.
///
/// Examples:
///   tinderbox weights list
///   tinderbox weights fetch resnet34
///   tinderbox weights convert mine.pth mine.safetensors
#[derive(Debug, Subcommand)]
#[command(verbatim_doc_comment)]
pub(crate) enum Weights {
    List(List),
    Fetch(Fetch),
    Convert(Convert),
}

impl Weights {
    pub(crate) fn run(self) -> anyhow::Result<Done> {
        match self {
            Self::List(command) => command.run(),
            Self::Fetch(command) => command.run(),
            Self::Convert(command) => command.run(),
        }
    }
}

/// List the architectures and their official weights
///
/// Prints the name, the size of the official weights, `here` if they are in the
/// cache, and a description; `-` means none.
///
/// Examples:
///   tinderbox weights list
///   tinderbox weights list --long
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct List {
    /// Print the path of each file, or its address if it is not here
    #[arg(long, conflicts_with = "json")]
    long: bool,

    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

impl List {
    fn run(self) -> anyhow::Result<Done> {
        let cache = WeightsCache::open()?;
        print_list(ARCHS.iter().map(|arch| {
            let weights = arch.weights.as_ref();
            let path = cache.of(arch);
            let url = weights.map(OfficialWeights::url);
            let megabytes = weights.map(|weights| weights.megabytes);
            match self.json {
                true => json!({
                    "name": arch.name, "about": arch.about, "megabytes": megabytes,
                    "here": path.is_some(), "path": path, "url": url,
                })
                .to_string(),
                false => {
                    let size = megabytes.map_or("-".into(), |size| format!("{size:.1} MB"));
                    let here = if path.is_some() { "here" } else { "-" };
                    let at = path.map(|path| path.display().to_string()).or(url);
                    let at = at.filter(|_| self.long).map_or(String::new(), |at| format!("  {at}"));
                    format!("{:<13} {size:>8}  {here:<4}  {}{at}", arch.name, arch.about)
                }
            }
        }));
        Ok(Done::Ok)
    }
}

/// Download official weights
///
/// An interrupted download continues where it stopped. Prints the files' paths.
///
/// Example:
///   tinderbox weights fetch resnet34 squeezenet1_1
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Fetch {
    /// Architectures, as `tinderbox weights list` names them
    #[arg(required = true, hide_possible_values = true, value_parser = offering(StringValueParser::new(), with_weights()))]
    archs: Vec<String>,

    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

/// The architectures that there are official weights for.
fn with_weights() -> impl Iterator<Item = &'static str> {
    ARCHS.iter().filter(|arch| arch.weights.is_some()).map(|arch| arch.name)
}

impl Fetch {
    fn run(self) -> anyhow::Result<Done> {
        let cache = WeightsCache::open()?;
        let job = job(Style::of(self.json))?;
        for name in &self.archs {
            let arch = find(name).map_err(tinderbox::Error::from)?;
            let Some(weights) = &arch.weights else {
                let (arch, known) = (arch.name, with_weights().collect());
                return Err(tinderbox::Error::from(WeightsError::NoOfficial { arch, known }).into());
            };
            let file = cache.fetch(weights, &job)?;
            print_data(&match self.json {
                true => json!({ "event": "fetched", "arch": name, "file": file }).to_string(),
                false => file.display().to_string(),
            });
        }
        Ok(Done::Ok)
    }
}

/// Convert a PyTorch checkpoint to safetensors, which holds no code
///
/// Keeps the names and converts the values to 32-bit floats. Nothing in the file
/// is executed.
///
/// Example:
///   tinderbox weights convert resnet34-b627a593.pth resnet34.safetensors
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Convert {
    /// A .pth or .safetensors file
    from: PathBuf,

    /// The .safetensors file to write
    to: PathBuf,

    /// Overwrite an existing file
    #[arg(long, visible_alias = "overwrite")]
    force: bool,
}

impl Convert {
    fn run(self) -> anyhow::Result<Done> {
        check_outputs([self.to.as_path()], [self.from.as_path()], self.force)
            .map_err(tinderbox::Error::from)?;
        if self.to.extension().is_none_or(|end| end != "safetensors") {
            let error = WeightsError::NotSafetensors { file: self.to };
            return Err(tinderbox::Error::from(error).into());
        }
        let Contents { weights, left_out } =
            Contents::read(&self.from).map_err(tinderbox::Error::from)?;
        write_atomically(&self.to, &weights.to_safetensors()).map_err(tinderbox::Error::from)?;
        say(&format!("wrote {} to {}", count(weights.len(), "tensor"), visible_path(&self.to)));
        if let [first, rest @ ..] = &left_out[..] {
            let n = count(left_out.len(), "tensor");
            let more = rest.last().map_or(String::new(), |last| format!(" … {last}"));
            let names = format!("{first}{more}");
            say(&format!(
                "left out {n} of whole numbers, which are no weights: {}",
                visible(&names)
            ));
        }
        Ok(Done::Ok)
    }
}
