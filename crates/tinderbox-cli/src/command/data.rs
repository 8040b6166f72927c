use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint, builder::StringValueParser};
use serde_json::json;
use tinderbox::data::{DATA_SETS, DataCache, find_data_set};

use crate::{
    exit::Done,
    offered::offering,
    terminal::{Style, job, print_line, print_list},
};

/// Download data sets by name
///
/// Those of fast.ai's lessons. They are stored in data/ of the folder that
/// TINDERBOX_CACHE names, or of the system's cache folder. TINDERBOX_DATA_URL names
/// another server with the same files. With TINDERBOX_OFFLINE=1, nothing is
/// downloaded.
///
/// Examples:
///   tinderbox data list
///   tinderbox data fetch mnist
#[derive(Debug, Subcommand)]
#[command(verbatim_doc_comment)]
pub(crate) enum Data {
    List(List),
    Fetch(Fetch),
}

impl Data {
    pub(crate) fn run(self) -> anyhow::Result<Done> {
        match self {
            Self::List(command) => command.run(),
            Self::Fetch(command) => command.run(),
        }
    }
}

/// List the data sets
///
/// Prints the name, the size of the download, `here` if it is in the cache, and a
/// description.
///
/// Examples:
///   tinderbox data list
///   tinderbox data list --long
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct List {
    /// Print what to cite, and the path of each data set, or its address if it is not here
    #[arg(long, conflicts_with = "json")]
    long: bool,

    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

impl List {
    fn run(self) -> anyhow::Result<Done> {
        let cache = DataCache::open()?;
        print_list(DATA_SETS.iter().map(|set| {
            let path = cache.find(set);
            let urls: Vec<&str> = set.files.iter().map(|file| file.url).collect();
            match self.json {
                true => json!({
                    "name": set.name, "about": set.about, "bytes": set.bytes(), "cite": set.cite,
                    "here": path.is_some(), "path": path, "urls": urls,
                })
                .to_string(),
                false => {
                    let size = format!("{:.1} MB", set.bytes() as f64 / 1e6);
                    let here = if path.is_some() { "here" } else { "-" };
                    let at = path.map_or_else(|| urls.join(" "), |path| path.display().to_string());
                    let long = match self.long {
                        true => format!("; {}  {at}", set.cite),
                        false => String::new(),
                    };
                    format!("{:<15} {size:>9}  {here:<4}  {}{long}", set.name, set.about)
                }
            }
        }));
        Ok(Done::Ok)
    }
}

/// Download data sets
///
/// An interrupted download continues where it stopped. Prints the folders' paths.
///
/// Examples:
///   tinderbox data fetch mnist_sample camvid_tiny
///   tinderbox data fetch pets --to datasets
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Fetch {
    /// Data sets, as `tinderbox data list` names them
    #[arg(required = true, hide_possible_values = true, value_parser = offering(StringValueParser::new(), DATA_SETS.iter().map(|set| set.name)))]
    names: Vec<String>,

    /// Folder to put them into, each in a folder of its name [default: the cache folder]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    to: Option<PathBuf>,

    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

impl Fetch {
    fn run(self) -> anyhow::Result<Done> {
        let cache = DataCache::open()?;
        let cache = match &self.to {
            Some(folder) => cache.to(folder),
            None => cache,
        };
        let sets = self.names.iter().map(|name| find_data_set(name));
        let sets = sets.collect::<Result<Vec<_>, _>>().map_err(tinderbox::Error::from)?;
        let job = job(Style::of(self.json))?;
        for set in sets {
            let folder = cache.fetch(set, &job)?;
            print_line(&match self.json {
                true => {
                    json!({ "event": "fetched", "name": set.name, "folder": folder }).to_string()
                }
                false => folder.display().to_string(),
            });
        }
        Ok(Done::Ok)
    }
}
