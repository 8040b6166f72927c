//! The results of a training: where a model is wrong, and plots of that, of losses, learning rates
//! and the learning rate finder.
//!
//! The extension of a plot's file decides its format: `.svg` or `.png`.

mod confusion;
mod error;
mod grad_cam;
mod interpretation;
mod labels;
mod numbers;
mod plot;
mod segmentation;
mod shown;

pub use confusion::{Cells, plot_confusion_matrix};
pub use error::{Error, Result};
pub use grad_cam::{grad_cam, heat};
pub use interpretation::{Interpretation, TopLoss};
pub use labels::{LabelCounts, LabelsInterpretation};
pub use numbers::NumbersInterpretation;
pub use plot::{
    Skip, plot_activations, plot_losses, plot_losses_skipping, plot_lr_find, plot_lr_find_skipping,
    plot_metrics, plot_metrics_skipping, plot_rates, plot_rates_skipping,
};
pub use segmentation::SegmentationInterpretation;
pub use shown::show_results;
