//! Memory for intermediate results, and vectors that are written before they are read.

use std::cell::RefCell;

use crate::pool::Shared;

/// Floats that a cache line holds.
const LINE: usize = 16;

thread_local! {
    /// What this thread used before and does not use now.
    static SPARE: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// Calls `body` with `len` floats of any values, at the start of a cache line.
///
/// The memory is used again by later calls on the thread.
pub(crate) fn with_scratch<R>(len: usize, body: impl FnOnce(&mut [f32]) -> R) -> R {
    let mut spare = SPARE.with_borrow_mut(Vec::pop).unwrap_or_default();
    if spare.len() < len + LINE {
        // Without what is in it, which `resize` would copy.
        spare = vec![0.0; len + LINE];
    }
    let start = spare.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE);
    let result = body(&mut spare[start..start + len]);
    SPARE.with_borrow_mut(|all| all.push(spare));
    result
}

/// A vector whose elements are written by `write`, which is given where they lie.
///
/// # Safety
/// `write` writes all `len` of them, and reads none before.
pub(crate) unsafe fn written(len: usize, write: impl FnOnce(Shared)) -> Vec<f32> {
    let mut values = Vec::with_capacity(len);
    // What was forgotten shows in tests.
    #[cfg(debug_assertions)]
    values.resize(len, f32::NAN);
    write(Shared::new(values.as_mut_ptr()));
    // SAFETY: that many are allocated, and the caller's promise is that they are written.
    unsafe { values.set_len(len) };
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scratch_within_scratch_is_other_memory() {
        with_scratch(100, |outer| {
            outer.fill(1.0);
            with_scratch(50, |inner| inner.fill(2.0));
            assert!(outer.iter().all(|value| *value == 1.0));
            assert_eq!(outer.as_ptr() as usize % 64, 0);
        });
        with_scratch(0, |nothing| assert!(nothing.is_empty()));
    }
}
