//! Remembering how far a fit has come, in a file of one number.

use std::{fs, path::PathBuf};

use crate::{
    Error,
    callback::{Answer, Callback, Change, Changes, State},
    file::write_atomically,
};

/// Writes the number of the finished epoch to a file, and begins the next fit after it.
///
/// fastai's way to go on after a crash, to the epoch and with a new optimizer. A
/// [checkpoint](crate::Checkpoints) goes on to the step and to the bit.
#[derive(Debug, Clone)]
#[doc(alias = "TrackEpochCallback")]
pub struct TrackEpoch {
    /// The file; its folder must be there.
    pub file: PathBuf,
}

impl TrackEpoch {
    /// Keeps the number in `file`.
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into() }
    }
}

impl Callback for TrackEpoch {
    fn name(&self) -> &'static str {
        "track_epoch"
    }

    fn train_begin(&mut self, _: &State) -> Answer {
        let text = match fs::read_to_string(&self.file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Changes::none());
            }
            Err(source) => return Err(Error::Read { path: self.file.clone(), source }),
        };
        let Ok(epoch) = text.trim().parse::<usize>() else {
            let what = format!("it holds `{}`, not an epoch's number", text.trim());
            return Err(Error::NotOurs { path: self.file.clone(), what });
        };
        Ok(Change::Epoch(epoch + 1).into())
    }

    fn epoch_end(&mut self, state: &State) -> Answer {
        write_atomically(&self.file, state.epoch.to_string().as_bytes())?;
        Ok(Changes::none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_fit_begins_after_the_last_finished_epoch() {
        let folder = tempfile::tempdir().unwrap();
        let mut callback = TrackEpoch::new(folder.path().join("epoch"));
        assert_eq!(callback.train_begin(&State::default()).unwrap().into_iter().count(), 0);
        callback.epoch_end(&State { epoch: 4, ..State::default() }).unwrap();
        let changes: Vec<Change> =
            callback.train_begin(&State::default()).unwrap().into_iter().collect();
        assert!(matches!(changes[..], [Change::Epoch(5)]));
    }

    #[test]
    fn another_content_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("epoch");
        fs::write(&file, "five").unwrap();
        let error = TrackEpoch::new(&file).train_begin(&State::default()).unwrap_err();
        assert!(error.to_string().ends_with("it holds `five`, not an epoch's number"), "{error}");
    }
}
