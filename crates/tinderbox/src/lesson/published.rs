//! What the lesson's notebooks printed.

use std::fs;

use tinderbox_learn::{Recorder, cells};

use crate::{Error, Result, RunFolder};

/// One run of the notebook.
#[derive(Debug, PartialEq)]
pub struct Published {
    /// The architecture's name.
    pub model: &'static str,
    /// The notebook's heading.
    pub heading: &'static str,
    pub lr: f64,
    pub parameters: usize,
    /// Training loss, validation loss and accuracy of each epoch.
    pub epochs: &'static [[f64; 3]],
}

impl Published {
    /// The epochs of a fit beside those that the notebook printed, as a table.
    pub fn beside(&self, recorder: &Recorder) -> String {
        let epochs = (0..recorder.n_epochs()).map(|epoch| cells(epoch + 1, &recorder.epoch(epoch)));
        self.table(epochs.map(|cells| cells.into_iter().skip(1).collect()))
    }

    /// [`beside`](Self::beside) for all fits of a run.
    ///
    /// # Errors
    /// [`Error::Read`] if the run has no epoch table.
    pub fn beside_run(&self, run: &RunFolder) -> Result<String> {
        let path = run.history();
        let history = fs::read_to_string(&path).map_err(|source| Error::Read { path, source })?;
        let cells = |line: &str| line.split(',').skip(1).map(str::to_owned).collect();
        Ok(self.table(history.lines().skip(1).map(cells)))
    }

    fn table(&self, epochs: impl Iterator<Item = Vec<String>>) -> String {
        let mut text = String::from(
            "epoch  train_loss  valid_loss  accuracy    lesson: train_loss  valid_loss  accuracy\n",
        );
        for (epoch, ours) in epochs.enumerate() {
            let lesson = self.epochs.get(epoch).map(|[train, valid, accuracy]| {
                format!("{train:<18.6}  {valid:<10.6}  {accuracy:.6}")
            });
            let [train, valid, accuracy, ..] = &ours[..] else { continue };
            let line = format!("{:<5}  {train:<10}  {valid:<10}  {accuracy:<10}  ", epoch + 1);
            text.push_str((line + &lesson.unwrap_or_default()).trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_fits_of_a_run_are_beside_the_lesson() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::new(folder.path());
        let fits = "epoch,train_loss,valid_loss,accuracy,time\n1,1.5,1.25,0.5,00:01\n2,1.5,1.25,0.5,00:01\n";
        fs::write(run.history(), fits).unwrap();
        let published = Published {
            model: "m",
            heading: "M",
            lr: 1.0,
            parameters: 1,
            epochs: &[[0.1, 0.2, 0.3]],
        };
        let table = published.beside_run(&run).unwrap();
        let lines: Vec<Vec<&str>> =
            table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[1], ["1", "1.5", "1.25", "0.5", "0.100000", "0.200000", "0.300000"]);
        assert_eq!(lines[2], ["2", "1.5", "1.25", "0.5"]);
        fs::remove_file(run.history()).unwrap();
        assert!(matches!(published.beside_run(&run), Err(Error::Read { .. })));
    }
}
