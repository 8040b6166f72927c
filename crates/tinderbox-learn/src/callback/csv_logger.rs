//! The epochs' numbers as a file.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Error, Result,
    callback::{Answer, Callback, Changes, State, read_state, write_state},
    file::write_atomically,
    table,
};

/// Writes what the epoch table shows to a file of comma-separated values, after every epoch. Epochs
/// are counted from 1; a file that fits are appended to has one heading, and counts on.
///
/// A fit that is resumed goes on with the rows it had at the checkpoint.
#[derive(Debug, Clone)]
pub struct CsvLogger {
    /// The file; its folder must be there.
    pub file: PathBuf,
    /// Whether to go on below what the file has, rather than to begin it anew.
    pub append: bool,
    /// Whether there is a column with the time each epoch took; fastai has one.
    pub time: bool,
    log: Log,
}

/// What the file holds; all of it is kept, so that a resumed fit can write it again.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Log {
    /// What was in the file before this fit.
    before: String,
    rows: Vec<String>,
    /// Epochs in the file before those of this fit.
    epochs: usize,
    /// When the last epoch ended, in seconds since the fit began.
    last: f64,
}

impl CsvLogger {
    /// Logs to `file`, which begins anew with every fit.
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into(), append: false, time: true, log: Log::default() }
    }

    /// Goes on below what the file has.
    pub fn appending(self) -> Self {
        Self { append: true, ..self }
    }

    /// Leaves out the column with the time, so that the file is the same for the same run.
    pub fn without_time(self) -> Self {
        Self { time: false, ..self }
    }

    fn header(&self, state: &State) -> String {
        let mut names: Vec<&str> = vec!["epoch"];
        names.extend(state.value_names());
        if self.time {
            names.push("time");
        }
        names.join(",")
    }

    fn write(&self) -> Result<()> {
        let mut text = self.log.before.clone();
        for row in &self.log.rows {
            text.push_str(row);
            text.push('\n');
        }
        write_atomically(&self.file, text.as_bytes())
    }
}

impl Callback for CsvLogger {
    fn name(&self) -> &'static str {
        "csv_logger"
    }

    fn train_begin(&mut self, state: &State) -> Answer {
        let header = self.header(state);
        let before = match self.append {
            true => read_if_there(&self.file)?,
            false => String::new(),
        };
        self.log = match before.lines().next() {
            Some(first) if first == header => {
                Log { epochs: before.lines().count() - 1, before, ..Log::default() }
            }
            _ => Log { rows: vec![header], before, ..Log::default() },
        };
        self.write()?;
        Ok(Changes::none())
    }

    fn epoch_end(&mut self, state: &State) -> Answer {
        let number = self.log.epochs + state.epoch + 1;
        let mut cells = table::cells(number, &table::epoch_values(state));
        if self.time {
            let now = state.speed.elapsed.as_secs_f64();
            cells.push(table::minutes(Duration::from_secs_f64((now - self.log.last).max(0.0))));
            self.log.last = now;
        }
        self.log.rows.push(cells.join(","));
        self.write()?;
        Ok(Changes::none())
    }

    fn save_state(&self) -> Value {
        write_state(&self.log)
    }

    fn load_state(&mut self, saved: &Value) -> Result<()> {
        self.log = read_state(self.name(), saved)?;
        self.write()
    }
}

fn read_if_there(file: &Path) -> Result<String> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(source) => Err(Error::Read { path: file.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(epoch: usize, valid_loss: Option<f64>) -> State {
        State {
            epoch,
            smooth_loss: Some(0.25),
            valid_loss,
            metric_names: vec!["accuracy".into()],
            metrics: valid_loss.map(|_| 0.5).into_iter().collect(),
            ..State::default()
        }
    }

    #[test]
    fn a_fit_is_logged_and_goes_on_after_a_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("history.csv");
        let mut logger = CsvLogger::new(&file).without_time();
        logger.train_begin(&epoch(0, None)).unwrap();
        logger.epoch_end(&epoch(0, Some(0.125))).unwrap();
        let saved = logger.save_state();
        logger.epoch_end(&epoch(1, Some(99.0))).unwrap();

        let mut resumed = CsvLogger::new(&file).without_time();
        resumed.load_state(&saved).unwrap();
        resumed.epoch_end(&epoch(1, None)).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        let rows: Vec<&str> = text.lines().collect();
        assert_eq!(
            rows,
            [
                "epoch,train_loss,valid_loss,accuracy",
                "1,0.250000,0.125000,0.500000",
                "2,0.250000,#na#,#na#"
            ]
        );
    }

    #[test]
    fn appending_keeps_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("history.csv");
        fs::write(&file, "before\n").unwrap();
        let mut logger = CsvLogger::new(&file).appending();
        logger.train_begin(&epoch(0, None)).unwrap();
        logger.epoch_end(&epoch(0, Some(0.125))).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(
            text,
            "before\nepoch,train_loss,valid_loss,accuracy,time\n1,0.250000,0.125000,0.500000,00:00\n"
        );
    }

    #[test]
    fn fits_that_are_appended_count_on_below_one_heading() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("history.csv");
        for _ in 0..2 {
            let mut logger = CsvLogger::new(&file).appending().without_time();
            logger.train_begin(&epoch(0, None)).unwrap();
            logger.epoch_end(&epoch(0, Some(0.125))).unwrap();
            logger.epoch_end(&epoch(1, Some(0.25))).unwrap();
        }
        let text = fs::read_to_string(&file).unwrap();
        let first: Vec<&str> = text.lines().map(|row| row.split(',').next().unwrap()).collect();
        assert_eq!(first, ["epoch", "1", "2", "3", "4"]);
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = CsvLogger::new("/nowhere/at/all.csv").train_begin(&State::default());
        assert_eq!(error.unwrap_err().to_string(), "cannot write /nowhere/at/all.csv");
    }
}
