//! Tests of the public API, some on real data.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod learners;
mod pretrained;
