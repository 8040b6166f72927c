//! The `tinderbox` command, for a table of tasks: [`tinderbox::TASKS`], or that and one's own.

mod command;
mod exit;
mod given;
mod interrupt;
mod meant;
mod offered;
mod terminal;
mod words;

use std::process::ExitCode;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use tinderbox::AnyTask;

use crate::terminal::Style;

/// Train and use deep learning models for images and texts
///
/// Sort images into one folder per class and train on them:
///
///   tinderbox train photos --out runs/photos
///   tinderbox predict runs/photos new.jpg
///
/// No data at hand? `tinderbox demo` draws some and trains on them.
///
/// Results go to standard output, progress and messages to standard error.
///
/// Exit codes: 0 success, 1 error, 2 wrong usage, 3 some files could not be
/// used, 130 stopped by Ctrl-C (training saves a checkpoint).
#[derive(Debug, Parser)]
#[command(name = "tinderbox", version, verbatim_doc_comment, arg_required_else_help = true)]
struct Cli {
    /// Number of computing threads [default: one per core]
    #[arg(long, value_name = "N", global = true, env = "TINDERBOX_THREADS", value_parser = clap::value_parser!(u32).range(1..=1024))]
    threads: Option<u32>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(command::Demo),
    Check(command::Check),
    Train(command::Train),
    TrainLm(command::TrainLm),
    Generate(command::Generate),
    LrFind(command::LrFind),
    Predict(command::Predict),
    Validate(command::Validate),
    Interpret(command::Interpret),
    Summary(command::Summary),
    ShowBatch(command::ShowBatch),
    Crappify(command::Crappify),
    #[command(subcommand)]
    Config(command::Config),
    #[command(subcommand)]
    Data(command::Data),
    #[command(subcommand)]
    Weights(command::Weights),
    #[command(subcommand)]
    Lesson(command::Lesson),
    #[command(subcommand)]
    Bench(command::Bench),
    Completions(command::Completions),
    /// Print the version, as `--version` does
    #[command(hide = true)]
    Version,
}

/// Runs the command that the process was started with, over these tasks.
pub fn main(tasks: &'static [&'static dyn AnyTask]) -> ExitCode {
    given::set_tasks(tasks);
    let mut command = Cli::command();
    let typed = words::spelled_out(std::env::args_os(), given::tasks());
    let matches = match command.try_get_matches_from_mut(typed) {
        Ok(matches) => matches,
        Err(error) => {
            return exit::wrong_usage(meant::suggesting(error, &command, std::env::args()));
        }
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => return exit::wrong_usage(error.format(&mut command)),
    };
    tinderbox::set_threads(cli.threads.map(|threads| threads as usize));
    exit::report(cli.command.run(), Style::of(is_json(&matches)))
}

/// Whether programs read what the command prints.
fn is_json(matches: &ArgMatches) -> bool {
    let here = matches.try_get_one::<bool>("json").ok().flatten().is_some_and(|json| *json);
    here || matches.subcommand().is_some_and(|(_, matches)| is_json(matches))
}

impl Command {
    fn run(self) -> anyhow::Result<exit::Done> {
        match self {
            Self::Demo(command) => command.run(),
            Self::Check(command) => command.run(),
            Self::Train(command) => command.run(),
            Self::TrainLm(command) => command.run(),
            Self::Generate(command) => command.run(),
            Self::LrFind(command) => command.run(),
            Self::Predict(command) => command.run(),
            Self::Validate(command) => command.run(),
            Self::Interpret(command) => command.run(),
            Self::Summary(command) => command.run(),
            Self::ShowBatch(command) => command.run(),
            Self::Crappify(command) => command.run(),
            Self::Config(command) => command.run(),
            Self::Data(command) => command.run(),
            Self::Weights(command) => command.run(),
            Self::Lesson(command) => command.run(),
            Self::Bench(command) => command.run(),
            Self::Completions(command) => command.run::<Cli>(),
            Self::Version => {
                terminal::print_line(Cli::command().render_version().trim_end());
                Ok(exit::Done::Ok)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_short_help_is_short() {
        let mut command = Cli::command();
        command.build();
        let train = command.find_subcommand_mut("train").unwrap();
        let short = train.render_help().to_string();
        assert!(short.lines().count() < 60, "{short}");
        assert!(short.contains("Validation set [default: auto]"), "{short}");
        assert!(short.contains("--epochs") && !short.contains("--checkpoint-every"), "{short}");
        assert!(train.render_long_help().to_string().contains("--checkpoint-every"));
    }
}
