//! What a program in the style of the lesson's notebooks uses.

pub use burn::{
    module::Module,
    tensor::{Device, Int, Tensor},
};
pub use tinderbox_data::{
    Array, BatchOptions, ConvertMode, DataBunch, ImageItems, Normalize,
    transform::{Size, Transforms, crop_pad, flip_lr, get_transforms, rand_crop, rand_pad},
};
pub use tinderbox_interpret::{plot_losses, plot_lr_find, plot_rates};
pub use tinderbox_learn::{
    Learner, Recorder, Set,
    loss::CrossEntropyFlat,
    metric::{accuracy, error_rate},
    schedule::{LearningRate, LrFind, OneCycle, slice},
};
pub use tinderbox_model::{
    ConvLayerConfig, Forward, Layer, ResBlock, Sequential, Shortcut,
    arch::{basic, refactored, resnetish},
    conv_layer,
    layer::{BatchNorm2d, Conv2dConfig, Flatten, Linear, ReLU},
    res_block, summary,
};
