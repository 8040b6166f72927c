//! The events of a run.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tinderbox_data::error::BadFile;
use tinderbox_learn::{Progress, Report, Table};

use crate::{Choice, Sources};

/// An event of a run. It owns its data and is serializable: `--json` prints one object per line,
/// with its name as `event`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// What the run will do: where the data is, how its settings came about, and the plan, complete,
    /// as it is saved.
    Plan { task: String, data: Sources, choices: Vec<Choice>, plan: Value },
    /// Files are read, once before training.
    Checking { done: usize, total: usize },
    /// Texts are tokenized.
    Tokenizing { done: usize, total: usize },
    /// A file is downloaded: bytes so far, and in total if that is known.
    Downloading { file: String, done: u64, total: Option<u64> },
    /// Unreadable files that were skipped, as allowed.
    LeftOut { files: Vec<LeftOut> },
    /// Something about the data that the user may not have meant.
    Warning { text: String },
    /// A part of the training begins that is a fit of its own; `number` counts from 1.
    Part { number: usize, of: usize, name: String },
    /// Training resumes from a checkpoint.
    Resuming,
    /// A fit begins: the heading of its table, and the lines so far if it is resumed.
    Begin { header: String, lines: Vec<String> },
    /// A batch is done.
    Batch(Batch),
    /// An epoch is done: its losses and metrics by name, and as a line of the table.
    Epoch { values: BTreeMap<String, Option<f64>>, line: String },
    /// An image of what the model makes of some items of the validation set, after an epoch counted
    /// from 1 over all parts of the training.
    Sample { epoch: usize, picture: PathBuf },
    /// Something worth a line.
    Note { text: String },
    /// A fit is over.
    End { seconds: Option<f64> },
    /// The run is over.
    Done(Done),
}

/// A file that was skipped, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    pub path: PathBuf,
    pub reason: String,
}

impl LeftOut {
    pub(crate) fn of(file: &BadFile) -> Self {
        // A name that is not UTF-8 could not be written down.
        Self { path: file.path.display().to_string().into(), reason: file.reason.clone() }
    }
}

/// How far a fit has come after a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// Whether the batch was for training, not for validation.
    pub training: bool,
    /// Counted from 1.
    pub epoch: usize,
    pub epochs: usize,
    /// Batches done in this epoch's training or validation, of this many.
    pub batch: usize,
    pub batches: usize,
    /// The training loss, averaged over the batches so far with the last ones weighing most.
    pub loss: Option<f64>,
    /// The last parameter group's learning rate.
    pub lr: f64,
    /// The items, in the plural: `images`.
    pub unit: String,
    pub items_per_second: f64,
    /// Until the end of the run, at the current speed.
    pub seconds_left: f64,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// `finished`, or `stopped` if it can be resumed.
    pub outcome: String,
    /// The metrics after the last epoch, by name.
    pub metrics: BTreeMap<String, f64>,
    pub run: PathBuf,
    /// The share of the time in which training waited for data; `None` if the run had already
    /// finished.
    pub waiting: Option<f64>,
}

impl Event {
    /// The news of a fit, whose items are called `unit`.
    pub(crate) fn of_fit(report: &Report<'_>, unit: &str) -> Self {
        match report {
            Report::Begin { table } => Self::Begin {
                header: table.header(),
                lines: (0..table.len()).map(|row| table.line(row)).collect(),
            },
            Report::Batch(progress) => Self::Batch(Batch::of(progress, unit)),
            Report::Epoch { table } => {
                let line = table.line(table.len() - 1);
                Self::Epoch { values: values(table, &line), line }
            }
            Report::Note(text) => Self::Note { text: (*text).to_owned() },
            Report::End { table } => {
                Self::End { seconds: table.total.as_ref().map(std::time::Duration::as_secs_f64) }
            }
        }
    }

    pub(crate) fn left_out(files: &[BadFile]) -> Self {
        Self::LeftOut { files: files.iter().map(LeftOut::of).collect() }
    }
}

impl Batch {
    fn of(progress: &Progress, unit: &str) -> Self {
        Self {
            training: progress.training,
            epoch: progress.epoch + 1,
            epochs: progress.epochs,
            batch: progress.batch,
            batches: progress.batches,
            loss: progress.smooth_loss,
            lr: progress.lr,
            unit: unit.to_owned(),
            items_per_second: progress.speed.items_per_second,
            seconds_left: progress.speed.remaining.as_secs_f64(),
        }
    }
}

/// The cells of a line by the names of their columns; NaN is left without a value.
fn values(table: &Table, line: &str) -> BTreeMap<String, Option<f64>> {
    let header = table.header();
    let finite = |cell: &str| cell.parse().ok().filter(|value: &f64| value.is_finite());
    let cells = line.split_whitespace().map(finite);
    header.split_whitespace().map(str::to_owned).zip(cells).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_numbers_by_name_and_a_line() {
        let mut table = Table::new(["accuracy"]);
        table.row(0, &[Some(1.5), None, Some(0.25)]);
        let event = Event::of_fit(&Report::Epoch { table: &table }, "images");
        let Event::Epoch { values, line } = &event else { panic!("{event:?}") };
        assert_eq!(values["epoch"], Some(1.0));
        assert_eq!((values["train_loss"], values["valid_loss"]), (Some(1.5), None));
        assert_eq!(line, "1      1.500000    #na#        0.250000");
    }

    #[test]
    fn events_are_read_as_they_were_written() {
        let done = Event::Done(Done {
            outcome: "finished".into(),
            metrics: [("accuracy".to_owned(), 0.5)].into(),
            run: "runs/a".into(),
            waiting: None,
        });
        for event in [done, Event::Resuming, Event::Checking { done: 1, total: 2 }] {
            let text = serde_json::to_string(&event).unwrap();
            assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event, "{text}");
        }
        let line = serde_json::to_value(Event::Resuming).unwrap();
        assert_eq!(line, serde_json::json!({ "event": "resuming" }));
    }
}
