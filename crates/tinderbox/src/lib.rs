//! fast.ai's way of deep learning in Rust: from a folder of files to a model that works.
//!
//! The parts are crates of their own, gathered here: [`data`] makes batches of files, [`model`] has
//! layers and architectures, [`learn`] trains, [`plots`] draws. What is learned is
//! a [`Task`]: [`Classify`], [`Regress`], [`Segment`], [`LanguageModel`], [`ClassifyTexts`]. [`train`],
//! [`resume`], [`lr_find`] and the other verbs are written once for all of them, and [`TASKS`] is
//! the table that the `tinderbox` command goes through.
//!
//! ```no_run
//! use tinderbox::prelude::*;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let data = ImageItems::from_folder("mnist_png")?
//!     .convert_mode(ConvertMode::L)
//!     .split_by_folder("training", "testing")?
//!     .label_from_folder()?
//!     .transform(Transforms::new().train(rand_pad(3, 28)))?
//!     .batches(BatchOptions { batch_size: 128, ..BatchOptions::default() })?
//!     .normalize()?;
//!
//! let device = Device::flex().autodiff();
//! let mut learn =
//!     Learner::new(data, resnetish(1, 10, &device), CrossEntropyFlat::default()).metrics(accuracy);
//! learn.fit_one_cycle(12, 0.05)?;
//! println!("{}", learn.recorder().table());
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//! - `wgpu`: training on graphics cards through Vulkan, Metal, DirectX or WebGPU
//! - `cuda`: training on NVIDIA's

mod answer;
mod classify;
mod classify_texts;
mod demo;
mod device;
mod error;
mod event;
mod images;
mod interpret;
mod items;
mod job;
pub mod language_model;
pub mod lesson;
mod plan;
mod regress;
mod run;
mod segment;
pub mod settings;
mod shown;
mod summary;
mod task;
pub mod texts;
mod threads;
mod train;
mod validate;
pub mod weights;

pub use answer::{
    Answer, AnswerError, Asked, AskedError, Classes, PredictedMask, Results, ResultsError, answers,
    asked, predictions,
};
pub use classify::{Classify, ClassifyError, ClassifySettings};
pub use classify_texts::{ClassifyTexts, ClassifyTextsError, ClassifyTextsSettings};
pub use demo::{Demo, demo, demo_masks};
pub use device::{DeviceError, device};
pub use error::{Error, Hinted, Result};
pub use event::{Batch, Done, Event, LeftOut};
pub use images::{
    Augment, ImageInput, ImageSettings, LabelSource, LabelTable, Meaning, TableError,
    TableSettings, cnn_learner, pretrained_cnn_learner, pretrained_unet_learner, unet_learner,
};
pub use interpret::{InterpretError, InterpretSettings, Interpreted, interpret};
pub use items::checked;
pub use job::Job;
pub use language_model::{LanguageModel, LanguageModelSettings};
pub use plan::{
    BatchSizeError, Choice, Choices, Decided, FitPlan, Host, MemoryError, Phase, Plan, Sources,
    Split, SplitError, Start, Take,
};
pub use regress::{Regress, RegressError, RegressSettings};
pub use run::{RunError, RunFolder, open_model};
pub use segment::{MaskName, Pairs, Segment, SegmentError, SegmentSettings, Void, predict_mask};
pub use settings::{
    Common, DeviceChoice, Field, ImageSize, Keep, Kind, Location, Role, Settings, SettingsError,
    Valid, YRange,
};
pub use shown::ShownBatch;
pub use summary::model_summary;
pub use task::{
    About, AnyTask, ClassCount, Confidence, Of, TASKS, Task, TaskError, find_task, task_of_model,
    task_of_run,
};
pub use threads::set_threads;
pub use tinderbox_data as data;
pub use tinderbox_data::Input;
pub use tinderbox_interpret as plots;
pub use tinderbox_learn as learn;
pub use tinderbox_model as model;
pub use tinderbox_ops as ops;
pub use train::{DivergedError, DryRun, Trained, dry_run, lr_find, resume, show_batch, train};
pub use validate::{ClassResult, Scores, ValidateError, validate, validate_run};

/// The allocator of programs that train: see its example.
pub use tinderbox_kernels::Pooled;

pub mod prelude;

/// The README's program is compiled with the examples of the documentation.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
