//! Training: a learner takes batches and a model and makes the model better.

mod error;
pub mod loss;
pub mod metric;
mod names;
pub mod schedule;

pub use error::{Error, Result};
