//! Tests of the public API, against the reference.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod interpretation;
mod shown;
