//! Inner loops worth writing by hand: slices in, slices out.
//!
//! Feature maps are channels-last, `[batch, height, width, channels]`: the channels of a pixel lie
//! side by side, so the loops run over them with full vectors.
//!
//! Every kernel is written once: in plain Rust, or over sixteen floats at a time. `simd` compiles it
//! for AVX-512, AVX2, NEON and for no vectors at all, and picks what the machine has when it runs. All
//! use the same operations in the same order, so they give the same bits; a test holds them to that.
//! Sums are formed in blocks that depend on the shapes alone, so the results do not depend on how many
//! threads there are either.

pub mod activation;
mod alloc;
pub mod concat;
pub mod conv;
pub mod elementwise;
pub mod embedding;
pub mod gemm;
pub mod loss;

pub mod linear;
mod math;
pub mod norm;
pub mod optim;
mod parts;
pub mod pool;
pub mod pooling;
pub mod resize;
pub mod rnn;
mod scratch;
mod simd;
#[cfg(test)]
mod small_tests;
#[cfg(test)]
mod testing;
pub mod weight_norm;

pub use alloc::Pooled;
pub use conv::Conv;
pub use linear::Linear;
pub use rnn::Rnn;
pub use simd::{Path, force_path, path, paths};
