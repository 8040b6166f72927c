//! Callbacks: what happens around the training loop, one concern each.
//!
//! A callback sees plain facts, the [`State`], and answers with named [`Changes`]. It does not
//! reach into the learner, so what a fit does can be read in one place: its loop, and the list of
//! changes.

mod activation_stats;
mod bn_freeze;
mod changes;
mod csv_logger;
mod early_stopping;
mod gradient_accumulation;
mod gradient_clipping;
mod loss_scaling;
mod mix_up;
mod monitor;
mod reduce_lr_on_plateau;
mod reset_state;
mod save_model;
mod show_graph;
mod state;
mod stop_after_n_batches;
mod terminate_on_nan;
mod track_epoch;

pub use activation_stats::{ActivationStats, LayerStats};
pub use bn_freeze::BnFreeze;
pub use changes::{Change, Changes};
pub use csv_logger::CsvLogger;
pub use early_stopping::EarlyStopping;
pub use gradient_accumulation::GradientAccumulation;
pub use gradient_clipping::GradientClipping;
pub use loss_scaling::LossScaling;
pub use mix_up::MixUp;
pub use monitor::{Better, Monitor};
pub use reduce_lr_on_plateau::ReduceLrOnPlateau;
pub use reset_state::ResetState;
pub use save_model::{SaveModel, SaveWhen};
pub use show_graph::{Graph, ShowGraph};
pub use state::{Speed, State};
pub use stop_after_n_batches::StopAfterNBatches;
pub use terminate_on_nan::TerminateOnNan;
pub use track_epoch::TrackEpoch;

use serde_json::Value;
use tinderbox_model::Step;

use crate::{Error, Result, optim::Gradients};

/// What a callback answers to an event: named changes, most often none.
pub type Answer = Result<Changes>;

/// Something that watches or steers a fit. Every event does nothing unless it is written.
///
/// The events are listed in the order in which they happen. Metrics come before all callbacks,
/// then callbacks by their [`order`](Self::order), those of the same order as they were given. An
/// error of any of them ends the fit.
#[expect(clippy::missing_errors_doc, reason = "said once, for all events")]
#[doc(alias = "LearnerCallback")]
#[doc(alias = "CallbackHandler")]
pub trait Callback: Send {
    /// What messages and checkpoints call it: `early_stopping`.
    fn name(&self) -> &'static str;

    /// Where it comes among the others: the [`Recorder`](crate::Recorder) is at -10, most are at 0.
    fn order(&self) -> i32 {
        0
    }

    /// Whether it takes part in [`lr_find`](crate::Learner::lr_find) too, as one that changes what
    /// a training step does must. What only watches or saves stays out.
    fn in_lr_find(&self) -> bool {
        false
    }

    /// Once, at the start of a fit: the place to forget the last one.
    #[expect(unused_variables, reason = "named for those who write it")]
    fn train_begin(&mut self, state: &State) -> Answer {
        Ok(Changes::none())
    }

    /// The model is in training mode already.
    #[expect(unused_variables, reason = "named for those who write it")]
    fn epoch_begin(&mut self, state: &State) -> Answer {
        Ok(Changes::none())
    }

    /// Before the forward pass, in training and validation. Takes changes of the input and the
    /// target.
    #[expect(unused_variables, reason = "named for those who write it")]
    fn batch_begin(&mut self, state: &State) -> Answer {
        Ok(Changes::none())
    }

    /// Whether it wants to see what each layer gives in the training batch that begins. Layers that
    /// run as one where nobody watches run one by one then.
    #[expect(unused_variables, reason = "named for those who write it")]
    fn watches_layers(&self, state: &State) -> bool {
        false
    }

    /// What a layer gives in the forward pass, children before what they are in, if it
    /// [watches](Self::watches_layers).
    #[expect(unused_variables, reason = "named for those who write it")]
    fn layer_end(&mut self, state: &State, step: &Step<'_>) {}

    /// After the forward pass, in training and validation. Takes a change of the output.
    #[expect(unused_variables, reason = "named for those who write it")]
    fn loss_begin(&mut self, state: &State) -> Answer {
        Ok(Changes::none())
    }

    /// After the loss, in training; the smoothed loss knows it already. Takes a change of the
    /// loss, which is what is differentiated.
    #[expect(unused_variables, reason = "named for those who write it")]
    fn backward_begin(&mut self, state: &State) -> Answer {
        Ok(Changes::none())
    }

    /// The gradients are there, and may be changed in place.
    #[expect(unused_variables, reason = "named for those who write it")]
    fn backward_end(&mut self, state: &State, gradients: &mut Gradients) -> Answer {
        Ok(Changes::none())
    }

    /// After the optimizer's step.
    #[expect(unused_variables, reason = "named for those who write it")]
    fn step_end(&mut self, state: &State) -> Answer {
        Ok(Changes::none())
    }

    /// After a batch, in training and validation; the counters do not include it yet.
    #[expect(unused_variables, reason = "named for those who write it")]
    fn batch_end(&mut self, state: &State) -> Answer {
        Ok(Changes::none())
    }

    /// After validation.
    #[expect(unused_variables, reason = "named for those who write it")]
    fn epoch_end(&mut self, state: &State) -> Answer {
        Ok(Changes::none())
    }

    /// Always, also when the fit was stopped or ended by an error.
    #[expect(unused_variables, reason = "named for those who write it")]
    fn train_end(&mut self, state: &State, error: Option<&Error>) -> Answer {
        Ok(Changes::none())
    }

    /// What it needs to go on after a checkpoint. `null` for one that remembers nothing.
    fn save_state(&self) -> Value {
        Value::Null
    }

    /// Takes back what [`save_state`](Self::save_state) gave. Called in place of
    /// [`train_begin`](Self::train_begin) when a fit goes on.
    ///
    /// # Errors
    /// [`Error::CallbackState`] if `saved` is not from a callback like this.
    #[expect(unused_variables, reason = "named for those who write it")]
    fn load_state(&mut self, saved: &Value) -> Result<()> {
        Ok(())
    }
}

/// A callback's saved state as what it was.
fn read_state<T: serde::de::DeserializeOwned>(callback: &'static str, saved: &Value) -> Result<T> {
    T::deserialize(saved).map_err(|source| Error::CallbackState { callback, source })
}

/// A callback's state as it is saved.
fn write_state(state: &impl serde::Serialize) -> Value {
    serde_json::to_value(state).expect("a callback's state is plain data")
}
