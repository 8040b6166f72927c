//! A training that diverged stays so: the run folder remembers why, and what can be gone on from.

use std::{fs, path::PathBuf};

use serde::{Deserialize, Serialize};
use tinderbox_data::shell_word;
use tinderbox_learn::{Learner, write_atomically};

use super::{
    fit::{last_metrics, not_finite},
    keep::Kept,
};
use crate::{
    Hinted, Result, RunFolder, Sources,
    run::{beside, sources_words},
};

/// A training whose loss or weights are not finite.
#[derive(Debug, Clone, Serialize, Deserialize, thiserror::Error)]
#[serde(deny_unknown_fields)]
#[error("training diverged: {reason}; no model was saved")]
pub struct DivergedError {
    #[serde(skip)]
    pub folder: PathBuf,
    pub data: Sources,
    /// A rate that may do better.
    pub lr: f64,
    pub reason: String,
    /// After which epoch the run's loss was still finite; the model of that epoch is in
    /// [`RunFolder::last_good`].
    pub good_epoch: Option<usize>,
}

impl Hinted for DivergedError {
    fn hint(&self) -> Option<String> {
        let run = RunFolder::new(&self.folder);
        let (lr, out) = (self.lr, beside(run.root()));
        let again = format!(
            "train with a lower learning rate in another run folder: `tinderbox train --config {} --lr {lr} --out {out}`",
            shell_word(run.config())
        );
        Some(match self.good_epoch {
            None => format!("{again}; `tinderbox lr-find` suggests one"),
            Some(epoch) => format!(
                "{again}; or go on from the weights of epoch {epoch}, the last good ones: `tinderbox train {} --from {} --lr {lr} --out {out}`",
                sources_words(&self.data),
                shell_word(run.last_good())
            ),
        })
    }
}

impl DivergedError {
    /// Leaves in the run folder that it diverged, and the model of its last good epoch.
    ///
    /// # Errors
    /// [`Error::Write`](crate::Error::Write).
    pub(super) fn keep(mut self, learner: &mut Learner, kept: &Kept) -> Result<Self> {
        let run = RunFolder::new(&self.folder);
        self.good_epoch = last_good(&run, learner, kept);
        let text = serde_json::to_string_pretty(&self).expect("it is plain data");
        write_atomically(run.diverged(), text.as_bytes())?;
        Ok(self)
    }

    /// What the run folder says, if its training diverged.
    pub(crate) fn of(run: &RunFolder) -> Option<Self> {
        let text = fs::read_to_string(run.diverged()).ok()?;
        let diverged: Self = serde_json::from_str(&text).ok()?;
        Some(Self { folder: run.root().to_owned(), ..diverged })
    }
}

/// Fails for a run whose training diverged.
///
/// # Errors
/// [`DivergedError`].
pub(crate) fn check_is_sound(run: &RunFolder) -> Result<()> {
    match DivergedError::of(run).filter(|_| !run.model().exists()) {
        Some(diverged) => Err(diverged.into()),
        None => Ok(()),
    }
}

/// Writes the model of the best epoch, or else of the last checkpoint, if they are sound; gives the
/// number of the epoch.
fn last_good(run: &RunFolder, learner: &mut Learner, kept: &Kept) -> Option<usize> {
    let (epoch, metrics) = match kept.load(learner) {
        Ok(Some(best)) => (best.epoch, best.metrics),
        _ => {
            learner.load_checkpoint(run.checkpoint()).ok()?;
            let history = learner.history();
            (history.n_epochs(), last_metrics(&history))
        }
    };
    let is_sound = epoch > 0 && not_finite(learner).is_none();
    (is_sound && learner.export_with(run.last_good(), metrics).is_ok()).then_some(epoch)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::error::check;

    #[test]
    fn a_diverged_run_says_what_to_type() {
        let data = Sources::default().with("data", Path::new("my data"));
        let reason = "the loss is NaN at step 3".to_owned();
        let diverged =
            DivergedError { folder: "r".into(), data, lr: 0.1, reason, good_epoch: None };
        let message = "training diverged: the loss is NaN at step 3; no model was saved";
        check(
            diverged.clone(),
            message,
            Some("`tinderbox train --config r/run.toml --lr 0.1 --out r-2`; `tinderbox lr-find`"),
        );
        check(
            DivergedError { good_epoch: Some(2), ..diverged },
            message,
            Some(
                "epoch 2, the last good ones: `tinderbox train 'my data' --from r/last-good.safetensors --lr 0.1 --out r-2`",
            ),
        );
    }

    #[test]
    fn a_run_folder_remembers_that_it_diverged() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::new(folder.path());
        check_is_sound(&run).unwrap();
        let text = r#"{ "data": {}, "lr": 0.1, "reason": "x", "good_epoch": null }"#;
        fs::write(run.diverged(), text).unwrap();
        let error = check_is_sound(&run).unwrap_err();
        assert_eq!(error.to_string(), "training diverged: x; no model was saved");
        let error = crate::open_model(folder.path()).unwrap_err();
        assert!(error.downcast_ref::<DivergedError>().is_some(), "{error}");
    }
}
