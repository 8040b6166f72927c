//! Tests of the public API: golden cases, and what every architecture keeps to.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod architectures;
mod awd_lstm;
mod backbones;
mod build;
mod common;
mod freezing;
mod gan;
mod heads;
mod hooks;
mod initialisation;
mod layer_groups;
mod layers;
mod lesson_models;
mod normed_weights;
mod norms;
mod numbers;
mod recurrent;
mod sampling;
mod summaries;
mod text_classifier;
mod text_models;
mod tiramisu;
mod torchvision;
mod train;
mod unet;
mod weights;
