//! What a training run did, as pictures: losses, rates, and the learning-rate finder's curve.
//!
//! A file's ending says what it becomes: `.svg`, or `.png`.

mod error;
mod plot;

pub use error::{Error, Result};
pub use plot::{
    Skip, plot_losses, plot_losses_skipping, plot_lr_find, plot_lr_find_skipping, plot_metrics,
    plot_metrics_skipping, plot_rates, plot_rates_skipping,
};
