use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use tinderbox::{AnyTask, RunFolder, find_task, settings::read_file};

use super::train::task_names;
use crate::{exit::Done, given::tasks, terminal::print_data};

/// Show settings, as configuration files
///
/// Examples:
///   tinderbox config default segment > my.toml
///   tinderbox train --config my.toml --images photos --masks masks
///   tinderbox config show runs/photos
#[derive(Debug, Subcommand)]
#[command(verbatim_doc_comment)]
pub(crate) enum Config {
    Show(Show),
    Default(Default),
    Schema(Schema),
}

impl Config {
    pub(crate) fn run(self) -> anyhow::Result<Done> {
        match self {
            Self::Show(command) => command.run(),
            Self::Default(command) => {
                let task = the_task(command.task.as_deref())?;
                print_data(task.whole_file(&serde_json::Map::new()).trim_end());
                Ok(Done::Ok)
            }
            Self::Schema(command) => {
                let task = the_task(command.task.as_deref())?;
                print_data(&serde_json::to_string_pretty(&task.schema())?);
                Ok(Done::Ok)
            }
        }
    }
}

/// Print every setting of a run, a configuration file or a task
///
/// The file is checked; settings that it omits are printed with their defaults.
///
/// Examples:
///   tinderbox config show runs/photos
///   tinderbox config show my.toml
///   tinderbox config show segment
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Show {
    /// Run folder, configuration file, or task
    what: PathBuf,
}

impl Show {
    fn run(self) -> anyhow::Result<Done> {
        let file = match self.what.is_dir() {
            true => {
                let run = RunFolder::new(&self.what);
                run.task()?;
                run.config()
            }
            false => self.what.clone(),
        };
        let (name, settings) = match self.what.to_str().filter(|_| !file.is_file()) {
            Some(name) => {
                let task = find_task(tasks(), name);
                let task =
                    task.with_context(|| format!("no run, file or task is called {name}"))?;
                (Some(task.about().name.to_owned()), serde_json::Map::new())
            }
            None => read_file(&file)?,
        };
        let task = the_task(name.as_deref())?;
        print_data(task.whole_file(&task.read(&settings)?).trim_end());
        Ok(Done::Ok)
    }
}

/// Print a configuration file with every setting of a task
///
/// Settings that are inferred from the data are commented out.
///
/// Example:
///   tinderbox config default segment > my.toml
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Default {
    /// Task [default: classify]
    #[arg(value_parser = task_names())]
    task: Option<String>,
}

/// Print the JSON Schema of a task's configuration file
///
/// Example:
///   tinderbox config schema segment > segment.schema.json
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Schema {
    /// Task [default: classify]
    #[arg(value_parser = task_names())]
    task: Option<String>,
}

/// The task of a name, the first of all if there is none.
fn the_task(name: Option<&str>) -> anyhow::Result<&'static dyn AnyTask> {
    match name {
        Some(name) => Ok(find_task(tasks(), name)?),
        None => Ok(tasks()[0]),
    }
}
