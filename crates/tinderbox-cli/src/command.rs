//! The subcommands, one a file: each reads its arguments, calls the library and prints.

mod bench;
mod check;
mod completions;
mod config;
mod crappify;
mod data;
mod demo;
mod files;
mod generate;
mod interpret;
mod lesson;
mod lr_find;
mod predict;
mod show_batch;
mod summary;
mod train;
mod validate;
mod weights;

pub(crate) use bench::Bench;
pub(crate) use check::Check;
pub(crate) use completions::Completions;
pub(crate) use config::Config;
pub(crate) use crappify::Crappify;
pub(crate) use data::Data;
pub(crate) use demo::Demo;
pub(crate) use generate::Generate;
pub(crate) use interpret::Interpret;
pub(crate) use lesson::Lesson;
pub(crate) use lr_find::LrFind;
pub(crate) use predict::Predict;
pub(crate) use show_batch::ShowBatch;
pub(crate) use summary::Summary;
pub(crate) use train::{Train, TrainLm};
pub(crate) use validate::Validate;
pub(crate) use weights::Weights;
