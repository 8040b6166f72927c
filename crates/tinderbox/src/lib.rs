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
//! let data = ImageItems::from_folder("pets")?
//!     .split_by_rand_pct(0.2, 42)?
//!     .label_from_folder()?
//!     .transform(get_transforms().size(224))?
//!     .batches(64)?
//!     .normalize_by(Normalize::imagenet())?;
//! let mut learn = cnn_learner(data, "resnet34")?.metrics(error_rate);
//! learn.fit_one_cycle(4, slice(3e-3))?;
//! learn.unfreeze();
//! learn.fit_one_cycle(2, slice(1e-6..1e-4))?;
//! Interpretation::of(&learn, Set::Valid)?.plot_top_losses(9)?.save("worst.png")?;
//! # Ok(())
//! # }
//! ```
//!
//! The [`prelude`] has what the lesson's notebooks use. [`cnn_learner`], [`unet_learner`],
//! [`texts::language_model_learner`] and [`texts::text_classifier_learner`] take an architecture by its
//! name, or a configuration for what is unusual; [`Learner`](learn::Learner) takes a model of your own.
//!
//! # Features
//! - `wgpu`: training on graphics cards through Vulkan, Metal, DirectX or WebGPU
//! - `cuda`: training on NVIDIA's

mod answer;
mod cache;
mod check;
mod classify;
mod classify_texts;
pub mod data;
mod demo;
mod device;
mod download;
mod enhance;
mod error;
mod event;
mod images;
mod interpret;
mod items;
mod job;
pub mod language_model;
pub mod lesson;
mod output;
mod plan;
mod progress;
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
    Answer, AnswerError, Asked, AskedError, Classes, OutputSize, PictureOptionError,
    PictureOptions, PredictedMask, ReadTexts, Results, ResultsError, answers, answers_with, asked,
    predictions,
};
pub use check::{
    Checked, Examined, Finding, FixError, Fixed, Kind as FindingKind, Place, Severity, check,
};
pub use classify::{Classify, ClassifyError, ClassifySettings};
pub use classify_texts::{ClassifyTexts, ClassifyTextsError, ClassifyTextsSettings};
pub use demo::{Demo, demo, demo_masks, demo_restore};
pub use device::{DeviceError, device};
pub use enhance::{
    Bad, DamageSetting, Enhance, EnhanceError, EnhanceLoss, EnhanceSettings, FeatureWeights,
    ImagePairs, LossName, PretrainedFeatures, Sizes, TileError, TrainingView,
};
pub use error::{Error, Hinted, Result};
pub use event::{Batch, Done, Event, LeftOut};
pub use images::{
    Augment, CnnConfig, ImageInput, ImageSettings, LabelSource, LabelTable, Meaning, TableError,
    TableSettings, UnetLearnerConfig, cnn_learner, unet_learner,
};
pub use interpret::{InterpretError, InterpretSettings, Interpreted, interpret};
pub use items::checked;
pub use job::Job;
pub use language_model::{LanguageModel, LanguageModelSettings};
pub use output::{OutputError, check_outputs};
pub use plan::{
    AtSize, BatchSizeError, Choice, Choices, Decided, FitPlan, Host, MemoryError, Phase, Plan,
    Sources, Split, SplitError, Start, Take,
};
pub use progress::progress;
pub use regress::{Regress, RegressError, RegressSettings};
pub use run::{RunError, RunFolder, open_model};
pub use segment::{
    MaskFolder, MaskName, Pairs, Segment, SegmentError, SegmentSettings, Void, predict_mask,
};
pub use settings::{
    Common, DeviceChoice, Field, ImageSize, Keep, Kind, Location, Role, Settings, SettingsError,
    Valid, YRange,
};
pub use shown::ShownBatch;
pub use summary::model_summary;
pub use task::{
    About, AnyTask, ClassCount, Confidence, Draws, Of, TASKS, Task, TaskError, Word, find_task,
    task_of_model, task_of_run,
};
pub use threads::set_threads;
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
