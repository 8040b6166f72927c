//! Layers, blocks and architectures: what a model is, where its parameters are, how it is watched.

mod any_tensor;
mod erase;
pub mod groups;
mod layer;
mod sequential;
mod trace;

pub use any_tensor::{AnyTensor, KindMismatch};
pub use layer::{Forward, Layer};
pub use sequential::Sequential;
pub use trace::{Step, Trace};
