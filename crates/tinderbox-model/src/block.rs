//! Blocks: a few layers that are always used together.

pub(crate) mod conv_bn;
mod conv_layer;
mod dense;
mod fire;
mod head;
mod inverted_residual;
mod pixel_shuffle;
mod res_block;
mod resnet;
mod shortcut;
mod unet_block;
mod xres_block;

pub use conv_layer::{ConvLayer, ConvLayerConfig, Fused, NormType, conv_layer};
pub use dense::DenseLayer;
pub use fire::Fire;
pub use head::{BnDropLinConfig, HeadConfig};
pub(crate) use inverted_residual::conv_bn_relu6;
pub use inverted_residual::{InvertedResidual, InvertedResidualConfig};
pub use pixel_shuffle::{PixelShuffleConfig, PixelShuffleIcnr};
pub use res_block::{ResBlock, ResBlockConfig, res_block};
pub use resnet::{BasicBlock, Bottleneck};
pub use shortcut::{Merge, MergeLayer, Shortcut};
pub use unet_block::{UnetBlock, UnetBlockConfig, UnetLayers, Upsampling};
pub use xres_block::XResBlock;
pub(crate) use xres_block::conv_bn as xres_conv_bn;
