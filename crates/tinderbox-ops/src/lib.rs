//! The kernels as Burn operations: tensors in, tensors out.
//!
//! On the CPU backend they run [`tinderbox_kernels`]; on every other backend the same function is
//! composed of Burn's own operations. Both are differentiable, and a test holds them to each other.
//!
//! Feature maps are `[batch, channels, height, width]` for whoever uses them. In memory, what these
//! operations give is channels-last: that is how the kernels want it, and strides hide it. Tensors
//! of any strides are taken.

mod activation;
mod autodiff;
mod blur;
mod concat;
mod conv;
mod embedding;
mod extension;
mod fallback;
mod flex;
mod ids;
mod linear;
mod loss;
mod merge;
mod norm;
pub mod optim;
mod pool;
mod prepared;
mod resize;
mod rnn;
#[cfg(test)]
mod testing;
mod weight_norm;

pub use activation::{add_relu, leaky_relu, relu, relu6};
pub use blur::{Neighbors, blur, double_bilinear};
pub use concat::concat;
pub use conv::{Conv2dOptions, conv_transpose2d, conv2d, conv2d_relu, exact_conv, with_exact_conv};
pub use embedding::embedding;
pub use linear::linear;
pub use loss::{cross_entropy, cross_entropy_map};
pub use merge::{add, fork};
pub use norm::{
    BatchNorm, NormRelu, Normalized, batch_norm_eval, batch_norm_train, conv_norm, conv_norm_eval,
};
pub use pool::{Pool2dOptions, adaptive_avg_pool2d, adaptive_max_pool2d, avg_pool2d, max_pool2d};
pub use prepared::Folded;
pub use resize::{pixel_shuffle, resize_nearest};
pub use rnn::{LstmState, Nonlinearity, RnnWeights, gru, lstm, rnn};
pub use weight_norm::{KeptWeight, weight_norm};
