//! A fresh start of recurrent models for each epoch.

use crate::callback::{Answer, Callback, Change, State};

/// At the start of each epoch a recurrent model starts anew; validation then goes on from where
/// training ended. Without it the state goes on from epoch to epoch too, as it does in the lesson's
/// notebook on human numbers.
///
/// fastai's learners of language models have it (`RNNTrainer`).
#[derive(Debug, Clone, Copy, Default)]
#[doc(alias = "RNNTrainer")]
#[doc(alias = "ModelResetter")]
pub struct ResetState;

impl Callback for ResetState {
    fn name(&self) -> &'static str {
        "reset_state"
    }

    fn in_lr_find(&self) -> bool {
        true
    }

    fn epoch_begin(&mut self, _: &State) -> Answer {
        Ok(Change::ResetState.into())
    }
}
