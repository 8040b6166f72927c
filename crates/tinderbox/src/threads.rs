//! How many threads compute.

use rayon::ThreadPoolBuilder;
use tinderbox_kernels::pool;

/// Divides the work of every step among this many threads, or, if none are said, as many as the
/// machine has cores: in our kernels and in Burn's operations, which have a pool each.
///
/// To be called before anything is computed; the first call counts. Returns whether it was that.
pub fn set_threads(threads: Option<usize>) -> bool {
    let of_kernels = threads.is_none_or(pool::set_threads);
    let of_burn = ThreadPoolBuilder::new().num_threads(pool::threads()).build_global();
    of_kernels && of_burn.is_ok()
}
