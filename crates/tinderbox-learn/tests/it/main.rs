//! Tests of the public API: golden cases.

mod losses;
mod metrics_cases;
mod schedules;
mod tensors;
