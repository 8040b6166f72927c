//! What a run looks like: the epoch table on standard output, progress on standard error.

use std::{
    io::{ErrorKind, IsTerminal, Write, stderr, stdout},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tinderbox::{
    Batch, Choice, Event, Job, Sources,
    data::{shell_word, visible, visible_lines, visible_path},
    learn::minutes,
};

use crate::interrupt;

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

/// A job whose news are printed, and which Ctrl-C stops.
///
/// # Errors
/// If the system does not allow to hear of Ctrl-C.
pub(crate) fn job(style: Style) -> anyhow::Result<Job> {
    interrupt::listen()?;
    let mut job = Job::quiet();
    let (screen, stop) = (Mutex::new(Screen { bar: None }), job.stop.clone());
    job.events = Arc::new(move |event| {
        match event {
            Event::Begin { .. } => interrupt::stops(&stop),
            Event::End { .. } => interrupt::stops_nothing(),
            _ => {}
        }
        match style {
            Style::Text => screen.lock().unwrap_or_else(PoisonError::into_inner).show(&event),
            Style::Json => {
                if is_news(&event) {
                    print_data(&serde_json::to_string(&event).expect("an event is plain data"));
                }
            }
        }
    });
    Ok(job)
}

/// Every tenth training batch is news enough, and so are the ends of reading.
fn is_news(event: &Event) -> bool {
    const EVERY: usize = 10;
    match event {
        Event::Batch(batch) => batch.training && batch.batch.is_multiple_of(EVERY),
        Event::Downloading { done, total, .. } => *done == 0 || Some(*done) == *total,
        Event::Checking { done, total } | Event::Tokenizing { done, total } => done == total,
        _ => true,
    }
}

/// Prints results for people, whose terminal obeys nothing that stands in them; a reader that has
/// gone away is not an error.
pub(crate) fn print_line(line: &str) {
    is_read(&visible_lines(line));
}

/// Prints what programs read, as it is.
pub(crate) fn print_data(text: &str) {
    is_read(text);
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

/// Prints a list for as long as somebody reads it: `| head` does not to its end.
pub(crate) fn print_list(lines: impl IntoIterator<Item = String>) {
    for line in lines {
        if !is_read(&line) {
            return;
        }
    }
}

/// Why results are missing on standard output: a full disk. It does not end a training, but the
/// command must not end as if all were well.
static LOST: OnceLock<String> = OnceLock::new();

pub(crate) fn lost_results() -> Option<&'static str> {
    LOST.get().map(String::as_str)
}

/// An error as a line for programs, besides what people read on standard error.
pub(crate) fn print_error(message: &str, hint: Option<&str>) {
    let line = json!({ "event": "error", "message": message, "hint": hint });
    print_data(&line.to_string());
}

/// `1 file`, `2 files`.
pub(crate) fn count(n: usize, of: &str) -> String {
    format!("{n} {of}{}", if n == 1 { "" } else { "s" })
}

/// Prints what is no result: progress, messages, errors.
pub(crate) fn say(line: &str) {
    // A reader that has gone away must not end a training.
    let _ = writeln!(stderr(), "{}", visible_lines(line));
}

/// Shows on a bar how many of how many are done, until all are.
pub(crate) fn counting(what: &'static str) -> impl Fn(usize, usize) + Sync {
    let screen = Mutex::new(Screen { bar: None });
    move |done, total| {
        screen.lock().unwrap_or_else(PoisonError::into_inner).counting(what, done, total);
    }
}

struct Screen {
    bar: Option<ProgressBar>,
}

impl Screen {
    fn show(&mut self, event: &Event) {
        match event {
            Event::Plan { data, choices, .. } => self.above(|| print_plan(data, choices)),
            Event::Checking { done, total } => self.counting("reading files", *done, *total),
            Event::Downloading { file, done, total } => self.downloading(file, *done, *total),
            Event::Tokenizing { done, total } => self.counting("tokenizing", *done, *total),
            Event::Part { name, number, of } => {
                self.above(|| say(&format!("part {number} of {of}: {name}")));
            }
            Event::LeftOut { files } => self.above(|| {
                say(&format!("skipped {}:", count(files.len(), "unreadable file")));
                for file in files {
                    say(&format!("  {}: {}", visible_path(&file.path), file.reason));
                }
            }),
            Event::Warning { text } => self.above(|| say(&format!("warning: {text}"))),
            Event::Resuming => self.above(|| say("resuming from the last checkpoint")),
            Event::Begin { header, lines } => self.above(|| {
                print_line(header);
                for line in lines {
                    print_line(line);
                }
            }),
            Event::Batch(batch) => self.batch(batch),
            Event::Epoch { line, .. } => {
                self.clear();
                print_line(line);
            }
            Event::Sample { picture, .. } => {
                self.above(|| say(&format!("samples: {}", shell_word(picture))));
            }
            Event::Note { text } => self.above(|| say(text)),
            Event::End { seconds } => {
                self.clear();
                if let Some(seconds) = seconds {
                    say(&format!("Total time: {}", minutes(Duration::from_secs_f64(*seconds))));
                }
            }
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

    fn batch(&mut self, batch: &Batch) {
        // On a narrow terminal the end of the message is cut off, so what matters most comes first.
        let bar = self.bar(batch.batches as u64, "{prefix} {bar:10} {pos}/{len}  {wide_msg}");
        if bar.length() != Some(batch.batches as u64) {
            bar.set_length(batch.batches as u64);
        }
        bar.set_position(batch.batch as u64);
        let part = if batch.training { "epoch" } else { "validating" };
        bar.set_prefix(format!("{part} {}/{}", batch.epoch, batch.epochs));
        let loss = batch.loss.map_or_else(String::new, |loss| format!("loss {loss:.4}  "));
        bar.set_message(format!(
            "{loss}{} left  {:.0} {}/s  lr {:.1e}",
            minutes(Duration::from_secs_f64(batch.seconds_left.max(0.0))),
            batch.items_per_second,
            batch.unit,
            batch.lr,
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

/// Each setting with why it is so, on the same line if that fits 80 columns.
fn print_plan(data: &Sources, choices: &[Choice]) {
    const COLUMNS: usize = 80;
    let settings = choices.iter().map(|choice| choice.setting.chars().count());
    let width = settings.max().unwrap_or(0);
    let paths: Vec<String> = data.paths().map(visible_path).collect();
    say(&format!("{}:", paths.join(", ")));
    for Choice { setting, value, because } in choices {
        let [value, because] = [value, because].map(|text| visible(text));
        let line = format!("  {setting:<width$}  {value}");
        let whole = format!("{line} – {because}");
        match whole.chars().count() <= COLUMNS {
            true => say(&whole),
            false => say(&format!("{line}\n    {because}")),
        }
    }
}

/// A time in words: `0.12 s`, `03:20`.
pub(crate) fn seconds(seconds: f64) -> String {
    match seconds {
        ..10.0 => format!("{seconds:.3} s"),
        _ => minutes(Duration::from_secs_f64(seconds)),
    }
}
