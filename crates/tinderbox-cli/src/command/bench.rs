use std::io::{stdin, stdout};

use clap::{Args, Subcommand};
use tinderbox::bench::{WORKLOADS, serve};

use crate::{exit::Done, terminal::print_line};

/// Time whole steps, side by side with another library
#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// Name the workloads
    List,
    Serve(Serve),
}

impl Bench {
    pub(crate) fn run(self) -> anyhow::Result<Done> {
        match self {
            Self::List => {
                for workload in &WORKLOADS {
                    print_line(workload.name);
                }
                Ok(Done::Ok)
            }
            Self::Serve(command) => command.run(),
        }
    }
}

/// Run steps of a workload for who asks on standard input
///
/// Says `{"ready": ...}` once the model is built and warm. To each line `run N` it
/// answers with the times of N steps, in milliseconds, and the most memory that it
/// has had in use, in MB; that is known on Linux only.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Serve {
    /// What to run, as `tinderbox bench list` names it
    workload: String,
}

impl Serve {
    fn run(self) -> anyhow::Result<Done> {
        serve(&self.workload, stdin().lock(), stdout().lock())?;
        Ok(Done::Ok)
    }
}
