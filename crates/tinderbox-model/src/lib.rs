//! Layers, blocks and architectures: what a model is, where its parameters are, how it is watched.
//!
//! A model is a [`Sequential`] of [`Layer`]s, or a struct of one's own with `#[derive(Module)]` and
//! a [`Forward`]. Nothing here knows where tensors come from or what they are trained for.

mod any_tensor;
pub mod arch;
pub mod block;
mod erase;
mod error;
mod features;
pub mod groups;
pub mod init;
pub mod layer;
mod quiet;
pub mod random;
mod sequential;
pub mod summary;
mod trace;
mod try_forward;
pub mod watch;
pub mod weights;

pub use any_tensor::{AnyTensor, KindMismatch};
pub use block::{
    BnDropLinConfig, ConvLayer, ConvLayerConfig, HeadConfig, Merge, MergeLayer, NormType, ResBlock,
    ResBlockConfig, Shortcut, conv_layer, res_block,
};
pub use error::{Error, OtherWeights, Result, ShapeMismatch};
pub use features::FeatureNet;
pub use layer::{Forward, Layer, Mode, set_mode};
pub use quiet::catch_panic;
pub use sequential::Sequential;
pub use summary::summary;
pub use trace::{Step, Trace};
pub use try_forward::{ForwardError, try_forward, try_forward_traced};
