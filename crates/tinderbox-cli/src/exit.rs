//! How the command ends.

use std::{borrow::Cow, env, process::ExitCode};

use tinderbox::data::visible_lines;

use crate::terminal::{Style, lost_results, print_error, say};

/// The end of a command that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    Ok,
    /// What was looked at is not as it must be; it has been said.
    Refused,
    /// Some of several files could not be used; the others were.
    Partly,
    /// Stopped by Ctrl-C, with everything saved.
    Interrupted,
}

/// Prints an error with its causes and what to do about it, for programs on standard output, too;
/// gives the exit code.
pub(crate) fn report(result: anyhow::Result<Done>, style: Style) -> ExitCode {
    if let Some(reason) = lost_results() {
        say(&format!("error: cannot write to standard output: {reason}"));
        return ExitCode::FAILURE;
    }
    match result {
        Ok(Done::Ok) => ExitCode::SUCCESS,
        Ok(Done::Refused) => ExitCode::FAILURE,
        Ok(Done::Partly) => ExitCode::from(3),
        Ok(Done::Interrupted) => ExitCode::from(130),
        Err(error) => {
            if style == Style::Json {
                print_error(&message(&error), hint(&error).as_deref());
            }
            if let Some(usage) = error.downcast_ref::<clap::Error>() {
                let text = usage.render().to_string();
                // With colors, unless what was typed would be obeyed by the terminal. If nobody reads
                // it, there is nothing left to say.
                match visible_lines(&text) {
                    Cow::Borrowed(_) => _ = usage.print(),
                    Cow::Owned(text) => say(text.trim_end()),
                }
                return ExitCode::from(2);
            }
            say(&format!("error: {error:#}"));
            if let Some(hint) = hint(&error) {
                say(&format!("hint: {hint}"));
            }
            ExitCode::FAILURE
        }
    }
}

/// How the command ends if its arguments cannot be read, or ask for help or the version.
pub(crate) fn wrong_usage(error: clap::Error) -> ExitCode {
    match error.use_stderr() {
        true => report(Err(error.into()), Style::of(env::args().any(|word| word == "--json"))),
        false => error.exit(),
    }
}

/// What went wrong, in a line.
fn message(error: &anyhow::Error) -> String {
    match error.downcast_ref::<clap::Error>() {
        None => format!("{error:#}"),
        Some(usage) => {
            let text = usage.to_string();
            let first = text.split("\n\n").next().unwrap_or(&text);
            first.trim_start_matches("error: ").trim_end().replace('\n', " ")
        }
    }
}

/// What to do about an error, where there is something.
pub(crate) fn hint(error: &anyhow::Error) -> Option<String> {
    let of_the_library = error.downcast_ref::<tinderbox::Error>().map(tinderbox::Error::hint);
    let of_the_benchmark = || error.downcast_ref().map(tinderbox_bench::Error::hint);
    of_the_library.or_else(of_the_benchmark).flatten()
}
