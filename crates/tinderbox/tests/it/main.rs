//! Tests of the public API on real data.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod pretrained;
