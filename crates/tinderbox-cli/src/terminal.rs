//! What a run looks like: the epoch table on standard output, progress on standard error.

use std::{
    io::{ErrorKind, IsTerminal, Write, stderr, stdout},
    path::Path,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tinderbox::{
    Choice, Event, Planned, Watch,
    learn::{Progress, Report, Table, minutes},
};

use crate::{exit, interrupt};

/// How news are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// For people: a table, and a progress bar if standard error is a terminal.
    Text,
    /// For programs: one JSON object a line on standard output.
    Json,
}

impl Style {
    pub(crate) fn of(json: bool) -> Self {
        if json { Self::Json } else { Self::Text }
    }
}

/// A watch that prints.
pub(crate) fn watch(style: Style) -> Watch {
    let screen = Mutex::new(Screen { bar: None });
    Arc::new(move |event| {
        match event {
            Event::Training { stop } => interrupt::stops(stop),
            Event::Fit { report: Report::End { .. }, .. } => interrupt::stops_nothing(),
            _ => {}
        }
        match style {
            Style::Text => screen.lock().unwrap_or_else(PoisonError::into_inner).show(event),
            Style::Json => {
                if let Some(line) = line(event) {
                    print_line(&line.to_string());
                }
            }
        }
    })
}

/// Prints a line of results; a reader that has gone away is not an error.
pub(crate) fn print_line(line: &str) {
    is_read(line);
}

/// Prints a line of results and says whether anybody reads them.
pub(crate) fn is_read(line: &str) -> bool {
    let mut out = stdout().lock();
    let printed = writeln!(out, "{line}").and_then(|()| out.flush());
    if let Err(error) = &printed
        && error.kind() != ErrorKind::BrokenPipe
    {
        LOST.get_or_init(|| error.to_string());
    }
    printed.is_ok()
}

/// Why results are missing on standard output: a full disk. It does not end a training, but the
/// command must not end as if all were well.
static LOST: OnceLock<String> = OnceLock::new();

pub(crate) fn lost_results() -> Option<&'static str> {
    LOST.get().map(String::as_str)
}

/// A path as a word of a command that can be pasted into a shell.
pub(crate) fn word(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+:@%,\\".contains(c);
    match text.starts_with('-') || !text.chars().all(plain) {
        true => format!("'{}'", text.replace('\'', r"'\''")),
        false => text,
    }
}

/// A path that does not break the line it stands in.
pub(crate) fn in_line(path: &Path) -> String {
    let text = path.display().to_string();
    let shown = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.into() };
    text.chars().map(shown).collect()
}

/// An error as a line for programs, besides what people read on standard error.
pub(crate) fn print_error(error: &anyhow::Error) {
    let hint = exit::hint(error);
    let line = json!({ "event": "error", "message": format!("{error:#}"), "hint": hint });
    print_line(&line.to_string());
}

/// `1 file`, `2 files`.
pub(crate) fn count(n: usize, of: &str) -> String {
    format!("{n} {of}{}", if n == 1 { "" } else { "s" })
}

/// Prints a picture's or a file's path, and whatever else is talk.
pub(crate) fn say(line: &str) {
    eprintln!("{line}");
}

struct Screen {
    bar: Option<ProgressBar>,
}

impl Screen {
    fn show(&mut self, event: &Event<'_>) {
        match event {
            Event::Planned(plan) => self.above(|| print_plan(plan)),
            Event::Checking { done, total } => self.counting("reading files", *done, *total),
            Event::Downloading { file, done, total } => self.downloading(file, *done, *total),
            Event::Tokenizing { done, total } => self.counting("tokenizing", *done, *total),
            Event::Phase { name, number, of } => {
                self.above(|| say(&format!("part {number} of {of}: {name}")));
            }
            Event::LeftOut(files) => self.above(|| {
                say(&format!("left out {}:", count(files.len(), "unreadable file")));
                files.iter().for_each(|file| say(&format!("  {file}")));
            }),
            Event::Warning(text) => self.above(|| say(&format!("warning: {text}"))),
            Event::Resuming => self.above(|| say("going on from the last checkpoint")),
            Event::Fit { report, unit } => self.fit(report, unit),
            _ => {}
        }
    }

    /// Prints without the bar in the way.
    fn above(&self, print: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    fn counting(&mut self, what: &str, done: usize, total: usize) {
        let bar = self.bar(total as u64, "{prefix} {bar:30} {pos}/{len}");
        bar.set_prefix(what.to_owned());
        bar.set_position(done as u64);
        if done == total {
            self.clear();
        }
    }

    fn downloading(&mut self, file: &str, done: u64, total: Option<u64>) {
        let template = "{prefix} {bar:20} {bytes}/{total_bytes}  {bytes_per_sec}";
        let bar = self.bar(total.unwrap_or(done), template);
        bar.set_prefix(file.to_owned());
        bar.set_position(done);
        if Some(done) == total {
            self.clear();
            say(&format!("downloaded {file}"));
        }
    }

    fn fit(&mut self, report: &Report<'_>, unit: &str) {
        match report {
            Report::Begin { table } => self.above(|| {
                print_line(&table.header());
                (0..table.len()).for_each(|row| print_line(&table.line(row)));
            }),
            Report::Batch(progress) => self.batch(progress, unit),
            Report::Epoch { table } => {
                self.clear();
                print_line(&table.line(table.len() - 1));
            }
            Report::Note(text) => self.above(|| say(text)),
            Report::End { table } => {
                self.clear();
                end(table);
            }
        }
    }

    fn batch(&mut self, progress: &Progress, unit: &str) {
        let Progress { training, epoch, epochs, batch, batches, smooth_loss, lr, speed, .. } =
            progress;
        // On a narrow terminal the end of the message is cut off, so what matters most comes first.
        let bar = self.bar(*batches as u64, "{prefix} {bar:10} {pos}/{len}  {wide_msg}");
        if bar.length() != Some(*batches as u64) {
            bar.set_length(*batches as u64);
        }
        bar.set_position(*batch as u64);
        let part = if *training { "epoch" } else { "validating" };
        bar.set_prefix(format!("{part} {}/{epochs}", epoch + 1));
        let loss = smooth_loss.map_or_else(String::new, |loss| format!("loss {loss:.4}  "));
        bar.set_message(format!(
            "{loss}{} left  {:.0} {unit}/s  lr {lr:.1e}",
            minutes(speed.remaining),
            speed.items_per_second,
        ));
    }

    fn bar(&mut self, len: u64, template: &str) -> &ProgressBar {
        self.bar.get_or_insert_with(|| {
            let hidden = !stderr().is_terminal();
            let bar = if hidden { ProgressBar::hidden() } else { ProgressBar::new(len) };
            bar.set_style(ProgressStyle::with_template(template).expect("the template is ours"));
            bar
        })
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn end(table: &Table) {
    if let Some(total) = table.total {
        say(&format!("Total time: {}", minutes(total)));
    }
}

/// Each setting with why it is so, on the same line if that fits 80 columns.
fn print_plan(Planned { data, choices, .. }: &Planned<'_>) {
    const COLUMNS: usize = 80;
    let settings = choices.iter().map(|choice| choice.setting.chars().count());
    let width = settings.max().unwrap_or(0);
    say(&format!("{}:", data.display()));
    for Choice { setting, value, because } in *choices {
        let line = format!("  {setting:<width$}  {value}");
        let whole = format!("{line} – {because}");
        match whole.chars().count() <= COLUMNS {
            true => say(&whole),
            false => say(&format!("{line}\n    {because}")),
        }
    }
}

/// An event as JSON: `event` names it.
fn line(event: &Event<'_>) -> Option<Value> {
    Some(match event {
        Event::Planned(planned) => json!({ "event": "plan", "plan": planned.plan }),
        Event::LeftOut(files) => {
            let files: Vec<Value> = files
                .iter()
                .map(|file| json!({ "path": file.path.display().to_string(), "reason": file.reason }))
                .collect();
            json!({ "event": "left_out", "files": files })
        }
        Event::Warning(text) => json!({ "event": "warning", "text": text }),
        Event::Downloading { file, done, total } => {
            json!({ "event": "downloading", "file": file, "done": done, "total": total })
        }
        Event::Phase { name, number, of } => {
            json!({ "event": "part", "number": number, "of": of, "name": name })
        }
        Event::Resuming => json!({ "event": "resuming" }),
        Event::Fit { report: Report::Batch(progress), unit } => progress_line(progress, unit)?,
        Event::Fit { report: Report::Epoch { table }, .. } => {
            let line = table.line(table.len() - 1);
            let header = table.header();
            let names = header.split_whitespace();
            let values: serde_json::Map<String, Value> = names
                .zip(line.split_whitespace())
                .map(|(name, value)| {
                    (name.to_owned(), value.parse::<f64>().map_or(Value::Null, Value::from))
                })
                .collect();
            json!({ "event": "epoch", "values": values })
        }
        Event::Fit { report: Report::Note(text), .. } => json!({ "event": "note", "text": text }),
        Event::Fit { report: Report::End { table }, .. } => {
            json!({ "event": "end", "seconds": table.total.as_ref().map(Duration::as_secs_f64) })
        }
        _ => return None,
    })
}

/// Every tenth training batch is news enough.
fn progress_line(progress: &Progress, unit: &str) -> Option<Value> {
    const EVERY: usize = 10;
    (progress.training && progress.batch.is_multiple_of(EVERY)).then(|| {
        json!({
            "event": "batch",
            "epoch": progress.epoch + 1,
            "batch": progress.batch,
            "batches": progress.batches,
            "loss": progress.smooth_loss,
            "lr": progress.lr,
            format!("{unit}_per_second"): progress.speed.items_per_second,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_of_a_shell() {
        let word = |path: &str| word(Path::new(path));
        assert_eq!(word("runs/photos-2"), "runs/photos-2");
        assert_eq!(word("my run"), "'my run'");
        assert_eq!(word("it's"), r"'it'\''s'");
        assert_eq!(word("-x"), "'-x'");
    }

    #[test]
    fn a_path_stays_in_its_line() {
        assert_eq!(in_line(Path::new("a\nb\tc/猫.png")), r"a\nb\tc/猫.png");
    }
}
