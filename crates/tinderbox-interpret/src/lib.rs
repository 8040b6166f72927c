//! What a training run did, as pictures: losses, rates, and the learning-rate finder's curve.
//!
//! A file's ending says what it becomes: `.svg`, or `.png`.

mod error;
mod plot;

pub use error::{Error, Result};
pub use plot::{plot_losses, plot_lr_find, plot_metrics, plot_rates};
