//! The operations as their users see them: against loops by hand, and against Burn's gradients.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod activation;
mod blur;
mod common;
mod concat;
mod conv;
mod embedding;
mod linear;
mod loss;
mod merge;
mod norm;
mod optim;
mod pool;
mod resize;
mod rnn;
mod weight_norm;
