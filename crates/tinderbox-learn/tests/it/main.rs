//! Tests of the public API: golden cases, and what fits do.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod callback_events;
mod common;
mod errors;
mod exact_conv;
mod feature_loss;
mod gan;
mod generation;
mod killed;
mod learner;
mod loss_parts;
mod losses;
mod measured;
mod metrics_cases;
mod nets;
mod optimizer;
mod recurrent;
mod resume;
mod schedules;
mod tables;
mod tensors;
mod time_steps;
mod training;
mod tta;
mod two_networks;
