//! The `tinderbox` command, for a table of tasks: [`tinderbox::TASKS`], or that and one's own.

mod command;
mod exit;
mod given;
mod interrupt;
mod terminal;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tinderbox::AnyTask;

/// From a folder of images or texts to a model that works
///
/// Sort images into one folder a class and train on them:
///
///   tinderbox train photos --out runs/photos
///   tinderbox predict runs/photos new.jpg
///
/// No data at hand? `tinderbox demo` draws some and trains on them.
///
/// Results go to standard output, progress and talk to standard error.
///
/// Exit codes: 0 done, 1 failed, 2 wrong usage, 3 some files could not be
/// predicted, 130 stopped by Ctrl-C (a checkpoint is saved).
#[derive(Debug, Parser)]
#[command(name = "tinderbox", version, verbatim_doc_comment, arg_required_else_help = true)]
struct Cli {
    /// Threads that compute [default: one a core]
    #[arg(long, value_name = "N", global = true, env = "TINDERBOX_THREADS", value_parser = clap::value_parser!(u32).range(1..=1024))]
    threads: Option<u32>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(command::Demo),
    Train(command::Train),
    TrainLm(command::TrainLm),
    Generate(command::Generate),
    LrFind(command::LrFind),
    Predict(command::Predict),
    Validate(command::Validate),
    Interpret(command::Interpret),
    Summary(command::Summary),
    ShowBatch(command::ShowBatch),
    #[command(subcommand)]
    Config(command::Config),
    #[command(subcommand)]
    Weights(command::Weights),
    #[command(subcommand)]
    Lesson(command::Lesson),
    #[command(subcommand)]
    Bench(command::Bench),
    Completions(command::Completions),
}

/// Runs the command that the process was started with, over these tasks.
pub fn main(tasks: &'static [&'static dyn AnyTask]) -> ExitCode {
    given::set_tasks(tasks);
    let cli = Cli::parse();
    tinderbox::set_threads(cli.threads.map(|threads| threads as usize));
    exit::report(match cli.command {
        Command::Demo(command) => command.run(),
        Command::Train(command) => command.run(),
        Command::TrainLm(command) => command.run(),
        Command::Generate(command) => command.run(),
        Command::LrFind(command) => command.run(),
        Command::Predict(command) => command.run(),
        Command::Validate(command) => command.run(),
        Command::Interpret(command) => command.run(),
        Command::Summary(command) => command.run(),
        Command::ShowBatch(command) => command.run(),
        Command::Config(command) => command.run(),
        Command::Weights(command) => command.run(),
        Command::Lesson(command) => command.run(),
        Command::Bench(command) => command.run(),
        Command::Completions(command) => command.run::<Cli>(),
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }
}
