use std::io::{stdin, stdout};

use clap::{Args, Subcommand};
use tinderbox::{
    bench::{PATHS, WORKLOADS, serve, set_path},
    ops::set_exact_conv,
};

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

/// How the kernels compute.
#[derive(Debug, Args)]
struct How {
    /// Instructions that the kernels use [default: the best that the machine has]
    #[arg(long, value_name = "PATH", value_parser = PATHS)]
    path: Option<String>,

    /// Compute convolutions as the definition says, without Winograd's algorithms,
    /// which multiply less and round differently: slower
    #[arg(long)]
    exact_conv: bool,
}

impl How {
    fn set(&self) -> Result<(), tinderbox::Error> {
        set_exact_conv(self.exact_conv);
        self.path.as_deref().map_or(Ok(()), set_path)
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

    #[command(flatten)]
    how: How,
}

impl Serve {
    fn run(self) -> anyhow::Result<Done> {
        self.how.set()?;
        serve(&self.workload, stdin().lock(), stdout().lock())?;
        Ok(Done::Ok)
    }
}
