//! Blocks: a few layers that are always used together.

pub(crate) mod conv_bn;
mod conv_layer;
mod head;
mod res_block;
mod resnet;
mod shortcut;

pub use conv_layer::{ConvLayer, ConvLayerConfig, Fused, NormType, conv_layer};
pub use head::{BnDropLinConfig, HeadConfig};
pub use res_block::{ResBlock, ResBlockConfig, res_block};
pub use resnet::{BasicBlock, Bottleneck};
pub use shortcut::{Merge, MergeLayer, Shortcut};
