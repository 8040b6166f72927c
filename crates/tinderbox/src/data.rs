//! From files to batches, and data sets by name.
//!
//! All of [`tinderbox_data`] is here. [`fetch`] downloads what fast.ai's lessons use, as
//! `untar_data(URLs.MNIST)` does there.

mod fetched;
mod md5;
mod sets;
mod unpack;

// The crate under the name of the step: every item of it, also those to come.
pub use tinderbox_data::*;

pub use fetched::{DataCache, FetchError, fetch};
pub use sets::{Checksum, DATA_SETS, DataSet, RemoteFile, find_data_set};
pub use unpack::Unsafe;
