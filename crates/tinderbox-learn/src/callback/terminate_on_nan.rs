//! Stopping when the loss is NaN or infinite.

use crate::callback::{Answer, Callback, Change, Changes, State};

/// Ends the fit at the first loss that is not a number, naming the step, without validation.
#[derive(Debug, Clone, Copy, Default)]
#[doc(alias = "TerminateOnNaNCallback")]
pub struct TerminateOnNan;

impl Callback for TerminateOnNan {
    fn name(&self) -> &'static str {
        "terminate_on_nan"
    }

    fn batch_end(&mut self, state: &State) -> Answer {
        if !state.last_loss.is_some_and(f64::is_nan) {
            return Ok(Changes::none());
        }
        let loss = match state.learning {
            Some(network) => format!("the loss of the {network}"),
            None => "the loss".to_owned(),
        };
        let reason = match state.training {
            Some(true) => format!(
                "{loss} is NaN at step {} (epoch {}, batch {}, learning rate {:.3e})",
                state.iteration + 1,
                state.epoch + 1,
                state.num_batch + 1,
                state.lr()
            ),
            _ => format!(
                "the validation loss is NaN in epoch {}, batch {}",
                state.epoch + 1,
                state.valid_batch + 1
            ),
        };
        Ok([Change::StopEpoch, Change::StopTraining(reason), Change::SkipValidation].into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_step_is_named() {
        let mut state = State {
            epoch: 1,
            iteration: 468,
            training: Some(true),
            last_loss: Some(0.5),
            lrs: vec![0.1],
            ..State::default()
        };
        assert_eq!(TerminateOnNan.batch_end(&state).unwrap().into_iter().count(), 0);
        state.last_loss = Some(f64::NAN);
        let changes: Vec<Change> = TerminateOnNan.batch_end(&state).unwrap().into_iter().collect();
        let Change::StopTraining(reason) = &changes[1] else { panic!("{changes:?}") };
        assert_eq!(
            reason,
            "the loss is NaN at step 469 (epoch 2, batch 1, learning rate 1.000e-1)"
        );
        state.learning = Some("critic");
        let changes: Vec<Change> = TerminateOnNan.batch_end(&state).unwrap().into_iter().collect();
        let Change::StopTraining(reason) = &changes[1] else { panic!("{changes:?}") };
        assert!(reason.starts_with("the loss of the critic is NaN at step 469 (epoch 2"));
    }
}
