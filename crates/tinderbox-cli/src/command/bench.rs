use std::io::{stdin, stdout};

use clap::{Args, Subcommand, builder::StringValueParser};
use serde_json::{Value, to_value};
use tinderbox::ops::with_exact_conv;
use tinderbox_bench::{
    PATHS, WORKLOADS,
    kernels::{LEGEND, Peak, Row, Total, layers},
    serve, set_path,
};

use crate::{
    exit::Done,
    offered::offering,
    terminal::{is_read, print_line},
};

/// Benchmark whole training steps or single layers
///
/// Examples:
///   tinderbox bench list
///   tinderbox bench kernels --filter resnet34
#[derive(Debug, Subcommand)]
#[command(verbatim_doc_comment)]
pub(crate) enum Bench {
    /// List the workloads
    ///
    /// Example:
    ///   tinderbox bench list
    #[command(verbatim_doc_comment)]
    List,
    Serve(Serve),
    Kernels(Kernels),
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
            Self::Kernels(command) => command.run(),
        }
    }
}

/// How the kernels compute.
#[derive(Debug, Args)]
struct How {
    /// Instruction set that the kernels use [default: the best that the machine has]
    #[arg(long, value_name = "PATH", value_parser = PATHS)]
    path: Option<String>,

    /// Compute convolutions by their definition, without Winograd's algorithms, which
    /// need fewer multiplications but round differently. Slower
    #[arg(long)]
    exact_conv: bool,
}

impl How {
    /// Runs `bench` so.
    fn run(&self, bench: impl FnOnce() -> anyhow::Result<Done>) -> anyhow::Result<Done> {
        self.path.as_deref().map_or(Ok(()), set_path)?;
        with_exact_conv(self.exact_conv, bench)
    }
}

/// Time steps of a workload on request, to compare with other libraries
///
/// Prints `{"ready": ...}` once the model is built and warmed up. Answers each
/// line `run N` on standard input with the times of N steps, in milliseconds, and
/// the peak memory, in MB, which is known on Linux only.
///
/// Example:
///   tinderbox bench serve train/mnist-resnetish/b128
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Serve {
    /// Workload, as `tinderbox bench list` names it
    #[arg(value_parser = offering(StringValueParser::new(), WORKLOADS.iter().map(|one| one.name)))]
    workload: String,

    #[command(flatten)]
    how: How,
}

impl Serve {
    fn run(self) -> anyhow::Result<Done> {
        self.how.run(|| {
            serve(&self.workload, stdin().lock(), stdout().lock())?;
            Ok(Done::Ok)
        })
    }
}

/// Time the convolutions of well-known networks, layer by layer
///
/// Prints the algorithm of each pass of each layer, its speed, and its share of
/// the machine's peak, which is measured first; then the total time of each
/// network, in which a layer counts as often as it occurs.
///
/// A layer's name consists of its network, the height and width of its input, its
/// channels, its kernel size and its stride.
///
/// Example:
///   tinderbox bench kernels --filter resnet34/32x32
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Kernels {
    /// Time only the layers whose names contain this text
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    filter: String,

    /// Seconds to spend on each pass of each layer
    #[arg(long, value_name = "SECONDS", default_value_t = 0.05, value_parser = seconds)]
    seconds: f64,

    /// Print one JSON object per line, with a `kind`: peak, layer or total
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    how: How,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=60.0).contains(&seconds) => Ok(seconds),
        _ => Err("expected a number of seconds up to 60, such as 0.05".into()),
    }
}

impl Kernels {
    fn run(self) -> anyhow::Result<Done> {
        self.how.run(|| self.time())
    }

    fn time(&self) -> anyhow::Result<Done> {
        /// The peak is what all else is compared with.
        const MORE_FOR_THE_PEAK: f64 = 10.0;
        let layers = layers(&self.filter)?;
        let peak = Peak::measure(self.seconds * MORE_FOR_THE_PEAK);
        match self.json {
            true => print_line(&line("peak", to_value(peak)?)),
            false => {
                print_line(&format!("{peak}\n"));
                print_line(&Row::header());
            }
        }
        let mut rows = Vec::new();
        for layer in &layers {
            let row = Row::measure(layer, self.seconds, &peak);
            let text = if self.json { line("layer", to_value(&row)?) } else { row.to_string() };
            // Nobody reads on: `| head`.
            if !is_read(text.trim_end()) {
                return Ok(Done::Ok);
            }
            rows.push(row);
        }
        if !self.json {
            print_line("");
        }
        for total in Total::of(&rows, &peak) {
            let text = if self.json { line("total", to_value(&total)?) } else { total.to_string() };
            print_line(&text);
        }
        if !self.json {
            print_line(&format!("\n{LEGEND}"));
        }
        Ok(Done::Ok)
    }
}

/// A JSON object that says what it is.
fn line(kind: &str, mut facts: Value) -> String {
    facts["kind"] = kind.into();
    facts.to_string()
}
