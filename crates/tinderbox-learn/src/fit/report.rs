//! What a fit reports to its observer.

use crate::{
    callback::{Speed, State},
    table::Table,
};

/// Hears how a fit goes.
pub type Observer = Box<dyn FnMut(&Report<'_>) + Send>;

/// A piece of news from a fit.
#[derive(Debug, Clone)]
pub enum Report<'a> {
    /// The fit begins; the table has its columns, and rows if the fit was resumed.
    Begin { table: &'a Table },
    /// A batch is done.
    Batch(Progress),
    /// An epoch is done: it is the table's last row.
    Epoch { table: &'a Table },
    /// Something worth a line.
    Note(&'a str),
    /// The fit is over; the table has its total time.
    End { table: &'a Table },
}

/// How far a fit has come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Whether the batch was for training, not for validation.
    pub training: bool,
    /// Fits that the learner finished before.
    pub fits: usize,
    /// Counted from 0.
    pub epoch: usize,
    /// All epochs of the fit.
    pub epochs: usize,
    /// Batches done in this epoch's training or validation.
    pub batch: usize,
    /// All batches of this epoch's training or validation.
    pub batches: usize,
    /// Training batches done in this fit.
    pub iteration: usize,
    /// The training loss, averaged over the batches so far with the last ones weighing most.
    pub smooth_loss: Option<f64>,
    /// The last parameter group's learning rate for the next batch.
    pub lr: f64,
    /// How fast the fit goes.
    pub speed: Speed,
}

impl Progress {
    /// After a batch, which the counters do not include yet, of a fit after so many.
    pub(super) fn after_batch(state: &State, fits: usize) -> Self {
        let training = state.training == Some(true);
        Self {
            training,
            fits,
            epoch: state.epoch,
            epochs: state.n_epochs,
            batch: if training { state.num_batch } else { state.valid_batch } + 1,
            batches: if training { state.n_train_batches } else { state.n_valid_batches },
            iteration: state.iteration + usize::from(training),
            smooth_loss: state.smooth_loss,
            lr: state.lr(),
            speed: state.speed,
        }
    }
}
