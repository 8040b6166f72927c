//! How a fit goes, printed: for programs and notebooks.

use std::io::{IsTerminal, Write, stderr, stdout};

use tinderbox_learn::{Progress, Report, minutes};

use crate::{Event, Job};

/// Prints how a fit goes: a line an epoch on standard output, as the lesson's table has it, and while
/// an epoch runs how much is left, if standard error is a terminal. Hand it to
/// [`Learner::observe`](tinderbox_learn::Learner::observe).
///
/// # Example
/// ```no_run
/// use tinderbox::prelude::*;
///
/// # fn example(data: DataBunch) -> Result<(), Box<dyn std::error::Error>> {
/// let mut learn = cnn_learner(data, "resnet34")?.metrics(error_rate).observe(progress());
/// learn.fit_one_cycle(4, slice(3e-3))?;
/// # Ok(())
/// # }
/// ```
/// ```text
/// epoch  train_loss  valid_loss  error_rate
/// 1      0.223167    0.217859    0.069500
/// ```
#[doc(alias = "progress_bar")]
#[doc(alias = "master_bar")]
pub fn progress() -> impl FnMut(&Report<'_>) + Send + 'static {
    let is_terminal = stderr().is_terminal();
    move |report| show(report, &mut stdout(), &mut stderr(), is_terminal)
}

/// Prints a piece of news; a reader that has gone away does not end a training.
fn show(report: &Report<'_>, out: &mut impl Write, talk: &mut impl Write, is_terminal: bool) {
    if is_terminal {
        let line = match report {
            Report::Batch(progress) => status(progress),
            _ => String::new(),
        };
        // Over the line that was there before.
        let _ = write!(talk, "\r{line}\x1b[K").and_then(|()| talk.flush());
    }
    let _ = match report {
        Report::Begin { table } => {
            let rows = (0..table.len()).map(|row| table.line(row));
            let mut lines = std::iter::once(table.header()).chain(rows);
            lines.try_for_each(|line| writeln!(out, "{line}"))
        }
        Report::Epoch { table } => writeln!(out, "{}", table.line(table.len() - 1)),
        Report::Note(text) => writeln!(talk, "{text}"),
        Report::End { table } => match table.total {
            Some(total) => writeln!(out, "Total time: {}", minutes(total)),
            None => Ok(()),
        },
        Report::Batch(_) => Ok(()),
    };
    let _ = out.flush();
}

/// A job that shows on a terminal how far a download is, so that nobody takes it for a program that
/// hangs, and is quiet otherwise.
pub(crate) fn downloads() -> Job {
    match stderr().is_terminal() {
        true => Job::telling(|event| {
            // A reader that has gone away does not end a download.
            let _ = stderr().write_all(download_line(&event).as_bytes());
        }),
        false => Job::quiet(),
    }
}

/// How far a download is, over the line that was there before; nothing for other news.
fn download_line(event: &Event) -> String {
    let Event::Downloading { file, done, total } = event else { return String::new() };
    let mb = |bytes: u64| bytes as f64 / 1e6;
    let of_all = total.map_or_else(String::new, |total| format!(" of {:.1}", mb(total)));
    let end = if Some(*done) == *total { "\n" } else { "" };
    format!("\rdownloading {file}: {:.1}{of_all} MB\x1b[K{end}", mb(*done))
}

/// Where a fit is, in a line.
fn status(progress: &Progress) -> String {
    let Progress { epoch, epochs, batch, batches, .. } = progress;
    let part = if progress.training { "epoch" } else { "validating" };
    let loss = progress.smooth_loss.map_or_else(String::new, |loss| format!("  loss {loss:.4}"));
    let left = minutes(progress.speed.remaining);
    format!("{part} {}/{epochs}  {batch}/{batches}{loss}  {left} left", epoch + 1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tinderbox_learn::{Table, callback::Speed};

    use super::*;

    #[track_caller]
    fn check(report: &Report<'_>, is_terminal: bool, want_out: &str, want_talk: &str) {
        let (mut out, mut talk) = (Vec::new(), Vec::new());
        show(report, &mut out, &mut talk, is_terminal);
        let [out, talk] = [out, talk].map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!((out.as_str(), talk.as_str()), (want_out, want_talk));
    }

    #[test]
    fn an_epoch_is_a_line_of_the_table() {
        let mut table = Table::new(["accuracy"]);
        check(
            &Report::Begin { table: &table },
            false,
            "epoch  train_loss  valid_loss  accuracy\n",
            "",
        );
        table.row(0, &[Some(0.5), Some(0.25), Some(0.75)]);
        let line = "1      0.500000    0.250000    0.750000\n";
        check(&Report::Epoch { table: &table }, false, line, "");
        // What was trained before a fit was resumed is shown again.
        let all = format!("epoch  train_loss  valid_loss  accuracy\n{line}");
        check(&Report::Begin { table: &table }, false, &all, "");
        table.total = Some(Duration::from_secs(83));
        check(&Report::End { table: &table }, false, "Total time: 01:23\n", "");
        check(&Report::Note("a note"), false, "", "a note\n");
    }

    #[test]
    fn a_download_is_a_line_until_it_is_over() {
        let file = "resnet34.pth".to_owned();
        let line =
            |done, total| download_line(&Event::Downloading { file: file.clone(), done, total });
        let part = "\rdownloading resnet34.pth: 1.5 of 80.0 MB\x1b[K";
        assert_eq!(line(1_500_000, Some(80_000_000)), part);
        assert_eq!(line(1_500_000, None), "\rdownloading resnet34.pth: 1.5 MB\x1b[K");
        assert!(line(7, Some(7)).ends_with('\n'));
        assert_eq!(download_line(&Event::Resuming), "");
    }

    #[test]
    fn a_terminal_shows_what_is_left() {
        let speed = Speed { remaining: Duration::from_secs(62), ..Speed::default() };
        let progress = Progress {
            training: true,
            fits: 0,
            epoch: 0,
            epochs: 4,
            batch: 3,
            batches: 12,
            iteration: 3,
            smooth_loss: Some(0.5),
            lr: 0.1,
            speed,
        };
        let line = "\repoch 1/4  3/12  loss 0.5000  01:02 left\x1b[K";
        check(&Report::Batch(progress), true, "", line);
        check(&Report::Batch(progress), false, "", "");
        check(&Report::Note("a note"), true, "", "\r\x1b[Ka note\n");
    }
}
