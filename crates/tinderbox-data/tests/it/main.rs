//! Tests of the public API: golden cases, and files that are not as they should be.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod batches;
mod common;
mod damaged;
mod data_block;
mod hostile;
mod kinds;
mod measured;
mod normalization;
mod open_image_cases;
mod resizing;
mod shown;
mod splits;
mod text;
