//! From files to batches: items → split → labels → transforms → batches → normalized.
//!
//! Each step takes what the last one gave, says one more thing about it and returns the next type:
//!
//! ```
//! use tinderbox_data::{BatchOptions, ConvertMode, ImageItems, transform::{Transforms, rand_pad}};
//! # use tinderbox_data::digits::{DigitsConfig, write_digits};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let mnist = folder.path();
//! # write_digits(mnist, &DigitsConfig { train_per_class: 20, test_per_class: 2, seed: 42 })?;
//! let data = ImageItems::from_folder(mnist)?
//!     .convert_mode(ConvertMode::L)
//!     .split_by_folder("training", "testing")?
//!     .label_from_folder()?
//!     .transform(Transforms::new().train(rand_pad(3, 28)))?
//!     .batches(BatchOptions { batch_size: 128, ..BatchOptions::default() })?
//!     .normalize()?;
//!
//! assert_eq!(data.c(), 10);
//! let batch = data.train_batches(0, 0).next().expect("200 digits are more than a batch")?;
//! assert_eq!(batch.inputs.shape, [128, 1, 28, 28]);
//! # Ok(())
//! # }
//! ```
//!
//! Nothing here knows what a model is: a [`Batch`] is two plain [`Array`]s.

mod array;
pub mod batch;
pub mod check;
pub mod damage;
pub mod digits;
mod encoding;
pub mod error;
mod file;
mod fingerprint;
pub mod idx;
pub mod image;
mod inference;
pub mod items;
pub mod label;
mod loader;
mod normalize;
pub mod picture;
mod samples;
pub mod scenes;
mod shell;
pub mod split;
pub mod text;
pub mod transform;
mod visible;

pub use array::{Array, Values};
pub use batch::{Batch, BatchOptions, DataBunch};
pub use damage::{Crappifier, DamagedKind};
pub use encoding::Encoding;
pub use error::{Error, Result};
pub use file::real_path;
pub use fingerprint::{Fingerprint, hash_of, hash_of_file};
pub use image::{ConvertMode, Image};
pub use inference::{Inference, Input, SavedInput};
pub use items::{Entry, ImageItems, ImageKind, InputKind, ItemKind, Items};
pub use label::{
    Label, LabelKind, Labelled, Labels, MaskCoding, MaskValues, TargetKind, UnknownLabels,
};
pub use loader::BatchIter;
pub use normalize::Normalize;
pub use samples::{ArraySamples, Sample, Samples};
pub use shell::shell_word;
pub use split::Split;
pub use visible::{visible, visible_lines, visible_path};
