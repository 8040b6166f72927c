//! Training: a learner takes batches and a model and makes the model better.
//!
//! [`Learner`] holds data, a model and a loss, and fits the one to the other. What happens around
//! the loop are [callbacks](callback), how fast it goes are [schedules](schedule), what is made
//! small are [losses](loss), and what people read are [metrics](metric).
//!
//! # Features
//! - `wgpu`: training on graphics cards through Vulkan, Metal, DirectX or WebGPU
//! - `cuda`: training on NVIDIA's

mod bundle;
pub mod callback;
mod checkpoint;
mod error;
mod exact;
mod file;
mod fit;
mod footprint;
pub mod gan;
pub mod generate;
mod learner;
pub mod loss;
mod lr_find;
mod memory;
pub mod metric;
mod names;
mod network;
pub mod optim;
mod predict;
mod recorder;
mod save;
pub mod schedule;
mod similarity;
mod stop;
mod store;
mod table;
mod tensors;
mod train_step;
mod tta;

pub use bundle::{Bundle, Manifest};
pub use checkpoint::Checkpoints;
pub use error::{Error, Result};
pub use file::write_atomically;
pub use fit::{Fit, Observer, Outcome, Policy, Progress, Report, Stage, StepTimes};
pub use footprint::Footprint;
pub use learner::Learner;
pub use lr_find::LrCurve;
pub use memory::StepMemory;
pub use network::Network;
pub use predict::{BatchOutput, Prediction, Predictions, Validated};
pub use recorder::Recorder;
pub use save::WithOptimizer;
pub use stop::StopHandle;
pub use table::{Table, cells, minutes};
pub use tinderbox_data::batch::Set;
pub use tinderbox_model::weights::Strict;
pub use train_step::{Supervised, TrainStep};
pub use tta::Tta;
