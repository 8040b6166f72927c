//! fast.ai's way of deep learning in Rust: from a folder of files to a model that works.
//!
//! The parts are crates of their own, gathered here: [`data`] makes batches of files, [`model`] has
//! layers and architectures, [`learn`] trains, [`interpret`] draws. [`vision`] puts them together
//! for folders of pictures; it is what the `tinderbox` command calls.
//!
//! ```no_run
//! use tinderbox::prelude::*;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let data = ImageItems::from_folder("mnist_png")?
//!     .convert_mode(ConvertMode::L)
//!     .split_by_folder("training", "testing")?
//!     .label_from_folder()?
//!     .transform(Transforms::new().train(rand_pad(3, 28)))?
//!     .batches(BatchOptions { batch_size: 128, ..BatchOptions::default() })?
//!     .normalize()?;
//!
//! let device = Device::flex().autodiff();
//! let mut learn =
//!     Learner::new(data, resnetish(1, 10, &device), CrossEntropyFlat::default()).metrics(accuracy);
//! learn.fit_one_cycle(12, 0.05)?;
//! println!("{}", learn.recorder().table());
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//! - `wgpu`: training on graphics cards through Vulkan, Metal, DirectX or WebGPU
//! - `cuda`: training on NVIDIA's

mod choices;
mod error;
mod published;
mod run;
pub mod text;
mod threads;
mod training;
pub mod vision;
mod watch;
pub mod weights;

pub use choices::Choice;
pub use error::{Error, Result};
pub use published::Published;
pub use run::{RunFolder, RunPlan, Task, open_model};
pub use threads::set_threads;
pub use tinderbox_data as data;
pub use tinderbox_interpret as interpret;
pub use tinderbox_learn as learn;
pub use tinderbox_model as model;
pub use tinderbox_ops as ops;
pub use training::{Phase, Trained};
pub use watch::{Event, Planned, Watch, quiet};

/// The allocator of programs that train: see its example.
pub use tinderbox_kernels::Pooled;

/// What a program in the style of the lesson's notebooks uses.
pub mod prelude {
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
        schedule::{LearningRate, LrFind, OneCycle},
    };
    pub use tinderbox_model::{
        ConvLayerConfig, Forward, Layer, ResBlock, Sequential, Shortcut,
        arch::{basic, refactored, resnetish},
        conv_layer,
        layer::{BatchNorm2d, Conv2dConfig, Flatten, Linear, ReLU},
        res_block, summary,
    };
}

/// The README's program is compiled with the examples of the documentation.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
